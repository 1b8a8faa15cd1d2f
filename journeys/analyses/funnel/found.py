"""The counted attempts of a shard: whose they are, and when each step was taken; looked for part by part, at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import polars as pl

from journeys.analyses.funnel.attempts import Attempts, counted
from journeys.analyses.funnel.rows import Bools, Ints, Rows, read
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.log import View
from journeys.parallel import parallel_map

__all__ = ["NEVER", "Found", "each_part", "find_attempts", "joined"]

T = TypeVar("T")
NEVER = np.iinfo(np.int64).min
_PART = 250_000
"""Rows looked at together: few enough for the processor's cache, enough that threads seldom wait for each other."""


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """Counted attempts, in the order of the log.

    Attributes
    ----------
    person : array of uint32
        Whose attempt it is, as a code.
    time : array of int64, one line a step and one column an attempt
        When the step was taken (µs); `NEVER` where it was not.
    along : dict of str to Series
        The breakdown's values that attempts carry along, by attempt.
    """

    person: Ints
    time: Ints
    along: dict[str, pl.Series]

    def took(self, step: int) -> Bools:
        """Say which attempts took a step."""
        took: Bools = self.time[step] != NEVER
        return took

    @property
    def last(self) -> Ints:
        """The last step that each attempt took, from 0."""
        last = np.zeros(len(self.person), dtype=np.int16)
        for step in range(1, len(self.time)):
            np.copyto(last, np.int16(step), where=self.took(step))
        return last

    @property
    def begin(self) -> Ints:
        """When each attempt entered."""
        begin: Ints = self.time[0].copy()
        for time in self.time[1:]:
            np.copyto(begin, time, where=begin == NEVER)
        return begin


def find_attempts(view: View, spec: FunnelSpec) -> Found:
    """Find the attempts that count in one shard."""
    return joined(each_part(view, spec, work=lambda found: found))


def joined(parts: Sequence[Found]) -> Found:
    """Put the attempts of parts together."""
    if len(parts) == 1:
        return parts[0]
    return Found(
        np.concatenate([part.person for part in parts]),
        np.concatenate([part.time for part in parts], axis=1),
        {name: pl.concat([part.along[name] for part in parts]) for name in parts[0].along},
    )


def each_part(view: View, spec: FunnelSpec, *, work: Callable[[Found], T]) -> list[T]:
    """Find the attempts that count in parts of a shard, side by side, and do something with each part's."""
    wanted = read(view, spec)
    return parallel_map(lambda cut: work(_found(wanted.rows(*cut), spec=spec)), _cuts(wanted.frame["person"]))


def _cuts(person: pl.Series) -> list[tuple[int, int]]:
    """Cut between people into parts of about equal size; return where they begin and end."""
    cuts = [0]
    for near in range(_PART, len(person) - _PART // 2, _PART):
        cut = _begin(person, near)
        if cut > cuts[-1]:
            cuts.append(cut)
    return list(pairwise([*cuts, len(person)]))


def _begin(person: pl.Series, row: int) -> int:
    """Return the first row of the person of a row; codes rise."""
    reach = 1_024
    while True:
        low = max(0, row - reach)
        codes = person.slice(low, row - low + 1).to_numpy()
        at = int(np.searchsorted(codes, codes[-1]))
        if at or not low:
            return low + at
        reach *= 8


def _found(rows: Rows, *, spec: FunnelSpec) -> Found:
    attempts = counted(rows, spec=spec)
    time = np.full((spec.width, len(attempts.unit)), NEVER)
    for step in range(spec.width):
        row = attempts.row[:, step]
        took = np.flatnonzero(row >= 0)
        time[step, took] = rows.time.take(row.take(took))
    return Found(rows.person[attempts.unit], time, _along(rows.values, attempts, spec=spec))


def _along(values: dict[str, pl.Series], attempts: Attempts, *, spec: FunnelSpec) -> dict[str, pl.Series]:
    """Take the values that attempts have at a step, or at the first or last step where any is defined.

    Several properties are taken of the same event: no combination is shown that nobody had.
    """
    if not values:
        return {}
    width = attempts.row.shape[1]
    steps = range(width)
    if isinstance(spec.by_at, int):
        steps = range(spec.by_at - 1, spec.by_at)
    elif spec.by_at == "last":
        steps = range(width - 1, -1, -1)
    defined = np.logical_or.reduce([column.is_not_null().to_numpy() for column in values.values()])
    chosen = np.full(len(attempts.unit), -1, dtype=np.int64)
    for step in steps if len(defined) else ():
        row = attempts.row[:, step]
        chosen = np.where((chosen < 0) & (row >= 0) & defined[np.maximum(row, 0)], row, chosen)
    index = pl.Series(chosen, dtype=pl.Int64).to_frame("x").select(pl.when(pl.col("x") >= 0).then("x"))["x"]
    return {name: column.gather(index) for name, column in values.items()}
