"""Large things are worked on in parts: near the processor, all at once, in memory that is kept for the next part."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import polars as pl

__all__ = ["each", "keep_memory"]

_KEPT = 32 * 1024 * 1024 - 64 * 1024

Part = TypeVar("Part")
Done = TypeVar("Done")


def keep_memory() -> None:
    """Let the C library keep what arrays free, up to 64 MB, for the next array.

    Giving memory back page by page, and asking for it again, costs more than counting does. The GNU C library learns
    from the largest block (up to 32 MB) that was ever freed; others are not touched by this.
    """
    np.empty(_KEPT, dtype=np.uint8)


def each(work: Callable[[Part], Done], parts: Iterable[Part]) -> list[Done]:
    """Do the same with each part, on as many threads as Polars has: NumPy lets go of Python while it counts."""
    listed = list(parts)
    keep_memory()
    threads = min(len(listed), pl.thread_pool_size())
    if threads < 2:
        return [work(part) for part in listed]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, listed))
