"""Large things are worked on in parts: near the processor, all at once, in memory that is kept for the next part."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["PIECE", "each", "give_back", "keep_memory", "pieces", "take"]

PIECE = 1 << 18
_KEPT = 32 * 1024 * 1024 - 64 * 1024

Part = TypeVar("Part")
Done = TypeVar("Done")
Number = TypeVar("Number", bound=np.generic)


def keep_memory() -> None:
    """Let the C library keep what arrays free, up to 64 MB, for the next array.

    Giving memory back page by page, and asking for it again, costs more than counting does. The GNU C library learns
    from the largest block (up to 32 MB) that was ever freed; others are not touched by this.
    """
    np.empty(_KEPT, dtype=np.uint8)


def give_back() -> None:
    """Let the C library give back what it kept, before something large is made that takes none of it.

    Only the GNU C library knows how.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def each(work: Callable[[Part], Done], parts: Iterable[Part]) -> list[Done]:
    """Do the same with each part, on as many threads as Polars has: NumPy lets go of Python while it counts."""
    listed = list(parts)
    keep_memory()
    threads = min(len(listed), pl.thread_pool_size())
    if threads < 2:
        return [work(part) for part in listed]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, listed))


def pieces(size: int, *, of: int = PIECE) -> list[slice]:
    """Cut so many rows into pieces that stay near the processor."""
    return [slice(start, min(start + of, size)) for start in range(0, size, of)]


def take(values: npt.NDArray[Number], at: npt.NDArray[np.integer]) -> npt.NDArray[Number]:
    """Pick values by place, as `values.take(at)` does.

    NumPy first writes all places as long numbers, which costs more memory and time than the picking.
    """
    found = np.empty(at.size, dtype=values.dtype)

    def pick(piece: slice) -> None:
        found[piece] = values.take(at[piece])

    each(pick, pieces(at.size))
    return found
