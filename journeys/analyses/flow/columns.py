"""Journeys laid out in columns: which journey stands at which node, and when, column after column.

No rows beyond the columns that are shown are visited: the work grows with people × columns, not with events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import REACHED
from journeys.analyses.flow.rows import Rows, take_rows
from journeys.analyses.flow.segments import Segments
from journeys.analyses.flow.spec import FlowSpec
from journeys.log.arrays import Bools, Ints, list_rows, mark_changes, skip_marked


class Column(NamedTuple):
    """One column of a flow.

    Attributes
    ----------
    position : int
        0 for the first column.
    journeys : np.ndarray
        The journeys that have a node here.
    code, time : np.ndarray
        Their nodes, and when they were there.
    is_last : np.ndarray
        Whether the journey has no further node (aligned at the end: no earlier one).
    """

    position: int
    journeys: Ints
    code: Ints
    time: Ints
    is_last: Bools


def lay_columns(rows: Rows, segments: Segments, spec: FlowSpec) -> Iterator[Column]:
    """Go through the columns: forward from the first, or aligned at the end backward from the last.

    For instance, of a journey A A B and one C:

        column 0   journeys 0 1, nodes A C, is_last False True
        column 1   journey  0,   node  B,   is_last True
    """
    rows, segments = keep_first_visits(rows, segments, spec)
    forward = spec.align == "start"
    journeys = np.arange(segments.low.size, dtype=segments.low.dtype)
    at, limit = (segments.low, segments.high) if forward else (segments.high - 1, segments.low - 1)
    repeated = mark_repeats(rows, segments, spec)
    rows = rename_ends(rows, segments, spec)
    for number in range(spec.steps):
        if not at.size and number:
            return
        # a run of repeats goes from `at` up to before `following`, or backward down to after it
        following = _next_run(repeated, at=at, limit=limit, forward=forward)
        early, late = (at, following - 1) if forward else (following + 1, at)
        shown = early if spec.keep == "first" else late
        is_last = following == limit
        position = number if forward else spec.steps - 1 - number
        yield Column(position, journeys, rows.code[at], rows.time[shown], is_last)
        goes_on = ~is_last
        journeys, at, limit = journeys[goes_on], following[goes_on], limit[goes_on]


def _next_run(repeated: Bools | None, *, at: Ints, limit: Ints, forward: bool) -> Ints:
    """Find the row at which the next run of repeats begins (going backward: ends); the limit where there is none."""
    if repeated is None:
        neighbour: Ints = at + at.dtype.type(1 if forward else -1)
        return neighbour
    if forward:
        following: Ints = np.minimum(skip_marked(repeated, at + at.dtype.type(1)), limit)
        return following
    # a row is marked when it repeats the row before it: the run begins at the first row that is not marked
    run: Ints = skip_marked(repeated, at, step=-1)
    before: Ints = np.maximum(run - at.dtype.type(1), limit)
    return before


def mark_repeats(rows: Rows, segments: Segments, spec: FlowSpec) -> Bools | None:
    """Mark the rows that repeat the row before them, even one of another person; None where repeats are kept.

    The row at which a journey reaches the end repeats nothing: else the node before it would be where it was reached.
    """
    if spec.collapse not in ("repeats", "bursts"):
        return None
    repeated = ~mark_changes(rows.code)
    if spec.collapse == "bursts":
        repeated[1:] &= np.diff(rows.time) <= spec.burst_gap
    repeated[segments.high[segments.reached] - 1] = False
    return repeated


def rename_ends(rows: Rows, segments: Segments, spec: FlowSpec) -> Rows:
    """Give the rows that reach the end the name "(reached)", where that was asked for."""
    if not spec.separate_end or rows.ends is None:
        return rows
    code = rows.code.astype(np.int32)
    # a start may be an end as well; without a start every end is one, also those before the last
    at = rows.ends if spec.start is None else segments.high[segments.reached] - 1
    code[at] = rows.labels.index(REACHED)
    return rows._replace(code=code)


def keep_first_visits(rows: Rows, segments: Segments, spec: FlowSpec) -> tuple[Rows, Segments]:
    """Where loops are cut, keep only each journey's first visit to each node, and the row that reaches the end."""
    if spec.collapse != "loops" or not segments.low.size:
        return rows, segments
    lengths = segments.high - segments.low
    inside = list_rows(segments.low, segments.high)
    journey = np.repeat(np.arange(lengths.size), lengths)
    key = journey * np.int64(len(rows.labels)) + rows.code[inside]
    kept = pl.Series(key).is_first_distinct().to_numpy().copy()
    kept[np.cumsum(lengths)[segments.reached] - 1] = True
    size = np.bincount(journey[kept], minlength=lengths.size)
    high = np.cumsum(size)
    return take_rows(rows, inside[kept]), Segments(high - size, high, segments.reached)
