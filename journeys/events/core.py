"""The class Events: what one system or several recorded, in one shape, before identifiers are stitched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from journeys.events.duplicates import drop_repeats
from journeys.events.issues import Issues, find_issues
from journeys.events.source_errors import translate_source_errors

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
        What the system or table is called; the value of the column `source`.
    exclusive
        The identifier type of which a person has one value, if no source has another such type: the first of a
        table's `ids`. Readers of known systems have their own names for it, which the rules of stitching know.
    has_message_ids
        Whether duplicates are found by message ids.
    notes
        What had to be assumed to read the source, in words.
    as_read
        The same rows in the same order, identifiers and event names as they were read, before `normalise_ids` and
        `normalise_names`: stitching normalises each distinct text once instead of every row's. Their `_status` does
        not account yet for missing identifiers and names.
    with_repeats
        The same rows before duplicates are found, with the hashes (`_key`, `_key2`) by which they are: to find
        duplicates in less memory than all keys need.
    """

    rows: pl.LazyFrame
    ids: tuple[str, ...]
    links: pl.LazyFrame
    name: str
    has_message_ids: bool = False
    notes: tuple[str, ...] = ()
    as_read: pl.LazyFrame | None = None
    with_repeats: pl.LazyFrame | None = None
    exclusive: str | None = None

    @cached_property
    def schema(self) -> pl.Schema:
        """Columns and types of `table`."""
        return self.table.collect_schema()

    @cached_property
    def table(self) -> pl.LazyFrame:
        """The good events in order of arrival: `timestamp` (UTC, µs), `event`, `source`, identifiers, properties."""
        names = [n for n in self.rows.collect_schema().names() if not n.startswith(("_", TRAIT))]
        return self.rows.filter(pl.col(STATUS) == "event").select(names)

    def streamed(self) -> pl.LazyFrame:
        """Give `table` without any step that holds all rows: for a store larger than memory.

        Duplicates are found now, in a pass of its own that keeps 24 bytes per row in a temporary file and 16 bytes per
        duplicate in memory. Messages are compared by a hash of 128 bits.

        Raises
        ------
        SourceError
            When the rows are read and come in another order than before, as those of a frame that joins may.
        """
        if self.with_repeats is None:
            return self.table
        return drop_repeats(self.with_repeats).filter(pl.col(STATUS) == "event").select(self.schema.names())

    @cached_property
    def facts(self) -> pl.LazyFrame:
        """Calls that say who a person is but not what they did: `timestamp`, `source`, `kind`, identifiers, traits."""
        names = self.rows.collect_schema().names()
        group = [pl.col("group_id")] if "group_id" in names else []
        traits = [pl.col(name).alias(name.removeprefix(TRAIT)) for name in names if name.startswith(TRAIT)]
        return self.rows.filter(pl.col(STATUS) == "fact").select(
            "timestamp", "source", pl.col("_kind").alias("kind"), *self.ids, *group, *traits
        )

    @cached_property
    def issues(self) -> Issues:
        """What was wrong, unusual or assumed: found when first asked for, in one pass."""
        with translate_source_errors(self.name):
            return find_issues(
                self.rows,
                ids=self.ids,
                name=self.name,
                has_message_ids=self.has_message_ids,
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
        return f"Events from {self.name}: {self._describe()}" + (f"\n{alarm}" if alarm else "")

    def _repr_html_(self) -> str:
        from journeys.display import card

        found = self.issues
        sentence = f"{found.alarm} {self._describe()}" if found.alarm else self._describe()
        return card(f"Events from {self.name}", sentence=sentence, table=found.with_examples)

    def _describe(self) -> str:
        from journeys.display import day, number, plural

        found = self.issues
        first, last = self.span
        period = f", {day(first)} to {day(last)}" if first is not None and last is not None else ""
        others = [
            words
            for count, words in (
                (found.facts, f"{plural(found.facts, 'fact')} about people"),
                (found.duplicates, plural(found.duplicates, "duplicate")),
                (found.quarantined, f"{number(found.quarantined)} in quarantine"),
            )
            if count
        ]
        aside = f" ({', '.join(others)})" if others else ""
        return f"{plural(found.kept, 'event')} of {plural(found.read, 'row')}{aside}{period}; ids {', '.join(self.ids)}"
