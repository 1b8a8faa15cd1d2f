"""Stickiness: one bar per number of active days."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full_name, write_label
from journeys.charts.theme import apply_theme, draw_nothing, theme_colours
from journeys.charts.ticks import percent_ticks
from journeys.display import format_count, format_percent


def draw_stickiness(
    table: pl.DataFrame,
    *,
    unit: str,
    by: str | None = None,
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
    by
        The group column; each group has bars of its own.
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
    fig = go.Figure()
    parts = table.partition_by(by, maintain_order=True) if by else [table]
    for place, part in enumerate(parts):
        name = str(part[by][0]) if by else ""
        fig.add_bar(
            x=part["days"].to_list(),
            y=part["share"].to_list(),
            name=write_label(name, 30),
            marker={"color": theme.events[place % len(theme.events)] if by else theme.goal},
            # beside each other, there is room for few numbers
            text=[format_percent(share) for share in part["share"]] if not by else None,
            textposition="outside" if not by else None,
            cliponaxis=False,
            hovertext=[_hover_text(row, unit=unit, name=name) for row in part.iter_rows(named=True)],
            hoverinfo="text",
            showlegend=bool(by),
        )
    fig.update_xaxes(title=f"active {unit}", dtick=1 if table["days"].n_unique() < 15 else None)
    fig.update_yaxes(**percent_ticks(table["share"]), showgrid=True)
    lines = -(-len(parts) // (2 if narrow else 5)) if by else 0
    fig.update_layout(barmode="group", showlegend=bool(by), legend={"y": -0.2, "yanchor": "top"})
    room = {"t": 24, "b": 16 + 40 * bool(by) + 20 * lines}
    return apply_theme(
        fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=360 + 20 * lines, margin=room
    )


def _hover_text(row: dict[str, Any], *, unit: str, name: str) -> str:
    """Compose the hover text of one bar."""
    head = f"{full_name(name)}<br>" if name else ""
    return (
        f"{head}{row['days']} {unit}: {format_count(row['people'], 'person')}, {format_percent(row['share'])}"
        f"<br>{format_percent(row['at_least'])} on {row['days']} or more"
    )
