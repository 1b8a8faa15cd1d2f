"""How long each step takes: a line between the outer quantiles and a dot at the median."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import rename_counts, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import SHORTEST, choose_time_unit, place_log_time_ticks
from journeys.display import format_count, format_duration

_MOST_LINEAR = 50
"""The axis is logarithmic where the longest time is more than so many times the shortest median."""


def draw_step_times(
    table: pl.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the times since the previous step, one row per step (of each group).

    Parameters
    ----------
    table
        `step`, `name`, `since`, `people`, `mean` and quantiles such as `q25`, `q50` (Duration); the columns of `by`
        first.
    by
        The group columns.

    Examples
    --------
    >>> from datetime import timedelta
    >>> hours = {f"q{q}": [timedelta(hours=h)] for q, h in ((25, 1), (50, 2), (90, 9))}
    >>> table = pl.DataFrame({"step": [2], "name": ["Sign up"], "since": ["previous"], "people": [7], **hours})
    >>> [float(x) for x in draw_step_times(table).data[0].x if x is not None]
    [1.0, 9.0]
    """
    table, count_unit = rename_counts(table)
    quantiles = sorted((name for name in table.columns if _is_quantile(name)), key=lambda name: float(name[1:]))
    shown = [*quantiles, *(["mean"] if "mean" in table.columns else [])]
    rows = [
        row for row in table.filter(pl.col("since") == "previous").to_dicts() if shown and row[shown[0]] is not None
    ]
    if not rows:
        return draw_nothing("No one took a second step.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    groups = [by] if isinstance(by, str) else list(by or ())
    middle = "q50" if "q50" in quantiles else shown[-1]
    times = [row[name] // timedelta(microseconds=1) for row in rows for name in shown]
    size, unit = choose_time_unit(max(times))
    # where minutes and days meet, a linear axis would put all minutes on zero
    is_log = max(times) > _MOST_LINEAR * max(1, min(row[middle] // timedelta(microseconds=1) for row in rows))
    axis = (
        place_log_time_ticks(times, size=size, most=4 if narrow else 9)
        if is_log
        else {"title": unit, "rangemode": "tozero"}
    )
    places = [-place for place in range(len(rows))]

    def scale_time(row: dict[str, Any], name: str) -> float:
        micro = row[name] // timedelta(microseconds=1)
        return float((max(micro, SHORTEST) if is_log else micro) / size)

    fig = Chart(
        go.Scatter(
            x=[x for row in rows for x in (scale_time(row, shown[0]), scale_time(row, (quantiles or shown)[-1]), None)],
            y=[y for place in places for y in (place, place, None)],
            mode="lines",
            line={"color": theme.muted, "width": 1.6},
            hoverinfo="skip",
        )
    )
    fig.add_scatter(
        x=[scale_time(row, middle) for row in rows],
        y=places,
        mode="markers+text",
        marker={"size": 9, "color": theme.goal},
        text=[format_duration(row[middle]) for row in rows],
        textposition="top center",
        hovertext=[
            f"{format_count(row['people'], count_unit)}<br>"
            + "<br>".join(f"{_name_quantile(name)}: {format_duration(row[name])}" for name in shown)
            for row in rows
        ],
        hoverinfo="text",
        cliponaxis=False,
    )
    names = [" · ".join([row["name"], *(str(row[group]) for group in groups)]) for row in rows]
    ticks = [write_label(name, 18 if narrow else 34) for name in names]
    fig.update_yaxes(tickvals=places, ticktext=ticks, range=[places[-1] - 0.6, 0.7])
    fig.update_xaxes(**axis, showgrid=True)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=150 + 44 * len(rows))


def _is_quantile(name: str) -> bool:
    return name[:1] == "q" and name[1:].replace(".", "", 1).isdigit()


def _name_quantile(name: str) -> str:
    return "median" if name == "q50" else "mean" if name == "mean" else f"{name[1:]}% took at most"
