"""Retention: the triangle of cohorts as a heatmap, and the overall curve."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import full_name, write_label
from journeys.charts.theme import apply_theme, draw_nothing, theme_colours, with_opacity
from journeys.charts.ticks import percent_ticks
from journeys.display import format_count, format_interval, format_number, format_percent

_MOST_PRINTED = 260


def draw_triangle(
    table: pl.DataFrame,
    *,
    unit: str,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the rate of each cohort and period; cells that are not over yet stay open.

    Parameters
    ----------
    table
        `cohort`, `size`, `period`, `back`, `rate`, `ci_low`, `ci_high`, `complete`.
    unit
        What a period is called.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.
    """
    if not table.height:
        return draw_nothing("There are no cohorts.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = theme_colours(dark=dark)
    cohorts = table["cohort"].unique().sort(descending=True).to_list()  # row 0 of a heatmap is at the bottom
    periods = table["period"].unique().sort().to_list()
    cells = {(row["cohort"], row["period"]): row for row in table.iter_rows(named=True)}
    shown = [[cells[cohort, period]["rate"] if period else None for period in periods] for cohort in cohorts]
    rates = [rate for line in shown for rate in line if rate is not None]
    top = max([0.01, *rates])
    hover = [[_describe_cell(cells[cohort, period], unit=unit) for period in periods] for cohort in cohorts]
    fig = Chart(
        go.Heatmap(
            z=shown,
            x=periods,
            y=list(range(len(cohorts))),
            zmin=0,
            zmax=top,
            colorscale=[[place / 4, colour] for place, colour in enumerate(theme.sequence)],
            xgap=2,
            ygap=2,
            showscale=False,
            hovertext=hover,
            hoverinfo="text",
        )
    )
    printed = [
        (period, y, rate)
        for y, line in enumerate(shown)
        for period, rate in zip(periods, line, strict=True)
        if rate is not None and len(cohorts) * len(periods) <= _MOST_PRINTED
    ]
    dark_cell = [(rate > 0.5 * top) != dark for _, _, rate in printed]
    fig.add_scatter(
        x=[x for x, _, _ in printed],
        y=[y for _, y, _ in printed],
        text=[format_percent(rate) for _, _, rate in printed],
        mode="text",
        textfont={
            "size": 9 if narrow else 12,
            "color": [(theme.paper if on_dark != dark else theme.ink) for on_dark in dark_cell],
        },
        hoverinfo="skip",
    )
    fig.add_scatter(
        x=[0] * len(cohorts),
        y=list(range(len(cohorts))),
        text=[format_number(cells[cohort, periods[0]]["size"]) for cohort in cohorts],
        mode="text",
        textfont={"size": 9 if narrow else 12, "color": theme.muted},
        hoverinfo="skip",
    )
    open_cells = [(p, y) for y, c in enumerate(cohorts) for p in periods if p and not cells[c, p]["complete"]]
    fig.add_scatter(
        x=[x for x, _ in open_cells],
        y=[y for _, y in open_cells],
        mode="markers",
        marker={"symbol": "line-ne-open", "size": 7, "color": theme.muted, "line": {"width": 1}},
        hoverinfo="skip",
    )
    fig.update_xaxes(
        side="top",
        tickvals=periods,
        ticktext=["people", *(str(period) for period in periods[1:])],
        title=f"{unit}s after the start",
        range=[-0.5, max(periods) + 0.5],
        fixedrange=True,
    )
    fig.update_yaxes(
        tickvals=list(range(len(cohorts))),
        ticktext=[f"{cohort:%d %b %y} " if narrow else f"{cohort:%d %b %Y} " for cohort in cohorts],
        range=[-0.5, len(cohorts) - 0.5],
        fixedrange=True,
    )
    return apply_theme(
        fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=28 * len(cohorts) + 70, margin={"t": 56}
    )


def draw_curve(
    overall: pl.DataFrame,
    *,
    by: str | None,
    unit: str,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the overall rate by period, with its interval; one line per group.

    Parameters
    ----------
    overall
        The column of `by`, `size`, `period`, `back`, `rate`, `ci_low`, `ci_high`.
    by
        The column of groups, if any.
    unit
        What a period is called.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a phone.
    """
    drawn = overall.filter((pl.col("period") > 0) & pl.col("rate").is_not_null())
    if not drawn.height:
        words = "No period could be observed in full yet."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = theme_colours(dark=dark)
    fig = Chart()
    parts = drawn.partition_by(by, maintain_order=True) if by else [drawn]
    for place, part in enumerate(parts):
        colour = theme.events[place % len(theme.events)] if by else theme.goal
        periods = part["period"].to_list()
        if len(parts) <= 3:
            hidden = {"line": {"width": 0}, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
            fig.add_scatter(x=periods, y=part["ci_high"].to_list(), **hidden)
            fig.add_scatter(
                x=periods, y=part["ci_low"].to_list(), fill="tonexty", fillcolor=with_opacity(colour, 0.12), **hidden
            )
        fig.add_scatter(
            x=periods,
            y=part["rate"].to_list(),
            name=write_label(str(part[by][0]), 30) if by else "all",
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={
                "size": 7,
                "color": [colour if size >= 30 else theme.paper for size in part["size"]],
                "line": {"color": colour, "width": 1.5},
            },
            hovertext=[_describe_point(row, by=by, unit=unit) for row in part.iter_rows(named=True)],
            hoverinfo="text",
            showlegend=bool(by),
        )
    fig.update_xaxes(title=f"{unit}s after the start", dtick=max(1, round(max(drawn["period"]) / 12)))
    fig.update_yaxes(
        **percent_ticks([*drawn["rate"], *drawn["ci_high"].drop_nulls()]), rangemode="tozero", showgrid=True
    )
    fig.update_layout(showlegend=bool(by), legend={"y": -0.18, "yanchor": "top"})
    margin = {"b": 80} if by else None
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=400, margin=margin)


def _describe_cell(row: dict[str, Any], *, unit: str) -> str:
    """Compose the hover text of one cell."""
    head = f"{row['cohort']:%d %B %Y}: {format_count(row['size'], 'person')}"
    if not row["period"]:
        return head
    when = f"{unit} {row['period']}"
    if row["rate"] is None:
        seen = "not begun yet" if row["back"] is None else f"{format_number(row['back'])} back so far; not over yet"
        return f"{head}<br>{when}: {seen}"
    spread = format_interval(row["ci_low"], row["ci_high"])
    return f"{head}<br>{when}: {format_number(row['back'])} back, {format_percent(row['rate'])} ({spread})"


def _describe_point(row: dict[str, Any], *, by: str | None, unit: str) -> str:
    """Compose the hover text of one point of a curve."""
    head = f"{full_name(str(row[by]))}<br>" if by else ""
    spread = format_interval(row["ci_low"], row["ci_high"])
    return (
        f"{head}{unit} {row['period']}: {format_percent(row['rate'])} ({spread}) of "
        f"{format_count(row['size'], 'person')}"
    )
