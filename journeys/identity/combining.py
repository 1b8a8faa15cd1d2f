"""Millions of rows with long identifiers → the few distinct combinations of them, without holding the text of each row.

Of each identifier a row keeps 64 bits, by which rows are told apart, and 32 other ones, by which a collision of the
first is found; where one is found, the identifiers themselves are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Combined", "combine", "hashes_of"]

Numbers = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

_ODD = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = 8


@dataclass(frozen=True, eq=False, slots=True)
class Combined:
    """Distinct combinations of identifiers.

    Attributes
    ----------
    number : np.ndarray
        For each row the number of its combination.
    places : np.ndarray
        One row a combination, a column a type: the place in `values`.
    values : tuple of pl.Series
        Of each type the distinct values as text, and perhaps null.
    hashes : pl.DataFrame
        Of each combination the hash of each identifier, in ``_hash_*``.
    collided : bool
        Whether the hashes could not be used.
    """

    number: Numbers
    places: Numbers
    values: tuple[pl.Series, ...]
    hashes: pl.DataFrame
    collided: bool = False


def hashes_of(ids: Sequence[str]) -> list[pl.Expr]:
    """Two independent numbers for each identifier of a row."""
    texts = {name: pl.col(name).cast(pl.String) for name in ids}
    low = pl.lit(0xFFFF_FFFF, dtype=pl.UInt64)
    return [text.hash(1).alias(f"_hash_{name}") for name, text in texts.items()] + [
        (text.hash(2) & low).cast(pl.UInt32).alias(f"_check_{name}") for name, text in texts.items()
    ]


def combine(rows: pl.LazyFrame, *, ids: Sequence[str], hashes: list[npt.NDArray[Any]]) -> Combined:
    """Number the distinct combinations of identifiers of `rows`.

    Parameters
    ----------
    rows : pl.LazyFrame
        The rows, to look the texts up in.
    ids : sequence of str
        The identifier columns.
    hashes : list of np.ndarray
        The columns of `hashes_of`, row by row; the list is emptied, so that their room is free early.
    """
    words, checks = hashes[: len(ids)], hashes[len(ids) :]
    hashes.clear()
    number, home = _group(_mix(words))
    told = _mix(checks)
    if not bool((told[home][number] == told).all()):
        return _by_text(rows, ids=ids)
    del told
    count = number.size
    word_at = [word[home] for word in words]
    check_at = [check[home] for check in checks]
    words.clear()
    checks.clear()
    places = np.empty((home.size, len(ids)), dtype=np.int32)
    first: list[npt.NDArray[np.int64]] = []
    expected: list[Words] = []
    for at, (word, check) in enumerate(zip(word_at, check_at, strict=True)):
        place, begin = _group(word)
        if not bool((check[begin][place] == check).all()):
            return _by_text(rows, ids=ids)
        # values in order of arrival: looked up in the order in which they lie
        row = home[begin]
        order = np.argsort(row)
        renamed = np.empty(order.size, dtype=np.int32)
        renamed[order] = np.arange(order.size, dtype=np.int32)
        places[:, at] = renamed[place]
        first.append(row[order])
        expected.append(word[begin][order])
    values = _texts(rows, ids=ids, first=first, expected=expected, count=count)
    if values is None:
        return _by_text(rows, ids=ids)
    known = pl.DataFrame({f"_hash_{name}": word for name, word in zip(ids, word_at, strict=True)})
    return Combined(number, places, values, known)


def _mix(parts: list[npt.NDArray[Any]]) -> Words:
    """One word for several, equal only by accident where any of them differs."""
    mixed = np.zeros(parts[0].size if parts else 0, dtype=np.uint64)
    for part in parts:
        mixed *= _ODD
        mixed += part
    return mixed


def _group(words: Words) -> tuple[Numbers, npt.NDArray[np.int64]]:
    """Number equal words alike; return the numbers, and of each number one place that has it.

    A table is addressed by some bits of the word, and the last word written to a place keeps it: one write and one
    look a row settle all rows of that word. The few rows that lost their place try again with other bits.
    """
    number = np.empty(words.size, dtype=np.int32)
    homes: list[npt.NDArray[np.int64]] = []
    rows: npt.NDArray[np.int64] | None = None
    left, count = words, 0
    bits = min(max(10, (words.size // 4).bit_length()), 26)
    for at in range(_ROUNDS):
        if not left.size:
            break
        # odd, so that no word loses a bit; another one each time, so that the same words do not meet again
        slot = (left * (_ODD + np.uint64(2 * at)) >> np.uint64(64 - bits)).astype(np.int32)
        table = np.zeros(1 << bits, dtype=np.uint64)
        table[slot] = left
        good = table[slot] == left
        del table
        settled, lost = np.flatnonzero(good), np.flatnonzero(~good)
        slot = slot[settled]
        home = np.full(1 << bits, -1, dtype=np.int64)
        where = settled if rows is None else rows[settled]
        home[slot] = where
        used = home >= 0
        dense = np.cumsum(used, dtype=np.int32) + np.int32(count - 1)
        number[where] = dense[slot]
        homes.append(home[used])
        count += homes[-1].size
        rows, left = (lost if rows is None else rows[lost]), left[lost]
        bits = min(max(10, (left.size // 4).bit_length()), bits)
    if rows is not None and left.size:
        rest, begin = _group_by_sorting(left)
        number[rows] = rest + np.int32(count)
        homes.append(rows[begin])
    return number, np.concatenate(homes) if homes else np.empty(0, dtype=np.int64)


def _group_by_sorting(words: Words) -> tuple[Numbers, npt.NDArray[np.int64]]:
    order = pl.Series(words).arg_sort().to_numpy()
    ordered = words[order]
    starts = np.empty(words.size, dtype=bool)
    starts[0] = True
    np.not_equal(ordered[1:], ordered[:-1], out=starts[1:])
    number = np.empty(words.size, dtype=np.int32)
    number[order] = np.cumsum(starts, dtype=np.int32) - np.int32(1)
    return number, order[starts].astype(np.int64)


def _texts(
    rows: pl.LazyFrame, *, ids: Sequence[str], first: list[npt.NDArray[np.int64]], expected: list[Words], count: int
) -> tuple[pl.Series, ...] | None:
    """Read the distinct values where they were seen; None when a second reading brings the rows in another order."""
    picked = np.zeros(count, dtype=bool)
    for begin in first:
        picked[begin] = True
    place = np.cumsum(picked, dtype=np.int32)
    found = (
        rows.select(pl.col(name).cast(pl.String) for name in ids).filter(pl.Series(picked, dtype=pl.Boolean)).collect()
    )
    if found.height != int(picked.sum()):
        return None
    values = []
    for name, word, begin in zip(ids, expected, first, strict=True):
        told = found[name].gather(place[begin] - 1)
        if not bool((told.hash(1).to_numpy() == word).all()):
            return None
        values.append(told.rename("raw"))
    return tuple(values)


def _by_text(rows: pl.LazyFrame, *, ids: Sequence[str]) -> Combined:
    """Compare the identifiers themselves."""
    texts = rows.select(pl.col(name).cast(pl.String) for name in ids).collect()
    distinct = texts.unique(maintain_order=True)
    numbered = distinct.with_row_index("_number")
    found = texts.join(numbered, on=list(ids), how="left", maintain_order="left", nulls_equal=True)["_number"]
    places = np.empty((distinct.height, len(ids)), dtype=np.int32)
    values = []
    for at, name in enumerate(ids):
        book = distinct[name].unique(maintain_order=True).rename("raw")
        page = book.to_frame().with_row_index("_place")
        placed = distinct.select(pl.col(name).alias("raw")).join(
            page, on="raw", how="left", maintain_order="left", nulls_equal=True
        )
        places[:, at] = placed["_place"].to_numpy()
        values.append(book)
    return Combined(found.to_numpy().astype(np.int32), places, tuple(values), pl.DataFrame(), collided=True)
