"""Retention: the triangle of cohorts as a heatmap, and the overall curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_labels
from journeys.charts.line_names import MOST_LINES, assign_line_colours, name_lines
from journeys.charts.theme import (
    FEW,
    MOST_BANDS,
    add_opacity,
    apply_theme,
    choose_text_colour,
    choose_theme,
    draw_nothing,
)
from journeys.charts.ticks import place_percent_ticks
from journeys.display import adapt_words, format_count, format_interval, format_number, format_percent

_MOST_PRINTED = 260


def draw_triangle(
    table: pl.DataFrame,
    *,
    unit: str,
    names: Sequence[str] = (),
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
    names
        The name of each period, where the periods differ in length; by default their numbers.
    """
    if not table.height:
        return draw_nothing("There are no cohorts.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    cohorts = table["cohort"].unique().sort(descending=True).to_list()  # row 0 of a heatmap is at the bottom
    periods = table["period"].unique().sort().to_list()
    cells = {(row["cohort"], row["period"]): row for row in table.iter_rows(named=True)}
    shown = [[cells[cohort, period]["rate"] if period else None for period in periods] for cohort in cohorts]
    few = [cells[cohort, periods[0]]["size"] < FEW for cohort in cohorts]
    rates = [[rate for rate in line if rate is not None] for line in shown]
    sure = [rate for line, little in zip(rates, few, strict=True) if not little for rate in line]
    top = max([0.01, *(sure or [rate for line in rates for rate in line])])
    if any(rate and little for rate, little in zip(rates, few, strict=True)) and subtitle:
        subtitle = f"{subtitle}; grey: fewer than {FEW} {adapt_words('people')}"
    said = names or [f"{unit} {period}" for period in periods]
    hover = [[_describe_cell(cells[cohort, period], name=said[period]) for period in periods] for cohort in cohorts]
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
    grey = go.Heatmap(fig.data[0])
    grey.z = [line if little else [None] * len(periods) for line, little in zip(shown, few, strict=True)]
    grey.colorscale = [[0, theme.paper], [1, add_opacity(theme.other, 0.4)]]
    fig.data[0].z = [line if not little else [None] * len(periods) for line, little in zip(shown, few, strict=True)]
    fig.add_trace(grey)
    printed = [
        (period, y, rate)
        for y, line in enumerate(shown)
        for period, rate in zip(periods, line, strict=True)
        if rate is not None and len(cohorts) * len(periods) <= _MOST_PRINTED
    ]
    fig.add_scatter(
        x=[x for x, _, _ in printed],
        y=[y for _, y, _ in printed],
        text=[format_percent(rate) for _, _, rate in printed],
        mode="text",
        textfont={
            "size": 9 if narrow else 12,
            "color": [
                theme.ink if few[y] else choose_text_colour(rate / top, scale="sequence", theme=theme)
                for _, y, rate in printed
            ],
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
        ticktext=[adapt_words("people"), *(names[1:] or [str(period) for period in periods[1:]])],
        title="after the start" if names else f"{unit}s after the start",
        tickangle=0,
        tickfont={"size": 9 if narrow else 12},
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
    names: Sequence[str] = (),
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
        The column of groups, if any; of many groups those with the most people are drawn.
    unit
        What a period is called.
    names
        The name of each period, where the periods differ in length; by default their numbers.
    """
    drawn = overall.filter((pl.col("period") > 0) & pl.col("rate").is_not_null())
    if not drawn.height:
        words = "No period could be observed in full yet."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    parts = _split_groups(drawn, by)
    shown = dict(list(parts.items())[:MOST_LINES])
    if len(shown) < len(parts) and subtitle:
        subtitle = f"{subtitle}; the {MOST_LINES} largest of {len(parts)}"
    if drawn["size"].min() < FEW and subtitle:  # type: ignore[operator]
        subtitle = f"{subtitle}; hollow: fewer than {FEW} {adapt_words('people')}"
    fig = Chart()
    colours = assign_line_colours(shown, theme=theme)
    for label, (name, part) in zip(write_labels(list(shown), 30), shown.items(), strict=True):
        colour = colours[name] if len(shown) > 1 else theme.goal
        periods = part["period"].to_list()
        if len(shown) <= MOST_BANDS:
            hidden = {"line": {"width": 0}, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
            fig.add_scatter(x=periods, y=part["ci_high"].to_list(), **hidden)
            fig.add_scatter(
                x=periods, y=part["ci_low"].to_list(), fill="tonexty", fillcolor=add_opacity(colour, 0.12), **hidden
            )
        fig.add_scatter(
            x=periods,
            y=part["rate"].to_list(),
            name=label if by else "all",
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={
                "size": 7,
                "color": [colour if size >= FEW else theme.paper for size in part["size"]],
                "line": {"color": colour, "width": 1.5},
            },
            hovertext=[_describe_point(row, by=by, names=names, unit=unit) for row in part.iter_rows(named=True)],
            hoverinfo="text",
            showlegend=bool(by),
            cliponaxis=False,
        )
    last = int(drawn["period"].max())  # type: ignore[arg-type]
    fig.update_xaxes(title=f"{unit}s after the start", dtick=max(1, round(last / 12)))
    if names:
        fig.update_xaxes(title="after the start", tickvals=list(range(1, last + 1)), ticktext=list(names[1 : last + 1]))
    rows = pl.concat(shown.values())
    ends = ("rate", "ci_high") if len(shown) <= MOST_BANDS else ("rate",)
    ticks = place_percent_ticks([one for end in ends for one in rows[end].drop_nulls()])
    scale = (0.0, max(ticks["tickvals"][-1], 1e-9))
    fig.update_yaxes(**ticks, range=scale, showgrid=True)
    size = name_lines(
        fig, {name: part["rate"][-1] for name, part in shown.items()}, scale=scale, dark=dark, narrow=narrow
    )
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, **size)


def _split_groups(drawn: pl.DataFrame, by: str | None) -> dict[str, pl.DataFrame]:
    """Return the points of each line, the group with the most people first."""
    if by is None:
        return {"": drawn}
    parts = {str(part[by][0]): part for part in drawn.partition_by(by, maintain_order=True)}
    return dict(sorted(parts.items(), key=lambda pair: (-max(pair[1]["size"]), pair[0])))


def _describe_cell(row: dict[str, Any], *, name: str) -> str:
    """Compose the hover text of one cell."""
    head = f"{row['cohort']:%d %B %Y}: {format_count(row['size'], 'person')}"
    if not row["period"]:
        return head
    if row["rate"] is None:
        seen = "not begun yet" if row["back"] is None else f"{format_number(row['back'])} back so far; not over yet"
        return f"{head}<br>{name}: {seen}"
    spread = format_interval(row["ci_low"], row["ci_high"])
    return f"{head}<br>{name}: {format_number(row['back'])} back, {format_percent(row['rate'])} ({spread})"


def _describe_point(row: dict[str, Any], *, by: str | None, names: Sequence[str], unit: str) -> str:
    """Compose the hover text of one point of a curve."""
    head = f"{write_full_name(str(row[by]))}<br>" if by else ""
    spread = format_interval(row["ci_low"], row["ci_high"])
    when = names[row["period"]] if names else f"{unit} {row['period']}"
    return f"{head}{when}: {format_percent(row['rate'])} ({spread}) of {format_count(row['size'], 'person')}"
