"""One shard → how often each node follows directly on each other node, and how many people make one such move."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.collapsed_journeys import CollapsedJourneys, collapse_journeys
from journeys.analyses.flow.spec import DROP_OFF, REACHED, FlowSpec
from journeys.arrays import Ints, parallel_map
from journeys.log import View

STOPS = (DROP_OFF, REACHED)
SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),
    "target": pl.String(),
    "moves": pl.Int64(),
    "times": pl.List(pl.Int64()),
    "longest": pl.Int64(),
}
_NO_TIMES = pl.lit([], dtype=pl.List(pl.Int64)).alias("times")
_MAX_CELLS, _PART = 1 << 20, 1 << 18


class Move(NamedTuple):
    """A transition of a flow."""

    spec: FlowSpec
    source: str
    target: str


def count_people_moving(view: View, move: Move) -> pl.DataFrame:
    """Count the people of one shard who make one move at least once."""
    journeys = collapse_journeys(view, move.spec, with_times=False, with_duration=False)
    names = pl.Series(journeys.labels, dtype=pl.String)
    is_source, is_target = ((names == name).to_numpy()[journeys.code] for name in (move.source, move.target))
    is_move = is_source[:-1] & is_target[1:]
    is_move[journeys.last[:-1]] = False
    person = np.repeat(journeys.person, journeys.row_counts)[:-1]
    return pl.DataFrame({"people": [np.unique(person[is_move]).size]})


def count(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's transitions; a journey's last node is followed by one of two ways to stop.

    `longest` is the same in all rows: how many nodes the person with most of them has.
    """
    journeys = collapse_journeys(view, spec, with_times=spec.times, with_duration=False)
    size = len(journeys.labels)
    if not journeys.code.size:
        return pl.DataFrame(schema=SCHEMA)
    if not spec.times and size * (size + 2) <= _MAX_CELLS:
        return _name_nodes(_count_dense(journeys, size=size), journeys)
    target = np.append(journeys.code[1:], 0).astype(np.int64)
    target[journeys.last] = size + journeys.reached
    table = pl.DataFrame({"key": journeys.code.astype(np.int64) * (size + 2) + target})
    if journeys.time is None or not spec.times:
        counted = table.group_by("key").agg(pl.len().alias("moves")).with_columns(_NO_TIMES)
    else:
        is_move = pl.col("key") % (size + 2) < size
        timed = table.with_columns(times=np.append(np.diff(journeys.time), 0))
        counted = timed.group_by("key").agg(pl.len().alias("moves"), pl.col("times").filter(is_move))
    return _name_nodes(counted, journeys)


def _count_dense(journeys: CollapsedJourneys, *, size: int) -> pl.DataFrame:
    """Count all pairs of neighbours in parts, then correct the pairs of two journeys.

    For instance, of the journeys A B and C, the neighbours are A→B, B→C; B→C is taken back, B→stop and C→stop added.
    """
    width = size + 2

    def count_pairs(source: Ints, target: Ints) -> Ints:
        key = source.astype(np.int64)
        key *= width
        key += target
        return np.bincount(key, minlength=size * width)

    def count_part(low: int) -> Ints:
        target = journeys.code[low + 1 : low + _PART + 1]
        return count_pairs(journeys.code[low : low + target.size], target)

    moves = np.zeros(size * width, dtype=np.int64)
    for found in parallel_map(count_part, range(0, journeys.code.size, _PART)):
        moves += found
    last = journeys.last
    moves -= count_pairs(journeys.code[last[:-1]], journeys.code[journeys.low[1:]])
    moves += count_pairs(journeys.code[last], size + journeys.reached)
    there = np.flatnonzero(moves)
    return pl.DataFrame({"key": there, "moves": moves[there]}).with_columns(_NO_TIMES)


def _name_nodes(counted: pl.DataFrame, journeys: CollapsedJourneys) -> pl.DataFrame:
    """Replace the keys of moves (source * width + target) by the names of both nodes."""
    width = len(journeys.labels) + len(STOPS)
    names = pl.Series([*journeys.labels, *STOPS], dtype=pl.String)
    longest = int(np.bincount(journeys.person, weights=journeys.row_counts).max())
    key = counted["key"].cast(pl.Int64)
    return pl.DataFrame(
        {
            "source": names.gather(key // width),
            "target": names.gather(key % width),
            "moves": counted["moves"].cast(pl.Int64),
            "times": counted["times"].cast(pl.List(pl.Int64)),
            "longest": pl.Series([longest], dtype=pl.Int64).new_from_index(0, counted.height),
        },
        schema=SCHEMA,
    )
