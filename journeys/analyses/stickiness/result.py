"""The answer to stickiness: people by active days, and who they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.breakdown import check_group, find_period
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_none_complete, say_too_few
from journeys.analyses.stickiness.select_people import DaysSelection, select_days
from journeys.analyses.stickiness.spec import StickinessSpec
from journeys.errors import describe_wrong_number, raise_all

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Stickiness(JourneysResult[J]):
    """On how many days of each period people are active.

    Attributes
    ----------
    table : pl.DataFrame
        `period` (Date), the column of `by`, `days`, `people` (Int64), `share`, `at_least` (Float64), `complete`; sorted
        by period, group and days.
    """

    _spec: StickinessSpec = field(repr=False)
    _kept: tuple[str | None, ...] | None = field(repr=False)

    @property
    def finding(self) -> str:
        """The share of people who were active on more than one day, as one sentence."""
        from journeys.display import format_day, format_definite_count, format_percent

        last = self._latest_rows()
        if not last.height:
            is_done = self.table.height > 0
            return say_none_complete(self._spec.event.name, period=self._spec.of.name, is_done=is_done)
        people = int(last["people"].sum())
        name, start = self._spec.of.name, format_day(last["period"][0])
        group = format_definite_count(people, self._journeys._log.unit)
        if people < MIN_PEOPLE:
            return say_too_few(people, f"active in the {name} from {start}", unit=self._journeys._log.unit)
        often = last.filter(pl.col("days") >= 2)
        share = int(often["people"].sum()) / people
        return f"{format_percent(share)} of {group} active in the {name} from {start} came on at least 2 {self._units}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the share of people by number of active days, in the latest complete period."""
        from journeys.charts.stickiness import draw_stickiness
        from journeys.display import adapt_words, format_day, quote_name

        rows = self._latest_rows()
        event = quote_name(self._spec.event.name)
        subtitle = f"Share of active {adapt_words('people')} by their number of {self._units} with {event}"
        if self._spec.by:
            subtitle = f"Share of active {adapt_words('people')} with {event} on at least this many {self._units}"
        if rows.height:
            subtitle += f" in the {self._spec.of.name} from {format_day(rows['period'][0])}, the latest complete one"
        if self._spec.by:
            subtitle += f"; dotted: fewer than {MIN_PEOPLE} {adapt_words('people')}"
        return draw_stickiness(
            rows,
            unit=self._units,
            by=self._spec.by and self._spec.group,
            title=self.finding,
            subtitle=subtitle,
            dark=dark,
            narrow=narrow,
        )

    def people(self, *, period: date | str, at_least: int = 1, group: str | None = None) -> J:
        """Select the people who were active on at least so many days of a period, with all their events.

        Parameters
        ----------
        period : date or ISO text
            The first day of a long period, as the table shows it.
        at_least : int
            On how many days, from 1.
        group : str, optional
            A group of the breakdown, as the table shows it.

        Raises
        ------
        UnknownNameError
            When there is no such period or group.
        ArgumentError
            When `at_least` is not a positive whole number, or there is no breakdown.
        """
        index = find_period(period, calendar=self._spec.of, shown=self.table)
        raise_all(describe_wrong_number("at_least", at_least))
        if group is not None:
            check_group(group, by=self._spec.by and self._spec.group, shown=self.table, question="stickiness")
        selection = DaysSelection(self._spec, index, at_least, group, self._kept)
        return self._journeys._select_people(select_days, selection)

    @property
    def _units(self) -> str:
        """What the short periods are called, such as "days"."""
        name = self._spec.every.name
        return f"{name}s" if self._spec.every.number == 1 else f"periods of {name}"

    def _latest_rows(self) -> pl.DataFrame:
        """Return the rows of the latest complete period."""
        complete = self.table.filter("complete")
        return complete.filter(pl.col("period") == pl.col("period").max())
