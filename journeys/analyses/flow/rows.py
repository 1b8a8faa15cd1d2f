"""The rows of one shard that are nodes, as plain arrays, and where its people or sessions begin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.coding import read_nodes
from journeys.analyses.flow.nodes import REACHED, shown_name
from journeys.analyses.flow.spec import FlowSpec
from journeys.events import present_campaign_columns
from journeys.log import View
from journeys.log.expressions import starts_session
from journeys.steps import columns_used

__all__ = ["Rows", "read_rows", "taken"]

_START, _END, _CUT = "_start", "_end", "_cut"


class Rows(NamedTuple):
    """Nodes in log order.

    Attributes
    ----------
    person, time, code : np.ndarray
        Who, when (microseconds) and which node.
    labels : list of str
        The names of the nodes at their codes.
    begins : np.ndarray
        The first row of each person, or of each session where sessions are counted.
    starts, ends : np.ndarray or None
        The rows that are a start, or an end.
    sessions : np.ndarray or None
        The first row of each session, where journeys stop at its borders.
    bare : np.ndarray or None
        Marks the rows that are no nodes but where a journey begins or ends with them; None where there are none.
    """

    person: np.ndarray
    time: np.ndarray
    code: np.ndarray
    labels: list[str]
    begins: np.ndarray
    starts: np.ndarray | None
    ends: np.ndarray | None
    sessions: np.ndarray | None
    bare: np.ndarray | None = None


def read_rows(view: View, spec: FlowSpec, *, timed: bool = True) -> Rows:
    """Read one shard: only the columns that the question needs; without times all of them are 0."""
    anchors = [step for step in (spec.start, spec.end) if step is not None]
    view = view.with_people_columns(columns_used(anchors))
    more = [pl.col("person")]
    if timed:
        more.append(pl.col("timestamp").to_physical())
    if spec.per_session:
        more.append(session_cuts(spec, view.events.collect_schema()).alias(_CUT))
    more += [
        step.condition.fill_null(value=False).alias(name)
        for name, step in ((_START, spec.start), (_END, spec.end))
        if step is not None
    ]
    coded, table = read_nodes(view, spec.nodes, more=more)
    code, dictionary = coded.all(), coded.dictionary
    table = table.rechunk()
    person = table["person"].to_numpy()
    time = table["timestamp"].to_numpy() if timed else np.broadcast_to(np.int64(0), person.shape)
    marks = {name: table[name].to_numpy() for name in (_START, _END, _CUT) if name in table.columns}
    unnamed = code < 0 if code.dtype == np.int32 and code.size else None
    bare: np.ndarray | None = None
    if unnamed is not None and unnamed.any():
        code = code.copy()
        for name, step in ((_START, spec.start), (_END, spec.end)):
            if step is not None:
                # an anchor is always a node: where nothing else names it, its step does
                here = unnamed & marks[name] & (code < 0)
                if here.any():
                    code[here] = dictionary.code(shown_name(step.name))
        kept = code >= 0
        bare = unnamed[kept]
        bare = bare if bare.any() else None
        unit = np.cumsum(_begins(person, marks.get(_CUT)))[kept] if _CUT in marks else None
        person, time, code = person[kept], time[kept], code[kept]
        marks = {name: mark[kept] for name, mark in marks.items()}
        if unit is not None:
            marks[_CUT] = _changes(unit)
    if spec.apart:
        dictionary.code(REACHED)
    sessions = _rows_of(_begins(person, marks[_CUT])) if _CUT in marks else None
    return Rows(
        person=person,
        time=time,
        code=code,
        labels=dictionary.labels,
        begins=sessions if sessions is not None and spec.count == "sessions" else _rows_of(_changes(person)),
        starts=_rows_of(marks[_START]) if _START in marks else None,
        ends=_rows_of(marks[_END]) if _END in marks else None,
        sessions=sessions,
        bare=bare,
    )


def taken(rows: Rows, kept: np.ndarray) -> Rows:
    """Leave some rows only, by their numbers; where people and sessions begin is asked of all rows only."""
    ends = None
    if rows.ends is not None:
        marked = np.zeros(rows.code.size, dtype=bool)
        marked[rows.ends] = True
        ends = _rows_of(marked[kept])
    time, code, person = rows.time[kept], rows.code[kept], rows.person[kept]
    return rows._replace(time=time, code=code, person=person, ends=ends, bare=None)


def _rows_of(marked: np.ndarray) -> np.ndarray:
    return np.flatnonzero(marked).astype(row_type(marked.size))


def row_type(rows: int) -> type[np.int32 | np.int64]:
    """Choose the integers that number rows: half the memory is half the time."""
    return np.int32 if rows < 2**31 - 1 else np.int64


def session_cuts(spec: FlowSpec, schema: pl.Schema) -> pl.Expr:
    """Mark the first row of each session; a touch of another campaign starts one when asked."""
    campaign = present_campaign_columns(schema) if spec.campaign_cuts else []
    return starts_session(spec.gap, campaign_columns=campaign)


def _begins(person: np.ndarray, cut: np.ndarray | None) -> np.ndarray:
    new = _changes(person)
    return new if cut is None else new | cut


def _changes(values: np.ndarray) -> np.ndarray:
    new = np.empty(values.size, dtype=bool)
    if values.size:
        new[0] = True
        np.not_equal(values[1:], values[:-1], out=new[1:])
    return new
