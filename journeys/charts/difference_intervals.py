"""Differences of rates with their intervals, one line each, around zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.theme import Colours, apply_theme, choose_symbol, choose_theme, draw_nothing
from journeys.charts.ticks import place_point_ticks
from journeys.display import format_number, format_p_value, format_percent, format_points


def draw_difference_intervals(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw by how much rates differ: filled where it holds after correction, hollow where it does not.

    Parameters
    ----------
    table
        `step`, `name`, `people`, `people_against`, `rate`, `rate_against`, `difference`, `ci_low`, `ci_high`,
        `q_value`; group columns first.

    Examples
    --------
    >>> table = pl.DataFrame({"step": [2], "name": ["Buy"], "people": [9], "people_against": [3], "rate": [0.3],
    ...     "rate_against": [0.1], "difference": [0.2], "ci_low": [0.05], "ci_high": [0.35], "q_value": [0.01]})
    >>> list(draw_difference_intervals(table).data[0].x)
    [0.2]
    """
    rows = [row for row in table.to_dicts() if row["difference"] is not None]
    if not rows:
        return draw_nothing("There is nothing to compare.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    groups = table.columns[: table.columns.index("step")]
    names = [" · ".join([*(str(row[group]) for group in groups), str(row["name"])]) for row in rows]
    places = [-place for place in range(len(rows))]
    tone = [theme.goal if row["difference"] >= 0 else theme.worse for row in rows]
    sure = [row["q_value"] is not None and row["q_value"] < 0.05 for row in rows]
    fig = Chart(
        go.Scatter(
            x=[row["difference"] for row in rows],
            y=places,
            mode="markers",
            marker={
                "size": 9,
                "symbol": [choose_symbol(row["difference"]) for row in rows],
                "color": [colour if held else theme.paper for colour, held in zip(tone, sure, strict=True)],
                "line": {"color": tone, "width": 2},
            },
            error_x={
                "type": "data",
                "array": [row["ci_high"] - row["difference"] for row in rows],
                "arrayminus": [row["difference"] - row["ci_low"] for row in rows],
                "color": theme.muted,
                "thickness": 1.2,
                "width": 0,
            },
            hovertext=[
                f"{write_full_name(name)}<br>{format_percent(row['rate'])} of these ({format_number(row['people'])}), "
                f"{format_percent(row['rate_against'])} of the others ({format_number(row['people_against'])})<br>"
                f"{format_points(row['difference'], row['ci_low'], row['ci_high'])}, q {format_p_value(row['q_value'])}"
                for name, row in zip(names, rows, strict=True)
            ],
            hoverinfo="text",
        )
    )
    fig.add_vline(x=0, line={"color": theme.muted, "width": 1})
    ends = [row[end] for row in rows for end in ("difference", "ci_low", "ci_high")]
    fig.update_xaxes(**place_point_ticks(ends, most=4 if narrow else 7), title="points", showgrid=True)
    named = zip(rows, names, strict=True)
    fig.update_yaxes(
        tickvals=places,
        ticktext=[
            _tick_label(row, groups, theme=theme) if narrow else write_label(name, 40) + " " for row, name in named
        ],
        tickfont={"size": 12, "color": theme.ink},
        range=[places[-1] - 0.7, 0.7],
    )
    margin = {"l": 8, "b": 44}
    height = 70 + (36 if narrow and groups else 28) * len(rows)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin=margin)


def _tick_label(row: dict[str, Any], groups: Sequence[str], *, theme: Colours) -> str:
    """Write the group and, below it, the step: side by side there is no room for both on a phone."""
    step = write_label(str(row["name"]), 22)
    if not groups:
        return f"{step} "
    group = write_label(" · ".join(str(row[name]) for name in groups), 20)
    return f"{group} <br><span style='font-size:11px;color:{theme.muted}'>{step} </span>"
