"""Bins of times whose edges are round, as people say them: the days of a month, or 1 h, 2 h, 6 h, 12 h, 1 d, 2 d."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import numpy as np
import polars as pl

from journeys.arrays import Ints

_SECOND = 1_000_000
_MINUTE, _HOUR, _DAY = 60 * _SECOND, 3_600 * _SECOND, 86_400 * _SECOND
_MOST, _LEAST = 10, 4
"""How many bins there are at most, and at least where they are equally wide."""
_WIDTHS = [size * n for size in (_SECOND, _MINUTE) for n in (1, 2, 5, 10, 15, 30)]
_WIDTHS += [_HOUR * n for n in (1, 2, 3, 6, 12)]
_WIDTHS += [_DAY * n for n in (1, 2, 3, 5, 7, 10, 14, 30, 60, 90, 180, 365, 730, 1_825, 3_650, 36_500)]
_COARSE = [0, _SECOND, 10 * _SECOND, _MINUTE, 10 * _MINUTE, _HOUR, 6 * _HOUR]
_COARSE += [_DAY * n for n in (1, 7, 30, 90, 365, 3_650, 36_500)]
_FINE = [size * n for size in (_SECOND, _MINUTE) for n in (1, 2, 5, 10, 30)] + [_HOUR * n for n in (1, 2, 6, 12)]
_FINE = [0, *_FINE, *(_DAY * n for n in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1_825, 3_650, 36_500))]


def count_round_bins(times: pl.Series, *, count: str) -> pl.DataFrame:
    """Count times (µs) in bins with round edges.

    Parameters
    ----------
    times : pl.Series
        One for each who took both steps.
    count : str
        What the column of counts is called.

    Returns
    -------
    pl.DataFrame
        `from` (inclusive), `to` (exclusive) (Duration), the counts (Int64), `share` of all; empty without times.

    Notes
    -----
    The bins are equally wide while none of them holds more than half of all times; otherwise they grow with the time.

    Examples
    --------
    >>> hours = pl.Series([1, 1, 1, 7, 30]) * 3_600_000_000
    >>> count_round_bins(hours, count="people").select(pl.col("from").dt.total_hours(), "people").rows()
    [(1, 3), (2, 0), (6, 1), (12, 0), (24, 1)]
    """
    known = np.sort(times.to_numpy().astype(np.int64))
    edges = _choose_edges(known) if len(known) else []
    people = np.diff(np.searchsorted(known, edges)) if edges else np.zeros(0, dtype=np.int64)
    low, high = zip(*pairwise(edges), strict=True) if edges else ((), ())
    return pl.DataFrame(
        {"from": low, "to": high, count: people, "share": people / max(len(known), 1)},
        schema={"from": pl.Duration("us"), "to": pl.Duration("us"), count: pl.Int64, "share": pl.Float64},
    )


def _choose_edges(times: Ints) -> list[int]:
    """Choose the edges for sorted times: equal widths first, then fine and coarse edges that grow."""
    low, high = int(times[0]), int(times[-1])
    width = next((one for one in _WIDTHS if high // one - low // one < _MOST), _WIDTHS[-1])
    even = list(range(low // width * width, high + width + 1, width))
    even = even[: bisect_right(even, high) + 1]
    if len(even) > _LEAST and np.diff(np.searchsorted(times, even)).max() * 2 <= len(times):
        return even
    # the fastest 2% share a bin
    start = int(times[len(times) // 50])
    for ladder in (_FINE, _COARSE):
        inner = [edge for edge in ladder if start < edge <= high]
        begin = ladder[bisect_right(ladder, start) - 1]
        inner = [begin, *inner] if begin <= low else [0, begin, *inner]
        if len(inner) <= _MOST:
            break
    beyond = (high // (365 * _DAY) + 1) * 365 * _DAY
    return [*inner, next((edge for edge in ladder if edge > high), beyond)]
