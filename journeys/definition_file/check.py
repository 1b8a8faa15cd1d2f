"""Do definitions still fit the data? What is defined and missing, and what occurs and is not declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import polars as pl

from journeys.analyses.dictionary.spec import RECENT, Declarations
from journeys.errors import JourneysError

if TYPE_CHECKING:
    from journeys.api import Journeys
    from journeys.definition_file.segment import Segment
    from journeys.steps import Step

_DRIFT = ("undeclared", "declared, never seen", "gone")
_SCHEMA = {"section": pl.String, "name": pl.String, "problem": pl.String}


@dataclass(frozen=True, eq=False, slots=True)
class DefinitionsCheck:
    """Where definitions and data have drifted apart.

    Attributes
    ----------
    table : pl.DataFrame
        `section`, `name`, `problem`; empty when all fits. Sorted by section and name.
    warnings : tuple of str
        What is no reason to fail, but worth knowing: a source that ends earlier than the others.
    """

    table: pl.DataFrame
    warnings: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Do the definitions fit the data?"""
        return self.table.is_empty()

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence per problem."""
        return tuple(f"[{section}]: {problem}" for section, _, problem in self.table.iter_rows())

    def __repr__(self) -> str:
        from journeys.display import format_count, render_text_table

        warnings = "".join(f"\n{one}" for one in self.warnings)
        if self.passed:
            return f"The definitions fit the data.{warnings}"
        count = format_count(self.table.height, "problem")
        return f"Definitions and data differ: {count}.{warnings}\n{render_text_table(self.table, rows=100, width=100)}"


class Named(Declarations, Protocol):
    """What of `Definitions` is compared with the data."""

    @property
    def steps(self) -> Mapping[str, Step]:
        """Named steps."""

    @property
    def segments(self) -> Mapping[str, Segment]:
        """Named segments."""

    @property
    def rename(self) -> Mapping[str, str]:
        """Old event name → new name."""

    @property
    def _used_events(self) -> Mapping[str, str]:
        """The event names that are used, each with the section that uses it first."""


def check_definitions(definitions: Named, j: Journeys) -> DefinitionsCheck:
    """Compare all that definitions name with the events and columns of journeys."""
    from journeys.display import format_day

    names, columns = set(j._log.names), set(j._log.step_columns)
    found: list[tuple[str, str, str]] = []
    for event, section in definitions._used_events.items():
        if event not in names and event not in definitions.events:
            found.append((section, event, f"the event {event!r} never occurs."))
    for name, step in definitions.steps.items():
        missing = sorted(set(step.condition.meta.root_names()) - columns)
        found += [(f"steps.{name}", one, f"there is no column {one!r}.") for one in missing]
    for old, new in definitions.rename.items():
        if new not in names:
            found.append(("rename", old, f"neither {old!r} nor {new!r} occurs."))
    for name, segment in definitions.segments.items():
        try:
            segment.select(j)
        except JourneysError as error:
            found.append((f"segments.{name}", name, str(error)))
    ends = _find_ends(j)
    if definitions.events:
        states = j.dictionary(definitions).table.filter(pl.col("state").is_in(_DRIFT))
        for event, state, seen, sources in states.select("event", "state", "last_seen", "sources").iter_rows():
            end = max((ends[name] for name in sources), default=None)
            if state == "gone" and end is not None and seen > end - RECENT:
                continue  # it was still arriving when its sources ended
            last = f": it last occurred on {format_day(seen.date())}" if state == "gone" else ""
            found.append((f"events.{event}", event, f"the event {event!r} is {state}{last}."))
    table = pl.DataFrame(found, schema=_SCHEMA, orient="row").unique()
    last_end = max(ends.values(), default=None)
    warnings = [
        f"The source {name!r} ends on {format_day(end.date())}, {(last_end - end).days} days before the others."
        for name, end in ends.items()
        if last_end is not None and end <= last_end - RECENT
    ]
    return DefinitionsCheck(table.sort("section", "name", "problem"), tuple(warnings))


def _find_ends(j: Journeys) -> dict[str, datetime]:
    """Find the last event of each source; those of journeys without sources are none."""
    if "source" not in j._log.schema:
        return {}
    found = j.events.group_by(pl.col("source").cast(pl.String)).agg(pl.col("timestamp").max()).drop_nulls()
    return dict(found.sort("source").collect().iter_rows())
