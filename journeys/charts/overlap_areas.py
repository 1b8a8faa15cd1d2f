"""Overlap of two or three segments: one line of blocks per segment, as wide as the people are many."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label
from journeys.charts.overlap_bars import label_segments
from journeys.charts.theme import apply_theme, choose_theme
from journeys.charts.ticks import label_rows
from journeys.display import format_count, format_number, format_percent, quote_labels

_ORDER = {2: ("10", "11", "01"), 3: ("100", "110", "111", "101", "001", "011", "010")}
"""The blocks from left to right, as memberships: neighbours differ in one segment, so that few segments have gaps."""


def draw_overlap_areas(
    table: pl.DataFrame,
    *,
    sizes: Mapping[str, int],
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw each segment as blocks on one scale of people; what stands one above the other is shared.

    For instance, of A with 3 people and B with 2, one of whom is in both, A spans 0 to 3 and B 2 to 4.

    Parameters
    ----------
    table
        One Boolean column per segment, `people` (none of them 0), `share`.
    sizes
        The people of each segment, in the order of the lines.

    Examples
    --------
    >>> table = pl.DataFrame({"A": [True, True, False], "B": [False, True, True], "people": [2, 1, 1],
    ...     "share": [0.5, 0.25, 0.25]})
    >>> fig = draw_overlap_areas(table, sizes={"A": 3, "B": 2})
    >>> fig.data[0].base, fig.data[0].x, fig.data[1].base, fig.data[1].x
    ((0, 2), (2, 1), (2, 3), (1, 1))
    """
    names = list(sizes)
    people = {tuple(row[name] for name in names): row for row in table.iter_rows(named=True)}
    wanted = [tuple(one == "1" for one in members) for members in _ORDER[len(names)]]
    blocks = [people[members] for members in wanted if members in people]
    theme = choose_theme(dark=dark)
    total = sum(row["people"] for row in blocks)
    starts = [sum(row["people"] for row in blocks[:place]) for place in range(len(blocks))]
    fig = Chart()
    for place, name in enumerate(names):
        own = [(start, row, [one for one in names if row[one]]) for start, row in zip(starts, blocks, strict=True)
               if row[name]]  # fmt: skip
        fig.add_trace(
            go.Bar(
                x=[row["people"] for _, row, _ in own],
                base=[start for start, _, _ in own],
                y=[-place] * len(own),
                orientation="h",
                width=0.7,
                marker={
                    "color": [theme.goal if len(shared) > 1 else theme.rest for _, _, shared in own],
                    "line": {"color": theme.paper, "width": 1.5},
                },
                text=[_write_inside(row["people"], total, narrow=narrow) for _, row, _ in own],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                constraintext="none",
                hovertext=[
                    f"{write_label(quote_labels(shared, between=' and '))}{'' if len(shared) > 1 else ' only'}<br>"
                    f"{format_count(row['people'], 'person')}, {format_percent(row['share'])} of all"
                    for _, row, shared in own
                ],
                hoverinfo="text",
            )
        )
    fig.update_layout(barmode="overlay", showlegend=False)
    fig.update_xaxes(visible=False, range=[0, total], fixedrange=True)
    fig.update_yaxes(**label_rows(label_segments(sizes, narrow=narrow), colour=theme.ink), showgrid=False)
    height = 44 * len(names) + 30
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height)


def _write_inside(count: int, total: int, *, narrow: bool) -> str:
    """Write a number into its block, if it fits there; the hover text has it in any case."""
    text = format_number(count)
    return text if count >= (0.05 if narrow else 0.015) * len(text) * total else ""
