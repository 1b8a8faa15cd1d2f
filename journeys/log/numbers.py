"""Numbers for people: from 0, in the order of their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.parallel import split_rows

__all__ = ["code_people", "coder"]


def code_people(column: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Number the people of a column; also return their labels, each at its number."""
    if column.dtype in (pl.Categorical, pl.Enum):
        column = column.cast(pl.String)
    labels = _labels(column).rename("person")
    return coder(labels)(column), labels


def coder(labels: pl.Series) -> Callable[[pl.Series], pl.Series]:
    """Return what turns labels into their places in `labels`, which are sorted; all have one."""
    low = _lowest(labels)
    if low is None:
        numbered = pl.DataFrame({"person": labels}).with_row_index("code")

        def joined(who: pl.Series) -> pl.Series:
            found = who.alias("person").to_frame().join(numbered, on="person", how="left", maintain_order="left")
            return found["code"].alias("person")

        return joined
    table = np.zeros(int(labels[-1]) - low + 1, dtype=np.uint32)
    for part, place in _places(labels, low=low):
        table[place] = np.arange(part.start, part.start + place.size, dtype=np.uint32)

    def looked_up(who: pl.Series) -> pl.Series:
        codes = np.empty(who.len(), dtype=np.uint32)
        for part, place in _places(who, low=low):
            codes[part] = table.take(place)
        return pl.Series("person", codes)

    return looked_up


def _labels(column: pl.Series) -> pl.Series:
    low = _lowest(column)
    if low is None:
        return column.unique().sort()
    used = np.zeros(int(column.max()) - low + 1, dtype=np.bool_)  # type: ignore[arg-type]
    for _, place in _places(column, low=low):
        used[place] = True
    return pl.Series(np.flatnonzero(used) + low).cast(column.dtype)


def _lowest(column: pl.Series) -> int | None:
    """Return the smallest of whole numbers that lie close together: a table of them is cheaper than any join."""
    if not column.dtype.is_integer() or not column.len():
        return None
    low, high = int(column.min()), int(column.max())  # type: ignore[arg-type]
    near = high - low <= 4 * column.len() and max(-low, high) < 1 << 62
    return low if near else None


def _places(numbers: pl.Series, *, low: int) -> Iterator[tuple[slice, npt.NDArray[np.int64]]]:
    """Count from the lowest, in pieces that stay in the processor's cache."""
    values = numbers.to_numpy()
    for part in split_rows(values.size):
        yield part, values[part].astype(np.int64) - low
