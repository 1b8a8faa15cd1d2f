"""From people to journeys: where each begins, where it stops, and whether it reaches the end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.analyses.flow.rows import Rows, take_rows
from journeys.analyses.flow.spec import FlowSpec
from journeys.log.arrays import Bools, Ints, count_before, mark_changes, next_marked, previous_marked, search_within

_ROUNDS = 64  # so many starts of one person are followed for all people at once


class Segments(NamedTuple):
    """Journeys as runs of rows: from `low` up to before `high`; `reached` says whether they got to the end."""

    low: Ints
    high: Ints
    reached: Bools


def cut_segments(rows: Rows, spec: FlowSpec) -> tuple[Rows, Segments]:
    """Cut people, or sessions, into the journeys that were asked for, and drop the rows that are no nodes in them.

    For instance, with start A and end X:

        row     0  1  2  3  4
        node    B  A  C  X  B      ->  one journey: low 1, high 4, reached
    """
    segments = _cut(rows, spec)
    if rows.is_anchor_only is None:
        return rows, segments
    # a hidden row is shown where a journey begins or ends with it, and only there
    kept = ~rows.is_anchor_only
    if rows.starts is not None:
        kept[segments.low] = True
    kept[segments.high[segments.reached] - 1] = True
    before = count_before(kept)
    moved = Segments(before[segments.low], before[segments.high], segments.reached)
    return take_rows(rows, np.flatnonzero(kept)), moved


def _cut(rows: Rows, spec: FlowSpec) -> Segments:
    low = rows.first
    high = np.append(low[1:], low.dtype.type(rows.time.size))[: low.size]
    if rows.starts is None:
        return _cut_from_first_row(rows, spec, low=low, high=high)
    if spec.occurrence == "each":
        return _cut_at_each_start(rows, spec, low=low, high=high)
    first = previous_marked(rows.starts, high) if spec.occurrence == "last" else next_marked(rows.starts, low)
    is_found = (first >= low) & (first < high)
    return _cut_from_starts(rows, spec, first=first[is_found], high=high[is_found])


def _cut_from_first_row(rows: Rows, spec: FlowSpec, *, low: Ints, high: Ints) -> Segments:
    """Cut journeys from the first row on, to the end where there is one to reach."""
    if rows.ends is None:
        return Segments(low, _limit(rows, spec, first=low, high=high), np.zeros(low.size, dtype=bool))
    if spec.occurrence == "each":
        # journeys lie between one end and the next
        stops = np.unique(np.concatenate([high, rows.ends + 1])) if low.size else high
        low = np.concatenate([[0], stops[:-1]]).astype(np.int64)[: stops.size]
        is_end = np.zeros(rows.time.size + 1, dtype=bool)
        is_end[rows.ends + 1] = True
        high, reached = stops, is_end[stops]
    else:
        last = next_marked(rows.ends, low) if spec.occurrence == "first" else previous_marked(rows.ends, high)
        reached = (last >= low) & (last < high)
        high = np.where(reached, last + 1, high)
    if spec.within is not None:
        low = search_within(rows.time, rows.time[high - 1] - spec.within, low=low, high=high, side="left")
    if rows.sessions is not None and low.size:
        low = np.maximum(low, previous_marked(rows.sessions, high))
    return Segments(low, high, reached)


def _cut_from_starts(rows: Rows, spec: FlowSpec, *, first: Ints, high: Ints) -> Segments:
    """Cut journeys from the given rows on, up to their end or the limit of their window."""
    high = _limit(rows, spec, first=first, high=high)
    reached = np.zeros(first.size, dtype=bool)
    if rows.ends is not None:
        end = next_marked(rows.ends, first + 1)
        reached = (end >= 0) & (end < high)
        high = np.where(reached, end + 1, high)
    return Segments(first, high, reached)


def _cut_at_each_start(rows: Rows, spec: FlowSpec, *, low: Ints, high: Ints) -> Segments:
    """Cut a journey at every start that is not inside a journey before it.

    The journey that each start would begin tells at which start the next can begin; those that do are found by
    following these links. For instance, with start A and end X, of A A X A X the first start (row 0) leads to the
    start in row 3, and the start in row 1 is skipped.
    """
    starts = rows.starts if rows.starts is not None else np.empty(0, dtype=np.int64)
    unit = np.searchsorted(low, starts, side="right") - 1
    if rows.ends is None:
        # each journey runs to the next start, so that no row is in two journeys
        stops = np.append(starts[1:], rows.time.size)[: starts.size]
        return _cut_from_starts(rows, spec, first=starts, high=np.minimum(stops, high[unit]))
    segments = _cut_from_starts(rows, spec, first=starts, high=high[unit])
    following = np.searchsorted(starts, segments.high)
    is_same_unit = (following < starts.size) & (unit[np.minimum(following, starts.size - 1)] == unit)
    begins = _follow_links(np.where(is_same_unit, following, -1), mark_changes(unit))
    return Segments(*(part[begins] for part in segments))


def _follow_links(following: Ints, roots: Bools) -> Bools:
    """Mark what can be reached from the roots, where each element leads to at most one later element (-1: to none)."""
    reached = roots.copy()
    at = np.flatnonzero(roots)
    for _ in range(_ROUNDS):
        if not at.size:
            return reached
        at = following[at]
        at = at[at >= 0]
        reached[at] = True
    # what is left are a few long chains
    links = following.tolist()
    for place in at.tolist():
        while (place := links[place]) >= 0:
            reached[place] = True
    return reached


def _limit(rows: Rows, spec: FlowSpec, *, first: Ints, high: Ints) -> Ints:
    """Stop journeys that begin at `first` where their window, or their session, is over."""
    if spec.within is not None:
        high = search_within(rows.time, rows.time[first] + spec.within, low=first, high=high)
    if rows.sessions is not None:
        high = np.minimum(high, next_marked(rows.sessions, first + 1, none=rows.time.size))
    return high
