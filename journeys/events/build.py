"""The one way to Events: rows in canonical columns → each row's status. No row is ever dropped here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import polars as pl

from journeys.events.core import LINK_SCHEMA, STATUS, STATUSES, Events
from journeys.events.duplicates import hash_keys

__all__ = ["build_events"]

# Python, and most of what shows a time, knows no other years.
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


def build_events(
    rows: pl.LazyFrame,
    *,
    ids: Sequence[str],
    name: str,
    links: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None,
    drop_exact: bool = False,
    hold: bool = False,
    notes: Sequence[str] = (),
    as_read: pl.LazyFrame | None = None,
) -> Events:
    """Give every row a status and wrap the rows as Events.

    Parameters
    ----------
    rows
        Canonical columns (`timestamp`, `event`, one String column an identifier type, properties, `trait:*`), and
        optionally `_kind` (null for an event, else the kind of fact), `_problem` (why the row cannot be used),
        `message_id` (the first arrival of each stays) and `_skew` (how far the device's clock was off).
    ids
        Identifier columns, the most trusted first.
    name
        What to write into `source`.
    links
        Makes explicit links out of the good rows.
    drop_exact
        Without message ids: treat rows equal in every column as duplicates.
    hold
        Keep the rows in memory instead of reading the source again for each question.
    notes
        Assumptions to be shown among the issues.
    as_read
        The same rows with identifiers and event names as they were read, see `Events.as_read`.
    """
    names = rows.collect_schema().names()
    given = [
        pl.lit(None, dtype=pl.String).alias(missing)
        for missing in ("_kind", "_problem", "_place")
        if missing not in names
    ]
    rows = rows.with_columns(pl.lit(name).alias("source"), *given)
    beyond = ~pl.col("timestamp").is_between(FIRST, LAST)
    rows = rows.with_columns(
        pl.when(~beyond).then(pl.col("timestamp")).alias("timestamp"),
        pl.coalesce(pl.col("_problem"), pl.when(beyond).then(pl.lit("a time outside the years 1 to 9999"))),
    )
    fact = pl.col("_kind").is_not_null()
    no_id = pl.all_horizontal(pl.col(column).is_null() for column in ids) if ids else pl.lit(value=True)
    if "group_id" in names:
        # what is told of an account needs nobody's id
        no_id &= ~(pl.col("_kind") == "group").fill_null(value=False) | pl.col("group_id").is_null()
    no_time = pl.col("timestamp").is_null()
    no_event = ~fact & (pl.col("event").fill_null("").str.strip_chars() == "")
    problem = pl.coalesce(
        pl.col("_problem"),
        pl.when(no_time).then(pl.lit("no time")),
        pl.when(no_event).then(pl.lit("no event name")),
        pl.when(no_id).then(pl.lit("no id at all")),
    )
    # beside the words: whoever asks only for the status is spared a text for every row
    good = ~(pl.col("_problem").is_not_null() | no_time | no_event | no_id)
    rows = rows.with_columns(problem.alias("_problem"), good.alias("_good"))
    good = pl.col("_good")
    keyed = "message_id" in names
    never = again = pl.lit(value=False)
    key = None
    if keyed:
        key = pl.when(good).then(pl.col("message_id"))
        again = key.is_not_null() & ~key.is_first_distinct()
    elif drop_exact:
        key = pl.when(good).then(pl.struct(pl.exclude("_place")))
        again = good & ~pl.struct(pl.exclude("_place")).is_first_distinct()
    with_repeats = None
    if key is not None and not hold:
        with_repeats = rows.with_columns(_status(good, again=never, fact=fact), *hash_keys(key)).drop("_good")
    rows = rows.with_columns(_status(good, again=again, fact=fact)).drop("_good")
    first = ["timestamp", "event", "source", *ids]
    rest = [column for column in rows.collect_schema().names() if column not in first]
    rows = rows.select(*first, *rest)
    if hold:
        rows = rows.collect().lazy()
    used = rows.filter(pl.col(STATUS).is_in(["event", "fact"]))
    made = links(used) if links is not None else pl.LazyFrame(schema=LINK_SCHEMA)
    if as_read is not None:
        # what one row says of another needs the rows as they are told; so does what is held in memory already
        as_read = None if keyed or drop_exact or hold else _untidied(as_read, name=name)
    return Events(
        rows=rows,
        ids=tuple(ids),
        links=made.select(list(LINK_SCHEMA)),
        name=name,
        keyed=keyed,
        notes=tuple(notes),
        as_read=as_read,
        with_repeats=with_repeats,
    )


def _status(good: pl.Expr, *, again: pl.Expr, fact: pl.Expr) -> pl.Expr:
    event, told, repeated, bad = (pl.lit(one, dtype=pl.Enum(STATUSES)) for one in STATUSES)
    return pl.when(~good).then(bad).when(again).then(repeated).when(fact).then(told).otherwise(event).alias(STATUS)


def _untidied(rows: pl.LazyFrame, *, name: str) -> pl.LazyFrame:
    """Say of each row what it is as far as that can be seen without its identifiers and its event."""
    names = rows.collect_schema().names()
    good = pl.col("timestamp").is_between(FIRST, LAST).fill_null(value=False)
    if "_problem" in names:
        good &= pl.col("_problem").is_null()
    fact = pl.col("_kind").is_not_null() if "_kind" in names else pl.lit(value=False)
    status = _status(good, again=pl.lit(value=False), fact=fact)
    return rows.with_columns(pl.lit(name).alias("source"), status)
