"""The answer to a trend: values by period, totals, and the people of a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.breakdown import check_group, check_period
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.analyses.trend.select_people import PointSelection, select_point
from journeys.analyses.trend.spec import TrendSpec
from journeys.errors import ArgumentError, UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Trend(Result[J]):
    """How counts, or the rate of a funnel, develop from period to period.

    Attributes
    ----------
    table : pl.DataFrame
        `period` (Date, its first day), the column of `by`, `series`, `value` (Float64), `people`, `events` (Int64),
        `complete`; with `trailing` also `stickiness`, with `compare` also `previous` and `change`. Sorted by period,
        series and group.
    total : pl.DataFrame
        The column of `by`, `series`, `value`, `people`, `events` over the whole time; each person counts once.
    """

    total: pl.DataFrame
    _spec: TrendSpec = field(repr=False)

    @property
    def finding(self) -> str:
        """The latest complete period against the one before, as one sentence."""
        from journeys.display import format_day, format_percent

        table = self.table.filter(pl.col("series") == self._shown_series)
        if self._spec.by is not None:
            return self._group_finding()
        known = table.filter(pl.col("complete") & pl.col("value").is_not_null())
        if not known.height:
            return "No period is complete: the log holds only a part of each."
        last = known.row(-1, named=True)
        name = self._spec.calendar.name
        when = "on" if name == "day" else f"in the {name} from"
        when = f"{when} {format_day(last['period'])}"
        if (people := self._count_people(last["period"])) < MIN_PEOPLE:
            return say_too_few(people, f'did "{self._shown_series}" {when}', unit=self._journeys._log.unit)
        sentence = f"{self._say_value(last['value'])} {when}"
        before = known.row(-2, named=True) if known.height > 1 else None
        if before is not None and self._count_people(before["period"]) < MIN_PEOPLE:
            before = None
        if before is None or not before["value"]:
            return f"{sentence}."
        change = last["value"] / before["value"] - 1
        if abs(change) < 0.005:
            return f"{sentence}, as in the {name} before."
        return (
            f"{sentence}, {format_percent(abs(change))} {'more' if change > 0 else 'less'} than in the {name} before."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw one line per series or group, bars for one series by month; periods that are not complete are dotted.

        What a single series is compared with is grey.
        """
        from journeys.charts.trend import draw_trend

        return draw_trend(
            self._drawn_table,
            by=self._lines,
            value=self._value,
            has_bars=self._has_bars,
            title=self.finding,
            subtitle=self._subtitle,
            dark=dark,
            narrow=narrow,
        )

    def people(
        self,
        *,
        period: date | str | None = None,
        series: str | None = None,
        group: str | Mapping[str, str] | None = None,
    ) -> J:
        """Select the people behind a point, with all their events.

        Parameters
        ----------
        period : date or ISO text, optional
            The first day of a period, as the table shows it; all by default. With a trailing window, the people
            active in the days up to it.
        series : str, optional
            One of several series; all by default. Of the trend of a funnel "entered" (the default) or "converted".
        group : str or mapping of column to str, optional
            A group of the breakdown, as the table shows it; a mapping where a funnel has several columns.

        Raises
        ------
        UnknownNameError
            When there is no such period, series or group.
        ArgumentError
            When there is no breakdown.
        """
        calendar = self._spec.calendar
        index = None if period is None else calendar.number_of(check_period(period, shown=self.table))
        if series is not None and series not in self._spec.series:
            raise UnknownNameError(unknown_message("series", series, available=list(self._spec.series), what="series"))
        return self._select_point(index, series, self._find_groups(group))

    def _find_groups(self, group: str | Mapping[str, str] | None) -> dict[str, str]:
        """Return the label of each column of the breakdown that a group names."""
        columns = self._groups
        if group is None:
            return {}
        if isinstance(group, str) and len(columns) > 1:
            example = {columns[0]: group}
            raise ArgumentError(
                f"group: {group!r} is one value of several columns; name its column, such as {example}."
            )
        named = dict(group) if isinstance(group, Mapping) else {columns[0] if columns else "": group}
        wrong = [name for name in named if columns and name not in columns]
        if wrong:
            raise UnknownNameError(unknown_message("group", wrong, available=columns, what="column"))
        for name, label in named.items():
            check_group(label, by=name if columns else None, shown=self.table, question="trend")
        return named

    def _select_point(self, index: int | None, series: str | None, groups: Mapping[str, str]) -> J:
        group = next(iter(groups.values()), None)
        return self._journeys._select_people(select_point, PointSelection(self._spec, series, index, group))

    @property
    def _groups(self) -> list[str]:
        """The columns of the breakdown."""
        return [] if self._spec.by is None else [self._spec.group]

    @property
    def _drawn_table(self) -> pl.DataFrame:
        """The rows of the table that are drawn."""
        return self.table.filter(pl.col("series") == self._shown_series) if self._spec.formula else self.table

    @property
    def _lines(self) -> list[str]:
        """The columns whose values are lines: of several series in groups, both."""
        return [*self._groups, *(["series"] if self._drawn_table["series"].n_unique() > 1 else [])]

    @property
    def _value(self) -> str:
        """The column that is drawn and compared."""
        return "value"

    @property
    def _has_bars(self) -> bool:
        """Whether a chart shows bars: few long periods, counted."""
        return self._spec.calendar.unit in ("mo", "q", "y") and self._spec.formula is None

    @property
    def _subtitle(self) -> str:
        """What was counted, for the subtitle of the chart."""
        from journeys.display import adapt_words

        counted = adapt_words(str(self.settings["count"]))
        what = self._spec.formula or (f"{counted} active in {self.settings['trailing']}" if self._trailing else counted)
        before = "; grey: the period compared with" if self._spec.back is not None and not self._lines else ""
        mark = "pale" if self._has_bars and not self._lines else "dotted"
        return f"{what} per {self._spec.calendar.name}; {mark} where the log holds only a part of a period{before}"

    @property
    def _trailing(self) -> bool:
        return self._spec.trailing is not None

    @property
    def _shown_series(self) -> str:
        """The series that the finding speaks of: the formula, else the first."""
        return self._spec.formula or next(iter(self._spec.series))

    def _count_people(self, period: date) -> int:
        """Count the people behind a value; of a formula, those of its smallest series."""
        rows = self.table.filter(pl.col("period") == period)
        if self._trailing:
            return int(rows["value"][0])
        shown = pl.col("people").is_not_null() if self._spec.formula else pl.col("series") == self._shown_series
        return int(rows.filter(shown)["people"].min())  # type: ignore[arg-type]

    def _say_value(self, value: float) -> str:
        """Say a value with what it counts."""
        from journeys.display import adapt_words, format_count, format_number, format_ratio

        if self._spec.formula is not None:
            return f"{self._spec.formula} was {format_ratio(value)}"
        series = f'"{self._shown_series}"'
        if self._spec.column is not None:
            return f"The {self._spec.count} of {self._spec.column} of {series} was {format_number(value)}"
        if self._spec.count == "per person":
            return f"{format_ratio(value)} {series} {adapt_words('per person')}"
        noun = {"people": self._journeys._log.unit, "events": "event", "sessions": "session"}[self._spec.count]
        did = "with" if self._spec.count != "people" else "did"
        return f"{format_count(value, noun)} {did} {series}"

    def _group_finding(self) -> str:
        """The largest group over the whole time, as one sentence."""
        from journeys.display import format_count

        total = self.total.filter(pl.col("series") == self._shown_series).sort(
            "people", self._spec.group, descending=[True, False], nulls_last=True
        )
        if not total.height or not total["people"][0]:
            return f'No event of "{self._shown_series}" has a {self._spec.by}.'
        top: dict[str, Any] = total.row(0, named=True)
        unit = self._journeys._log.unit
        if top["people"] < MIN_PEOPLE:
            return say_too_few(top["people"], f"in the largest {self._spec.by}, {top[self._spec.group]}", unit=unit)
        return f"{top[self._spec.group]} is the largest {self._spec.by}: {format_count(top['people'], unit)} in all."
