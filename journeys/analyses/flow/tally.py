"""Counting columns: how many go from which node of one to which of the next, and how long that takes."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.took import NO_TIMES, lay_times
from journeys.parallel import parallel_map

__all__ = ["SCHEMA", "Columns", "count_columns"]

SCHEMA: dict[str, pl.DataType] = {
    "position": pl.Int64(),
    "source": pl.String(),
    "target": pl.String(),
    "kind": pl.String(),
    "reached": pl.Boolean(),
    "people": pl.Int64(),
    "times": pl.List(pl.Int64()),
    "median": pl.Float64(),
    "mean": pl.Float64(),
}
_KINDS = pl.Series(["move", "drop", "continue"])
_CELLS, _MOST = 1 << 17, 1 << 20
_PART = 1 << 16


class Pairs(NamedTuple):
    """Nodes of one column and of the next that somebody goes between, by their numbers, and how many people do."""

    source: np.ndarray
    target: np.ndarray
    people: np.ndarray


class Columns(NamedTuple):
    """People in columns, each column with names of its own.

    Attributes
    ----------
    names : list of list of str
        The names of each column at their numbers.
    nodes : list of np.ndarray
        Where each person is in each column; the number after the last name is nowhere any more.
    stop : str
        What being nowhere any more is called.
    """

    names: list[list[str]]
    nodes: list[np.ndarray]
    stop: str


def count_columns(columns: Columns, took: list[np.ndarray] | None, spec: FlowSpec) -> pl.DataFrame:
    """Count the links between neighbouring columns; `took` has the times from each column to the next."""
    widths = [len(names) + 1 for names in columns.names]
    largest = max(a * b for a, b in pairwise(widths))
    counted = _dense(columns, widths) if largest <= _MOST else _sparse(columns, widths)
    offsets = np.append(0, np.cumsum(widths))
    labels = pl.Series([label for names in columns.names for label in (*names, columns.stop)], dtype=pl.String)

    alive = [pairs.source < width - 1 for pairs, width in zip(counted, widths, strict=False)]
    counted = [Pairs(*(one[here] for one in pairs)) for pairs, here in zip(counted, alive, strict=True)]
    sizes = [pairs.people.size for pairs in counted]
    position = np.repeat(np.arange(spec.steps), sizes)
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

    def times(place: int) -> pl.DataFrame:
        if took is None or place >= len(took):
            return pl.DataFrame([column.new_from_index(0, sizes[place]) for column in NO_TIMES])
        width = widths[place + 1]
        going = columns.nodes[place + 1] < width - 1
        key = columns.nodes[place][going].astype(np.int64) * width + columns.nodes[place + 1][going]
        rows = counted[place].source * width + counted[place].target
        return lay_times(rows, key, took[place][going], whole=spec.alone)

    return table.hstack(pl.concat(parallel_map(times, range(spec.steps))))


def _dense(columns: Columns, widths: list[int]) -> list[Pairs]:
    """Count each pair of columns in a table of all pairs of nodes; several columns at once where that stays small."""
    runs: list[list[int]] = []
    at = 0
    while at < len(widths) - 1:
        run = [at, at + 1]
        while run[-1] + 1 < len(widths) and math.prod(widths[place] for place in (*run, run[-1] + 1)) <= _CELLS:
            run.append(run[-1] + 1)
        runs.append(run)
        at = run[-1]

    def count(job: tuple[list[int], int]) -> list[np.ndarray]:
        run, low = job
        shape = [widths[place] for place in run]
        key = columns.nodes[run[0]][low : low + _PART].astype(np.int64)
        for place in run[1:]:
            key *= widths[place]
            key += columns.nodes[place][low : low + _PART]
        found = np.bincount(key, minlength=math.prod(shape)).reshape(shape)
        every = range(len(run))
        return [found.sum(axis=tuple(k for k in every if k not in (i, i + 1))) for i in every[:-1]]

    lows = range(0, columns.nodes[0].size, _PART)
    out: list[np.ndarray] = [np.zeros((a, b), dtype=np.int64) for a, b in pairwise(widths)]
    jobs = [(run, low) for run in runs for low in lows]
    for (run, _), found in zip(jobs, parallel_map(count, jobs), strict=True):
        for place, pairs in zip(run, found, strict=False):
            out[place] += pairs
    there = [np.nonzero(pairs) for pairs in out]
    return [Pairs(source, target, pairs[source, target]) for pairs, (source, target) in zip(out, there, strict=True)]


def _sparse(columns: Columns, widths: list[int]) -> list[Pairs]:
    """Count the pairs of nodes that occur, of very many that could."""
    out = []
    for place, width in enumerate(widths[1:]):
        key = columns.nodes[place].astype(np.int64) * width + columns.nodes[place + 1]
        found = pl.Series("key", key).value_counts(name="people").sort("key")
        key = found["key"].to_numpy()
        out.append(Pairs(key // width, key % width, found["people"].cast(pl.Int64).to_numpy()))
    return out
