"""A histogram of times: people by how long they took."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import rename_counts
from journeys.charts.theme import apply_theme, draw_nothing, theme_colours
from journeys.charts.ticks import time_unit
from journeys.display import format_count, format_duration, format_number, format_percent


def draw_histogram(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw the people in each bin of time; groups, if any, are added up.

    Parameters
    ----------
    table
        `from`, `to` (Duration), `people`.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.

    Examples
    --------
    >>> from datetime import timedelta
    >>> hours = [timedelta(hours=h) for h in (0, 5, 10)]
    >>> fig = draw_histogram(pl.DataFrame({"from": hours[:2], "to": hours[1:], "people": [3, 1]}))
    >>> [int(y) for y in fig.data[0].y], fig.layout.xaxis.title.text
    ([3, 1], 'hours')
    """
    table, count_unit = rename_counts(table)
    bins = table.group_by("from", "to").agg(pl.col("people").sum()).sort("from")
    total = int(bins["people"].sum())
    if not total:
        return draw_nothing("Nobody took both steps.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = theme_colours(dark=dark)
    low, high = bins["from"].to_physical().to_numpy(), bins["to"].to_physical().to_numpy()
    size, unit = time_unit(int(high[-1]))
    # with few bins each has its value, and the axis the edges between them
    has_room = bins.height <= (7 if narrow else 14)
    hover_texts = [
        f"{format_count(row['people'], count_unit)} ({format_percent(row['people'] / total)})<br>"
        f"took {format_duration(row['from'])} to {format_duration(row['to'])}"
        for row in bins.to_dicts()
    ]
    fig = Chart(
        go.Bar(
            x=(low + high) / 2 / size,
            y=bins["people"].to_list(),
            width=(high - low) / size * 0.94,
            marker={"color": theme.goal, "line": {"width": 0}},
            text=[f"{format_number(count)}<br>{format_percent(count / total)}" for count in bins["people"]]
            if has_room
            else None,
            textposition="outside",
            textfont={"size": 12, "color": theme.ink},
            cliponaxis=False,
            hovertext=hover_texts,
            hoverinfo="text",
        )
    )
    fig.update_yaxes(title=format_count(2, count_unit).split(" ")[1], showgrid=True, rangemode="tozero")
    fig.update_xaxes(title=unit)
    if has_room:
        edges = [*(low / size), high[-1] / size]
        fig.update_xaxes(
            tickvals=edges,
            ticktext=[f"{edge:.2g}" if edge < 100 else f"{edge:.0f}" for edge in edges],
            tickmode="array",
        )
        fig.update_yaxes(range=[0, max(bins["people"]) * 1.18])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
