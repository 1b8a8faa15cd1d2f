"""Counting: how many journeys go from which node of a column to which node of the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.attempts import cut_attempts
from journeys.analyses.flow.nodes import CONTINUES, DROP, OTHER, REACHED
from journeys.analyses.flow.plain import is_plain, plain_links
from journeys.analyses.flow.rows import Rows, read_rows
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summary import kept_nodes
from journeys.analyses.flow.tally import SCHEMA
from journeys.analyses.flow.took import NO_TIMES, lay_times
from journeys.analyses.flow.walk import walk
from journeys.log import View
from journeys.parallel import parallel_map

__all__ = ["Passage", "count_links", "passages"]

_STOPS = (DROP, CONTINUES, REACHED)


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
    rows, attempts = cut_attempts(rows, spec)
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
    if is_plain(spec):
        return plain_links(view, spec)
    rows = read_rows(view, spec, timed=spec.needs_time)
    _, reached, passing = passages(rows, spec)
    found, labels = list(passing), rows.labels
    if spec.alone and spec.top is not None and len(labels) > spec.top:
        found, labels = _fold_early(found, reached, labels, spec)
    size = len(labels) + len(_STOPS)
    frames = parallel_map(lambda passage: _tally(passage, reached, size=size, spec=spec), found)
    filled = [frame for frame in frames if frame.height]
    return _with_names(pl.concat(filled), names=labels) if filled else pl.DataFrame(schema=SCHEMA)


def _fold_early(
    found: list[Passage], reached: np.ndarray, labels: list[str], spec: FlowSpec
) -> tuple[list[Passage], list[str]]:
    """Fold small nodes before links are counted: of very many names nearly all links would be counted for nothing.

    Only where one shard is the whole log, since which nodes are small is known of the whole only; each link is then
    in one piece, too.
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


def _with_names(counted: pl.DataFrame, *, names: list[str]) -> pl.DataFrame:
    labels = pl.Series([*names, *_STOPS], dtype=pl.String)
    kinds = pl.Series(["move"] * len(names) + ["drop", "continue", "reach"])
    named = counted.with_columns(
        source=labels.gather(counted["source"]),
        target=labels.gather(counted["target"]),
        kind=kinds.gather(counted["target"]),
    )
    return named.select(list(SCHEMA))


def _tally(passage: Passage, reached: np.ndarray, *, size: int, spec: FlowSpec) -> pl.DataFrame:
    """Count equal passages of one column; the key packs source, target and whether the end was reached."""
    kind = np.dtype(np.uint32 if 2 * size * size < 1 << 32 else np.uint64)
    done = reached[passage.journeys]
    key = passage.source.astype(kind) * kind.type(2 * size) + (passage.target.astype(kind) * kind.type(2) + done)
    found = pl.Series("key", key).value_counts(name="people").sort("key")
    rows = found["key"].cast(pl.Int64).to_numpy()
    if passage.time is None or not spec.times:
        times = pl.DataFrame([column.new_from_index(0, rows.size) for column in NO_TIMES])
    elif spec.alone:
        # a link is one row for those who reach the end and one for others: both have the times of those shown
        shown = slice(None) if spec.who == "all" else done == (spec.who == "converted")
        times = lay_times(rows >> 1, (key[shown] >> kind.type(1)).astype(np.int64), passage.time[shown], whole=True)
    else:
        times = lay_times(rows, key.astype(np.int64), passage.time, whole=False)
    table = pl.DataFrame(
        {
            "position": pl.repeat(passage.position, rows.size, dtype=pl.Int64, eager=True),
            "source": rows // (2 * size),
            "target": rows // 2 % size,
            "reached": rows % 2 == 1,
            "people": found["people"].cast(pl.Int64),
        }
    )
    return table.hstack(times)
