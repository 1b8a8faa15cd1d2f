"""The rows of one shard that are nodes, as arrays, and where its people and sessions begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.node_codes import read_nodes
from journeys.analyses.flow.nodes import REACHED, quote_reserved
from journeys.analyses.flow.spec import FlowSpec
from journeys.events import present_campaign_columns
from journeys.log import View
from journeys.log.arrays import Bools, Ints, mark_changes, number_runs, row_dtype
from journeys.log.expressions import starts_session
from journeys.steps import columns_used

_START, _END, _SESSION = "_start", "_end", "_session"


class Rows(NamedTuple):
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


def read_rows(view: View, spec: FlowSpec, *, timed: bool = True) -> Rows:
    """Read one shard: only the columns that the question needs; without `timed`, all times are 0."""
    anchors = [(name, step) for name, step in ((_START, spec.start), (_END, spec.end)) if step is not None]
    view = view.with_people_columns(columns_used([step for _, step in anchors]))
    more = [pl.col("person")]
    if timed:
        more.append(pl.col("timestamp").to_physical())
    if spec.needs_sessions:
        campaign = present_campaign_columns(view.schema) if spec.campaign_cuts else []
        more.append(starts_session(spec.gap, campaign_columns=campaign).alias(_SESSION))
    more += [step.condition.fill_null(value=False).alias(name) for name, step in anchors]
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
    return Rows(
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


def take_rows(rows: Rows, kept: Ints) -> Rows:
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
