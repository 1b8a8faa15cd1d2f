"""A funnel by group: one row per group, one panel per step, a dot with its interval on the panel's scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_label
from journeys.charts.text_width import break_text, fit_text, measure_text
from journeys.charts.theme import FEW, apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import place_percent_ticks
from journeys.display import adapt_words, format_count, format_interval, format_number, format_percent, quote_label
from journeys.display.options import get_cell_width

_PANEL_GAP = 70
"""The least pixels between two panels of a narrow chart."""


def draw_groups(
    table: pl.DataFrame,
    *,
    by: list[str],
    title: str,
    subtitle: str,
    measure: str,
    dark: bool,
    narrow: bool,
    unit: str,
) -> go.Figure:
    """Draw each group's rate at each step after the first; the groups keep the table's order."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in table.to_dicts():
        name = " · ".join("(none)" if row[column] is None else str(row[column]) for column in by)
        groups.setdefault(name, []).append(row)
    groups = {name: rows for name, rows in groups.items() if _count_entered(rows)}
    small = [name for name, rows in groups.items() if _count_entered(rows) < FEW]
    # many groups of few people would hide the others
    folded = small if len(groups) - len(small) >= 2 and len(small) > 2 else []
    groups = {name: rows for name, rows in groups.items() if name not in folded}
    steps = [row["name"] for row in next(iter(groups.values()))][1:] if groups else []
    if not steps:
        return draw_nothing(
            "No group reached the first step.", title=title, subtitle=subtitle, dark=dark, narrow=narrow
        )
    theme = choose_theme(dark=dark)
    names = list(groups)
    places = [-i for i in range(len(names))]
    labels = _label_groups(groups, narrow=narrow)
    # the pixels of all panels on a phone, or in a notebook cell; a bold letter is an eighth wider
    room = ((380 if narrow else get_cell_width() or 900) - max(map(measure_text, labels)) - 30) / 1.13
    gap = 0.05
    wide = (1 + gap) / len(steps) - gap
    fig = Chart()
    ends = ("ci_low", "ci_high") if measure == "rate_from_start" else ("rate_low", "rate_high")
    for panel, step in enumerate(steps, start=1):
        rows = [groups[name][panel] for name in names]
        bases = [_find_base(groups[name], panel, measure=measure) for name in names]
        tint = theme.goal if panel == len(steps) else theme.ink
        shades = [theme.drop if base < FEW else tint for base in bases]
        axis = "" if panel == 1 else str(panel)
        low, high = ends
        rates = [row[measure] for row in rows]
        # the wide interval of a few people must not squeeze all others
        tops = [row.get(high) or row[measure] or 0 for row, base in zip(rows, bases, strict=True) if base >= FEW]
        tops = tops or [row[measure] or 0 for row in rows]
        ticks = place_percent_ticks(tops, most=4)
        end = max(ticks["tickvals"][-1] * 1.04, 1e-9)
        for x, y, row, shade in zip(rates, places, rows, shades, strict=True):
            if x is not None and row.get(low) is not None:
                fig.add_trace(
                    go.Scatter(
                        x=[min(row[low], end), min(row[high], end)],
                        y=[y, y],
                        mode="lines+markers",
                        line={"color": shade, "width": 1.2},
                        # an arrow where the scale ends before the interval
                        marker={"symbol": "triangle-right", "color": shade, "size": [0, 8 if row[high] > end else 0]},
                        cliponaxis=False,
                        hoverinfo="skip",
                        xaxis=f"x{axis}",
                        yaxis=f"y{axis}" if narrow else "y",
                    )
                )
        fig.add_trace(
            go.Scatter(
                x=[None if rate is None else min(rate, end) for rate in rates],
                y=places,
                mode="markers+text",
                marker={
                    "size": 9,
                    "color": [theme.paper if base < FEW else shade for base, shade in zip(bases, shades, strict=True)],
                    "line": {"color": shades, "width": 1.6},
                },
                # an arrow where the scale ends before the value
                text=[format_percent(rate) + (" →" if rate is not None and rate > end else "") for rate in rates],
                textposition="top center",
                textfont={"size": 11, "color": theme.ink},
                hovertext=[
                    _hover_text(name, row, groups[name][0], base, measure=measure, ends=ends, unit=unit)
                    for name, row, base in zip(names, rows, bases, strict=True)
                ],
                hoverinfo="text",
                cliponaxis=False,
                xaxis=f"x{axis}",
                yaxis=f"y{axis}" if narrow else "y",
            )
        )
        fig.update_layout(
            {
                f"xaxis{axis}": {
                    "domain": [0, 1] if narrow else [(panel - 1) * (wide + gap), (panel - 1) * (wide + gap) + wide],
                    "range": [0, end],
                    **ticks,
                    "fixedrange": True,
                    "anchor": f"y{axis}" if narrow else "y",
                    "showgrid": True,
                }
            }
        )
        _add_panel_title(fig, step, axis=axis, room=room if narrow else room * wide, narrow=narrow)
    _add_group_names(fig, labels, places, panels=len(steps) if narrow else 1)
    hollow = any(
        _find_base(rows, step, measure=measure) < FEW for rows in groups.values() for step in range(1, len(rows))
    )
    notes = [adapt_words(f"Grey, hollow: fewer than {FEW} people")] if hollow else []
    notes += (
        [f"{format_count(len(folded), 'group')} of fewer than {FEW} {adapt_words('people')}: only in the table"]
        if folded
        else []
    )
    height = (len(steps) if narrow else 1) * (len(names) * 34 + 64) + 24
    apply_theme(
        fig,
        title=title,
        subtitle=". ".join(part.rstrip(".") for part in (subtitle, *notes) if part),
        dark=dark,
        narrow=narrow,
        height=height,
        margin={"t": 48 if narrow else 34, "r": 24, "b": 30},
    )
    # a page that removes the subtitle shows these notes elsewhere
    return fig.update_layout(meta={**fig.layout.meta, "notes": notes})


def _count_entered(rows: list[dict[str, Any]]) -> int:
    """Return how many of a group entered: in an open funnel more than took the first step."""
    return max((round(row["people"] / row["rate_from_start"]) for row in rows if row["rate_from_start"]), default=0)


def _find_base(rows: list[dict[str, Any]], step: int, *, measure: str) -> int:
    """Return the denominator of a group's rate at a step."""
    return int(rows[step - 1]["people"]) if measure == "rate_from_previous" else _count_entered(rows)


def _add_panel_title(fig: go.Figure, step: str, *, axis: str, room: float, narrow: bool) -> None:
    """Write the name of a step above its panel, over several lines on a phone."""
    lines = break_text(step, room, size=13) if narrow else [fit_text(step, room, size=13)]
    fig.add_annotation(
        text=f"<b>{'<br>'.join(map(write_label, lines))}</b>",
        align="left",
        x=0,
        xref=f"x{axis} domain",
        y=1,
        yref=f"y{axis if narrow else ''} domain",
        xanchor="left",
        yanchor="bottom",
        yshift=6,
        showarrow=False,
        font={"size": 13},
    )


def _label_groups(groups: Mapping[str, list[dict[str, Any]]], *, narrow: bool) -> list[str]:
    """Label each group with its name and how many of it entered."""
    return [
        f"{write_label(name, 18 if narrow else 30)}  ({format_number(_count_entered(rows))})  "
        for name, rows in groups.items()
    ]


def _add_group_names(fig: go.Figure, labels: list[str], places: list[int], *, panels: int) -> None:
    """Write the labels of groups to the left of each panel with a scale of its own."""
    # between panels there is room for the numbers of the scale above and the panel's own title
    gap = _PANEL_GAP / (panels * (len(labels) * 34 + 64))
    height = (1 + gap) / panels - gap
    for panel in range(1, panels + 1):
        top = 1 - (panel - 1) * (height + gap)
        fig.update_layout(
            {
                f"yaxis{'' if panel == 1 else panel}": {
                    "tickvals": places,
                    "ticktext": labels,
                    "tickfont": {"size": 12},
                    "range": [places[-1] - 0.6, 0.8],
                    "domain": [max(0.0, top - height), top],
                    "anchor": f"x{'' if panel == 1 else panel}",
                    "showgrid": False,
                    "fixedrange": True,
                }
            }
        )


def _hover_text(
    name: str,
    row: dict[str, Any],
    first: dict[str, Any],
    base: int,
    *,
    measure: str,
    ends: tuple[str, str],
    unit: str,
) -> str:
    """Say in a sentence how many of a group reached a step, with the interval, and whether they are too few."""
    base_name = quote_label(first["name"]) if measure == "rate_from_start" else "the step before"
    bounds = format_interval(row.get(ends[0]), row.get(ends[1]))
    within = f" ({bounds})" if bounds else ""
    text = (
        f"{quote_label(name)}: {format_count(row['people'], unit)} of {format_number(base)} at {base_name} reached "
        f"{quote_label(row['name'])}, {format_percent(row[measure])}{within}."
    )
    return wrap_sentence(
        text + (adapt_words(f" Fewer than {FEW} people: interpret with care.") if base < FEW else ""), 56
    )
