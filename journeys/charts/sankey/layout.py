"""The layout of a Sankey: true columns, few crossings, the same places at every run.

Plotly lays nodes out by their depth in the graph and reorders them; the columns of a journey are its steps, whatever
the links. So every node gets its place here, and Plotly only draws.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from journeys.charts.theme import CONTINUES, DROP_OFF, OTHER

GAP = 9.0
"""Pixels between two nodes of a column."""
PITCH = 17.0
"""Pixels from one label to the next: a label of 12 px and its spacing."""
_LEAVING = {DROP_OFF, CONTINUES}


@dataclass(slots=True)
class Node:
    """An event in a column, or (with `leaving_from`) the stub of those who leave after one."""

    position: int
    name: str
    leaving_from: str | None = None
    people: float = 0.0
    top: float = 0.0
    height: float = 0.0
    without_ribbon: float = 0.0
    """Where more are here than ribbons bring and take, how many of them no ribbon takes on."""

    @property
    def key(self) -> tuple[int, str, str]:
        """Position, name, and the node that a stub belongs to."""
        return (self.position, self.name, self.leaving_from or "")

    @property
    def middle(self) -> float:
        """Its centre, in pixels from the top."""
        return self.top + self.height / 2


@dataclass(slots=True)
class Link:
    """Those who go from one node to the next; `row` is its row in the table."""

    source: Node
    target: Node
    people: float
    row: int

    @property
    def key(self) -> tuple[int, str, str]:
        """Position, source and target, as in the table."""
        return self.source.position, self.source.name, self.target.name


@dataclass(slots=True)
class Layout:
    """Nodes and links in drawing order, their height, the height that Plotly scales by, and the pixels per person."""

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
    sizes: Mapping[tuple[int, str], float] | None = None,
) -> Layout:
    """Place the nodes of links (position, source, target, people); those without people are left out.

    The goal is on top of each column, "(other)" at its bottom, the rest in the order with the fewest crossings. Those
    who leave are a stub beside their node, not a node of the next column, which would be the tallest of each.

    Parameters
    ----------
    links
        The links.
    goal
        The event on top.
    scale
        Pixels per person; else such that the fullest column is 240 to 460 high, or fits the `room`.
    room
        The pixels that every column must fit into.
    pitch
        The least pixels from one node to the next: what a name takes.
    order
        The nodes in the order of another layout; else the order with the fewest crossings.
    sizes
        How many are at a node (position, name) where they are more than its ribbons bring and take: journeys that
        begin and end at the goal have no ribbon.

    Examples
    --------
    >>> layout = lay_out([(0, "A", "B", 6), (0, "A", "(drop-off)", 4)], sizes={(0, "B"): 3})
    >>> [(n.position, n.name, n.people) for n in layout.nodes], layout.columns
    ([(0, 'A', 10.0), (0, 'B', 3), (1, 'B', 6.0), (0, '(drop-off)', 4.0)], 2)
    """
    nodes: dict[tuple[int, str, str], Node] = {}

    def get_node(position: int, name: str, leaving_from: str | None = None) -> Node:
        made = Node(position, name, leaving_from)
        return nodes.setdefault(made.key, made)

    made: list[Link] = []
    into: dict[tuple[int, str, str], float] = defaultdict(float)
    out_of: dict[tuple[int, str, str], float] = defaultdict(float)
    for row, (position, source, target, people) in enumerate(links):
        if people <= 0:
            continue
        start = get_node(position, source)
        end = get_node(position, target, source) if target in _LEAVING else get_node(position + 1, target)
        made.append(Link(start, end, people, row))
        out_of[start.key] += people
        into[end.key] += people
    known = {(position, name, ""): people for (position, name), people in (sizes or {}).items() if people > 0}
    for position, name, _ in known:
        get_node(position, name)
    if not nodes:
        return Layout()
    for key, node in nodes.items():
        node.people = max(into[key], out_of[key], known.get(key, 0))
        has_more = node.people > max(into[key], out_of[key])
        node.without_ribbon = node.people - out_of[key] if has_more else 0.0
    staying = [node for node in nodes.values() if node.leaving_from is None]
    first = min(node.position for node in staying)
    count = max(node.position for node in staying) - first + 1
    columns = [[node for node in staying if node.position == first + p] for p in range(count)]
    if order is None:
        _minimise_crossings(columns, made, goal)
    else:
        rank = {key: number for number, key in enumerate(order)}
        for column in columns:
            column.sort(key=lambda node: (rank.get(node.key, len(rank)), node.name))
    if scale is None:
        most = max(sum(node.people for node in column) for column in columns)
        tall = min(460.0, max(240.0, 30.0 * max(len(column) for column in columns)))
        scale = tall / most if room is None else _fit_scale(columns, room=room, pitch=pitch)
    height = 0.0
    for column in columns:
        y = 0.0
        for node in column:
            node.height = max(node.people * scale, 0.5)
            node.top = y
            y += max(node.height + GAP, pitch)
        height = max(height, y)
    _place_stubs(nodes, out_of, scale)
    ordered = [node for column in columns for node in column]
    ordered += sorted((node for node in nodes.values() if node.leaving_from is not None), key=lambda node: node.key)
    made.sort(
        key=lambda link: (link.source.position, link.source.top, link.target.leaving_from is not None, link.target.top)
    )
    scaled = _scale_for_plotly(ordered, made, scale)
    return Layout(ordered, made, max(height, scaled), scaled, count, scale)


def _fit_scale(columns: list[list[Node]], *, room: float, pitch: float) -> float:
    """Find by bisection the most pixels per person at which every column fits the room."""

    def fits_scale(scale: float) -> bool:
        return all(sum(max(node.people * scale + GAP, pitch) for node in column) <= room for column in columns)

    low, high = 0.0, room / max(sum(node.people for node in column) for column in columns)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if fits_scale(middle) else (low, middle)
    return low or high


def _minimise_crossings(columns: list[list[Node]], links: list[Link], goal: str | None) -> None:
    """Sort each column so that few ribbons cross: by barycentre sweeps, keeping the best order seen."""
    links = [link for link in links if link.target.leaving_from is None]
    pinned = {node.key: 0 if node.name == goal else 2 if node.name == OTHER else 1 for c in columns for node in c}
    for column in columns:
        column.sort(key=lambda node: (pinned[node.key], -node.people, node.name))
    best, fewest = [list(column) for column in columns], _weigh_crossings(columns, links)
    for sweep in range(10):
        forward = sweep % 2 == 0
        for column in columns if forward else reversed(columns):
            _sort_by_barycentre(column, links, columns, forward=forward, pinned=pinned)
        crossings = _weigh_crossings(columns, links)
        if crossings < fewest:
            best, fewest = [list(column) for column in columns], crossings
    for column, order in zip(columns, best, strict=True):
        column[:] = order


def _sort_by_barycentre(
    column: list[Node],
    links: list[Link],
    columns: list[list[Node]],
    *,
    forward: bool,
    pinned: dict[tuple[int, str, str], int],
) -> None:
    """Sort one column by the mean place of its neighbours in the column before (or after)."""
    place = {node.key: i / max(1, len(c) - 1) for c in columns for i, node in enumerate(c)}
    pull: dict[tuple[int, str, str], float] = defaultdict(float)
    weight: dict[tuple[int, str, str], float] = defaultdict(float)
    for link in links:
        near, far = (link.target, link.source) if forward else (link.source, link.target)
        pull[near.key] += place[far.key] * link.people
        weight[near.key] += link.people
    column.sort(
        key=lambda node: (
            pinned[node.key],
            pull[node.key] / weight[node.key] if weight[node.key] else place[node.key],
            -node.people,
            node.name,
        )
    )


def _weigh_crossings(columns: list[list[Node]], links: list[Link]) -> float:
    """Sum, over pairs of links that cross, the people in the smaller of the two."""
    place = {node.key: i for column in columns for i, node in enumerate(column)}
    gaps: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for link in links:
        gaps[link.source.position].append((place[link.source.key], place[link.target.key], link.people))
    total = 0.0
    for gap in gaps.values():
        # ribbons beyond the 60 widest of a gap make no order that the eye could follow
        wide = sorted(gap, key=lambda link: (-link[2], link[0], link[1]))[:60]
        for i, (a, b, people) in enumerate(wide):
            total += sum(min(people, n) for c, d, n in wide[i + 1 :] if (a - c) * (b - d) < 0)
    return total


def _place_stubs(
    nodes: dict[tuple[int, str, str], Node], out_of: dict[tuple[int, str, str], float], scale: float
) -> None:
    """Place the stubs of those who leave below the links of their node: drop-off above, continues below."""
    foot: dict[tuple[int, str, str], float] = {}
    leaving = [node for node in nodes.values() if node.leaving_from is not None]
    for node in sorted(leaving, key=lambda node: (node.position, node.leaving_from or "", node.name == DROP_OFF)):
        source = nodes[node.position, node.leaving_from or "", ""]
        node.height = max(node.people * scale, 0.5)
        node.top = foot.get(source.key, source.top + out_of[source.key] * scale) - node.height
        foot[source.key] = node.top


def _scale_for_plotly(nodes: list[Node], links: list[Link], scale: float) -> float:
    """Return the domain height at which Plotly, with no padding, draws a person `scale` pixels high.

    Plotly scales by its own fullest layer, where the layer of a node is the length of the longest path to it.
    """
    depth = {node.key: 0 for node in nodes}
    for link in sorted(links, key=lambda link: link.source.position):
        depth[link.target.key] = max(depth[link.target.key], depth[link.source.key] + 1)
    layers: dict[int, float] = defaultdict(float)
    for node in nodes:
        layers[depth[node.key]] += node.people
        # an invisible ribbon to a node of the next layer makes a node as high as its people
        layers[depth[node.key] + 1] += node.without_ribbon
    return scale * max(layers.values())


def place_sources(links: Sequence[Link]) -> dict[int, tuple[float, float]]:
    """Return the part of its source's bar that each link takes."""
    return _place_side_by_side(links, lambda link: link.source, lambda link: link.target)


def place_targets(links: Sequence[Link]) -> dict[int, tuple[float, float]]:
    """Return the part of its target's bar that each link takes."""
    return _place_side_by_side(links, lambda link: link.target, lambda link: link.source)


def _place_side_by_side(
    links: Sequence[Link], here: Callable[[Link], Node], there: Callable[[Link], Node]
) -> dict[int, tuple[float, float]]:
    """Divide each node's bar among its links, in the order of their other ends; those who leave come last."""
    at: Mapping[tuple[int, str, str], list[int]] = defaultdict(list)
    for number, link in enumerate(links):
        at[here(link).key].append(number)
    places = {}
    for numbers in at.values():
        numbers.sort(key=lambda n: (there(links[n]).leaving_from is not None, there(links[n]).top, n))
        node = here(links[numbers[0]])
        start = node.top
        for n in numbers:
            width = links[n].people / node.people * node.height
            places[n] = (start, start + width)
            start += width
    return places
