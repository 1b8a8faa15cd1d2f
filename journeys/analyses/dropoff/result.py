"""The answer to a drop-off: who is lost at each event, the people, and examples of their timelines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.dropoff.count import DropoffSpec
from journeys.analyses.dropoff.select_people import LostSelection, select_lost
from journeys.analyses.flow.text import describe_nodes, quote_step
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.analyses.timeline import Timeline, timeline
from journeys.errors import UnknownNameError, describe_wrong_number, raise_all, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Dropoff(JourneysResult[J]):
    """Where do journeys end without the goal?

    Attributes
    ----------
    table : pl.DataFrame
        One row per event: `event`, `people` (journeys that ended there without the goal), `share` (of all that
        ended so), `passed` (people who were there at all, except those who may still reach the goal), `loss_rate` with
        its Wilson interval `ci_low`, `ci_high`, `last_steps` (the most frequent ending there, up to three events),
        `last_steps_people`, `instead` (what those who went on did most), `instead_people`, `instead_rate` (how many of
        those reached the goal); most people lost first.
    endings : pl.DataFrame
        Every ending: `event`, `last_steps`, `people`.
    onward : pl.DataFrame
        What people, except those who may still reach the goal, went on to: `event`, `next`, `people`, `converted`,
        `conversion_rate`.
    lost, reached, pending : int
        Journeys that ended without the goal, that reached it, and that may still reach it.
    hidden : int
        Those lost whose very last event is hidden: they count at the event before it.
    """

    endings: pl.DataFrame
    onward: pl.DataFrame
    lost: int
    reached: int
    pending: int
    hidden: int
    _spec: DropoffSpec = field(repr=False)
    _passive: tuple[str, ...] = field(default=(), repr=False)

    @property
    def _goal(self) -> str:
        return quote_step(self._spec.flow.end)

    @property
    def finding(self) -> str:
        """Where most are lost, as one sentence."""
        from journeys.display import adapt_words, format_number, format_percent, give_advice, quote_label

        if self.table.is_empty():
            return f"{adapt_words('No one')} is lost on the way to {self._goal}."
        if self.lost < MIN_PEOPLE:
            return say_too_few(self.lost, f"never reached {self._goal}", unit=self._journeys._log.unit)
        is_passive = pl.col("event").is_in(self._passive)
        passive = int(self.table.filter(is_passive)["people"].sum())
        # what the system did says nothing about why somebody left
        ranked = self.table.filter(~is_passive) if passive < self.table["people"].sum() else self.table
        top = ranked.row(0, named=True)
        who = adapt_words(f"{format_number(self.lost)} who")
        lost = f"{format_percent(top['people'] / self.lost)} of the {who} never reach {self._goal} end"
        who = adapt_words(f"{format_number(top['passed'])} who")
        there = f": {format_percent(top['people'] / top['passed'])} of the {who} were there"
        note = f" {format_number(self.hidden)} of them ended on a hidden event." if self.hidden else ""
        if passive and ranked is not self.table:
            advice = give_advice(": hide='passive' counts them at the event before")
            note = f" {format_number(passive)} ended on what the system did{advice}."
        return f"{lost} at {quote_label(top['event'])}{there if top['passed'] >= MIN_PEOPLE else ''}.{note}"

    def _displayed_table(self) -> pl.DataFrame:
        return self.table.select("event", "people", "share", "passed", "loss_rate", "last_steps", "instead")

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the people lost at the 12 events that lose most."""
        from journeys.charts.dropoff import draw_dropoff
        from journeys.display import adapt_words

        parts = [f"Last event of {adapt_words('those who')} never reach {self._goal}"]
        parts += [*describe_nodes(self._spec.flow.nodes), f"n = {self.lost:,}"]
        if self.pending:
            parts.append(adapt_words(f"{self.pending:,} who may still reach it are left out"))
        return draw_dropoff(self.table, title=self.finding, subtitle="; ".join(parts), dark=dark, narrow=narrow)

    def people(self, event: str) -> J:
        """Select the people whose journey ended at an event without the goal.

        Parameters
        ----------
        event : str
            An event of the table.

        Raises
        ------
        UnknownNameError
            When no journey ended there.
        """
        events = self.table["event"].to_list()
        if event not in events:
            raise UnknownNameError(unknown_message("event", event, available=events, what="event"))
        return self._journeys._select_people(select_lost, LostSelection(self._spec, event))

    def examples(self, event: str, *, n: int = 3) -> list[Timeline[J]]:
        """List the timelines of people who were lost at an event.

        Parameters
        ----------
        event : str
            An event of the table.
        n : int
            How many, the first by person.
        """
        raise_all(describe_wrong_number("n", n, least=0))
        found = self.people(event).people["person"].head(n)
        return [timeline(self._journeys, person) for person in found]
