"""From a layout to a figure: where on the paper its columns and nodes are, lying for a page or upright for a telephone.

Upright, columns become rows that follow each other downwards, as one reads a telephone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from journeys.charts.labels import label
from journeys.charts.sankey.layout import Layout, Link, Node
from journeys.charts.sankey.upright import arriving, bar, leaving, ribbons

__all__ = ["PITCH", "ROOM", "ROW", "SIDE", "THICK", "Stage", "width_for"]

THICK = 13
ROOM, PITCH, ROW = 348.0, 68.0, 134.0
"""Upright: the pixels across that there are, those of a name, and those from one row to the next."""
_ABOVE = 72
"""Upright: the pixels above the first row for its head and its names."""
COLUMN, LEAST, SIDE = 160, 760, 8
"""Lying: the pixels from one column to the next that names need, the least of a figure, and those at its sides."""


def width_for(columns: int) -> int:
    """Say how wide a lying figure must be for its names, whatever the page: a cell of a notebook then scrolls.

    Examples
    --------
    >>> width_for(3), width_for(6), width_for(12)
    (760, 1056, 2016)
    """
    return max(LEAST, round(COLUMN * (columns + 0.5))) + 2 * SIDE * (columns > 4)


@dataclass(frozen=True, slots=True)
class Stage:
    """A layout on its part of the paper.

    Attributes
    ----------
    laid : Layout
        What is drawn.
    width : float
        The paper's width in pixels.
    first, columns : int
        The first column, and how many there are: those of all layouts of a figure.
    top, total : float
        Where it begins on the paper, and how high the paper is, in pixels.
    upright : bool
        Whether columns follow each other downwards.
    across : float
        Upright, how wide the paper is in pixels: that of the widest layout of a figure, or 0 for its own.
    """

    laid: Layout
    width: float
    first: int
    columns: int
    top: float = 0.0
    total: float = 0.0
    upright: bool = False
    across: float = 0.0

    @staticmethod
    def height_of(laid: Layout, *, columns: int, upright: bool) -> float:
        """Say how high a layout will be on the paper."""
        return _ABOVE + (columns - 1) * ROW + 2 * THICK + 12 if upright else laid.height

    @property
    def room(self) -> float:
        """The pixels from one column to the next that a name may take."""
        return self.width / (self.columns + 0.5)

    def along(self, one: Node) -> float:
        """Return the pixels from the edge to a node's centre, in the direction that people go."""
        place = one.position - self.first
        beside = THICK + 5 if one.leaving_from is not None else 0
        if self.upright:
            return self.top + _ABOVE + THICK / 2 + place * ROW + beside
        edge = THICK / 2 + 1
        # The last column's names stand to its right as everywhere, but inside the plot.
        right = edge + self.room if self.columns > 1 else edge
        return edge + place * (self.width - edge - right) / max(1, self.columns - 1) + beside

    def at(self, one: Node, across: float) -> tuple[float, float]:
        """Return where on the paper (0 to 1, from the left and from the foot) something beside a node is."""
        if self.upright:
            return across / (self.across or self.laid.height), 1 - self.along(one) / self.total
        return self.along(one) / self.width, 1 - (self.top + across) / self.total

    def traces(
        self,
        *,
        shades: Mapping[tuple[int, str, str], str],
        tint: Callable[[Link], str],
        loud: Callable[[Link], str],
        edge: Callable[[Link], tuple[str, float]] | None = None,
        node_says: Callable[[Node], str],
        link_says: Callable[[Link], str],
    ) -> list[go.Sankey | go.Scatter]:
        """Draw it: lying by Plotly, with every node where it was laid; upright ribbon by ribbon, with edges if told."""
        laid = self.laid
        if self.upright:
            drawn = ribbons(laid.links, along=self.along, thick=THICK, tint=tint, edge=edge, says=link_says)
            drawn += [
                bar(one, along=self.along(one), thick=THICK, colour=shades[one.key], says=node_says(one))
                for one in laid.nodes
            ]
            return drawn
        number_of = {one.key: n for n, one in enumerate(laid.nodes)}
        high = 1 - self.top / self.total
        # Plotly makes a node as high as its ribbons: those who have none hang on one that is not seen, which goes from
        # their node to another in the same place.
        unseen = [one for one in laid.nodes if one.unseen > 0]
        nodes = [*laid.nodes, *unseen]
        tip = [node_says(one) for one in nodes]
        hidden = ["rgba(0,0,0,0)"] * len(unseen)
        trace = go.Sankey(
            arrangement="fixed",
            domain={"x": [0, 1], "y": [max(0.0, high - laid.scaled / self.total), high]},
            # Names are set as annotations, which can be cut, isolated and moved; these stay for the reader of the data.
            textfont={"size": 1, "color": "rgba(0,0,0,0)", "shadow": "none"},
            node={
                "label": [label(one.name, 80) for one in nodes],
                # Never 0, which Plotly takes for missing.
                "x": [self.along(one) / self.width for one in nodes],
                "y": [
                    (one.top + (one.unseen if n >= len(laid.nodes) else one.people) * laid.scale / 2) / laid.scaled
                    for n, one in enumerate(nodes)
                ],
                "color": [shades[one.key] for one in laid.nodes] + hidden,
                "line": {"width": 0},
                "pad": 0,
                "thickness": THICK,
                "align": "left",
                "sort": "input",
                "customdata": tip,
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            link={
                "source": [number_of[link.source.key] for link in laid.links] + [number_of[one.key] for one in unseen],
                "target": [number_of[link.target.key] for link in laid.links] + [*range(len(laid.nodes), len(nodes))],
                "value": [link.people for link in laid.links] + [one.unseen for one in unseen],
                "color": [tint(link) for link in laid.links] + hidden,
                "hovercolor": [loud(link) for link in laid.links] + hidden,
                "sort": "input",
                "customdata": [link_says(link) for link in laid.links] + tip[len(laid.nodes) :],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
        )
        return [trace]

    def outlines(self, edge: Callable[[Link], tuple[str, float]]) -> list[dict[str, Any]]:
        """Draw the edges of a lying drawing's ribbons, which Plotly gives all of them or none."""
        if self.upright:
            return []
        going, coming = leaving(self.laid.links), arriving(self.laid.links)
        shapes = []
        for n, link in enumerate(self.laid.links):
            shade, width = edge(link)
            if not width:
                continue
            start = (self.along(link.source) + THICK / 2) / self.width
            end = (self.along(link.target) - THICK / 2) / self.width
            (a, b), (c, d) = [[1 - (self.top + y) / self.total for y in part[n]] for part in (going, coming)]
            half = (start + end) / 2
            path = f"M{start},{a}C{half},{a} {half},{c} {end},{c}M{start},{b}C{half},{b} {half},{d} {end},{d}"
            line = {"color": shade, "width": width}
            shapes.append({"type": "path", "path": path, "xref": "paper", "yref": "paper", "line": line})
        return shapes

    def axes(self, fig: go.Figure) -> None:
        """Give an upright drawing its paper: a unit is a pixel at the width that it was laid for."""
        if self.upright:
            fig.update_xaxes(visible=False, range=[0, self.across or self.laid.height], fixedrange=True)
            fig.update_yaxes(visible=False, range=[self.total, 0], fixedrange=True)

    def note(self, one: Node, across: float, **settings: Any) -> dict[str, Any]:
        """Set words beside a node."""
        x, y = self.at(one, across)
        return {"x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "left"} | settings

    def by_column(self) -> list[Sequence[Node]]:
        """Return the nodes of each column, in order, without those who leave."""
        columns: list[list[Node]] = [[] for _ in range(self.columns)]
        for one in self.laid.nodes:
            if one.leaving_from is None:
                columns[one.position - self.first].append(one)
        return [sorted(column, key=lambda one: one.top) for column in columns]
