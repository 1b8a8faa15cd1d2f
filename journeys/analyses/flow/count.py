"""One shard → counts of the links between columns; plain questions by a shorter way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.columns import SCHEMA, Columns, count_columns, lay_columns, measure_times
from journeys.analyses.flow.nodes import CONTINUES, DROP_OFF, OTHER, REACHED, NodeCodes
from journeys.analyses.flow.rows import Chunk, FlowRows, cut_segments, read_rows, split_shard
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summarise import choose_kept_nodes
from journeys.arrays import Bools, Ints, parallel_map
from journeys.log import View

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

    def number_place(place: int) -> Ints:
        if place == spec.steps:
            return goes_on.take(nodes[place])
        return nodes[place] if lookups is None else lookups[place].take(nodes[place])

    return Columns([*names, [CONTINUES]], parallel_map(number_place, range(len(nodes))), DROP_OFF)


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


_STOPS = (DROP_OFF, CONTINUES, REACHED)


class Moves(NamedTuple):
    """What some journeys do after one column.

    Attributes
    ----------
    position : int
        The column.
    journeys, source : np.ndarray
        The journeys, and their nodes in the column.
    target : np.ndarray
        Their next nodes; from `len(labels)` on they stop: drop-off, continues, reached.
    time : np.ndarray or None
        How long the moves take; None where journeys stop.
    """

    position: int
    journeys: Ints
    source: Ints
    target: Ints
    time: Ints | None


def count(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's links, separately for those who reach the end and those who do not."""
    if is_fast(spec):
        return count_fast(view, spec)
    rows = read_rows(view, spec, timed=spec.needs_times)
    _, reached, moves = list_moves(rows, spec)
    found, labels = list(moves), rows.labels
    if spec.single_shard and spec.top is not None and len(labels) > spec.top:
        found, labels = _fold_early(found, reached, labels, spec)
    size = len(labels) + len(_STOPS)
    frames = parallel_map(lambda one: _count_moves(one, reached, size=size, spec=spec), found)
    filled = [frame for frame in frames if frame.height]
    return _name_nodes(pl.concat(filled), labels=labels) if filled else pl.DataFrame(schema=SCHEMA)


def list_moves(rows: FlowRows, spec: FlowSpec) -> tuple[Ints, Bools, Iterator[Moves]]:
    """Lay the journeys out in columns: their people, whether they reach the end, and their moves."""
    rows, segments = cut_segments(rows, spec)
    people = rows.person[segments.low] if segments.low.size else rows.person[:0]
    columns = lay_columns(rows, segments, spec)
    drop_off = len(rows.labels)
    continues, reached = drop_off + 1, drop_off + 2

    def walk_forward() -> Iterator[Moves]:
        before: tuple[Ints, Ints] | None = None
        for column in columns:
            if before is not None:
                source, time = before
                yield Moves(column.position - 1, column.journeys, source, column.code, column.time - time)
            ending = column.journeys[column.is_last]
            stops = np.where(segments.reached[ending], reached, drop_off)
            yield Moves(column.position, ending, column.code[column.is_last], stops, None)
            going = ~column.is_last
            before = column.code[going], column.time[going]
            if column.position == spec.steps - 1:
                rest = column.journeys[going]
                yield Moves(column.position, rest, before[0], np.full(rest.size, continues), None)

    def walk_backward() -> Iterator[Moves]:
        after: tuple[Ints, Ints] | None = None
        for column in columns:
            if after is None:
                stops = np.where(segments.reached[column.journeys], reached, drop_off)
                yield Moves(column.position, column.journeys, column.code, stops, None)
            else:
                target, time = after
                yield Moves(column.position, column.journeys, column.code, target, time - column.time)
            going = ~column.is_last
            after = column.code[going], column.time[going]

    return people, segments.reached, walk_forward() if spec.align == "start" else walk_backward()


def _count_moves(moves: Moves, reached: Bools, *, size: int, spec: FlowSpec) -> pl.DataFrame:
    """Count equal moves of one column; the key packs source, target and whether the end is reached."""
    dtype = np.dtype(np.uint32 if 2 * size * size < 1 << 32 else np.uint64)
    has_reached = reached[moves.journeys]
    target_key = moves.target.astype(dtype) * dtype.type(2) + has_reached
    key = moves.source.astype(dtype) * dtype.type(2 * size) + target_key
    found = pl.Series("key", key).value_counts(name="people").sort("key")
    rows = found["key"].cast(pl.Int64).to_numpy()
    if moves.time is None or not spec.times:
        times = measure_times(rows, rows[:0], rows[:0], is_complete=True)
    elif spec.single_shard:
        # the times of a link are those of the journeys shown, whether or not they reach the end
        shown = slice(None) if spec.who == "all" else has_reached == (spec.who == "converted")
        link = (key[shown] >> dtype.type(1)).astype(np.int64)
        times = measure_times(rows >> 1, link, moves.time[shown], is_complete=True)
    else:
        times = measure_times(rows, key.astype(np.int64), moves.time, is_complete=False)
    table = pl.DataFrame(
        {
            "position": pl.repeat(moves.position, rows.size, dtype=pl.Int64, eager=True),
            "source": rows // (2 * size),
            "target": rows // 2 % size,
            "reached": rows % 2 == 1,
            "people": found["people"].cast(pl.Int64),
        }
    )
    return table.hstack(times)


def _name_nodes(counted: pl.DataFrame, *, labels: list[str]) -> pl.DataFrame:
    names = pl.Series([*labels, *_STOPS], dtype=pl.String)
    kinds = pl.Series(["move"] * len(labels) + ["drop", "continue", "reach"])
    named = counted.with_columns(
        source=names.gather(counted["source"]),
        target=names.gather(counted["target"]),
        kind=kinds.gather(counted["target"]),
    )
    return named.select(list(SCHEMA))


def _fold_early(found: list[Moves], reached: Bools, labels: list[str], spec: FlowSpec) -> tuple[list[Moves], list[str]]:
    """Fold small nodes before links are counted: of very many names, nearly all links would be counted in vain.

    Only where one shard is the whole log: which nodes are small is known of the whole only.
    """
    size = len(labels)
    names = pl.Series(labels, dtype=pl.String)
    frames = []
    for moves in found:
        is_end = moves.target == size + 2
        for kind, chosen in (("reach", is_end), ("move", ~is_end)):
            key = moves.source[chosen].astype(np.int64) * 2 + reached[moves.journeys[chosen]]
            people = np.bincount(key, minlength=2 * size)
            there = np.flatnonzero(people)
            frame = {"source": names.gather(there // 2), "reached": there % 2 == 1, "people": people[there]}
            frames.append(pl.DataFrame(frame).with_columns(kind=pl.lit(kind), position=pl.lit(moves.position)))
    counts = pl.concat(frames).cast({"people": pl.Int64, "position": pl.Int64})
    kept = choose_kept_nodes(counts, spec)
    shown = [*kept["node"].unique().sort(), OTHER]
    old_code = {label: code for code, label in enumerate(labels)}
    new_code = {name: code for code, name in enumerate(shown)}
    # by column: the new code of each node, and after the nodes those of the three ways to stop
    lookups = np.full((spec.steps + 1, size + len(_STOPS)), len(shown) - 1, dtype=np.int64)
    lookups[:, size:] = len(shown) + np.arange(len(_STOPS))
    for position, name in kept.rows():
        lookups[position, old_code[name]] = new_code[name]
    folded = [
        moves._replace(source=lookups[moves.position][moves.source], target=lookups[moves.position + 1][moves.target])
        for moves in found
    ]
    return folded, shown
