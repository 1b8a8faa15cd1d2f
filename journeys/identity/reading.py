"""The rows of one source, read once: identifiers only as a number, so that millions of long ids need little room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

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
    combinations : pl.DataFrame
        Each distinct combination of identifiers, as text; a column a type.
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
    combinations: pl.DataFrame
    of_events: Numbers
    of_facts: Numbers
    counts: dict[str, int]
    repeated: int = 0


def read_rows(one: Events, *, messages: bool) -> Reading:
    """Read the rows of one source; `messages` keeps the message ids."""
    names = one.rows.collect_schema().names()
    left_out = {"source", *one.ids, *(() if messages else ("message_id",))}
    plain = [name for name in names if not name.startswith(("_", TRAIT)) and name not in left_out]
    rows = one.rows.select(*plain, pl.col("_status").cast(pl.Enum(_STATUSES)), *_keys(one.ids)).collect()
    number, distinct = _combine(one, keys=rows.select("_key", "_check"))
    state = rows["_status"]
    counts = {str(name): int(count) for name, count in state.value_counts().iter_rows()}
    rows = rows.drop("_status", "_key", "_check")
    facts, of_facts = _facts(one, counts, distinct=distinct)
    if counts.get("event", 0) < rows.height:
        is_event = state == "event"
        rows, number = rows.filter(is_event), number[is_event.to_numpy()]
    rows = rows.with_columns(pl.lit(one.name).cast(pl.Enum([one.name])).alias("source"))
    return Reading(one.name, rows, facts, distinct, number, of_facts, counts)


def _keys(ids: Sequence[str]) -> tuple[pl.Expr, pl.Expr]:
    """Two independent numbers for the identifiers of a row: one to tell them apart, one to find collisions."""
    texts = pl.struct(pl.col(name).cast(pl.String) for name in ids)
    return texts.hash(1).alias("_key"), texts.hash(2).alias("_check")


def _combine(one: Events, *, keys: pl.DataFrame) -> tuple[Numbers, pl.DataFrame]:
    """Number the distinct combinations of identifiers; return each row's number, and the combinations as text.

    Rows are told apart by a number of 64 bits; where a second one disagrees, two combinations share the first, and
    the identifiers themselves are compared instead.
    """
    ids = [pl.col(name).cast(pl.String) for name in one.ids]
    count = keys.height
    number = (keys["_key"].rank("dense") - 1).to_numpy().astype(np.int32) if count else np.empty(0, dtype=np.int32)
    home = np.zeros(int(number.max()) + 1 if count else 0, dtype=np.int64)
    home[number[::-1]] = np.arange(count - 1, -1, -1)
    check = keys["_check"].to_numpy()
    if bool((check[home][number] == check).all()):
        picked = np.zeros(count, dtype=bool)
        picked[home] = True
        distinct = one.rows.select(ids).filter(pl.Series(picked)).collect()
        again = distinct.select(_keys(one.ids)[0])["_key"].to_numpy()
        # the picked rows come in order of arrival; a source that has no fixed order is read the slower way
        order = np.argsort(home)
        if again.size == order.size and bool((again == keys["_key"].to_numpy()[home[order]]).all()):
            place = np.empty(order.size, dtype=np.int32)
            place[order] = np.arange(order.size, dtype=np.int32)
            return place[number], distinct
    texts = one.rows.select(ids).collect()
    distinct = texts.unique(maintain_order=True)
    numbered = distinct.with_row_index("_number")
    found = texts.join(numbered, on=one.ids, how="left", maintain_order="left", nulls_equal=True)
    return found["_number"].to_numpy().astype(np.int32), distinct


def _facts(one: Events, counts: dict[str, int], *, distinct: pl.DataFrame) -> tuple[pl.DataFrame, Numbers]:
    names = one.rows.collect_schema().names()
    traits = [name for name in names if name.startswith(TRAIT)]
    group = [name for name in ("group_id",) if name in names]
    wanted = one.rows.filter(pl.col("_status") == "fact").select(
        "timestamp", pl.col("_kind").alias("kind"), *group, *traits, *(pl.col(name).cast(pl.String) for name in one.ids)
    )
    facts = wanted.collect() if counts.get("fact") else pl.DataFrame(schema=wanted.collect_schema())
    numbered = distinct.with_row_index("_number")
    found = facts.select(one.ids).join(numbered, on=one.ids, how="left", maintain_order="left", nulls_equal=True)
    return facts.drop(one.ids), found["_number"].to_numpy().astype(np.int32)


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
