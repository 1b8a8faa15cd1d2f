"""Counting: how many journeys go from which node of a column to which node of the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import cut_attempts
from journeys.analyses.flow.nodes import CONTINUES, DROP
from journeys.analyses.flow.rows import Rows, read_rows
from journeys.analyses.flow.spec import FlowSpec
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


class Passage(NamedTuple):
    """What some journeys do after one column.

    `target` is a code, or from `len(labels)` on one of the three ways to stop; `time` is what the way took (moves only).
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
    rows = read_rows(view, spec)
    _, reached, found = passages(rows, spec)
    labels = [*rows.labels, *_STOPS]
    size = len(labels)
    frames = [_tally(passage, reached, size=size) for passage in found]
    counted = pl.concat([frame for frame in frames if frame.height]) if any(f.height for f in frames) else None
    if counted is None:
        return pl.DataFrame(schema=SCHEMA)
    names = pl.Series(labels, dtype=pl.String)
    source = names.gather(counted["source"])
    target = names.gather(counted["target"])
    kind = pl.Series(["move"] * len(rows.labels) + ["drop", "continue", "reach"]).gather(counted["target"])
    return pl.DataFrame(
        {
            "position": counted["position"],
            "source": source,
            "target": target,
            "kind": kind,
            "reached": counted["reached"],
            "people": counted["people"],
            "times": counted["times"],
        },
        schema=SCHEMA,
    )


def _tally(passage: Passage, reached: np.ndarray, *, size: int) -> pl.DataFrame:
    """Count equal passages of one column; the key packs source, target and whether the end was reached."""
    key = (passage.source.astype(np.int64) * size + passage.target) * 2 + reached[passage.journeys]
    if passage.time is None:
        found, people = np.unique(key, return_counts=True)
        times = pl.Series("times", [[]] * found.size, dtype=pl.List(pl.Int64))
    else:
        found, people, times = _grouped(key, passage.time, most=2 * size * size)
    return pl.DataFrame(
        {
            "position": pl.Series([passage.position] * found.size, dtype=pl.Int64),
            "source": found // (2 * size),
            "target": found // 2 % size,
            "reached": found % 2 == 1,
            "people": people.astype(np.int64),
            "times": times,
        }
    )


def _grouped(key: np.ndarray, time: np.ndarray, *, most: int) -> tuple[np.ndarray, np.ndarray, pl.Series]:
    """Gather the times of each key."""
    # numpy sorts 16-bit numbers by counting, several times faster than any other
    order = np.argsort(key.astype(np.uint16) if most <= 1 << 16 else key, kind="stable")
    sorted_key = key[order]
    borders = np.flatnonzero(np.append(True, sorted_key[1:] != sorted_key[:-1])) if key.size else np.empty(0, np.int64)
    pieces = [pl.Series(piece) for piece in np.split(time[order], borders[1:])][: borders.size]
    people = np.diff(np.append(borders, key.size))
    return sorted_key[borders], people, pl.Series("times", pieces, dtype=pl.List(pl.Int64))
