"""The answer to an impact: both sides period by period, the effect, and the people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from journeys.analyses.calendar import make_calendar
from journeys.analyses.impact.select_people import Part, PartSelection, select_part
from journeys.analyses.impact.spec import ImpactSpec
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import UnknownNameError, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Impact(JourneysResult[J]):
    """What people do before and after their first use of something, against people who had not used it.

    Attributes
    ----------
    table : pl.DataFrame
        `relative_period` (0 begins with the first use), `people` (Int64), `mean` (events per person), `ci_low`,
        `ci_high` (95%), `active_share` (people with any), `others_mean`, `difference_in_differences` (mean -
        others_mean, less what that is on average before the first use).
    summary : pl.DataFrame
        One row: `people` (compared), `unmatched` (nobody is like them), `pending` (not observed long enough), `others`
        (people they are compared with), `used_later` (share of the others' moments that are followed by a first use in
        the time compared), `effect` (more events per person, over all periods after the first use), `ci_low`,
        `ci_high` (95%), `p_value`, `change` (the effect relative to what was to be expected).
    """

    summary: pl.DataFrame
    _spec: ImpactSpec = field(repr=False)
    _matched: pl.DataFrame = field(repr=False)

    @property
    def finding(self) -> str:
        """By how much more those who use it do the other thing than matched people, as one sentence."""
        from journeys.display import (
            adapt_words,
            format_count,
            format_interval,
            format_percent,
            format_ratio,
            format_signed,
            quote_name,
        )

        row = self._summary_row
        unit = self._journeys._log.unit
        of, on = (quote_name(step.name) for step in (self._spec.of, self._spec.on))
        if row["people"] < MIN_PEOPLE:
            could = f"who did {of} could be observed for {self._span_text} and matched"
            return say_too_few(row["people"], could, unit=unit)
        whom = adapt_words("matched people" if self._spec.against == "matched" else "others")
        ends = row["ci_low"], row["ci_high"]
        spread = format_interval(*ends, form=format_ratio)
        if row["p_value"] is None or row["p_value"] >= 0.05:
            return (
                f"No effect of {of} on {on} beyond chance: {format_signed(row['effect'], form=format_ratio)} "
                "per person in "
                f"{self._span_text}, against {whom} who had not done it (95% CI {spread})."
            )
        if row["effect"] < 0:
            spread = format_interval(-ends[1], -ends[0], form=format_ratio)
        more = "more" if row["effect"] > 0 else "fewer"
        change = "" if row["change"] is None else f", {format_signed(row['change'], form=format_percent)}"
        times = f"{format_ratio(abs(row['effect']))} {more} times"
        return (
            f"{format_count(row['people'], unit)} did {on} {times} each (95% CI {spread}"
            f"{change}) in the {self._span_text} after their first {of}, against {whom} who had not done it."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the means of both sides, period by period, before and after the first use."""
        from journeys.charts.impact import draw_impact
        from journeys.display import adapt_words, quote_name

        of, on = (quote_name(step.name) for step in (self._spec.of, self._spec.on))
        period = make_calendar(str(self.settings["every"])).name
        whom = adapt_words("matched people") if self._spec.against == "matched" else "others of the same week"
        subtitle = (
            f"{on} {adapt_words('per person')} and {period}, before and after the first {of}, with 95% "
            f"interval, and of {whom} who had not done it by then (grey)"
        )
        return draw_impact(
            self.table,
            unit=period,
            title=self.finding,
            subtitle=subtitle,
            dark=dark,
            narrow=narrow,
        )

    def people(self, part: Part = "people") -> J:
        """Select the people of a number of the summary, with all their events.

        Parameters
        ----------
        part : {"people", "unmatched", "pending", "others"}
            Those compared, those whom nobody is like, those not observed long enough, or the others.

        Raises
        ------
        UnknownNameError
            When there is no such part.
        """
        if part not in get_args(Part):
            raise UnknownNameError(unknown_message("part", part, available=list(get_args(Part)), what="part"))
        return self._journeys._select_people(select_part, PartSelection(self._spec, part, self._matched))

    @property
    def _summary_row(self) -> dict[str, Any]:
        return self.summary.row(0, named=True)

    @property
    def _span_text(self) -> str:
        """How long people are followed, such as "14 days"."""
        from journeys.display import format_duration

        return format_duration(self._spec.span)
