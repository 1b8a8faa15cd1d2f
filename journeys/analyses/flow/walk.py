"""Journeys laid in columns: who stands at which node, and when, column after column.

Nobody's rows are looked at beyond the columns that are shown: the work grows with people × columns, not with events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import Attempts
from journeys.analyses.flow.rows import Rows
from journeys.analyses.flow.spec import FlowSpec

__all__ = ["Column", "first_visits", "walk"]

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
    journeys = np.arange(attempts.low.size)
    at = attempts.low if forward else attempts.high - 1
    limit = attempts.high if forward else attempts.low - 1
    step = 1 if forward else -1
    for number in range(count):
        if not at.size and number:
            return
        following = _next_run(rows, spec, at=at, limit=limit, step=step)
        # the run of repeats reaches from `at` to just before `following`
        early, late = (at, following - 1) if forward else (following + 1, at)
        shown = early if spec.keep == "first" else late
        last = following == limit
        yield Column(number if forward else count - 1 - number, journeys, rows.code[at], rows.time[shown], last)
        going = ~last
        journeys, at, limit = journeys[going], following[going], limit[going]


def _next_run(rows: Rows, spec: FlowSpec, *, at: np.ndarray, limit: np.ndarray, step: int) -> np.ndarray:
    """Find the row, forward or back, that is no repeat of the run at hand; the limit where there is none."""
    following = at + step
    if spec.collapse not in (1, 3):
        return following
    open_runs = np.flatnonzero(_repeats(rows, spec, at=following, limit=limit, step=step))
    for _ in range(_PATIENCE):
        if not open_runs.size:
            return following
        following[open_runs] += step
        again = _repeats(rows, spec, at=following[open_runs], limit=limit[open_runs], step=step)
        open_runs = open_runs[again]
    if open_runs.size:
        # a few very long runs: look the changes up instead of going row by row
        borders = _borders(rows, spec)
        here = following[open_runs]
        if step == 1:
            place = np.searchsorted(borders, here, side="right")
            found = np.append(borders, rows.code.size)[place]
            following[open_runs] = np.minimum(found, limit[open_runs])
        else:
            place = np.searchsorted(borders, here, side="right") - 1
            found = np.where(place >= 0, borders[np.maximum(place, 0)], 0) - 1
            following[open_runs] = np.maximum(found, limit[open_runs])
    return following


def _repeats(rows: Rows, spec: FlowSpec, *, at: np.ndarray, limit: np.ndarray, step: int) -> np.ndarray:
    inside = at != limit
    before = at - step
    # a row at the limit may lie outside the table: look at itself instead and let `inside` decide
    there = np.where(inside, at, before)
    same = rows.code[there] == rows.code[before]
    if spec.collapse == 3:
        same &= np.abs(rows.time[there] - rows.time[before]) <= spec.burst
    result: np.ndarray = same & inside
    return result


def _borders(rows: Rows, spec: FlowSpec) -> np.ndarray:
    changed = rows.code[1:] != rows.code[:-1]
    if spec.collapse == 3:
        changed |= np.diff(rows.time) > spec.burst
    return np.flatnonzero(changed) + 1


def first_visits(rows: Rows, attempts: Attempts, spec: FlowSpec) -> tuple[Rows, Attempts]:
    """Where loops are cut, leave only the first visit of each journey to each node."""
    if spec.collapse != 2 or not attempts.low.size:
        return rows, attempts
    lengths = attempts.high - attempts.low
    inside = np.repeat(attempts.low - np.append(0, np.cumsum(lengths)[:-1]), lengths) + np.arange(lengths.sum())
    journey = np.repeat(np.arange(lengths.size), lengths)
    key = journey * np.int64(len(rows.labels)) + rows.code[inside]
    kept = pl.Series(key).is_first_distinct().to_numpy()
    left = np.bincount(journey[kept], minlength=lengths.size)
    high = np.cumsum(left)
    chosen = inside[kept]
    fewer = rows._replace(time=rows.time[chosen], code=rows.code[chosen], person=rows.person[chosen])
    return fewer, Attempts(high - left, high, attempts.reached)
