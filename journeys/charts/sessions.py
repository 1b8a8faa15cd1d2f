"""Sessions: one bar per group, with the share that converts or bounces."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_duration, format_number, format_percent

_MOST_ROWS = 20


def draw_sessions(
    summary: pl.DataFrame,
    *,
    by: str,
    rate: str,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the largest groups of sessions.

    Parameters
    ----------
    summary
        The column of `by`, `sessions`, `people`, `median_duration`, and the column of `rate`.
    by, rate
        The columns of groups and of the share that is printed beside each bar.

    Examples
    --------
    >>> from datetime import timedelta
    >>> summary = pl.DataFrame({"landing": ["/"], "sessions": [40], "people": [30],
    ...     "median_duration": [timedelta(minutes=3)], "bounce_rate": [0.5]})
    >>> draw_sessions(summary, by="landing", rate="bounce_rate").data[0].text
    ('40 · 50%',)
    """
    if not summary.height:
        return draw_nothing("There are no sessions.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    rows = summary.head(_MOST_ROWS).reverse().to_dicts()
    grey = [row["sessions"] < 30 for row in rows]
    fig = Chart(
        go.Bar(
            x=[row["sessions"] for row in rows],
            y=list(range(len(rows))),
            orientation="h",
            marker={"color": [theme.other if few else theme.goal for few in grey]},
            text=[
                format_number(row["sessions"]) + ("" if row[rate] is None else f" · {format_percent(row[rate])}")
                for row in rows
            ],
            textposition="outside",
            cliponaxis=False,
            hovertext=[
                f"{write_full_name(str(row[by]))}<br>{format_count(row['sessions'], 'session')} of "
                f"{format_count(row['people'], 'person')}"
                f"<br>the median lasts {format_duration(row['median_duration'])}"
                for row in rows
            ],
            hoverinfo="text",
        )
    )
    most = max(row["sessions"] for row in rows)
    fig.update_xaxes(visible=False, range=[0, most * (1.5 if narrow else 1.2)], fixedrange=True)
    fig.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[write_label(str(row[by]), 18 if narrow else 40) + " " for row in rows],
        tickfont={"size": 13, "color": theme.ink},
        fixedrange=True,
    )
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=30 * len(rows) + 40)
