"""The events of one person in order, with one lane per source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_full_name, write_label
from journeys.charts.theme import apply_theme, assign_event_colours, choose_theme, draw_nothing
from journeys.display import format_duration, format_moment, quote_label

_MIN_DISTANCE = 34.0
"""Pixels between two slanted names of a lane; closer ones would touch."""
_EVENT_WIDTH, _MOST_WIDTH = 12.0, 6000.0
"""Pixels from one event to the next, at least, and of a whole timeline."""
_LETTER, _SLANTED_LETTER = 6.2, 5.4
"""Pixels per letter, horizontal and slanted."""


def draw_timeline(
    table: pl.DataFrame,
    *,
    identified: Sequence[tuple[datetime, str]] = (),
    colour_of: Mapping[str, str] | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a person's timeline.

    Parameters
    ----------
    table
        `timestamp`, `event`, and if known `source` (a lane each) and `replay_url`: such an event is a diamond, which
        the subtitle explains.
    identified
        Moments at which the person became known by a further identifier, and by which.
    colour_of
        A colour by event name, the same in all charts of a report; else by how often it occurs here.

    Examples
    --------
    >>> table = pl.DataFrame({"timestamp": ["2026-03-01", "2026-03-02"], "event": ["Visit", "Sign up"]})
    >>> fig = draw_timeline(table.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC")))
    >>> len(fig.data[0].x)
    2
    """
    if table.is_empty():
        return draw_nothing("Nothing to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    sources: list[str | None] = table["source"].to_list() if "source" in table.columns else ["events"] * table.height
    lanes = list(dict.fromkeys(sources))
    counts = table["event"].value_counts().sort("count", "event", descending=[True, False])
    chosen = colour_of or assign_event_colours(counts["event"].to_list(), dark=dark)
    replays = table["replay_url"].to_list() if "replay_url" in table.columns else [None] * table.height
    if any(replays):
        subtitle = f"{subtitle} A diamond: its session was recorded.".strip()
    hover = [
        wrap_sentence(f"{quote_label(event)}, {format_moment(when)} UTC", 60)
        + (f"<br>{write_full_name(replay)}" if replay else "")
        for event, when, replay in zip(table["event"], table["timestamp"], replays, strict=True)
    ]
    at, breaks = _place_events(table)
    heights = [-lanes.index(source) for source in sources]
    fig = Chart(
        go.Scatter(
            x=at,
            y=heights,
            mode="markers",
            marker={
                "size": 11,
                "color": [chosen.get(event, theme.rest) for event in table["event"]],
                "line": {"width": 1, "color": theme.paper},
                "symbol": ["diamond" if replay else "circle" for replay in replays],
            },
            hovertext=hover,
            hoverinfo="text",
        )
    )
    grid = {"color": theme.grid, "width": 1}
    shapes: list[dict[str, Any]] = [
        {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": -lane, "y1": -lane, "line": grid, "layer": "below"}
        for lane in range(len(lanes))
    ]
    # the width of the plot without the names of the lanes, on a narrow page; many events get more, and the page scrolls
    room, cut = (270.0, 12) if narrow else (900.0, 18)
    width = min(max(room, _EVENT_WIDTH * (at[-1] - at[0] + 2)), _MOST_WIDTH)
    names = [write_label(event, cut) for event in table["event"]]
    left = at[0] - 0.6
    # names are slanted to the right: the axis ends where the last of them does
    ends = [
        width / (width - _SLANTED_LETTER * min(len(event), cut) - 8) * (x - left)
        for event, x in zip(names, at, strict=True)
    ]
    right = left + max(*ends, at[-1] - left + 0.6)
    pixels = width / (right - left)
    low = -len(lanes) + 0.35
    # a halo keeps names readable on lines
    halo = ", ".join([f"0 0 2px {theme.paper}"] * 4)
    notes: list[dict[str, Any]] = [
        {
            "x": x, "y": y, "text": name, "showarrow": False, "yshift": 10, "xanchor": "left", "yanchor": "bottom",
            "textangle": -30, "font": {"size": 11, "color": theme.ink, "shadow": halo},
        }
        for x, y, name in _choose_names(list(zip(at, heights, names, strict=True)), pixels)
    ]  # fmt: skip
    for x, text in _choose_pauses(breaks, pixels, right):
        shapes.append(_line_at(x, {**grid, "dash": "dot"}) | {"layer": "below"})
        notes.append(
            {
                "x": x, "y": low, "text": text, "showarrow": False, "xanchor": "left", "yanchor": "bottom",
                "font": {"size": 11, "color": theme.muted}, "bgcolor": theme.paper, "borderpad": 0,
            }
        )  # fmt: skip
    times = table["timestamp"].to_list()
    known: list[tuple[float, list[str]]] = []
    for when, kind in sorted(identified):
        place = sum(time < when for time in times)
        x = at[min(place, len(at) - 1)] - 0.35
        shapes.append(_line_at(x, {"color": theme.goal, "width": 1.5, "dash": "dot"}))
        # lines that are close share a label: side by side they could not be read
        if known and (x - known[-1][0]) * pixels < (room if narrow else 0.25 * room):
            known[-1][1].append(write_label(kind, 20))
        else:
            known.append((x, [write_label(kind, 20)]))
    for x, kinds in known:
        lines = wrap(f"known by {', '.join(dict.fromkeys(kinds))}", 24 if narrow else 60)
        has_room = (right - x) * pixels > (150 if narrow else 360)
        notes.append(
            {
                "x": x, "y": 1, "yref": "paper", "xanchor": "left" if has_room else "right", "yanchor": "top",
                "align": "left", "text": "<br>".join(lines), "showarrow": False,
                "font": {"size": 11, "color": theme.goal}, "bgcolor": theme.paper,
            }
        )  # fmt: skip
    # set at once: adding shapes and annotations one by one copies and checks all of them each time
    fig.update_layout(shapes=shapes, annotations=notes)
    fig.update_yaxes(
        tickvals=[-lane for lane in range(len(lanes))],
        ticktext=["unknown" if lane is None else write_label(lane, 16) for lane in lanes],
        range=[low, 1.5 if known and narrow else 1.2],
    )
    fig.update_xaxes(visible=False, range=[left, right])
    fixed = None if width <= room else round(width + (90 if narrow else 120))
    height = 200 + 90 * len(lanes)
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height, width=fixed)


def _line_at(x: float, line: dict[str, Any]) -> dict[str, Any]:
    return {"type": "line", "x0": x, "x1": x, "yref": "y domain", "y0": 0, "y1": 1, "line": line}


def _choose_names(events: list[tuple[float, int, str]], pixels: float) -> list[tuple[float, int, str]]:
    """Choose the events that are labelled: the first of a run of one event, and none that touches another."""
    shown: dict[int, float] = {}
    before: dict[int, str] = {}
    chosen = []
    for x, lane, name in events:
        if name != before.get(lane) and (lane not in shown or (x - shown[lane]) * pixels >= _MIN_DISTANCE):
            chosen.append((x, lane, name))
            shown[lane] = x
        before[lane] = name
    return chosen


def _choose_pauses(breaks: list[tuple[float, str]], pixels: float, right: float) -> list[tuple[float, str]]:
    """Choose the pauses that are labelled: none over another, none over the edge."""
    chosen: list[tuple[float, str]] = []
    free = float("-inf")
    for x, words in breaks:
        end = x + _LETTER * len(words) / pixels
        if x >= free and end <= right:
            chosen.append((x, words))
            free = end + 10 / pixels
    return chosen


def _place_events(table: pl.DataFrame) -> tuple[list[float], list[tuple[float, str]]]:
    """Place events in their order, with a space between sessions, and the day and the pause as labels.

    To scale, whole sessions would be one point: people come in bursts, weeks apart.
    """
    times = table["timestamp"].to_list()
    sessions = table["session"].to_list() if "session" in table.columns else [1] * table.height
    at, breaks = [0.0], [(-0.5, format_moment(times[0]))]
    for before, now, old, new in zip(times, times[1:], sessions, sessions[1:], strict=False):
        at.append(at[-1] + (1.0 if old == new else 2.0))
        if old != new:
            breaks.append((at[-1] - 0.5, f"{format_duration(now - before)} later"))
    return at, breaks
