"""Who leaves the funnel, where an exclusion removes people instead of ending their attempt."""

from __future__ import annotations

import numpy as np

from journeys.analyses.funnel.attempts import Attempts, first_entries
from journeys.analyses.funnel.climb import Level, Near, climb
from journeys.analyses.funnel.rows import Bools, Ints, Rows
from journeys.analyses.funnel.spec import FunnelSpec, Slot

__all__ = ["removed_units"]


def removed_units(rows: Rows, attempts: Attempts, *, spec: FunnelSpec) -> Bools:
    """Mark the units of which an attempt met an exclusion in its range, and that did not convert cleanly."""
    near = Near(rows, spec)
    starts = first_entries(rows, spec=spec) if spec.reentry == "first" else None
    hit = np.zeros(len(rows.person), dtype=np.bool_)
    if spec.order == "any":
        # there is no way on from an exclusion: whoever has not finished by then has been stopped by it
        shapes: list[tuple[Slot, ...]] = [(Slot(number, number),) for number in range(spec.width)]
    else:
        shapes = spec.shapes()
    for shape in shapes:
        levels = climb(rows, shape, spec=spec, near=near, starts=starts)
        for number, one in enumerate(spec.exclude):
            row = rows.stopped(number).row
            for depth, (level, slot) in enumerate(zip(levels, shape, strict=False)):
                if not (one.low <= slot.row < one.high or spec.order == "any"):
                    continue
                later = levels[depth + 1] if depth + 1 < len(levels) else None
                hit[rows.unit[row[_hits(rows, row, level, later, slot, spec=spec, near=near)]]] = True
    clean = attempts.unit[attempts.row[:, spec.width - 1] >= 0]
    hit[clean] = False
    return hit


def _hits(
    rows: Rows, row: Ints, level: Level, later: Level | None, slot: Slot, *, spec: FunnelSpec, near: Near
) -> Bools:
    """Say which excluded events fall on an attempt that stands at this step, with its window still open."""
    if not level.row.size:
        return np.zeros(len(row), dtype=np.bool_)
    cut = near.low[row] if near.either else row
    pointer = level.below(cut) - 1
    back = level.row[np.maximum(pointer, 0)]
    hit: Bools = (pointer >= 0) & (rows.unit[back] == rows.unit[row])
    if spec.within is not None:
        hit &= rows.time[row] - rows.time[level.start[np.maximum(pointer, 0)]] <= spec.within
    gap = spec.gaps[slot.row + 1] if slot.row + 1 < spec.width else None
    if gap is not None:
        hit &= rows.time[row] - rows.time[back] <= gap
    if later is not None and later.row.size:
        # an attempt that has gone on stands at a later step
        up_to = cut if near.either else row + 1
        hit &= later.below(up_to) <= later.below(np.minimum(back + 1, up_to))
    return hit
