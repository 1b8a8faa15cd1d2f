"""Steps in any order: the most different steps that events inside one window can serve.

One event serves one step. Where steps overlap (an event may serve either of two), how many can be served is a
matching; by Hall's theorem it is the smallest, over the sets of overlapping steps, of the steps outside the set plus
the events that serve any step inside it. Steps that do not overlap are sets of one, and the answer is a plain count.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from journeys.analyses.funnel.climb import firsts
from journeys.analyses.funnel.marks import Marks
from journeys.analyses.funnel.rows import Bools, Ints, Rows
from journeys.analyses.funnel.runs import find_in_runs, in_order
from journeys.analyses.funnel.spec import FunnelSpec

__all__ = ["find", "from_starts"]


def find(rows: Rows, *, spec: FunnelSpec, starts: Bools | None = None) -> tuple[Ints, Ints]:
    """Return the units that entered and, a line each, the rows that served their steps, in log order."""
    groups = _groups(rows)
    if starts is None:
        plain = find_in_runs(rows, spec=spec) if len(groups) == len(rows.steps) else None
        if plain is not None:
            return rows.unit[plain[0]].astype(np.int64), plain[1]
        start, end = _widest(rows, groups, spec=spec)
    else:
        start = np.flatnonzero(starts)
        start = start[firsts(rows, start)]
        end = _deadline(rows, start, spec=spec)
    unit = rows.unit[start].astype(np.int64)
    return unit, _earliest(rows, groups, start, end)


def from_starts(rows: Rows, start: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the rows that serve the steps of an attempt from each of some rows, a line each."""
    return _earliest(rows, _groups(rows), start, _deadline(rows, start, spec=spec))


def _groups(rows: Rows) -> list[tuple[int, ...]]:
    """Put steps that share an event into one group."""
    groups: list[set[int]] = [{number} for number in range(len(rows.steps))]
    for a, b in combinations(range(len(rows.steps)), 2):
        if (rows.steps[a] & rows.steps[b]).any():
            joined = [group for group in groups if a in group or b in group]
            groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    return sorted(tuple(sorted(group)) for group in groups)


def _widest(rows: Rows, groups: Sequence[tuple[int, ...]], *, spec: FunnelSpec) -> tuple[Ints, Ints]:
    """For each unit, the window that serves most steps: the first to end, then the last to start."""
    row = np.flatnonzero(np.logical_or.reduce(rows.steps)) if rows.size else np.zeros(0, dtype=np.int64)
    low = _lowest(rows, row)
    floor = None
    if spec.entered[1] is not None or any(len(group) > 1 for group in groups):
        floor = _floor(rows, row, low, spec=spec)
        inside = floor <= row
        row, floor, low = row[inside], floor[inside], low[inside]
    served = np.zeros(len(row), dtype=np.int8)
    for group in groups:
        if len(group) == 1:
            served += _last(rows, group[0], row, low, spec=spec) >= 0
        elif floor is not None:
            served += _matched(rows, group, row, floor).astype(np.int8)
    if floor is None:
        # a row that may not even begin an attempt serves nothing
        row, served = row[served > 0], served[served > 0]
    at = firsts(rows, row)
    if not at.size:
        return row, row
    most = np.maximum.reduceat(served, at)
    hit = np.flatnonzero(served == np.repeat(most, np.diff(np.append(at, len(row)))))
    hit = hit[firsts(rows, row[hit])]
    end = row[hit]
    low = _lowest(rows, end)
    start = end.copy()
    for group in groups:
        if len(group) == 1:
            last = _last(rows, group[0], end, low, spec=spec)
            start = np.where(last >= 0, np.minimum(start, last), start)
        elif floor is not None:
            start = np.minimum(start, _latest_start(rows, group, end, floor[hit]))
    high = spec.entered[1]
    if high is not None:
        # an attempt has to begin inside the range: the last row that does may stand in for any other
        early = Marks.of(np.logical_or.reduce(rows.steps) & (rows.time < high))
        start = np.minimum(start, early.row[early.below(end + 1) - 1])
    return start, end


def _last(rows: Rows, step: int, row: Ints, low: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the last row up to each row that serves a step and may be in its window; -1 where there is none."""
    serving = rows.where(step)
    last = np.append(np.int64(-1), serving.row).take(serving.below(row + 1))
    good = last >= low
    if spec.within is not None or spec.entered[0] is not None:
        time = rows.time[last]
        if spec.within is not None:
            now = rows.time if len(row) == rows.size else rows.time[row]
            good &= time >= now - spec.within
        if spec.entered[0] is not None:
            good &= time >= spec.entered[0]
    return np.where(good, last, np.int32(-1))


def _lowest(rows: Rows, row: Ints) -> Ints:
    """Return the first row that an attempt ending at `row` may use, time aside: of the unit, after an exclusion."""
    begin = rows.begin.astype(np.int32)
    low = begin[rows.unit if len(row) == rows.size else rows.unit[row]]
    for number in range(len(rows.stops)):
        stopped = rows.stopped(number)
        if stopped.row.size:
            pointer = stopped.below(row) - 1
            low = np.where(pointer >= 0, np.maximum(low, stopped.row[np.maximum(pointer, 0)]), low)
    return low


def _floor(rows: Rows, row: Ints, low: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the first row that an attempt ending at `row` may use; past `row` where it may not even begin."""
    earliest = np.full(len(row), np.iinfo(np.int64).min)
    if spec.within is not None:
        earliest = rows.time[row] - spec.within
    first, high = spec.entered
    if first is not None:
        earliest = np.maximum(earliest, first)
    floor = low
    if spec.within is not None or first is not None:
        floor = np.maximum(floor, _first_not_before(rows, row, earliest))
    if high is not None:
        steps = Marks.of(np.logical_or.reduce(rows.steps) & (rows.time < high))
        begun = steps.below(row + 1) > steps.below(np.minimum(floor, row + 1))
        floor = np.where(begun, floor, rows.size)
    return floor


def _first_not_before(rows: Rows, row: Ints, earliest: Ints) -> Ints:
    """Find, for each row, the unit's first row whose time is not before `earliest`, by halving."""
    low, high = rows.begin[rows.unit[row]], row.astype(np.int64) + 1
    while (open_ := low < high).any():
        middle = (low + high) // 2
        before = (rows.time[np.minimum(middle, rows.size - 1)] < earliest) & open_
        low = np.where(before, middle + 1, low)
        high = np.where(open_ & ~before, middle, high)
    return low


def _sets(group: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [chosen for size in range(1, len(group) + 1) for chosen in combinations(group, size)]


def _serving(rows: Rows, chosen: tuple[int, ...]) -> Marks:
    return Marks.of(np.logical_or.reduce([rows.steps[number] for number in chosen]))


def _matched(rows: Rows, group: tuple[int, ...], row: Ints, floor: Ints) -> Ints:
    """How many steps of a group the rows from `floor` to `row` can serve."""
    matched = np.full(len(row), len(group), dtype=np.int64)
    for chosen in _sets(group):
        serving = _serving(rows, chosen)
        events = serving.below(row + 1).astype(np.int64) - serving.below(floor)
        np.minimum(matched, len(group) - len(chosen) + events, out=matched)
    return matched


def _latest_start(rows: Rows, group: tuple[int, ...], end: Ints, low: Ints) -> Ints:
    """Return the last row from which the rows up to `end` still serve as many steps of the group."""
    wanted = _matched(rows, group, end, low)
    start = end.copy()
    for chosen in _sets(group):
        serving = _serving(rows, chosen)
        needed = wanted - len(group) + len(chosen)
        pointer = serving.below(end + 1) - needed
        bound = serving.row[np.clip(pointer, 0, len(serving.row) - 1)] if serving.row.size else end
        start = np.where(needed > 0, np.minimum(start, bound), start)
    return start


def _deadline(rows: Rows, start: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the last row that an attempt from `start` may use."""
    end = rows.finish[rows.unit[start]] - 1
    if spec.within is not None:
        low, high, limit = start.astype(np.int64), end + 1, rows.time[start] + spec.within
        while (open_ := low < high).any():
            middle = (low + high) // 2
            inside = (rows.time[np.minimum(middle, rows.size - 1)] <= limit) & open_
            low = np.where(inside, middle + 1, low)
            high = np.where(open_ & ~inside, middle, high)
        end = np.minimum(end, low - 1)
    for number in range(len(rows.stops)):
        stopped = rows.stopped(number)
        if stopped.row.size:
            pointer = stopped.below(start + 1)
            found = pointer < len(stopped.row)
            # the excluded event itself may still serve a step: it is not between
            end = np.where(found, np.minimum(end, stopped.row[np.minimum(pointer, len(stopped.row) - 1)]), end)
    return end


def _earliest(rows: Rows, groups: Sequence[tuple[int, ...]], start: Ints, end: Ints) -> Ints:
    """Take, from start to end, every event that serves one more step, in log order."""
    out = np.full((len(start), len(rows.steps)), -1, dtype=np.int64, order="F")
    out[:, 0] = start
    wide = np.flatnonzero(end > start)
    start, end = start.take(wide), end.take(wide)
    taken = np.full((len(rows.steps), len(start)), rows.size, dtype=np.int64)
    for group in groups:
        if len(group) > 1:
            taken[group, :] = _matching(rows, group, start, end).T
            continue
        serving = rows.where(group[0])
        if serving.row.size:
            row = serving.row.take(serving.below(start), mode="clip")
            np.copyto(taken[group[0]], row, where=(row >= start) & (row <= end))
    for number, row in enumerate(in_order(list(taken), none=rows.size)):
        out[:, number][wide] = row
    return out


def _matching(rows: Rows, group: tuple[int, ...], start: Ints, end: Ints) -> Ints:
    """Match by augmenting paths, attempt by attempt: only where steps overlap, and only within counted attempts."""
    out = np.full((len(start), len(group)), rows.size, dtype=np.int64)
    masks = np.stack([rows.steps[number] for number in group])
    for line, (low, high) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        holder: dict[int, int] = {}
        for row in range(low, high + 1):
            if len(holder) == len(group):
                break
            _place(row, masks, holder, set())
        out[line, : len(holder)] = sorted(holder.values())
    return out


def _place(row: int, masks: Bools, holder: dict[int, int], tried: set[int]) -> bool:
    for step in np.flatnonzero(masks[:, row]).tolist():
        if step in tried:
            continue
        tried.add(step)
        if step not in holder or _place(holder[step], masks, holder, tried):
            holder[step] = row
            return True
    return False
