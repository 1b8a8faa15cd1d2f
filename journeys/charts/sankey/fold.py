"""Fewer nodes in a column than the table has: the largest keep their name, the rest is drawn together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from journeys.charts.theme import CONTINUES, DROP_OFF, OTHER
from journeys.display import plural

__all__ = ["Folded", "fold", "place_of"]

Row = dict[str, Any]
STOPS = frozenset({DROP_OFF, CONTINUES})


class Folded(NamedTuple):
    """The links and the nodes to draw, and in words what became one in them."""

    rows: list[Row]
    told: str
    nodes: list[Row]

    def there(self, size: str) -> dict[tuple[int, str], float]:
        """Say how many are at each node (column, name)."""
        return {(row["position"], row["node"]): abs(row.get(size) or 0) for row in self.nodes}


def place_of(path: Sequence[str], begins: int) -> set[tuple[int, str]]:
    """Say at which column a path has which node.

    Examples
    --------
    >>> sorted(place_of(["Visit", "Buy"], 2))
    [(2, 'Visit'), (3, 'Buy')]
    """
    return {(begins + n, name) for n, name in enumerate(path)}


def fold(
    rows: list[Row],
    *,
    most: int,
    keep: Iterable[tuple[int, str]] = (),
    goal: str | None = None,
    add: Sequence[str],
    nodes: Iterable[Row] = (),
) -> Folded:
    """Draw at most `most` nodes of a column under their own names, beside the goal and those to keep.

    Parameters
    ----------
    rows
        Links: `position`, `source`, `target` and what is added up.
    most
        How many names a column has.
    keep
        Nodes (column, name) that keep theirs whatever their size.
    goal
        A node that always does.
    add
        The numbers of a link, added up where links become one; the first says how large it is. What else is known of
        such links and nodes is dropped.
    nodes
        Nodes: `position`, `node` and the same numbers, which may be more than links bring and take.

    Examples
    --------
    >>> rows = [{"position": 0, "source": name, "target": "(drop-off)", "people": n} for name, n in
    ...     [("A", 5), ("B", 2), ("C", 1)]]
    >>> [(row["source"], row["people"]) for row in fold(rows, most=1, add=["people"]).rows]
    [('A', 5), ('(other)', 3)]
    """
    known = list(nodes)
    sizes = _sizes(rows, known, add[0])
    columns: dict[int, list[str]] = defaultdict(list)
    for column, name in sorted(sizes, key=lambda one: (one[0], -sizes[one], one[1])):
        if name not in {OTHER, goal}:
            columns[column].append(name)
    always = set(keep)
    small: set[tuple[int, str]] = set()
    for column, names in columns.items():
        first = [name for name in names if (column, name) in always]
        rest = [name for name in names if (column, name) not in always]
        left = rest[max(0, most - len(first)) :]
        # A single one needs no more room than the name "(other)" would.
        if len(left) > 1 or (column, OTHER) in sizes:
            small |= {(column, name) for name in left}
    if not small:
        return Folded(rows, "", known)
    merged: dict[tuple[int, str, str], Row] = {}
    for row in rows:
        position, source, target = row["position"], row["source"], row["target"]
        named = OTHER if (position, source) in small else source
        onto = OTHER if target not in STOPS and (position + 1, target) in small else target
        if named == source and onto == target and OTHER not in {source, target}:
            merged[position, source, target] = row
            continue
        into = merged.setdefault((position, named, onto), {"position": position, "source": named, "target": onto})
        _add(into, row, add)
    told = f"{plural(len(small), 'smaller node')} drawn as “(other)”."
    return Folded(list(merged.values()), told, _fold_nodes(known, small, add))


def _fold_nodes(nodes: list[Row], small: set[tuple[int, str]], add: Sequence[str]) -> list[Row]:
    folded = {column for column, _ in small}
    merged: dict[tuple[int, str], Row] = {}
    for row in nodes:
        position, name = row["position"], row["node"]
        if position not in folded or not (name == OTHER or (position, name) in small):
            merged[position, name] = row
            continue
        _add(merged.setdefault((position, OTHER), {"position": position, "node": OTHER}), row, add)
    return list(merged.values())


def _add(into: Row, row: Row, numbers: Sequence[str]) -> None:
    for number in numbers:
        into[number] = into.get(number, 0) + (row.get(number) or 0)


def _sizes(rows: list[Row], nodes: list[Row], size: str) -> dict[tuple[int, str], float]:
    into: dict[tuple[int, str], float] = defaultdict(float)
    out: dict[tuple[int, str], float] = defaultdict(float)
    for row in rows:
        out[row["position"], row["source"]] += abs(row[size] or 0)
        if row["target"] not in STOPS:
            into[row["position"] + 1, row["target"]] += abs(row[size] or 0)
    there = {(row["position"], row["node"]): abs(row.get(size) or 0) for row in nodes}
    return {key: max(into.get(key, 0), out.get(key, 0), there.get(key, 0)) for key in {*into, *out, *there}}
