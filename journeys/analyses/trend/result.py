"""The answer to a trend: values by period, totals, and the people of a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.breakdown import check_group, find_period
from journeys.analyses.labels import NONE, OTHER
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.analyses.trend.select_people import PointSelection, select_point
from journeys.analyses.trend.spec import TrendSpec
from journeys.errors import ArgumentError, UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go

_STATISTICS = {"sum": "sum", "mean": "mean", "median": "median", "p90": "90th percentile"}


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Trend(JourneysResult[J]):
    """How counts, or the rate of a funnel, develop from period to period.

    Attributes
    ----------
    table : pl.DataFrame
        `period` (Date, its first day), the column of `by`, `series`, `value` (Float64), `people`, `events` (Int64),
        `complete`; with `trailing` also `stickiness`, with `compare` also `previous` and `change`, with `formula`
        also `null_reason`. Sorted by period, series and group.
    total : pl.DataFrame
        The column of `by`, `series`, `value`, `people`, `events` over the whole time; each person counts once.
    """

    total: pl.DataFrame
    _spec: TrendSpec = field(repr=False)

    @property
    def finding(self) -> str:
        """The latest complete period against the one before, as one sentence."""
        from journeys.display import format_count

        if self._spec.by is not None:
            return self._group_finding()
        complete = self.table.filter((pl.col("series") == self._shown_series) & pl.col("complete"))
        if not complete.height:
            return NoFinding("No period is complete: the log holds only a part of each.")
        known = complete.filter(pl.col("value").is_not_null())
        if not known.height:
            return NoFinding(f"{self._quoted_series} has no value in any complete period.")
        last = known.row(-1, named=True)
        when, unit = self._say_when(last["period"]), self._journeys._log.unit
        if (people := self._count_people(last["period"])) < MIN_PEOPLE:
            if self._spec.formula is None:
                return say_too_few(people, f"did {self._quoted_series} {when}", unit=unit)
            rests = f"{self._spec.formula} rests on {format_count(people, unit)} {when}"
            return NoFinding(f"{rests}: too few for a finding.", people=people)
        return f"{self._say_value(last['value'])} {when}{self._say_change(last, known)}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw one line per series or group, bars for one series by month; periods that are not complete are dotted.

        What a single series is compared with is grey.
        """
        from journeys.charts.trend import draw_trend

        return draw_trend(
            self._drawn_table,
            by=self._line_columns,
            value=self._value_column,
            has_bars=self._has_bars,
            title=self.finding,
            subtitle=self._chart_subtitle,
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
        index = None if period is None else find_period(period, calendar=calendar, shown=self.table)
        if series is not None and series not in self._spec.series:
            raise UnknownNameError(unknown_message("series", series, available=list(self._spec.series), what="series"))
        return self._select_point(index, series, self._find_groups(group))

    def _find_groups(self, group: str | Mapping[str, str] | None) -> dict[str, str]:
        """Return the label of each column of the breakdown that a group names."""
        columns = self._group_columns
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
    def _group_columns(self) -> list[str]:
        """The columns of the breakdown."""
        return [] if self._spec.by is None else [self._spec.group]

    @property
    def _drawn_table(self) -> pl.DataFrame:
        """The rows of the table that are drawn."""
        return self.table.filter(pl.col("series") == self._shown_series) if self._spec.formula else self.table

    @property
    def _line_columns(self) -> list[str]:
        """The columns whose values are lines: of several series in groups, both."""
        return [*self._group_columns, *(["series"] if self._drawn_table["series"].n_unique() > 1 else [])]

    @property
    def _value_column(self) -> str:
        """The column that is drawn and compared."""
        return "value"

    @property
    def _has_bars(self) -> bool:
        """Whether a chart shows bars: few long periods, counted."""
        return self._spec.calendar.unit in ("mo", "q", "y") and self._spec.formula is None

    @property
    def _chart_subtitle(self) -> str:
        """What was counted, for the subtitle of the chart."""
        from journeys.display import quote_name

        notes = [self._describe_value()]
        if any(name != one.name for name, one in self._spec.series.items()):
            notes += [f"{name}: {quote_name(one.name)}" for name, one in self._spec.series.items() if name != one.name]
        mark = "pale" if self._has_bars and not self._line_columns else "dotted"
        notes.append(f"{mark} where the log holds only a part of {'the days' if self._is_trailing else 'a period'}")
        if self._spec.back is not None and not self._line_columns:
            notes.append(f"grey: {self._say_back}")
        if self._spec.formula is not None:
            reasons = self._drawn_table["null_reason"].drop_nulls().unique().sort().to_list()
            notes += [f"no value where {' or '.join(reasons)}"] if reasons else []
        return "; ".join(notes)

    def _describe_value(self) -> str:
        """Say what the axis of values shows, such as "people with "Signed Up" per week"."""
        from journeys.display import adapt_words, quote_name

        spec = self._spec
        if spec.formula is not None:
            return f"{spec.formula} per {spec.calendar.name}"
        name = f" {quote_name(self._shown_series)}" if len(spec.series) == 1 else ""
        if self._is_trailing:
            return f"{adapt_words('people')}{name and f' with{name}'} in the {spec.trailing} days up to each day"
        if spec.column is not None:
            return f"{_STATISTICS[spec.count]} of {spec.column}{name and f' of{name}'} per {spec.calendar.name}"
        if spec.count in ("events", "per person"):
            per = adapt_words(" per person") if spec.count == "per person" else ""
            return f"{name} events{per} per {spec.calendar.name}".strip()
        return f"{adapt_words(spec.count)}{name and f' with{name}'} per {spec.calendar.name}"

    @property
    def _is_trailing(self) -> bool:
        return self._spec.trailing is not None

    @property
    def _shown_series(self) -> str:
        """The series that the finding speaks of: the formula, else the first."""
        return self._spec.formula or next(iter(self._spec.series))

    @property
    def _quoted_series(self) -> str:
        """The series that the finding speaks of, in quotes unless it is a formula."""
        from journeys.display import quote_name

        return self._spec.formula or quote_name(self._shown_series)

    def _count_people(self, period: date) -> int:
        """Count the people behind a value; of a formula, those of its smallest series."""
        rows = self.table.filter(pl.col("period") == period)
        shown = pl.col("people").is_not_null() if self._spec.formula else pl.col("series") == self._shown_series
        return int(rows.filter(shown)["value" if self._is_trailing else "people"].min())  # type: ignore[arg-type]

    def _say_value(self, value: float) -> str:
        """Say a value with what it counts."""
        from journeys.display import adapt_words, choose_form, format_count, format_number, format_ratio

        number = format_number(value) if float(value).is_integer() else format_ratio(value)
        series = self._quoted_series
        if self._spec.formula is not None:
            return f"{series} was {number}"
        if self._spec.column is not None:
            return f"The {_STATISTICS[self._spec.count]} of {self._spec.column} of {series} was {number}"
        if self._spec.count == "per person":
            return f"{number} {series} events {adapt_words('per person')} with any"
        if self._spec.count == "events":
            return f"{number} {series} {choose_form(value, 'event', 'events')}"
        if self._spec.count == "sessions":
            return f"{format_count(value, 'session')} with {series}"
        return f"{format_count(value, self._journeys._log.unit)} did {series}"

    def _say_when(self, period: date) -> str:
        """Say when a period is, such as "in the week from 22 June 2026"."""
        from journeys.display import format_day

        calendar, day = self._spec.calendar, format_day(period)
        if (self._spec.trailing or 1) > 1:
            return f"in the {self._spec.trailing} days up to {day}"
        if calendar.name in ("month", "year"):
            return f"in {day.split(' ', 1 if calendar.name == 'month' else 2)[-1]}"
        return f"on {day}" if calendar.name == "day" else f"in the {calendar.name} from {day}"

    def _say_change(self, last: Mapping[str, Any], known: pl.DataFrame) -> str:
        """Compare a row of the table with an earlier one of those `known`; nothing where few people are behind that."""
        from journeys.display import format_percent

        calendar = self._spec.calendar
        index = calendar.number_of(last["period"]) - (self._spec.back or self._spec.trailing or 1)
        rows = (row for row in known.iter_rows(named=True) if calendar.number_of(row["period"]) == index)
        before = next(rows, None)
        if before is None or before["value"] <= 0 or self._count_people(before["period"]) < MIN_PEOPLE:
            return ""
        is_count = self._spec.formula is None and self._spec.count in ("people", "events", "sessions")
        change = last["value"] / before["value"] - 1
        if abs(change) < 0.005:
            return f", {'as many as' if is_count else 'the same as'} {self._say_back}"
        more, less = ("more", "fewer") if is_count else ("higher", "lower")
        return f", {format_percent(abs(change))} {more if change > 0 else less} than {self._say_back}"

    @property
    def _say_back(self) -> str:
        """Say which earlier period each is compared with, such as "in the week before"."""
        calendar, back = self._spec.calendar, self._spec.back or self._spec.trailing or 1
        if self.settings.get("compare") == "year":
            return "a year before"
        if back == 1:
            return "the day before" if calendar.name == "day" else f"in the {calendar.name} before"
        if self._spec.back is None:
            return f"in the {back} days before"
        unit = calendar.name.rsplit(" ", 1)[-1].removesuffix("s")
        return f"{back * calendar.number} {unit}s before"

    def _group_finding(self) -> str:
        """The largest group over the whole time, as one sentence."""
        from journeys.display import format_count, quote_label, quote_name

        series, unit = next(iter(self._spec.series)), self._journeys._log.unit
        by = str(self._spec.by).replace("_", " ")
        total = self.total.filter((pl.col("series") == series) & (pl.col("people") > 0))
        sizes = {row[self._spec.group]: row["people"] for row in total.iter_rows(named=True)}
        named = {label: people for label, people in sizes.items() if label not in (NONE, OTHER)}
        if not named and OTHER in sizes:
            return NoFinding(f"No {by} is shown on its own: choose a larger `top`.")
        if not named:
            return NoFinding(f"No event of {quote_name(series)} has a {by}.")
        label, people = min(named.items(), key=lambda pair: (-pair[1], pair[0]))
        if people < MIN_PEOPLE:
            return say_too_few(people, f"in the largest {by}, {quote_label(label)}", unit=unit)
        without = f"; {format_count(sizes[NONE], unit)} had no {by}" if NONE in sizes else ""
        most_common = f"{quote_label(label)} is the most common {by}"
        return f"Among those who did {quote_name(series)}, {most_common}: {format_count(people, unit)}{without}."
