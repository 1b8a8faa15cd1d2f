"""From a layout to a figure: horizontal for a page, or vertical for a phone, where columns become rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from journeys.charts.labels import write_label
from journeys.charts.sankey.layout import Key, SankeyLayout, SankeyLink, SankeyNode, place_sources, place_targets
from journeys.charts.sankey.vertical import draw_node, draw_ribbons
from journeys.display.options import get_cell_width

THICKNESS, OUTLINE = 13, 1.2
VERTICAL_PITCH, _ROW_HEIGHT = 68.0, 134.0
"""Vertical: the pixels across that a name takes, and those from one row to the next."""
VERTICAL_LAYOUT: dict[str, Any] = {"room": 348.0, "pitch": VERTICAL_PITCH}
"""The options of `lay_out` for a vertical drawing, which is 348 pixels wide."""
_ABOVE = 72
"""Vertical: the pixels above the first row for its heading and its names."""
_COLUMN_WIDTH, _TIGHT_COLUMN, _MIN_WIDTH, SIDE_MARGIN = 160, 110, 760, 8
"""Horizontal: the pixels per column that names need, and with which most are cut; the least of a figure; a margin."""


def width_for(columns: int) -> int:
    """Return how wide a horizontal figure must be for its names: a notebook cell scrolls, unless its width is known.

    Examples
    --------
    >>> width_for(3), width_for(6), width_for(12)
    (760, 1056, 2016)
    """
    if cell := get_cell_width():
        return max(cell, round(_TIGHT_COLUMN * (columns + 0.5)))
    return max(_MIN_WIDTH, round(_COLUMN_WIDTH * (columns + 0.5))) + 2 * SIDE_MARGIN * (columns > 4)


@dataclass(frozen=True, slots=True)
class Canvas:
    """A layout on its part of the figure.

    Attributes
    ----------
    layout : SankeyLayout
        What is drawn.
    width : float
        The figure's width in pixels.
    first, columns : int
        The first column, and how many there are: those of all layouts of a figure.
    top, total : float
        Where it begins in the figure, and how high the figure is, in pixels.
    vertical : bool
        Whether columns follow each other downwards.
    across : float
        Vertical: how wide the figure is in pixels: as the widest of its layouts, or 0 for this one.
    """

    layout: SankeyLayout
    width: float
    first: int
    columns: int
    top: float = 0.0
    total: float = 0.0
    vertical: bool = False
    across: float = 0.0

    @staticmethod
    def measure_height(layout: SankeyLayout, *, columns: int, vertical: bool) -> float:
        """Return how high a layout will be in the figure."""
        return _ABOVE + (columns - 1) * _ROW_HEIGHT + 2 * THICKNESS + 12 if vertical else layout.height

    @property
    def column_width(self) -> float:
        """The pixels from one column to the next that a name may take."""
        return self.width / (self.columns + 0.5)

    def find_centre(self, node: SankeyNode) -> float:
        """Return the pixels from the edge to a node's centre, in the direction of the journeys."""
        place = node.position - self.first
        beside = THICKNESS + 5 if node.is_stub else 0
        if self.vertical:
            return self.top + _ABOVE + THICKNESS / 2 + place * _ROW_HEIGHT + beside
        edge = THICKNESS / 2 + 1
        # the names of the last column are to its right, too, but inside the plot
        right = edge + self.column_width if self.columns > 1 else edge
        return edge + place * (self.width - edge - right) / max(1, self.columns - 1) + beside

    def locate_beside(self, node: SankeyNode, across: float) -> tuple[float, float]:
        """Return where in the figure (0 to 1, from the left and from the bottom) something beside a node is."""
        if self.vertical:
            return across / (self.across or self.layout.height), 1 - self.find_centre(node) / self.total
        return self.find_centre(node) / self.width, 1 - (self.top + across) / self.total

    def draw_traces(
        self,
        *,
        colours: Mapping[Key, str],
        fill: Callable[[SankeyLink], str],
        hover_fill: Callable[[SankeyLink], str],
        outline: Callable[[SankeyLink], tuple[str, float]] | None = None,
        node_outlines: Mapping[Key, str] | None = None,
        node_text: Callable[[SankeyNode], str],
        link_text: Callable[[SankeyLink], str],
    ) -> list[go.Sankey | go.Scatter]:
        """Draw the layout: horizontal as a Sankey of Plotly with fixed nodes, vertical ribbon by ribbon."""
        layout = self.layout
        borders = node_outlines or {}
        if self.vertical:
            drawn = draw_ribbons(
                layout.links, along=self.find_centre, thickness=THICKNESS, fill=fill, outline=outline, text=link_text
            )
            drawn += [
                draw_node(
                    node,
                    along=self.find_centre(node),
                    thickness=THICKNESS,
                    colour=colours[node.key],
                    border=(borders[node.key], OUTLINE) if node.key in borders else None,
                    text=node_text(node),
                )
                for node in layout.nodes
            ]
            return drawn
        number_of = {node.key: n for n, node in enumerate(layout.nodes)}
        high = 1 - self.top / self.total
        # Plotly makes a node as high as its ribbons: people without a ribbon get an invisible one, from their node to a
        # copy of it in the same place
        copies = [node for node in layout.nodes if node.without_ribbon > 0]
        nodes = [*layout.nodes, *copies]
        hover = [node_text(node) for node in nodes]
        hidden = ["rgba(0,0,0,0)"] * len(copies)
        trace = go.Sankey(
            arrangement="fixed",
            domain={"x": [0, 1], "y": [max(0.0, high - layout.scaled / self.total), high]},
            # names are drawn as annotations, which can be cut and moved; these are for readers of the data
            textfont={"size": 1, "color": "rgba(0,0,0,0)", "shadow": "none"},
            node={
                "label": [write_label(node.name, 80) for node in nodes],
                # never 0, which Plotly takes for missing
                "x": [self.find_centre(node) / self.width for node in nodes],
                "y": [
                    (node.top + (node.without_ribbon if n >= len(layout.nodes) else node.people) * layout.scale / 2)
                    / layout.scaled
                    for n, node in enumerate(nodes)
                ],
                "color": [colours[node.key] for node in layout.nodes] + hidden,
                "line": {"width": 0},
                "pad": 0,
                "thickness": THICKNESS,
                "align": "left",
                "sort": "input",
                "customdata": hover,
                "hovertemplate": "%{customdata}<extra></extra>",
            },
            link={
                "source": [number_of[link.source.key] for link in layout.links]
                + [number_of[node.key] for node in copies],
                "target": [number_of[link.target.key] for link in layout.links]
                + [*range(len(layout.nodes), len(nodes))],
                "value": [link.people for link in layout.links] + [node.without_ribbon for node in copies],
                "color": [fill(link) for link in layout.links] + hidden,
                "hovercolor": [hover_fill(link) for link in layout.links] + hidden,
                "sort": "input",
                "customdata": [link_text(link) for link in layout.links] + hover[len(layout.nodes) :],
                "hovertemplate": "%{customdata}<extra></extra>",
            },
        )
        return [trace]

    def outline_links(self, outline: Callable[[SankeyLink], tuple[str, float]]) -> list[dict[str, Any]]:
        """Draw the outlines of single ribbons, horizontal: Plotly outlines all of them or none."""
        if self.vertical:
            return []
        going, coming = place_sources(self.layout.links), place_targets(self.layout.links)
        shapes = []
        for n, link in enumerate(self.layout.links):
            colour, width = outline(link)
            if not width:
                continue
            start = (self.find_centre(link.source) + THICKNESS / 2) / self.width
            end = (self.find_centre(link.target) - THICKNESS / 2) / self.width
            (a, b), (c, d) = [[1 - (self.top + y) / self.total for y in part[n]] for part in (going, coming)]
            half = (start + end) / 2
            path = f"M{start},{a}C{half},{a} {half},{c} {end},{c}M{start},{b}C{half},{b} {half},{d} {end},{d}"
            line = {"color": colour, "width": width}
            shapes.append({"type": "path", "path": path, "xref": "paper", "yref": "paper", "line": line})
        return shapes

    def outline_nodes(self, outlines: Mapping[Key, str]) -> list[dict[str, Any]]:
        """Draw the outlines of single nodes, horizontal: Plotly outlines all of them or none."""
        if self.vertical:
            return []
        half = THICKNESS / 2
        return [
            {
                "type": "rect",
                "xref": "paper",
                "yref": "paper",
                "x0": (self.find_centre(node) - half) / self.width,
                "x1": (self.find_centre(node) + half) / self.width,
                "y0": 1 - (self.top + node.top) / self.total,
                "y1": 1 - (self.top + node.top + node.height) / self.total,
                "line": {"color": outlines[node.key], "width": OUTLINE},
            }
            for node in self.layout.nodes
            if node.key in outlines
        ]

    def set_axes(self, fig: go.Figure) -> None:
        """Give a vertical drawing its axes: a unit is a pixel at the width of the layout."""
        if self.vertical:
            fig.update_xaxes(visible=False, range=[0, self.across or self.layout.height], fixedrange=True)
            fig.update_yaxes(visible=False, range=[self.total, 0], fixedrange=True)

    def write_note(self, node: SankeyNode, across: float, **settings: Any) -> dict[str, Any]:
        """Return an annotation beside a node."""
        x, y = self.locate_beside(node, across)
        return {"x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False, "xanchor": "left"} | settings

    def list_columns(self) -> list[Sequence[SankeyNode]]:
        """Return the nodes of each column, in order, without those who leave."""
        columns: list[list[SankeyNode]] = [[] for _ in range(self.columns)]
        for node in self.layout.nodes:
            if not node.is_stub:
                columns[node.position - self.first].append(node)
        return [sorted(column, key=lambda node: node.top) for column in columns]
