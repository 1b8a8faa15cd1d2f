"""The rows of a shard that a flow needs, each with its node, cut into the journeys that it follows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.spec import REACHED, FlowSpec, NodeSpec, quote_reserved
from journeys.analyses.name_patterns import matches_pattern
from journeys.arrays import (
    Bools,
    Ints,
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

_START, _END, _SESSION, _VALUE = "_start", "_end", "_session", "_value"
_ROUNDS = 64  # so many starts of one person are followed for all people at once


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
    hidden = code < 0 if code.dtype == np.int32 else None  # where nodes are events as they are, codes are unsigned
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


class NodeNames:
    """The names of nodes, numbered in the order in which they are first met; -1 stands for no node."""

    def __init__(self) -> None:
        self.codes: dict[str, int] = {}

    def encode(self, name: str | None) -> int:
        """Return the code of a name; -1 for None."""
        return -1 if name is None else self.codes.setdefault(name, len(self.codes))

    @property
    def labels(self) -> list[str]:
        """The names, in the order of their codes."""
        return list(self.codes)


class NodeCodes(NamedTuple):
    """The nodes of all rows of a shard, decoded chunk by chunk.

    Attributes
    ----------
    code : np.ndarray
        One code per row: that of its event, or already that of its node.
    lookup : np.ndarray or None
        The node of each event code; None where the codes are nodes.
    expanded : list of (event code, np.ndarray)
        Events that are split by a column, and the node of each of their rows.
    names : NodeNames
        The names of the nodes.
    """

    code: Ints
    lookup: Ints | None
    expanded: list[tuple[int, Ints]]
    names: NodeNames

    def split(self, bounds: Sequence[int]) -> Iterator[tuple[int, int, list[Ints]]]:
        """Cut the rows at the bounds: each chunk with its share of the expanded rows, ready for `decode`."""
        at = [0] * len(self.expanded)
        for low, high in pairwise(bounds):
            pieces = []
            for number, (event, nodes) in enumerate(self.expanded):
                size = int(np.count_nonzero(self.code[low:high] == event))
                pieces.append(nodes[at[number] : at[number] + size])
                at[number] += size
            yield low, high, pieces

    def decode(self, chunk: tuple[int, int, list[Ints]], *, dtype: np.dtype[Any]) -> Ints:
        """Return the nodes of a chunk of rows as integers of the given type."""
        low, high, pieces = chunk
        code = self.code[low:high]
        nodes: Ints = code.astype(dtype, copy=bool(pieces)) if self.lookup is None else self.lookup.take(code)
        nodes = nodes.astype(dtype, copy=False)
        for (event, _), piece in zip(self.expanded, pieces, strict=True):
            # writing by index is several times faster here than by mask
            nodes[np.flatnonzero(code == event)] = piece
        return nodes

    def decode_all(self) -> Ints:
        """Return the nodes of all rows."""
        if self.lookup is None and not self.expanded:
            return self.code
        return self.decode(next(self.split([0, self.code.size])), dtype=np.dtype(np.int32))


def read_nodes(view: View, spec: NodeSpec, *, more: Sequence[pl.Expr] = ()) -> tuple[NodeCodes, pl.DataFrame]:
    """Read the nodes of one shard, and the expressions `more` for each row."""
    event_names = list_events(view)
    wanted = [*more] if view.codes is not None else [pl.col("event").to_physical().alias("code"), *more]
    if not spec.is_event_based:
        source = pl.col(spec.source) if isinstance(spec.source, str) else spec.source
        wanted.append(source.cast(pl.String).alias(_VALUE))
    table = view.events.select(wanted).collect() if wanted else pl.DataFrame()
    code = table["code"].rechunk().to_numpy() if view.codes is None else view.event_codes()
    if not spec.is_event_based:
        codes = _encode_by_value(spec, event_names, code=code, values=table[_VALUE])
        return codes, table.drop("code", _VALUE, strict=False)
    names = NodeNames()
    node_of_event = [names.encode(spec.name_node(name, None, column=None)) for name in event_names]
    expanded = []
    for name, column in ((one, of) for one, of in spec.expand if one in event_names):
        # the column is read only for the rows of this event
        rows = view.events.filter(pl.col("event") == name)
        values = rows.select(pl.col(column).cast(pl.String)).collect().to_series()
        number, distinct = _encode_values(values)
        nodes = np.array([names.encode(spec.name_node(name, value, column=column)) for value in distinct], np.int32)
        expanded.append((event_names.index(name), nodes.take(number)))
    is_identity = node_of_event == list(range(len(node_of_event)))
    lookup = None if is_identity else np.array(node_of_event, dtype=np.int32)
    return NodeCodes(code, lookup, expanded, names), table.drop("code", strict=False)


def list_events(view: View) -> list[str]:
    """Return the event names of the log in the order of their codes."""
    dtype = view.schema["event"]
    return dtype.categories.to_list()  # type: ignore[attr-defined, no-any-return]


def _encode_by_value(spec: NodeSpec, event_names: Sequence[str], *, code: Ints, values: pl.Series) -> NodeCodes:
    """Encode nodes that are values of a column or expression.

    An event that is hidden or grouped by its own name has nodes of its own; all others share those of their values.
    """
    names = NodeNames()
    column = spec.source if isinstance(spec.source, str) else _VALUE
    number, distinct = _encode_values(values)

    def encode_one(event: str) -> Ints:
        return np.array([names.encode(spec.name_node(event, value, column=column)) for value in distinct], np.int32)

    patterns = [*spec.hide, *(pattern for _, those in spec.groups for pattern in those)]
    special = [
        place for place, name in enumerate(event_names) if any(matches_pattern(pattern, name) for pattern in patterns)
    ]
    others = next((name for place, name in enumerate(event_names) if place not in special), "")
    nodes = encode_one(others).take(number)
    for place in special:
        here = code == place
        nodes[here] = encode_one(event_names[place]).take(number[here])
    return NodeCodes(nodes, None, [], names)


def _encode_values(values: pl.Series) -> tuple[Ints, list[str | None]]:
    """Return a code per row, from 0, and the distinct values (null among them) in the order of their codes.

    For instance, b, a, b and null have the codes 0 1 0 2, and the distinct values are b, a and null.
    """
    categories = pl.Categories.random()
    coded = values.cast(pl.Categorical(categories))  # the categories are known only as long as this lives
    number, distinct = coded.to_physical(), categories.to_series().to_list()
    if values.null_count():
        number, distinct = number.fill_null(len(distinct)), [*distinct, None]
    return number.to_numpy(), distinct


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
