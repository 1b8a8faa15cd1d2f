"""The answer to a funnel's trend: conversion by period of entering, and the people of a point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from journeys.analyses.funnel.trend.count import EntrySelection, FunnelTrendSpec, select_entries
from journeys.analyses.labels import NONE, OTHER
from journeys.analyses.protocol import J
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.analyses.trend.result import Trend


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class FunnelTrend(Trend[J]):
    """How conversion changes with the day, week or month of entry.

    Attributes
    ----------
    table : pl.DataFrame
        The columns of `by`, `period` (Date: its first day), `entered`, `converted` (Int64), `rate`, `ci_low`, `ci_high`
        (Wilson 95%), `complete`: whether the period, and the window of everyone who entered in it, lie within the log;
        with `compare` also `previous` (the rate of the earlier period) and `change` (relative; null from 0).
    total : pl.DataFrame
        The columns of `by`, `entered`, `converted`, `rate`, `ci_low`, `ci_high` over the whole time, as the funnel's
        table has them; each person counts once.
    """

    _attempts: FunnelTrendSpec = field(repr=False)
    _listed: pl.DataFrame | None = field(repr=False)

    @property
    def finding(self) -> str:
        """The latest complete period and the first, as one sentence; with groups, the extremes of the latest."""
        from journeys.display import adapt_words, format_day, format_percent, quote_labels

        groups = self.settings["by"]
        complete = self.table.filter(pl.col("complete") & (pl.col("entered") > 0))
        if not complete.height:
            return NoFinding(
                adapt_words("No period is complete: the log holds a part of each, or people may still convert.")
            )
        most = min(int(complete["entered"].max()), self.settings["people"])  # type: ignore[arg-type]
        complete = complete.filter(pl.col("entered") >= MIN_PEOPLE)
        if most < MIN_PEOPLE:
            return say_too_few(most, "entered in the complete period with most", unit=self._journeys._log.unit)
        unit = self._spec.calendar.name
        when = "on" if unit == "day" else f"in the {unit} from"
        if groups:
            named = complete.filter(~pl.any_horizontal(pl.col(groups).is_in([NONE, OTHER])))
            if not named.height:
                people = adapt_words("people")
                return NoFinding(
                    f"No {' · '.join(groups)} has a complete period in which {MIN_PEOPLE} {people} or more entered."
                )
            latest = named.filter(pl.col("period") == pl.col("period").max()).sort("rate", *groups)
            if latest.height == 1:
                rate = f"{format_percent(latest['rate'][0])} converted in"
                label = quote_labels(latest.select(groups).row(0), between=" · ")
                return f"Of those who entered {when} {format_day(latest['period'][0])}, {rate} {label}."
            low, high = (quote_labels(latest.select(groups).row(at), between=" · ") for at in (0, -1))
            rates = (
                f"{format_percent(latest['rate'][-1])} converted in {high}, "
                f"{format_percent(latest['rate'][0])} in {low}"
            )
            return f"Of those who entered {when} {format_day(latest['period'][0])}, {rates}."
        now = (
            f"{format_percent(complete['rate'][-1])} of those who entered {when} "
            f"{format_day(complete['period'][-1])} converted"
        )
        if complete.height == 1:
            return f"{now}."
        return f"{now}; it was {format_percent(complete['rate'][0])} {when} {format_day(complete['period'][0])}."

    def _select_point(self, index: int | None, series: str | None, groups: Mapping[str, str]) -> J:
        listed = self._listed if groups else None
        selection = EntrySelection(self._attempts, index, series == "converted", tuple(groups.items()), listed)
        return self._journeys._select_people(select_entries, selection)

    @property
    def _group_columns(self) -> list[str]:
        return list(self._attempts.spec.by)

    @property
    def _drawn_table(self) -> pl.DataFrame:
        return self.table

    @property
    def _line_columns(self) -> list[str]:
        return self._group_columns

    @property
    def _value_column(self) -> str:
        return "rate"

    @property
    def _has_bars(self) -> bool:
        return False

    @property
    def _chart_subtitle(self) -> str:
        from journeys.charts.theme import MOST_BANDS

        has_bands = not self._group_columns or self.table.select(self._group_columns).n_unique() <= MOST_BANDS
        interval = "with 95% interval" if has_bands else "its 95% intervals are in the table"
        before = f"; grey: {self._say_back}" if self._spec.back is not None and not self._line_columns else ""
        return f"conversion by period of entering, {interval}; dotted where a period is not complete{before}"
