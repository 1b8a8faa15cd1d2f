"""One shard → counts of the links between the columns of a flow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.fast_count import count_fast
from journeys.analyses.flow.rows import FlowRows, Segments, cut_segments, read_rows, take_rows
from journeys.analyses.flow.spec import CONTINUES, DROP_OFF, OTHER, REACHED, FlowSpec
from journeys.analyses.flow.summarise import COUNT_SCHEMA, choose_kept_nodes, measure_times
from journeys.arrays import Bools, Ints, list_rows, mark_changes, parallel_map, skip_marked
from journeys.log import View

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
    if spec.is_plain:
        return count_fast(view, spec)
    rows = read_rows(view, spec, timed=spec.needs_times)
    _, reached, moves = list_moves(rows, spec)
    found, labels = list(moves), rows.labels
    if spec.single_shard and spec.top is not None and len(labels) > spec.top:
        found, labels = _fold_early(found, reached, labels, spec)
    size = len(labels) + len(_STOPS)
    frames = parallel_map(lambda one: _count_moves(one, reached, size=size, spec=spec), found)
    filled = [frame for frame in frames if frame.height]
    return _name_nodes(pl.concat(filled), labels=labels) if filled else pl.DataFrame(schema=COUNT_SCHEMA)


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
    """Find the row at which the next run of repeats begins (going backward: ends); the limit where there is none.

    For instance, with nodes A A B in rows 0 to 2, the run after row 0 begins at row 2, and the one before row 2 ends at
    row 1.
    """
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
    For instance, of a journey to the second B, only row 1 is marked:

        row     0  1  2  3
        node    A  A  B  B
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
    """Where loops are cut, keep only each journey's first visit to each node, and the row that reaches the end.

    For instance, of a journey A B A C the second A goes: low 0, high 4 become low 0, high 3.
    """
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
    """Replace the codes of nodes, and of the three ways to stop, by their names, and add the kind of each link."""
    names = pl.Series([*labels, *_STOPS], dtype=pl.String)
    kinds = pl.Series(["move"] * len(labels) + ["drop", "continue", "reach"])
    named = counted.with_columns(
        source=names.gather(counted["source"]),
        target=names.gather(counted["target"]),
        kind=kinds.gather(counted["target"]),
    )
    return named.select(list(COUNT_SCHEMA))


def _fold_early(found: list[Moves], reached: Bools, labels: list[str], spec: FlowSpec) -> tuple[list[Moves], list[str]]:
    """Fold small nodes before links are counted, where one shard is the whole log, so that it knows which are small.

    Of very many names, nearly all links would be counted in vain.
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
