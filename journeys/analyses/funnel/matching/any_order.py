"""Steps in any order: the window that serves most of them, by a faster way where nothing else is asked."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from journeys.analyses.funnel.rows import Attempts, FunnelRows, SortedRows, find_first_per_unit
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.arrays import Bools, Ints, mark_changes, search_within
from journeys.errors import ArgumentError

_MOST = 1 << 62
"""Times (µs) stay below this, so that sums fit into 64 bits."""
_MOST_OVERLAPPING = 10
"""Every subset of so many overlapping steps is looked at."""


class _StepRuns(NamedTuple):
    """The runs of rows that serve one step.

    Attributes
    ----------
    run : array of int
        The numbers of the runs, ascending, after a -1.
    up_to : array of int
        For every run, how many runs of this step there are up to it.
    ended : array of int
        The time (µs) at which each run of `run` ended.
    """

    run: Ints
    up_to: Ints
    ended: Ints


def _find_plain_attempts(rows: FunnelRows, *, spec: FunnelSpec) -> tuple[Ints, Ints] | None:
    """Return, for each unit, the start of the window that serves most steps, and the rows that serve them.

    Of several windows, the first to end and the last to start. None where the question is more complicated: with
    exclusions, a period of entries, or rows that serve no step.

    Neighbouring rows of a unit that serve the same step are one run; a window ends with the first row of a run. For
    instance, of these rows and a window of 2, run 1 ends the window from 0 to 2, which serves both steps; its last
    start is row 1, the last row of run 0::

        row   0  1  2  3
        time  0  1  2  5
        step  A  A  B  A
        run   0  0  1  2
    """
    if not rows.size or spec.exclude or spec.entered != (None, None):
        return None
    step, limits = _number_steps(rows), _separate_units(rows, spec)
    if step.min() == 0 or limits is None:
        return None
    window, distance = limits
    starts_unit, starts_run = mark_changes(rows.unit), mark_changes(step)
    starts_run |= starts_unit
    first = np.flatnonzero(starts_run)
    first_run = np.flatnonzero(starts_unit.take(first))
    shift = rows.unit.take(first) * np.int64(distance)
    ended = rows.time.take(np.append(first[1:], rows.size) - 1) + shift
    opens = rows.time.take(first) + (shift - window)
    step = step.take(first)
    served = np.zeros(len(first), dtype=np.int8)
    steps: list[_StepRuns] = []
    for number in range(1, len(rows.steps) + 1):
        is_served = step == number
        run = np.append(-1, np.flatnonzero(is_served))
        runs = _StepRuns(run, np.cumsum(is_served, dtype=np.int32), ended.take(run))
        runs.ended[0] = -_MOST
        served += runs.ended.take(runs.up_to) >= opens
        steps.append(runs)
    # the first run that serves most steps: one number ranks both
    size = len(first)
    score = served * np.int64(size)
    score += np.arange(size - 1, -1, -1)
    best = size - 1 - np.maximum.reduceat(score, first_run) % size
    start = first.take(best)
    taken = np.full((len(best), len(steps)), -1, dtype=np.int64, order="F")
    taken[:, 0] = start
    several = np.flatnonzero(served.take(best) > 1)
    best = best.take(several)
    begin, rest = _narrow_windows(rows, first, step, steps, best=best, opens=opens.take(best))
    start[several] = begin
    for number, row in enumerate(rest):
        taken[:, number][several] = row
    return start, taken


def _narrow_windows(
    rows: FunnelRows, first: Ints, step: Ints, steps: list[_StepRuns], *, best: Ints, opens: Ints
) -> tuple[Ints, list[Ints]]:
    """Return the last start of each window that ends with a run, and the first row in it that serves each step.

    `first` and `step` are the first row of each run and its step; `opens` is the time at which each window opens.
    """
    run = best.copy()
    for runs in steps:
        at = runs.up_to.take(best)
        np.minimum(run, runs.run.take(at), out=run, where=runs.ended.take(at) >= opens)
    # a run before the last one is followed by another: its own last row is the one before that
    begin = first.take(run + 1, mode="clip") - 1
    own = step.take(run)
    taken = []
    for number, runs in enumerate(steps, start=1):
        after = runs.run.take(runs.up_to.take(run) + 1, mode="clip")
        row = np.where((after > run) & (after <= best), first.take(after), rows.size)
        np.copyto(row, begin, where=own == number)
        taken.append(row)
    return begin, _sort_rows(taken, none=rows.size)


def _sort_rows(taken: list[Ints], *, none: int) -> list[Ints]:
    """Sort the rows of each attempt, one array per step; `none`, beyond all rows, becomes -1.

    A bubble sort over few steps, of many attempts at once.
    """
    for top in range(len(taken) - 1, 0, -1):
        for low in range(top):
            early, late = taken[low], taken[low + 1]
            taken[low], taken[low + 1] = np.minimum(early, late), np.maximum(early, late)
    for row in taken:
        np.copyto(row, -1, where=row == none)
    return taken


def _number_steps(rows: FunnelRows) -> Ints:
    """Return the number of the step that each row serves, from 1; 0 for none. No row serves two."""
    number = np.zeros(rows.size, dtype=np.int8)
    for step, serving in enumerate(rows.steps, start=1):
        number += serving.mask.view(np.int8) * np.int8(step)
    return number


def _separate_units(rows: FunnelRows, spec: FunnelSpec) -> tuple[int, int] | None:
    """Return the window, and the distance (µs) between two units at which no window reaches back into the first.

    None where so many distances do not fit into 64 bits.
    """
    span = int(rows.time.max()) - int(rows.time.min()) + 1
    window = min(span, spec.within if spec.within is not None else span)
    fits = (len(rows.person) + 1) * (span + window + 1) + int(np.abs(rows.time).max()) < _MOST
    return (window, span + window + 1) if fits else None


def find_attempts(rows: FunnelRows, *, spec: FunnelSpec, starts: Bools | None) -> Attempts:
    """Find the best attempt of each unit that entered, in log order."""
    groups = _group_overlapping_steps(rows)
    if starts is None:
        plain = _find_plain_attempts(rows, spec=spec) if len(groups) == len(rows.steps) else None
        if plain is not None:
            return Attempts(rows.unit[plain[0]].astype(np.int64), plain[1])
        start, end = _find_best_windows(rows, groups, spec=spec)
    else:
        start = np.flatnonzero(starts)
        start = start[find_first_per_unit(rows, start)]
        end = _find_last_usable(rows, start, spec=spec)
    return Attempts(rows.unit[start].astype(np.int64), _take_earliest(rows, groups, start, end))


def find_attempts_from(rows: FunnelRows, start: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the rows that serve the steps of an attempt from each of some rows, one line each."""
    return _take_earliest(rows, _group_overlapping_steps(rows), start, _find_last_usable(rows, start, spec=spec))


def _group_overlapping_steps(rows: FunnelRows) -> list[tuple[int, ...]]:
    """Put steps that share an event into one group."""
    groups: list[set[int]] = [{number} for number in range(len(rows.steps))]
    for a, b in combinations(range(len(rows.steps)), 2):
        if (rows.steps[a].mask & rows.steps[b].mask).any():
            joined = [group for group in groups if a in group or b in group]
            groups = [group for group in groups if group not in joined] + [set().union(*joined)]
    if max(map(len, groups)) > _MOST_OVERLAPPING:
        raise ArgumentError(
            f"steps: more than {_MOST_OVERLAPPING} steps in any order can be served by the same events; leave some out."
        )
    return sorted(tuple(sorted(group)) for group in groups)


def _find_best_windows(rows: FunnelRows, groups: Sequence[tuple[int, ...]], *, spec: FunnelSpec) -> tuple[Ints, Ints]:
    """Return, for each unit, the window that serves most steps: the first to end, then the last to start.

    For instance, of A and B in any order within 2 days and the rows A (day 1), A (day 2), B (day 3): both windows that
    end with B serve two steps, and the one that starts with the second A is returned, as rows 1 and 2.
    """
    row = np.flatnonzero(rows.mark_satisfied())
    low = _find_first_usable(rows, row)
    floor = None
    if spec.entered[1] is not None or any(len(group) > 1 for group in groups):
        floor = _find_first_in_window(rows, row, low, spec=spec)
        inside = floor <= row
        row, floor, low = row[inside], floor[inside], low[inside]
    served = np.zeros(len(row), dtype=np.int8)
    for group in groups:
        if len(group) == 1:
            served += _find_last_serving(rows, group[0], row, low, spec=spec) >= 0
        elif floor is not None:
            served += _count_matched(rows, group, row, floor).astype(np.int8)
    if floor is None:
        # a row that may not start an attempt serves nothing
        row, served = row[served > 0], served[served > 0]
    at = find_first_per_unit(rows, row)
    if not at.size:
        return row, row
    most = np.maximum.reduceat(served, at)
    best = np.flatnonzero(served == np.repeat(most, np.diff(np.append(at, len(row)))))
    best = best[find_first_per_unit(rows, row[best])]
    end = row[best]
    low = _find_first_usable(rows, end)
    start = end.copy()
    for group in groups:
        if len(group) == 1:
            last = _find_last_serving(rows, group[0], end, low, spec=spec)
            start = np.where(last >= 0, np.minimum(start, last), start)
        elif floor is not None:
            start = np.minimum(start, _find_latest_start(rows, group, end, floor[best]))
    high = spec.entered[1]
    if high is not None:
        # an attempt has to start inside the range: the last row that does may stand in for any other
        early = SortedRows.from_mask(rows.mark_satisfied() & (rows.time < high))
        start = np.minimum(start, early.row[early.rank(end + 1) - 1])
    return start, end


def _find_last_serving(rows: FunnelRows, step: int, row: Ints, low: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the last row up to each row that serves a step and lies in its window; -1 where there is none."""
    serving = rows.steps[step]
    last = np.append(np.int64(-1), serving.row).take(serving.rank(row + 1))
    good = last >= low
    if spec.within is not None or spec.entered[0] is not None:
        time = rows.time[last]
        if spec.within is not None:
            now = rows.time if len(row) == rows.size else rows.time[row]
            good &= time >= now - spec.within
        if spec.entered[0] is not None:
            good &= time >= spec.entered[0]
    return np.where(good, last, np.int32(-1))


def _find_first_usable(rows: FunnelRows, row: Ints) -> Ints:
    """Return the first row of the unit, after its last exclusion, that an attempt ending at `row` may use."""
    begin = rows.first.astype(np.int32)
    low = begin[rows.unit if len(row) == rows.size else rows.unit[row]]
    for excluded in rows.exclusions:
        if excluded.row.size:
            pointer = excluded.rank(row) - 1
            low = np.where(pointer >= 0, np.maximum(low, excluded.row[np.maximum(pointer, 0)]), low)
    return low


def _find_first_in_window(rows: FunnelRows, row: Ints, low: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the first row that an attempt ending at `row` may use; beyond `row` where none may start."""
    earliest = np.full(len(row), np.iinfo(np.int64).min)
    if spec.within is not None:
        earliest = rows.time[row] - spec.within
    first, high = spec.entered
    if first is not None:
        earliest = np.maximum(earliest, first)
    floor = low
    if spec.within is not None or first is not None:
        floor = np.maximum(
            floor, search_within(rows.time, earliest, low=rows.first[rows.unit[row]], high=row + 1, side="left")
        )
    if high is not None:
        steps = SortedRows.from_mask(rows.mark_satisfied() & (rows.time < high))
        begun = steps.rank(row + 1) > steps.rank(np.minimum(floor, row + 1))
        floor = np.where(begun, floor, rows.size)
    return floor


def _list_subsets(group: tuple[int, ...]) -> list[tuple[int, ...]]:
    """List the non-empty subsets of a group of steps."""
    return [chosen for size in range(1, len(group) + 1) for chosen in combinations(group, size)]


def _count_matched(rows: FunnelRows, group: tuple[int, ...], row: Ints, floor: Ints) -> Ints:
    """Count the steps of a group that the rows from `floor` to `row` can serve, each row one of them.

    By Hall's theorem it is the least, over all subsets of the steps, of the steps outside the subset plus the rows that
    serve one in it. For instance, with the steps A and "A or B" and a single row A, both steps together give 0 + 1: one
    of them is served.
    """
    matched = np.full(len(row), len(group), dtype=np.int64)
    for chosen in _list_subsets(group):
        serving = SortedRows.from_mask(rows.mark_satisfied(chosen))
        events = serving.rank(row + 1).astype(np.int64) - serving.rank(floor)
        np.minimum(matched, len(group) - len(chosen) + events, out=matched)
    return matched


def _find_latest_start(rows: FunnelRows, group: tuple[int, ...], end: Ints, low: Ints) -> Ints:
    """Return the last row from which the rows up to `end` still serve as many steps of the group."""
    wanted = _count_matched(rows, group, end, low)
    start = end.copy()
    for chosen in _list_subsets(group):
        serving = SortedRows.from_mask(rows.mark_satisfied(chosen))
        needed = wanted - len(group) + len(chosen)
        pointer = serving.rank(end + 1) - needed
        bound = serving.row[np.clip(pointer, 0, len(serving.row) - 1)] if serving.row.size else end
        start = np.where(needed > 0, np.minimum(start, bound), start)
    return start


def _find_last_usable(rows: FunnelRows, start: Ints, *, spec: FunnelSpec) -> Ints:
    """Return the last row that an attempt from `start` may use."""
    end = rows.stop[rows.unit[start]] - 1
    if spec.within is not None:
        limit = rows.time[start] + spec.within
        end = search_within(rows.time, limit, low=start, high=end + 1) - 1
    for excluded in rows.exclusions:
        if excluded.row.size:
            pointer = excluded.rank(start + 1)
            found = pointer < len(excluded.row)
            # the excluded event itself may still serve a step: it is not in between
            end = np.where(found, np.minimum(end, excluded.row[np.minimum(pointer, len(excluded.row) - 1)]), end)
    return end


def _take_earliest(rows: FunnelRows, groups: Sequence[tuple[int, ...]], start: Ints, end: Ints) -> Ints:
    """Take, from start to end, every event that serves one more step, in log order.

    For instance, of the rows B, B, A and the steps A and B: the rows 0 and 2, and -1 for each step that is not served.
    """
    out = np.full((len(start), len(rows.steps)), -1, dtype=np.int64, order="F")
    out[:, 0] = start
    wide = np.flatnonzero(end > start)
    start, end = start.take(wide), end.take(wide)
    taken = np.full((len(rows.steps), len(start)), rows.size, dtype=np.int64)
    for group in groups:
        if len(group) > 1:
            taken[group, :] = _match_steps(rows, group, start, end).T
            continue
        serving = rows.steps[group[0]]
        if serving.row.size:
            row = serving.row.take(serving.rank(start), mode="clip")
            np.copyto(taken[group[0]], row, where=(row >= start) & (row <= end))
    for number, row in enumerate(_sort_rows(list(taken), none=rows.size)):
        out[:, number][wide] = row
    return out


def _match_steps(rows: FunnelRows, group: tuple[int, ...], start: Ints, end: Ints) -> Ints:
    """Match rows to the steps of a group by augmenting paths, attempt by attempt.

    For instance, with the steps "A or B" and A, and the rows A, B: the first row serves "A or B" until the second row,
    which can serve nothing else, takes its place; the first row then serves A.
    """
    out = np.full((len(start), len(group)), rows.size, dtype=np.int64)
    masks = np.stack([rows.steps[number].mask for number in group])
    for line, (low, high) in enumerate(zip(start.tolist(), end.tolist(), strict=True)):
        holder: dict[int, int] = {}
        for row in range(low, high + 1):
            if len(holder) == len(group):
                break
            _assign_row(row, masks, holder, set())
        out[line, : len(holder)] = sorted(holder.values())
    return out


def _assign_row(row: int, masks: Bools, holder: dict[int, int], tried: set[int]) -> bool:
    """Let a row serve a step, moving rows that serve it already to other steps; return whether that succeeds."""
    for step in np.flatnonzero(masks[:, row]).tolist():
        if step in tried:
            continue
        tried.add(step)
        if step not in holder or _assign_row(holder[step], masks, holder, tried):
            holder[step] = row
            return True
    return False
