"""Value over age: a rising curve of value per person with its interval, one per group."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.theme import FEW, MOST_BANDS, OTHER, add_opacity, apply_theme, choose_theme, draw_nothing
from journeys.display import adapt_words, format_amount, format_count, format_duration, format_number


def draw_value(
    table: pl.DataFrame,
    *,
    by: str | None,
    period_us: int,
    currency: str | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the cumulative value per person by age.

    Parameters
    ----------
    table
        The column of `by`, `age`, `people`, `paying`, `per_person`, `ci_low`, `ci_high`. Ages of fewer than 30 people
        are left out, or hollow where there are no others.
    by
        The column of groups, if any.
    period_us
        The length of a period of age (µs).
    currency
        The currency of the values.

    Examples
    --------
    >>> table = pl.DataFrame({"age": [0], "people": [40], "paying": [9], "per_person": [2.5], "ci_low": [1.0],
    ...     "ci_high": [4.0]})
    >>> draw_value(table, by=None, period_us=86_400_000_000).data[-1].y
    (0, 2.5)
    """
    drawn = table.filter(pl.col("per_person").is_not_null())
    enough = drawn.filter(pl.col("people") >= FEW)
    # the last few people make a curve jump; they are drawn only where there is nothing else
    drawn = enough if enough.height else drawn
    if not drawn.height:
        words = "No period of age could be observed in full yet."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    fig = Chart()
    parts = drawn.partition_by(by, maintain_order=True) if by else [drawn]
    for place, part in enumerate(parts):
        named = theme.events[place % len(theme.events)] if by else theme.goal
        name = str(part[by][0]) if by else "all"
        colour = {"(none)": theme.drop, OTHER: theme.other}.get(name, named) if by else named
        ages = [0, *(age + 1 for age in part["age"])]
        if len(parts) <= MOST_BANDS:
            hidden = {"line": {"width": 0, "shape": "hv"}, "mode": "lines", "hoverinfo": "skip", "showlegend": False}
            fig.add_scatter(x=ages, y=[0, *part["ci_high"]], **hidden)
            fig.add_scatter(
                x=ages, y=[0, *part["ci_low"]], fill="tonexty", fillcolor=add_opacity(colour, 0.12), **hidden
            )
        fig.add_scatter(
            x=ages,
            y=[0, *part["per_person"]],
            name=write_label(name, 30),
            mode="lines+markers",
            line={"color": colour, "width": 2, "shape": "hv", "dash": "dot" if name == OTHER else "solid"},
            marker={
                "size": [0.1, *[6] * part.height],
                "color": [colour, *(colour if people >= FEW else theme.paper for people in part["people"])],
                "line": {"color": colour, "width": 1.5},
            },
            hovertext=[
                "",
                *(_hover_text(row, by=by, period_us=period_us, currency=currency) for row in part.to_dicts()),
            ],
            hoverinfo="text",
            showlegend=bool(by),
        )
    longest = int(drawn["age"].to_numpy().max()) + 1
    ticks = list(range(0, longest + 1, max(1, round(longest / (4 if narrow else 8)))))
    fig.update_xaxes(
        tickvals=ticks,
        ticktext=["start" if not tick else format_duration(timedelta(microseconds=period_us * tick)) for tick in ticks],
    )
    fig.update_yaxes(
        title=f"{adapt_words('per person')}{f', {write_label(currency)}' if currency else ''}",
        rangemode="tozero",
        showgrid=True,
    )
    fig.update_layout(showlegend=bool(by), legend={"y": -0.18, "yanchor": "top"})
    margin = {"b": 80} if by else None
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=400, margin=margin)


def _hover_text(row: dict[str, Any], *, by: str | None, period_us: int, currency: str | None) -> str:
    """Say what a person of an age is worth, and how many paid."""
    group = "" if by is None else f"<b>{write_full_name(str(row[by]))}</b><br>"
    after = format_duration(timedelta(microseconds=period_us * (row["age"] + 1)))
    spread = f"{format_amount(row['ci_low'])} to {format_amount(row['ci_high'])}"
    worth = format_amount(row["per_person"], None if currency is None else write_label(currency))
    paid = f"{format_number(row['paying'])} of {format_count(row['people'], 'person')} have paid"
    return f"{group}After {after}: {worth} {adapt_words('per person')} ({spread})<br>{paid}"
