"""Overlap of segments: a bar per combination over a matrix of dots (an UpSet plot)."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label
from journeys.charts.theme import apply_theme, choose_theme
from journeys.display import format_count, format_number, format_percent, format_ratio, quote_labels

_MOST, _MOST_NARROW = 20, 8


def draw_overlap_bars(
    table: pl.DataFrame,
    *,
    sizes: Mapping[str, int],
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the combinations with most people; the dots say which segments each is in.

    Parameters
    ----------
    table
        One Boolean column per segment, `people` (none of them 0), `share`, `expected`, `lift`; its order is kept.
    sizes
        The people of each segment, in the order of the rows of dots.

    Examples
    --------
    >>> table = pl.DataFrame({"A": [True, False], "B": [True, False], "people": [3, 2], "share": [0.6, 0.4],
    ...     "expected": [1.8, 0.8], "lift": [1.67, 2.5]})
    >>> draw_overlap_bars(table, sizes={"A": 3, "B": 3}).data[0].y
    (3, 2)
    """
    theme = choose_theme(dark=dark)
    rows = table.head(_MOST_NARROW if narrow else _MOST).to_dicts()
    if table.height > len(rows):
        subtitle = f"{subtitle}; the {len(rows)} largest of {table.height} combinations"
    members = [[name for name in sizes if row[name]] for row in rows]
    columns = list(range(len(rows)))
    fig = Chart(
        go.Bar(
            x=columns,
            y=[row["people"] for row in rows],
            yaxis="y",
            marker={"color": [theme.goal if inside else theme.other for inside in members]},
            text=[format_number(row["people"]) for row in rows],
            textposition="outside",
            textfont={"color": theme.ink, "size": 12},
            textangle=0,
            cliponaxis=False,
            hovertext=[
                f"{write_label(quote_labels(inside, between=' and ')) if inside else 'in no segment'}<br>"
                f"{format_count(row['people'], 'person')}, {format_percent(row['share'])}; "
                f"{format_ratio(row['lift'])} times as many as by chance"
                for row, inside in zip(rows, members, strict=True)
            ],
            hoverinfo="text",
        )
    )
    places = {name: -place for place, name in enumerate(sizes)}
    for is_filled, tone in ((False, theme.grid), (True, theme.ink)):
        dots = [
            (x, places[name]) for x, inside in enumerate(members) for name in sizes if (name in inside) == is_filled
        ]
        fig.add_trace(
            go.Scatter(
                x=[x for x, _ in dots],
                y=[y for _, y in dots],
                yaxis="y2",
                mode="markers",
                marker={"size": 11, "color": tone},
                hoverinfo="skip",
            )
        )
    lines = [(x, [places[name] for name in inside]) for x, inside in enumerate(members) if len(inside) > 1]
    fig.add_trace(
        go.Scatter(
            x=[x for at, _ in lines for x in (at, at, None)],
            y=[y for _, heights in lines for y in (min(heights), max(heights), None)],
            yaxis="y2",
            mode="lines",
            line={"color": theme.ink, "width": 2},
            hoverinfo="skip",
        )
    )
    matrix = 28 * len(sizes) + 20
    height = 220 + matrix
    low = matrix / height
    fig.update_layout(
        showlegend=False,
        xaxis={"visible": False, "range": [-0.6, len(rows) - 0.4], "fixedrange": True, "anchor": "y2"},
        yaxis={
            "visible": False,
            "domain": [low + 0.03, 1],
            "range": [0, 1.15 * max(row["people"] for row in rows)],
            "fixedrange": True,
        },
        yaxis2={
            "domain": [0, low],
            "tickvals": list(places.values()),
            "ticktext": label_segments(sizes, narrow=narrow),
            "tickfont": {"size": 13, "color": theme.ink},
            "range": [-len(sizes) + 0.4, 0.6],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
    )
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height)


def label_segments(sizes: Mapping[str, int], *, narrow: bool) -> list[str]:
    """Label each segment with its name and its people."""
    return [f"{write_label(name, 14 if narrow else 30)} ({format_number(size)})  " for name, size in sizes.items()]
