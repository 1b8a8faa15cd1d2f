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
Key = tuple[int, str, str]
"""Position and name of a node, and the node that a stub belongs to (else ""); or position, source and target."""


@dataclass(slots=True)
class SankeyNode:
    """A bar: an event in a column, or (with `leaving_from`) the stub of those who leave after one."""

    position: int
    name: str
    leaving_from: str | None = None
    people: float = 0.0
    top: float = 0.0
    height: float = 0.0
    without_ribbon: float = 0.0
    """How many of the people here no outgoing ribbon shows, where journeys also begin and end here at the goal."""

    @property
    def key(self) -> Key:
        """Position, name, and the node that a stub belongs to."""
        return (self.position, self.name, self.leaving_from or "")

    @property
    def is_stub(self) -> bool:
        """Whether it stands for those who leave after a node."""
        return self.leaving_from is not None

    @property
    def middle(self) -> float:
        """Its centre, in pixels from the top."""
        return self.top + self.height / 2


@dataclass(slots=True)
class SankeyLink:
    """A ribbon: those who go from one node to the next; `row` is its row in the table."""

    source: SankeyNode
    target: SankeyNode
    people: float
    row: int

    @property
    def key(self) -> Key:
        """Position, source and target, as in the table."""
        return self.source.position, self.source.name, self.target.name


@dataclass(slots=True)
class SankeyLayout:
    """The nodes and links of a Sankey in drawing order.

    Attributes
    ----------
    height, scaled : float
        The pixels that the columns take, and those that Plotly scales its fullest layer to.
    columns : int
        How many columns there are.
    scale : float
        Pixels per person.
    """

    nodes: list[SankeyNode] = field(default_factory=list)
    links: list[SankeyLink] = field(default_factory=list)
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
    order: Sequence[Key] | None = None,
    sizes: Mapping[tuple[int, str], float] | None = None,
) -> SankeyLayout:
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
    nodes, connected, out_of = _connect_nodes(links, sizes or {})
    if not nodes:
        return SankeyLayout()
    staying = [node for node in nodes.values() if not node.is_stub]
    first = min(node.position for node in staying)
    last = max(node.position for node in staying)
    columns = [[node for node in staying if node.position == position] for position in range(first, last + 1)]
    if order is None:
        _minimise_crossings(columns, connected, goal)
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
    ordered += sorted((node for node in nodes.values() if node.is_stub), key=lambda node: node.key)
    connected.sort(key=lambda link: (link.source.position, link.source.top, link.target.is_stub, link.target.top))
    scaled = _scale_for_plotly(ordered, connected, scale)
    return SankeyLayout(ordered, connected, max(height, scaled), scaled, len(columns), scale)


def _connect_nodes(
    links: Sequence[tuple[int, str, str, float]], sizes: Mapping[tuple[int, str], float]
) -> tuple[dict[Key, SankeyNode], list[SankeyLink], dict[Key, float]]:
    """Make the nodes and links, without places yet; return them, and how many leave each node."""
    nodes: dict[Key, SankeyNode] = {}

    def get_node(position: int, name: str, leaving_from: str | None = None) -> SankeyNode:
        made = SankeyNode(position, name, leaving_from)
        return nodes.setdefault(made.key, made)

    made: list[SankeyLink] = []
    into: dict[Key, float] = defaultdict(float)
    out_of: dict[Key, float] = defaultdict(float)
    for row, (position, source, target, people) in enumerate(links):
        if people <= 0:
            continue
        start = get_node(position, source)
        end = get_node(position, target, source) if target in _LEAVING else get_node(position + 1, target)
        made.append(SankeyLink(start, end, people, row))
        out_of[start.key] += people
        into[end.key] += people
    known = {(position, name, ""): people for (position, name), people in sizes.items() if people > 0}
    for position, name, _ in known:
        get_node(position, name)
    for key, node in nodes.items():
        node.people = max(into[key], out_of[key], known.get(key, 0))
        has_more = node.people > max(into[key], out_of[key])
        node.without_ribbon = node.people - out_of[key] if has_more else 0.0
    return nodes, made, out_of


def _fit_scale(columns: list[list[SankeyNode]], *, room: float, pitch: float) -> float:
    """Find by bisection the most pixels per person at which every column fits the room."""

    def fits_scale(scale: float) -> bool:
        return all(sum(max(node.people * scale + GAP, pitch) for node in column) <= room for column in columns)

    low, high = 0.0, room / max(sum(node.people for node in column) for column in columns)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if fits_scale(middle) else (low, middle)
    return low or high


def _minimise_crossings(columns: list[list[SankeyNode]], links: list[SankeyLink], goal: str | None) -> None:
    """Sort each column so that few ribbons cross: by barycentre sweeps, keeping the best order seen.

    For instance, with columns A B and X Y, the links A→Y and B→X cross. The barycentre of X is the place of B (1), that
    of Y the place of A (0): the first sweep sorts the second column as Y X, and nothing crosses.
    """
    links = [link for link in links if not link.target.is_stub]
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
    column: list[SankeyNode],
    links: list[SankeyLink],
    columns: list[list[SankeyNode]],
    *,
    forward: bool,
    pinned: dict[Key, int],
) -> None:
    """Sort one column by the mean place of its neighbours in the column before (or after)."""
    place = {node.key: i / max(1, len(c) - 1) for c in columns for i, node in enumerate(c)}
    pull: dict[Key, float] = defaultdict(float)
    weight: dict[Key, float] = defaultdict(float)
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


def _weigh_crossings(columns: list[list[SankeyNode]], links: list[SankeyLink]) -> float:
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


def _place_stubs(nodes: dict[Key, SankeyNode], out_of: dict[Key, float], scale: float) -> None:
    """Place the stubs of those who leave below the links of their node: drop-off above, continues below."""
    foot: dict[Key, float] = {}
    leaving = [node for node in nodes.values() if node.is_stub]
    for node in sorted(leaving, key=lambda node: (node.position, node.leaving_from or "", node.name == DROP_OFF)):
        source = nodes[node.position, node.leaving_from or "", ""]
        node.height = max(node.people * scale, 0.5)
        node.top = foot.get(source.key, source.top + out_of[source.key] * scale) - node.height
        foot[source.key] = node.top


def _scale_for_plotly(nodes: list[SankeyNode], links: list[SankeyLink], scale: float) -> float:
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


def place_sources(links: Sequence[SankeyLink]) -> dict[int, tuple[float, float]]:
    """Return the part of its source's bar that each link takes."""
    return _place_side_by_side(links, lambda link: link.source, lambda link: link.target)


def place_targets(links: Sequence[SankeyLink]) -> dict[int, tuple[float, float]]:
    """Return the part of its target's bar that each link takes."""
    return _place_side_by_side(links, lambda link: link.target, lambda link: link.source)


def _place_side_by_side(
    links: Sequence[SankeyLink], here: Callable[[SankeyLink], SankeyNode], there: Callable[[SankeyLink], SankeyNode]
) -> dict[int, tuple[float, float]]:
    """Divide each node's bar among its links, in the order of their other ends; those who leave come last."""
    at: Mapping[Key, list[int]] = defaultdict(list)
    for number, link in enumerate(links):
        at[here(link).key].append(number)
    places = {}
    for numbers in at.values():
        numbers.sort(key=lambda n: (there(links[n]).is_stub, there(links[n]).top, n))
        node = here(links[numbers[0]])
        start = node.top
        for n in numbers:
            width = links[n].people / node.people * node.height
            places[n] = (start, start + width)
            start += width
    return places
