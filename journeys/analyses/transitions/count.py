"""One shard → how often each node follows directly on each other node."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import DROP_OFF, REACHED
from journeys.analyses.flow.paths import CollapsedJourneys, collapse_journeys
from journeys.analyses.flow.spec import FlowSpec
from journeys.log import View
from journeys.log.arrays import Ints
from journeys.parallel import parallel_map

STOPS = (DROP_OFF, REACHED)
SCHEMA: dict[str, pl.DataType] = {
    "source": pl.String(),
    "target": pl.String(),
    "moves": pl.Int64(),
    "times": pl.List(pl.Int64()),
}
_NO_TIMES = pl.lit([], dtype=pl.List(pl.Int64)).alias("times")
_MAX_CELLS, _PART = 1 << 20, 1 << 18


def count(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's transitions; a journey's last node is followed by one of two ways to stop."""
    journeys = collapse_journeys(view, spec, with_times=spec.times, with_duration=False)
    size = len(journeys.labels)
    if not journeys.code.size:
        return pl.DataFrame(schema=SCHEMA)
    if not spec.times and size * (size + 2) <= _MAX_CELLS:
        return _name_nodes(_count_dense(journeys, size=size), labels=journeys.labels)
    target = np.append(journeys.code[1:], 0).astype(np.int64)
    target[journeys.last] = size + journeys.reached
    table = pl.DataFrame({"key": journeys.code.astype(np.int64) * (size + 2) + target})
    if journeys.time is None or not spec.times:
        counted = table.group_by("key").agg(pl.len().alias("moves")).with_columns(_NO_TIMES)
    else:
        is_move = pl.col("key") % (size + 2) < size
        timed = table.with_columns(times=np.append(np.diff(journeys.time), 0))
        counted = timed.group_by("key").agg(pl.len().alias("moves"), pl.col("times").filter(is_move))
    return _name_nodes(counted, labels=journeys.labels)


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


def _name_nodes(counted: pl.DataFrame, *, labels: list[str]) -> pl.DataFrame:
    width = len(labels) + len(STOPS)
    names = pl.Series([*labels, *STOPS], dtype=pl.String)
    key = counted["key"].cast(pl.Int64)
    return pl.DataFrame(
        {
            "source": names.gather(key // width),
            "target": names.gather(key % width),
            "moves": counted["moves"].cast(pl.Int64),
            "times": counted["times"].cast(pl.List(pl.Int64)),
        },
        schema=SCHEMA,
    )
