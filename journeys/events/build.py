"""Build Events out of rows in canonical columns by giving each row a status; no row is ever dropped here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import polars as pl

from journeys.events.core import LINK_SCHEMA, STATUS, STATUSES, Events
from journeys.events.duplicates import hash_keys

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
        Canonical columns (`timestamp`, `event`, one String column per identifier type, properties, `trait:*`), and
        optionally `_kind` (null for an event, else the kind of fact), `_problem` (why the row cannot be used),
        `message_id` (the first arrival of each stays), `_skew` (how far the device's clock was off) and `_date_only`
        (whether the time is a date without a time of day).
    ids
        Identifier columns, the most trusted first.
    name
        What to write into `source`.
    links
        Builds explicit links out of the good rows.
    drop_exact
        Without message ids: treat rows equal in every column as duplicates.
    hold
        Keep the rows in memory instead of reading the source again for each question.
    notes
        Assumptions to show among the issues.
    as_read
        The same rows with identifiers and event names as they were read; see `Events.as_read`.
    """
    names = rows.collect_schema().names()
    missing = [name for name in ("_kind", "_problem", "_place") if name not in names]
    rows = rows.with_columns(
        pl.lit(name).alias("source"), *(pl.lit(None, dtype=pl.String).alias(column) for column in missing)
    )
    is_beyond = ~pl.col("timestamp").is_between(FIRST, LAST)
    rows = rows.with_columns(
        pl.when(~is_beyond).then(pl.col("timestamp")).alias("timestamp"),
        pl.coalesce(pl.col("_problem"), pl.when(is_beyond).then(pl.lit("a time outside the years 1 to 9999"))),
    )
    is_fact = pl.col("_kind").is_not_null()
    has_no_id = pl.all_horizontal(pl.col(column).is_null() for column in ids) if ids else pl.lit(value=True)
    if "group_id" in names:
        # A fact about an account needs no identifier of a person.
        is_group = (pl.col("_kind") == "group").fill_null(value=False)
        has_no_id &= ~is_group | pl.col("group_id").is_null()
    has_no_time = pl.col("timestamp").is_null()
    has_no_name = ~is_fact & (pl.col("event").fill_null("").str.strip_chars() == "")
    problem = pl.coalesce(
        pl.col("_problem"),
        pl.when(has_no_time).then(pl.lit("no time")),
        pl.when(has_no_name).then(pl.lit("no event name")),
        pl.when(has_no_id).then(pl.lit("no id at all")),
    )
    # Beside the reasons: a query for the status alone is spared a text for every row.
    is_good = ~(pl.col("_problem").is_not_null() | has_no_time | has_no_name | has_no_id)
    rows = rows.with_columns(problem.alias("_problem"), is_good.alias("_good"))
    is_good = pl.col("_good")
    has_message_ids = "message_id" in names
    never = is_repeat = pl.lit(value=False)
    key = None
    if has_message_ids:
        key = pl.when(is_good).then(pl.col("message_id"))
        is_repeat = key.is_not_null() & ~key.is_first_distinct()
    elif drop_exact:
        key = pl.when(is_good).then(pl.struct(pl.exclude("_place")))
        is_repeat = is_good & ~pl.struct(pl.exclude("_place")).is_first_distinct()
    with_repeats = None
    if key is not None and not hold:
        with_repeats = rows.with_columns(_status(is_good, repeat=never, fact=is_fact), *hash_keys(key)).drop("_good")
    rows = rows.with_columns(_status(is_good, repeat=is_repeat, fact=is_fact)).drop("_good")
    first = ["timestamp", "event", "source", *ids]
    rows = rows.select(*first, *(column for column in rows.collect_schema().names() if column not in first))
    if hold:
        rows = rows.collect().lazy()
    used = rows.filter(pl.col(STATUS).is_in(["event", "fact"]))
    built = links(used) if links is not None else pl.LazyFrame(schema=LINK_SCHEMA)
    if as_read is not None:
        # Duplicates cannot be found among rows as they were read; rows in memory are normalised already.
        as_read = None if has_message_ids or drop_exact or hold else _add_status(as_read, name=name)
    return Events(
        rows=rows,
        ids=tuple(ids),
        links=built.select(list(LINK_SCHEMA)),
        name=name,
        has_message_ids=has_message_ids,
        notes=tuple(notes),
        as_read=as_read,
        with_repeats=with_repeats,
    )


def _status(is_good: pl.Expr, *, repeat: pl.Expr, fact: pl.Expr) -> pl.Expr:
    event, is_fact, duplicate, quarantined = (pl.lit(status, dtype=pl.Enum(STATUSES)) for status in STATUSES)
    status = pl.when(~is_good).then(quarantined).when(repeat).then(duplicate).when(fact).then(is_fact)
    return status.otherwise(event).alias(STATUS)


def _add_status(rows: pl.LazyFrame, *, name: str) -> pl.LazyFrame:
    """Give each row its status as far as it can be known without its identifiers and its event."""
    names = rows.collect_schema().names()
    is_good = pl.col("timestamp").is_between(FIRST, LAST).fill_null(value=False)
    if "_problem" in names:
        is_good &= pl.col("_problem").is_null()
    is_fact = pl.col("_kind").is_not_null() if "_kind" in names else pl.lit(value=False)
    return rows.with_columns(pl.lit(name).alias("source"), _status(is_good, repeat=pl.lit(value=False), fact=is_fact))
