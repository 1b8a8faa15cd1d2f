"""Numbering what stands in a column: equal values get equal numbers, and each value is read once."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from journeys.parts import each

__all__ = ["number_values"]

_PART = 1 << 18
_FEW, _MOST = 1 << 17, 1 << 22


def number_values(series: pl.Series) -> tuple[np.ndarray, list[Any]]:
    """Number the values of a column from 0; the values, null among them, at their numbers.

    Values are told apart by two 64-bit numbers made of each: a place in a table by the one, the other in full. Two
    different values pass for one with a chance of about one in ten million among a billion of them, and that is much
    faster than a dictionary of texts.
    """
    values = series.alias("value").to_frame().lazy()
    hashes = values.select(pl.col("value").hash(seed=seed).alias(str(seed)) for seed in (1, 2)).collect()
    one, two = (column.rechunk().to_numpy() for column in hashes)
    found: list[np.ndarray] = []
    numbers, rows = _number_most(one, two, places=_FEW, step=max(1, one.size >> 19))
    left = np.flatnonzero(numbers < 0)
    known = 0
    while True:
        found.append(rows)
        known += rows.size
        if not left.size:
            return numbers, series.gather(np.concatenate(found)).to_list()
        # other digits of the number give another place: what stood in one place before need not again
        shift = np.uint64(32 * (len(found) % 2))
        places = min(_MOST, 1 << int(2 * left.size).bit_length())
        code, rows = _number_most(one[left] >> shift, two[left], places=places, step=1)
        rows, met = left[rows], code >= 0
        numbers[left[met]] = code[met] + np.int32(known)
        left = left[~met]


def _number_most(one: np.ndarray, two: np.ndarray, *, places: int, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Give each place of a table to one value: its rows get its number, others −1; and a row of each value.

    Which values get a place is seen from every `step`th row.
    """
    mask = np.uint64(places - 1)
    shown = np.arange(0, one.size, step)
    row_at = np.full(places, -1, dtype=np.int64)
    row_at[(one[shown] & mask).view(np.int64)] = shown
    there = np.flatnonzero(row_at >= 0)
    rows = row_at[there]
    number = np.full(places, -1, dtype=np.int32)
    number[there] = np.arange(there.size, dtype=np.int32)
    key = np.zeros(places, dtype=np.uint64)
    key[there] = two[rows]
    out = np.empty(one.size, dtype=np.int32)

    def look_up(low: int) -> None:
        part = slice(low, low + _PART)
        place = (one[part] & mask).view(np.int64)
        code = number.take(place)
        np.putmask(code, key.take(place) != two[part], -1)
        out[part] = code

    each(look_up, range(0, one.size, _PART))
    return out, rows
