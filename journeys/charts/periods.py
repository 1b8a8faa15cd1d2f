"""Two periods compared: two bars per step, the other period's hollow, and the difference with its interval."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import place_percent_ticks, place_point_ticks
from journeys.display import format_number, format_p_value, format_percent, format_points


def draw_periods(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw the rates of two periods, step by step, and by how much they differ.

    Parameters
    ----------
    table
        `name`, `people`, `people_against`, `rate`, `rate_against`, `difference`, `ci_low`, `ci_high`,
        `q_value`; the last three are null where nothing is tested.

    Examples
    --------
    >>> table = pl.DataFrame({"name": ["Buy"], "people": [9], "people_against": [3], "rate": [0.3],
    ...     "rate_against": [0.1], "difference": [0.2], "ci_low": [0.05], "ci_high": [0.35], "q_value": [0.01]})
    >>> [list(trace.x) for trace in draw_periods(table).data]
    [[0.3], [0.1], [0.2]]
    """
    rows = [row for row in table.to_dicts() if row["rate"] is not None or row["rate_against"] is not None]
    if not rows:
        return draw_nothing("There is nothing to compare.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    places = [-place for place in range(len(rows))]
    fig = Chart()
    for name, shift, fill in (("rate", 0.17, theme.goal), ("rate_against", -0.17, theme.paper)):
        count = name.replace("rate", "people")
        fig.add_bar(
            x=[row[name] or 0.0 for row in rows],
            y=[place + shift for place in places],
            width=0.28,
            orientation="h",
            marker={"color": fill, "line": {"color": theme.goal, "width": 1.5}},
            hovertext=[
                f"{write_full_name(row['name'])}<br>{format_percent(row[name])} ({format_number(row[count])})"
                for row in rows
            ],
            hoverinfo="text",
            text=[_bar_text(row[name], row[count], narrow=narrow) for row in rows],
            textposition="outside",
            textfont={"size": 11, "color": theme.ink},
            cliponaxis=False,
        )
    compared = [(row, place) for row, place in zip(rows, places, strict=True) if row["difference"] is not None]
    fig.add_trace(_draw_differences(compared, dark=dark))
    split = 0.5 if narrow else 0.62
    rates = [row[name] for row in rows for name in ("rate", "rate_against")]
    ends = [row[end] for row, _ in compared for end in ("difference", "ci_low", "ci_high")]
    most = max([rate for rate in rates if rate is not None] + [1e-9])
    fig.update_layout(
        xaxis={
            **place_percent_ticks(rates, most=3 if narrow else 5),
            "domain": [0, split],
            "range": [0, most * (1.35 if narrow else 1.3)],
        },
        xaxis2={
            **place_point_ticks(ends, most=3 if narrow else 5),
            # without zero in sight, an interval does not tell whether it holds it
            "range": _pad_range([0.0, *(end for end in ends if end is not None)]),
            "domain": [split + 0.08, 1],
            "anchor": "y",
            "title": "points",
            "rangemode": "tozero",
            "zeroline": True,
            "zerolinecolor": theme.muted,
        },
        yaxis={
            "tickvals": places,
            "ticktext": [write_label(row["name"], 14 if narrow else 34) + " " for row in rows],
            "tickfont": {"size": 12, "color": theme.ink},
            "range": [places[-1] - 0.6, 0.6],
        },
        showlegend=False,
    )
    margin = {"l": 8, "b": 44}
    height = 70 + 52 * len(rows)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin=margin)


def _pad_range(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    room = 0.06 * (high - low) or 0.01
    return [low - room, high + room]


def _bar_text(rate: float | None, count: int, *, narrow: bool) -> str:
    if rate is None:
        return ""
    return format_percent(rate) if narrow else f"{format_percent(rate)} ({format_number(count)})"


def _draw_differences(compared: list[tuple[dict[str, Any], int]], *, dark: bool) -> go.Scatter:
    """Draw the differences as dots, hollow where they may be chance, with their intervals where there are any."""
    theme = choose_theme(dark=dark)
    tones = [theme.better if row["difference"] >= 0 else theme.worse for row, _ in compared]
    sure = [row["q_value"] is not None and row["q_value"] < 0.05 for row, _ in compared]
    return go.Scatter(
        x=[row["difference"] for row, _ in compared],
        y=[place for _, place in compared],
        xaxis="x2",
        mode="markers",
        marker={
            "size": 9,
            "color": [tone if held else theme.paper for tone, held in zip(tones, sure, strict=True)],
            "line": {"color": tones, "width": 2},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [0 if row["ci_high"] is None else row["ci_high"] - row["difference"] for row, _ in compared],
            "arrayminus": [0 if row["ci_low"] is None else row["difference"] - row["ci_low"] for row, _ in compared],
            "color": theme.muted,
            "thickness": 1.2,
            "width": 0,
        },
        hovertext=[
            f"{write_full_name(row['name'])}<br>{format_points(row['difference'], row['ci_low'], row['ci_high'])}"
            + ("" if row["q_value"] is None else f", q {format_p_value(row['q_value'])}")
            for row, _ in compared
        ],
        hoverinfo="text",
    )
