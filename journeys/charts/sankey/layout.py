"""Where the nodes of a step-by-step Sankey stand: true columns, few crossings, the same places at every run.

Plotly lays nodes out by their depth in the graph and reorders them; a journey's columns are its steps, whatever the
links. So every node gets its place from here, and Plotly only draws.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from journeys.charts.theme import CONTINUES, DROP_OFF, OTHER

__all__ = ["GAP", "PITCH", "Layout", "Link", "Node", "lay_out"]

GAP = 9.0
"""Pixels between two nodes of a column."""
PITCH = 17.0
"""Pixels from one label to the next: a label of 12 px and some air."""
_LEAVING = {DROP_OFF, CONTINUES}


@dataclass(slots=True)
class Node:
    """An event in a column, or (leaving) the end of those who stop after one."""

    position: int
    name: str
    leaving_from: str | None = None
    people: float = 0.0
    top: float = 0.0
    height: float = 0.0
    unseen: float = 0.0
    """Where more are here than ribbons show, how many of them no ribbon takes on."""

    @property
    def key(self) -> tuple[int, str, str]:
        """What tells two nodes apart."""
        return (self.position, self.name, self.leaving_from or "")

    @property
    def middle(self) -> float:
        """Where its centre is, in pixels from the top."""
        return self.top + self.height / 2


@dataclass(slots=True)
class Link:
    """Those who go from one node to the next; `row` is its row in the table."""

    source: Node
    target: Node
    people: float
    row: int


@dataclass(slots=True)
class Layout:
    """Nodes and links in drawing order, the height they take, what Plotly must scale by, and the pixels a person."""

    nodes: list[Node] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    height: float = 0.0
    scaled: float = 0.0
    columns: int = 0
    scale: float = 0.0


def lay_out(
    links: Sequence[tuple[int, str, str, float]],
    *,
    goal: str | None = None,
    scale: float | None = None,
    room: float | None = None,
    pitch: float = PITCH,
    order: Sequence[tuple[int, str, str]] | None = None,
    there: Mapping[tuple[int, str], float] | None = None,
) -> Layout:
    """Place the nodes of links (position, source, target, people); those without people are left out.

    The goal stands on top of each column, "(other)" at its foot, the rest in the order that crosses least. Leaving is a
    stub beside its node, not a node of the next column: else it would be the tallest of each.

    Parameters
    ----------
    links
        The links.
    goal
        The event on top.
    scale
        Pixels a person; else such that the fullest column is 240 to 460 high, or fits the `room`.
    room
        The pixels that every column must do with.
    pitch
        The least pixels from one node to the next: what a name takes.
    order
        The nodes in the order of another layout, to stand alike; else the order that crosses least.
    there
        How many are at a node (position, name) where they are more than its ribbons bring and take: whose journey
        begins and ends at the goal goes nowhere, and is there all the same.

    Examples
    --------
    >>> laid = lay_out([(0, "A", "B", 6), (0, "A", "(drop-off)", 4)], there={(0, "B"): 3})
    >>> [(n.position, n.name, n.people) for n in laid.nodes], laid.columns
    ([(0, 'A', 10.0), (0, 'B', 3), (1, 'B', 6.0), (0, '(drop-off)', 4.0)], 2)
    """
    nodes: dict[tuple[int, str, str], Node] = {}

    def node(position: int, name: str, leaving_from: str | None = None) -> Node:
        made = Node(position, name, leaving_from)
        return nodes.setdefault(made.key, made)

    made: list[Link] = []
    into: dict[tuple[int, str, str], float] = defaultdict(float)
    out_of: dict[tuple[int, str, str], float] = defaultdict(float)
    for row, (position, source, target, people) in enumerate(links):
        if people <= 0:
            continue
        start = node(position, source)
        end = node(position, target, source) if target in _LEAVING else node(position + 1, target)
        made.append(Link(start, end, people, row))
        out_of[start.key] += people
        into[end.key] += people
    everybody = {(position, name, ""): people for (position, name), people in (there or {}).items() if people > 0}
    for position, name, _ in everybody:
        node(position, name)
    if not nodes:
        return Layout()
    for key, one in nodes.items():
        one.people = max(into[key], out_of[key], everybody.get(key, 0))
        one.unseen = one.people - out_of[key] if one.people > max(into[key], out_of[key]) else 0.0
    staying = [one for one in nodes.values() if one.leaving_from is None]
    first = min(one.position for one in staying)
    count = max(one.position for one in staying) - first + 1
    columns = [[one for one in staying if one.position == first + p] for p in range(count)]
    if order is None:
        _order(columns, made, goal)
    else:
        rank = {key: number for number, key in enumerate(order)}
        for column in columns:
            column.sort(key=lambda one: (rank.get(one.key, len(rank)), one.name))
    if scale is None:
        most = max(sum(one.people for one in column) for column in columns)
        tall = min(460.0, max(240.0, 30.0 * max(len(column) for column in columns)))
        scale = tall / most if room is None else _fitting(columns, room=room, pitch=pitch)
    height = 0.0
    for column in columns:
        y = 0.0
        for one in column:
            one.height = max(one.people * scale, 0.5)
            one.top = y
            y += max(one.height + GAP, pitch)
        height = max(height, y)
    _stubs(nodes, out_of, scale)
    ordered = [one for column in columns for one in column]
    ordered += sorted((one for one in nodes.values() if one.leaving_from is not None), key=lambda one: one.key)
    made.sort(
        key=lambda link: (link.source.position, link.source.top, link.target.leaving_from is not None, link.target.top)
    )
    scaled = _plotly_height(ordered, made, scale)
    return Layout(ordered, made, max(height, scaled), scaled, count, scale)


def _fitting(columns: list[list[Node]], *, room: float, pitch: float) -> float:
    """Find the most pixels a person at which every column fits the room, by halving."""

    def fits(scale: float) -> bool:
        return all(sum(max(one.people * scale + GAP, pitch) for one in column) <= room for column in columns)

    low, high = 0.0, room / max(sum(one.people for one in column) for column in columns)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low or high


def _order(columns: list[list[Node]], links: list[Link], goal: str | None) -> None:
    """Sort each column so that ribbons cross least: barycentre sweeps, the best order seen is kept."""
    links = [link for link in links if link.target.leaving_from is None]
    pinned = {one.key: 0 if one.name == goal else 2 if one.name == OTHER else 1 for c in columns for one in c}
    for column in columns:
        column.sort(key=lambda one: (pinned[one.key], -one.people, one.name))
    best, fewest = [list(column) for column in columns], _crossings(columns, links)
    for sweep in range(10):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            _towards(column, links, columns, forward=forward, pinned=pinned)
        crossings = _crossings(columns, links)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    for column, order in zip(columns, best, strict=True):
        column[:] = order


def _towards(
    column: list[Node],
    links: list[Link],
    columns: list[list[Node]],
    *,
    forward: bool,
    pinned: dict[tuple[int, str, str], int],
) -> None:
    """Sort one column by where its neighbours in the column before (or after) stand on average."""
    place = {one.key: i / max(1, len(c) - 1) for c in columns for i, one in enumerate(c)}
    pull: dict[tuple[int, str, str], float] = defaultdict(float)
    weight: dict[tuple[int, str, str], float] = defaultdict(float)
    for link in links:
        near, far = (link.target, link.source) if forward else (link.source, link.target)
        pull[near.key] += place[far.key] * link.people
        weight[near.key] += link.people
    column.sort(
        key=lambda one: (
            pinned[one.key],
            pull[one.key] / weight[one.key] if weight[one.key] else place[one.key],
            -one.people,
            one.name,
        )
    )


def _crossings(columns: list[list[Node]], links: list[Link]) -> float:
    """Sum, over pairs of links that cross, the people in the smaller of the two."""
    place = {one.key: i for column in columns for i, one in enumerate(column)}
    gaps: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for link in links:
        gaps[link.source.position].append((place[link.source.key], place[link.target.key], link.people))
    total = 0.0
    for gap in gaps.values():
        # Ribbons beyond the 60 widest of a gap decide no order that the eye could follow.
        wide = sorted(gap, key=lambda one: (-one[2], one[0], one[1]))[:60]
        for i, (a, b, people) in enumerate(wide):
            total += sum(min(people, n) for c, d, n in wide[i + 1 :] if (a - c) * (b - d) < 0)
    return total


def _stubs(nodes: dict[tuple[int, str, str], Node], out_of: dict[tuple[int, str, str], float], scale: float) -> None:
    """Hang those who leave where the last of their node's links are: who stops above, who goes on unseen below."""
    foot: dict[tuple[int, str, str], float] = {}
    leaving = [one for one in nodes.values() if one.leaving_from is not None]
    for one in sorted(leaving, key=lambda one: (one.position, one.leaving_from or "", one.name == DROP_OFF)):
        source = nodes[one.position, one.leaving_from or "", ""]
        one.height = max(one.people * scale, 0.5)
        one.top = foot.get(source.key, source.top + out_of[source.key] * scale) - one.height
        foot[source.key] = one.top


def _plotly_height(nodes: list[Node], links: list[Link], scale: float) -> float:
    """Return the domain height at which Plotly, with no padding, draws a person `scale` pixels high.

    It scales by its own fullest layer, where a layer is the depth of a node: the longest way to it.
    """
    depth = {one.key: 0 for one in nodes}
    for link in sorted(links, key=lambda link: link.source.position):
        depth[link.target.key] = max(depth[link.target.key], depth[link.source.key] + 1)
    layers: dict[int, float] = defaultdict(float)
    for one in nodes:
        layers[depth[one.key]] += one.people
        # To be as high as all who are there, a node has a ribbon that is not seen, to a node of the next layer.
        layers[depth[one.key] + 1] += one.unseen
    return scale * max(layers.values())
