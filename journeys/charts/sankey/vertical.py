"""A vertical Sankey, drawn ribbon by ribbon: Plotly's own, turned, is right at one width only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from journeys.charts.sankey.layout import SankeyLink, SankeyNode, place_sources, place_targets

_POINTS = 14


def draw_node(
    node: SankeyNode, *, along: float, thickness: float, colour: str, border: tuple[str, float] | None = None, text: str
) -> go.Scatter:
    """Draw a node as a horizontal bar."""
    left, right = node.top, node.top + node.height
    low, high = along - thickness / 2, along + thickness / 2
    return _draw_area([left, right, right, left], [low, low, high, high], colour=colour, text=text, line=border)


def draw_ribbons(
    links: Sequence[SankeyLink],
    *,
    along: Callable[[SankeyNode], float],
    thickness: float,
    fill: Callable[[SankeyLink], str],
    outline: Callable[[SankeyLink], tuple[str, float]] | None = None,
    text: Callable[[SankeyLink], str],
) -> list[go.Scatter]:
    """Draw links as ribbons, side by side where they leave a node and where they arrive."""
    going, coming = place_sources(links), place_targets(links)
    drawn = []
    for number, link in enumerate(links):
        (a, b), (c, d) = going[number], coming[number]
        start, end = along(link.source) + thickness / 2, along(link.target) - thickness / 2
        if link.target.is_stub:
            # those who leave go straight down to their stub
            (a, b) = c, d
        steps = [n / _POINTS for n in range(_POINTS + 1)]
        ease = [t * t * (3 - 2 * t) for t in steps]
        down = [start + (end - start) * t for t in steps]
        left = [a + (c - a) * t for t in ease]
        right = [b + (d - b) * t for t in ease]
        line = None if outline is None else outline(link)
        drawn.append(_draw_area(left + right[::-1], down + down[::-1], colour=fill(link), text=text(link), line=line))
    return drawn


def _draw_area(
    x: list[float], y: list[float], *, colour: str, text: str, line: tuple[str, float] | None = None
) -> go.Scatter:
    line_colour, width = line or (colour, 0)
    return go.Scatter(
        x=[*x, x[0]], y=[*y, y[0]], mode="lines", fill="toself", fillcolor=colour,
        line={"width": width, "color": line_colour}, hoveron="fills", text=text, hoverinfo="text", showlegend=False,
    )  # fmt: skip
