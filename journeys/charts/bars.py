"""Horizontal bars: what came next, and what each option changes."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label, write_quoted_name
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_number, format_percent

_MOST = 10  # bars


def draw_next_events(
    table: pl.DataFrame,
    *,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the most frequent very next events.

    Parameters
    ----------
    table
        `position`, `event`, `people`, `share`.

    Examples
    --------
    >>> table = pl.DataFrame({"position": [1, 1], "event": ["Help", "(nothing more)"], "people": [3, 1],
    ...     "share": [0.75, 0.25]})
    >>> list(draw_next_events(table).data[0].x)
    [0.75, 0.25]
    """
    rows = table.filter(pl.col("position") == 1).head(_MOST).to_dicts()
    if not rows:
        return draw_nothing("No one dropped off here.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    fig = Chart(
        go.Bar(
            x=[row["share"] for row in rows],
            y=[-place for place in range(len(rows))],
            orientation="h",
            marker={"color": [theme.drop if row["event"].startswith("(") else theme.rest for row in rows]},
            text=[f"{format_number(row['people'])} · {format_percent(row['share'])}" for row in rows],
            textposition="outside",
            cliponaxis=False,
            hovertext=[f"{write_quoted_name(row['event'])}: {format_count(row['people'], 'person')}" for row in rows],
            hoverinfo="text",
        )
    )
    names = [write_label(row["event"], 18 if narrow else 34) for row in rows]
    fig.update_yaxes(tickvals=[-place for place in range(len(rows))], ticktext=names)
    fig.update_xaxes(visible=False, range=[0, (1.7 if narrow else 1.25) * max(row["share"] for row in rows)])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=140 + 30 * len(rows))


def draw_changes(
    table: pl.DataFrame, *, title: str = "", subtitle: str = "", dark: bool = False, narrow: bool = False
) -> go.Figure:
    """Draw what each option alone would change.

    Parameters
    ----------
    table
        `choice`, `here`, `there`, `change`.

    Examples
    --------
    >>> table = pl.DataFrame({"choice": ["within"], "here": ["none"], "there": ["1 day"], "change": [-4]})
    >>> list(draw_changes(table).data[0].x)
    [-4]
    """
    rows = [row for row in table.to_dicts() if row["change"] is not None]
    if not rows:
        return draw_nothing("Nothing differs.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    places = [-place for place in range(len(rows))]
    fig = Chart(
        go.Bar(
            x=[row["change"] for row in rows],
            y=places,
            orientation="h",
            marker={"color": [theme.goal if row["change"] >= 0 else theme.worse for row in rows]},
            text=[f"{row['change']:+,}".replace("-", "−") if row["change"] else "0" for row in rows],
            textposition="outside",
            cliponaxis=False,
            hovertext=[
                f"{write_full_name(row['choice'])}: {write_full_name(row['here'])} → {write_full_name(row['there'])}"
                for row in rows
            ],
            hoverinfo="text",
        )
    )
    fig.add_vline(x=0, line={"color": theme.muted, "width": 1})
    names = [write_label(f"{row['choice']}: {row['there']}", 20 if narrow else 40) for row in rows]
    fig.update_yaxes(tickvals=places, ticktext=names)
    fig.update_xaxes(visible=False)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=140 + 30 * len(rows))
