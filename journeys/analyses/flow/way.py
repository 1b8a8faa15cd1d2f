"""The way to the end that most go whole: no link of it is lent from others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import cut_attempts
from journeys.analyses.flow.nodes import OTHER
from journeys.analyses.flow.rows import read_rows
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.walk import walk
from journeys.analyses.protocol import JourneysProtocol
from journeys.log import View

__all__ = ["Way", "most_travelled"]


class Way(NamedTuple):
    """A way as it is shown: the column of its first node, its nodes, and how many went all of it."""

    begins: int
    path: tuple[str, ...]
    people: int


@dataclass(frozen=True, slots=True, eq=False)
class WaySpec:
    """A flow, and the nodes that keep their name in each of its columns."""

    spec: FlowSpec
    kept: tuple[tuple[str, ...], ...]


def most_travelled(journeys: JourneysProtocol, spec: FlowSpec, *, kept: tuple[tuple[str, ...], ...]) -> Way | None:
    """Find the way through the columns to the end that most went; None where nobody is shown to get there.

    A way of named nodes only is preferred: those under "(other)" may all have gone different ways.
    """
    if spec.end is None or spec.who == "dropped":
        return None
    counts = journeys._count_shards(count_ways, WaySpec(spec, kept))
    # Who begins with the end has gone no way.
    ways = counts.filter(pl.col("way").list.len() > 1).group_by("begins", "way").agg(pl.col("people").sum())
    ways = ways.with_columns(vague=pl.col("way").list.contains(OTHER), name=pl.col("way").list.join("\x1f"))
    order = ["vague", "people", "begins", "name"]
    ways = ways.sort(order, descending=[False, True, False, False])
    if ways.is_empty():
        return None
    row = ways.row(0, named=True)
    return Way(row["begins"], tuple(row["way"]), row["people"])


def count_ways(view: View, asked: WaySpec) -> pl.DataFrame:
    """Count the ways, as they are shown, of those who get to the end inside the columns."""
    spec = asked.spec
    rows, attempts = cut_attempts(read_rows(view, spec), spec)
    there = np.flatnonzero(attempts.reached)
    place = np.full(attempts.reached.size, -1, dtype=np.int64)
    place[there] = np.arange(there.size)
    # Aligned at the end, everybody's end is in the last column; from the start, only that of short journeys.
    ended = np.full(there.size, spec.align == "end")
    nodes = np.full((spec.steps, there.size), -1, dtype=np.int64)
    rest = len(rows.labels)
    for column in walk(rows, attempts, spec):
        here = place[column.journeys]
        ours = here >= 0
        inside = set(asked.kept[column.position])
        shown = np.array([n if label in inside else rest for n, label in enumerate(rows.labels)] or [rest])
        nodes[column.position, here[ours]] = shown[column.code[ours]]
        if spec.align == "start":
            ended[here[ours & column.last]] = True
    names = [f"n{position}" for position in range(spec.steps)]
    counted = pl.DataFrame(dict(zip(names, nodes[:, ended], strict=True)), schema=dict.fromkeys(names, pl.Int64))
    counted = counted.group_by(names).agg(pl.len().cast(pl.Int64).alias("people"))
    labels = pl.Series([*rows.labels, OTHER], dtype=pl.String)
    columns = [labels.gather(counted[name].replace(-1, None)).alias(name) for name in names]
    ways = pl.DataFrame(columns).select(way=pl.concat_list(names).list.drop_nulls())
    # Aligned at the end, short journeys begin in a later column.
    begins = spec.steps - pl.col("way").list.len() if spec.align == "end" else pl.lit(0)
    return ways.select(begins.cast(pl.Int64).alias("begins"), "way", people=counted["people"])
