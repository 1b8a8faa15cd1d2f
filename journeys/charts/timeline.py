"""One person's events on a line of time, one lane a source."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import plotly.graph_objects as go
import polars as pl

from journeys.charts.labels import full, label, lines_of
from journeys.charts.theme import colours, event_colours, finish, nothing
from journeys.display import moment

__all__ = ["draw"]

NAMED = 14


def draw(
    table: pl.DataFrame,
    *,
    bridges: Sequence[tuple[datetime, str]] = (),
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw a person's timeline.

    Parameters
    ----------
    table
        `timestamp`, `event`, and if known `source` (a lane each) and `replay_url`.
    bridges
        Moments at which the person became known by a further identifier, and by which.
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
    shades = event_colours(counts["event"].to_list(), dark=dark)
    replays = table["replay_url"].to_list() if "replay_url" in table.columns else [None] * table.height
    hover = [
        lines_of(f"{event}, {moment(when)} UTC", 60) + (f"<br>{full(replay)}" if replay else "")
        for event, when, replay in zip(table["event"], table["timestamp"], replays, strict=True)
    ]
    fig = go.Figure(
        go.Scatter(
            x=table["timestamp"].to_list(),
            y=[-lanes.index(source) for source in sources],
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
    _say(fig, table, [-lanes.index(source) for source in sources], narrow=narrow, ink=theme.ink)
    for when, kind in bridges:
        fig.add_vline(x=when, line={"color": theme.goal, "width": 1.5, "dash": "dot"})
        fig.add_annotation(
            x=when,
            y=1,
            yref="paper",
            yanchor="bottom",
            text=f"known by {label(kind, 20)}",
            showarrow=False,
            font={"size": 11, "color": theme.goal},
        )
    fig.update_yaxes(
        tickvals=[-lane for lane in range(len(lanes))],
        ticktext=[label(lane, 16) for lane in lanes],
        range=[-len(lanes) + 0.3, 1.0],
    )
    fig.update_xaxes(showline=True, title={"text": "UTC"})
    return finish(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=230 + 80 * len(lanes))


def _say(fig: go.Figure, table: pl.DataFrame, lanes: list[int], *, narrow: bool, ink: str) -> None:
    """Name the events where there is room: the first of each run that is far enough from the one named before."""
    times = table["timestamp"].to_physical().to_list()
    span = max(times[-1] - times[0], 1)
    room = span / (5 if narrow else NAMED)
    last: dict[int, int] = {}
    for number, (when, event, lane) in enumerate(zip(table["timestamp"], table["event"], lanes, strict=True)):
        if lane not in last or times[number] - last[lane] >= room:
            last[lane] = times[number]
            fig.add_annotation(
                x=when, y=lane, text=label(event, 18), showarrow=False, yshift=14, xanchor="left", xshift=-4,
                textangle=-25, font={"size": 11, "color": ink},
            )  # fmt: skip
