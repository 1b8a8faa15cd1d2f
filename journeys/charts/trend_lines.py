"""Trends: one line per series or group; periods that are not complete are dotted."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full_name, write_label
from journeys.charts.theme import apply_theme, draw_nothing, theme_colours
from journeys.display import format_day, format_number, format_ratio

_MOST_LINES = 8


def draw_trend_lines(
    table: pl.DataFrame,
    *,
    line: str,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw values by period.

    Parameters
    ----------
    table
        `period` (Date), the column of `line`, `value`, `complete`.
    line
        The column whose values are drawn as lines, in order of their total; at most eight.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.

    Examples
    --------
    >>> from datetime import date
    >>> table = pl.DataFrame({"period": [date(2026, 3, 1), date(2026, 3, 2)], "series": ["A", "A"],
    ...     "value": [1.0, 2.0], "complete": [True, False]})
    >>> [trace.line.dash for trace in draw_trend_lines(table, line="series").data]
    [None, 'dot']
    """
    known = table.filter(pl.col("value").is_not_null())
    if not known.height:
        return draw_nothing("There is nothing to count.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = theme_colours(dark=dark)
    ranked = known.group_by(line).agg(pl.col("value").sum()).sort("value", line, descending=[True, False])
    names = ranked[line].to_list()[:_MOST_LINES]
    fig = go.Figure()
    for place, name in enumerate(names):
        rows = known.filter(pl.col(line) == name).sort("period").to_dicts()
        colour = theme.goal if len(names) == 1 else theme.events[place % len(theme.events)]
        # a stretch to or from a period that is not complete is dotted: each trace has gaps where the other is drawn
        near = [any(not row["complete"] for row in rows[max(at - 1, 0) : at + 2]) for at in range(len(rows))]
        solid = [row if row["complete"] else None for row in rows]
        dotted = [row if close else None for row, close in zip(rows, near, strict=True)]
        for part, dash in ((solid, None), (dotted, "dot")):
            if not any(part):
                continue
            fig.add_scatter(
                x=[row["period"] for row in rows],
                y=[row and row["value"] for row in part],
                name=write_label(name, 30),
                legendgroup=str(place),
                mode="lines+markers",
                line={"color": colour, "width": 2, "dash": dash},
                marker={"size": 5, "color": theme.paper if dash else colour, "line": {"color": colour, "width": 1.5}},
                hovertext=[row and _hover_text(row, name=name) for row in part],
                hoverinfo="text",
                showlegend=len(names) > 1 and (dash is None or not any(solid)),
                cliponaxis=False,
            )
    fig.update_yaxes(rangemode="tozero", showgrid=True)
    fig.update_xaxes(nticks=4 if narrow else 9)
    several = len(names) > 1
    fig.update_layout(showlegend=several, legend={"y": -0.14, "yanchor": "top"})
    margin = {"b": 80} if several else None
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, margin=margin)


def _hover_text(row: dict[str, Any], *, name: str) -> str:
    """Compose the hover text of one point."""
    value = format_number(row["value"]) if float(row["value"]).is_integer() else format_ratio(row["value"])
    open_ = "" if row["complete"] else "<br>not complete: the log holds only a part of it"
    return f"{full_name(name)}<br>{format_day(row['period'])}: {value}{open_}"
