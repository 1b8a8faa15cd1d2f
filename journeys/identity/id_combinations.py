"""Millions of rows with long identifiers → their few distinct combinations, numbered batch by batch.

The text of an identifier is kept once, where it is first seen. Rows are compared by a 64-bit hash; a collision is
detected by another 32 bits, and where one is found, the identifiers themselves are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.int32]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Checks = npt.NDArray[np.uint32]
Uint = TypeVar("Uint", bound=np.unsignedinteger)

_MULTIPLIER = 0x9E37_79B9_7F4A_7C15
_LOW_BITS = 0xFFFF_FFFF
_CACHE_SLICE = 32_768
_MAX_LOAD = 0.6


@dataclass(frozen=True, eq=False, slots=True)
class IdCombinations:
    """Distinct combinations of identifiers.

    Attributes
    ----------
    number : np.ndarray
        The combination of each row.
    places : np.ndarray
        One row per combination, one column per type: the place in `values`.
    values : tuple of pl.Series
        For each type the distinct values as text, and perhaps null.
    first_row : np.ndarray, optional
        The first row of each combination, if it is known.
    """

    number: Numbers
    places: Numbers
    values: tuple[pl.Series, ...]
    first_row: Ints | None = None


def hash_columns(ids: Sequence[str]) -> list[pl.Expr]:
    """Hash each identifier column twice, independently: `_hash0`, … (64 bits) and `_check0`, … (32 bits)."""
    low = pl.lit(_LOW_BITS, dtype=pl.UInt64)
    texts = [pl.col(name).cast(pl.String) for name in ids]
    hashes = [text.hash(1).alias(f"_hash{at}") for at, text in enumerate(texts)]
    return hashes + [(text.hash(2) & low).cast(pl.UInt32).alias(f"_check{at}") for at, text in enumerate(texts)]


class HashIndex:
    """Number 64-bit hashes in the order in which they first come: an open-addressing table that takes arrays.

    A slot holds a hash, and beside it an entry: the check in the high 32 bits, one more than the number in the low
    ones; 0 is an empty slot. Hashes [7, 9, 7] get the numbers [0, 1, 0]; the next array [9, 5] gets [1, 2].

    Attributes
    ----------
    count : int
        How many different hashes there are.
    collided : bool
        Whether one hash came with two checks: two values share it, and the numbers cannot be used.
    """

    __slots__ = ("_entries", "_hashes", "_shift", "collided", "count")

    def __init__(self, bits: int = 20) -> None:
        self.count = 0
        self.collided = False
        self._allocate_slots(bits)

    def number(self, hashes: Hashes, checks: Checks) -> tuple[Numbers, Ints]:
        """Return the number of each hash, and the places where new ones come first."""
        number = np.empty(hashes.size, dtype=np.int32)
        new = [np.empty(0, dtype=np.int64)]
        # in slices that stay in the processor's cache
        for start in range(0, hashes.size, _CACHE_SLICE):
            piece = slice(start, start + _CACHE_SLICE)
            number[piece], found = self._number_slice(np.maximum(hashes[piece], 1), checks[piece])
            new.append(found + start)
        return number, np.concatenate(new)

    def _number_slice(self, hashes: Hashes, checks: Checks) -> tuple[Numbers, Ints]:
        """Number the hashes of a slice: find or insert them all, then number the new ones by their first place."""
        slot, missing = self._probe_hashes(hashes)
        if self.count + missing.size > _MAX_LOAD * self._hashes.size:
            self._grow_table(int((self.count + missing.size) / _MAX_LOAD).bit_length())
            slot, missing = self._probe_hashes(hashes)
        self._insert_hashes(hashes, slot, missing)
        entry = self._entries.take(slot)
        fresh = np.flatnonzero(entry == 0)
        new = fresh
        if fresh.size:
            at = slot[fresh]
            turn = np.arange(1, fresh.size + 1, dtype=np.uint64)
            self._entries[at[::-1]] = turn[::-1]  # the last one written stays: the first of each hash
            first = np.flatnonzero(self._entries.take(at) == turn)
            new = fresh[first]
            number = np.arange(self.count + 1, self.count + 1 + new.size, dtype=np.uint64)
            self._entries[at[first]] = (checks[new].astype(np.uint64) << np.uint64(32)) | number
            self.count += new.size
            entry[fresh] = self._entries.take(at)
        if not self.collided:
            self.collided = not bool(((entry >> np.uint64(32)) == checks).all())
        return (entry & np.uint64(_LOW_BITS)).astype(np.int32) - np.int32(1), new

    def _allocate_slots(self, bits: int) -> None:
        self._shift = np.uint64(64 - bits)
        self._hashes = np.zeros(1 << bits, dtype=np.uint64)
        self._entries = np.zeros(1 << bits, dtype=np.uint64)

    def _probe_hashes(self, hashes: Hashes) -> tuple[Ints, Ints]:
        """Return the home slot of each hash, its highest bits, and the places of hashes that are not there."""
        slot = (hashes >> self._shift).view(np.int64)
        return slot, np.flatnonzero(self._hashes.take(slot) != hashes)

    def _insert_hashes(self, hashes: Hashes, slot: Ints, missing: Ints) -> None:
        """Probe linearly until each missing hash is found or has taken an empty slot; `slot` is changed in place."""
        at, wanted = slot[missing], hashes[missing]
        last = self._hashes.size - 1
        while missing.size:
            free = np.flatnonzero(self._hashes.take(at) == 0)
            self._hashes[at[free]] = wanted[free]
            still = np.flatnonzero(self._hashes.take(at) != wanted)
            slot[missing] = at
            missing, wanted, at = missing[still], wanted[still], (at[still] + 1) & last

    def _grow_table(self, bits: int) -> None:
        """Move all hashes to a larger table at once: in the order of their slots, each behind the one before it."""
        used = np.flatnonzero(self._hashes)
        hashes, entries = self._hashes[used], self._entries[used]
        self._allocate_slots(bits)
        home = (hashes >> self._shift).view(np.int64)
        order = home.argsort(kind="stable")  # they nearly are in order
        turn = np.arange(order.size)
        slot = np.maximum.accumulate(home[order] - turn) + turn
        # what would lie beyond the end wraps around to the beginning, as probing does
        inside = int(np.searchsorted(slot, self._hashes.size))
        self._hashes[slot[:inside]], self._entries[slot[:inside]] = hashes[order[:inside]], entries[order[:inside]]
        for start in range(inside, slot.size, _CACHE_SLICE):
            piece = order[start : start + _CACHE_SLICE]
            slots, missing = self._probe_hashes(hashes[piece])
            self._insert_hashes(hashes[piece], slots, missing)
            self._entries[slots] = entries[piece]


class IdCombiner:
    """Numbers the combinations of identifiers batch by batch.

    While one batch is read, the rows of the one before are numbered, and the new identifiers of that before are stored.
    Texts are stored as `clean` returns them.
    """

    def __init__(self, ids: Sequence[str], *, clean: Callable[[pl.Series], pl.Series] | None = None) -> None:
        self._ids = tuple(ids)
        self._clean = clean or _copy_texts
        self._rows = HashIndex()
        self._indexes = [HashIndex() for _ in ids]
        self._numbers = [np.empty(0, dtype=np.int32)]
        self._places: list[Numbers] = []
        self._values: list[list[pl.Series]] = [[pl.Series("raw", [], dtype=pl.String)] for _ in ids]
        self._first_rows = [np.empty(0, dtype=np.int64)]
        self._height = 0
        self._numbering, self._storing = _Worker(), _Worker()

    def add(self, batch: pl.DataFrame) -> None:
        """Take the next rows: the identifiers and their `hash_columns`."""
        self._numbering.start(lambda: self._number_rows(batch))

    def _number_rows(self, batch: pl.DataFrame) -> None:
        """Number the combinations of a batch, and hand on the rows of those that are new."""
        count = range(len(self._ids))
        hashes, checks = ([batch[f"{name}{at}"].to_numpy() for at in count] for name in ("_hash", "_check"))
        if not self._ids:
            hashes, checks = [np.zeros(batch.height, dtype=np.uint64)], [np.zeros(batch.height, dtype=np.uint32)]
        number, new = self._rows.number(_mix_hashes(hashes), _mix_hashes(checks))
        self._numbers.append(number)
        self._first_rows.append(new + self._height)
        self._height += batch.height
        self._storing.start(lambda: self._store_rows(batch, hashes, checks, new))

    def _store_rows(self, batch: pl.DataFrame, hashes: list[Hashes], checks: list[Checks], new: Ints) -> None:
        """Store the combinations of the new rows, and the identifiers that are new in them."""
        places = np.empty((new.size, len(self._ids)), dtype=np.int32)
        for at, (name, index) in enumerate(zip(self._ids, self._indexes, strict=True)):
            places[:, at], first = index.number(hashes[at].take(new), checks[at].take(new))
            texts = batch[name].gather(pl.Series(new.take(first).astype(np.uint32)))
            self._values[at].append(self._clean(texts.cast(pl.String)).alias("raw"))
        self._places.append(places)

    def finish(self) -> IdCombinations | None:
        """Return what was found, or None where hashes collided."""
        self._numbering.end()
        self._storing.end()
        if self._rows.collided or any(index.collided for index in self._indexes):
            return None
        empty = np.empty((0, len(self._ids)), dtype=np.int32)
        values = tuple(pl.concat(one) for one in self._values)
        number, first_row = np.concatenate(self._numbers), np.concatenate(self._first_rows)
        return IdCombinations(number, np.concatenate([empty, *self._places]), values, first_row)


class _Worker:
    """A thread that does one task after another; who starts the next one waits for the last."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def start(self, task: Callable[[], None]) -> None:
        self._wait_for_last()
        self._last = self._pool.submit(task)

    def _wait_for_last(self) -> None:
        if self._last is not None:
            self._last.result()

    def end(self) -> None:
        self._wait_for_last()
        self._pool.shutdown()


def _mix_hashes(hashes: list[npt.NDArray[Uint]]) -> npt.NDArray[Uint]:
    """Mix the hashes of a row's identifiers, in their order, to one."""
    mixed = hashes[0]
    for one in hashes[1:]:
        mixed = mixed * one.dtype.type(_MULTIPLIER & np.iinfo(one.dtype).max) + one
    return mixed


def _copy_texts(texts: pl.Series) -> pl.Series:
    """Copy texts: those that were merely picked keep their whole batch in memory."""
    return pl.select(pl.concat_str(pl.lit(texts), pl.lit(""))).to_series()


def combine_by_value(rows: pl.LazyFrame, *, ids: Sequence[str]) -> IdCombinations:
    """Number the combinations by comparing the identifiers themselves, where their hashes collide."""
    texts = rows.select(pl.col(name).cast(pl.String) for name in ids).collect()
    distinct = texts.unique(maintain_order=True)
    numbered = distinct.with_row_index("_number")
    found = texts.join(numbered, on=list(ids), how="left", maintain_order="left", nulls_equal=True)["_number"]
    places = np.empty((distinct.height, len(ids)), dtype=np.int32)
    values = []
    for at, name in enumerate(ids):
        of_type = distinct[name].unique(maintain_order=True).rename("raw")
        placed = distinct.select(pl.col(name).alias("raw")).join(
            of_type.to_frame().with_row_index("_place"), on="raw", how="left", maintain_order="left", nulls_equal=True
        )
        places[:, at] = placed["_place"].to_numpy()
        values.append(of_type)
    return IdCombinations(found.to_numpy().astype(np.int32), places, tuple(values))
