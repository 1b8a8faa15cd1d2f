"""Experiments: the difference of each variant to the control with its interval."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label, write_quoted_name
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import place_point_ticks
from journeys.display import (
    format_count,
    format_number,
    format_p_value,
    format_percent,
    format_points,
    format_ratio,
    format_signed,
)


def draw_experiment(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw differences to the control as dots with intervals; those within chance are hollow.

    Parameters
    ----------
    table
        `variant`, `people`, `rate` (or `mean`), `difference`, `difference_low`, `difference_high`, `q_value`; the
        control, without a difference, first.

    Examples
    --------
    >>> table = pl.DataFrame({"variant": ["a", "b"], "people": [100, 100], "rate": [0.1, 0.3],
    ...     "difference": [None, 0.2], "difference_low": [None, 0.1], "difference_high": [None, 0.3],
    ...     "q_value": [None, 0.01]})
    >>> draw_experiment(table).data[0].x
    (0.2,)
    """
    control = table.row(0, named=True) if table.height else None
    rows = table.filter(pl.col("difference").is_not_null()).reverse().to_dicts()
    if not rows:
        return draw_nothing("No variant can be compared.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    if control is not None and subtitle:
        subtitle = f"{subtitle}; the control: {_describe_outcome(control)}"
    theme = choose_theme(dark=dark)
    shades = [theme.better if row["difference"] >= 0 else theme.worse for row in rows]
    clear = [row["q_value"] is not None and row["q_value"] <= 0.05 for row in rows]
    fig = Chart(
        go.Scatter(
            x=[row["difference"] for row in rows],
            y=list(range(len(rows))),
            mode="markers",
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row["difference_high"] - row["difference"] for row in rows],
                "arrayminus": [row["difference"] - row["difference_low"] for row in rows],
                "color": theme.muted,
                "thickness": 1.5,
                "width": 0,
            },
            marker={
                "size": 11,
                "color": [shade if sure else theme.paper for shade, sure in zip(shades, clear, strict=True)],
                "line": {"color": shades, "width": 2},
            },
            hovertext=[
                f"{write_quoted_name(row['variant'])}, {format_count(row['people'], 'person')}<br>"
                f"{_format_difference(row)}, "
                f"q {format_p_value(row['q_value'])}"
                for row in rows
            ],
            hoverinfo="text",
        )
    )
    ends = [row[name] for row in rows for name in ("difference_low", "difference_high")]
    fig.add_vline(x=0, line={"color": theme.muted, "width": 1})
    if "rate" in table.columns:
        fig.update_xaxes(**place_point_ticks(ends, most=4 if narrow else 7), title="points", showgrid=True)
    else:
        fig.update_xaxes(showgrid=True, title="difference of means", rangemode="tozero")
    fig.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[
            f"{write_label(row['variant'], 18 if narrow else 40)} <br>"
            f'<span style="color:{theme.muted};font-size:12px">{_describe_outcome(row)} </span>'
            for row in rows
        ],
        tickfont={"size": 13, "color": theme.ink},
        range=[-0.6, len(rows) - 0.4],
    )
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=60 * len(rows) + 60)


def _describe_outcome(row: dict[str, Any]) -> str:
    """Write what a variant's people did: the share who converted, or the mean."""
    if "rate" in row:
        return f"{format_percent(row['rate'])} of {format_number(row['people'])}"
    return f"mean {format_ratio(row['mean'])}, {format_count(row['people'], 'person')}"


def _format_difference(row: dict[str, Any]) -> str:
    """Format a difference with its interval: rates in points, means as they are."""
    ends = row["difference_low"], row["difference_high"]
    if "rate" in row:
        return format_points(row["difference"], *ends)
    signed = [format_signed(value, form=format_ratio) for value in (row["difference"], *ends)]
    return f"{signed[0]} ({signed[1]} to {signed[2]})"
