"""Operations on arrays: runs of rows, search within runs, prefix counts, repeats, a hash index, work in parts.

The rows of a log are sorted by (person, timestamp, arrival), so the rows of a person, or of a session, are one run of
rows `first` to `stop` (the row after the last). In the example of this module person 7 has rows 0 and 1, person 9 has
row 2::

    row     0  1  2
    person  7  7  9      ->  code 7 9, first 0 2, stop 2 3

The same boundaries as Polars expressions, and those of sessions, are in `journeys.log.boundaries`. Large arrays are
worked on part by part, on all threads, in memory that is reused for the next part.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[Any]
Numbers = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Checks = npt.NDArray[np.uint32]
Part = TypeVar("Part")
Done = TypeVar("Done")
Number = TypeVar("Number", bound=np.generic)

ROWS_PER_PART = 1 << 18  # a part of this size stays in the processor's cache
_PERSON_ROWS = 250_000  # the same for rows that are counted by person
_LARGEST_RETAINED_BLOCK = 32 * 1024 * 1024 - 64 * 1024
_LOW_BITS = 0xFFFF_FFFF
_CACHE_SLICE = 32_768
_MAX_LOAD = 0.6
_ROUNDS = 16  # so many steps row by row cost about as much as looking up the end of a run


class PersonBounds(NamedTuple):
    """The people of some rows, ascending, and the run of rows of each.

    Attributes
    ----------
    code : np.ndarray
        The code of each person.
    first, stop : np.ndarray
        The first row of each person, and the row after the last.
    """

    code: Ints
    first: Ints
    stop: Ints

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return int(self.stop[-1]) if self.stop.size else 0


def row_dtype(rows: int) -> type[np.int32 | np.int64]:
    """Choose the integers that number `rows` rows: half the memory is half the time.

    Examples
    --------
    >>> row_dtype(3).__name__, row_dtype(2**31).__name__
    ('int32', 'int64')
    """
    return np.int32 if rows < 2**31 - 1 else np.int64


def mark_changes(values: Ints) -> Bools:
    """Mark the first row of each run of equal values.

    Examples
    --------
    >>> mark_changes(np.array([7, 7, 9])).tolist()
    [True, False, True]
    """
    marked = np.ones(len(values), dtype=np.bool_)
    if len(values):
        np.not_equal(values[1:], values[:-1], out=marked[1:])
    return marked


def number_runs(starts: Bools) -> npt.NDArray[np.int32]:
    """Number runs of rows from 0, given the rows that start one; the first row does.

    Examples
    --------
    >>> number_runs(np.array([True, False, True])).tolist()
    [0, 0, 1]
    """
    number = np.cumsum(starts, dtype=np.int32)
    number -= np.int32(1)
    return number


def bound_people(person: Ints) -> PersonBounds:
    """Find where one person's rows end and another's begin.

    Examples
    --------
    >>> bounds = bound_people(np.array([7, 7, 9]))
    >>> bounds.code.tolist(), bounds.first.tolist(), bounds.stop.tolist()
    ([7, 9], [0, 2], [2, 3])
    """
    first = np.flatnonzero(mark_changes(person))
    return PersonBounds(person[first], first, np.append(first[1:], len(person))[: first.size])


def bounds_from_counts(code: Ints, count: Ints) -> PersonBounds:
    """Find the boundaries of people from the number of rows of each, without reading the rows.

    Examples
    --------
    >>> bounds = bounds_from_counts(np.array([7, 9]), np.array([2, 1]))
    >>> bounds.first.tolist(), bounds.stop.tolist()
    ([0, 2], [2, 3])
    """
    stop = np.cumsum(count)
    return PersonBounds(code, stop - count, stop)


def list_rows(first: Ints, stop: Ints) -> npt.NDArray[np.int64]:
    """List the numbers of all rows in some runs, run after run.

    Examples
    --------
    >>> list_rows(np.array([0, 5]), np.array([2, 6])).tolist()
    [0, 1, 5]
    """
    length = (stop - first).astype(np.int64)
    end = np.cumsum(length)
    return np.repeat(first - (end - length), length) + np.arange(int(end[-1]) if end.size else 0)


def search_within(
    values: Ints, limit: Ints, *, low: Ints, high: Ints, side: Literal["left", "right"] = "right"
) -> npt.NDArray[np.int64]:
    """Find, in runs of rising values, the first row above each run's limit; the end of the run where none is.

    It is `numpy.searchsorted` for many runs of one array at once: a binary search in all of them, of as many rounds
    as the longest run has binary digits. A run begins with its row `low` and ends before `high`. Whether a value equal
    to the limit is above it ("left") or not ("right"), `side` says.

    Examples
    --------
    >>> time = np.array([10, 20, 15])
    >>> search_within(time, np.array([10, 30]), low=np.array([0, 2]), high=np.array([2, 3])).tolist()
    [1, 3]
    """
    found, end = low.astype(np.int64), high.astype(np.int64)  # copies
    # the search of a run is over when low meets high; long runs go on alone when most are over
    run = np.flatnonzero(found < end)
    low, high, limit = found[run], end[run], limit[run]
    while run.size:
        middle = (low + high) >> 1
        value = values.take(middle, mode="clip")
        is_below = (value < limit if side == "left" else value <= limit) & (middle < high)
        high = np.where(is_below, high, middle)
        low = np.where(is_below, middle + 1, low)
        is_open = low < high
        if 2 * np.count_nonzero(is_open) <= run.size:
            found[run] = low
            run, low, high, limit = run[is_open], low[is_open], high[is_open], limit[is_open]
    return found


def count_before(marked: Bools) -> Ints:
    """Count the marked rows before each row, and before the end: an array one longer than `marked`.

    The marked rows from `a` up to before `b` are then `counts[b] - counts[a]`.

    Examples
    --------
    >>> count_before(np.array([True, False, True])).tolist()
    [0, 1, 1, 2]
    """
    counts = np.zeros(len(marked) + 1, dtype=row_dtype(len(marked)))
    np.cumsum(marked, dtype=counts.dtype, out=counts[1:])
    return counts


def count_values(values: Ints) -> tuple[Ints, Ints]:
    """Return the distinct values, which are 0 or above, and how often each occurs.

    Examples
    --------
    >>> [column.tolist() for column in count_values(np.array([5, 0, 5]))]
    [[0, 5], [1, 2]]
    """
    if len(values) and int(values.max()) > len(values):  # too many counts would be zero
        distinct, counts = np.unique(values, return_counts=True)
        return distinct, counts
    counts = np.bincount(values)
    distinct = np.flatnonzero(counts)
    return distinct, counts[distinct]


def next_marked(marked: Ints, at: Ints, *, none: int = -1) -> Ints:
    """Find the first of some rows, which ascend, at or after each row of `at`; `none` where there is no such row.

    Examples
    --------
    >>> next_marked(np.array([1, 4]), np.array([0, 1, 5])).tolist()
    [1, 1, -1]
    """
    return np.append(marked, marked.dtype.type(none)).take(np.searchsorted(marked, at))


def previous_marked(marked: Ints, at: Ints) -> Ints:
    """Find the last of some rows, which ascend, strictly before each row of `at`; -1 where there is no such row.

    Examples
    --------
    >>> previous_marked(np.array([1, 4]), np.array([0, 2, 5])).tolist()
    [-1, 1, 4]
    """
    return np.append(marked.dtype.type(-1), marked).take(np.searchsorted(marked, at))


def collapse_repeats(code: Ints, first: Ints) -> Bools:
    """Mark the rows that are kept when repeats next to each other collapse; the first row of each run is kept.

    Examples
    --------
    >>> collapse_repeats(np.array([3, 3, 3]), first=np.array([0, 2])).tolist()
    [True, False, True]
    """
    kept = mark_changes(code)
    kept[first] = True
    return kept


def skip_marked(marked: Bools, at: Ints, *, step: Literal[-1, 1] = 1) -> Ints:
    """Move each row of `at` on, forward or back, to the nearest row that is not marked (itself, if it is not).

    Where every row up to the end is marked, the answer is `len(marked)`, or -1 going back.

    Most runs of marked rows are short, so rows move one at a time at first; what is left after that stands in a few
    very long runs, whose ends are looked up.

    Examples
    --------
    >>> repeats = np.array([False, True, True])
    >>> skip_marked(repeats, np.array([0, 1])).tolist(), skip_marked(repeats, np.array([2]), step=-1).tolist()
    ([0, 3], [0])
    """
    found: Ints = at.copy()
    if not marked.size:
        return found
    # a row beyond an end is taken for the row at that end, so that no bounds are checked until its place is looked up
    going = np.flatnonzero(marked.take(found, mode="clip"))
    for _ in range(_ROUNDS):
        if not going.size:
            return found
        moved = found[going] + at.dtype.type(step)
        found[going] = moved
        going = going[marked.take(moved, mode="clip")]
    if going.size:
        unmarked = np.flatnonzero(~marked)
        here = found[going]
        found[going] = next_marked(unmarked, here, none=len(marked)) if step == 1 else previous_marked(unmarked, here)
    return found


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


def retain_freed_memory() -> None:
    """Let the C library keep up to 64 MB of freed memory for the next array.

    Returning memory page by page and asking for it again costs more than the counting itself. The GNU C library
    adapts its threshold to the largest block (up to 32 MB) that was ever freed; other libraries are unaffected.
    """
    np.empty(_LARGEST_RETAINED_BLOCK, dtype=np.uint8)


def trim_malloc() -> None:
    """Return retained memory to the system before something large is allocated that cannot reuse it (glibc only)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def parallel_map(work: Callable[[Part], Done], parts: Iterable[Part]) -> list[Done]:
    """Apply `work` to each part on as many threads as Polars uses; NumPy releases the GIL while it counts."""
    listed = list(parts)
    retain_freed_memory()
    threads = min(len(listed), pl.thread_pool_size())
    if threads < 2:
        return [work(part) for part in listed]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, listed))


def split_rows(size: int, *, of: int = ROWS_PER_PART) -> list[slice]:
    """Split `size` rows into slices of at most `of` rows.

    Examples
    --------
    >>> split_rows(5, of=2)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return [slice(start, min(start + of, size)) for start in range(0, size, of)]


def map_between_people(rows: pl.DataFrame, work: Callable[[pl.DataFrame], Done]) -> list[Done]:
    """Apply `work` to parts of some rows, in parallel; the rows have a column `person`, which ascends.

    There is one part at least, if only an empty one.
    """
    parts = split_between_people(rows["person"])
    return parallel_map(lambda part: work(rows.slice(part[0], part[1] - part[0])), parts)


def split_between_people(person: pl.Series) -> list[tuple[int, int]]:
    """Split rows between people into parts of about equal size; return the first row of each and the row after.

    Examples
    --------
    >>> split_between_people(pl.Series([7, 7, 9]))
    [(0, 3)]
    """
    borders = [0]
    for near in range(_PERSON_ROWS, len(person) - _PERSON_ROWS // 2, _PERSON_ROWS):
        border = _first_row_of_person(person, near)
        if border > borders[-1]:
            borders.append(border)
    return list(pairwise([*borders, len(person)]))


def _first_row_of_person(person: pl.Series, row: int) -> int:
    """Return the first row of the person of a row; codes ascend."""
    reach = 1_024
    while True:
        low = max(0, row - reach)
        codes = person.slice(low, row - low + 1).to_numpy()
        at = int(np.searchsorted(codes, codes[-1]))
        if at or not low:
            return low + at
        reach *= 8


def parallel_take(values: npt.NDArray[Number], at: npt.NDArray[np.integer]) -> npt.NDArray[Number]:
    """Gather values by index, as `values.take(at)` does, in parts.

    NumPy first converts all indices to int64, which costs more memory and time than the gathering.
    """
    found = np.empty(at.size, dtype=values.dtype)

    def gather_part(part: slice) -> None:
        found[part] = values.take(at[part])

    parallel_map(gather_part, split_rows(at.size))
    return found
