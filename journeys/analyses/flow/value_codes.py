"""Dictionary encoding of a column of text: equal values get equal codes, and each distinct value is read once.

It does what a cast to Categorical does, in half to a third of the time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.log.arrays import Ints
from journeys.parallel import parallel_map

_PART = 1 << 17
_SAMPLE, _FIRST_SLOTS, _MAX_SLOTS = 1 << 17, 1 << 18, 1 << 22


def encode_values(series: pl.Series) -> tuple[Ints, list[Any]]:
    """Return a code per row, from 0, and the distinct values (null among them) in the order of their codes.

    Values are compared by two 64-bit hashes: one gives a slot in a hash table, the other is compared in full, so that
    two different values get one code with a chance of about one in ten million among a billion values. A slot holds
    one value; values whose slot is taken go on to the next round, with a new table and other bits of the first hash:

        value  slot in round 1            slot in round 2
        a      5: is put there            -
        b      5: taken, goes on          2: is put there

    The first table is made of a sample of the rows, which has most of the values that are frequent.
    """
    codes = np.empty(series.len(), dtype=np.int32)
    stride = max(1, series.len() // _SAMPLE)
    table = _HashTable.build(*_hash_twice(series.gather_every(stride)), slots=_FIRST_SLOTS)

    def look_up(low: int) -> tuple[Ints, Ints, Ints]:
        one, two = _hash_twice(series.slice(low, _PART))
        code = table.look_up(one, two)
        codes[low : low + _PART] = code
        missing = np.flatnonzero(code < 0)
        return missing + low, one[missing], two[missing]

    parts = parallel_map(look_up, range(0, codes.size, _PART))
    first_rows = [table.rows * stride]
    known = table.rows.size
    if not parts:
        return codes, []
    left, one, two = (np.concatenate(of) for of in zip(*parts, strict=True))
    while left.size:
        slot = one >> np.uint64(32 * (len(first_rows) % 2))
        table = _HashTable.build(slot, two, slots=min(_MAX_SLOTS, 1 << int(2 * left.size).bit_length()))
        code = table.look_up(slot, two)
        is_found = code >= 0
        codes[left[is_found]] = code[is_found] + np.int32(known)
        first_rows.append(left[table.rows])
        known += table.rows.size
        left, one, two = left[~is_found], one[~is_found], two[~is_found]
    return codes, series.gather(np.concatenate(first_rows)).to_list()


def _hash_twice(series: pl.Series) -> tuple[Ints, Ints]:
    return series.hash(seed=1).to_numpy(), series.hash(seed=2).to_numpy()


class _HashTable(NamedTuple):
    """A hash table with one value per slot.

    Attributes
    ----------
    rows : np.ndarray
        A row of each value in the table, by its code.
    number : np.ndarray
        The code in each slot; -1 for an empty one.
    key : np.ndarray
        The second hash of each value, by its code.
    """

    rows: Ints
    number: Ints
    key: Ints

    @classmethod
    def build(cls, one: Ints, two: Ints, *, slots: int) -> _HashTable:
        """Put one of the values that share a slot into it."""
        row_at = np.full(slots, -1, dtype=np.int64)
        row_at[(one & np.uint64(slots - 1)).view(np.int64)] = np.arange(one.size)
        filled = np.flatnonzero(row_at >= 0)
        rows = row_at[filled]
        number = np.full(slots, -1, dtype=np.int32)
        number[filled] = np.arange(filled.size, dtype=np.int32)
        return cls(rows, number, two[rows])

    def look_up(self, one: Ints, two: Ints) -> Ints:
        """Return the code of each value; -1 for those that are not in the table."""
        found = np.empty(one.size, dtype=np.int32)

        def look_up_part(low: int) -> None:
            here = slice(low, low + _PART)
            code = self.number.take((one[here] & np.uint64(self.number.size - 1)).view(np.int64))
            # an empty slot (-1) compares with the last key and stays -1 whatever comes out
            np.putmask(code, self.key.take(code) != two[here], -1)
            found[here] = code

        parallel_map(look_up_part, range(0, one.size, _PART))
        return found
