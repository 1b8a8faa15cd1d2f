"""Journeys laid in columns: who stands at which node, and when, column after column.

Nobody's rows are looked at beyond the columns that are shown: the work grows with people × columns, not with events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import Attempts
from journeys.analyses.flow.nodes import REACHED
from journeys.analyses.flow.rows import Rows, taken
from journeys.analyses.flow.spec import FlowSpec

__all__ = ["Column", "ends_apart", "first_visits", "next_run", "repeats", "walk"]

_PATIENCE = 16


class Column(NamedTuple):
    """One column of a flow.

    Attributes
    ----------
    position : int
        0 for the first column.
    journeys : np.ndarray
        Which journeys have a node here.
    code : np.ndarray
        Their nodes.
    time : np.ndarray
        When they were there.
    last : np.ndarray
        Whether the journey has no further node (aligned at the end: no earlier one).
    """

    position: int
    journeys: np.ndarray
    code: np.ndarray
    time: np.ndarray
    last: np.ndarray


def walk(rows: Rows, attempts: Attempts, spec: FlowSpec, *, steps: int | None = None) -> Iterator[Column]:
    """Go through the columns: from the first on, or aligned at the end from the last back."""
    rows, attempts = first_visits(rows, attempts, spec)
    count = spec.steps if steps is None else steps
    forward = spec.align == "start"
    journeys = np.arange(attempts.low.size, dtype=attempts.low.dtype)
    at = attempts.low if forward else attempts.high - 1
    limit = attempts.high if forward else attempts.low - 1
    step = 1 if forward else -1
    repeated = repeats(rows, attempts, spec)
    rows = ends_apart(rows, attempts, spec)
    for number in range(count):
        if not at.size and number:
            return
        following = next_run(repeated, at=at, limit=limit, step=step)
        # the run of repeats reaches from `at` to just before `following`
        early, late = (at, following - 1) if forward else (following + 1, at)
        shown = early if spec.keep == "first" else late
        last = following == limit
        yield Column(number if forward else count - 1 - number, journeys, rows.code[at], rows.time[shown], last)
        going = ~last
        journeys, at, limit = journeys[going], following[going], limit[going]


def next_run(repeated: np.ndarray | None, *, at: np.ndarray, limit: np.ndarray, step: int) -> np.ndarray:
    """Find the row, forward or back, that is no repeat of the run at hand; the limit where there is none."""
    following: np.ndarray = at + at.dtype.type(step)
    if repeated is None:
        return following
    # row r repeats the row before it; going back, the run goes on where the row just left is a repeat
    ask = 0 if step == 1 else 1
    # at its limit a journey has no further row; the table of repeats is one longer than the log
    open_runs = np.flatnonzero(repeated[following + at.dtype.type(ask)] & (following != limit))
    for _ in range(_PATIENCE):
        if not open_runs.size:
            return following
        following[open_runs] += step
        here = following[open_runs]
        open_runs = open_runs[repeated[here + ask] & (here != limit[open_runs])]
    if open_runs.size:
        # a few very long runs: look the changes up instead of going row by row
        borders = np.flatnonzero(~repeated[:-1])
        here = following[open_runs]
        if step == 1:
            place = np.searchsorted(borders, here, side="right")
            found = np.append(borders, repeated.size - 1)[place]
            following[open_runs] = np.minimum(found, limit[open_runs])
        else:
            place = np.searchsorted(borders, here, side="right") - 1
            found = np.where(place >= 0, borders[np.maximum(place, 0)], 0) - 1
            following[open_runs] = np.maximum(found, limit[open_runs])
    return following


def repeats(rows: Rows, attempts: Attempts, spec: FlowSpec) -> np.ndarray | None:
    """Mark the rows that repeat the row before them, whoever's it is; one more for the end of the log.

    Where a journey reaches the end it repeats nothing: else an ordinary node would be where it was reached.
    """
    if spec.collapse not in (1, 3):
        return None
    out = np.zeros(rows.code.size + 1, dtype=bool)
    if rows.code.size:
        np.equal(rows.code[1:], rows.code[:-1], out=out[1:-1])
        if spec.collapse == 3:
            out[1:-1] &= np.diff(rows.time) <= spec.burst
        out[attempts.high[attempts.reached] - 1] = False
    return out


def ends_apart(rows: Rows, attempts: Attempts, spec: FlowSpec) -> Rows:
    """Where it was asked for, give the end a name that no node has; it was a repeat, or none, by its own."""
    if not spec.apart or rows.ends is None:
        return rows
    code = rows.code.astype(np.int32)
    # a start may be an end as well; without one each end is, also those before the last
    code[rows.ends if spec.start is None else attempts.high[attempts.reached] - 1] = rows.labels.index(REACHED)
    return rows._replace(code=code)


def first_visits(rows: Rows, attempts: Attempts, spec: FlowSpec) -> tuple[Rows, Attempts]:
    """Where loops are cut, leave only the first visit of each journey to each node, and where it reaches the end."""
    if spec.collapse != 2 or not attempts.low.size:
        return rows, attempts
    lengths = attempts.high - attempts.low
    inside = np.repeat(attempts.low - np.append(0, np.cumsum(lengths)[:-1]), lengths) + np.arange(lengths.sum())
    journey = np.repeat(np.arange(lengths.size), lengths)
    key = journey * np.int64(len(rows.labels)) + rows.code[inside]
    kept = pl.Series(key).is_first_distinct().to_numpy().copy()
    kept[np.cumsum(lengths)[attempts.reached] - 1] = True
    left = np.bincount(journey[kept], minlength=lengths.size)
    high = np.cumsum(left)
    return taken(rows, inside[kept]), Attempts(high - left, high, attempts.reached)
