"""Exits: one bar per step, split by state, and below them what came next."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import write_label, write_quoted_name
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.display import format_count, format_number, format_percent

_NOTHING = "(nothing more)"


def draw_exits(
    states: pl.DataFrame,
    following: pl.DataFrame,
    *,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the exits after each step and the most frequent next events.

    Parameters
    ----------
    states
        `step`, `name`, `state` ("left", "still has time", "went another way"), `people`; sorted by step.
    following
        `next_event` (null: nothing more), `people`; its order is kept.

    Examples
    --------
    >>> states = pl.DataFrame({"step": [1], "name": ["Visit"], "state": ["left"], "people": [3]})
    >>> draw_exits(states, pl.DataFrame({"next_event": ["Help"], "people": [2]})).data[0].x
    (3,)
    """
    if not states.height:
        return draw_nothing("No one left.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    tones = {"left": theme.drop, "still has time": theme.grid, "went another way": theme.goal}
    steps = states.select("step", "name").unique().sort("step").rows()
    totals = dict(states.group_by("step").agg(pl.col("people").sum()).iter_rows())
    most = max(totals.values())
    fig = Chart()
    for state, tone in tones.items():
        found = dict(states.filter(pl.col("state") == state).select("step", "people").iter_rows())
        if not found:
            continue
        fig.add_trace(
            go.Bar(
                x=[found.get(step, 0) for step, _ in steps],
                y=[-place for place in range(len(steps))],
                name=state,
                orientation="h",
                marker={"color": tone, "line": {"color": theme.muted, "width": 0.5}},
                text=[_write_inside(found.get(step, 0), most, narrow=narrow) for step, _ in steps],
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                constraintext="none",
                hovertext=[
                    f"{format_count(found.get(step, 0), 'exit')} of {format_number(totals[step])} "
                    f"after {write_quoted_name(name)}: {state}"
                    for step, name in steps
                ],
                hoverinfo="text",
            )
        )
    below = following.to_dicts()
    gone = int(states.filter(pl.col("state") == "left")["people"].sum())
    low = -len(steps) - 0.6
    places = [low - 0.8 * place for place in range(len(below))]
    if below:
        fig.add_trace(
            go.Bar(
                x=[row["people"] for row in below],
                y=places,
                width=0.5,
                orientation="h",
                showlegend=False,
                marker={"color": theme.rest},
                text=[f"{format_number(row['people'])} · {format_percent(row['people'] / gone)} next" for row in below],
                textposition="outside",
                textfont={"color": theme.ink, "size": 12},
                cliponaxis=False,
                hoverinfo="skip",
            )
        )
    width = 16 if narrow else 34
    names = [f"<b>{write_label(name, width)}</b>  " for _, name in steps]
    names += [write_label(_name_event(row["next_event"]), width) + "  " for row in below]
    fig.update_layout(
        barmode="stack",
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "top", "traceorder": "normal"},
        showlegend=True,
    )
    fig.update_xaxes(visible=False, range=[0, most * (1.5 if narrow else 1.15)], fixedrange=True)
    fig.update_yaxes(
        tickvals=[*(-place for place in range(len(steps))), *places],
        ticktext=names,
        tickfont={"size": 13, "color": theme.ink},
        range=[(places[-1] if places else -len(steps) + 1) - 0.7, 0.6],
        fixedrange=True,
    )
    height = 46 * len(steps) + 30 * len(below) + 70
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, margin={"b": 40})


def _name_event(event: str | None) -> str:
    """Name an event; a real one that is spelled like the label is quoted."""
    if event is None:
        return _NOTHING
    return f'"{event}"' if event.strip('"') == _NOTHING else event


def _write_inside(count: int, most: int, *, narrow: bool) -> str:
    """Write a number into its part of a bar, if it fits there; the hover text has it in any case."""
    text = format_number(count)
    return text if count >= (0.035 if narrow else 0.011) * len(text) * most else ""
