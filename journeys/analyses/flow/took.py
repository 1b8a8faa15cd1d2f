"""How long moves take: all times of each, or where they are complete only the middle of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

__all__ = ["NO_TIMES", "Middle", "lay_times", "middle_times"]

_CELLS = 1 << 22
_ONE = (1023 << 1) - 1  # where the magnitudes of whole numbers begin, 0 below them

_EMPTY = pl.Series("times", [[]], dtype=pl.List(pl.Int64))
NO_TIMES = (_EMPTY, pl.Series("median", [None], dtype=pl.Float64), pl.Series("mean", [None], dtype=pl.Float64))


class Middle(NamedTuple):
    """Median and mean of the times of each key that occurs, by key."""

    key: np.ndarray
    median: np.ndarray
    mean: np.ndarray


def middle_times(key: np.ndarray, time: np.ndarray) -> Middle:
    """Work out the median and the mean of the times of each key.

    Times are counted by key and magnitude first (two of them an octave), so that only those about as large as the
    median need to be put in order.
    """
    magnitude = time.astype(np.float64).view(np.int64) >> 51
    magnitude -= _ONE
    np.maximum(magnitude, 0, out=magnitude)
    width, size = int(magnitude.max(initial=0)) + 1, int(key.max(initial=-1)) + 1
    if size * width > _CELLS:
        # of very many keys most have few times: those of all are put in order
        magnitude, width = np.zeros(1, dtype=np.int64), 1
        keys, key = np.unique(key, return_inverse=True)
        size = keys.size
    else:
        keys = np.arange(size)
    cell = key * width + magnitude
    counts = np.bincount(cell, minlength=size * width).reshape(size, width)
    here = np.flatnonzero(counts.any(axis=1))
    counts = counts[here]
    upto = counts.cumsum(axis=1)
    people = upto[:, -1]
    low, high = (people - 1) // 2, people // 2
    first, last = ((upto <= rank[:, None]).sum(axis=1) for rank in (low, high))
    wanted = np.zeros(size * width, dtype=bool)
    wanted[here * width + first] = True
    wanted[here * width + last] = True
    chosen = np.flatnonzero(wanted.take(cell))
    some, near = _sorted(key[chosen], time[chosen])
    # before the first of these come the times of smaller magnitude
    rows = np.arange(here.size)
    start = np.searchsorted(some, here) - (upto[rows, first] - counts[rows, first])
    median = near[start + low] / 2 + near[start + high] / 2
    # sums of halves of the digits stay exact however many people there are
    above, below = (np.bincount(key, weights=part, minlength=size)[here] for part in (time >> 24, time & 0xFFFFFF))
    return Middle(keys[here], median, above / people * (1 << 24) + below / people)


def lay_times(rows: np.ndarray, key: np.ndarray, time: np.ndarray, *, whole: bool) -> pl.DataFrame:
    """Lay the times of each key beside rows, which are known by their keys.

    Parameters
    ----------
    rows : np.ndarray
        The key of each row; one that has no times is a stop.
    key, time : np.ndarray
        Key and time of each move.
    whole : bool
        Whether these are all moves of each key, so that the middle of their times is enough.

    Returns
    -------
    pl.DataFrame
        `times` (List(Int64)), or empty lists and `median` and `mean` (Float64).
    """
    nothing = [column.new_from_index(0, rows.size) for column in NO_TIMES]
    if not key.size:
        return pl.DataFrame(nothing)
    if whole:
        middle = middle_times(key, time)
        at = _places(middle.key, rows)
        return pl.DataFrame(
            [nothing[0], *(pl.Series(name, getattr(middle, name)).gather(at) for name in ("median", "mean"))]
        )
    key, time = _sorted(key, time)
    table = pl.DataFrame({"key": pl.Series(key, dtype=pl.Int64).set_sorted(), "times": pl.Series(time, dtype=pl.Int64)})
    lists = table.group_by("key", maintain_order=True).agg("times")
    found = lists["times"].gather(_places(lists["key"].to_numpy(), rows))
    return pl.DataFrame([found.to_frame().select(pl.col("times").fill_null([])).to_series(), *nothing[1:]])


def _places(keys: np.ndarray, rows: np.ndarray) -> pl.Series:
    """Find each row's key among the sorted keys; null where it is not there."""
    place = np.minimum(np.searchsorted(keys, rows), keys.size - 1)
    return pl.Series(np.where(keys[place] == rows, place, -1)).replace(-1, None)


def _sorted(key: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    room = 63 - int(key.max(initial=0)).bit_length()
    if time.size and room > 0 and int(time.max()) < 1 << room:
        # key and time share one number: sorting numbers beats grouping rows
        packed = key.astype(np.int64)
        packed <<= room
        packed |= time
        packed.sort()
        return packed >> room, packed & ((1 << room) - 1)
    order = np.lexsort((time, key))
    return key[order], time[order]
