"""Millions of rows with long identifiers → the few distinct combinations of them, batch by batch.

The text of an identifier is kept once, where it is first seen. Rows are told apart by 64 bits of what they hold, and a
collision of these is found by 32 other ones; where one is found, the identifiers themselves are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Combined", "Combiner", "Words", "combine_texts", "hashes_of"]

Numbers = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Checks = npt.NDArray[np.uint32]

_ODD = 0x9E37_79B9_7F4A_7C15
_LOW = 0xFFFF_FFFF
_SLICE = 32_768
_FULL = 0.6


@dataclass(frozen=True, eq=False, slots=True)
class Combined:
    """Distinct combinations of identifiers.

    Attributes
    ----------
    places : np.ndarray
        One row a combination, a column a type: the place in `values`.
    values : tuple of pl.Series
        Of each type the distinct values as text, and perhaps null.
    """

    places: Numbers
    values: tuple[pl.Series, ...]


def hashes_of(ids: Sequence[str]) -> list[pl.Expr]:
    """Two independent numbers for the identifiers of a row together: `_word` (64 bits), `_check` (32 bits)."""
    word, check = pl.lit(0, dtype=pl.UInt64), pl.lit(0, dtype=pl.UInt64)
    odd = pl.lit(_ODD, dtype=pl.UInt64)
    for at, name in enumerate(ids):
        text = pl.col(name).cast(pl.String)
        word = word * odd + text.hash(1) if at else text.hash(1)
        check = check * odd + text.hash(2) if at else text.hash(2)
    return [word.alias("_word"), (check & pl.lit(_LOW, dtype=pl.UInt64)).cast(pl.UInt32).alias("_check")]


class Words:
    """Numbers for 64-bit words in the order in which they come: a hash table that takes thousands at a time.

    Attributes
    ----------
    count : int
        How many different words there were.
    collided : bool
        Whether one word came with two checks.
    """

    __slots__ = ("_bits", "_marks", "_words", "collided", "count")

    def __init__(self, bits: int = 16) -> None:
        self.count = 0
        self.collided = False
        self._make(bits)

    def number(self, words: Hashes, checks: Checks) -> tuple[Numbers, Places]:
        """Return the number of each word, and where the new ones stand first."""
        number = np.empty(words.size, dtype=np.int32)
        new = [np.empty(0, dtype=np.int64)]
        # in slices that stay in the processor's cache
        for start in range(0, words.size, _SLICE):
            piece = slice(start, start + _SLICE)
            number[piece], found = self._number(np.maximum(words[piece], 1), checks[piece])
            new.append(found + start)
        return number, np.concatenate(new)

    def _number(self, words: Hashes, checks: Checks) -> tuple[Numbers, Places]:
        slot, lost = self._look(words)
        if self.count + lost.size > _FULL * self._words.size:
            self._grow(int((self.count + lost.size) / _FULL).bit_length() + 1)
            slot, lost = self._look(words)
        self._settle(words, slot, lost)
        mark = self._marks.take(slot)
        fresh = np.flatnonzero(mark == 0)
        new = fresh
        if fresh.size:
            at = slot[fresh]
            turn = np.arange(1, fresh.size + 1, dtype=np.uint64)
            self._marks[at[::-1]] = turn[::-1]  # the last one written stays: the first of each word
            first = np.flatnonzero(self._marks.take(at) == turn)
            new = fresh[first]
            number = np.arange(self.count + 1, self.count + 1 + new.size, dtype=np.uint64)
            self._marks[at[first]] = (checks[new].astype(np.uint64) << np.uint64(32)) | number
            self.count += new.size
            mark[fresh] = self._marks.take(at)
        if not self.collided:
            self.collided = not bool(((mark >> np.uint64(32)) == checks).all())
        return (mark & np.uint64(_LOW)).astype(np.int32) - np.int32(1), new

    def _make(self, bits: int) -> None:
        self._bits = np.uint64(64 - bits)
        self._words = np.zeros(1 << bits, dtype=np.uint64)
        self._marks = np.zeros(1 << bits, dtype=np.uint64)

    def _look(self, words: Hashes) -> tuple[Places, Places]:
        """Return the slot of each word by its highest bits, and the words that are not there."""
        slot = (words >> self._bits).view(np.int64)
        return slot, np.flatnonzero(self._words.take(slot) != words)

    def _settle(self, words: Hashes, slot: Places, lost: Places) -> None:
        """Walk from slot to slot until each lost word is found, or stands where nothing stood."""
        at, word = slot[lost], words[lost]
        last = self._words.size - 1
        while lost.size:
            free = np.flatnonzero(self._words.take(at) == 0)
            self._words[at[free]] = word[free]
            still = np.flatnonzero(self._words.take(at) != word)
            slot[lost] = at
            lost, word, at = lost[still], word[still], (at[still] + 1) & last

    def _grow(self, bits: int) -> None:
        used = np.flatnonzero(self._words)
        words, marks = self._words[used], self._marks[used]
        self._make(bits)
        for start in range(0, used.size, _SLICE):
            piece = slice(start, start + _SLICE)
            slot, lost = self._look(words[piece])
            self._settle(words[piece], slot, lost)
            self._marks[slot] = marks[piece]


class Combiner:
    """Numbers the combinations of identifiers as the rows pass by.

    Parameters
    ----------
    ids : sequence of str
        The identifier columns.
    tidy : callable, optional
        Writes texts as they shall be kept.
    """

    def __init__(self, ids: Sequence[str], *, tidy: Callable[[pl.Series], pl.Series] | None = None) -> None:
        self._ids = tuple(ids)
        self._tidy = tidy or _copied
        self._rows = Words()
        self._books = [Words() for _ in ids]
        self._places: list[Numbers] = []
        self._values: list[list[pl.Series]] = [[pl.Series("raw", [], dtype=pl.String)] for _ in ids]

    @property
    def collided(self) -> bool:
        """Whether the hashes cannot be used."""
        return self._rows.collided or any(book.collided for book in self._books)

    def add(self, batch: pl.DataFrame) -> Numbers:
        """Return the number of each row's combination; the batch has the identifiers and `hashes_of` them."""
        number, new = self._rows.number(batch["_word"].to_numpy(), batch["_check"].to_numpy())
        place = pl.Series(new.astype(np.uint32))
        places = np.empty((new.size, len(self._ids)), dtype=np.int32)
        for at, (name, book) in enumerate(zip(self._ids, self._books, strict=True)):
            text = batch[name].gather(place).cast(pl.String)
            # as `hashes_of`, without a query for so few rows
            check = (text.hash(2).to_numpy() & np.uint64(_LOW)).astype(np.uint32)
            places[:, at], first = book.number(text.hash(1).to_numpy(), check)
            self._values[at].append(self._tidy(text.gather(pl.Series(first.astype(np.uint32)))).alias("raw"))
        self._places.append(places)
        return number

    def combined(self) -> Combined:
        """Return what was found so far."""
        empty = np.empty((0, len(self._ids)), dtype=np.int32)
        return Combined(np.concatenate([empty, *self._places]), tuple(pl.concat(one) for one in self._values))


def _copied(texts: pl.Series) -> pl.Series:
    """Write texts anew: those that were merely picked hold on to their whole batch."""
    return pl.select(pl.concat_str(pl.lit(texts), pl.lit(""))).to_series()


def combine_texts(rows: pl.LazyFrame, *, ids: Sequence[str]) -> tuple[Numbers, Combined]:
    """Compare the identifiers themselves: the number of each row's combination, and the combinations."""
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
    return found.to_numpy().astype(np.int32), Combined(places, tuple(values))
