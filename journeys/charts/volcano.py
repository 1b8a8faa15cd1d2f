"""Volcano: how strongly to the right and left, how surely upwards; one dot per behaviour."""

from __future__ import annotations

from math import log10
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import flatten_name, wrap_sentence, write_label
from journeys.charts.text_width import measure_text
from journeys.charts.theme import apply_theme, choose_symbol, choose_theme, draw_nothing
from journeys.display import adapt_words, format_number, format_p_value, format_ratio, quote_label, shorten_name

_FLOOR = 1e-20  # smaller q-values say no more, and would press all others to the foot of the chart


def _hover_text(row: dict[str, Any], goal: str) -> str:
    text = (
        f"{quote_label(row['behaviour'])}: phi {format_ratio(row['phi'])} with reaching {quote_label(goal)}, "
        f"q {format_p_value(row['q_value'])}"
    )
    if "both" in row:
        did = format_number(row["both"] + row["behaviour_only"])
        text += f"; {format_number(row['both'])} of the {adapt_words(f'{did} who did it')}"
    return wrap_sentence(text, 60)


def draw_volcano(
    table: pl.DataFrame,
    *,
    goal: str = "converted",
    title: str = "",
    subtitle: str = "",
    names: int = 8,
    level: float = 0.05,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw phi against its q-value: which behaviours matter, and which are merely certain?

    Parameters
    ----------
    table
        `behaviour`, `phi`, `q_value`, and, for the hover text, `both` and `behaviour_only`.
    goal
        What converting is called.
    names
        So many dots, the furthest out, get their names.
    level
        Dots whose q-value is above it are hollow; a line marks it.

    Examples
    --------
    >>> table = pl.DataFrame({"behaviour": ["a", "b"], "both": [9, 1], "behaviour_only": [1, 9],
    ...     "phi": [0.5, None], "q_value": [0.001, None]})
    >>> list(draw_volcano(table).data[0].x)
    [0.5]
    """
    rows = table.filter(pl.col("phi").is_not_null() & pl.col("q_value").is_not_null()).to_dicts()
    if not rows:
        words = "No behaviour can be compared: there are too few people, or all or none of them converted."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    tints = [theme.better if row["phi"] >= 0 else theme.worse for row in rows]
    heights = [-log10(max(row["q_value"], _FLOOR)) for row in rows]
    fig = Chart(
        go.Scatter(
            x=[row["phi"] for row in rows],
            y=heights,
            mode="markers",
            marker={
                "size": 9,
                "symbol": [choose_symbol(row["phi"]) for row in rows],
                "color": [
                    tint if row["q_value"] <= level else theme.paper for tint, row in zip(tints, rows, strict=True)
                ],
                "line": {"color": tints, "width": 1.6},
            },
            hovertext=[_hover_text(row, goal) for row in rows],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    top = max(*heights, -log10(level)) * 1.08 + 0.2
    out = sorted(zip(rows, heights, strict=True), key=lambda pair: -abs(pair[0]["phi"]) - pair[1] / top)
    reach = max(0.3, min(1.0, max(abs(row["phi"]) for row in rows) * 1.15))
    # the phi of a pixel, where the plot is no wider than a phone's or a notebook cell's
    unit = 2 * reach / (310 if narrow else 820)
    placed: list[tuple[float, float]] = []
    for row, height in out[: 4 if narrow else names]:
        # A name that would lie over another is left to the hover label.
        if any(abs(height - y) < top * 0.055 and abs(row["phi"] - x) < 0.45 for x, y in placed):
            continue
        placed.append((row["phi"], height))
        name = shorten_name(flatten_name(row["behaviour"]), 16 if narrow else 28)
        is_left = row["phi"] + unit * (measure_text(name) + 9) < reach
        fig.add_annotation(
            x=row["phi"],
            y=height,
            text=write_label(name),
            showarrow=False,
            xanchor="left" if is_left else "right",
            # On a phone names are long for the room: above the dot they cross fewer others.
            xshift=(9 if is_left else -9) if not narrow else (-4 if is_left else 5),
            yshift=12 if narrow else 0,
            font={"size": 12, "color": theme.ink},
        )
    fig.add_hline(y=-log10(level), line={"color": theme.muted, "width": 1, "dash": "dot"})
    # On the side where fewer dots lie low.
    right = sum((row["phi"] > 0) - (row["phi"] < 0) for row, y in zip(rows, heights, strict=True) if y < top / 8) <= 0
    fig.add_annotation(
        text=f"q = {level:g}" if narrow else f"q = {level:g}; hollow dots lie below",
        x=int(right),
        xref="paper",
        xanchor="right" if right else "left",
        y=-log10(level),
        yanchor="bottom",
        showarrow=False,
        font={"size": 11, "color": theme.muted},
    )
    fig.update_xaxes(
        range=[-reach, reach], zeroline=True, zerolinecolor=theme.muted, zerolinewidth=1, title="phi", showgrid=True
    )
    fig.update_yaxes(range=[-top * 0.03, top], title="certainty: −log₁₀ q", showgrid=True)
    if max(heights) == -log10(_FLOOR):
        fig.update_yaxes(tickvals=[0, 5, 10, 15, 20], ticktext=["0", "5", "10", "15", "20 or more"])
    margin = {"l": 8, "b": 40}
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=400, margin=margin)
