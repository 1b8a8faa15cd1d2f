"""Rows put by as they are read: in memory while few, else in files that vanish with the last who reads them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import IO, Generic, TypeVar

import polars as pl

__all__ = ["SpillBuffer"]

PART = 64 << 20
MANY = 16
ROW_GROUP = 25_000  # some are read ahead, and rows of JSON are wide
Mark = TypeVar("Mark")
_Part = pl.LazyFrame | IO[bytes]


class SpillBuffer(Generic[Mark]):
    """Rows in order of arrival; neighbours of one mark (the schema that they have) lie together.

    Text is read once. What was read of it stays in memory up to 64 MB; beyond, it goes to Parquet files in the folder
    for temporary files (`TMPDIR`), which are open and have no name: they are gone when the last table over them is.
    """

    def __init__(self) -> None:
        self.groups: list[tuple[Mark, list[_Part]]] = []
        self.waiting: list[pl.DataFrame] = []
        self.mark: Mark | None = None
        self.size = self.held = self.files = 0

    def __del__(self) -> None:
        """Close the files of rows that nobody asked for."""
        for _, parts in self.groups:
            for part in parts:
                if not isinstance(part, pl.LazyFrame):
                    part.close()

    def add(self, frame: pl.DataFrame, *, mark: Mark) -> None:
        """Put rows by."""
        if not frame.height:
            return
        if self.waiting and mark != self.mark:
            self._close()
        self.mark = mark
        self.waiting.append(frame)
        self.size += int(frame.estimated_size())
        if self.held + self.size > PART:
            self._keep(_filed(pl.concat(self.waiting).lazy()), files=self.files + 1)

    def tables(self) -> list[tuple[Mark, pl.LazyFrame]]:
        """List what was put by: each mark with its rows."""
        self._close()
        for _, parts in self.groups:
            parts[:] = [_scanned(parts)]
        return [(mark, rows) for mark, (rows,) in self.groups if isinstance(rows, pl.LazyFrame)]

    def _close(self) -> None:
        """Keep the rows that wait as they are: the schema has changed, or there are no more."""
        if self.waiting:
            self.held += self.size
            self._keep(pl.concat(self.waiting).lazy(), files=0)

    def _keep(self, rows: _Part, *, files: int) -> None:
        if not self.groups or self.groups[-1][0] != self.mark:
            assert self.mark is not None  # noqa: S101  # somebody has added rows
            self.groups.append((self.mark, []))
            files = min(files, 1)
        parts = self.groups[-1][1]
        parts.append(rows)
        if files == MANY:  # each that is scanned is held open, and read ahead of
            parts[-MANY:] = [_filed(_scanned(parts[-MANY:]))]
            files = 0
        self.waiting, self.size, self.files = [], 0, files


def _scanned(parts: Sequence[_Part]) -> pl.LazyFrame:
    """Read parts one after the other: files that are scanned each by itself would all be read at once."""
    runs: list[pl.LazyFrame] = []
    files: list[IO[bytes]] = []
    for part in parts:
        if isinstance(part, pl.LazyFrame):
            runs += _opened(files)
            runs.append(part)
            files = []
        else:
            files.append(part)
    runs += _opened(files)
    return pl.concat(runs) if len(runs) > 1 else runs[0]


def _opened(files: Sequence[IO[bytes]]) -> list[pl.LazyFrame]:
    """Scan files, which Polars then holds open by itself."""
    for file in files:
        file.seek(0)
    rows = [pl.scan_parquet(list(files))] if files else []
    for file in files:
        file.close()
    return rows


def _filed(rows: pl.LazyFrame) -> IO[bytes]:
    file = tempfile.TemporaryFile(prefix="journeys-", suffix=".parquet")  # noqa: SIM115  # closed once it is scanned
    rows.sink_parquet(file, compression="lz4", row_group_size=ROW_GROUP, statistics=False)
    return file
