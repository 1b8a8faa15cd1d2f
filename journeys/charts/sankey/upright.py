"""A Sankey that goes downwards, drawn ribbon by ribbon: Plotly's own, upright, stands right at one width only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import plotly.graph_objects as go

from journeys.charts.sankey.layout import Link, Node

__all__ = ["arriving", "bar", "leaving", "ribbons"]

_BENDS = 14
Key = tuple[int, str, str]


def bar(one: Node, *, along: float, thick: float, colour: str, says: str) -> go.Scatter:
    """Draw a node as a bar across the way."""
    left, right = one.top, one.top + one.height
    low, high = along - thick / 2, along + thick / 2
    return _area([left, right, right, left], [low, low, high, high], colour=colour, says=says)


def ribbons(
    links: Sequence[Link],
    *,
    along: Callable[[Node], float],
    thick: float,
    tint: Callable[[Link], str],
    edge: Callable[[Link], tuple[str, float]] | None = None,
    says: Callable[[Link], str],
) -> list[go.Scatter]:
    """Draw links as ribbons, side by side where they leave a node and where they come to one."""
    going, coming = leaving(links), arriving(links)
    drawn = []
    for number, link in enumerate(links):
        (a, b), (c, d) = going[number], coming[number]
        start, end = along(link.source) + thick / 2, along(link.target) - thick / 2
        if link.target.leaving_from is not None:
            # Who leaves goes straight down from where the stub stands.
            (a, b) = c, d
        steps = [n / _BENDS for n in range(_BENDS + 1)]
        ease = [t * t * (3 - 2 * t) for t in steps]
        down = [start + (end - start) * t for t in steps]
        left = [a + (c - a) * t for t in ease]
        right = [b + (d - b) * t for t in ease]
        line = None if edge is None else edge(link)
        drawn.append(_area(left + right[::-1], down + down[::-1], colour=tint(link), says=says(link), line=line))
    return drawn


def leaving(links: Sequence[Link]) -> dict[int, tuple[float, float]]:
    """Give each link its part of the bar that it comes from."""
    return _side_by_side(links, lambda link: link.source, lambda link: link.target)


def arriving(links: Sequence[Link]) -> dict[int, tuple[float, float]]:
    """Give each link its part of the bar that it comes to."""
    return _side_by_side(links, lambda link: link.target, lambda link: link.source)


def _side_by_side(
    links: Sequence[Link], here: Callable[[Link], Node], there: Callable[[Link], Node]
) -> dict[int, tuple[float, float]]:
    """Give each link its part of a node's bar, in the order in which the other ends stand; who leaves comes last."""
    at: Mapping[Key, list[int]] = defaultdict(list)
    for number, link in enumerate(links):
        at[here(link).key].append(number)
    places = {}
    for numbers in at.values():
        numbers.sort(key=lambda n: (there(links[n]).leaving_from is not None, there(links[n]).top, n))
        one = here(links[numbers[0]])
        x = one.top
        for n in numbers:
            width = links[n].people / one.people * one.height
            places[n] = (x, x + width)
            x += width
    return places


def _area(
    x: list[float], y: list[float], *, colour: str, says: str, line: tuple[str, float] | None = None
) -> go.Scatter:
    shade, width = line or (colour, 0)
    return go.Scatter(
        x=[*x, x[0]], y=[*y, y[0]], mode="lines", fill="toself", fillcolor=colour,
        line={"width": width, "color": shade}, hoveron="fills", text=says, hoverinfo="text", showlegend=False,
    )  # fmt: skip
