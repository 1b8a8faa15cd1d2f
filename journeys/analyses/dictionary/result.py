"""The answer to "which events are there?": the dictionary, its properties, and the people of an event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.steps import did, resolve_step

if TYPE_CHECKING:
    import plotly.graph_objects as go

_STATE_PHRASES = {
    "gone": "gone in the last 7 days",
    "fewer": "less frequent than in the 28 days before",
    "new": "new in the last 7 days",
    "undeclared": "not declared",
    "declared, never seen": "declared but never seen",
}
"""How the finding describes the events of a state, in the order in which it names the states."""


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Dictionary(JourneysResult[J]):
    """Which events there are, what they mean, who owns them, and whether they still arrive.

    Attributes
    ----------
    table : pl.DataFrame
        One row per event: `event`, `rows`, `people` (Int64), `share_of_people` (Float64), `first_seen`, `last_seen`,
        `days_with` (Int64), `sources`, `properties` (List[String], the most filled first), `means`, `owner`,
        `problems` (List[String]), `state`; most people first.
    properties : pl.DataFrame
        One row per event and property: `event`, `property`, `filled` (Float64, share of the event's rows), `examples`
        (List[String], the most frequent values of at least two people).
    days : pl.DataFrame
        `event`, `day` (Date, UTC), `rows` (Int64).
    """

    properties: pl.DataFrame
    days: pl.DataFrame = field(repr=False)

    @property
    def finding(self) -> str:
        """How many events there are, and which differ from before or from what was declared, as one sentence."""
        from journeys.display import choose_form, format_count, format_number, quote_name

        seen = self.table.filter(pl.col("rows") > 0).height
        sentence = f"There {choose_form(seen, 'is', 'are')} {format_count(seen, 'event name')}"
        parts = []
        for state, phrase in _STATE_PHRASES.items():
            names = self.table.filter(state=state)["event"].to_list()
            if names:
                shown = f" ({', '.join(quote_name(name) for name in names)})" if len(names) <= 2 else ""
                parts.append(f"{format_number(len(names))} {phrase}{shown}")
        return f"{sentence}; {', '.join(parts)}." if parts else f"{sentence}, none of which has changed."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw one line of small bars per event, one bar per day."""
        from journeys.charts.dictionary import draw_dictionary

        subtitle = "rows per day (UTC); each line has its own scale"
        return draw_dictionary(
            self.table, days=self.days, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow
        )

    def people(self, event: str) -> J:
        """Select the people who did an event, with all their events.

        Raises
        ------
        UnknownNameError
            There is no such event.
        """
        log = self._journeys._log
        step = resolve_step(event, log, argument="event")
        return self._journeys.only(did(step))

    def _displayed_table(self) -> pl.DataFrame:
        said = [name for name in ("means", "owner") if self.table[name].null_count() < self.table.height]
        return self.table.select("event", "rows", "people", "share_of_people", "days_with", "last_seen", *said, "state")
