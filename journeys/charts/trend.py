"""A rate over time: a line with its interval; periods that are not complete yet are dashed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full_name, write_label
from journeys.charts.theme import apply_theme, draw_nothing, theme_colours, with_opacity
from journeys.charts.ticks import percent_ticks
from journeys.display import format_day, format_interval, format_number, format_percent

FEW = 30
"""Rates of fewer people are hollow, are joined by no line, and do not set the scale."""
MOST_BANDS = 3
"""With more groups no intervals are drawn: they would cover each other."""


def draw_trend(
    table: pl.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a rate by period.

    Parameters
    ----------
    table
        `period` (Date), `entered`, `converted`, `rate`, `ci_low`, `ci_high`, `complete` (Boolean); the columns of `by`
        first.
    by
        The group columns; each group is a line.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.

    Examples
    --------
    >>> from datetime import date
    >>> days = [date(2026, 3, 1), date(2026, 3, 2)]
    >>> table = pl.DataFrame({"period": days, "entered": [50, 60], "converted": [10, 15],
    ...     "rate": [0.2, 0.25], "ci_low": [0.11, 0.16], "ci_high": [0.33, 0.37], "complete": [True, False]})
    >>> [trace.line.dash for trace in draw_trend(table).data]
    [None, None, 'dot', None]
    """
    rows = [row for row in table.sort("period").to_dicts() if row["rate"] is not None]
    if not rows:
        return draw_nothing("Nobody entered.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = theme_colours(dark=dark)
    groups = [by] if isinstance(by, str) else list(by or ())
    series: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_dicts():
        if row["rate"] is not None:
            series.setdefault(" · ".join(str(row[group]) for group in groups), []).append(row)
    has_bands = len(series) <= MOST_BANDS
    fig = go.Figure()
    for at, (name, part) in enumerate(series.items()):
        colour = theme.events[at % len(theme.events)] if groups else theme.goal
        _add_line(fig, part, name=name, colour=colour, paper=theme.paper, has_band=has_bands)
    fig.update_xaxes(**_period_ticks(list({row["period"]: row for row in rows}.values()), most=4 if narrow else 9))
    sure = [row for row in rows if row["entered"] >= FEW]
    if len(sure) < len(rows):
        subtitle = f"{subtitle}; hollow without a line: fewer than {FEW} people" if subtitle else ""
    ends = ("rate", "ci_high") if has_bands else ("rate",)
    ticks = percent_ticks([row[end] for row in sure or rows for end in ends])
    fig.update_yaxes(**ticks, range=[0, max(ticks["tickvals"][-1], 1e-9)], showgrid=True)
    fig.update_layout(showlegend=bool(groups), legend={"y": -0.18, "yanchor": "top"})
    lines = -(-len(series) // (2 if narrow else 5)) if groups else 0
    size: dict[str, Any] = {"height": 420 + 20 * lines, "margin": {"b": 56 + 20 * lines}} if groups else {}
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, **size)


def _add_line(
    fig: go.Figure, rows: list[dict[str, Any]], *, name: str, colour: str, paper: str, has_band: bool
) -> None:
    """Draw one series: a whole line, and a dashed one next to incomplete periods; each has gaps where the other is."""
    few = [row["entered"] < FEW for row in rows]
    near = [any(not row["complete"] for row in rows[max(at - 1, 0) : at + 2]) for at in range(len(rows))]
    complete = [row if row["complete"] and not little else None for row, little in zip(rows, few, strict=True)]
    incomplete = [row if close and not little else None for row, close, little in zip(rows, near, few, strict=True)]
    x = [row["period"] for row in rows]
    if has_band:
        band = [
            (None, None) if little else (row["ci_low"], row["ci_high"]) for row, little in zip(rows, few, strict=True)
        ]
        hidden = {"line": {"width": 0}, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
        fig.add_scatter(x=x, y=[high for _, high in band], **hidden)
        fig.add_scatter(x=x, y=[low for low, _ in band], fill="tonexty", fillcolor=with_opacity(colour, 0.14), **hidden)
    for part, dash in ((incomplete, "dot"), (complete, None)):
        if not any(part):
            continue
        fig.add_scatter(
            x=x,
            y=[row and row["rate"] for row in part],
            name=write_label(name, 30),
            legendgroup=name,
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": dash},
            marker={"size": 5, "color": colour if dash is None else paper, "line": {"color": colour, "width": 1.5}},
            hovertext=[row and _hover_text(row, name) for row in part],
            hoverinfo="text",
            showlegend=bool(name) and (dash is None or not any(complete)),
        )
    if any(few):
        fig.add_scatter(
            x=[period for period, little in zip(x, few, strict=True) if little],
            y=[row["rate"] for row, little in zip(rows, few, strict=True) if little],
            legendgroup=name,
            mode="markers",
            marker={"size": 6, "color": paper, "line": {"color": colour, "width": 1}},
            hovertext=[_hover_text(row, name) for row, little in zip(rows, few, strict=True) if little],
            hoverinfo="text",
            name=write_label(name, 30),
            showlegend=bool(name) and all(few),
        )


def _period_ticks(rows: list[dict[str, Any]], *, most: int) -> dict[str, Any]:
    """Set ticks at the starts of periods, which Plotly's own would miss, and the year where it changes."""
    at = [row["period"] for row in rows][:: -(-len(rows) // most)]
    words = [format_day(period).rsplit(" ", 1) for period in at]
    years = [None, *(year for _, year in words)]
    texts = [
        text if year == before else f"{text}<br>{year}" for (text, year), before in zip(words, years, strict=False)
    ]
    return {"tickmode": "array", "tickvals": at, "ticktext": texts}


def _hover_text(row: dict[str, Any], group: str) -> str:
    rate = f"{format_percent(row['rate'])} ({format_interval(row['ci_low'], row['ci_high'])})"
    few = f"<br>fewer than {FEW} people" if row["entered"] < FEW else ""
    still = "" if row["complete"] else "<br>not complete: the log holds a part of it, or some may still convert"
    where = f"{full_name(group)}, " if group else ""
    counts = f"{format_number(row['converted'])} of {format_number(row['entered'])} converted"
    return f"{where}{format_day(row['period'])}: {counts}, {rate}{still}{few}"
