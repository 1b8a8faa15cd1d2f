"""One shard → how many journeys go from which node of a column to which node of the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.column_counts import SCHEMA, measure_times
from journeys.analyses.flow.columns import lay_columns
from journeys.analyses.flow.fast_count import count_fast, is_fast
from journeys.analyses.flow.nodes import CONTINUES, DROP_OFF, OTHER, REACHED
from journeys.analyses.flow.rows import Rows, read_rows
from journeys.analyses.flow.segments import cut_segments
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summarise import choose_kept_nodes
from journeys.log import View
from journeys.log.arrays import Bools, Ints
from journeys.parallel import parallel_map

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


def list_moves(rows: Rows, spec: FlowSpec) -> tuple[Ints, Bools, Iterator[Moves]]:
    """Lay the journeys out in columns: their people, whether they reach the end, and their moves."""
    rows, segments = cut_segments(rows, spec)
    people = rows.person[segments.low] if segments.low.size else rows.person[:0]
    columns = lay_columns(rows, segments, spec)
    drop_off = len(rows.labels)
    continues, reached = drop_off + 1, drop_off + 2

    def forward() -> Iterator[Moves]:
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

    def backward() -> Iterator[Moves]:
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

    return people, segments.reached, forward() if spec.align == "start" else backward()


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
