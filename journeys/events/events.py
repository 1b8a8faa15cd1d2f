"""The canonical event table, and how a reader's rows become it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from journeys.display.progress import show_progress
from journeys.events.batches import drop_repeats, hash_keys, translate_source_errors
from journeys.events.issues import Issues, find_issues
from journeys.events.times import FIRST_TIME, LAST_TIME, OUT_OF_RANGE

PAGE_COLUMNS = ("page_path", "page_url", "page_title", "page_referrer", "page_search")
LINK_SCHEMA = pl.Schema(
    {
        "id_type_a": pl.String(),
        "id_a": pl.String(),
        "id_type_b": pl.String(),
        "id_b": pl.String(),
        "timestamp": pl.Datetime("us", "UTC"),
        "source": pl.String(),
        "kind": pl.String(),
    }
)
STATUS = "_status"
STATUSES = ("event", "fact", "duplicate", "quarantined")
TRAIT = "trait:"
"""Prefix of columns that belong to facts only; facts have them without it."""


@dataclass(frozen=True, eq=False)
class Events:
    """What a system recorded, in the canonical shape: lazy, in order of arrival, with every row accounted for.

    Every row that was read is a kept event, a fact, a duplicate or in quarantine with a reason; `issues` counts them.
    Events are made by the `read_*` functions and go into `stitch`.

    Attributes
    ----------
    rows
        Every row read, each with its `_status`: "event", "fact", "duplicate" or "quarantined" (and then a `_problem`).
    ids
        The identifier columns, which are the identifier types, the most trusted first.
    links
        Explicit links between identifiers (`id_type_a`, `id_a`, `id_type_b`, `id_b`, `timestamp`, `source`, `kind`).
    name
        The name of the system or table; the value of the column `source`.
    exclusive
        The identifier type of which a person has one value, unless a source has a type that the rules of stitching name
        as exclusive: the first of a table's `ids`; None from readers of known systems.
    notes
        What had to be assumed to read the source, in words.
    """

    rows: pl.LazyFrame
    ids: tuple[str, ...]
    links: pl.LazyFrame
    name: str
    exclusive: str | None = None
    notes: tuple[str, ...] = ()
    # Whether duplicates are found by message ids.
    _has_message_ids: bool = False
    # The same rows in the same order, identifiers and event names as they were read, before `normalise_ids` and
    # `normalise_names`: stitching normalises each distinct text once instead of every row's. Their `_status` does not
    # account yet for missing identifiers and names.
    _as_read: pl.LazyFrame | None = None
    # The same rows before duplicates are found, with the hashes (`_key`, `_key2`) by which they are: to find duplicates
    # in less memory than all keys need.
    _with_repeats: pl.LazyFrame | None = None

    @cached_property
    def schema(self) -> pl.Schema:
        """Columns and types of `table`."""
        return self.table.collect_schema()

    @cached_property
    def table(self) -> pl.LazyFrame:
        """The good events in order of arrival: `timestamp` (UTC, µs), `event`, `source`, identifiers, properties."""
        names = [n for n in self.rows.collect_schema().names() if not n.startswith(("_", TRAIT))]
        return self.rows.filter(pl.col(STATUS) == "event").select(names)

    def _stream_table(self) -> pl.LazyFrame:
        """Return `table` without any step that holds all rows: for a store larger than memory.

        Duplicates are found now, in a pass of its own that keeps 24 bytes per row in a temporary file and 16 bytes per
        duplicate in memory. Messages are compared by a hash of 128 bits.

        Raises
        ------
        SourceError
            When the rows come in another order than before, as the result of a join may.
        """
        if self._with_repeats is None:
            return self.table
        return drop_repeats(self._with_repeats).filter(pl.col(STATUS) == "event").select(self.schema.names())

    @cached_property
    def facts(self) -> pl.LazyFrame:
        """Calls that state who a person is, not what they did: `timestamp`, `source`, `kind`, identifiers, traits."""
        names = self.rows.collect_schema().names()
        group = [pl.col("group_id")] if "group_id" in names else []
        traits = [pl.col(name).alias(name.removeprefix(TRAIT)) for name in names if name.startswith(TRAIT)]
        return self.rows.filter(pl.col(STATUS) == "fact").select(
            "timestamp", "source", pl.col("_kind").alias("kind"), *self.ids, *group, *traits
        )

    @cached_property
    def issues(self) -> Issues:
        """What was wrong, unusual or assumed: found when first asked for, in one pass."""
        with translate_source_errors(self.name), show_progress(f"Checking {self.name}"):
            return find_issues(
                self.rows,
                ids=self.ids,
                name=self.name,
                has_message_ids=self._has_message_ids,
                notes=self.notes,
            )

    @cached_property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last time of an event."""
        time = pl.col("timestamp")
        with translate_source_errors(self.name):
            first, last = self.table.select(time.min().alias("a"), time.max().alias("b")).collect().row(0)
        return first, last

    def __repr__(self) -> str:
        alarm = self.issues.alarm
        return f"Events from {self.name}: {self._describe_rows()}" + (f"\n{alarm}" if alarm else "")

    def _repr_html_(self) -> str:
        from journeys.display import render_card

        found = self.issues
        sentence = f"{found.alarm} {self._describe_rows()}" if found.alarm else self._describe_rows()
        return render_card(f"Events from {self.name}", sentence=sentence, table=found.with_examples)

    def _describe_rows(self) -> str:
        """Say in a sentence how many events there are of how many rows, in which period, and with which ids."""
        from journeys.display import format_count, format_day, format_number

        found = self.issues
        first, last = self.span
        period = f", {format_day(first)} to {format_day(last)}" if first is not None and last is not None else ""
        others = [
            text
            for count, text in (
                (found.facts, f"{format_count(found.facts, 'fact')} about people"),
                (found.duplicates, format_count(found.duplicates, "duplicate")),
                (found.quarantined, f"{format_number(found.quarantined)} in quarantine"),
            )
            if count
        ]
        aside = f" ({', '.join(others)})" if others else ""
        return (
            f"{format_count(found.kept, 'event')} of {format_count(found.read, 'row')}{aside}{period}; "
            f"ids {', '.join(self.ids)}"
        )


def build_events(
    rows: pl.LazyFrame,
    *,
    ids: Sequence[str],
    name: str,
    links: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None,
    drop_exact: bool = False,
    keep_in_memory: bool = False,
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
    keep_in_memory
        Read the source now and keep its rows, instead of reading it again for each question.
    notes
        Assumptions to show among the issues.
    as_read
        The same rows with identifiers and event names as they were read; see `Events._as_read`.
    """
    names = rows.collect_schema().names()
    missing = [name for name in ("_kind", "_problem", "_place") if name not in names]
    rows = rows.with_columns(
        pl.lit(name).alias("source"), *(pl.lit(None, dtype=pl.String).alias(column) for column in missing)
    )
    is_out_of_range = ~pl.col("timestamp").is_between(FIRST_TIME, LAST_TIME)
    rows = rows.with_columns(
        pl.when(~is_out_of_range).then(pl.col("timestamp")).alias("timestamp"),
        pl.coalesce(pl.col("_problem"), pl.when(is_out_of_range).then(pl.lit(OUT_OF_RANGE))),
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
    # Apart from the reasons, so that a query for the status alone writes no text for every row.
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
    if key is not None and not keep_in_memory:
        with_repeats = rows.with_columns(_row_status(is_good, repeat=never, fact=is_fact), *hash_keys(key)).drop(
            "_good"
        )
    rows = rows.with_columns(_row_status(is_good, repeat=is_repeat, fact=is_fact)).drop("_good")
    first = ["timestamp", "event", "source", *ids]
    rows = rows.select(*first, *(column for column in rows.collect_schema().names() if column not in first))
    if keep_in_memory:
        rows = rows.collect().lazy()
    used = rows.filter(pl.col(STATUS).is_in(["event", "fact"]))
    built = links(used) if links is not None else pl.LazyFrame(schema=LINK_SCHEMA)
    if as_read is not None:
        # Duplicates cannot be found among rows as they were read; rows in memory are normalised already.
        as_read = None if has_message_ids or drop_exact or keep_in_memory else _add_status(as_read, name=name)
    return Events(
        rows=rows,
        ids=tuple(ids),
        links=built.select(list(LINK_SCHEMA)),
        name=name,
        _has_message_ids=has_message_ids,
        notes=tuple(notes),
        _as_read=as_read,
        _with_repeats=with_repeats,
    )


def _row_status(is_good: pl.Expr, *, repeat: pl.Expr, fact: pl.Expr) -> pl.Expr:
    event, is_fact, duplicate, quarantined = (pl.lit(status, dtype=pl.Enum(STATUSES)) for status in STATUSES)
    status = pl.when(~is_good).then(quarantined).when(repeat).then(duplicate).when(fact).then(is_fact)
    return status.otherwise(event).alias(STATUS)


def _add_status(rows: pl.LazyFrame, *, name: str) -> pl.LazyFrame:
    """Give each row its status as far as it can be known without its identifiers and its event."""
    names = rows.collect_schema().names()
    is_good = pl.col("timestamp").is_between(FIRST_TIME, LAST_TIME).fill_null(value=False)
    if "_problem" in names:
        is_good &= pl.col("_problem").is_null()
    is_fact = pl.col("_kind").is_not_null() if "_kind" in names else pl.lit(value=False)
    return rows.with_columns(
        pl.lit(name).alias("source"), _row_status(is_good, repeat=pl.lit(value=False), fact=is_fact)
    )
