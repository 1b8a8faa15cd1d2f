"""The answer to retention: cohorts by period, the overall curve, and the people of a cell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.breakdown import check_group, find_period
from journeys.analyses.explain_difference import DifferenceExplanation, list_differences
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.retention.count import count
from journeys.analyses.retention.select_people import RetentionCell, select_cell
from journeys.analyses.retention.spec import CHOICES, NOT_COMPARED, RetentionSpec, When
from journeys.analyses.retention.summarise import summarise
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import ArgumentError, describe_wrong_number, raise_all

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PHRASES: dict[When, tuple[str, str]] = {
    "on": ("{}", "after {}"),
    "on or after": ("{} or more", "after {} or more"),
    "on or before": ("by {}", "by {}"),
    "streak": ("in every period up to {}", "up to {}"),
}
"""When the finding says that people were back: in its first period, and in its last."""

_COUNTED: dict[When, str] = {
    "on": "in the period",
    "on or after": "in the period or later",
    "on or before": "by the end of the period",
    "streak": "in every period so far",
}


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Retention(JourneysResult[J]):
    """Which share of each cohort came back, period after period.

    Attributes
    ----------
    table : pl.DataFrame
        `cohort` (Date), the column of `by`, `size`, `period` (0 is the period of the start), `back` (people; null where
        the period has not begun), `rate`, `ci_low`, `ci_high` (Wilson 95%), `complete`; with a measure `value`
        (Float64) and `per_person`. Sorted by cohort, group and period.
    overall : pl.DataFrame
        The column of `by`, `size`, `period`, `back`, `rate`, `ci_low`, `ci_high` of the complete cells only.
    """

    overall: pl.DataFrame
    _spec: RetentionSpec = field(repr=False)
    _kept: tuple[str | None, ...] | None = field(repr=False)

    @property
    def finding(self) -> str:
        """The rate of the latest period that rests on at least 30 people, as one sentence."""
        from journeys.display import adapt_words, format_percent, quote_name

        start = quote_name(self._spec.start.name)
        if not self.table.height or not self.table["size"].sum():
            return f"{adapt_words('No one')} did {start}: there are no returns to show."
        curve = self._total_curve()
        known = curve.filter((pl.col("period") > 0) & (pl.col("size") >= MIN_PEOPLE))
        if not known.height:
            most = int(curve["size"].fill_null(0).to_numpy().max()) if curve.height else 0
            return say_too_few(most, f"did {start} and could be observed for a period")
        first, last = known.row(0, named=True), known.row(-1, named=True)
        early, late = _PHRASES[self._spec.when]
        when = early.format(self._period_names[first["period"]])
        sentence = f"{format_percent(first['rate'])} of {adapt_words('people')} were back {when} after {start}"
        if first["period"] == last["period"]:
            return f"{sentence}."
        when = late.format(self._period_names[last["period"]])
        return f"{sentence}, and {format_percent(last['rate'])} {when}."

    def matrix(self) -> pl.DataFrame:
        """Lay the rates out as a triangle: one row per cohort (and group), one column per period."""
        groups = [self._spec.group] if self._spec.by else []
        wide = self.table.with_columns(pl.col("period").cast(pl.String)).pivot(
            on="period", index=["cohort", *groups, "size"], values="rate", maintain_order=True
        )
        return wide.sort("cohort", *groups)

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the triangle as a heatmap; cells that are not over yet are left open. Groups are drawn as curves."""
        from journeys.charts.retention import draw_triangle

        if self._spec.by:
            return self.plot_curve(dark=dark, narrow=narrow)
        subtitle = f"{self._definition}; cells with a stroke are not over yet"
        look = {"title": self.finding, "subtitle": subtitle, "dark": dark, "narrow": narrow}
        return draw_triangle(self.table, unit=self._unit, names=self._bracket_names, **look)  # type: ignore[arg-type]

    def plot_curve(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the overall rate by period with its 95% interval, one line per group."""
        from journeys.charts.retention import draw_curve

        return draw_curve(
            self.overall,
            by=self._spec.group if self._spec.by else None,
            unit=self._unit,
            names=self._bracket_names,
            title=self.finding,
            subtitle=f"{self._definition}; only cohorts for which the period is over",
            dark=dark,
            narrow=narrow,
        )

    def people(
        self,
        *,
        cohort: date | str | None = None,
        period: int = 0,
        came: bool | None = None,
        group: str | None = None,
    ) -> J:
        """Select the people of a cell, with all their events.

        Parameters
        ----------
        cohort : date or ISO text, optional
            The start of a cohort's period, as the table shows it; all cohorts by default.
        period : int
            The period, from 0.
        came : bool, optional
            Only those who came back in that period, or only those who did not; both by default.
        group : str, optional
            A group of the breakdown, as the table shows it.

        Raises
        ------
        UnknownNameError
            When there is no such cohort or group.
        ArgumentError
            When there is no such period, or no breakdown.
        """
        index = None if cohort is None else self._find_cohort(cohort)
        raise_all(describe_wrong_number("period", period, least=0, most=self._spec.periods))
        if came not in (True, False, None):
            raise ArgumentError(f"came: {came!r} must be True, False or None (everyone of the cohort).")
        if group is not None:
            check_group(group, by=self._spec.by and self._spec.group, shown=self.table, question="retention")
        selection = RetentionCell(self._spec, index, period, came, group, self._kept)
        return self._journeys._select_people(select_cell, selection)

    def explain_difference(self, other: Retention[Any]) -> DifferenceExplanation[J]:
        """List the options in which another retention differs, and what each alone would change.

        Parameters
        ----------
        other : Retention
            The other one, e.g. the same with ``semantics="mixpanel"``.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "a"], "timestamp": ["2026-03-01", "2026-03-03", "2026-03-05"],
        ...     "event": ["A", "B", "B"]})
        >>> j = jn.Journeys.from_table(log)
        >>> r = j.retention("A", every="1d", periods=3)
        >>> r.explain_difference(j.retention("A", every="1d", periods=3, when="on or after")).table.rows()
        [('when', 'on', 'on or after', 3, 2)]
        """

        def count_returns(spec: RetentionSpec) -> int:
            _, overall = summarise(self._journeys._count_shards(count, spec), spec, until=self._journeys.until)
            return int(overall.filter(pl.col("period") > 0)["back"].sum())

        table = list_differences(self._spec, other._spec, count=count_returns, together=CHOICES, left_out=NOT_COMPARED)
        return DifferenceExplanation(table, self.settings, self._journeys, ("return", "returns"))

    def _find_cohort(self, cohort: date | str) -> int:
        """Return the number of the period that a cohort started in."""
        return find_period(cohort, calendar=self._spec.calendar, shown=self.table, column="cohort")

    def _total_curve(self) -> pl.DataFrame:
        """Return the overall curve of all groups together."""
        added = self.overall.group_by("period").agg(pl.col("size", "back").sum()).sort("period")
        return added.with_columns(rate=pl.col("back") / pl.col("size"))

    @property
    def _unit(self) -> str:
        """What one period is called on an axis."""
        return self._spec.calendar.name.rstrip("s") if self._spec.calendar.number == 1 else "period"

    @property
    def _bracket_names(self) -> list[str]:
        """Name each bracket, such as "1–3 days"; none where periods are equally long."""
        if not self.settings.get("brackets"):
            return []
        from journeys.display import format_duration

        edges = [timedelta(microseconds=edge) for edge in (0, *self._spec.edges)]
        if any(edge % timedelta(days=1) for edge in edges):
            return [f"{format_duration(low)} to {format_duration(high)}" for low, high in pairwise(edges)]
        return [f"{low.days}–{high.days} day{'' if high.days == 1 else 's'}" for low, high in pairwise(edges)]

    @property
    def _period_names(self) -> list[str]:
        """Return how long after the start each period is, such as "4 weeks"."""
        calendar = self._spec.calendar
        name = {"d": "day", "w": "week", "mo": "month", "q": "quarter", "y": "year"}[calendar.unit]
        units = [period * calendar.number for period in range(self._spec.periods + 1)]
        return self._bracket_names or [f"{number} {name}{'' if number == 1 else 's'}" for number in units]

    @property
    def _definition(self) -> str:
        """The subtitle of the charts: what was counted, by which clock."""
        from journeys.display import adapt_words, quote_name

        spec = self._spec
        back = quote_name(spec.back.name) if spec.back.is_named else spec.back.name
        if spec.at_least > 1:
            back = f"at least {spec.at_least} " + (f"{back} events" if spec.back.is_named else "events")
        clock = "calendar periods" if spec.clock == "calendar" else adapt_words("each person's own clock")
        rounding = f" ({spec.rounding})" if spec.rounding else ""
        less = "; younger cohorts had less time to come back" if spec.when == "on or after" else ""
        return f"Share with {back} {_COUNTED[spec.when]}, by {clock}{rounding}{less}"
