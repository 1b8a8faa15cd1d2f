"""Simultaneous events that could each serve several steps: searched unit by unit.

Where equal times are not told apart, an event might be taken twice by the same attempt, once before and once after
its neighbour. Back pointers cannot see that. It takes an event that satisfies two steps *and* another event (nearly) at
the same time, which is rare; those units, and only those, are searched state by state here.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from journeys.analyses.funnel.matching.ordered import is_in_entry_range
from journeys.analyses.funnel.matching.tie_window import TieWindow
from journeys.analyses.funnel.rows import Rows
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.log.arrays import Bools, Ints

__all__ = ["find_attempts", "mark_ambiguous_units"]

State = tuple[int, frozenset[int]]  # the row of the last step, and the rows near it that are taken
Path = tuple[int, ...]


def mark_ambiguous_units(rows: Rows, *, spec: FunnelSpec, ties: TieWindow) -> Bools:
    """Mark the units for which back pointers do not suffice."""
    ambiguous = np.zeros(len(rows.person), dtype=np.bool_)
    if not ties.is_either or not rows.size:
        return ambiguous
    is_crowded = ties.high - ties.low > 1
    if spec.order != "strict":
        if spec.reuse:
            return ambiguous
        # a step that is asked for twice counts twice
        is_crowded &= np.sum(rows.steps, axis=0, dtype=np.int8) > 1
    ambiguous[rows.unit[is_crowded]] = True
    return ambiguous


def find_attempts(rows: Rows, *, units: Ints, spec: FunnelSpec, starts: Bools | None) -> tuple[Ints, Ints]:
    """Find the counted attempts of some units, one after another: the units, and the rows of each attempt."""
    first, stop = rows.first, rows.stop
    found_units: list[int] = []
    found_rows: list[list[int]] = []
    for unit in units.tolist():
        best = _Search(rows, int(first[unit]), int(stop[unit]), spec=spec, starts=starts).best()
        if best is not None:
            found_units.append(unit)
            found_rows.append(best)
    taken = np.array(found_rows, dtype=np.int64).reshape(len(found_rows), spec.width)
    return np.array(found_units, dtype=np.int64), taken


class _Search:
    """All attempts of one unit, kept apart only where it matters for what may follow."""

    def __init__(self, rows: Rows, low: int, high: int, *, spec: FunnelSpec, starts: Bools | None) -> None:
        self.spec, self.low = spec, low
        self.time: list[int] = rows.time[low:high].tolist()
        self.steps = [mask[low:high].tolist() for mask in rows.steps]
        self.exclusions = [np.flatnonzero(mask[low:high]).tolist() for mask in rows.exclusions]
        may_start = is_in_entry_range(rows.time[low:high], spec)
        self.may_start = (may_start if starts is None else may_start & starts[low:high]).tolist()
        self.horizon = spec.grace * spec.width

    def best(self) -> list[int] | None:
        """Return the rows of the counted attempt by table row, -1 where a step was not taken."""
        ranked: list[tuple[tuple[int, ...], tuple[Slot, ...], Path]] = []
        for sequence in self.spec.step_sequences():
            for depth, path in self._paths(sequence):
                ranked.append((self._rank_attempt(sequence, depth, path), sequence, path))
        if not ranked:
            return None
        _, sequence, path = max(ranked, key=lambda one: one[0])
        out = [-1] * self.spec.width
        for slot, row in zip(sequence, path, strict=False):
            out[slot.row] = row + self.low
        return out

    def _rank_attempt(self, sequence: tuple[Slot, ...], depth: int, path: Path) -> tuple[int, ...]:
        rows = [slot.row for slot in sequence[:depth]]
        if self.spec.entry == "any":
            reached = (rows[-1], depth)
        else:
            required = sum(not self.spec.optional[row] for row in rows)
            reached = (required, depth - required)
        return (*reached, -path[-1], path[0], *(-row for row in path[1:-1]))

    def _paths(self, sequence: tuple[Slot, ...]) -> Iterator[tuple[int, Path]]:
        """Generate the best path to each state, step by step, with its depth."""
        first = self.steps[sequence[0].condition]
        states: dict[State, Path] = {
            (row, frozenset([row])): (row,) for row in range(len(self.time)) if first[row] and self.may_start[row]
        }
        yield from ((1, path) for path in states.values())
        for depth, (before, slot) in enumerate(pairwise(sequence), start=2):
            longer: dict[State, Path] = {}
            wanted = [row for row, hit in enumerate(self.steps[slot.condition]) if hit]
            for (back, used), path in states.items():
                for row in wanted:
                    if row not in used and self._can_follow(path[0], back, row, before, slot):
                        near = frozenset(one for one in (*used, row) if self.time[one] >= self.time[row] - self.horizon)
                        state, taken = (row, near), (*path, row)
                        if state not in longer or _rank_path(taken) > _rank_path(longer[state]):
                            longer[state] = taken
            states = longer
            yield from ((depth, path) for path in states.values())

    def _can_follow(self, start: int, back: int, row: int, before: Slot, slot: Slot) -> bool:
        """Return whether `row` may be the step after `back`, in an attempt from `start`."""
        spec, time = self.spec, self.time
        if time[row] < time[back] - spec.grace:
            return False
        if spec.within is not None and time[row] - time[start] > spec.within:
            return False
        window = spec.step_windows[slot.condition]
        if window is not None and time[row] - time[back] > window:
            return False
        if spec.order == "strict" and any(
            time[back] + spec.grace < other < time[row] - spec.grace for other in self.time
        ):
            return False
        return not any(
            time[back] + spec.grace < time[x] < time[row] - spec.grace
            for number in spec.exclusions_between(before.row, slot.row)
            for x in self.exclusions[number]
        )


def _rank_path(path: Path) -> tuple[int, ...]:
    return (path[0], *(-row for row in path[1:]))
