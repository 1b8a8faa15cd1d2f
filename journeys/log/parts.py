"""Parts of a shard's rows that split no person, worked on in parallel."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import numpy as np
import polars as pl

from journeys.parallel import parallel_map

T = TypeVar("T")
_PART_ROWS = 250_000
"""Rows counted together: few enough for the processor's cache, enough that threads seldom wait for each other."""


def map_between_people(rows: pl.DataFrame, work: Callable[[pl.DataFrame], T]) -> list[T]:
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
    for near in range(_PART_ROWS, len(person) - _PART_ROWS // 2, _PART_ROWS):
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
