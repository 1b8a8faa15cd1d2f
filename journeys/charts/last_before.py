"""What came last before a goal: one bar per value, and beside it the rate of going on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.theme import Colours, apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import label_rows, place_percent_ticks
from journeys.display import format_duration, format_interval, format_number, format_p_value, format_percent

ENOUGH = 30
"""Of fewer the marks are hollow."""
_MOST = 15  # values; the subtitle says of how many


def draw_last_before(
    table: pl.DataFrame,
    *,
    values: Sequence[str],
    count: str = "people",
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the share of each value with its interval; with rates of going on, a second panel.

    Parameters
    ----------
    table
        The columns of the values, the count, `share`, `ci_low`, `ci_high`, `median_time_before`, and if known
        `pending`, `went_on`, `rate`, `rate_low`, `rate_high`, `others_rate`, `q_value`; its order is kept.
    values, count
        The names of the columns of values, and of the count.

    Examples
    --------
    >>> table = pl.DataFrame({"page": ["/pricing"], "people": [40], "share": [0.4], "ci_low": [0.31],
    ...     "ci_high": [0.5], "median_time_before": [None]})
    >>> draw_last_before(table, values=["page"]).data[1].text
    ('40 · 40% (31–50%)',)
    """
    shown = table.head(_MOST).to_dicts()
    if not shown:
        return draw_nothing(
            "There is no goal to look back from.", title=title, subtitle=subtitle, dark=dark, narrow=narrow
        )
    theme = choose_theme(dark=dark)
    has_rates = "rate" in table.columns
    notes = [f"the first {len(shown)} of {table.height}"] if table.height > len(shown) else []
    notes += [f"hollow: fewer than {ENOUGH}"] if any(row[count] < ENOUGH for row in shown) else []
    subtitle = "; ".join(filter(None, [subtitle, *notes]))
    names = [" · ".join(str(row[name]) for name in values) for row in shown]
    fig = Chart(
        [
            _draw_shares(shown, names, count=count, theme=theme),
            _write_shares(shown, count=count, theme=theme, narrow=narrow),
        ]
    )
    most = max(row["ci_high"] or row["share"] for row in shown)
    fig.update_xaxes(visible=False, fixedrange=True, range=[0, most * (2.6 if narrow or has_rates else 1.5)])
    if has_rates and any(row["rate"] is not None for row in shown):
        fig.add_trace(_draw_rates(shown, names, count=count, theme=theme))
        ends = [row[end] for row in shown for end in ("rate", "rate_high", "others_rate")]
        fig.update_layout(
            xaxis={"domain": [0, 0.62]},
            xaxis2={"domain": [0.66, 1], "anchor": "y", "fixedrange": True, "showgrid": True}
            | place_percent_ticks(ends, most=3 if narrow else 5),
        )
    labels = [write_label(name, 16 if narrow else 34) + "  " for name in names]
    fig.update_yaxes(**label_rows(labels, colour=theme.ink))
    height = 34 * len(names) + (50 if has_rates else 20)
    margin = {"b": 36} if has_rates else {}
    return apply_theme(
        fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin=margin
    ).update_layout(showlegend=False)


def _write_shares(rows: Sequence[dict[str, Any]], *, count: str, theme: Colours, narrow: bool) -> go.Scatter:
    """Write counts and shares to the right of the whiskers, with a small gap."""
    ends = [row["ci_high"] or row["share"] for row in rows]
    return go.Scatter(
        x=[end + 0.015 * max(ends) for end in ends],
        y=[-place for place in range(len(rows))],
        mode="text",
        text=[
            f"{format_number(row[count])} · {format_percent(row['share'])}"
            + ("" if narrow else f" ({format_interval(row['ci_low'], row['ci_high'])})")
            for row in rows
        ],
        textposition="middle right",
        textfont={"color": theme.ink, "size": 12},
        cliponaxis=False,
        hoverinfo="skip",
    )


def _draw_shares(rows: Sequence[dict[str, Any]], names: Sequence[str], *, count: str, theme: Colours) -> go.Bar:
    """Draw bars as long as the shares, with whiskers."""
    tone = [theme.other if name.startswith("(") else theme.goal for name in names]
    return go.Bar(
        x=[row["share"] for row in rows],
        y=[-place for place in range(len(rows))],
        orientation="h",
        marker={
            "color": [theme.paper if row[count] < ENOUGH else shade for row, shade in zip(rows, tone, strict=True)],
            "line": {"color": tone, "width": 1.5},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, (row["ci_high"] or row["share"]) - row["share"]) for row in rows],
            "arrayminus": [max(0.0, row["share"] - (row["ci_low"] or 0.0)) for row in rows],
            "color": theme.muted,
            "thickness": 1.2,
            "width": 0,
        },
        hovertext=[
            f"<b>{write_full_name(name)}</b><br>{format_number(row[count])}, {format_percent(row['share'])} "
            f"({format_interval(row['ci_low'], row['ci_high'])})<br>median time before: "
            f"{format_duration(row['median_time_before'])}"
            for name, row in zip(names, rows, strict=True)
        ],
        hoverinfo="text",
    )


def _draw_rates(rows: Sequence[dict[str, Any]], names: Sequence[str], *, count: str, theme: Colours) -> go.Scatter:
    """Draw the rates of going on as dots with whiskers; hollow where they rest on few people."""
    known = [
        (place, name, row) for place, (name, row) in enumerate(zip(names, rows, strict=True)) if row["rate"] is not None
    ]
    enough = [row[count] - row["pending"] >= ENOUGH for _, _, row in known]
    return go.Scatter(
        x=[row["rate"] for _, _, row in known],
        y=[-place for place, _, _ in known],
        xaxis="x2",
        mode="markers",
        marker={
            "size": 10,
            "color": [theme.ink if held else theme.paper for held in enough],
            "line": {"color": theme.ink, "width": 2},
        },
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [row["rate_high"] - row["rate"] for _, _, row in known],
            "arrayminus": [row["rate"] - row["rate_low"] for _, _, row in known],
            "color": theme.muted,
            "thickness": 1.2,
            "width": 0,
        },
        hovertext=[
            f"<b>{write_full_name(name)}</b><br>{format_number(row['went_on'])} of "
            f"{format_number(row[count] - row['pending'])} went on: "
            f"{format_percent(row['rate'])} ({format_interval(row['rate_low'], row['rate_high'])}); all others: "
            f"{format_percent(row['others_rate'])}, q {format_p_value(row['q_value'])}"
            for _, name, row in known
        ],
        hoverinfo="text",
    )
