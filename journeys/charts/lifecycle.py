"""Lifecycle: states of people as bars around zero."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import place_count_ticks, place_period_ticks
from journeys.display import format_day, format_number


def draw_lifecycle(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw new, returning and resurrecting people above zero, and dormant people below.

    Parameters
    ----------
    table
        `period` (Date), `new`, `returning`, `resurrecting`, `dormant`, `complete`.

    Examples
    --------
    >>> from datetime import date
    >>> table = pl.DataFrame({"period": [date(2026, 3, 1)], "new": [3], "returning": [2], "resurrecting": [0],
    ...     "dormant": [1], "complete": [True]})
    >>> [trace.y[0] for trace in draw_lifecycle(table).data]
    [2, 0, 3, -1]
    """
    if not table.height or not table.select("new", "returning", "resurrecting").to_numpy().sum():
        return draw_nothing("No one was active.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    fig = Chart()
    shades = {"returning": theme.events[0], "resurrecting": theme.events[3], "new": theme.goal, "dormant": theme.drop}
    opacity = [1.0 if complete else 0.45 for complete in table["complete"]]
    for state, colour in shades.items():
        sign = -1 if state == "dormant" else 1
        people = table[state].to_list()
        fig.add_bar(
            x=table["period"].to_list(),
            y=[sign * count for count in people],
            name=state,
            marker={"color": colour, "opacity": opacity},
            hovertext=[
                f"{format_day(p)}: {format_number(n)} {state}" for p, n in zip(table["period"], people, strict=True)
            ],
            hoverinfo="text",
            showlegend=True,
        )
    fig.update_layout(barmode="relative", bargap=0.25, showlegend=True, legend={"y": -0.14, "yanchor": "top"})
    above = table.select(pl.sum_horizontal("new", "returning", "resurrecting").max()).item()
    # people are counted upwards and downwards: below zero they are no fewer than none
    ticks = place_count_ticks(-int(table["dormant"].max()), int(above))  # type: ignore[arg-type]
    fig.update_yaxes(**ticks, showgrid=True, zeroline=True, zerolinecolor=theme.muted)
    fig.update_xaxes(**place_period_ticks(table["period"].to_list(), most=3 if narrow else 9))
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, margin={"b": 80})
