"""Whole journeys, however long: their nodes with repeats collapsed, and the short sequences inside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.flow.columns import keep_first_visits, mark_repeats, rename_ends
from journeys.analyses.flow.fast_count import is_fast
from journeys.analyses.flow.rows import read_rows
from journeys.analyses.flow.segments import Segments, cut_segments
from journeys.analyses.flow.shard_chunks import Chunk, split_shard
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summarise import is_shown
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError, raise_all
from journeys.log import View
from journeys.log.arrays import Bools, Ints, collapse_repeats, count_before, list_rows
from journeys.parallel import parallel_map
from journeys.stats import wilson

_MAX_SIZE = 8


class CollapsedJourneys(NamedTuple):
    """Journeys node by node, with repeats collapsed as the flow asks for.

    Attributes
    ----------
    code : np.ndarray
        The nodes of all journeys, one journey after the other.
    time : np.ndarray or None
        When they were there; None where that was not asked for.
    began, ended : np.ndarray
        When each journey was at its first node, and at its last.
    low, length : np.ndarray
        Where each journey begins in `code`, and how many nodes it has.
    reached : np.ndarray
        Whether it reached the end.
    person : np.ndarray
        The person of each journey.
    labels : list of str
        The names of the nodes, in the order of their codes.
    """

    code: Ints
    time: Ints | None
    began: Ints
    ended: Ints
    low: Ints
    length: Ints
    reached: Bools
    person: Ints
    labels: list[str]

    @property
    def last(self) -> Ints:
        """The place of each journey's last node in `code`."""
        return self.low + self.length - 1


def collapse_journeys(
    view: View, spec: FlowSpec, *, with_times: bool = True, with_duration: bool = True
) -> CollapsedJourneys:
    """Collapse the journeys of one shard, however long they are.

    `with_times` asks for the time at each node, `with_duration` for that at the first and the last; what is not asked
    for may be None and 0. For instance, A A B of one person and B of another become codes A B B, low 0 2, length 2 1.
    """
    if is_fast(spec) and not with_times:
        return _collapse_chunks(view, spec, timed=with_duration)
    rows, segments = cut_segments(read_rows(view, spec), spec)
    person = rows.person[segments.low] if segments.low.size else rows.person[:0]
    rows, segments = keep_first_visits(rows, segments, spec)
    repeated = mark_repeats(rows, segments, spec)
    rows = rename_ends(rows, segments, spec)
    first = last = _mark_inside(segments, rows=rows.code.size)  # the first row of each run of repeats, and the last
    if repeated is not None:
        inside = first
        first = inside & ~repeated
        first[segments.low] = True
        last = first
        if spec.keep == "last":
            last = inside & ~np.append(repeated[1:], [False])[: inside.size]
            last[segments.high - 1] = True
    before = count_before(first)
    low = before[segments.low].astype(np.int64)
    length = before[segments.high] - low
    time = rows.time[last]
    began, ended = time[low], time[low + length - 1]
    return CollapsedJourneys(rows.code[first], time, began, ended, low, length, segments.reached, person, rows.labels)


def _mark_inside(segments: Segments, *, rows: int) -> Bools:
    """Mark the rows that belong to a journey; journeys do not overlap."""
    low, high = segments.low, segments.high
    if low.size and low[0] == 0 and high[-1] == rows and np.array_equal(low[1:], high[:-1]):
        return np.ones(rows, dtype=bool)
    change = np.zeros(rows + 1, dtype=np.int8)
    change[low] += 1
    change[high] -= 1
    inside: Bools = np.cumsum(change[:-1], dtype=np.int8) > 0
    return inside


def _collapse_chunks(view: View, spec: FlowSpec, *, timed: bool) -> CollapsedJourneys:
    """Collapse the journeys of whole people, chunk by chunk."""
    shard = split_shard(view, spec, timed=timed)
    labels = shard.nodes.names.labels
    dtype = np.dtype(np.uint8 if len(labels) < 1 << 8 else np.uint16 if len(labels) < 1 << 16 else np.uint32)

    def collapse(chunk: Chunk) -> tuple[Ints, ...]:
        code = shard.nodes.decode(chunk.rows, dtype=dtype)
        first = np.append(0, chunk.stop[:-1])
        time = np.broadcast_to(np.int64(0), code.shape) if chunk.time is None else chunk.time.to_numpy()
        if spec.collapse == "none":
            return code, time[first], time[chunk.stop - 1], chunk.stop - first
        kept = np.flatnonzero(collapse_repeats(code, first))
        stop = np.searchsorted(kept, chunk.stop)
        return code[kept], time[first], time[kept[stop - 1]], np.diff(stop, prepend=0)

    empty = (np.empty(0, dtype=dtype), *(np.empty(0, dtype=np.int64) for _ in range(3)))
    parts = parallel_map(collapse, shard.chunks) or [empty]
    code, began, ended, length = map(np.concatenate, zip(*parts, strict=True))
    low = np.cumsum(length) - length
    reached = np.zeros(low.size, dtype=bool)
    return CollapsedJourneys(code, None, began, ended, low, length, reached, shard.person, labels)


@dataclass(frozen=True, slots=True, eq=False)
class NgramSpec:
    """Sequences of `size` nodes inside the journeys of a flow."""

    spec: FlowSpec
    size: int


def count_ngrams(view: View, asked: NgramSpec) -> pl.DataFrame:
    """Count the journeys that each sequence of nodes occurs in, and how often it occurs."""
    journeys = collapse_journeys(view, asked.spec, with_times=False, with_duration=False)
    inner = np.maximum(journeys.length - asked.size + 1, 0)
    first = list_rows(journeys.low, journeys.low + inner)
    names = {f"n{i}": journeys.code[first + i].astype(np.int64) for i in range(asked.size)}
    journey = np.repeat(np.arange(journeys.low.size), inner)
    table = pl.DataFrame({"journey": journey, "reached": journeys.reached[journey], **names})
    labels = pl.Series(journeys.labels, dtype=pl.String)
    each = table.group_by("journey", "reached", *names).agg(pl.len().cast(pl.Int64).alias("times"))
    found = each.group_by("reached", *names).agg(pl.len().cast(pl.Int64).alias("people"), pl.col("times").sum())
    sequence = pl.Series("sequence", [], dtype=pl.List(pl.String))
    columns = [pl.Series(name, labels.gather(found[name])) for name in names]
    return found.select(
        pl.concat_list(columns).alias("sequence") if found.height else sequence, "reached", "people", "times"
    )


def rank_sequences(
    journeys: JourneysProtocol, spec: FlowSpec, *, size: int, n: int | None, min_people: int
) -> pl.DataFrame:
    """Rank the sequences of `size` nodes by the journeys that they occur in."""
    problems = check_limit("n", n)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= _MAX_SIZE:
        problems.insert(0, f"size: {size!r} must be from 1 to {_MAX_SIZE} nodes.")
    raise_all(problems, ArgumentError)
    added = (
        journeys._count_shards(count_ngrams, NgramSpec(spec, size))
        .group_by("sequence")
        .agg(
            pl.col("people").filter(is_shown(spec)).sum(),
            pl.col("times").filter(is_shown(spec)).sum(),
            pl.col("people").sum().alias("passed"),
            pl.col("people").filter("reached").sum().alias("converted"),
        )
        .filter(pl.col("people") >= max(1, min_people))
    )
    low, high = wilson(added["converted"], added["passed"])
    has_end, missing = spec.end is not None, pl.lit(None, dtype=pl.Float64)
    table = added.with_columns(
        conversion_rate=pl.col("converted") / pl.col("passed") if has_end else missing,
        ci_low=pl.Series(low, nan_to_null=True) if has_end else missing,
        ci_high=pl.Series(high, nan_to_null=True) if has_end else missing,
        joined=pl.col("sequence").list.join("\x1f"),
    ).sort("people", "times", "joined", descending=[True, True, False])
    table = table if n is None else table.head(n)
    return table.select("sequence", "people", "times", "conversion_rate", "ci_low", "ci_high")


def count_passing(journeys: JourneysProtocol, spec: FlowSpec) -> pl.DataFrame:
    """Count, for each node, the journeys that pass it anywhere (`passed`), and how many of them `converted`."""
    counts = journeys._count_shards(count_ngrams, NgramSpec(spec, 1))
    return counts.group_by(pl.col("sequence").list.first().alias("node")).agg(
        pl.col("people").sum().alias("passed"), pl.col("people").filter("reached").sum().alias("converted")
    )


def check_limit(argument: str, given: int | None) -> list[str]:
    """Return a problem unless the argument is None or a whole number of at least 1."""
    is_valid = given is None or (isinstance(given, int) and not isinstance(given, bool) and given >= 1)
    return [] if is_valid else [f"{argument}: {given!r} must be at least 1, or None for all."]
