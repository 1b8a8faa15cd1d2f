"""Codes of people: dense numbers from 0, in the order of their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.parallel import split_rows


def code_people(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the code of each row's person, and the label of each code.

    Examples
    --------
    >>> codes, labels = code_people(pl.Series(["b", "a", "b"]))
    >>> codes.to_list(), labels.to_list()
    ([1, 0, 1], ['a', 'b'])
    """
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    labels = _distinct_labels(column).rename("person")
    return make_coder(labels)(column), labels


def make_coder(labels: pl.Series) -> Callable[[pl.Series], pl.Series]:
    """Return a function from labels to their codes, which are their places in `labels` (sorted, distinct).

    Integers that lie close together are looked up in a table, which is cheaper than any join; a label that is not in
    `labels` gives a null, or raises IndexError from the table.
    """
    low = _lowest_if_dense(labels)
    if low is None:
        numbered = pl.DataFrame({"person": labels}).with_row_index("code")

        def join_codes(people: pl.Series) -> pl.Series:
            found = people.alias("person").to_frame().join(numbered, on="person", how="left", maintain_order="left")
            return found["code"].alias("person")

        return join_codes
    table = np.zeros(int(labels[-1]) - low + 1, dtype=np.uint32)
    for part, place in _places(labels, low=low):
        table[place] = np.arange(part.start, part.start + place.size, dtype=np.uint32)

    def look_up_codes(people: pl.Series) -> pl.Series:
        codes = np.empty(people.len(), dtype=np.uint32)
        for part, place in _places(people, low=low):
            codes[part] = table.take(place)
        return pl.Series("person", codes)

    return look_up_codes


def _distinct_labels(column: pl.Series) -> pl.Series:
    """Return the distinct values, sorted; of integers close together by a table of those that occur."""
    low = _lowest_if_dense(column)
    if low is None:
        return column.unique().sort()
    used = np.zeros(int(column.max()) - low + 1, dtype=np.bool_)  # type: ignore[arg-type]
    for _, place in _places(column, low=low):
        used[place] = True
    return pl.Series(np.flatnonzero(used) + low).cast(column.dtype)


def _lowest_if_dense(column: pl.Series) -> int | None:
    """Return the smallest of integers that lie close together, None for all other columns."""
    if not column.dtype.is_integer() or not column.len():
        return None
    low, high = int(column.min()), int(column.max())  # type: ignore[arg-type]
    near = high - low <= 4 * column.len() and max(-low, high) < 1 << 62
    return low if near else None


def _places(numbers: pl.Series, *, low: int) -> Iterator[tuple[slice, npt.NDArray[np.int64]]]:
    """Yield the distance of each number from the lowest, in parts that fit the processor's cache."""
    values = numbers.to_numpy()
    for part in split_rows(values.size):
        yield part, values[part].astype(np.int64) - low
