"""The rows of a shard in chunks of whole people, so that plain flows are counted chunk by chunk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.rows import NodeCodes, read_nodes
from journeys.analyses.flow.spec import FlowSpec
from journeys.arrays import Ints, bound_people
from journeys.log import View

_PEOPLE, _ROWS = 1 << 16, 1 << 22


class Chunk(NamedTuple):
    """Some people of a shard.

    Attributes
    ----------
    rows : tuple
        Their rows, as `NodeCodes.split` returns them.
    stop : np.ndarray
        The row after the last of each person, counted from the first of the chunk.
    time : pl.Series or None
        The time of each row.
    """

    rows: tuple[int, int, list[Ints]]
    stop: Ints
    time: pl.Series | None


class ShardChunks(NamedTuple):
    """The nodes of a shard, the person of each of its journeys, and its chunks."""

    nodes: NodeCodes
    person: Ints
    chunks: list[Chunk]


def split_shard(view: View, spec: FlowSpec, *, timed: bool) -> ShardChunks:
    """Read one shard, and cut it between people."""
    more = [] if view.whole else [pl.col("person")]
    if timed:
        more.append(pl.col("timestamp").to_physical().alias("time"))
    with ThreadPoolExecutor(1) as executor:
        # without a selection, the rows per person are known since the log was written
        known = executor.submit(view.bound_people) if view.whole else None
        nodes, table = read_nodes(view, spec.nodes, more=more)
    size = nodes.code.size
    if not size:
        return ShardChunks(nodes, np.empty(0, dtype=np.uint32), [])
    bounds = known.result() if known is not None else bound_people(table["person"].rechunk().to_numpy())
    stop = bounds.stop
    people = max(_PEOPLE, 4 * len(nodes.names.codes))
    pieces = max(1, -(-stop.size // people), -(-size // _ROWS))
    cuts = np.unique(np.searchsorted(stop, np.linspace(0, size, pieces + 1)[1:-1], side="left") + 1)
    places = [0, *cuts[cuts < stop.size].tolist(), stop.size]
    rows = nodes.split([0, *(int(stop[place - 1]) for place in places[1:])])
    time = table["time"] if timed else None
    chunks = [
        Chunk(part, stop[low:high] - part[0], None if time is None else time.slice(part[0], part[1] - part[0]))
        for low, high, part in zip(places, places[1:], rows, strict=False)
    ]
    return ShardChunks(nodes, bounds.code, chunks)
