"""The answer about sessions: every session, their summary, and their people."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.breakdown import check_group
from journeys.analyses.labels import fold_values
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Sessions(JourneysResult[J]):
    """Every session, and what sessions by landing page, channel or campaign lead to.

    Attributes
    ----------
    table : pl.DataFrame
        One row per session: `person` (of accounts `account`), `session`, `start`, `end`, `duration`, `events`, `pages`,
        `landing`, `exit`, `channel`, `campaign`, `replay_url`, `bounced`, and with a goal `converted`; in the order of
        the log.
    summary : pl.DataFrame
        One row per group: the column of `by`, `sessions`, `people`, `median_duration`, `events_per_session`,
        `pages_per_session`, `bounced`, `bounce_rate`, and with a goal `converted`, `conversion_rate`, `ci_low`,
        `ci_high` (Wilson 95%); most sessions first.
    """

    summary: pl.DataFrame
    _codes: pl.Series = field(repr=False)
    _kept: tuple[str | None, ...] | None = field(repr=False)

    @property
    def finding(self) -> str:
        """How many sessions there are, how long they last and how many bounce, as one sentence."""
        from journeys.display import format_count, format_duration, format_percent, quote_name

        if not self.table.height:
            return NoFinding("There are no sessions.")
        unit = self._journeys._log.unit
        if self.settings["people"] < MIN_PEOPLE:
            return say_too_few(self.settings["people"], "had a session", unit=unit)
        people = format_count(self.settings["people"], unit)
        median = format_duration(self.table["duration"].median())  # type: ignore[arg-type]
        bounced, goal = self.table["bounced"].mean(), ""
        bounce = "" if bounced is None else f", {format_percent(bounced)} bounce"  # type: ignore[arg-type]
        if "goal" in self.settings:
            share = format_percent(int(self.table["converted"].sum()) / self.table.height)
            goal = f", {share} reach {quote_name(self.settings['goal'])}"
        sessions = format_count(self.table.height, "session")
        return f"{sessions} of {people}: the median lasts {median}{bounce}{goal}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the groups of the summary: sessions, and the share that converts or bounces."""
        from journeys.charts.sessions import draw_sessions
        from journeys.display import quote_name

        goal = self.settings.get("goal")
        rate = "conversion_rate" if goal else "bounce_rate"
        what = f"reach {quote_name(goal)}" if goal else "bounce"
        by = {"landing": "landing page", "exit": "exit page"}.get(self.settings["by"], self.settings["by"])
        subtitle = f"Sessions by {by.replace('_', ' ')}"
        if self.summary[rate].count():
            subtitle += f", and the share of them that {what}"
        return draw_sessions(
            self.summary,
            by=self.summary.columns[0],
            rate=rate,
            title=self.finding,
            subtitle=subtitle,
            dark=dark,
            narrow=narrow,
        )

    def people(self, group: str | None = None, *, converted: bool | None = None, bounced: bool | None = None) -> J:
        """Select the people with a session in a group of the summary, with all their events.

        Parameters
        ----------
        group : str, optional
            A group, as the summary shows it; all by default.
        converted, bounced : bool, optional
            Only people with a session that did, or with one that did not.

        Raises
        ------
        UnknownNameError
            When there is no such group.
        ArgumentError
            When `converted` is given without a goal.
        """
        by = self.summary.columns[0]
        chosen = pl.repeat(value=True, n=self.table.height, eager=True)
        if group is not None:
            check_group(group, by=by, shown=self.summary, question="sessions")
            chosen &= fold_values(self.table[by], kept=self._kept) == group
        if converted is not None:
            if "converted" not in self.table.columns:
                raise ArgumentError("converted: these sessions have no goal; ask sessions(goal=...) first.")
            chosen &= self.table["converted"] == converted
        if bounced is not None:
            chosen &= self.table["bounced"] == bounced
        return self._journeys._keep_codes(self._codes.filter(chosen))

    def _displayed_table(self) -> pl.DataFrame:
        return self.summary
