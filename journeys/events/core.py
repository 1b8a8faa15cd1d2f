"""The class Events: what one or several systems recorded, in one shape, before anybody is stitched."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from journeys.events.duplicates import drop_repeats
from journeys.events.issues import Issues, look_through
from journeys.events.source_errors import translate_source_errors

__all__ = ["LINK_SCHEMA", "PAGE_COLUMNS", "STATUS", "STATUSES", "TRAIT", "Events"]

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
"""Columns whose names begin so belong to facts only; the prefix is dropped there."""


@dataclass(frozen=True, eq=False)
class Events:
    """What a system recorded, in the canonical shape: lazy, in order of arrival, nothing lost.

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
    keyed
        Whether a message id told duplicates apart.
    notes
        What had to be assumed to read the source, in words.
    as_read
        The same rows in the same order, identifiers and event names as they were read (to be written by `normalise_ids`
        and `normalise_names`): who looks at each distinct text once need not have every row's written anew. Their
        `_status` does not know yet who has no identifier and which event has no name.
    with_repeats
        The same rows before duplicates are told apart, with the numbers (`_key`, `_key2`) by which they are: for
        those who look for duplicates in less memory than all keys need.
    """

    rows: pl.LazyFrame
    ids: tuple[str, ...]
    links: pl.LazyFrame
    name: str
    keyed: bool = False
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
        """`table` again, of which no step holds all rows: for a store larger than memory.

        Duplicates are looked for now, in a pass of its own that keeps 24 bytes a row in a temporary file, and 16 bytes
        a duplicate in memory. Two messages are taken for one by 128 bits of what tells them apart.

        Raises
        ------
        SourceError
            When the rows are asked for and come in another order than before, as those of a frame that joins may.
        """
        if self.with_repeats is None:
            return self.table
        return drop_repeats(self.with_repeats).filter(pl.col(STATUS) == "event").select(self.schema.names())

    @cached_property
    def facts(self) -> pl.LazyFrame:
        """Calls that tell who somebody is but not what they did: `timestamp`, `source`, `kind`, identifiers, traits."""
        names = self.rows.collect_schema().names()
        group = [pl.col("group_id")] if "group_id" in names else []
        traits = [pl.col(name).alias(name.removeprefix(TRAIT)) for name in names if name.startswith(TRAIT)]
        return self.rows.filter(pl.col(STATUS) == "fact").select(
            "timestamp", "source", pl.col("_kind").alias("kind"), *self.ids, *group, *traits
        )

    @cached_property
    def issues(self) -> Issues:
        """What was wrong, odd or assumed: looked for when first asked, in one pass."""
        with translate_source_errors(self.name):
            return look_through(self.rows, ids=self.ids, name=self.name, keyed=self.keyed, notes=self.notes)

    @cached_property
    def span(self) -> tuple[datetime | None, datetime | None]:
        """The first and the last time of an event."""
        time = pl.col("timestamp")
        with translate_source_errors(self.name):
            first, last = self.table.select(time.min().alias("a"), time.max().alias("b")).collect().row(0)
        return first, last

    def __repr__(self) -> str:
        return f"Events from {self.name}: {self._words()}"

    def _repr_html_(self) -> str:
        from journeys.display import card

        found = self.issues
        return card(f"Events from {self.name}", sentence=self._words(), table=found.table)

    def _words(self) -> str:
        from journeys.display import day, number, plural

        found = self.issues
        first, last = self.span
        when = f", {day(first)} to {day(last)}" if first is not None and last is not None else ""
        rest = [
            words
            for count, words in (
                (found.facts, f"{plural(found.facts, 'fact')} about people"),
                (found.duplicates, plural(found.duplicates, "duplicate")),
                (found.quarantined, f"{number(found.quarantined)} in quarantine"),
            )
            if count
        ]
        aside = f" ({', '.join(rest)})" if rest else ""
        return f"{plural(found.kept, 'event')} of {plural(found.read, 'row')}{aside}{when}; ids {', '.join(self.ids)}"
