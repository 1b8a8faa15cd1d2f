"""The answer: who left a funnel, what is known around it, and the files that act on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.funnel.exits.spec import LEFT, STATES, STILL_HAS_TIME
from journeys.analyses.funnel.spec import FunnelSpec, find_step
from journeys.analyses.funnel.text import name_unit
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Exits(JourneysResult[J]):
    """Who left a funnel: where, when, what they did next, which recording, and whether they may be written to.

    Attributes
    ----------
    table : pl.DataFrame
        One row per counted attempt without the last step (with ``count="people"`` one per person): `person`, the
        identifier columns, `step` (Int64, from 1), `name` (the deepest step), `entered_at`, `left_at` (Datetime: the
        first event of the attempt, and that of the deepest step), `state` ("left", "still has time": the window is not
        over; "went another way": did the last step after entering, but not through the steps in time), `next_event`,
        `next_at` (the first event after `left_at` that is not hidden), `last_event`, `last_at` (the last of all that is
        not hidden), `silent_for` (Duration, until the end of the log), `replay_url` (of the session of the deepest
        step, else of the latest session of the attempt), `last_campaign` (at or before `left_at`), `may_mail` (False if
        the person last unsubscribed, complained or had a mail bounce; null if nothing is known). Sorted by step,
        `left_at`, person. Of accounts, the first column is `account`.
    entered : int
        Those who took the step; of every step, those who entered.
    ends_hidden : int
        Those whose very last event is hidden.
    """

    entered: int
    ends_hidden: int
    _codes: pl.Series = field(repr=False)
    _ids: tuple[str, ...] = field(repr=False)
    _spec: FunnelSpec = field(repr=False)
    _passive: tuple[str, ...] = field(repr=False)

    @property
    def _unit(self) -> str:
        return name_unit(self._spec, self._journeys._log.unit)

    @property
    def finding(self) -> str:
        """How many left where, how many still have time, and what most of them did last, as sentences."""
        from journeys.display import (
            adapt_words,
            choose_form,
            format_definite_count,
            format_number,
            format_percent,
            quote_name,
        )

        states = dict(self.table["state"].value_counts().iter_rows())
        left, waiting = states.get(LEFT, 0), states.get(STILL_HAS_TIME, 0)
        another = self.table.height - left - waiting
        where = f" after {quote_name(str(self.settings['after']))}" if "after" in self.settings else ""
        came = str(self.settings.get("after", self._spec.names[0]))
        if not self.entered:
            return f"{adapt_words('No one')} came as far as {quote_name(came)}."
        if (people := min(self.entered, self.settings["people"])) < MIN_PEOPLE:
            return say_too_few(people, f"came as far as {quote_name(came)}", unit=self._journeys._log.unit)
        text = f"{format_number(left)} of {format_definite_count(self.entered, self._unit)} left{where}"
        gone = self.table.filter(pl.col("state") == LEFT)
        if not where and gone["step"].n_unique() > 1:
            most = gone.group_by("step", "name").len().sort("len", "step", descending=[True, False]).row(0)
            text += f", most of them after {quote_name(most[1])} ({format_number(most[2])})"
        text += f"; {format_number(waiting)} still {choose_form(waiting, 'has', 'have')} time" if waiting else ""
        text += f"; {format_number(another)} went another way" if another else ""
        # what the system did says nothing about why somebody left
        done = gone["last_event"].drop_nulls().filter(~gone["last_event"].drop_nulls().is_in(self._passive))
        last = done.value_counts().sort("count", "last_event", descending=[True, False])
        if left >= MIN_PEOPLE and last.height:
            name, count = last.row(0)
            text += f". {format_percent(count / left)} of those who left did {quote_name(name)} last"
        hidden = f" {format_number(self.ends_hidden)} ended on a hidden event." if self.ends_hidden else ""
        return f"{text}.{hidden}"

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw how many left at each step, by state, and the five most frequent next events."""
        from journeys.charts.exits import draw_exits
        from journeys.display import format_count, format_duration

        spec = self._spec
        parts = [f"Exits of {format_count(self.entered, self._unit)}"]
        parts += [] if spec.within is None else [f"window {format_duration(spec.within)}"]
        parts.append("below: the five most frequent next events of those who left")
        states = self.table.group_by("step", "name", "state").len("people").sort("step", "state")
        gone = self.table.filter(pl.col("state") == LEFT)
        following = (
            gone["next_event"]
            .value_counts(name="people")
            .sort("people", "next_event", descending=[True, False], nulls_last=True)
        )
        return draw_exits(
            states, following.head(5), title=self.finding, subtitle="; ".join(parts), dark=dark, narrow=narrow
        )

    def _repr_html_(self) -> str:
        from journeys.display import render_card, render_html_table

        shown = [name for name in self.table.columns if name not in ("step", "entered_at", "next_at", "last_at")]
        table = render_html_table(self.table.select(shown), links=["replay_url"])
        return render_card("Exits", sentence=self.finding, settings=self.settings, table=table)

    def people(self, after: int | str | None = None, *, state: str | None = None) -> J:
        """Select those who left, with all their events.

        Parameters
        ----------
        after : int or str, optional
            The deepest step, by number from 1 or by name; every step by default.
        state : {"left", "still has time", "went another way"}, optional
            Only these.

        Raises
        ------
        UnknownNameError
            When there is no such step or state.
        """
        return self._journeys._keep_codes(self._codes.filter(self._choose_rows(after, state)))

    def _choose_rows(self, after: int | str | None, state: str | None) -> pl.Series:
        """Mark the rows after a step and in a state."""
        if state is not None and state not in STATES:
            raise UnknownNameError(unknown_message("state", str(state), available=STATES, what="state"))
        chosen = pl.repeat(value=True, n=self.table.height, eager=True)
        if after is not None:
            chosen &= self.table["step"] == find_step(after, names=self._spec.names, argument="after") + 1
        return chosen if state is None else chosen & (self.table["state"] == state)

    def traits(self, after: int | str | None = None, *, state: str | None = None) -> pl.DataFrame:
        """Return what is known of each exit as traits, for the `extra=` of an export.

        Parameters
        ----------
        after, state
            As in `people`.

        Returns
        -------
        pl.DataFrame
            `person` (of accounts `account`), and the columns of the table as `exit_step`, `exit_name` and so on: no
            trait of that name is overwritten where it is imported. One row per person, their latest exit; sorted by
            person.
        """
        unit = self._journeys._log.unit
        rows = self.table.filter(self._choose_rows(after, state)).sort(unit, "left_at", "step", "entered_at")
        latest = rows.unique(unit, keep="last", maintain_order=True).drop(self._ids)
        return latest.select(unit, pl.all().exclude(unit).name.prefix("exit_"))

    def to_customerio(
        self,
        path: str | Path,
        *,
        after: int | str | None = None,
        state: str | None = None,
        traits: Sequence[str] = (),
    ) -> Any:
        """Write those who left for Customer.io, with what is known of each exit as attributes `exit_…`.

        Parameters
        ----------
        path : str or Path
            ".csv" or ".ndjson".
        after, state
            As in `people`; everybody by default: `exit_may_mail` is advice, and who did the last step another way is
            in the file.
        traits : sequence of str
            Further columns of people.

        Returns
        -------
        WrittenPeople
            How many were written, and how many have no identifier that Customer.io knows.
        """
        people, extra = self.people(after, state=state), self.traits(after, state=state)
        return people.to_customerio(path, traits=traits, extra=extra)

    def to_hubspot(
        self,
        path: str | Path,
        *,
        after: int | str | None = None,
        state: str | None = None,
        traits: Sequence[str] = (),
    ) -> Any:
        """Write those who left for HubSpot's import of contacts; as in `to_customerio`, with times as days."""
        people, extra = self.people(after, state=state), self.traits(after, state=state)
        return people.to_hubspot(path, traits=traits, extra=extra)
