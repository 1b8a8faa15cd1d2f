"""Journeys node by node, with repeats collapsed: what paths, drop-offs and transitions are counted from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from journeys.analyses.flow.count import keep_first_visits, mark_repeats, rename_ends
from journeys.analyses.flow.rows import Segments, cut_segments, read_rows
from journeys.analyses.flow.shard_chunks import Chunk, split_shard
from journeys.analyses.flow.spec import FlowSpec
from journeys.arrays import Bools, Ints, collapse_repeats, count_before, parallel_map
from journeys.log import View


class CollapsedJourneys(NamedTuple):
    """Journeys node by node, with repeats collapsed as the flow asks for.

    Attributes
    ----------
    code : np.ndarray
        The nodes of all journeys, one journey after the other.
    time : np.ndarray or None
        When they were there; None where that was not asked for.
    began, ended : np.ndarray
        When each journey was at its first node, and at its last.
    low, row_counts : np.ndarray
        Where each journey begins in `code`, and how many nodes it has.
    reached : np.ndarray
        Whether it reached the end.
    person : np.ndarray
        The person of each journey.
    labels : list of str
        The names of the nodes, in the order of their codes.
    """

    code: Ints
    time: Ints | None
    began: Ints
    ended: Ints
    low: Ints
    row_counts: Ints
    reached: Bools
    person: Ints
    labels: list[str]

    @property
    def last(self) -> Ints:
        """The place of each journey's last node in `code`."""
        return self.low + self.row_counts - 1


def collapse_journeys(
    view: View, spec: FlowSpec, *, with_times: bool = True, with_duration: bool = True
) -> CollapsedJourneys:
    """Collapse the journeys of one shard, however long they are.

    `with_times` asks for the time at each node, `with_duration` for that at the first and the last; what is not asked
    for may be None and 0. For instance, A A B of one person and B of another become codes A B B, low 0 2 and
    row_counts 2 1.
    """
    if spec.is_plain and not with_times:
        return _collapse_chunks(view, spec, timed=with_duration)
    rows, segments = cut_segments(read_rows(view, spec), spec)
    person = rows.person[segments.low] if segments.low.size else rows.person[:0]
    rows, segments = keep_first_visits(rows, segments, spec)
    repeated = mark_repeats(rows, segments, spec)
    rows = rename_ends(rows, segments, spec)
    first = last = _mark_inside(segments, rows=rows.code.size)  # the first row of each run of repeats, and the last
    if repeated is not None:
        inside = first
        first = inside & ~repeated
        first[segments.low] = True
        last = first
        if spec.keep == "last":
            last = inside & ~np.append(repeated[1:], [False])[: inside.size]
            last[segments.high - 1] = True
    before = count_before(first)
    low = before[segments.low].astype(np.int64)
    length = before[segments.high] - low
    time = rows.time[last]
    began, ended = time[low], time[low + length - 1]
    return CollapsedJourneys(rows.code[first], time, began, ended, low, length, segments.reached, person, rows.labels)


def _mark_inside(segments: Segments, *, rows: int) -> Bools:
    """Mark the rows that belong to a journey; journeys do not overlap."""
    low, high = segments.low, segments.high
    if low.size and low[0] == 0 and high[-1] == rows and np.array_equal(low[1:], high[:-1]):
        return np.ones(rows, dtype=bool)
    change = np.zeros(rows + 1, dtype=np.int8)
    change[low] += 1
    change[high] -= 1
    inside: Bools = np.cumsum(change[:-1], dtype=np.int8) > 0
    return inside


def _collapse_chunks(view: View, spec: FlowSpec, *, timed: bool) -> CollapsedJourneys:
    """Collapse the journeys of whole people, chunk by chunk."""
    shard = split_shard(view, spec, timed=timed)
    labels = shard.nodes.names.labels
    dtype = np.dtype(np.uint8 if len(labels) < 1 << 8 else np.uint16 if len(labels) < 1 << 16 else np.uint32)

    def collapse(chunk: Chunk) -> tuple[Ints, ...]:
        code = shard.nodes.decode(chunk.rows, dtype=dtype)
        first = np.append(0, chunk.stop[:-1])
        time = np.broadcast_to(np.int64(0), code.shape) if chunk.time is None else chunk.time.to_numpy()
        if spec.collapse == "none":
            return code, time[first], time[chunk.stop - 1], chunk.stop - first
        kept = np.flatnonzero(collapse_repeats(code, first))
        stop = np.searchsorted(kept, chunk.stop)
        return code[kept], time[first], time[kept[stop - 1]], np.diff(stop, prepend=0)

    empty = (np.empty(0, dtype=dtype), *(np.empty(0, dtype=np.int64) for _ in range(3)))
    parts = parallel_map(collapse, shard.chunks) or [empty]
    code, began, ended, length = map(np.concatenate, zip(*parts, strict=True))
    low = np.cumsum(length) - length
    reached = np.zeros(low.size, dtype=bool)
    return CollapsedJourneys(code, None, began, ended, low, length, reached, shard.person, labels)
