"""Messages: a row per campaign, with a dot and an interval for each stage, and the value at the right."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.text_width import measure_text
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import label_rows, place_percent_ticks
from journeys.display import adapt_words, format_interval, format_number, format_percent

_STAGES = {
    "delivered": ("delivered_rate", "people", "circle-open"),
    "read": ("read_rate", "delivered", "circle"),
    "clicked": ("click_rate", "delivered", "diamond"),
    "converted": ("rate", "eligible", "square"),
    "unsubscribed": ("unsubscribed_rate", "delivered", "x"),
}
_MOST = 15  # campaigns


def draw_messages(
    table: pl.DataFrame,
    *,
    by: str | None,
    currency: str | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw how many of the recipients of each campaign read, clicked and converted.

    Parameters
    ----------
    table
        The column `by`, `people`, `delivered`, the rates with `_low` and `_high`, perhaps `converted`, `eligible` and
        `value`.
    by
        The column of the groups, if there are any.
    currency
        The currency of the values.

    Examples
    --------
    >>> table = pl.DataFrame({"campaign": ["spring"], "people": [10], "delivered": [10], "read": [5],
    ...     "delivered_rate": [1.0], "delivered_rate_low": [0.7], "delivered_rate_high": [1.0],
    ...     "read_rate": [0.5], "read_rate_low": [0.2], "read_rate_high": [0.8]})
    >>> [trace.name for trace in draw_messages(table, by="campaign").data]
    ['delivered', 'read']
    """
    shown = [row for row in table.head(_MOST).to_dicts() if row["delivered"]]
    if not shown:
        return draw_nothing("No one got a message.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    tints = {"converted": theme.goal, "delivered": theme.other, "unsubscribed": theme.worse}
    tints |= {"read": theme.events[0], "clicked": theme.events[1]}
    fig = Chart()
    drawn = {name: how for name, how in _STAGES.items() if name in table.columns and how[0] in table.columns}
    for at, (name, (rate, whole, symbol)) in enumerate(drawn.items()):
        own = [(place, row) for place, row in enumerate(shown) if row[rate] is not None]
        if not own:
            continue
        fig.add_scatter(
            x=[row[rate] for _, row in own],
            y=[-place + 0.24 - 0.48 * at / max(len(drawn) - 1, 1) for place, _ in own],
            mode="markers",
            name=name,
            marker={"color": tints[name], "size": 9, "symbol": symbol},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [row[f"{rate}_high"] - row[rate] for _, row in own],
                "arrayminus": [row[rate] - row[f"{rate}_low"] for _, row in own],
                "color": theme.muted,
                "thickness": 1.2,
                "width": 0,
            },
            hovertext=[_hover_text(row, by=by, name=name, rate=rate, whole=whole) for _, row in own],
            hoverinfo="text",
        )
    room = 0.0
    if "value" in table.columns:
        unit = f" {write_label(currency)}" if currency else ""
        worth = [format_number(row["value"]) + unit for row in shown]
        room = min(0.5, max(measure_text(text) + 12 for text in worth) / (220 if narrow else 820))
        for place, text in enumerate(worth):
            fig.add_annotation(
                x=1, xref="paper", xanchor="right", y=-place, text=text, showarrow=False,
                font={"size": 12, "color": theme.ink},
            )  # fmt: skip
    ends = [row[f"{rate}_high"] for rate, _, _ in drawn.values() for row in shown if row[rate] is not None]
    fig.update_xaxes(
        **place_percent_ticks(ends, most=3 if narrow else 6), showgrid=True, fixedrange=True, domain=[0, 1 - room]
    )
    names = ["all messages" if by is None else write_label(str(row[by]), 16 if narrow else 34) for row in shown]
    fig.update_yaxes(**label_rows([f"{name}  " for name in names], colour=theme.ink), showgrid=False)
    height = 62 * len(shown) + 120
    fig.update_layout(showlegend=True, legend={"y": -44 / height, "yanchor": "top"})
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height)


def _hover_text(row: dict[str, Any], *, by: str | None, name: str, rate: str, whole: str) -> str:
    """Say how many of how many, with the interval."""
    group = "" if by is None else f"<b>{write_full_name(str(row[by]))}</b><br>"
    spread = format_interval(row[f"{rate}_low"], row[f"{rate}_high"])
    return (
        f"{group}{format_number(row[name])} of {format_number(row[whole])} {write_label(adapt_words(whole))} "
        f"{name}: {format_percent(row[rate])} ({spread})"
    )
