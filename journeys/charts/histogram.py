"""A histogram of times: people by how long they took."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import rename_counts
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import write_bin_edges
from journeys.display import format_count, format_duration, format_number, format_percent


def draw_histogram(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw the people in each bin of time; groups, if any, are added up.

    Parameters
    ----------
    table
        `from`, `to` (Duration), `people`.

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
        return draw_nothing("No one took both steps.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    edges = [*bins["from"].to_physical(), int(bins["to"].to_physical()[-1])]
    size, axis_title, edge_labels = write_bin_edges(edges)
    # bins that grow are drawn equally wide
    at = np.array(edges) / size if size else np.arange(len(edges)) - 0.5
    # with few bins each has its value, and the axis the edges between them
    has_room = bins.height <= 14
    is_small = narrow and bins.height > 5
    hover_texts = [
        f"{format_count(row['people'], count_unit)} ({format_percent(row['people'] / total)})<br>"
        f"took {format_duration(row['from'])} to {format_duration(row['to'])}"
        for row in bins.to_dicts()
    ]
    fig = Chart(
        go.Bar(
            x=(at[:-1] + at[1:]) / 2,
            y=bins["people"].to_list(),
            width=np.diff(at) * 0.94,
            marker={"color": theme.goal, "line": {"width": 0}},
            text=[_label_bar(count, total, is_small=is_small) for count in bins["people"]] if has_room else None,
            textposition="outside",
            textfont={"size": 10 if is_small else 12, "color": theme.ink},
            cliponaxis=False,
            hovertext=hover_texts,
            hoverinfo="text",
        )
    )
    fig.update_yaxes(title=format_count(2, count_unit).split(" ")[1], showgrid=True, rangemode="tozero")
    fig.update_xaxes(title=axis_title)
    if has_room:
        fig.update_xaxes(tickvals=list(at), ticktext=edge_labels, tickmode="array", tickangle=0)
        fig.update_xaxes(tickfont={"size": 10 if is_small else 12})
        fig.update_yaxes(range=[0, max(bins["people"]) * 1.18])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow)


def _label_bar(count: int, total: int, *, is_small: bool) -> str:
    """Write people and share above a bar; on a phone, where bars are small, the share alone, and nothing for nobody."""
    if is_small:
        return format_percent(count / total) if count else ""
    return f"{format_number(count)}<br>{format_percent(count / total)}"
