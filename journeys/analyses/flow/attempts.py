"""From people to journeys: where each begins, where it stops, and whether it reached the end."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.analyses.flow.rows import Rows, taken
from journeys.analyses.flow.spec import FlowSpec

__all__ = ["Attempts", "cut_attempts"]


class Attempts(NamedTuple):
    """Journeys as runs of rows: from `low` up to before `high`; `reached` says whether they got to the end."""

    low: np.ndarray
    high: np.ndarray
    reached: np.ndarray


def cut_attempts(rows: Rows, spec: FlowSpec) -> tuple[Rows, Attempts]:
    """Cut people, or sessions, into the journeys that were asked for, and leave out what is no node in them."""
    attempts = _cut(rows, spec)
    if rows.bare is None:
        return rows, attempts
    # a row that is hidden is shown where a journey begins or ends with it, and only there
    kept = ~rows.bare
    if rows.starts is not None:
        kept[attempts.low] = True
    kept[attempts.high[attempts.reached] - 1] = True
    before = np.append(0, np.cumsum(kept))
    return taken(rows, np.flatnonzero(kept)), Attempts(before[attempts.low], before[attempts.high], attempts.reached)


def _cut(rows: Rows, spec: FlowSpec) -> Attempts:
    low = rows.begins
    high = np.append(low[1:], low.dtype.type(rows.time.size))[: low.size]
    if rows.starts is None:
        return _look_back(rows, spec, low=low, high=high)
    if spec.occurrence == "each":
        return _one_after_the_other(rows, spec, low=low, high=high)
    if spec.occurrence == "last":
        place = np.searchsorted(rows.starts, high) - 1
        first = rows.starts[np.maximum(place, 0)] if rows.starts.size else np.full(low.size, -1)
        found = (place >= 0) & (first >= low)
    else:
        first = next_of(rows.starts, low)
        found = (first >= 0) & (first < high)
    return _forward(rows, spec, first=first[found], high=high[found])[0]


def _look_back(rows: Rows, spec: FlowSpec, *, low: np.ndarray, high: np.ndarray) -> Attempts:
    """Journeys from first touch, to the end where there is one to reach."""
    if rows.ends is None:
        reached = np.zeros(low.size, dtype=bool)
        return Attempts(low, _not_beyond(rows, spec, first=low, high=high), reached)
    if spec.occurrence == "each":
        stops = np.unique(np.concatenate([high, rows.ends + 1])) if low.size else high
        starts = np.concatenate([[0], stops[:-1]]).astype(np.int64)[: stops.size]
        reached = np.zeros(rows.time.size + 1, dtype=bool)
        reached[rows.ends + 1] = True
        low, high, reached = starts, stops, reached[stops]
    else:
        if spec.occurrence == "first":
            last = next_of(rows.ends, low)
            reached = (last >= 0) & (last < high)
        else:
            place = np.searchsorted(rows.ends, high) - 1
            last = rows.ends[np.maximum(place, 0)] if rows.ends.size else np.full(low.size, -1)
            reached = (place >= 0) & (last >= low)
        high = np.where(reached, last + 1, high)
    if spec.within is not None:
        low = first_later(rows.time, low, high, limit=rows.time[high - 1] - spec.within - 1)
    if rows.sessions is not None and low.size:
        low = np.maximum(low, rows.sessions[np.searchsorted(rows.sessions, high - 1, side="right") - 1])
    return Attempts(low, high, reached)


def _forward(rows: Rows, spec: FlowSpec, *, first: np.ndarray, high: np.ndarray) -> tuple[Attempts, np.ndarray]:
    """Journeys from given rows on; and from which row the next could start."""
    high = _not_beyond(rows, spec, first=first, high=high)
    reached = np.zeros(first.size, dtype=bool)
    if rows.ends is not None:
        end = next_of(rows.ends, first + 1)
        reached = (end >= 0) & (end < high)
        high = np.where(reached, end + 1, high)
    return Attempts(first, high, reached), high


def _one_after_the_other(rows: Rows, spec: FlowSpec, *, low: np.ndarray, high: np.ndarray) -> Attempts:
    """Every start that is not inside a journey begins the next; each round finds one more a person."""
    starts = rows.starts if rows.starts is not None else np.empty(0, dtype=np.int64)
    if rows.ends is None:
        # each start runs to the next, so that no row is in two journeys
        unit = np.searchsorted(low, starts, side="right") - 1
        stops = np.append(starts[1:], rows.time.size)[: starts.size]
        return _forward(rows, spec, first=starts, high=np.minimum(stops, high[unit]))[0]
    found: list[Attempts] = []
    at = low
    while at.size:
        first = next_of(starts, at)
        going = (first >= 0) & (first < high)
        first, high = first[going], high[going]
        attempts, at = _forward(rows, spec, first=first, high=high)
        found.append(attempts)
        more = at < high
        at, high = at[more], high[more]
    joined = (
        Attempts(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
        if found
        else Attempts(low, high, np.zeros(0, dtype=bool))
    )
    order = np.argsort(joined.low, kind="stable")
    return Attempts(joined.low[order], joined.high[order], joined.reached[order])


def _not_beyond(rows: Rows, spec: FlowSpec, *, first: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Stop journeys that begin at `first` where their time is over, or their session."""
    if spec.within is not None:
        high = first_later(rows.time, first, high, limit=rows.time[first] + spec.within)
    if rows.sessions is not None:
        borders = np.append(rows.sessions, rows.sessions.dtype.type(rows.time.size))
        high = np.minimum(high, borders[np.searchsorted(rows.sessions, first, side="right")])
    return high


def next_of(marked: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Find the first marked row from each given row on; −1 where there is none."""
    if not marked.size:
        return np.full(at.size, -1, dtype=np.int64)
    place = np.searchsorted(marked, at)
    return np.where(place < marked.size, marked[np.minimum(place, marked.size - 1)], -1)


def first_later(time: np.ndarray, low: np.ndarray, high: np.ndarray, *, limit: np.ndarray) -> np.ndarray:
    """Find, in each run of rows, the first whose time is above a limit; the end of the run where none is."""
    low, high = low.astype(np.int64).copy(), high.astype(np.int64).copy()
    open_runs = np.flatnonzero(low < high)
    while open_runs.size:
        middle = (low[open_runs] + high[open_runs]) // 2
        later = time[middle] > limit[open_runs]
        high[open_runs[later]] = middle[later]
        low[open_runs[~later]] = middle[~later] + 1
        open_runs = open_runs[low[open_runs] < high[open_runs]]
    return low
