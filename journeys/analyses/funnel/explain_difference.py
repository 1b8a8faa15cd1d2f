"""Why two funnels differ: every option that is not the same, and what it alone would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few

if TYPE_CHECKING:
    import plotly.graph_objects as go


_TOGETHER = {
    "within": ("within", "calendar"),
    "ties": ("ties", "grace"),
    "steps": ("steps", "names", "runs", "step_windows", "optional"),
}
_NOT_COMPARED = {"is_reversed", "needs_positions", "has_chosen_reentry", "top", "by", "by_columns", "by_at"}


def list_differences(
    here: FunnelSpec, there: FunnelSpec, *, count_converted: Callable[[FunnelSpec], int]
) -> pl.DataFrame:
    """List the options that differ, with how many would convert here if this one alone were as there."""
    ours = count_converted(here)
    rows = []
    for choice, names in _list_choices().items():
        mine, theirs = (tuple(_field_values(spec, name) for name in names) for spec in (here, there))
        if mine == theirs:
            continue
        swapped = replace(here, **{name: getattr(there, name) for name in names})
        same_width = swapped.width == here.width or choice == "steps"
        people = count_converted(swapped) if same_width else None
        rows.append(
            (
                choice,
                _describe_values(mine),
                _describe_values(theirs),
                people,
                None if people is None else people - ours,
            )
        )
    schema = {"choice": pl.String, "here": pl.String, "there": pl.String, "people": pl.Int64, "change": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.sort(pl.col("change").abs(), "choice", descending=[True, False], nulls_last=True)


def _list_choices() -> dict[str, tuple[str, ...]]:
    """Return, for each option as an analyst knows it, the fields of the spec that hold it."""
    grouped = {name for names in _TOGETHER.values() for name in names}
    alone = {one.name: (one.name,) for one in fields(FunnelSpec) if one.name not in grouped | _NOT_COMPARED}
    return {**_TOGETHER, **alone}


def _field_values(spec: FunnelSpec, name: str) -> Any:
    """Return a field of the spec as values that can be compared."""
    value = getattr(spec, name)
    if name == "steps":
        return tuple((one.name, str(one.condition)) for one in value)
    if name == "exclude":
        return tuple((one.step.name, str(one.step.condition), one.low, one.high) for one in value)
    return value


def _describe_values(values: tuple[Any, ...]) -> str:
    """Write the fields of an option as an analyst would: durations as such, steps by their names."""
    from journeys.display import format_duration

    words = []
    for value in values:
        if value is None or value == () or value is False:
            continue
        if isinstance(value, int) and value > 1000:
            words.append(format_duration(value))
        elif isinstance(value, tuple):
            words.append(", ".join(str(one[0] if isinstance(one, tuple) else one) for one in value))
        elif value != 0 or isinstance(value, bool):
            words.append(str(value))
    return " ".join(dict.fromkeys(words)) or "none"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class DifferenceExplanation(Result[J]):
    """Why two funnels give different numbers.

    Attributes
    ----------
    table : pl.DataFrame
        `choice`, `here`, `there`, `people` (Int64: how many would convert here if this option alone were as there),
        `change` (Int64, compared with those who convert here); the largest change first.
    """

    @property
    def finding(self) -> str:
        """The option that changes most, as one sentence."""
        if not self.table.height:
            return "Both funnels ask the same; they differ in the people asked."
        row = self.table.row(0, named=True)
        if not row["change"]:
            return "None of the options that differ changes anything for these people on its own."
        if (people := self.settings["people"]) < MIN_PEOPLE:
            return say_too_few(people, "asked", unit=self._journeys._log.unit)
        from journeys.display import choose_form

        change = f"{row['change']:+,} {choose_form(abs(row['change']), 'person', 'people')}".replace("-", "−")
        return (
            f"The largest change comes from {row['choice']}: {row['here']!r} here, {row['there']!r} there ({change})."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw what each option alone would change."""
        from journeys.charts.bars import draw_changes

        subtitle = "people who convert, more or fewer"
        return draw_changes(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
