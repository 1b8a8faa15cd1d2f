"""Units removed because one of their attempts met an exclusion."""

from __future__ import annotations

import numpy as np

from journeys.analyses.funnel.matching.ordered import StepFrontier, TieWindow, propagate_steps
from journeys.analyses.funnel.rows import Attempts, FunnelRows, mark_first_entries
from journeys.analyses.funnel.spec import FunnelSpec, Slot
from journeys.arrays import Bools, Ints


def mark_removed_units(rows: FunnelRows, attempts: Attempts, *, spec: FunnelSpec) -> Bools:
    """Mark the units of which an attempt met an exclusion in its range, and that did not convert cleanly.

    For instance, for A → B without X: A X A removes the unit, A X A B does not.
    """
    ties = TieWindow(rows, spec)
    starts = mark_first_entries(rows, spec=spec) if spec.reentry == "first" else None
    is_removed = np.zeros(len(rows.person), dtype=np.bool_)
    if spec.order == "any":
        # nothing goes on after an exclusion: a unit that has not finished by then has been stopped by it
        sequences: list[tuple[Slot, ...]] = [(Slot(number, number),) for number in range(spec.step_count)]
    else:
        sequences = spec.list_step_sequences()
    for sequence in sequences:
        frontiers = propagate_steps(rows, sequence, spec=spec, ties=ties, starts=starts)
        for number, one in enumerate(spec.exclude):
            row = rows.exclusions[number].row
            for depth, (frontier, slot) in enumerate(zip(frontiers, sequence, strict=False)):
                if not (one.low <= slot.row < one.high or spec.order == "any"):
                    continue
                later = frontiers[depth + 1] if depth + 1 < len(frontiers) else None
                is_met = _mark_met_exclusions(rows, row, frontier, later, slot, spec=spec, ties=ties)
                is_removed[rows.unit[row[is_met]]] = True
    converted = attempts.unit[attempts.row[:, spec.step_count - 1] >= 0]
    is_removed[converted] = False
    return is_removed


def _mark_met_exclusions(
    rows: FunnelRows,
    row: Ints,
    frontier: StepFrontier,
    later: StepFrontier | None,
    slot: Slot,
    *,
    spec: FunnelSpec,
    ties: TieWindow,
) -> Bools:
    """Mark the excluded events that an attempt meets after this step, while its window is open.

    For instance, for A → B within 2 days without X, where `slot` is A: of the events A (day 1), X (day 2), X (day 9),
    the first X is marked.
    """
    if not frontier.row.size:
        return np.zeros(len(row), dtype=np.bool_)
    cut = ties.low[row] if ties.is_either else row
    pointer = frontier.rank(cut) - 1
    back = frontier.row[np.maximum(pointer, 0)]
    is_met: Bools = (pointer >= 0) & (rows.unit[back] == rows.unit[row])
    if spec.within is not None:
        is_met &= rows.time[row] - rows.time[frontier.start[np.maximum(pointer, 0)]] <= spec.within
    window = spec.step_windows[slot.row + 1] if slot.row + 1 < spec.step_count else None
    if window is not None:
        is_met &= rows.time[row] - rows.time[back] <= window
    if later is not None and later.row.size:
        # an attempt that has gone on is at a later step
        up_to = cut if ties.is_either else row + 1
        is_met &= later.rank(up_to) <= later.rank(np.minimum(back + 1, up_to))
    return is_met
