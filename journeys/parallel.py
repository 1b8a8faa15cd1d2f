"""Work on large arrays part by part, on all threads, in memory that is reused for the next part."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

ROWS_PER_PART = 1 << 18  # a part of this size stays in the processor's cache
_PERSON_ROWS = 250_000  # the same for rows that are counted by person
_LARGEST_RETAINED_BLOCK = 32 * 1024 * 1024 - 64 * 1024

Part = TypeVar("Part")
Done = TypeVar("Done")
Number = TypeVar("Number", bound=np.generic)


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
