"""One person's events on a line of time, one lane a source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from textwrap import wrap

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full, label, lines_of, plain
from journeys.charts.theme import apply_theme, colours, event_colours, nothing
from journeys.display import duration, moment

__all__ = ["draw"]

APART = 34.0
"""Pixels between two slanted names of a lane: closer they would touch."""
LETTER, SLANTED = 6.2, 5.4
"""Pixels a letter takes, upright and slanted."""


def draw(
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
        `timestamp`, `event`, and if known `source` (a lane each) and `replay_url`: such an event is a diamond, and the
        subtitle says so.
    identified
        Moments at which the person became known by a further identifier, and by which.
    colour_of
        A colour by event name, the same in all charts of a report; else by how often it is done here.
    title, subtitle
        The finding and the definition.
    dark, narrow
        For a dark page; for a telephone.

    Examples
    --------
    >>> table = pl.DataFrame({"timestamp": ["2026-03-01", "2026-03-02"], "event": ["Visit", "Sign up"]})
    >>> fig = draw(table.with_columns(pl.col("timestamp").str.to_datetime(time_zone="UTC")))
    >>> len(fig.data[0].x)
    2
    """
    if table.is_empty():
        return nothing("Nothing to show.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = colours(dark=dark)
    sources = (
        table["source"].fill_null("unknown")
        if "source" in table.columns
        else pl.repeat("events", table.height, eager=True)
    )
    lanes: list[str] = sources.unique(maintain_order=True).to_list()
    counts = table["event"].value_counts().sort("count", "event", descending=[True, False])
    shades = colour_of or event_colours(counts["event"].to_list(), dark=dark)
    replays = table["replay_url"].to_list() if "replay_url" in table.columns else [None] * table.height
    if any(replays):
        subtitle = f"{subtitle} A diamond: its session was recorded.".strip()
    hover = [
        lines_of(f"{plain(event)}, {moment(when)} UTC", 60) + (f"<br>{full(replay)}" if replay else "")
        for event, when, replay in zip(table["event"], table["timestamp"], replays, strict=True)
    ]
    at, breaks = _lay(table)
    heights = [-lanes.index(source) for source in sources]
    fig = go.Figure(
        go.Scatter(
            x=at,
            y=heights,
            mode="markers",
            marker={
                "size": 11,
                "color": [shades.get(event, theme.rest) for event in table["event"]],
                "line": {"width": 1, "color": theme.paper},
                "symbol": ["diamond" if replay else "circle" for replay in replays],
            },
            hovertext=hover,
            hoverinfo="text",
        )
    )
    for lane in range(len(lanes)):
        fig.add_hline(y=-lane, line={"color": theme.grid, "width": 1}, layer="below")
    # The plot's own width, without the lanes' names, as narrow as a page makes it.
    width, cut = (270.0, 12) if narrow else (900.0, 18)
    names = [label(event, cut) for event in table["event"]]
    left = at[0] - 0.6
    # Names lean to the right: the axis ends where the last of them does.
    ends = [
        width / (width - SLANTED * min(len(event), cut) - 8) * (x - left) for event, x in zip(names, at, strict=True)
    ]
    right = left + max(*ends, at[-1] - left + 0.6)
    pixels = width / (right - left)
    # A halo keeps names readable where a line goes through them.
    halo = ", ".join([f"0 0 2px {theme.paper}"] * 4)
    for x, y, name in _named(list(zip(at, heights, names, strict=True)), pixels):
        fig.add_annotation(
            x=x, y=y, text=name, showarrow=False, yshift=10, xanchor="left", yanchor="bottom",
            textangle=-30, font={"size": 11, "color": theme.ink, "shadow": halo},
        )  # fmt: skip
    low = -len(lanes) + 0.35
    for x, words in _side_by_side(breaks, pixels, right):
        fig.add_vline(x=x, line={"color": theme.grid, "width": 1, "dash": "dot"}, layer="below")
        fig.add_annotation(
            x=x, y=low, text=words, showarrow=False, xanchor="left", yanchor="bottom",
            font={"size": 11, "color": theme.muted}, bgcolor=theme.paper, borderpad=0,
        )  # fmt: skip
    times = table["timestamp"].to_list()
    known: list[tuple[float, list[str]]] = []
    for when, kind in sorted(identified):
        place = sum(moment_of < when for moment_of in times)
        x = at[min(place, len(at) - 1)] - 0.35
        fig.add_vline(x=x, line={"color": theme.goal, "width": 1.5, "dash": "dot"})
        # Bridges that stand close share their words: side by side they could not be read.
        if known and (x - known[-1][0]) * pixels < (width if narrow else 0.25 * width):
            known[-1][1].append(label(kind, 20))
        else:
            known.append((x, [label(kind, 20)]))
    for x, kinds in known:
        lines = wrap(f"known by {', '.join(dict.fromkeys(kinds))}", 24 if narrow else 60)
        fig.add_annotation(
            x=x, y=1, yref="paper", xanchor="left" if (right - x) * pixels > 150 + 210 * (not narrow) else "right",
            yanchor="top", align="left", text="<br>".join(lines), showarrow=False,
            font={"size": 11, "color": theme.goal}, bgcolor=theme.paper,
        )  # fmt: skip
    fig.update_yaxes(
        tickvals=[-lane for lane in range(len(lanes))],
        ticktext=[label(lane, 16) for lane in lanes],
        range=[low, 1.5 if known and narrow else 1.2],
    )
    fig.update_xaxes(visible=False, range=[left, right])
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=200 + 90 * len(lanes))


def _named(events: list[tuple[float, int, str]], pixels: float) -> list[tuple[float, int, str]]:
    """Choose which events have their names set: of a run of one event the first, and none that touches another."""
    shown: dict[int, float] = {}
    before: dict[int, str] = {}
    chosen = []
    for x, lane, name in events:
        if name != before.get(lane) and (lane not in shown or (x - shown[lane]) * pixels >= APART):
            chosen.append((x, lane, name))
            shown[lane] = x
        before[lane] = name
    return chosen


def _side_by_side(breaks: list[tuple[float, str]], pixels: float, right: float) -> list[tuple[float, str]]:
    """Choose which pauses are said: none over another, none over the edge."""
    chosen: list[tuple[float, str]] = []
    free = float("-inf")
    for x, words in breaks:
        end = x + LETTER * len(words) / pixels
        if x >= free and end <= right:
            chosen.append((x, words))
            free = end + 10 / pixels
    return chosen


def _lay(table: pl.DataFrame) -> tuple[list[float], list[tuple[float, str]]]:
    """Place events in their order; between sessions there is a space, and the day and the pause are said.

    True distances in time would put whole sessions on one spot: people come in bursts, weeks apart.
    """
    times = table["timestamp"].to_list()
    sessions = table["session"].to_list() if "session" in table.columns else [1] * table.height
    at, breaks = [0.0], [(-0.5, moment(times[0]))]
    for before, now, old, new in zip(times, times[1:], sessions, sessions[1:], strict=False):
        at.append(at[-1] + (1.0 if old == new else 2.0))
        if old != new:
            breaks.append((at[-1] - 0.5, f"{duration(now - before)} later"))
    return at, breaks
