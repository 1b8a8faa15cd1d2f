"""The rows of a shard that a flow needs, in chunks, cut into the segments that it follows."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import REACHED, NodeCodes, quote_reserved, read_nodes
from journeys.analyses.flow.spec import FlowSpec
from journeys.arrays import (
    Bools,
    Ints,
    bound_people,
    count_before,
    mark_changes,
    next_marked,
    number_runs,
    previous_marked,
    row_dtype,
    search_within,
)
from journeys.log import View
from journeys.log.boundaries import present_campaign_columns, starts_session
from journeys.steps import columns_used

_START, _END, _SESSION = "_start", "_end", "_session"


class FlowRows(NamedTuple):
    """Nodes in log order.

    Attributes
    ----------
    person, time, code : np.ndarray
        The person, the time (microseconds) and the node of each row.
    labels : list of str
        The names of the nodes, in the order of their codes.
    first : np.ndarray
        The first row of each person, or of each session where sessions are counted.
    starts, ends : np.ndarray or None
        The rows that are a start, or an end.
    sessions : np.ndarray or None
        The first row of each session, where journeys stop at the boundaries of sessions.
    is_anchor_only : np.ndarray or None
        Marks hidden rows that are shown only where a journey begins or ends with them; None where there are none.
    """

    person: Ints
    time: Ints
    code: Ints
    labels: list[str]
    first: Ints
    starts: Ints | None
    ends: Ints | None
    sessions: Ints | None
    is_anchor_only: Bools | None = None


def read_rows(view: View, spec: FlowSpec, *, timed: bool = True) -> FlowRows:
    """Read one shard: only the columns that the question needs; without `timed`, all times are 0."""
    anchors = [(name, step) for name, step in ((_START, spec.start), (_END, spec.end)) if step is not None]
    view = view.with_people_columns(columns_used([step for _, step in anchors]))
    more = [pl.col("person")]
    if timed:
        more.append(pl.col("timestamp").to_physical())
    if spec.needs_sessions:
        campaign = present_campaign_columns(view.schema) if spec.campaign_cuts else []
        more.append(starts_session(spec.gap, campaign_columns=campaign).alias(_SESSION))
    more += [step.condition.alias(name) for name, step in anchors]
    nodes, table = read_nodes(view, spec.nodes, more=more)
    code, names = nodes.decode_all(), nodes.names
    table = table.rechunk()
    person = table["person"].to_numpy()
    time = table["timestamp"].to_numpy() if timed else np.broadcast_to(np.int64(0), person.shape)
    marks = {name: table[name].to_numpy() for name in (_START, _END, _SESSION) if name in table.columns}
    hidden = code < 0 if code.dtype == np.int32 and code.size else None
    is_anchor_only: Bools | None = None
    if hidden is not None and hidden.any():
        code = code.copy()
        for name, step in anchors:
            # a hidden row that is a start or an end is named after its step
            here = hidden & marks[name] & (code < 0)
            if here.any():
                code[here] = names.encode(quote_reserved(step.name))
        kept = code >= 0
        is_anchor_only = hidden[kept] if hidden[kept].any() else None
        if _SESSION in marks:
            # the first row of a session may be hidden: the next row that is shown starts it
            session_number = number_runs(marks[_SESSION])
            marks[_SESSION] = mark_changes(session_number[kept])
        person, time, code = person[kept], time[kept], code[kept]
        marks = {name: mark if name == _SESSION else mark[kept] for name, mark in marks.items()}
    if spec.separate_end:
        names.encode(REACHED)
    sessions = _list_marked(marks[_SESSION]) if _SESSION in marks else None
    return FlowRows(
        person=person,
        time=time,
        code=code,
        labels=names.labels,
        first=sessions if sessions is not None and spec.count == "sessions" else _list_marked(mark_changes(person)),
        starts=_list_marked(marks[_START]) if _START in marks else None,
        ends=_list_marked(marks[_END]) if _END in marks else None,
        sessions=sessions,
        is_anchor_only=is_anchor_only,
    )


def take_rows(rows: FlowRows, kept: Ints) -> FlowRows:
    """Keep some rows by their numbers; `first`, `starts` and `sessions` still refer to all rows."""
    ends = None
    if rows.ends is not None:
        marked = np.zeros(rows.code.size, dtype=bool)
        marked[rows.ends] = True
        ends = _list_marked(marked[kept])
    time, code, person = rows.time[kept], rows.code[kept], rows.person[kept]
    return rows._replace(time=time, code=code, person=person, ends=ends, is_anchor_only=None)


def _list_marked(marked: Bools) -> Ints:
    return np.flatnonzero(marked).astype(row_dtype(marked.size))


_ROUNDS = 64  # so many starts of one person are followed for all people at once


class Segments(NamedTuple):
    """Journeys as runs of rows: from `low` up to before `high`; `reached` says whether they got to the end."""

    low: Ints
    high: Ints
    reached: Bools


def cut_segments(rows: FlowRows, spec: FlowSpec) -> tuple[FlowRows, Segments]:
    """Cut people, or sessions, into the journeys that were asked for, and drop the rows that are no nodes in them.

    For instance, with start A and end X:

        row     0  1  2  3  4
        node    B  A  C  X  B      ->  one journey: low 1, high 4, reached
    """
    segments = _cut_rows(rows, spec)
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


def _cut_rows(rows: FlowRows, spec: FlowSpec) -> Segments:
    low = rows.first
    high = np.append(low[1:], low.dtype.type(rows.time.size))[: low.size]
    if rows.starts is None:
        return _cut_from_first_row(rows, spec, low=low, high=high)
    if spec.occurrence == "each":
        return _cut_at_each_start(rows, spec, low=low, high=high)
    first = previous_marked(rows.starts, high) if spec.occurrence == "last" else next_marked(rows.starts, low)
    is_found = (first >= low) & (first < high)
    return _cut_from_starts(rows, spec, first=first[is_found], high=high[is_found])


def _cut_from_first_row(rows: FlowRows, spec: FlowSpec, *, low: Ints, high: Ints) -> Segments:
    """Cut journeys from the first row on, to the end where there is one to reach."""
    if rows.ends is None:
        return Segments(low, _limit_segments(rows, spec, first=low, high=high), np.zeros(low.size, dtype=bool))
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


def _cut_from_starts(rows: FlowRows, spec: FlowSpec, *, first: Ints, high: Ints) -> Segments:
    """Cut journeys from the given rows on, up to their end or the limit of their window."""
    high = _limit_segments(rows, spec, first=first, high=high)
    reached = np.zeros(first.size, dtype=bool)
    if rows.ends is not None:
        end = next_marked(rows.ends, first + 1)
        reached = (end >= 0) & (end < high)
        high = np.where(reached, end + 1, high)
    return Segments(first, high, reached)


def _cut_at_each_start(rows: FlowRows, spec: FlowSpec, *, low: Ints, high: Ints) -> Segments:
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


def _limit_segments(rows: FlowRows, spec: FlowSpec, *, first: Ints, high: Ints) -> Ints:
    """Stop journeys that begin at `first` where their window, or their session, is over."""
    if spec.within is not None:
        high = search_within(rows.time, rows.time[first] + spec.within, low=first, high=high)
    if rows.sessions is not None:
        high = np.minimum(high, next_marked(rows.sessions, first + 1, none=rows.time.size))
    return high


_PEOPLE, _ROWS = 1 << 16, 1 << 22


class Chunk(NamedTuple):
    """Some people of a shard.

    Attributes
    ----------
    rows : tuple
        Their rows, as `NodeCodes.split` returns them.
    stop : np.ndarray
        The row after the last of each person, counted from the first of the chunk.
    time : pl.Series or None
        The time of each row.
    """

    rows: tuple[int, int, list[Ints]]
    stop: Ints
    time: pl.Series | None


class ShardChunks(NamedTuple):
    """The nodes of a shard, the person of each of its journeys, and its chunks."""

    nodes: NodeCodes
    person: Ints
    chunks: list[Chunk]


def split_shard(view: View, spec: FlowSpec, *, timed: bool) -> ShardChunks:
    """Read one shard, and cut it between people."""
    more = [] if view.whole else [pl.col("person")]
    if timed:
        more.append(pl.col("timestamp").to_physical().alias("time"))
    with ThreadPoolExecutor(1) as executor:
        # without a selection, the rows per person are known since the log was written
        known = executor.submit(view.bound_people) if view.whole else None
        nodes, table = read_nodes(view, spec.nodes, more=more)
    size = nodes.code.size
    if not size:
        return ShardChunks(nodes, np.empty(0, dtype=np.uint32), [])
    bounds = known.result() if known is not None else bound_people(table["person"].rechunk().to_numpy())
    stop = bounds.stop
    people = max(_PEOPLE, 4 * len(nodes.names.codes))
    pieces = max(1, -(-stop.size // people), -(-size // _ROWS))
    cuts = np.unique(np.searchsorted(stop, np.linspace(0, size, pieces + 1)[1:-1], side="left") + 1)
    places = [0, *cuts[cuts < stop.size].tolist(), stop.size]
    rows = nodes.split([0, *(int(stop[place - 1]) for place in places[1:])])
    time = table["time"] if timed else None
    chunks = [
        Chunk(part, stop[low:high] - part[0], None if time is None else time.slice(part[0], part[1] - part[0]))
        for low, high, part in zip(places, places[1:], rows, strict=False)
    ]
    return ShardChunks(nodes, bounds.code, chunks)
