"""The ribbons of a flow, those of a way in two parts: who went all of it, and who went there on other ways."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

__all__ = ["Part", "Way", "parts_of", "way_of"]

Way = frozenset[tuple[int, str, str]]


class Part(NamedTuple):
    """A ribbon or a part of one, which are both of one row; whether it is set off."""

    row: Mapping[str, Any]
    people: float
    set_off: bool

    @property
    def link(self) -> tuple[int, str, str, float]:
        """What a layout needs of it."""
        return self.row["position"], self.row["source"], self.row["target"], self.people


def way_of(path: Sequence[str], begins: int) -> Way:
    """Return the links (column, from, to) of a path.

    Examples
    --------
    >>> sorted(way_of(["Visit", "Read", "Buy"], 1))
    [(1, 'Visit', 'Read'), (2, 'Read', 'Buy')]
    """
    return frozenset((begins + n, a, b) for n, (a, b) in enumerate(pairwise(path)))


def parts_of(
    rows: Sequence[Mapping[str, Any]], *, size: str, way: Collection[tuple[int, str, str]], path_people: float | None
) -> list[Part]:
    """Split the ribbons of a way into those who went all of it and the others who went there, one beside the other.

    Parameters
    ----------
    rows
        Links: `position`, `source`, `target` and how many go.
    size
        The column that says how many.
    way
        The links of the way.
    path_people
        How many went all of it, in the same unit; unknown, each of its ribbons is set off whole.

    Examples
    --------
    >>> rows = [{"position": 0, "source": "Visit", "target": "Buy", "people": 80}]
    >>> [(part.people, part.set_off) for part in parts_of(rows, size="people", way={(0, "Visit", "Buy")},
    ...     path_people=35)]
    [(35, True), (45, False)]
    """
    parts = []
    for row in rows:
        there = row[size] or 0
        on = (row["position"], row["source"], row["target"]) in way
        whole = there if path_people is None or not on else min(path_people, there)
        parts.append(Part(row, whole, on))
        if whole < there:
            parts.append(Part(row, there - whole, set_off=False))
    return parts
