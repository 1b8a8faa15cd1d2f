"""The funnel: bars from one left edge in step order, and how many were lost between them; groups as dots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.funnel_groups import draw_groups
from journeys.charts.labels import rename_counts, wrap_sentence, write_label, write_quoted_name
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_duration, format_interval, format_number, format_percent, quote_label


def draw_funnel(
    table: pl.DataFrame,
    *,
    by: str | Sequence[str] | None = None,
    title: str = "",
    subtitle: str = "",
    measure: str = "rate_from_start",
    loudest: int | None = None,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a funnel's table: neutral steps, and the last one, the goal, with the accent.

    Parameters
    ----------
    table
        `step, name, people, dropped, rate_from_start, rate_from_previous, ci_low, ci_high, median_time_from_previous`,
        for groups with the columns of `by` first.
    by
        The group columns; each group is drawn as a dot, each step as a panel.
    measure
        For groups: `rate_from_start`, with its interval, or `rate_from_previous`, with one if the table has the columns
        `rate_low` and `rate_high`.
    loudest
        The row (from 0) after which the loss is highlighted.

    Examples
    --------
    >>> table = pl.DataFrame({"step": [1, 2], "name": ["Visit", "Sign up"], "people": [100, 20], "dropped": [80, 0],
    ...     "rate_from_start": [1.0, 0.2], "rate_from_previous": [None, 0.2], "ci_low": [0.96, 0.13],
    ...     "ci_high": [1.0, 0.29]})
    >>> list(draw_funnel(table, title="One in five signs up").data[0].x)
    [100, 20]
    """
    table, unit = rename_counts(table)
    if by is not None:
        return draw_groups(
            table,
            by=[by] if isinstance(by, str) else list(by),
            title=title,
            subtitle=subtitle,
            measure=measure,
            dark=dark,
            narrow=narrow,
            unit=unit,
        )
    rows = table.to_dicts()
    if not any(row["people"] for row in rows):
        words = "No one reached the first step." if rows else "There are no steps to show."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    # in an open funnel people enter at later steps too, so that the first step is not everyone
    start = max(round(row["people"] / row["rate_from_start"]) for row in rows if row["rate_from_start"])
    # those who got this far and no further are lost between this row and the next
    lost = [row["dropped"] for row in rows[:-1]]
    places = [-i for i in range(len(rows))]
    fills = [theme.other] * len(rows)
    if len(rows) > 1:
        fills[-1] = theme.goal
    ends = [max(row["people"], (row["ci_high"] or 0) * start) for row in rows]
    fig = Chart(
        go.Bar(
            x=[row["people"] for row in rows],
            y=places,
            orientation="h",
            width=0.42 if not narrow else 0.3,
            marker={"color": fills},
            hovertext=[_hover_text(row, rows[0]["name"], unit) for row in rows],
            hoverinfo="text",
        )
    )
    fig.add_trace(_draw_whiskers(rows[1:], places[1:], start, colour=theme.ink))
    fig.add_trace(
        _draw_texts(
            ends,
            places,
            [
                f"  <b>{format_number(row['people'])}</b>  "
                f"{format_percent(row['rate_from_start'])}{_interval_text(row)}"
                for row in rows
            ],
            size=13,
            colour=theme.ink,
        )
    )
    fig.add_trace(
        _draw_texts(
            [0] * (len(rows) - 1),
            [place + 0.5 for place in places[1:]] if not narrow else [place + 0.6 for place in places[1:]],
            [
                _loss_text(row, gone, loud=theme.worse if gone and i == loudest else None)
                for i, (row, gone) in enumerate(zip(rows[1:], lost, strict=True))
            ],
            size=12,
            colour=theme.muted,
        )
    )
    if narrow:
        names = [f"<b>{write_label(row['name'], 40)}</b>" for row in rows]
        fig.add_trace(_draw_texts([0] * len(rows), [p + 0.28 for p in places], names, size=13, colour=theme.ink))
    fig.update_xaxes(visible=False, range=[0, start * (1.75 if narrow else 1.34)], fixedrange=True)
    fig.update_yaxes(
        visible=not narrow,
        tickvals=places,
        ticktext=[write_label(row["name"], 32) + "  " for row in rows],
        tickfont={"size": 13, "color": theme.ink},
        range=[places[-1] - 0.45, 0.5],
        fixedrange=True,
    )
    height = len(rows) * (92 if narrow else 66) + 20
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height)


def _draw_whiskers(rows: list[dict[str, Any]], places: list[int], start: int, *, colour: str) -> go.Scatter:
    """Draw the intervals of the steps after the first, which is everyone."""
    known = [(row, place) for row, place in zip(rows, places, strict=True) if row["ci_low"] is not None]
    return go.Scatter(
        x=[x for row, _ in known for x in (row["ci_low"] * start, row["ci_high"] * start, None)],
        y=[y for _, place in known for y in (place, place, None)],
        mode="lines",
        line={"color": colour, "width": 1.2},
        hoverinfo="skip",
    )


def _draw_texts(x: Sequence[float], y: Sequence[float], text: Sequence[str], *, size: int, colour: str) -> go.Scatter:
    return go.Scatter(
        x=list(x),
        y=list(y),
        text=list(text),
        mode="text",
        textposition="middle right",
        textfont={"size": size, "color": colour},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _interval_text(row: dict[str, Any]) -> str:
    within = format_interval(row["ci_low"], row["ci_high"]) if row["step"] > 1 else ""
    return f" <span style='font-size:11px'>({within})</span>" if within else ""


def _loss_text(row: dict[str, Any], lost: int, *, loud: str | None) -> str:
    gone = f"{format_number(lost)} lost"
    if loud:
        gone = f"<span style='color:{loud}'><b>{gone}</b></span>"
    time = row.get("median_time_from_previous")
    after = f" · median {format_duration(time)}" if time is not None else ""
    return f"↓ {format_percent(row['rate_from_previous'])} go on · {gone}{after}"


def _hover_text(row: dict[str, Any], first: str, unit: str) -> str:
    people = format_count(row["people"], unit)
    if row["step"] == 1:
        return f"{people} did {write_quoted_name(row['name'])}"
    text = (
        f"{people} reached {quote_label(row['name'])}: {format_percent(row['rate_from_start'])} of those who did "
        f"{quote_label(first)}, "
        f"{format_percent(row['rate_from_previous'])} of those at the step before."
    )
    time = row.get("median_time_from_start")
    return wrap_sentence(
        text + (f" Median time from the start {format_duration(time)}." if time is not None else ""), 56
    )
