"""Steps in any order where every row serves exactly one step, and nothing but the window ends an attempt.

Rows that repeat the step of the row before serve no more than that row did, so a window ends best at the first row of
such a run, and only runs are looked at. With the times of units shifted far apart, one comparison tells whether a run
belongs to the unit and lies in the window. For instance, for the steps A and B::

    row    0  1  2  3
    event  A  A  B  B    ->  runs A (rows 0 to 1) and B (rows 2 to 3); the window ends at row 2 and starts at row 1
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.analyses.funnel.rows import Rows
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.log.arrays import Ints, mark_changes

_MOST = 1 << 62
"""Times (µs) stay below this, so that sums fit into 64 bits."""


class _Step(NamedTuple):
    """The runs of one step.

    Attributes
    ----------
    run : array of int
        The numbers of the runs, ascending, after a -1.
    known : array of int
        For every run, how many runs of this step there are up to it.
    ended : array of int
        The time (µs) at which each run of `run` ended.
    """

    run: Ints
    known: Ints
    ended: Ints


def find_plain_attempts(rows: Rows, *, spec: FunnelSpec) -> tuple[Ints, Ints] | None:
    """Return, for each unit, the start of the window that serves most steps, and the rows that serve them.

    Of several windows, the first to end and the last to start. None where the question is more complicated.
    """
    if not rows.size or spec.exclude or spec.entered != (None, None):
        return None
    kind, span = _number_steps(rows), _separate_units(rows, spec)
    if kind.min() == 0 or span is None:
        return None
    window, apart = span
    new_unit, new = mark_changes(rows.unit), mark_changes(kind)
    new |= new_unit
    first = np.flatnonzero(new)
    border = np.flatnonzero(new_unit.take(first))
    shift = rows.unit.take(first) * np.int64(apart)
    ended = rows.time.take(np.append(first[1:], rows.size) - 1) + shift
    earliest = rows.time.take(first) + (shift - window)
    kind = kind.take(first)
    served = np.zeros(len(first), dtype=np.int8)
    steps: list[_Step] = []
    for number in range(1, len(rows.steps) + 1):
        mine = kind == number
        step = _Step(np.append(-1, np.flatnonzero(mine)), np.cumsum(mine, dtype=np.int32), ended[:0])
        step = step._replace(ended=ended.take(step.run))
        step.ended[0] = -_MOST
        served += step.ended.take(step.known) >= earliest
        steps.append(step)
    # the first run that serves most: one number for both
    size = len(first)
    worth = served * np.int64(size)
    worth += np.arange(size - 1, -1, -1)
    hit = size - 1 - np.maximum.reduceat(worth, border) % size
    start = first.take(hit)
    taken = np.full((len(hit), len(steps)), -1, dtype=np.int64, order="F")
    taken[:, 0] = start
    several = np.flatnonzero(served.take(hit) > 1)
    begin, rest = _narrow_windows(rows, first, kind, steps, hit=hit.take(several), earliest=earliest)
    start[several] = begin
    for number, row in enumerate(rest):
        taken[:, number][several] = row
    return start, taken


def _narrow_windows(
    rows: Rows, first: Ints, kind: Ints, steps: list[_Step], *, hit: Ints, earliest: Ints
) -> tuple[Ints, list[Ints]]:
    """Return the best start of each window that ends with a run, and the first row in it that serves each step."""
    opens = earliest.take(hit)
    run = hit.copy()
    for step in steps:
        at = step.known.take(hit)
        last = step.run.take(at)
        np.minimum(run, last, out=run, where=step.ended.take(at) >= opens)
    # a run before the last one is followed by another: its own last row is the one before that
    begin = first.take(run + 1, mode="clip") - 1
    own = kind.take(run)
    taken = []
    for number, step in enumerate(steps, start=1):
        after = step.run.take(step.known.take(run) + 1, mode="clip")
        row = np.where((after > run) & (after <= hit), first.take(after), rows.size)
        np.copyto(row, begin, where=own == number)
        taken.append(row)
    return begin, sort_rows(taken, none=rows.size)


def sort_rows(taken: list[Ints], *, none: int) -> list[Ints]:
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


def _number_steps(rows: Rows) -> Ints:
    """Return the number of the step that each row serves, from 1, or 0; steps do not overlap."""
    kind = np.zeros(rows.size, dtype=np.int8)
    for number, mask in enumerate(rows.steps, start=1):
        kind += mask.view(np.int8) * np.int8(number)
    return kind


def _separate_units(rows: Rows, spec: FunnelSpec) -> tuple[int, int] | None:
    """Return the window, and the time (µs) by which units are shifted so that no window reaches the unit before.

    None where so many shifts do not fit into 64 bits.
    """
    span = int(rows.time.max()) - int(rows.time.min()) + 1
    window = min(span, spec.within if spec.within is not None else span)
    fits = (len(rows.person) + 1) * (span + window + 1) + int(np.abs(rows.time).max()) < _MOST
    return (window, span + window + 1) if fits else None
