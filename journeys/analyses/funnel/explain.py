"""Why two funnels differ: every choice that is not the same, and what it alone would change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.result import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Explanation", "differences"]

_TOGETHER = {
    "within": ("within", "calendar"),
    "ties": ("ties", "grace"),
    "steps": ("steps", "names", "runs", "gaps", "optional"),
}
_SILENT = {"backwards", "placed", "top", "by", "by_columns", "by_at"}


def differences(here: FunnelSpec, there: FunnelSpec, *, converted: Callable[[FunnelSpec], int]) -> pl.DataFrame:
    """List the choices that differ, with what our funnel would say if this one alone were theirs."""
    ours = converted(here)
    rows = []
    for choice, names in _choices().items():
        mine, theirs = (tuple(_value(spec, name) for name in names) for spec in (here, there))
        if mine == theirs:
            continue
        swapped = replace(here, **{name: getattr(there, name) for name in names})
        same_width = swapped.width == here.width or choice == "steps"
        people = converted(swapped) if same_width else None
        rows.append((choice, _said(mine), _said(theirs), people, None if people is None else people - ours))
    schema = {"choice": pl.String, "here": pl.String, "there": pl.String, "people": pl.Int64, "change": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.sort(pl.col("change").abs(), "choice", descending=[True, False], nulls_last=True)


def _choices() -> dict[str, tuple[str, ...]]:
    grouped = {name for names in _TOGETHER.values() for name in names}
    alone = {one.name: (one.name,) for one in fields(FunnelSpec) if one.name not in grouped | _SILENT}
    return {**_TOGETHER, **alone}


def _value(spec: FunnelSpec, name: str) -> Any:
    value = getattr(spec, name)
    if name == "steps":
        return tuple((one.name, str(one.condition)) for one in value)
    if name == "exclude":
        return tuple((one.step.name, str(one.step.condition), one.low, one.high) for one in value)
    return value


def _said(values: tuple[Any, ...]) -> str:
    from journeys.display import duration

    words = []
    for value in values:
        if value is None or value == () or value is False:
            continue
        if isinstance(value, int) and value > 1000:
            words.append(duration(value))
        elif isinstance(value, tuple):
            words.append(", ".join(str(one[0] if isinstance(one, tuple) else one) for one in value))
        elif value != 0 or isinstance(value, bool):
            words.append(str(value))
    return " ".join(dict.fromkeys(words)) or "none"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Explanation(Result[Any]):
    """Why do two funnels not say the same?

    Attributes
    ----------
    table : pl.DataFrame
        `choice`, `here`, `there`, `people` (Int64: who would convert here if this choice alone were as there),
        `change` (Int64, against what converts here); the largest change first.
    """

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        if not self.table.height:
            return "Both funnels ask the same; what differs is whom they ask."
        row = self.table.row(0, named=True)
        if not row["change"]:
            return "The choices that differ change nothing on these people, one at a time."
        from journeys.display import agree

        change = f"{row['change']:+,} {agree(abs(row['change']), 'person', 'people')}".replace("-", "−")
        return f"The most comes from {row['choice']}: {row['here']!r} here, {row['there']!r} there ({change})."

    def plot(self, *, dark: bool = False) -> go.Figure:
        """Draw what each choice alone would change."""
        from journeys.charts.next_events import draw_changes

        return draw_changes(self.table, title=self.finding, subtitle="people who convert, more or fewer", dark=dark)
