"""The path through the columns of a flow to its end that most journeys take."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.count import lay_columns
from journeys.analyses.flow.rows import cut_segments, read_rows
from journeys.analyses.flow.spec import OTHER, FoldedFlow
from journeys.analyses.protocol import JourneysProtocol
from journeys.log import View


class Path(NamedTuple):
    """A path as it is shown: the column of its first node, its nodes, and how many took all of it."""

    begins: int
    path: tuple[str, ...]
    people: int


def find_top_path(journeys: JourneysProtocol, flow: FoldedFlow) -> Path | None:
    """Find the path through the columns to the end that most took; None where no journey shown reaches it.

    A path without "(other)" is preferred: those under "(other)" may all have taken different paths.
    """
    if flow.spec.end is None or flow.spec.who == "dropped":
        return None
    counts = journeys._count_shards(_count_shown_paths, flow)
    # skip paths that start at the goal
    paths = counts.filter(pl.col("path").list.len() > 1).group_by("begins", "path").agg(pl.col("people").sum())
    paths = paths.with_columns(is_vague=pl.col("path").list.contains(OTHER), joined=pl.col("path").list.join("\x1f"))
    paths = paths.sort("is_vague", "people", "begins", "joined", descending=[False, True, False, False])
    if paths.is_empty():
        return None
    top = paths.row(0, named=True)
    return Path(top["begins"], tuple(top["path"]), top["people"])


def _count_shown_paths(view: View, flow: FoldedFlow) -> pl.DataFrame:
    """Count the paths, as they are shown, of the journeys that reach the end within the columns."""
    spec = flow.spec
    needs_times = replace(spec, times=False).needs_times
    rows, segments = cut_segments(read_rows(view, spec, timed=needs_times), spec)
    reaching = np.flatnonzero(segments.reached)
    place = np.full(segments.reached.size, -1, dtype=np.int64)
    place[reaching] = np.arange(reaching.size)
    # aligned at the end, every end is in the last column; from the start, only those of short journeys are shown
    is_complete = np.full(reaching.size, spec.align == "end")
    nodes = np.full((spec.steps, reaching.size), -1, dtype=np.int64)
    other = len(rows.labels)
    for column in lay_columns(rows, segments, spec):
        at = place[column.journeys]
        is_reaching = at >= 0
        kept = set(flow.kept[column.position])
        shown = np.array([n if label in kept else other for n, label in enumerate(rows.labels)] or [other])
        nodes[column.position, at[is_reaching]] = shown[column.code[is_reaching]]
        if spec.align == "start":
            is_complete[at[is_reaching & column.is_last]] = True
    names = [f"n{position}" for position in range(spec.steps)]
    counted = pl.DataFrame(dict(zip(names, nodes[:, is_complete], strict=True)), schema=dict.fromkeys(names, pl.Int64))
    counted = counted.group_by(names).agg(pl.len().cast(pl.Int64).alias("people"))
    labels = pl.Series([*rows.labels, OTHER], dtype=pl.String)
    columns = [labels.gather(counted[name].replace(-1, None)).alias(name) for name in names]
    paths = pl.DataFrame(columns).select(path=pl.concat_list(names).list.drop_nulls())
    # aligned at the end, short journeys begin in a later column
    begins = spec.steps - pl.col("path").list.len() if spec.align == "end" else pl.lit(0)
    return paths.select(begins.cast(pl.Int64).alias("begins"), "path", people=counted["people"])
