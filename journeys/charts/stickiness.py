"""Stickiness: one bar per number of active days; of groups a falling line each."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_full_name, write_label
from journeys.charts.theme import FEW, Colours, apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import place_percent_ticks
from journeys.display import format_count, format_number, format_percent


def draw_stickiness(
    table: pl.DataFrame,
    *,
    unit: str,
    by: str | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the share of people by number of active days.

    Parameters
    ----------
    table
        `days`, `people`, `share`, `at_least` of one period.
    unit
        What is counted, such as "days".
    by
        The group column; each group is a line: the share active on so many days or more.

    Examples
    --------
    >>> table = pl.DataFrame({"days": [1, 2], "people": [30, 10], "share": [0.75, 0.25], "at_least": [1.0, 0.25]})
    >>> list(draw_stickiness(table, unit="days").data[0].y)
    [0.75, 0.25]
    """
    if not table.height:
        return draw_nothing("No period is complete.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    fig = Chart()
    if by:
        _add_lines(fig, table, by=by, unit=unit, theme=theme)
    else:
        rows = table.to_dicts()
        fig.add_bar(
            x=table["days"].to_list(),
            y=table["share"].to_list(),
            marker={"color": theme.goal},
            # numbers that do not fit beside each other would be drawn too small to be read
            text=None if len(rows) > (8 if narrow else 20) else [format_percent(row["share"]) for row in rows],
            textposition="outside",
            cliponaxis=False,
            hovertext=[_hover_text(row, unit=unit, name="") for row in rows],
            hoverinfo="text",
            showlegend=False,
        )
    most = int(table["days"].max())  # type: ignore[arg-type]
    fig.update_xaxes(title=f"active {unit}", dtick=max(1, round(most / (8 if narrow else 16))), range=[0.4, most + 0.6])
    fig.update_yaxes(**place_percent_ticks(table["at_least" if by else "share"]), showgrid=True)
    lines = -(-len(fig.data) // (1 if narrow else 5)) if by else 0
    fig.update_layout(showlegend=bool(by), legend={"y": -0.2, "yanchor": "top"})
    room = {"t": 24, "b": 16 + 40 * bool(by) + 20 * lines}
    return apply_theme(
        fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=360 + 20 * lines, margin=room
    )


def _add_lines(fig: go.Figure, table: pl.DataFrame, *, by: str, unit: str, theme: Colours) -> None:
    """Draw one falling line per group, the largest first: the share active on so many days or more.

    Groups of fewer than 30 people are dotted; the rest is grey.
    """
    parts = sorted(table.partition_by(by, maintain_order=True), key=lambda part: -int(part["people"].sum()))
    for place, part in enumerate(parts):
        name, people = str(part[by][0]), int(part["people"].sum())
        colour = theme.other if name == "(other)" else theme.events[place % len(theme.events)]
        fig.add_scatter(
            x=part["days"].to_list(),
            y=part["at_least"].to_list(),
            name=f"{write_label(name, 24)} ({format_number(people)})",
            mode="lines+markers",
            line={"color": colour, "width": 2, "dash": "dot" if people < FEW else None},
            marker={
                "size": 7,
                "color": theme.paper if people < FEW else colour,
                "line": {"color": colour, "width": 1.5},
            },
            hovertext=[_hover_text(row, unit=unit, name=name) for row in part.iter_rows(named=True)],
            hoverinfo="text",
            cliponaxis=False,
        )


def _hover_text(row: dict[str, Any], *, unit: str, name: str) -> str:
    """Compose the hover text of one bar."""
    head = f"{write_full_name(name)}<br>" if name else ""
    return (
        f"{head}{row['days']} {unit}: {format_count(row['people'], 'person')}, {format_percent(row['share'])}"
        f"<br>{format_percent(row['at_least'])} on {row['days']} or more"
    )
