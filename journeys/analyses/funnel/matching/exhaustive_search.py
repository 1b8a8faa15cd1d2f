"""Steps in order among ties: the search through all attempts of a unit, where a frontier does not suffice."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from math import comb

import numpy as np

from journeys.analyses.funnel.rows import Attempts, FunnelRows, mark_entry_times
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.arrays import Bools, Ints
from journeys.errors import ArgumentError

Path = tuple[int, ...]
"""The kind of event that serves each step taken; for kinds, see `_Search`."""
State = tuple[int, frozenset[tuple[int, int]]]
"""The kind of the last step, and how many events of each kind that is close in time are used up.

After A, B of the example of `_Search`: (1, {(1, 1)}). The last step is of kind 1, of which one event is used up; A is
too long ago to serve a later step.
"""

_MOST_TRANSITIONS = 50_000_000
"""So many take about a minute for one person."""


def find_attempts(rows: FunnelRows, *, units: Ints, spec: FunnelSpec, starts: Bools | None) -> Attempts:
    """Find the best attempts of some units, one after another."""
    first, stop = rows.first, rows.stop
    found_units: list[int] = []
    found_rows: list[list[int]] = []
    for unit in units.tolist():
        best = _Search(rows, int(first[unit]), int(stop[unit]), spec=spec, starts=starts).find_best()
        if best is not None:
            found_units.append(unit)
            found_rows.append(best)
    taken = np.array(found_rows, dtype=np.int64).reshape(len(found_rows), spec.step_count)
    return Attempts(np.array(found_units, dtype=np.int64), taken)


def find_converting_starts(rows: FunnelRows, *, units: Ints, row: int, spec: FunnelSpec) -> Ints:
    """Find the rows of some units from which an attempt gets to a table row."""
    first, stop = rows.first, rows.stop
    found: list[int] = []
    for unit in units.tolist():
        search = _Search(rows, int(first[unit]), int(stop[unit]), spec=spec, starts=None)
        for kind, members in enumerate(search.rows):
            best = search.find_best(start_kind=kind)
            if best is not None and best[row] >= 0:
                found += members
    return np.array(sorted(found), dtype=np.int64)


class _Search:
    """The search through all attempts of one unit.

    Events of one moment that satisfy the same steps are of one kind: which of them serves a step makes no difference to
    what may follow. Of all paths to a state, only the best is kept. For instance, for A → B → C, where the last three
    events are simultaneous, the events A, B, B, C are of three kinds, since the two B can replace each other::

        kind       0  1     2
        event      A  B, B  C
        path       (0,) → (0, 1) → (0, 1, 2)

    Attributes
    ----------
    rows : list of lists of int
        The rows of each kind.
    time : list of int
        The time (µs) of each kind, ascending.
    satisfied : list of lists of bool
        For each step, and for the question whether an attempt may start: which kinds satisfy it.
    exclusions : list of lists of int
        The times of the events that satisfy each exclusion.
    horizon : int
        How far (µs) before the last step an event may lie that could still serve another step.
    """

    def __init__(self, rows: FunnelRows, low: int, high: int, *, spec: FunnelSpec, starts: Bools | None) -> None:
        self.spec = spec
        time = rows.time[low:high].tolist()
        may_start = mark_entry_times(rows.time[low:high], spec)
        if starts is not None:
            may_start &= starts[low:high]
        masks = np.stack([*(step.mask[low:high] for step in rows.steps), may_start])
        kinds: dict[tuple[int, bytes], list[int]] = {}
        for row, signature in enumerate(np.packbits(masks, axis=0).T.tolist()):
            kinds.setdefault((time[row], bytes(signature)), []).append(row)
        ordered = sorted(kinds.items(), key=lambda item: (item[0][0], item[1][0]))
        self.rows = [[row + low for row in members] for _, members in ordered]
        self.time = [moment for (moment, _), _ in ordered]
        self.satisfied = [[bool(mask[members[0]]) for _, members in ordered] for mask in masks]
        self.exclusions = [rows.time[low:high][excluded.mask[low:high]].tolist() for excluded in rows.exclusions]
        self.horizon = spec.grace * spec.step_count
        self._refuse_endless_search()

    def _refuse_endless_search(self) -> None:
        """Raise before a search that would not end: many different events that could all change places."""
        spec, kinds = self.spec, len(self.time)
        crowd = max(bisect_right(self.time, moment + self.horizon) - at for at, moment in enumerate(self.time))
        reach = crowd if all(self._is_unlimited(*pair) for pair in pairwise(spec.list_step_sequences()[0])) else kinds
        if spec.within is not None:
            reach = max(bisect_right(self.time, moment + spec.within) - at for at, moment in enumerate(self.time))
        states = comb(crowd + spec.step_count - 2, spec.step_count - 1) if spec.step_count > 1 else 1
        if kinds * states * reach > _MOST_TRANSITIONS:
            raise ArgumentError(
                f"ties: up to {crowd:,} different events of one person are so close in time that any of them may come "
                "first, and some could serve several steps; use a shorter duration, a window (within=) or "
                "ties='arrival'."
            )

    def find_best(self, *, start_kind: int | None = None) -> list[int] | None:
        """Return the rows of the counted attempt by table row, -1 where a step was not taken.

        `start_kind` is the kind of event that may start it; by default any may.
        """
        ranked: list[tuple[tuple[int, ...], tuple[Slot, ...], tuple[int, ...]]] = []
        for sequence in self.spec.list_step_sequences():
            for depth, path in self._generate_best_paths(sequence, start_kind=start_kind):
                rows = self._choose_rows(path)
                ranked.append((self._rank_attempt(sequence, depth, rows), sequence, rows))
        if not ranked:
            return None
        _, sequence, rows = max(ranked, key=lambda one: one[0])
        out = [-1] * self.spec.step_count
        for slot, row in zip(sequence, rows, strict=False):
            out[slot.row] = row
        return out

    def _rank_attempt(self, sequence: tuple[Slot, ...], depth: int, rows: tuple[int, ...]) -> tuple[int, ...]:
        """Rank attempts of the unit: the deepest, the first to end, the last to start, then the earliest rows."""
        taken = [slot.row for slot in sequence[:depth]]
        if self.spec.entry == "any":
            reached = (taken[-1], depth)
        else:
            required = sum(not self.spec.optional[row] for row in taken)
            reached = (required, depth - required)
        return (*reached, -rows[-1], rows[0], *(-row for row in rows[1:-1]))

    def _choose_rows(self, path: Path) -> tuple[int, ...]:
        """Choose the rows of an attempt: the end as early, the start as late, all others as early as possible."""
        rows = {0: self.rows[path[0]][-1]}
        used: dict[int, int] = {}
        for place in [len(path) - 1, *range(1, len(path) - 1)] if len(path) > 1 else []:
            kind = path[place]
            rows[place] = self.rows[kind][used.get(kind, 0)]
            used[kind] = used.get(kind, 0) + 1
        return tuple(rows[place] for place in range(len(path)))

    def _generate_best_paths(self, sequence: tuple[Slot, ...], *, start_kind: int | None) -> Iterator[tuple[int, Path]]:
        """Generate the best path (of kinds) to each state, step by step, with its depth."""
        first, may_start = self.satisfied[sequence[0].condition], self.satisfied[-1]
        states: dict[State, Path] = {
            (kind, frozenset([(kind, 1)])): (kind,)
            for kind in (range(len(self.time)) if start_kind is None else [start_kind])
            if first[kind] and may_start[kind]
        }
        yield from ((1, path) for path in states.values())
        for depth, (before, slot) in enumerate(pairwise(sequence), start=2):
            satisfied = self.satisfied[slot.condition]
            is_unlimited = self._is_unlimited(before, slot)
            longer = self._extend_best_before(states, satisfied) if is_unlimited else {}
            for (back, near), path in states.items():
                used = dict(near)
                for kind in self._list_following_kinds(path[0], back, before, slot, nearby=is_unlimited):
                    if not satisfied[kind] or used.get(kind, 0) == len(self.rows[kind]):
                        continue
                    counts = used | {kind: used.get(kind, 0) + 1}
                    floor = self.time[kind] - self.horizon
                    state = (kind, frozenset((one, n) for one, n in counts.items() if self.time[one] >= floor))
                    taken = (*path, kind)
                    if state not in longer or self._rank_path(taken) > self._rank_path(longer[state]):
                        longer[state] = taken
            states = longer
            yield from ((depth, path) for path in states.values())

    def _rank_path(self, path: Path) -> tuple[int, ...]:
        """Rank paths to one state: the last to start, then the earliest rows."""
        used: dict[int, int] = {}
        rows = []
        for kind in path[1:]:
            rows.append(-self.rows[kind][used.get(kind, 0)])
            used[kind] = used.get(kind, 0) + 1
        return (self.rows[path[0]][-1], *rows)

    def _is_unlimited(self, before: Slot, slot: Slot) -> bool:
        """Return whether any kind long after the step before may follow it."""
        spec = self.spec
        if spec.within is not None or spec.order == "strict" or spec.step_windows[slot.condition] is not None:
            return False
        return not spec.list_exclusions_between(before.row, slot.row)

    def _extend_best_before(self, states: dict[State, Path], satisfied: list[bool]) -> dict[State, Path]:
        """Extend, for each kind, the best of all paths that end so long before it that they share no events."""
        longer: dict[State, Path] = {}
        earlier = iter(sorted(states.items(), key=lambda item: item[0][0]))
        following = next(earlier, None)
        best: Path | None = None
        for kind, moment in enumerate(self.time):
            while following is not None and self.time[following[0][0]] + self.horizon < moment:
                if best is None or self._rank_path(following[1]) > self._rank_path(best):
                    best = following[1]
                following = next(earlier, None)
            if best is not None and satisfied[kind]:
                longer[kind, frozenset([(kind, 1)])] = (*best, kind)
        return longer

    def _list_following_kinds(self, start: int, back: int, before: Slot, slot: Slot, *, nearby: bool) -> range:
        """Return the kinds that may be the step after `back`, in an attempt from `start`: those of a range of times.

        With `nearby`, only those that may share events with the attempt.
        """
        spec, now = self.spec, self.time[back]
        limits = [now + self.horizon] if nearby else []
        if spec.within is not None:
            limits.append(self.time[start] + spec.within)
        window = spec.step_windows[slot.condition]
        if window is not None:
            limits.append(now + window)
        stops = [self.exclusions[number] for number in spec.list_exclusions_between(before.row, slot.row)]
        for times in [*stops, self.time] if spec.order == "strict" else stops:
            # what lies surely after `back` may not lie surely before the step
            at = bisect_right(times, now + spec.grace)
            if at < len(times):
                limits.append(times[at] + spec.grace)
        stop = bisect_right(self.time, min(limits)) if limits else len(self.time)
        return range(bisect_left(self.time, now - spec.grace), stop)
