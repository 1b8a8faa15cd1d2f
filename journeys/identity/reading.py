"""The rows of one source, read once: identifiers only as a number, so that millions of long ids need little room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.combining import Combined, combine, hashes_of

if TYPE_CHECKING:
    from journeys.events import Events

__all__ = ["TRAIT", "Reading", "read_rows", "without_repeats"]

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

TRAIT = "trait:"
_STATUSES = ("event", "fact", "duplicate", "quarantined")


@dataclass(frozen=True, eq=False, slots=True)
class Reading:
    """What one `Events` holds, in order of arrival.

    Attributes
    ----------
    name : str
        The source.
    frame : pl.DataFrame
        The events without their identifiers: `timestamp`, `event`, properties, and `message_id` where it is needed.
    facts : pl.DataFrame
        The facts: `timestamp`, `kind`, `group_id` where there is one, ``trait:*``.
    types : tuple of str
        The identifier types.
    combinations : np.ndarray
        Each distinct combination of identifiers: a column a type, with the place of the value in `values`.
    values : tuple of pl.Series
        Of each type the distinct values as text, and perhaps null.
    of_events, of_facts : np.ndarray
        The number of each row's combination.
    counts : dict of str to int
        Rows by what the reader made of them: event, fact, duplicate, quarantined.
    repeated : int
        Events left out because an earlier source brought the same message.
    """

    name: str
    frame: pl.DataFrame
    facts: pl.DataFrame
    types: tuple[str, ...]
    combinations: Numbers
    values: tuple[pl.Series, ...]
    of_events: Numbers
    of_facts: Numbers
    counts: dict[str, int]
    repeated: int = 0


def read_rows(one: Events, *, messages: bool) -> Reading:
    """Read the rows of one source; `messages` keeps the message ids."""
    names = one.rows.collect_schema().names()
    left_out = {"source", *one.ids, *(() if messages else ("message_id",))}
    plain = [name for name in names if not name.startswith(("_", TRAIT)) and name not in left_out]
    rows = one.rows.select(*plain, pl.col("_status").cast(pl.Enum(_STATUSES)), *hashes_of(one.ids)).collect()
    state = rows["_status"]
    hashes = [rows[name].to_numpy() for name in rows.columns[len(plain) + 1 :]]
    rows = rows.select(plain)
    combined = combine(one.rows, ids=one.ids, hashes=hashes)
    counts = {str(name): int(count) for name, count in state.value_counts().iter_rows()}
    facts, of_facts = _facts(one, count=counts.get("fact", 0), combined=combined)
    number = combined.number
    if counts.get("event", 0) < rows.height:
        is_event = state == "event"
        rows, number = rows.filter(is_event), number[is_event.to_numpy()]
    rows = rows.with_columns(pl.lit(one.name).cast(pl.Enum([one.name])).alias("source"))
    return Reading(one.name, rows, facts, one.ids, combined.places, combined.values, number, of_facts, counts)


def _facts(one: Events, *, count: int, combined: Combined) -> tuple[pl.DataFrame, Numbers]:
    names = one.rows.collect_schema().names()
    traits = [name for name in names if name.startswith(TRAIT)]
    group = [name for name in ("group_id",) if name in names]
    wanted = one.rows.filter(pl.col("_status") == "fact").select(
        "timestamp", pl.col("_kind").alias("kind"), *group, *traits, *hashes_of(one.ids)
    )
    hashed = [f"_hash_{name}" for name in one.ids]
    checks = [f"_check_{name}" for name in one.ids]
    if not count:
        return pl.DataFrame(schema=wanted.collect_schema()).drop(*hashed, *checks), np.empty(0, dtype=np.int32)
    facts = wanted.collect()
    if combined.collided:
        texts = one.rows.filter(pl.col("_status") == "fact").select(one.ids).collect()
        known = pl.DataFrame(
            {
                name: values.gather(combined.places[:, at])
                for at, (name, values) in enumerate(zip(one.ids, combined.values, strict=True))
            }
        )
        found = texts.join(
            known.with_row_index("_number"), on=one.ids, how="left", maintain_order="left", nulls_equal=True
        )
    else:
        found = facts.select(hashed).join(
            combined.hashes.with_row_index("_number"), on=hashed, how="left", maintain_order="left"
        )
    return facts.drop(*hashed, *checks), found["_number"].to_numpy().astype(np.int32)


def without_repeats(readings: Sequence[Reading]) -> list[Reading]:
    """Leave out events whose message an earlier source has brought already.

    One system may send a message twice at slightly different times, and two names may stand for one system: equal
    message ids are one message if the source, or event and time, are equal too. Two systems that number their
    messages from 1 do not lose any.
    """
    told = [at for at, one in enumerate(readings) if "message_id" in one.frame.columns]
    if len(told) < 2:
        return list(readings)
    messages = pl.concat(
        readings[at]
        .frame.select("message_id", pl.col("source").cast(pl.String), "event", "timestamp")
        .with_row_index("row")
        .with_columns(pl.lit(at).alias("at"))
        for at in told
    ).filter(pl.col("message_id").is_not_null())
    late = []
    for same in (["message_id", "source"], ["message_id", "event", "timestamp"]):
        home = messages.group_by(same).agg(pl.col("at").min().alias("home"))
        late.append(messages.join(home, on=same).filter(pl.col("at") > pl.col("home")).select("at", "row"))
    gone = pl.concat(late).unique()
    result = list(readings)
    for at in told:
        one = readings[at]
        stays = np.ones(one.frame.height, dtype=bool)
        stays[gone.filter(pl.col("at") == at)["row"].to_numpy()] = False
        result[at] = replace(
            one,
            frame=one.frame.filter(pl.Series(stays)).drop("message_id"),
            of_events=one.of_events[stays],
            repeated=int((~stays).sum()),
        )
    return result
