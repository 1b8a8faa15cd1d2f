"""Some of the rows, and how many of them stand before any row: what "the latest before" and "the next" rest on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Bools", "Ints", "Marks"]

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[Any]

_FEW = 32
"""Halving costs about as much for one row as counting does for this many."""


class Marks:
    """Rising row numbers among `size` rows; `mask`, if it is known, marks the same rows."""

    __slots__ = ("_count", "_mask", "row", "size")

    def __init__(self, row: Ints, *, size: int, mask: Bools | None = None) -> None:
        self.row = row
        self.size = size
        self._mask = mask
        self._count: Ints | None = None

    @classmethod
    def of(cls, mask: Bools) -> Marks:
        """Take the rows that a mask marks."""
        return cls(np.flatnonzero(mask), size=len(mask), mask=mask)

    def below(self, at: Ints) -> Ints:
        """Say for each row number, up to `size`, how many of the marked rows are below it."""
        if self._count is None:
            if len(at) * _FEW < self.size:
                return np.searchsorted(self.row, at)
            # counted once, whoever asks next
            count = np.zeros(self.size + 1, dtype=np.int32)
            if self._mask is None:
                count[self.row + 1] = 1
            else:
                count[1:] = self._mask
            self._count = np.cumsum(count, dtype=np.int32, out=count)
        return self._count.take(at)
