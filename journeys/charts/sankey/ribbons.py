"""From the links of a table to the ribbons of a Sankey: small nodes are collapsed, the path's ribbons are split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from journeys.charts.sankey.layout import Key
from journeys.charts.theme import CONTINUES, DROP_OFF, OTHER
from journeys.display import format_count

Row = dict[str, Any]
PathLinks = frozenset[Key]
_STOPS = frozenset({DROP_OFF, CONTINUES})


class CollapsedFlow(NamedTuple):
    """The links and the nodes to draw, and a sentence that says what was collapsed."""

    rows: list[Row]
    note: str
    nodes: list[Row]

    def measure_nodes(self, size: str) -> dict[tuple[int, str], float]:
        """Return how many are at each node (column, name)."""
        return {(row["position"], row["node"]): abs(row.get(size) or 0) for row in self.nodes}


class Ribbon(NamedTuple):
    """A link, or a part of one; the parts of a link share its row."""

    row: Mapping[str, Any]
    people: float
    is_highlighted: bool

    @property
    def link(self) -> tuple[int, str, str, float]:
        """The position, source, target and width that a layout needs."""
        return self.row["position"], self.row["source"], self.row["target"], self.people


def list_path_nodes(path: Sequence[str], begins: int) -> set[tuple[int, str]]:
    """List the nodes (column, name) of a path that begins in a column.

    Examples
    --------
    >>> sorted(list_path_nodes(["Visit", "Buy"], 2))
    [(2, 'Visit'), (3, 'Buy')]
    """
    return {(begins + n, name) for n, name in enumerate(path)}


def list_path_links(path: Sequence[str], begins: int) -> PathLinks:
    """List the links (column, source, target) of a path.

    Examples
    --------
    >>> sorted(list_path_links(["Visit", "Read", "Buy"], 1))
    [(1, 'Visit', 'Read'), (2, 'Read', 'Buy')]
    """
    return frozenset((begins + n, a, b) for n, (a, b) in enumerate(pairwise(path)))


def split_ribbons(
    rows: Sequence[Mapping[str, Any]],
    *,
    size: str,
    path: Collection[Key],
    path_people: float | None,
) -> list[Ribbon]:
    """Split the ribbons of a path into those who took all of it and the others.

    Parameters
    ----------
    rows
        Links: `position`, `source`, `target` and their size.
    size
        The column that holds the size.
    path
        The links of the path.
    path_people
        How many took all of the path, in the same unit; None highlights its ribbons in full.

    Examples
    --------
    >>> rows = [{"position": 0, "source": "Visit", "target": "Buy", "people": 80}]
    >>> ribbons = split_ribbons(rows, size="people", path={(0, "Visit", "Buy")}, path_people=35)
    >>> [(ribbon.people, ribbon.is_highlighted) for ribbon in ribbons]
    [(35, True), (45, False)]
    """
    ribbons = []
    for row in rows:
        people = row[size] or 0
        is_on_path = (row["position"], row["source"], row["target"]) in path
        own = people if path_people is None or not is_on_path else min(path_people, people)
        ribbons.append(Ribbon(row, own, is_on_path))
        if own < people:
            ribbons.append(Ribbon(row, people - own, is_highlighted=False))
    return ribbons


def collapse_small_nodes(
    rows: list[Row],
    *,
    most: int,
    keep: Iterable[tuple[int, str]] = (),
    goal: str | None = None,
    add: Sequence[str],
    nodes: Iterable[Row] = (),
) -> CollapsedFlow:
    """Draw at most `most` nodes of a column under their own names, besides the goal and those to keep.

    Parameters
    ----------
    rows
        Links: `position`, `source`, `target` and the numbers to add up.
    most
        How many names a column has.
    keep
        Nodes (column, name) that keep theirs whatever their size.
    goal
        A node that always does.
    add
        The numbers of a link, added up where links are merged; the first is its size. Other columns of merged links
        and nodes are dropped.
    nodes
        Nodes: `position`, `node` and the same numbers, which may be more than links bring and take.

    Examples
    --------
    >>> rows = [{"position": 0, "source": name, "target": "(drop-off)", "people": n} for name, n in
    ...     [("A", 5), ("B", 2), ("C", 1)]]
    >>> [(row["source"], row["people"]) for row in collapse_small_nodes(rows, most=1, add=["people"]).rows]
    [('A', 5), ('(other)', 3)]
    """
    known = list(nodes)
    small = _choose_small(_measure_nodes(rows, known, add[0]), most=most, keep=set(keep), goal=goal)
    if not small:
        return CollapsedFlow(rows, "", known)
    merged: dict[Key, Row] = {}
    for row in rows:
        position, source, target = row["position"], row["source"], row["target"]
        new_source = OTHER if (position, source) in small else source
        new_target = OTHER if target not in _STOPS and (position + 1, target) in small else target
        if new_source == source and new_target == target and OTHER not in {source, target}:
            merged[position, source, target] = row
            continue
        link = {"position": position, "source": new_source, "target": new_target}
        _add_numbers(merged.setdefault((position, new_source, new_target), link), row, add)
    note = f'{format_count(len(small), "smaller node")} drawn as "(other)".'
    return CollapsedFlow(list(merged.values()), note, _merge_nodes(known, small, add))


def _choose_small(
    sizes: Mapping[tuple[int, str], float], *, most: int, keep: set[tuple[int, str]], goal: str | None
) -> set[tuple[int, str]]:
    """Choose the nodes that lose their name in each column."""
    columns: dict[int, list[str]] = defaultdict(list)
    for column, name in sorted(sizes, key=lambda node: (node[0], -sizes[node], node[1])):
        if name not in {OTHER, goal}:
            columns[column].append(name)
    small: set[tuple[int, str]] = set()
    for column, names in columns.items():
        kept = [name for name in names if (column, name) in keep]
        rest = [name for name in names if (column, name) not in keep][max(0, most - len(kept)) :]
        # a single one takes no more room than the name "(other)" would
        if len(rest) > 1 or (column, OTHER) in sizes:
            small |= {(column, name) for name in rest}
    return small


def _merge_nodes(nodes: list[Row], small: set[tuple[int, str]], add: Sequence[str]) -> list[Row]:
    columns = {column for column, _ in small}
    merged: dict[tuple[int, str], Row] = {}
    for row in nodes:
        position, name = row["position"], row["node"]
        if position not in columns or not (name == OTHER or (position, name) in small):
            merged[position, name] = row
            continue
        _add_numbers(merged.setdefault((position, OTHER), {"position": position, "node": OTHER}), row, add)
    return list(merged.values())


def _add_numbers(into: Row, row: Row, numbers: Sequence[str]) -> None:
    for number in numbers:
        into[number] = into.get(number, 0) + (row.get(number) or 0)


def _measure_nodes(rows: list[Row], nodes: list[Row], size: str) -> dict[tuple[int, str], float]:
    """Return the size of each node: the largest of what comes in, what goes out and what is known."""
    into: dict[tuple[int, str], float] = defaultdict(float)
    out: dict[tuple[int, str], float] = defaultdict(float)
    for row in rows:
        out[row["position"], row["source"]] += abs(row[size] or 0)
        if row["target"] not in _STOPS:
            into[row["position"] + 1, row["target"]] += abs(row[size] or 0)
    known = {(row["position"], row["node"]): abs(row.get(size) or 0) for row in nodes}
    return {key: max(into.get(key, 0), out.get(key, 0), known.get(key, 0)) for key in {*into, *out, *known}}
