"""Stickiness: one bar per number of active days."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.theme import apply_theme, draw_nothing, theme_colours
from journeys.charts.ticks import percent_ticks
from journeys.display import format_number, format_percent


def draw_stickiness(
    table: pl.DataFrame,
    *,
    unit: str,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the share of people by number of active days.

    Parameters
    ----------
    table
        `days`, `people`, `share`, `at_least` of one period.
    unit
        What is counted, such as "days".
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.

    Examples
    --------
    >>> table = pl.DataFrame({"days": [1, 2], "people": [30, 10], "share": [0.75, 0.25], "at_least": [1.0, 0.25]})
    >>> list(draw_stickiness(table, unit="days").data[0].y)
    [0.75, 0.25]
    """
    if not table.height:
        return draw_nothing("No period is complete.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = theme_colours(dark=dark)
    hover = [
        f"{row['days']} {unit}: {format_number(row['people'])} people, {format_percent(row['share'])}"
        f"<br>{format_percent(row['at_least'])} on {row['days']} or more"
        for row in table.iter_rows(named=True)
    ]
    fig = go.Figure(
        go.Bar(
            x=table["days"].to_list(),
            y=table["share"].to_list(),
            marker={"color": theme.goal},
            text=[format_percent(share) for share in table["share"]],
            textposition="outside",
            cliponaxis=False,
            hovertext=hover,
            hoverinfo="text",
        )
    )
    fig.update_xaxes(title=f"active {unit}", dtick=1 if table.height < 15 else None)
    fig.update_yaxes(**percent_ticks(table["share"]), showgrid=True)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=360, margin={"t": 24})
