"""Millions of rows with long identifiers → the few distinct combinations of them, batch by batch.

The text of an identifier is kept once, where it is first seen. Rows are told apart by 64 bits of what they hold, and a
collision of these is found by 32 other ones; where one is found, the identifiers themselves are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

__all__ = ["Combined", "Combiner", "Words", "combine_texts", "hashes_of"]

Numbers = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Checks = npt.NDArray[np.uint32]
Whole = TypeVar("Whole", bound=np.unsignedinteger)

_ODD = 0x9E37_79B9_7F4A_7C15
_LOW = 0xFFFF_FFFF
_HASHES = ("_word", "_check")
_SLICE = 32_768
_FULL = 0.6


@dataclass(frozen=True, eq=False, slots=True)
class Combined:
    """Distinct combinations of identifiers.

    Attributes
    ----------
    number : np.ndarray
        The combination of each row.
    places : np.ndarray
        One row a combination, a column a type: the place in `values`.
    values : tuple of pl.Series
        Of each type the distinct values as text, and perhaps null.
    begin : np.ndarray, optional
        The first row of each combination, if it is known.
    """

    number: Numbers
    places: Numbers
    values: tuple[pl.Series, ...]
    begin: Places | None = None


def hashes_of(ids: Sequence[str]) -> list[pl.Expr]:
    """Two independent numbers for each identifier of a row: `_word` (64 bits) and `_check` (32 bits) with its place."""
    low = pl.lit(_LOW, dtype=pl.UInt64)
    texts = [pl.col(name).cast(pl.String) for name in ids]
    words = [text.hash(1).alias(f"_word{at}") for at, text in enumerate(texts)]
    return words + [(text.hash(2) & low).cast(pl.UInt32).alias(f"_check{at}") for at, text in enumerate(texts)]


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

    def __init__(self, bits: int = 20) -> None:
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
            self._grow(int((self.count + lost.size) / _FULL).bit_length())
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
        """Put all words into a larger table at once: in the order of their slots, each behind the one before it."""
        used = np.flatnonzero(self._words)
        words, marks = self._words[used], self._marks[used]
        self._make(bits)
        home = (words >> self._bits).view(np.int64)
        order = home.argsort(kind="stable")  # they nearly are in order
        turn = np.arange(order.size)
        slot = np.maximum.accumulate(home[order] - turn) + turn
        # what would stand beyond the end starts anew at the beginning, as anybody who looks for it does
        inside = int(np.searchsorted(slot, self._words.size))
        self._words[slot[:inside]], self._marks[slot[:inside]] = words[order[:inside]], marks[order[:inside]]
        for start in range(inside, slot.size, _SLICE):
            piece = order[start : start + _SLICE]
            slots, lost = self._look(words[piece])
            self._settle(words[piece], slots, lost)
            self._marks[slots] = marks[piece]


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
        self._numbers = [np.empty(0, dtype=np.int32)]
        self._places: list[Numbers] = []
        self._values: list[list[pl.Series]] = [[pl.Series("raw", [], dtype=pl.String)] for _ in ids]
        self._begin = [np.empty(0, dtype=np.int64)]
        self._height = 0
        # while one batch is read, the rows of the one before are told apart, and what was new before that is written
        self._telling, self._writing = _Beside(), _Beside()

    def add(self, batch: pl.DataFrame) -> None:
        """Take the next rows: the identifiers and `hashes_of` them."""
        self._telling.do(lambda: self._tell_apart(batch))

    def _tell_apart(self, batch: pl.DataFrame) -> None:
        words, checks = ([batch[f"{name}{at}"].to_numpy() for at in range(len(self._ids))] for name in _HASHES)
        if not self._ids:
            words, checks = [np.zeros(batch.height, dtype=np.uint64)], [np.zeros(batch.height, dtype=np.uint32)]
        number, new = self._rows.number(_together(words), _together(checks))
        self._numbers.append(number)
        self._begin.append(new + self._height)
        self._height += batch.height
        self._writing.do(lambda: self._write(batch, words, checks, new))

    def _write(self, batch: pl.DataFrame, words: list[Hashes], checks: list[Checks], new: Places) -> None:
        """Write down the combinations of the new rows, and the identifiers that are new in them."""
        places = np.empty((new.size, len(self._ids)), dtype=np.int32)
        for at, (name, book) in enumerate(zip(self._ids, self._books, strict=True)):
            places[:, at], first = book.number(words[at].take(new), checks[at].take(new))
            texts = batch[name].gather(pl.Series(new.take(first).astype(np.uint32)))
            self._values[at].append(self._tidy(texts.cast(pl.String)).alias("raw"))
        self._places.append(places)

    def combined(self) -> Combined | None:
        """Return what was found; nothing where hashes collided, which cannot be used then."""
        self._telling.end()
        self._writing.end()
        if self._rows.collided or any(book.collided for book in self._books):
            return None
        empty = np.empty((0, len(self._ids)), dtype=np.int32)
        values = tuple(pl.concat(one) for one in self._values)
        number, begin = np.concatenate(self._numbers), np.concatenate(self._begin)
        return Combined(number, np.concatenate([empty, *self._places]), values, begin)


class _Beside:
    """Does one thing after another beside whoever asks, who waits for the last one before the next."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def do(self, work: Callable[[], None]) -> None:
        self._wait()
        self._last = self._pool.submit(work)

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()

    def end(self) -> None:
        self._wait()
        self._pool.shutdown()


def _together(parts: list[npt.NDArray[Whole]]) -> npt.NDArray[Whole]:
    """Make one number of several: those of a row's identifiers, in their order."""
    whole = parts[0]
    for part in parts[1:]:
        whole = whole * part.dtype.type(_ODD & np.iinfo(part.dtype).max) + part
    return whole


def _copied(texts: pl.Series) -> pl.Series:
    """Write texts anew: those that were merely picked hold on to their whole batch."""
    return pl.select(pl.concat_str(pl.lit(texts), pl.lit(""))).to_series()


def combine_texts(rows: pl.LazyFrame, *, ids: Sequence[str]) -> Combined:
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
    return Combined(found.to_numpy().astype(np.int32), places, tuple(values))
