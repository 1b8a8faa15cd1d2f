"""The fast way to count a flow of whole people from first touch forward: chunk by chunk, on all cores.

Its counts equal those of the general way (`count.py`). Most flows are counted here; only the rows that come into the
columns shown are visited.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.column_counts import SCHEMA, Columns, count_columns
from journeys.analyses.flow.node_codes import NodeCodes
from journeys.analyses.flow.nodes import CONTINUES, DROP_OFF, OTHER
from journeys.analyses.flow.shard_chunks import Chunk, split_shard
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summarise import choose_kept_nodes
from journeys.log import View
from journeys.log.arrays import Ints
from journeys.parallel import parallel_map

_ROUNDS = 16


def is_fast(spec: FlowSpec) -> bool:
    """Return whether a flow can be counted the fast way."""
    counts_whole_people = spec.start is None and spec.end is None and not spec.is_limited and spec.count == "people"
    is_laid_plainly = spec.collapse in ("none", "repeats") and spec.keep == "first" and spec.align == "start"
    return counts_whole_people and is_laid_plainly and spec.nodes.is_event_based and not spec.nodes.hide


def count_fast(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's links."""
    shard = split_shard(view, spec, timed=spec.times)
    labels = shard.nodes.names.labels
    if not shard.chunks:
        return pl.DataFrame(schema=SCHEMA)
    laid = parallel_map(lambda chunk: _lay_chunk(shard.nodes, chunk, spec, stop=len(labels)), shard.chunks)
    nodes = [np.concatenate([one.nodes[place] for one in laid]) for place in range(spec.steps + 1)]
    durations = None
    if spec.times:
        durations = [np.concatenate([one.durations[place] for one in laid]) for place in range(spec.steps - 1)]
    return count_columns(_number_columns(nodes, labels, spec), durations, spec)


class _LaidPeople(NamedTuple):
    """Some people laid out in columns: the node of each in each column, and the time from each column to the next."""

    nodes: Ints
    durations: Ints


def _lay_chunk(codes: NodeCodes, chunk: Chunk, spec: FlowSpec, *, stop: int) -> _LaidPeople:
    """Lay all people of a chunk out in columns at once.

    One number per row holds all that the walk needs: the node; the highest bit where the row repeats the one before
    it; and `stop` in the first row of a person, so that the walk of the person before ends there. For instance, of the
    people A A B and C, with nodes 0 1 2 and stop 3:

        node     0    0          1   2   (end)
        marked   3    0|repeat   1   3   3
    """
    dtype = np.dtype(np.uint8 if stop < 1 << 7 else np.uint16 if stop < 1 << 15 else np.uint32)
    code = codes.decode(chunk.rows, dtype=dtype)
    repeat_bit = dtype.type(1 << (8 * dtype.itemsize - 1))
    stop_code = dtype.type(stop)
    at = np.append(0, chunk.stop[:-1])
    marked = np.empty(code.size + 1, dtype=dtype)
    marked[0] = 0
    if spec.collapse == "repeats":
        np.multiply(code[1:] == code[:-1], repeat_bit, out=marked[1:-1])
        np.bitwise_or(marked[1:-1], code[1:], out=marked[1:-1])
    else:
        marked[:-1] = code
    here = code[at]
    marked[at] = stop_code
    marked[-1] = stop_code
    nodes = np.empty((spec.steps + 1, at.size), dtype=dtype)
    durations = np.empty((spec.steps - 1 if spec.times else 0, at.size), dtype=np.int64)
    times = chunk.time.to_numpy() if chunk.time is not None else np.empty(0, dtype=np.int64)
    before = times.take(at) if spec.times else times
    nodes[0] = here
    for place in range(1, spec.steps + 1):
        at += 1
        has_left = here == stop_code
        here = marked.take(at, mode="clip")
        # those who have left walk on through rows of others, whose nodes they must not get
        np.putmask(here, has_left, stop_code)
        repeating = np.flatnonzero(here >= repeat_bit)
        if repeating.size:
            _skip_repeats(marked, at, here, repeating, repeat_bit=repeat_bit)
        nodes[place] = here
        if place < spec.steps and spec.times:
            now = times.take(at, mode="clip")
            np.subtract(now, before, out=durations[place - 1])
            before = now
    return _LaidPeople(nodes, durations)


def _skip_repeats(marked: Ints, at: Ints, here: Ints, repeating: Ints, *, repeat_bit: int) -> None:
    """Move those who stand on a repeat to the next row that is none: row by row at first, then by looking it up."""
    for _ in range(_ROUNDS):
        ahead = at[repeating] + 1
        found = marked[ahead]
        at[repeating], here[repeating] = ahead, found
        repeating = repeating[found >= repeat_bit]
        if not repeating.size:
            return
    run_starts = np.flatnonzero(marked < repeat_bit)
    ahead = run_starts[np.searchsorted(run_starts, at[repeating])]
    at[repeating], here[repeating] = ahead, marked[ahead]


def _number_columns(nodes: list[Ints], labels: list[str], spec: FlowSpec) -> Columns:
    """Number the nodes of each column on their own; where one shard is the whole log, small ones are folded first."""
    size = len(labels)
    dtype = np.uint8 if size < 255 else np.uint16 if size < 65_535 else np.uint32
    goes_on = np.zeros(size + 1, dtype=dtype)  # after the last column: 0 goes on, 1 has left
    goes_on[size] = 1
    names = [labels] * spec.steps
    lookups: list[Ints] | None = None
    if spec.single_shard and spec.top is not None and size > spec.top:
        lookups, names = _fold_small(nodes[:-1], labels, spec, dtype=dtype)

    def number(place: int) -> Ints:
        if place == spec.steps:
            return goes_on.take(nodes[place])
        return nodes[place] if lookups is None else lookups[place].take(nodes[place])

    return Columns([*names, [CONTINUES]], parallel_map(number, range(len(nodes))), DROP_OFF)


def _fold_small(
    nodes: list[Ints], labels: list[str], spec: FlowSpec, *, dtype: type[np.unsignedinteger]
) -> tuple[list[Ints], list[list[str]]]:
    """Choose the nodes that keep their name in each column: a lookup from node to its code there, and the names."""
    size, top = len(labels), spec.top or len(labels)
    people = parallel_map(lambda column: np.bincount(column, minlength=size + 1)[:size], nodes)
    # only the nodes that can be among the largest are ranked by name
    candidates = [np.flatnonzero(counts >= max(1, np.partition(counts, -top)[-top])) for counts in people]
    names = pl.Series("source", labels, dtype=pl.String)
    counts = pl.DataFrame(
        {
            "position": np.repeat(np.arange(len(nodes)), [one.size for one in candidates]),
            "source": names.gather(np.concatenate(candidates)),
            "people": np.concatenate([counts[one] for counts, one in zip(people, candidates, strict=True)]),
        }
    ).with_columns(kind=pl.lit("move"), reached=pl.lit(value=False))
    kept = choose_kept_nodes(counts, spec)
    code_of = {label: code for code, label in enumerate(labels)}
    lookups, shown = [], []
    for place in range(len(nodes)):
        own = kept.filter(position=place)["node"].to_list()
        lookup = np.full(size + 1, len(own), dtype=dtype)
        lookup[[code_of[name] for name in own]] = np.arange(len(own))
        lookup[size] = len(own) + 1
        lookups.append(lookup)
        shown.append([*own, OTHER])
    return lookups, shown
