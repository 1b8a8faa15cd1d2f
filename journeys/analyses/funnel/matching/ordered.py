"""Steps in order: the frontier that moves from step to step, also within ties, and the exhaustive search beside it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import comb

import numpy as np

from journeys.analyses.funnel.rows import Rows, SortedRows
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.arrays import Bools, Ints, mark_changes, search_within
from journeys.errors import ArgumentError


class TieWindow:
    """The rows that may come before, and after, each row.

    A tie is a run of rows of one unit with equal times. For instance, with the times 1, 2, 2 and ties in either order,
    rows 1 and 2 may both come before or after each other: `before` is 3 for both, `after` is 1.
    """

    def __init__(self, rows: Rows, spec: FunnelSpec) -> None:
        self.rows = rows
        self.grace = spec.grace
        self.is_arrival = spec.ties == "arrival"
        self.is_either = spec.ties == "either"
        if self.is_arrival:
            return
        starts = mark_changes(rows.unit) | mark_changes(rows.time)
        number = np.cumsum(starts) - 1
        borders = np.append(np.flatnonzero(starts), rows.size)
        self.tie_start, self.tie_stop = borders[number], borders[number + 1]
        self.low, self.high = self.tie_start, self.tie_stop
        if self.is_either and self.grace:
            # all rows of the unit whose times are within the grace
            first, stop = rows.first[rows.unit], rows.stop[rows.unit]
            self.low = search_within(rows.time, rows.time - self.grace, low=first, high=stop, side="left")
            self.high = search_within(rows.time, rows.time + self.grace, low=first, high=stop)

    def before(self, row: Ints) -> Ints:
        """Return the row number below which rows may come before `row`."""
        if self.is_arrival:
            return row
        reach: Ints = self.high[row] if self.is_either else self.tie_start[row]
        return reach

    def after(self, row: Ints) -> Ints:
        """Return the row number from which rows may come after `row`."""
        if self.is_arrival:
            return row + 1
        reach: Ints = self.low[row] if self.is_either else self.tie_stop[row]
        return reach

    def between(self, low: Ints, high: Ints) -> tuple[Ints, Ints]:
        """Return the first row that surely lies between `low` and `high`, and the row after the last."""
        if self.is_either:
            return self.high[low], self.low[high]
        return low + 1, high


@dataclass(frozen=True, eq=False, slots=True)
class StepFrontier:
    """The rows that reach a step, and the row with which the best attempt to each starts."""

    rows: SortedRows
    start: Ints

    @property
    def row(self) -> Ints:
        """The rows, ascending."""
        return self.rows.row

    def rank(self, at: Ints) -> Ints:
        """Return, for each row number, how many rows of the frontier are before it."""
        return self.rows.rank(at)


def propagate_steps(
    rows: Rows, sequence: Sequence[Slot], *, spec: FunnelSpec, ties: TieWindow, starts: Bools | None = None
) -> list[StepFrontier]:
    """Find the rows that reach each step of a sequence.

    `starts` marks the rows that may start an attempt; by default all that satisfy the first step.
    """
    first = rows.satisfying(sequence[0].condition)
    if starts is not None:
        first = SortedRows(first.row[starts[first.row]], size=rows.size)
    elif spec.entered != (None, None):
        first = SortedRows(first.row[is_in_entry_range(rows.time[first.row], spec)], size=rows.size)
    frontiers = [StepFrontier(first, first.row)]
    for before, slot in pairwise(sequence):
        row, start = _next_frontier(rows, frontiers[-1], before, slot, spec=spec, ties=ties)
        frontiers.append(StepFrontier(SortedRows(row, size=rows.size), start))
        if not row.size:
            break
    return frontiers


def is_in_entry_range(time: Ints, spec: FunnelSpec) -> Bools:
    """Mark the times at which an attempt may start."""
    low, high = spec.entered
    inside = np.ones(len(time), dtype=np.bool_)
    if low is not None:
        inside &= time >= low
    if high is not None:
        inside &= time < high
    return inside


def _next_frontier(
    rows: Rows, frontier: StepFrontier, before: Slot, slot: Slot, *, spec: FunnelSpec, ties: TieWindow
) -> tuple[Ints, Ints]:
    """Return the rows that reach the next step, and the start of the best attempt to each."""
    row = rows.satisfying(slot.condition).row
    if not row.size or not frontier.row.size:
        return row[:0], row[:0]
    pointer = frontier.rank(ties.before(row))
    pointer -= 1
    if ties.is_either and not spec.reuse:
        # the row itself is no step before: take the one before it
        pointer -= (frontier.row[np.maximum(pointer, 0)] == row) & (pointer >= 0)
    keep = pointer >= 0
    np.maximum(pointer, 0, out=pointer)
    start = frontier.start.take(pointer)
    keep &= rows.unit.take(start) == rows.unit.take(row)
    if spec.within is not None:
        keep &= rows.time.take(row) - rows.time.take(start) <= spec.within
    if spec.order == "strict" or not spec.takes_any_next:
        back = frontier.row.take(pointer)
        if spec.order == "strict":
            keep &= rows.position.take(row) - rows.position.take(back) == 1
        keep &= can_follow(rows, back, row, before, slot, spec=spec, ties=ties)
    kept = np.flatnonzero(keep)
    return row.take(kept), start.take(kept)


def can_follow(
    rows: Rows, back: Ints, row: Ints, before: Slot, slot: Slot, *, spec: FunnelSpec, ties: TieWindow
) -> Bools | np.bool_:
    """Return whether the time between two steps, and what happened between them, lets `row` follow `back`."""
    allowed: Bools | np.bool_ = np.bool_(1)
    window = spec.step_windows[before.condition if spec.is_reversed else slot.condition]
    if window is not None:
        allowed = allowed & (rows.time[row] - rows.time[back] <= window)
    for number in spec.exclusions_between(before.row, slot.row):
        excluded = rows.excluded(number)
        low, high = ties.between(back, row)
        allowed = allowed & (excluded.rank(high) <= excluded.rank(low))
    return allowed


def first_per_unit(rows: Rows, row: Ints) -> Ints:
    """Return the positions in `row` (ascending) at which another unit starts."""
    return np.flatnonzero(mark_changes(rows.unit[row])) if row.size else row


def units_reaching(rows: Rows, frontier: StepFrontier) -> tuple[Ints, Ints]:
    """Return the units that have rows in a frontier, and the position of the first of each.

    Where most rows reach the step, units are looked up instead of rows.
    """
    if rows.unit_first is None or len(frontier.row) < 3 * len(rows.person):
        units = rows.unit.take(frontier.row)
        at = np.flatnonzero(mark_changes(units))
        return units.take(at), at
    count = frontier.rank(np.append(rows.unit_first, rows.size))
    unit = np.flatnonzero(count[1:] > count[:-1])
    return unit, count.take(unit)


def backtrack_rows(
    rows: Rows, sequence: Sequence[Slot], start: Ints, end: Ints, depth: Ints, *, spec: FunnelSpec, ties: TieWindow
) -> Ints:
    """Choose the rows between start and end of each counted attempt: every step as early as possible.

    Return one line per attempt and one column per slot; -1 where a step was not reached.
    """
    chosen = np.full((len(start), len(sequence)), -1, dtype=np.int64, order="F")
    chosen[:, 0] = start
    for k in range(1, len(sequence)):
        line = np.flatnonzero(depth == k + 1)
        chosen[line, k] = end.take(line)
    if depth.max(initial=0) <= 2:
        return chosen
    if spec.order == "strict" and not ties.is_either:
        # neighbours in the log are neighbours here
        for k in range(1, int(depth.max()) - 1):
            line = np.flatnonzero(depth > k + 1)
            chosen[line, k] = end.take(line) - (depth.take(line) - (k + 1))
        return chosen
    usable = _rows_leading_to_end(rows, sequence, start, end, depth, spec=spec, ties=ties)
    for k in range(1, int(depth.max()) - 1):
        line = np.flatnonzero(depth > k + 1)
        now = chosen[:, k - 1].take(line)
        row = usable[k].row
        pointer = usable[k].rank(ties.after(now))
        if ties.is_either and not spec.reuse:
            pointer += row[np.minimum(pointer, len(row) - 1)] == now
        chosen[line, k] = row.take(pointer)
    return chosen


def _rows_leading_to_end(
    rows: Rows, sequence: Sequence[Slot], start: Ints, end: Ints, depth: Ints, *, spec: FunnelSpec, ties: TieWindow
) -> list[SortedRows]:
    """Return, for each slot, the rows from which the end of the unit's attempt can still be reached.

    Without exclusions and windows of steps every row that satisfies the step is one. Otherwise the rows are found from
    the last slot backwards: a row is usable if the next usable row of the slot after it can follow it.
    """
    usable = [rows.satisfying(slot.condition) for slot in sequence]
    if spec.takes_any_next and not ties.is_either:
        return usable
    latest = np.full(len(rows.person), np.iinfo(np.int64).max)
    if spec.within is not None:
        latest[rows.unit[start]] = rows.time[start] + spec.within
    usable[-1] = SortedRows(np.sort(end[depth == len(sequence)]), size=rows.size)
    for k in range(len(sequence) - 2, 0, -1):
        row, later = usable[k].row, usable[k + 1].row
        good = np.zeros(len(row), dtype=np.bool_)
        if later.size:
            pointer = usable[k + 1].rank(ties.after(row))
            if ties.is_either and not spec.reuse:
                pointer += later[np.minimum(pointer, len(later) - 1)] == row
            good = pointer < len(later)
            ahead = later[np.minimum(pointer, len(later) - 1)]
            good &= rows.unit[ahead] == rows.unit[row]
            if spec.order == "strict":
                good &= rows.position[ahead] - rows.position[row] == 1
            if ties.is_either and ties.grace:
                good &= rows.time[ahead] >= rows.time[row] - ties.grace
            good &= rows.time[row] <= latest[rows.unit[row]]
            good &= can_follow(rows, row, ahead, sequence[k], sequence[k + 1], spec=spec, ties=ties)
        usable[k] = SortedRows(np.union1d(row[good], end[depth == k + 1]), size=rows.size)
    return usable


State = tuple[int, frozenset[tuple[int, int]]]  # the kind of the last step, and how often the kinds near it are used
Path = tuple[int, ...]

_MOST_TRANSITIONS = 50_000_000
"""So many take about a minute for one person."""


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


def find_converting_starts(rows: Rows, *, units: Ints, row: int, spec: FunnelSpec) -> Ints:
    """Find the rows of some units from which an attempt gets to a table row."""
    first, stop = rows.first, rows.stop
    found: list[int] = []
    for unit in units.tolist():
        search = _Search(rows, int(first[unit]), int(stop[unit]), spec=spec, starts=None)
        for kind, members in enumerate(search.rows):
            best = search.best(only=kind)
            if best is not None and best[row] >= 0:
                found += members
    return np.array(sorted(found), dtype=np.int64)


class _Search:
    """All attempts of one unit, kept apart only where it matters for what may follow."""

    def __init__(self, rows: Rows, low: int, high: int, *, spec: FunnelSpec, starts: Bools | None) -> None:
        self.spec = spec
        time = rows.time[low:high].tolist()
        may_start = is_in_entry_range(rows.time[low:high], spec)
        if starts is not None:
            may_start &= starts[low:high]
        masks = np.stack([*(mask[low:high] for mask in rows.steps), may_start])
        kinds: dict[tuple[int, bytes], list[int]] = {}
        for row, signature in enumerate(np.packbits(masks, axis=0).T.tolist()):
            kinds.setdefault((time[row], bytes(signature)), []).append(row)
        ordered = sorted(kinds.items(), key=lambda item: (item[0][0], item[1][0]))
        self.rows = [[row + low for row in members] for _, members in ordered]
        self.time = [moment for (moment, _), _ in ordered]
        self.satisfied = [[bool(mask[members[0]]) for _, members in ordered] for mask in masks]
        self.exclusions = [rows.time[low:high][mask[low:high]].tolist() for mask in rows.exclusions]
        self.horizon = spec.grace * spec.width
        self._refuse_endless_search()

    def _refuse_endless_search(self) -> None:
        """Raise before a search that would not end: many different events that could all change places."""
        spec, kinds = self.spec, len(self.time)
        crowd = max(bisect_right(self.time, moment + self.horizon) - at for at, moment in enumerate(self.time))
        reach = crowd if all(self._is_unlimited(*pair) for pair in pairwise(spec.step_sequences()[0])) else kinds
        if spec.within is not None:
            reach = max(bisect_right(self.time, moment + spec.within) - at for at, moment in enumerate(self.time))
        states = comb(crowd + spec.width - 2, spec.width - 1) if spec.width > 1 else 1
        if kinds * states * reach > _MOST_TRANSITIONS:
            raise ArgumentError(
                f"ties: up to {crowd:,} different events of one person are so close in time that any of them may come "
                "first, and some could serve several steps; use a shorter duration, a window (within=) or "
                "ties='arrival'."
            )

    def best(self, *, only: int | None = None) -> list[int] | None:
        """Return the rows of the counted attempt by table row, -1 where a step was not taken.

        `only` is the kind of event that may start it; by default any may.
        """
        ranked: list[tuple[tuple[int, ...], tuple[Slot, ...], Path]] = []
        for sequence in self.spec.step_sequences():
            for depth, path in self._best_paths(sequence, only=only):
                rows = self._rows_of(path)
                ranked.append((self._rank_attempt(sequence, depth, rows), sequence, rows))
        if not ranked:
            return None
        _, sequence, rows = max(ranked, key=lambda one: one[0])
        out = [-1] * self.spec.width
        for slot, row in zip(sequence, rows, strict=False):
            out[slot.row] = row
        return out

    def _rank_attempt(self, sequence: tuple[Slot, ...], depth: int, rows: Path) -> tuple[int, ...]:
        taken = [slot.row for slot in sequence[:depth]]
        if self.spec.entry == "any":
            reached = (taken[-1], depth)
        else:
            required = sum(not self.spec.optional[row] for row in taken)
            reached = (required, depth - required)
        return (*reached, -rows[-1], rows[0], *(-row for row in rows[1:-1]))

    def _rows_of(self, path: Path) -> Path:
        """Choose the rows of an attempt: the end as early, the start as late, all others as early as possible."""
        rows = {0: self.rows[path[0]][-1]}
        used: dict[int, int] = {}
        for place in [len(path) - 1, *range(1, len(path) - 1)] if len(path) > 1 else []:
            kind = path[place]
            rows[place] = self.rows[kind][used.get(kind, 0)]
            used[kind] = used.get(kind, 0) + 1
        return tuple(rows[place] for place in range(len(path)))

    def _best_paths(self, sequence: tuple[Slot, ...], *, only: int | None) -> Iterator[tuple[int, Path]]:
        """Generate the best path (of kinds) to each state, step by step, with its depth."""
        first, may_start = self.satisfied[sequence[0].condition], self.satisfied[-1]
        states: dict[State, Path] = {
            (kind, frozenset([(kind, 1)])): (kind,)
            for kind in (range(len(self.time)) if only is None else [only])
            if first[kind] and may_start[kind]
        }
        yield from ((1, path) for path in states.values())
        for depth, (before, slot) in enumerate(pairwise(sequence), start=2):
            satisfied = self.satisfied[slot.condition]
            is_unlimited = self._is_unlimited(before, slot)
            longer = self._take_best_before(states, satisfied) if is_unlimited else {}
            for (back, near), path in states.items():
                used = dict(near)
                for kind in self._following_kinds(path[0], back, before, slot, nearby=is_unlimited):
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
        return not spec.exclusions_between(before.row, slot.row)

    def _take_best_before(self, states: dict[State, Path], satisfied: list[bool]) -> dict[State, Path]:
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

    def _following_kinds(self, start: int, back: int, before: Slot, slot: Slot, *, nearby: bool) -> range:
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
        stops = [self.exclusions[number] for number in spec.exclusions_between(before.row, slot.row)]
        for times in [*stops, self.time] if spec.order == "strict" else stops:
            # what lies surely after `back` may not lie surely before the step
            at = bisect_right(times, now + spec.grace)
            if at < len(times):
                limits.append(times[at] + spec.grace)
        stop = bisect_right(self.time, min(limits)) if limits else len(self.time)
        return range(bisect_left(self.time, now - spec.grace), stop)
