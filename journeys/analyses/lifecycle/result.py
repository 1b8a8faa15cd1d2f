"""The answer to a lifecycle: states per period, and the people in a state."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.breakdown import check_group, find_period
from journeys.analyses.lifecycle.select_people import StateSelection, select_state
from journeys.analyses.lifecycle.spec import STATES, LifecycleSpec, State
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_none_complete, say_too_few
from journeys.errors import UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Lifecycle(JourneysResult[J]):
    """Who is new, returning, resurrecting and dormant, period after period.

    Attributes
    ----------
    table : pl.DataFrame
        `period` (Date, its first day), the column of `by`, `new`, `returning`, `resurrecting`, `dormant`, `active`
        (Int64), `pulse` (Float64), `complete`; sorted by period and group.
    """

    _spec: LifecycleSpec = field(repr=False)
    _kept: tuple[str | None, ...] | None = field(repr=False)

    @property
    def finding(self) -> str:
        """Whether more people woke up than fell asleep in the latest complete period, as one sentence."""
        from journeys.display import adapt_words, format_count, format_day, format_number

        table = self.table.group_by("period").agg(pl.col(*STATES, "active").sum(), pl.col("complete").all())
        known = table.filter(pl.col("complete") & (pl.col("active") + pl.col("dormant") > 0)).sort("period")
        if not known.height:
            is_done = bool(table["active"].sum())
            return say_none_complete(self._spec.event.name, period=self._spec.calendar.name, is_done=is_done)
        last = known.row(-1, named=True)
        name, woken = self._spec.calendar.name, last["new"] + last["resurrecting"]
        when = f"{'on' if name == 'day' else f'in the {name} from'} {format_day(last['period'])}"
        unit, changed = self._journeys._log.unit, woken + last["dormant"]
        if changed < MIN_PEOPLE:
            return say_too_few(changed, f"became active or dormant {when}", unit=unit)
        sentence = (
            f"{format_count(woken, unit)} became active {when} and {format_number(last['dormant'])} became dormant"
        )
        growth = woken - last["dormant"]
        if growth**2 <= 4 * changed:  # two standard errors of the difference of two counts
            return f"{sentence}: a difference that may be chance."
        grows = "grows" if growth > 0 else "shrinks"
        return f"{sentence}: the number of active {adapt_words('people')} {grows}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the states as bars around zero: active above, dormant below. Groups are drawn as lines of the active."""
        from journeys.charts.lifecycle import draw_lifecycle
        from journeys.charts.trend import draw_trend
        from journeys.display import adapt_words, quote_name

        event = quote_name(self._spec.event.name)
        if self._spec.by:
            subtitle = (
                f"{adapt_words('People')} with {event} per {self._spec.calendar.name}, by "
                f"{self._spec.by.replace('_', ' ')}; dotted where a period is not complete"
            )
            return draw_trend(
                self.table,
                by=self._spec.group,
                value="active",
                title=self.finding,
                subtitle=subtitle,
                dark=dark,
                narrow=narrow,
            )
        subtitle = (
            f"{adapt_words('People')} with {event} per {self._spec.calendar.name}; below zero, those with it only in "
            f"the {self._spec.calendar.name} before; pale where a period is not complete"
        )
        return draw_lifecycle(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)

    def people(self, state: State, *, period: date | str, group: str | None = None) -> J:
        """Select the people in a state in a period, with all their events.

        Of journeys that were cut with `between`, people who are dormant in the first period may have no event left:
        they come with their events of any time.

        Parameters
        ----------
        state : {"new", "returning", "resurrecting", "dormant"}
            The state.
        period : date or ISO text
            The first day of a period, as the table shows it.
        group : str, optional
            A group of the breakdown, as the table shows it.

        Raises
        ------
        UnknownNameError
            When there is no such state, period or group.
        ArgumentError
            When there is no breakdown.
        """
        if state not in STATES:
            raise UnknownNameError(unknown_message("state", str(state), available=list(STATES), what="state"))
        index = find_period(period, calendar=self._spec.calendar, shown=self.table)
        if group is not None:
            check_group(group, by=self._spec.by and self._spec.group, shown=self.table, question="lifecycle")
        selection = StateSelection(self._spec, index, state, group, self._kept)
        is_before = state == "dormant" and index == self._spec.begin
        journeys = self._journeys._at_any_time() if is_before else self._journeys
        return journeys._select_people(select_state, selection)
