"""Correlation: one row per behaviour, a dot and its interval between −1 and 1, the four counts beside it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import flatten_name, wrap_sentence, write_label
from journeys.charts.text_width import measure_text
from journeys.charts.theme import Colours, apply_theme, choose_symbol, choose_theme, draw_nothing, write_note
from journeys.charts.ticks import label_rows
from journeys.display import (
    adapt_words,
    format_count,
    format_interval,
    format_number,
    format_p_value,
    format_percent,
    format_ratio,
    keep_units_together,
    quote_label,
    shorten_name,
)

# Pixels between two columns, and how much wider bold letters are.
_GAP, _BOLD = 18, 1.12


def draw_correlation(
    table: pl.DataFrame,
    *,
    goal: str = "converted",
    set_apart: Sequence[tuple[str, str]] = (),
    title: str = "",
    subtitle: str = "",
    rows: int = 20,
    level: float = 0.05,
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a correlation's table: which behaviours go with converting?

    Parameters
    ----------
    table
        `behaviour, both, behaviour_only, conversion_only, neither, phi, ci_low, ci_high, q_value`; its order is kept.
    goal
        What converting is called.
    set_apart
        Behaviours that were left out, each with its reason; listed below in grey.
    rows
        At most so many behaviours; what is left out is counted below.
    level
        Behaviours whose q-value is above it are drawn hollow: they do not hold after correction.

    Examples
    --------
    >>> table = pl.DataFrame({"behaviour": ["Invited Teammate"], "both": [30], "behaviour_only": [20],
    ...     "conversion_only": [10], "neither": [140], "phi": [0.55], "ci_low": [0.4], "ci_high": [0.7],
    ...     "q_value": [0.001]})
    >>> len(draw_correlation(table, title="Inviting goes with upgrading").data[-1].x)
    1
    """
    shown = [row for row in table.to_dicts() if row["phi"] is not None]
    undefined = [
        (row["behaviour"], "undefined: everyone or no one did it") for row in table.to_dicts() if row["phi"] is None
    ]
    cut = shown[:rows]
    if not cut:
        words = "No behaviour can be compared: there are too few people, or all or none of them converted."
        return draw_nothing(words, title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    places = [-i for i in range(len(cut))]
    tints = [theme.better if row["phi"] >= 0 else theme.worse for row in cut]
    holds = [row["q_value"] is not None and row["q_value"] <= level for row in cut]
    fig = Chart()
    for row, place, tint in zip(cut, places, tints, strict=True):
        if row["ci_low"] is not None:
            fig.add_trace(
                go.Scatter(
                    x=[row["ci_low"], row["ci_high"]],
                    y=[place, place],
                    mode="lines",
                    line={"color": tint, "width": 1.6},
                    hoverinfo="skip",
                )
            )
    fig.add_trace(
        go.Scatter(
            x=[row["phi"] for row in cut],
            y=places,
            mode="markers",
            marker={
                "size": 10,
                "symbol": [choose_symbol(row["phi"]) for row in cut],
                "color": [tint if hold else theme.paper for tint, hold in zip(tints, holds, strict=True)],
                "line": {"color": tints, "width": 2},
            },
            hovertext=[_hover_text(row, goal, level) for row in cut],
            hoverinfo="text",
            cliponaxis=False,
        )
    )
    fig.update_xaxes(
        range=[-1.04, 1.04],
        tickvals=[-1, -0.5, 0, 0.5, 1],
        ticktext=["−1", "−0.5", "0", "0.5", "1"],
        side="top",
        showgrid=True,
        fixedrange=True,
        zeroline=True,
        zerolinecolor=theme.muted,
        zerolinewidth=1,
    )
    labels = [write_label(row["behaviour"], 34) + "  " for row in cut]
    fig.update_yaxes(**label_rows(labels, colour=theme.ink, margin=0.7), visible=not narrow)
    side = 16
    if narrow:
        for row, place in zip(cut, places, strict=True):
            _counts_below(fig, row, place, theme=theme)
    else:
        side = _write_columns(fig, cut, places, goal, theme=theme)
    left = len(shown) - len(cut)
    below = [*set_apart, *undefined]
    foot = _write_below(fig, below, left=left, hollow=not all(holds), level=level, theme=theme, narrow=narrow)
    height = len(cut) * (74 if narrow else 30) + 40 + foot
    return apply_theme(
        fig,
        title=title,
        subtitle=subtitle,
        dark=dark,
        narrow=narrow,
        height=height,
        margin={"t": 26 if narrow else 46, "b": foot + 8, "r": side},
    )


def _format_share(yes: int, no: int) -> str:
    return format_percent(yes / (yes + no)) if yes + no else "–"


def _counts_below(fig: go.Figure, row: dict[str, Any], place: int, *, theme: Colours) -> None:
    """Write the four counts under the name: of those who did it so many converted, of those who did not so many."""
    did, did_not = row["both"] + row["behaviour_only"], row["conversion_only"] + row["neither"]
    name = f"<b>{write_label(row['behaviour'], 30)}</b>  φ {format_ratio(row['phi'])}"
    who = f"did: {_format_share(row['both'], row['behaviour_only'])} of {format_number(did)} · "
    who += f"did not: {_format_share(row['conversion_only'], row['neither'])} of {format_number(did_not)}"
    for text, y, size, colour in ((name, 0.31, 13, theme.ink), (who, -0.23, 11, theme.muted)):
        fig.add_annotation(
            text=text,
            x=0,
            xref="paper",
            xanchor="left",
            y=place + y,
            yref="y",
            showarrow=False,
            font={"size": size, "color": colour},
            bgcolor=theme.paper,
        )


def _write_columns(
    fig: go.Figure, cut: Sequence[dict[str, Any]], places: Sequence[int], goal: str, *, theme: Colours
) -> int:
    """Write phi and the four counts right of the drawing, as wide as their words are; return the room it takes.

    The room is in pixels, so that the columns stand apart however wide the figure is.
    """
    short = shorten_name(flatten_name(goal), 22)
    who = adapt_words("those who").removeprefix("those ")
    heads = (("φ",), (f"{short}:", f"{who} did"), (f"{short}:", f"{who} did not"))
    cells = [(("", format_ratio(row["phi"])), *_describe_rates(row)) for row in cut]
    right = 0.0
    for column, head in enumerate(heads):
        texts = [row[column] for row in cells]
        wide = max(measure_text(f"{count}  ") + measure_text(strong) * _BOLD for count, strong in texts)
        right += _GAP + max(wide, *(measure_text(line, 11) for line in head))
        for (count, strong), place in zip(texts, places, strict=True):
            text = f"{count}  <b>{strong}</b>" if count else f"<b>{strong}</b>"
            _write_at(fig, text, right, y=place, yref="y", font={"size": 12})
        small = {"size": 11, "color": theme.muted}
        _write_at(fig, "<br>".join(map(write_label, head)), right, y=1, yref="paper", yanchor="bottom", font=small)
    return ceil(right) + 8


def _write_at(fig: go.Figure, text: str, right: float, **place: Any) -> None:
    fig.add_annotation(
        text=text, x=1, xref="paper", xanchor="right", xshift=right, align="right", showarrow=False, **place
    )


def _describe_rates(row: dict[str, Any]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Say how many converted of those who did it, and of those who did not."""
    did, did_not = row["both"] + row["behaviour_only"], row["conversion_only"] + row["neither"]
    with_it = f"{format_number(row['both'])} of {format_number(did)}", _format_share(row["both"], row["behaviour_only"])
    without = (
        f"{format_number(row['conversion_only'])} of {format_number(did_not)}",
        _format_share(row["conversion_only"], row["neither"]),
    )
    return with_it, without


def _write_below(
    fig: go.Figure,
    below: Sequence[tuple[str, str]],
    *,
    left: int,
    hollow: bool,
    level: float,
    theme: Colours,
    narrow: bool,
) -> int:
    """Write what is not in the rows, in grey, under them; return the room it takes."""
    lines = [f"Hollow: does not hold after correction for many comparisons (q > {level:g})."] if hollow else []
    lines += [f"… and {format_count(left, 'more behaviour')} in the table."] if left else []
    lines += ["Set apart:"] if below else []
    lines += [f"  {shorten_name(name, 40)} – {shorten_name(why, 160)}" for name, why in below[:12]]
    lines += [f"  … and {format_number(len(below) - 12)} more"] if len(below) > 12 else []
    if not lines:
        return 8
    width = 56 if narrow else 132
    # continued lines are indented a little further
    indents = [len(line) - len(line.lstrip()) for line in lines]
    drawn = [
        "\u00a0" * (indent + (4 if piece else 0)) + write_label(part)
        for line, indent in zip(lines, indents, strict=True)
        for piece, part in enumerate(wrap(keep_units_together(line.strip()), width - indent))
    ]
    write_note(fig, "<br>".join(drawn), size=11 if narrow else 12, colour=theme.muted)
    return len(drawn) * 17 + 14


def _hover_text(row: dict[str, Any], goal: str, level: float) -> str:
    did, did_not = row["both"] + row["behaviour_only"], row["conversion_only"] + row["neither"]
    within = format_interval(row["ci_low"], row["ci_high"], form=format_ratio)
    q = row["q_value"]
    text = (
        f"{quote_label(row['behaviour'])}: {_format_share(row['both'], row['behaviour_only'])} of "
        f"{adapt_words(f'{format_number(did)} who did it')} reached {quote_label(goal)}, "
        f"{_format_share(row['conversion_only'], row['neither'])} of "
        f"{adapt_words(f'{format_number(did_not)} who did not')}. "
        f"phi {format_ratio(row['phi'])}{f' ({within})' if within else ''}, q {format_p_value(q)}"
    )
    return wrap_sentence(text + ("" if q is not None and q <= level else "; does not hold after correction") + ".", 56)
