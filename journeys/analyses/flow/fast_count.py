"""One shard → counts of the links of a plain flow: all people are laid out in columns at once."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.rows import NodeCodes
from journeys.analyses.flow.shard_chunks import Chunk, split_shard
from journeys.analyses.flow.spec import CONTINUES, DROP_OFF, OTHER, FlowSpec
from journeys.analyses.flow.summarise import COUNT_SCHEMA, choose_kept_nodes, measure_times
from journeys.arrays import Ints, parallel_map, skip_marked
from journeys.log import View

_KINDS = pl.Series(["move", "drop", "continue"])
_MAX_JOINT_CELLS, _MAX_CELLS = 1 << 17, 1 << 20
_PART = 1 << 16


def count_fast(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's links, as `count` does."""
    shard = split_shard(view, spec, timed=spec.times)
    labels = shard.nodes.names.labels
    if not shard.chunks:
        return pl.DataFrame(schema=COUNT_SCHEMA)
    laid = parallel_map(lambda chunk: _lay_chunk(shard.nodes, chunk, spec, stop=len(labels)), shard.chunks)
    nodes = [np.concatenate([one.nodes[place] for one in laid]) for place in range(spec.steps + 1)]
    durations = None
    if spec.times:
        durations = [np.concatenate([one.durations[place] for one in laid]) for place in range(spec.steps - 1)]
    names, nodes = _number_columns(nodes, labels, spec)
    return _count_columns(names, nodes, durations, spec)


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
    is_repeat = marked >= repeat_bit
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
            at[repeating] = skip_marked(is_repeat, at[repeating])
            here[repeating] = marked[at[repeating]]
        nodes[place] = here
        if place < spec.steps and spec.times:
            now = times.take(at, mode="clip")
            np.subtract(now, before, out=durations[place - 1])
            before = now
    return _LaidPeople(nodes, durations)


def _number_columns(nodes: list[Ints], labels: list[str], spec: FlowSpec) -> tuple[list[list[str]], list[Ints]]:
    """Number the nodes of each column from 0; where one shard is the whole log, small ones are folded first.

    Return the names in each column, and the nodes of all people there; the code after the last name means that a
    journey is over. In the column after the last, those who go on are at "(continues)".
    """
    size = len(labels)
    dtype = np.uint8 if size < 255 else np.uint16 if size < 65_535 else np.uint32
    goes_on = np.zeros(size + 1, dtype=dtype)  # after the last column: 0 goes on, 1 has left
    goes_on[size] = 1
    names = [labels] * spec.steps
    lookups: list[Ints] | None = None
    if spec.single_shard and spec.top is not None and size > spec.top:
        lookups, names = _fold_small(nodes[:-1], labels, spec, dtype=dtype)

    def number_place(place: int) -> Ints:
        if place == spec.steps:
            return goes_on.take(nodes[place])
        return nodes[place] if lookups is None else lookups[place].take(nodes[place])

    return [*names, [CONTINUES]], parallel_map(number_place, range(len(nodes)))


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


class Pairs(NamedTuple):
    """The pairs of nodes of two neighbouring columns that occur, and the people of each."""

    source: Ints
    target: Ints
    people: Ints


def _count_columns(
    names: list[list[str]], nodes: list[Ints], durations: list[Ints] | None, spec: FlowSpec
) -> pl.DataFrame:
    """Count the links between neighbouring columns; `durations` holds the times from each column to the next."""
    widths = [len(column) + 1 for column in names]
    is_dense = max(a * b for a, b in pairwise(widths)) <= _MAX_CELLS
    counted = _count_dense(nodes, widths) if is_dense else _count_sparse(nodes, widths)
    offsets = np.append(0, np.cumsum(widths))
    labels = pl.Series([name for column in names for name in (*column, DROP_OFF)], dtype=pl.String)
    # those who left before a column are not counted there
    counted = [
        Pairs(*(values[pairs.source < width - 1] for values in pairs))
        for pairs, width in zip(counted, widths, strict=False)
    ]
    position = np.repeat(np.arange(spec.steps), [pairs.people.size for pairs in counted])
    stops = np.concatenate([pairs.target == width - 1 for pairs, width in zip(counted, widths[1:], strict=True)])
    table = pl.DataFrame(
        {
            "position": position,
            "source": labels.gather(np.concatenate([pairs.source for pairs in counted]) + offsets[position]),
            "target": labels.gather(np.concatenate([pairs.target for pairs in counted]) + offsets[position + 1]),
            "kind": _KINDS.gather(np.where(stops, 1, np.where(position == spec.steps - 1, 2, 0))),
            "reached": pl.repeat(value=False, n=position.size, eager=True),
            "people": np.concatenate([pairs.people for pairs in counted]),
        }
    )

    def measure_place(place: int) -> pl.DataFrame:
        width = widths[place + 1]
        rows = counted[place].source.astype(np.int64) * width + counted[place].target
        if durations is None or place >= len(durations):
            return measure_times(rows, rows[:0], rows[:0], is_complete=True)
        moves = np.flatnonzero(nodes[place + 1] < width - 1)
        key = nodes[place][moves].astype(np.int64) * width + nodes[place + 1][moves]
        return measure_times(rows, key, durations[place][moves], is_complete=spec.single_shard)

    return table.hstack(pl.concat([measure_place(place) for place in range(spec.steps)]))


def _count_dense(nodes: list[Ints], widths: list[int]) -> list[Pairs]:
    """Count pairs of columns in tables of all pairs of nodes; runs of columns at once while the table stays small.

    For instance, three columns of 3, 3 and 2 nodes are counted in one table of 18 cells, which summed over its last
    axis has the 9 pairs of the first two columns, and over its first axis the 6 pairs of the last two.
    """
    runs: list[list[int]] = []
    at = 0
    while at < len(widths) - 1:
        run = [at, at + 1]
        while run[-1] + 1 < len(widths) and math.prod(widths[c] for c in (*run, run[-1] + 1)) <= _MAX_JOINT_CELLS:
            run.append(run[-1] + 1)
        runs.append(run)
        at = run[-1]

    def count_place(job: tuple[list[int], int]) -> list[Ints]:
        run, low = job
        shape = [widths[place] for place in run]
        key = nodes[run[0]][low : low + _PART].astype(np.int64)
        for place in run[1:]:
            key *= widths[place]
            key += nodes[place][low : low + _PART]
        found = np.bincount(key, minlength=math.prod(shape)).reshape(shape)
        axes = range(len(run))
        return [found.sum(axis=tuple(k for k in axes if k not in (i, i + 1))) for i in axes[:-1]]

    totals: list[Ints] = [np.zeros((a, b), dtype=np.int64) for a, b in pairwise(widths)]
    jobs = [(run, low) for run in runs for low in range(0, nodes[0].size, _PART)]
    for (run, _), found in zip(jobs, parallel_map(count_place, jobs), strict=True):
        for place, pairs in zip(run, found, strict=False):
            totals[place] += pairs
    filled = [np.nonzero(pairs) for pairs in totals]
    return [
        Pairs(source, target, pairs[source, target]) for pairs, (source, target) in zip(totals, filled, strict=True)
    ]


def _count_sparse(nodes: list[Ints], widths: list[int]) -> list[Pairs]:
    """Count the pairs of nodes that occur, where there could be very many."""
    counted = []
    for place, width in enumerate(widths[1:]):
        key = nodes[place].astype(np.int64) * width + nodes[place + 1]
        found = pl.Series("key", key).value_counts(name="people").sort("key")
        key = found["key"].to_numpy()
        counted.append(Pairs(key // width, key % width, found["people"].cast(pl.Int64).to_numpy()))
    return counted
