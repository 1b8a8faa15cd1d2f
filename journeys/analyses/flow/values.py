"""Numbering what stands in a column: equal values get equal numbers, and each value is read once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.parallel import parallel_map

__all__ = ["number_values"]

_PART = 1 << 17
_SHOWN, _FEW, _MOST = 1 << 17, 1 << 18, 1 << 22


def number_values(series: pl.Series) -> tuple[np.ndarray, list[Any]]:
    """Number the values of a column from 0; the values, null among them, at their numbers.

    Values are told apart by two 64-bit numbers made of each: a place in a table by the one, the other in full. Two
    different values pass for one with a chance of about one in ten million among a billion of them, and that is much
    faster than a dictionary of texts. A table made of some rows knows most values; of the rows that it does not know,
    and of these only, the two numbers are kept for further tables.
    """
    numbers = np.empty(series.len(), dtype=np.int32)
    step = max(1, series.len() // _SHOWN)
    table = _Table.of(*_hashes(series.gather_every(step)), places=_FEW)

    def look_up(low: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        one, two = _hashes(series.slice(low, _PART))
        code = table.look_up(one, two)
        numbers[low : low + _PART] = code
        lost = np.flatnonzero(code < 0)
        return lost + low, one[lost], two[lost]

    parts = parallel_map(look_up, range(0, numbers.size, _PART))
    found = [table.rows * step]
    known = table.rows.size
    if not parts:
        return numbers, []
    left, one, two = (np.concatenate(of) for of in zip(*parts, strict=True))
    while left.size:
        # other digits of the number give another place: what stood in one place before need not again
        place = one >> np.uint64(32 * (len(found) % 2))
        table = _Table.of(place, two, places=min(_MOST, 1 << int(2 * left.size).bit_length()))
        code = table.look_up(place, two)
        met = code >= 0
        numbers[left[met]] = code[met] + np.int32(known)
        found.append(left[table.rows])
        known += table.rows.size
        left, one, two = left[~met], one[~met], two[~met]
    return numbers, series.gather(np.concatenate(found)).to_list()


def _hashes(series: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    return series.hash(seed=1).to_numpy(), series.hash(seed=2).to_numpy()


class _Table(NamedTuple):
    """A place for each value, as far as no other has it: its number there; a row and the second hash of each."""

    rows: np.ndarray
    number: np.ndarray
    key: np.ndarray

    @classmethod
    def of(cls, one: np.ndarray, two: np.ndarray, *, places: int) -> _Table:
        """Give each place to one of the values that belong there."""
        row_at = np.full(places, -1, dtype=np.int64)
        row_at[(one & np.uint64(places - 1)).view(np.int64)] = np.arange(one.size)
        there = np.flatnonzero(row_at >= 0)
        rows = row_at[there]
        number = np.full(places, -1, dtype=np.int32)
        number[there] = np.arange(there.size, dtype=np.int32)
        return cls(rows, number, two[rows])

    def look_up(self, one: np.ndarray, two: np.ndarray) -> np.ndarray:
        """Number the values that have a place; −1 for the others."""
        out = np.empty(one.size, dtype=np.int32)

        def part(low: int) -> None:
            here = slice(low, low + _PART)
            code = self.number.take((one[here] & np.uint64(self.number.size - 1)).view(np.int64))
            # where nobody has the place, −1 looks at the last key, and whatever that says stays −1
            np.putmask(code, self.key.take(code) != two[here], -1)
            out[here] = code

        parallel_map(part, range(0, one.size, _PART))
        return out
