"""The answer to a question about messages: stages and conversions per group, and the people behind them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, get_args

import polars as pl

from journeys.analyses.labels import NONE, value_of_label
from journeys.analyses.messages.against import MessagesAgainst, compare_with_unsent
from journeys.analyses.messages.select_people import RecipientSelection, select_recipients
from journeys.analyses.messages.spec import MessagesSpec, Stage
from journeys.analyses.messages.summarise import RATES
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Messages(JourneysResult[J]):
    """How far messages got with people, and who converted after them, per group.

    Attributes
    ----------
    table : pl.DataFrame
        The group in a column named as `by`, `messages`, `people`, then people per stage (`sent`, `delivered`,
        `bounced`, `opened`, `read`, `clicked`, `unsubscribed`, as far as the log has them); `delivered_rate` (of
        people), `read_rate`, `click_rate`, `unsubscribed_rate` (of delivered), `click_to_read` (of those who read),
        each with `_low` and `_high` (Wilson 95%; null where the log has no event of the stage, or for `rate` none that
        earns credit); with a goal `already`, `pending`, `eligible`, `converted` (people),
        `conversions`, `rate` (converted ÷ eligible), `value`, `value_per_delivery`. Most people first.
    """

    _spec: MessagesSpec = field(repr=False)

    @property
    def finding(self) -> str:
        """What the largest group of messages did, as one sentence."""
        from journeys.display import adapt_words, format_count, format_percent, quote_name

        unit = self._journeys._log.unit
        if not self.table.height or not self.table["people"].sum():
            return NoFinding(adapt_words("No one got a message."))
        by = self._spec.by
        named = self.table if by is None else self.table.filter(pl.col(by) != NONE)
        top = (named if named.height else self.table).row(0, named=True)
        if top["delivered"] < MIN_PEOPLE:
            return say_too_few(top["delivered"], "got the most frequent message", unit=unit)
        name = f" of {by.removesuffix('_id').replace('_', ' ')} {quote_name(str(top[by]))}" if by else ""
        verbs = (("read_rate", "read it"), ("click_rate", "clicked"))
        parts = [f"{format_percent(top[rate])} {verb}" for rate, verb in verbs if top[rate] is not None]
        if top.get("rate") is not None and top["eligible"] >= MIN_PEOPLE:
            parts.append(
                f"{format_percent(top['rate'])} of those eligible went on to {quote_name(self.settings['goal'])}"
            )
        got = format_count(top["delivered"], unit)
        if not parts:
            return f"{got} got a message{name}."
        said = ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1]
        return f"Of {got} with a message{name}, {said}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the rates of each group as dots with 95% intervals, and its value."""
        from journeys.charts.messages import draw_messages
        from journeys.display import format_duration

        subtitle = "Read, clicked and unsubscribed: share of those delivered; delivered: of all"
        if self._spec.goal is not None:
            within = format_duration(timedelta(microseconds=self._spec.within))
            subtitle += f"; converted: of those eligible, within {within} of a touch"
        if self._spec.value is not None:
            subtitle += "; right: value of the conversions"
        return draw_messages(
            self.table,
            by=self._spec.by,
            currency=self.settings.get("currency"),
            title=self.finding,
            subtitle=f"{subtitle}; 95% intervals",
            dark=dark,
            narrow=narrow,
        )

    def people(
        self, value: str | None = None, *, stage: Stage | Literal["any"] = "any", converted: bool | None = None
    ) -> J:
        """Select the people with messages of a group, with all their events.

        Parameters
        ----------
        value : str, optional
            A group, as the table shows it; all by default.
        stage : str
            Only those whose messages got so far: "delivered", "read", "clicked", …
        converted : bool, optional
            Of those eligible, only those who converted, or only those who did not.

        Raises
        ------
        UnknownNameError
            When there is no such group or stage.
        ArgumentError
            When a group is named though there are none, or `converted` is asked for without a goal.
        """
        problems = []
        if value is not None and self._spec.by is None:
            problems.append(f"value: {value!r} requires groups; ask messages(..., by=...) first.")
        if converted is not None and self._spec.goal is None:
            problems.append(f"converted: {converted!r} requires a goal; ask messages(goal=...) first.")
        raise_all(problems, ArgumentError)
        groups = [] if self._spec.by is None else self.table[self._spec.by].to_list()
        if value is not None and value not in groups:
            raise UnknownNameError(unknown_message("value", value, available=groups, what=self._spec.by or "group"))
        stages = ("any", *get_args(Stage))
        if stage not in stages:
            raise UnknownNameError(unknown_message("stage", stage, available=stages, what="stage"))
        group = None if value is None else (value_of_label(value),)
        selection = RecipientSelection(self._spec, group, stage, converted)
        return self._journeys._select_people(select_recipients, selection)

    def against(self, other: Literal["not sent"] = "not sent") -> MessagesAgainst[J]:
        """Compare the recipients of each group with those eligible who got no message of it.

        Eligible is who had been seen and had not converted by then, and could be watched for the whole time: recipients
        from their first delivery, the others from the group's median delivery. Any conversion in that time counts, with
        or without a click.

        Raises
        ------
        ArgumentError
            When there is no goal, or `other` is something else.
        """
        if other != "not sent":
            raise ArgumentError(f"other: {other!r} must be 'not sent'.")
        if self._spec.goal is None:
            raise ArgumentError("against: there is no goal to compare; ask messages(goal=...) first.")
        return compare_with_unsent(self._journeys, self._spec, dict(self.settings))

    def _displayed_table(self) -> pl.DataFrame:
        """Write each rate with its interval, and its denominator in the head."""
        from journeys.display import format_interval, format_percent

        def write_values(row: dict[str, Any]) -> str:
            rate, low, high = row.values()
            return format_percent(rate) if rate is None else f"{format_percent(rate)} ({format_interval(low, high)})"

        shown = self.table
        for rate, (_, denominator) in RATES.items():
            if rate in shown.columns:
                names = [rate, f"{rate}_low", f"{rate}_high"]
                text = pl.struct(names).map_elements(write_values, return_dtype=pl.String)
                head = f"{rate} (of {denominator})"
                shown = shown.with_columns(text.alias(rate)).rename({rate: head}).drop(names[1:])
        return shown
