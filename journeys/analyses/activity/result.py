"""The answer to account activity: a row per account, and the way to the people one can write to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.activity.spec import ActivitySpec
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import NoFinding
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message
from journeys.steps import moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Activity(JourneysResult[J]):
    """How large, fit and active each account is.

    Attributes
    ----------
    table : pl.DataFrame
        `account`, `members`, `active_members` (Int64), `active_share`, `active_days`, `events`, `breadth` (Int64),
        `last_active` (Datetime), `silent_for` (Duration), `trend` (Float64), `first_seen`, `last_contact` (where
        contacts were asked for), `fit`, `state`, `score` and its parts, traits. By score, else by active members.
    """

    _spec: ActivitySpec = field(repr=False)

    @property
    def finding(self) -> str:
        """How many accounts had active events in the window, and how many of these are waning, as one sentence."""
        from journeys.display import choose_form, format_count, format_day, format_number

        total = self.table.height
        if not total:
            return NoFinding("There are no accounts.")
        last = self.settings["last"]
        if last is not None and moment_us(last) <= self._spec.until - self._spec.window:
            window = format_count(self.settings["days"], "day")
            return NoFinding(
                f"No event was observed in the {window} before the end; the last one is from {format_day(last)}."
            )
        is_fit = self.table["fit"].dtype == pl.Boolean and "fit" in self.settings
        chosen = self.table.filter(pl.col("fit").fill_null(value=False)) if is_fit else self.table
        active = chosen.filter(pl.col("events") > 0)
        waning = active.filter(state="waning").height
        fit = f"{choose_form(active.height, 'is', 'are')} fit and " if is_fit else ""
        sentence = (
            f"{format_number(active.height)} of {format_count(total, 'account')} {fit}had active events in the "
            f"{format_count(self.settings['days'], 'day')} before the end"
        )
        if active.is_empty():
            return f"{sentence}."
        fewer = format_number(waning) if waning else "none"
        return f"{sentence}; {fewer} of them {choose_form(waning or 1, 'is', 'are')} waning."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw each account as a dot: its members, its active days, and in colour whether it fits."""
        from journeys.charts.activity import draw_activity

        window = f"{self.settings['days']} days before the end"
        subtitle = (
            f"Members and active days of each account in the {window}; equal accounts side by side; hollow: waning"
        )
        return draw_activity(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)

    def people(self, condition: pl.Expr | None = None) -> J:
        """Select accounts by the columns of the table, with all their events; all by default.

        Parameters
        ----------
        condition : pl.Expr, optional
            Over the columns of the table, such as `pl.col("fit") & (pl.col("active_members") >= 3)`; null is false.

        Raises
        ------
        UnknownNameError
            When the condition uses a column that does not exist.
        """
        if condition is None:
            return self._journeys.only(self.table.select(pl.col("account").alias("person")))
        if not isinstance(condition, pl.Expr):
            raise ArgumentError(f"condition: {condition!r} is not a Polars expression; write e.g. pl.col('fit').")
        columns = self.table.columns
        missing = [name for name in condition.meta.root_names() if name not in columns]
        raise_all(
            [unknown_message("condition", missing, available=columns, what="column")] if missing else [],
            UnknownNameError,
        )
        return self._journeys.only(self.table.filter(condition).select(pl.col("account").alias("person")))
