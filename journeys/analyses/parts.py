"""A log is worked on in parts of some people each: near the processor, and all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import polars as pl

__all__ = ["each"]

_KEPT = 16 << 20
"""Bytes. Once a block of this size was freed, the C library of Linux keeps smaller ones for the next array instead of
returning them to the system page by page, which costs more than the counting."""

Part = TypeVar("Part")
Done = TypeVar("Done")


def each(work: Callable[[Part], Done], parts: Iterable[Part]) -> list[Done]:
    """Do the same with each part, on as many threads as Polars has: NumPy lets go of Python while it counts."""
    listed = list(parts)
    np.empty(_KEPT, dtype=np.uint8)
    threads = min(len(listed), pl.thread_pool_size())
    if threads < 2:
        return [work(part) for part in listed]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, listed))
