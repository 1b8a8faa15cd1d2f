"""Messages that several sources bring, and sources that are not any more what they were."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.errors import StoreError, raise_all
from journeys.identity.coding import junk_reason
from journeys.identity.normal import normalised
from journeys.identity.reading import Reading
from journeys.identity.rules import IdentityRules

__all__ = ["at_hand", "check_unchanged", "without_repeats"]

Flags = npt.NDArray[np.bool_]

_LATE = {"at": pl.Int32, "row": pl.UInt32, "home_at": pl.Int32, "home_row": pl.UInt32}


def without_repeats(readings: Sequence[Reading], *, rules: IdentityRules) -> list[Reading]:
    """Leave out events whose message an earlier source has brought already.

    One system may send a message twice at slightly different times, and two names may stand for one system: equal
    message ids are one message if the event is the same, and the source or the time, and no identifier contradicts.
    Two systems that number their messages from 1 do not lose any.
    """
    told = [at for at, one in enumerate(readings) if "message_id" in one.frame.columns]
    if len(told) < 2:
        return list(readings)
    messages = pl.concat(
        readings[at]
        .frame.select("message_id", pl.col("source", "event").cast(pl.String), "timestamp")
        .with_row_index("row")
        .with_columns(pl.lit(at).alias("at"))
        for at in told
    ).filter(pl.col("message_id").is_not_null())
    late = [pl.DataFrame(schema=_LATE)]
    for same in (["message_id", "event", "source"], ["message_id", "event", "timestamp"]):
        # in order of the sources and their rows, so that the first of a group came first
        home = messages.unique(same, keep="first", maintain_order=True)
        home = home.select(*same, pl.col("at").alias("home_at"), pl.col("row").alias("home_row"))
        late.append(messages.join(home, on=same).filter(pl.col("at") > pl.col("home_at")).select(*_LATE))
    gone = pl.concat(late).unique()
    gone = gone.filter(~pl.Series(_contradict(gone, readings, rules=rules), dtype=pl.Boolean))
    result = list(readings)
    for at in told:
        one = readings[at]
        mine = gone.filter(pl.col("at") == at)["row"].to_numpy()
        if not mine.size:
            result[at] = replace(one, frame=one.frame.drop("message_id"))
            continue
        stays = np.ones(one.frame.height, dtype=bool)
        stays[mine] = False
        result[at] = replace(
            one,
            frame=one.frame.filter(pl.Series(stays)).drop("message_id"),
            of_events=one.of_events[stays],
            repeated=int((~stays).sum()),
            begin=None,
        )
    return result


def _contradict(pairs: pl.DataFrame, readings: Sequence[Reading], *, rules: IdentityRules) -> Flags:
    """Flag the pairs of rows that name different people, and those of which only the later names anybody."""
    against = np.zeros(pairs.height, dtype=bool)
    for at, home in pairs.select("at", "home_at").unique().rows():
        mine = ((pairs["at"] == at) & (pairs["home_at"] == home)).to_numpy()
        later, first = (
            pl.DataFrame(
                {name: _texts(readings[one], name, rows=rows, rules=rules) for name in readings[one].types},
                schema=dict.fromkeys(readings[one].types, pl.String),
            )
            for one, rows in ((at, pairs["row"].to_numpy()[mine]), (home, pairs["home_row"].to_numpy()[mine]))
        )
        for name in set(later.columns) & set(first.columns):
            against[mine] |= (later[name] != first[name]).fill_null(value=False).to_numpy()
        against[mine] |= _named(later, rows=int(mine.sum())) & ~_named(first, rows=int(mine.sum()))
    return against


def _named(ids: pl.DataFrame, *, rows: int) -> Flags:
    """Flag the rows with any identifier."""
    found = np.zeros(rows, dtype=bool)
    for column in ids:
        found |= column.is_not_null().to_numpy()
    return found


def _texts(one: Reading, name: str, *, rows: npt.NDArray[np.uint32], rules: IdentityRules) -> pl.Series:
    """Return the identifiers of one type in some events, written as the rules write them; null for nobody."""
    at = one.types.index(name)
    place = pl.Series(one.combinations[one.of_events[rows], at])
    texts = normalised(one.values[at].gather(place), id_type=name, rules=rules)
    return texts.set(junk_reason(texts, rules=rules).is_not_null(), None)


@contextmanager
def at_hand(name: str) -> Iterator[None]:
    """Say of which source the files are gone, or cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise StoreError(f"events: a file of {name!r} is not there any more: {error}; read it again.") from error
    except (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise StoreError(
            f"events: {name!r} cannot be read: {error}. If its files have changed since, read them again."
        ) from error


def check_unchanged(now: pl.DataFrame, *, before: pl.DataFrame, what: str) -> None:
    """Refuse to answer from sources that have other rows than they had, or rows of another time.

    Parameters
    ----------
    now, before : pl.DataFrame
        `source`, `read`, `first` and `last`, as in `Identity.rows`; later sources stand below.
    what : str
        What was asked for.
    """
    told = ("source", "read", "first", "last")
    problems = []
    for (name, then, *span), (_, found, *spans) in zip(
        before.select(told).rows(), now.select(told).rows(), strict=False
    ):
        if then != found:
            changed = f"had {then:,} rows when it was stitched and has {found:,} now"
        elif span != spans:
            changed = f"had events {_span(*span)} when it was stitched and has them {_span(*spans)} now"
        else:
            continue
        problems.append(
            f"{what}: {name!r} {changed}, so its files were changed; read them again and stitch everything."
        )
    raise_all(problems, StoreError)


def _span(first: datetime | None, last: datetime | None) -> str:
    return (
        "at no time" if first is None or last is None else f"from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S}"
    )
