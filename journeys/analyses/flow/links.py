"""Counting: how many journeys go from which node of a column to which node of the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import cut_attempts
from journeys.analyses.flow.nodes import CONTINUES, DROP, OTHER
from journeys.analyses.flow.rows import Rows, read_rows
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.stream import is_plain, names_of, stream_links
from journeys.analyses.flow.summary import kept_nodes
from journeys.analyses.flow.walk import walk
from journeys.log import View

__all__ = ["REACHED", "SCHEMA", "Passage", "count_links", "passages"]

REACHED = "(reached)"
SCHEMA: dict[str, pl.DataType] = {
    "position": pl.Int64(),
    "source": pl.String(),
    "target": pl.String(),
    "kind": pl.String(),
    "reached": pl.Boolean(),
    "people": pl.Int64(),
    "times": pl.List(pl.Int64()),
}

_STOPS = (DROP, CONTINUES, REACHED)
_MANY = 64


class Passage(NamedTuple):
    """What some journeys do after one column.

    `target` is a code, or from `len(labels)` on one of the three ways to stop; `time` is what a move took.
    """

    position: int
    journeys: np.ndarray
    source: np.ndarray
    target: np.ndarray
    time: np.ndarray | None


def passages(rows: Rows, spec: FlowSpec) -> tuple[np.ndarray, np.ndarray, Iterator[Passage]]:
    """Lay the journeys in columns: their people, whether they reached the end, and their passages."""
    attempts = cut_attempts(rows, spec)
    people = rows.person[attempts.low] if attempts.low.size else rows.person[:0]
    found = walk(rows, attempts, spec)
    size = len(rows.labels)

    def forward() -> Iterator[Passage]:
        before: tuple[np.ndarray, np.ndarray] | None = None
        for column in found:
            if before is not None:
                source, time = before
                yield Passage(column.position - 1, column.journeys, source, column.code, column.time - time)
            ending = column.journeys[column.last]
            stops = np.where(attempts.reached[ending], size + 2, size)
            yield Passage(column.position, ending, column.code[column.last], stops, None)
            going = ~column.last
            before = column.code[going], column.time[going]
            if column.position == spec.steps - 1:
                rest = column.journeys[going]
                yield Passage(column.position, rest, before[0], np.full(rest.size, size + 1), None)

    def backward() -> Iterator[Passage]:
        after: tuple[np.ndarray, np.ndarray] | None = None
        for column in found:
            if after is None:
                stops = np.where(attempts.reached[column.journeys], size + 2, size)
                yield Passage(column.position, column.journeys, column.code, stops, None)
            else:
                target, time = after
                yield Passage(column.position, column.journeys, column.code, target, time - column.time)
            going = ~column.last
            after = column.code[going], column.time[going]

    return people, attempts.reached, forward() if spec.align == "start" else backward()


def count_links(view: View, spec: FlowSpec) -> pl.DataFrame:
    """Count one shard's links, apart for those who reached the end and those who did not."""
    if is_plain(view, spec):
        return _from_stream(stream_links(view, spec), spec, names=names_of(view))
    rows = read_rows(view, spec, timed=spec.needs_time)
    _, reached, passing = passages(rows, spec)
    found, labels = list(passing), rows.labels
    if spec.alone and spec.top is not None and len(labels) > _MANY:
        found, labels = _fold_early(found, reached, labels, spec)
    size = len(labels) + len(_STOPS)
    frames = [_tally(passage, reached, size=size, timed=spec.times) for passage in found]
    filled = [frame for frame in frames if frame.height]
    return _with_names(pl.concat(filled), names=labels) if filled else pl.DataFrame(schema=SCHEMA)


def _fold_early(
    found: list[Passage], reached: np.ndarray, labels: list[str], spec: FlowSpec
) -> tuple[list[Passage], list[str]]:
    """Fold small nodes before links are counted: of very many names nearly all links would be counted for nothing.

    Only where one shard is the whole log, since which nodes are small is known of the whole only.
    """
    size = len(labels)
    names = pl.Series(labels, dtype=pl.String)
    frames = []
    for passage in found:
        for kind, chosen in (("reach", passage.target == size + 2), ("move", passage.target != size + 2)):
            key = passage.source[chosen].astype(np.int64) * 2 + reached[passage.journeys[chosen]]
            people = np.bincount(key, minlength=2 * size)
            there = np.flatnonzero(people)
            frame = {"source": names.gather(there // 2), "reached": there % 2 == 1, "people": people[there]}
            frames.append(pl.DataFrame(frame).with_columns(kind=pl.lit(kind), position=pl.lit(passage.position)))
    counts = pl.concat(frames).cast({"people": pl.Int64, "position": pl.Int64})
    kept = kept_nodes(counts, spec)
    shown = [*kept["node"].unique().sort(), OTHER]
    numbers = {label: number for number, label in enumerate(labels)}
    places = {name: place for place, name in enumerate(shown)}
    rest = len(shown) - 1
    # by column: where each name goes, and after the names the three ways to stop
    tables = np.full((spec.steps + 1, size + len(_STOPS)), rest, dtype=np.int64)
    tables[:, size:] = len(shown) + np.arange(len(_STOPS))
    for position, name in kept.rows():
        tables[position, numbers[name]] = places[name]
    folded = [
        passage._replace(
            source=tables[passage.position][passage.source], target=tables[passage.position + 1][passage.target]
        )
        for passage in found
    ]
    return folded, shown


def _from_stream(table: pl.DataFrame, spec: FlowSpec, *, names: list[str]) -> pl.DataFrame:
    size, labels = len(names), names
    key = table["key"].to_numpy()
    if spec.alone and spec.top is not None and spec.times and key.size:
        folds, labels = _fold_keys(key, spec, names=names)
        key, size = folds[key], len(labels)
    if spec.times:
        grouped = _grouped(key, table["times"].to_numpy(), most=spec.steps * size * (size + 2))
    else:
        grouped = table.with_columns(times=pl.lit([], dtype=pl.List(pl.Int64)))
    packed = pl.col("key").cast(pl.Int64)
    target = packed % (size + 2)
    unpacked = grouped.select(
        (packed // (size * (size + 2))).alias("position"),
        (packed // (size + 2) % max(size, 1)).alias("source"),
        target.alias("target"),
        pl.lit(value=False).alias("reached"),
        pl.col("people").cast(pl.Int64),
        # a stop takes no time
        pl.when(target < size).then("times").otherwise(pl.lit([], dtype=pl.List(pl.Int64))).alias("times"),
    )
    return _with_names(unpacked, names=labels)


def _fold_keys(key: np.ndarray, spec: FlowSpec, *, names: list[str]) -> tuple[np.ndarray, list[str]]:
    """Fold small nodes before the times are sorted: give each key the key of what it is shown as."""
    size = len(names)
    people = np.bincount(key, minlength=spec.steps * size * (size + 2))
    every = np.arange(people.size)
    place, source, target = every // (size * (size + 2)), every // (size + 2) % size, every % (size + 2)
    counts = pl.DataFrame({"position": place, "source": pl.Series(names).gather(source), "people": people})
    kept = kept_nodes(counts.with_columns(kind=pl.lit("move"), reached=pl.lit(value=False)), spec)
    numbers = {name: number for number, name in enumerate(names)}
    # by column: a name's number, or after all names that of the rest; after the names the two ways to stop
    shown = np.full((spec.steps + 1, size + 2), size, dtype=np.int64)
    shown[:, size:] = size + 1 + np.arange(2)
    for position, name in kept.rows():
        shown[position, numbers[name]] = numbers[name]
    folded = (place * (size + 1) + shown[place, source]) * (size + 3) + shown[place + 1, target]
    return folded.astype(np.uint32), [*names, OTHER]


def _with_names(counted: pl.DataFrame, *, names: list[str]) -> pl.DataFrame:
    labels = pl.Series([*names, *_STOPS], dtype=pl.String)
    kinds = pl.Series(["move"] * len(names) + ["drop", "continue", "reach"])
    named = counted.with_columns(
        source=labels.gather(counted["source"]),
        target=labels.gather(counted["target"]),
        kind=kinds.gather(counted["target"]),
    )
    return named.select(list(SCHEMA))


def _tally(passage: Passage, reached: np.ndarray, *, size: int, timed: bool) -> pl.DataFrame:
    """Count equal passages of one column; the key packs source, target and whether the end was reached."""
    kind = np.dtype(np.uint32 if 2 * size * size < 1 << 32 else np.uint64)
    ends = passage.target.astype(kind) * 2 + reached[passage.journeys]
    key = passage.source.astype(kind) * kind.type(2 * size) + ends
    if passage.time is None or not timed:
        found = pl.Series("key", key).value_counts(name="people").sort("key")
        times = pl.Series("times", [[]], dtype=pl.List(pl.Int64)).new_from_index(0, found.height)
        found = found.with_columns(times.alias("times"))
    else:
        found = _grouped(key, passage.time, most=2 * size * size)
    packed = found["key"].cast(pl.Int64)
    return pl.DataFrame(
        {
            "position": pl.Series([passage.position], dtype=pl.Int64).new_from_index(0, found.height),
            "source": packed // (2 * size),
            "target": packed // 2 % size,
            "reached": packed % 2 == 1,
            "people": found["people"].cast(pl.Int64),
            "times": found["times"],
        }
    )


def _grouped(key: np.ndarray, time: np.ndarray, *, most: int) -> pl.DataFrame:
    """Gather the times of each key, sorted."""
    room = 63 - most.bit_length()
    if time.size and room > 0 and int(time.max()) < 1 << room:
        # key and time share one number: sorting numbers beats grouping rows
        packed = (key.astype(np.int64) << room) | time
        ordered = pl.Series("packed", packed).sort().to_numpy()
        table = pl.DataFrame({"key": pl.Series(ordered >> room).set_sorted(), "times": ordered & ((1 << room) - 1)})
    else:
        table = pl.DataFrame({"key": key, "times": time}).sort("key", "times").with_columns(pl.col("key").set_sorted())
    return table.group_by("key", maintain_order=True).agg(pl.len().alias("people"), "times")
