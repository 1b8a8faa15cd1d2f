"""Simultaneous events that could each serve several steps: searched person by person.

Where equal times are not told apart, an event might be taken twice by the same attempt, once before and once after
its neighbour. Back pointers cannot see that. It takes an event that satisfies two steps *and* another event (nearly) at
the same time, which is rare; those people, and only those, are searched state by state here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from journeys.analyses.funnel.climb import Near, in_range
from journeys.analyses.funnel.rows import Bools, Ints, Rows
from journeys.analyses.funnel.spec import FunnelSpec, Slot

__all__ = ["find", "hard_units"]

State = tuple[int, frozenset[int]]  # the row of the last step, and the rows near it that are taken
Path = tuple[int, ...]


def hard_units(rows: Rows, *, spec: FunnelSpec, near: Near) -> Bools:
    """Mark the units that back pointers cannot answer for."""
    hard = np.zeros(len(rows.person), dtype=np.bool_)
    if not near.either or not rows.size:
        return hard
    crowded = near.high - near.low > 1
    if spec.order != "strict":
        if spec.reuse:
            return hard
        # a step that is asked for twice counts twice
        crowded &= np.sum(rows.steps, axis=0, dtype=np.int8) > 1
    hard[rows.unit[crowded]] = True
    return hard


def find(rows: Rows, *, units: Ints, spec: FunnelSpec, starts: Bools | None) -> tuple[Ints, Ints]:
    """Find the counted attempts of some units, one after another."""
    begin, finish = rows.begin, rows.finish
    found_units: list[int] = []
    found_rows: list[list[int]] = []
    for unit in units.tolist():
        part = _Search(rows, int(begin[unit]), int(finish[unit]), spec=spec, starts=starts)
        best = part.best()
        if best is not None:
            found_units.append(unit)
            found_rows.append(best)
    taken = np.array(found_rows, dtype=np.int64).reshape(len(found_rows), spec.width)
    return np.array(found_units, dtype=np.int64), taken


class _Search:
    """All attempts of one unit, told apart only where it matters for what may follow."""

    def __init__(self, rows: Rows, low: int, high: int, *, spec: FunnelSpec, starts: Bools | None) -> None:
        self.spec, self.low = spec, low
        self.time: list[int] = rows.time[low:high].tolist()
        self.place: list[int] = rows.place[low:high].tolist()
        self.steps = [mask[low:high].tolist() for mask in rows.steps]
        self.stops = [np.flatnonzero(mask[low:high]).tolist() for mask in rows.stops]
        may_start = in_range(rows.time[low:high], spec)
        self.may_start = (may_start if starts is None else may_start & starts[low:high]).tolist()
        self.horizon = spec.grace * spec.width

    def best(self) -> list[int] | None:
        """Return the rows of the counted attempt by table row, -1 where a step was not taken."""
        ranked: list[tuple[tuple[int, ...], tuple[Slot, ...], Path]] = []
        for shape in self.spec.shapes():
            for depth, path in self._paths(shape):
                ranked.append((self._worth(shape, depth, path), shape, path))
        if not ranked:
            return None
        _, shape, path = max(ranked, key=lambda one: one[0])
        out = [-1] * self.spec.width
        for slot, row in zip(shape, path, strict=False):
            out[slot.row] = row + self.low
        return out

    def _worth(self, shape: tuple[Slot, ...], depth: int, path: Path) -> tuple[int, ...]:
        rows = [slot.row for slot in shape[:depth]]
        if self.spec.entry == "any":
            far = (rows[-1], depth)
        else:
            needed = sum(not self.spec.optional[row] for row in rows)
            far = (needed, depth - needed)
        return (*far, -path[-1], path[0], *(-row for row in path[1:-1]))

    def _paths(self, shape: tuple[Slot, ...]) -> Iterator[tuple[int, Path]]:
        first = self.steps[shape[0].condition]
        states: dict[State, Path] = {
            (row, frozenset([row])): (row,) for row in range(len(self.time)) if first[row] and self.may_start[row]
        }
        yield from ((1, path) for path in states.values())
        for depth, (before, slot) in enumerate(pairwise(shape), start=2):
            longer: dict[State, Path] = {}
            wanted = [row for row, hit in enumerate(self.steps[slot.condition]) if hit]
            for (back, used), path in states.items():
                for row in wanted:
                    if row not in used and self._follows(path[0], back, row, before, slot):
                        near = frozenset(one for one in (*used, row) if self.time[one] >= self.time[row] - self.horizon)
                        state, taken = (row, near), (*path, row)
                        if state not in longer or _rank(taken) > _rank(longer[state]):
                            longer[state] = taken
            states = longer
            yield from ((depth, path) for path in states.values())

    def _follows(self, start: int, back: int, row: int, before: Slot, slot: Slot) -> bool:
        spec, time = self.spec, self.time
        if time[row] < time[back] - spec.grace:
            return False
        if spec.within is not None and time[row] - time[start] > spec.within:
            return False
        gap = spec.gaps[slot.condition]
        if gap is not None and time[row] - time[back] > gap:
            return False
        if spec.order == "strict" and any(
            time[back] + spec.grace < other < time[row] - spec.grace for other in self.time
        ):
            return False
        return not any(
            time[back] + spec.grace < time[x] < time[row] - spec.grace
            for number in spec.stops_between(before.row, slot.row)
            for x in self.stops[number]
        )


def _rank(path: Path) -> tuple[int, ...]:
    return (path[0], *(-row for row in path[1:]))
