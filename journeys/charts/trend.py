"""A rate over time: a line with its interval; periods that are not complete yet are dashed."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.theme import apply_theme, colours, nothing, rgba
from journeys.charts.ticks import percent_ticks
from journeys.display import day, interval, number, percent

__all__ = ["draw"]


def draw(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw a rate by period.

    Parameters
    ----------
    table
        `period` (Datetime or Date), `entered`, `converted`, `rate`, `ci_low`, `ci_high`, `complete` (Boolean).
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.

    Examples
    --------
    >>> from datetime import date
    >>> table = pl.DataFrame({"period": [date(2026, 3, 1), date(2026, 3, 2)], "entered": [10, 12], "converted": [2, 3],
    ...     "rate": [0.2, 0.25], "ci_low": [0.06, 0.09], "ci_high": [0.5, 0.5], "complete": [True, False]})
    >>> [trace.line.dash for trace in draw(table).data]
    [None, None, 'dot', None]
    """
    rows = [row for row in table.to_dicts() if row["rate"] is not None]
    if not rows:
        return nothing("Nobody entered.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    # segments next to an incomplete period are dashed: each line has gaps where the other one is drawn
    near = [any(not row["complete"] for row in rows[max(at - 1, 0) : at + 2]) for at in range(len(rows))]
    whole = [row if row["complete"] else None for row in rows]
    open_ = [row if close else None for row, close in zip(rows, near, strict=True)]
    fig = go.Figure()
    hidden = {"line": {"width": 0}, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
    x = [row["period"] for row in rows]
    fig.add_scatter(x=x, y=[row["ci_high"] for row in rows], **hidden)
    fig.add_scatter(x=x, y=[row["ci_low"] for row in rows], fill="tonexty", fillcolor=rgba(theme.goal, 0.14), **hidden)
    for part, dash in ((open_, "dot"), (whole, None)):
        if not any(part):
            continue
        fig.add_scatter(
            x=x,
            y=[row and row["rate"] for row in part],
            mode="lines+markers",
            line={"color": theme.goal, "width": 2, "dash": dash},
            marker={"size": 5, "color": theme.goal if dash is None else theme.paper, "line": _outline(theme.goal)},
            hovertext=[row and _hover_text(row) for row in part],
            hoverinfo="text",
            showlegend=False,
            cliponaxis=False,
        )
    fig.update_xaxes(**_period_ticks(rows, most=4 if narrow else 9))
    fig.update_yaxes(
        **percent_ticks([row[part] for row in rows for part in ("rate", "ci_high")]), rangemode="tozero", showgrid=True
    )
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow)


def _period_ticks(rows: list[dict[str, Any]], *, most: int) -> dict[str, Any]:
    """Set ticks at the starts of periods, which Plotly's own would miss, and the year where it changes."""
    at = [row["period"] for row in rows][:: -(-len(rows) // most)]
    words = [day(period).rsplit(" ", 1) for period in at]
    years = [None, *(year for _, year in words)]
    texts = [
        text if year == before else f"{text}<br>{year}" for (text, year), before in zip(words, years, strict=False)
    ]
    return {"tickmode": "array", "tickvals": at, "ticktext": texts}


def _outline(colour: str) -> dict[str, Any]:
    return {"color": colour, "width": 1.5}


def _hover_text(row: dict[str, Any]) -> str:
    rate = f"{percent(row['rate'])} ({interval(row['ci_low'], row['ci_high'])})"
    still = "" if row["complete"] else "<br>not complete: the log holds a part of it, or some may still convert"
    return f"{day(row['period'])}: {number(row['converted'])} of {number(row['entered'])} converted, {rate}{still}"
