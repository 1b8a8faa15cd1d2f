"""The plain flow, from first touch forward, people being counted: read what is needed, part by part, on all cores.

It means what the general way (`links.py`) means, and is held against the same plain loops. It serves where journeys
are whole people, which is what most flows ask for: nobody's rows are looked at beyond the columns that are shown.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.coding import Coded
from journeys.analyses.flow.nodes import CONTINUES, DROP, OTHER
from journeys.analyses.flow.parts import Part, parts_of
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summary import kept_nodes
from journeys.analyses.flow.tally import SCHEMA, Columns, count_columns
from journeys.log import View
from journeys.parallel import parallel_map

__all__ = ["is_plain", "plain_links"]

_PATIENCE = 16


def is_plain(spec: FlowSpec) -> bool:
    """Ask whether a flow is plain enough to be counted so."""
    own = spec.start is None and spec.end is None and not spec.limited and spec.count == "people"
    laid = spec.collapse in (0, 1) and spec.keep == "first" and spec.align == "start"
    return own and laid and spec.nodes.by_event and not spec.nodes.hide


def plain_links(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's links."""
    parts = parts_of(view, spec, timed=spec.times)
    labels = parts.coded.dictionary.labels
    if not parts.jobs:
        return pl.DataFrame(schema=SCHEMA)
    laid = parallel_map(lambda job: _lay(parts.coded, job, spec, end=len(labels)), parts.jobs)
    nodes = [np.concatenate([one.nodes[place] for one in laid]) for place in range(spec.steps + 1)]
    took = (
        [np.concatenate([one.took[place] for one in laid]) for place in range(spec.steps - 1)] if spec.times else None
    )
    return count_columns(_fold(nodes, labels, spec), took, spec)


class _Laid(NamedTuple):
    """Some people in columns: the node of each in each, `end` where there is none, and what the way there took."""

    nodes: np.ndarray
    took: np.ndarray


def _lay(coded: Coded, part: Part, spec: FlowSpec, *, end: int) -> _Laid:
    """Go through the columns with all people of a part at once.

    One number a row says all: its node, whether it repeats the row before it (the highest bit), and at the first row
    of the next person `end`, so that one look at a row is enough.
    """
    kind = np.dtype(np.uint8 if end < 1 << 7 else np.uint16 if end < 1 << 15 else np.uint32)
    code = coded.whole(part.rows, kind=kind)
    repeated = kind.type(1 << (8 * kind.itemsize - 1))
    stop = kind.type(end)
    at = np.append(0, part.high[:-1])
    marked = np.empty(code.size + 1, dtype=kind)
    marked[0] = 0
    if spec.collapse:
        np.multiply(code[1:] == code[:-1], repeated, out=marked[1:-1])
        np.bitwise_or(marked[1:-1], code[1:], out=marked[1:-1])
    else:
        marked[:-1] = code
    here = code[at]
    marked[at] = stop
    marked[-1] = stop
    nodes = np.empty((spec.steps + 1, at.size), dtype=kind)
    took = np.empty((spec.steps - 1 if spec.times else 0, at.size), dtype=np.int64)
    times = part.time.to_numpy() if part.time is not None else np.empty(0, dtype=np.int64)
    before = times.take(at) if spec.times else times
    nodes[0] = here
    for place in range(1, spec.steps + 1):
        at += 1
        gone = here == stop
        here = marked.take(at, mode="clip")
        # who has left already is led on through rows of others, and must not see them
        np.putmask(here, gone, stop)
        again = np.flatnonzero(here >= repeated)
        if again.size:
            _pass_repeats(marked, at, here, again, repeated=repeated)
        nodes[place] = here
        if place < spec.steps and spec.times:
            now = times.take(at, mode="clip")
            np.subtract(now, before, out=took[place - 1])
            before = now
    return _Laid(nodes, took)


def _pass_repeats(marked: np.ndarray, at: np.ndarray, here: np.ndarray, again: np.ndarray, *, repeated: int) -> None:
    """Lead those who stand on a repeat on to the next row that is none."""
    for _ in range(_PATIENCE):
        ahead = at[again] + 1
        seen = marked[ahead]
        at[again], here[again] = ahead, seen
        again = again[seen >= repeated]
        if not again.size:
            return
    # a few very long runs: look their ends up instead of going row by row
    borders = np.flatnonzero(marked < repeated)
    ahead = borders[np.searchsorted(borders, at[again])]
    at[again], here[again] = ahead, marked[ahead]


def _fold(nodes: list[np.ndarray], labels: list[str], spec: FlowSpec) -> Columns:
    """Number the nodes of each column by themselves; where one shard is the whole log, small ones are folded first."""
    size = len(labels)
    kind = np.uint8 if size < 255 else np.uint16 if size < 65_535 else np.uint32
    beyond = np.zeros(size + 1, dtype=kind)
    beyond[size] = 1
    shown = [labels] * spec.steps
    small = spec.alone and spec.top is not None and size > spec.top
    tables: list[np.ndarray] | None = None
    if small:
        tables, shown = _tables(nodes[:-1], labels, spec, kind=kind)
        tables.append(beyond)

    def number(place: int) -> np.ndarray:
        if place == spec.steps:
            return beyond.take(nodes[place])
        folded: np.ndarray = nodes[place] if tables is None else tables[place].take(nodes[place])
        return folded

    return Columns([*shown, [CONTINUES]], parallel_map(number, range(len(nodes))), DROP)


def _tables(
    nodes: list[np.ndarray], labels: list[str], spec: FlowSpec, *, kind: type[np.unsignedinteger]
) -> tuple[list[np.ndarray], list[list[str]]]:
    size, top = len(labels), spec.top or len(labels)
    people = parallel_map(lambda column: np.bincount(column, minlength=size + 1)[:size], nodes)
    # names are compared among those only that may be among the largest
    there = [np.flatnonzero(counts >= max(1, np.partition(counts, -top)[-top])) for counts in people]
    names = pl.Series("source", labels, dtype=pl.String)
    counts = pl.DataFrame(
        {
            "position": np.repeat(np.arange(len(nodes)), [one.size for one in there]),
            "source": names.gather(np.concatenate(there)),
            "people": np.concatenate([counts[one] for counts, one in zip(people, there, strict=True)]),
        }
    ).with_columns(kind=pl.lit("move"), reached=pl.lit(value=False))
    kept = kept_nodes(counts, spec)
    numbers = {label: number for number, label in enumerate(labels)}
    tables, shown = [], []
    for place in range(len(nodes)):
        own = kept.filter(position=place)["node"].to_list()
        table = np.full(size + 1, len(own), dtype=kind)
        table[[numbers[name] for name in own]] = np.arange(len(own))
        table[size] = len(own) + 1
        tables.append(table)
        shown.append([*own, OTHER])
    return tables, shown
