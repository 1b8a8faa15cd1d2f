"""The columns of a flow, laid out row by row, and the counts and times of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.nodes import REACHED
from journeys.analyses.flow.rows import FlowRows, Segments, take_rows
from journeys.analyses.flow.spec import FlowSpec
from journeys.arrays import Bools, Ints, list_rows, mark_changes, parallel_map, skip_marked


class Column(NamedTuple):
    """One column of a flow.

    Attributes
    ----------
    position : int
        0 for the first column.
    journeys : np.ndarray
        The journeys that have a node here.
    code, time : np.ndarray
        Their nodes, and when they were there.
    is_last : np.ndarray
        Whether the journey has no further node (aligned at the end: no earlier one).
    """

    position: int
    journeys: Ints
    code: Ints
    time: Ints
    is_last: Bools


def lay_columns(rows: FlowRows, segments: Segments, spec: FlowSpec) -> Iterator[Column]:
    """Go through the columns: forward from the first, or aligned at the end backward from the last.

    For instance, of a journey A A B and one C:

        column 0   journeys 0 1, nodes A C, is_last False True
        column 1   journey  0,   node  B,   is_last True
    """
    rows, segments = keep_first_visits(rows, segments, spec)
    forward = spec.align == "start"
    journeys = np.arange(segments.low.size, dtype=segments.low.dtype)
    at, limit = (segments.low, segments.high) if forward else (segments.high - 1, segments.low - 1)
    repeated = mark_repeats(rows, segments, spec)
    rows = rename_ends(rows, segments, spec)
    for number in range(spec.steps):
        if not at.size and number:
            return
        # a run of repeats goes from `at` up to before `following`, or backward down to after it
        following = _next_run(repeated, at=at, limit=limit, forward=forward)
        early, late = (at, following - 1) if forward else (following + 1, at)
        shown = early if spec.keep == "first" else late
        is_last = following == limit
        position = number if forward else spec.steps - 1 - number
        yield Column(position, journeys, rows.code[at], rows.time[shown], is_last)
        goes_on = ~is_last
        journeys, at, limit = journeys[goes_on], following[goes_on], limit[goes_on]


def _next_run(repeated: Bools | None, *, at: Ints, limit: Ints, forward: bool) -> Ints:
    """Find the row at which the next run of repeats begins (going backward: ends); the limit where there is none."""
    if repeated is None:
        neighbour: Ints = at + at.dtype.type(1 if forward else -1)
        return neighbour
    if forward:
        following: Ints = np.minimum(skip_marked(repeated, at + at.dtype.type(1)), limit)
        return following
    # a row is marked when it repeats the row before it: the run begins at the first row that is not marked
    run: Ints = skip_marked(repeated, at, step=-1)
    before: Ints = np.maximum(run - at.dtype.type(1), limit)
    return before


def mark_repeats(rows: FlowRows, segments: Segments, spec: FlowSpec) -> Bools | None:
    """Mark the rows that repeat the row before them, even one of another person; None where repeats are kept.

    The row at which a journey reaches the end repeats nothing: else the node before it would be where it was reached.
    """
    if spec.collapse not in ("repeats", "bursts"):
        return None
    repeated = ~mark_changes(rows.code)
    if spec.collapse == "bursts":
        repeated[1:] &= np.diff(rows.time) <= spec.burst_gap
    repeated[segments.high[segments.reached] - 1] = False
    return repeated


def rename_ends(rows: FlowRows, segments: Segments, spec: FlowSpec) -> FlowRows:
    """Give the rows that reach the end the name "(reached)", where that was asked for."""
    if not spec.separate_end or rows.ends is None:
        return rows
    code = rows.code.astype(np.int32)
    # a start may be an end as well; without a start every end is one, also those before the last
    at = rows.ends if spec.start is None else segments.high[segments.reached] - 1
    code[at] = rows.labels.index(REACHED)
    return rows._replace(code=code)


def keep_first_visits(rows: FlowRows, segments: Segments, spec: FlowSpec) -> tuple[FlowRows, Segments]:
    """Where loops are cut, keep only each journey's first visit to each node, and the row that reaches the end."""
    if spec.collapse != "loops" or not segments.low.size:
        return rows, segments
    lengths = segments.high - segments.low
    inside = list_rows(segments.low, segments.high)
    journey = np.repeat(np.arange(lengths.size), lengths)
    key = journey * np.int64(len(rows.labels)) + rows.code[inside]
    kept = pl.Series(key).is_first_distinct().to_numpy().copy()
    kept[np.cumsum(lengths)[segments.reached] - 1] = True
    size = np.bincount(journey[kept], minlength=lengths.size)
    high = np.cumsum(size)
    return take_rows(rows, inside[kept]), Segments(high - size, high, segments.reached)


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
_MAX_JOINT_CELLS, _MAX_CELLS = 1 << 17, 1 << 20
_PART = 1 << 16


class Pairs(NamedTuple):
    """The pairs of nodes of two neighbouring columns that occur, and the people of each."""

    source: Ints
    target: Ints
    people: Ints


class Columns(NamedTuple):
    """People laid out in columns; each column numbers its own names.

    Attributes
    ----------
    names : list of list of str
        The names of each column, in the order of their codes.
    nodes : list of np.ndarray
        The node of each person in each column; the code after the last name means that the journey is over.
    stop : str
        The target of journeys that are over.
    """

    names: list[list[str]]
    nodes: list[Ints]
    stop: str


def count_columns(columns: Columns, durations: list[Ints] | None, spec: FlowSpec) -> pl.DataFrame:
    """Count the links between neighbouring columns; `durations` holds the times from each column to the next."""
    widths = [len(names) + 1 for names in columns.names]
    is_dense = max(a * b for a, b in pairwise(widths)) <= _MAX_CELLS
    counted = _count_dense(columns, widths) if is_dense else _count_sparse(columns, widths)
    offsets = np.append(0, np.cumsum(widths))
    labels = pl.Series([label for names in columns.names for label in (*names, columns.stop)], dtype=pl.String)
    # who has left before a column is not counted there
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
        moves = np.flatnonzero(columns.nodes[place + 1] < width - 1)
        key = columns.nodes[place][moves].astype(np.int64) * width + columns.nodes[place + 1][moves]
        return measure_times(rows, key, durations[place][moves], is_complete=spec.single_shard)

    return table.hstack(pl.concat([measure_place(place) for place in range(spec.steps)]))


def measure_times(rows: Ints, key: Ints, time: Ints, *, is_complete: bool) -> pl.DataFrame:
    """Summarise the times of each key, and lay the summaries beside rows, which are known by their keys.

    Return `times` (List(Int64)), `median` and `mean` (Float64): empty lists, or null.

    Parameters
    ----------
    rows : np.ndarray
        The key of each row; a row without times is no move.
    key, time : np.ndarray
        Key and time of each move.
    is_complete : bool
        Whether these are all moves of each key, so that their median and mean suffice; else the times are kept.
    """
    moves = pl.DataFrame({"key": key, "time": time}, schema={"key": pl.Int64, "time": pl.Int64}).group_by("key")
    times = pl.col("time")
    if is_complete:
        each = moves.agg(times=pl.lit([], dtype=pl.List(pl.Int64)), median=times.median(), mean=times.mean())
    else:
        missing = pl.lit(None, dtype=pl.Float64)
        each = moves.agg(times=times.sort(), median=missing, mean=missing)
    found = pl.DataFrame({"key": rows}, schema={"key": pl.Int64}).join(
        each, on="key", how="left", maintain_order="left"
    )
    return found.select(pl.col("times").fill_null([]), "median", "mean")


def _count_dense(columns: Columns, widths: list[int]) -> list[Pairs]:
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
        key = columns.nodes[run[0]][low : low + _PART].astype(np.int64)
        for place in run[1:]:
            key *= widths[place]
            key += columns.nodes[place][low : low + _PART]
        found = np.bincount(key, minlength=math.prod(shape)).reshape(shape)
        axes = range(len(run))
        return [found.sum(axis=tuple(k for k in axes if k not in (i, i + 1))) for i in axes[:-1]]

    totals: list[Ints] = [np.zeros((a, b), dtype=np.int64) for a, b in pairwise(widths)]
    jobs = [(run, low) for run in runs for low in range(0, columns.nodes[0].size, _PART)]
    for (run, _), found in zip(jobs, parallel_map(count_place, jobs), strict=True):
        for place, pairs in zip(run, found, strict=False):
            totals[place] += pairs
    filled = [np.nonzero(pairs) for pairs in totals]
    return [
        Pairs(source, target, pairs[source, target]) for pairs, (source, target) in zip(totals, filled, strict=True)
    ]


def _count_sparse(columns: Columns, widths: list[int]) -> list[Pairs]:
    """Count the pairs of nodes that occur, where there could be very many."""
    counted = []
    for place, width in enumerate(widths[1:]):
        key = columns.nodes[place].astype(np.int64) * width + columns.nodes[place + 1]
        found = pl.Series("key", key).value_counts(name="people").sort("key")
        key = found["key"].to_numpy()
        counted.append(Pairs(key // width, key % width, found["people"].cast(pl.Int64).to_numpy()))
    return counted
