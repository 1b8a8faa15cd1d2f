"""Rows put by as they are read: in memory while few, else in files that vanish with the last who reads them."""

from __future__ import annotations

import tempfile
from typing import Generic, TypeVar

import polars as pl

__all__ = ["Spool"]

PART = 64 << 20
MANY = 64
FEW = 2
ROW_GROUP = 25_000  # some are read ahead, and rows of JSON are wide
Mark = TypeVar("Mark")


class Spool(Generic[Mark]):
    """Rows in order of arrival; neighbours of one mark (the schema that they have) lie together.

    Text is read once. What was read of it stays in memory up to 64 MB; beyond, it goes to Parquet files in the folder
    for temporary files (`TMPDIR`), which are open and have no name: they are gone when the last table over them is.
    """

    def __init__(self) -> None:
        self.groups: list[tuple[Mark, list[pl.LazyFrame]]] = []
        self.waiting: list[pl.DataFrame] = []
        self.mark: Mark | None = None
        self.size = self.held = self.files = 0

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
            if len(parts) > FEW:  # scans put together are all read at once, those of one file one after the other
                parts[:] = [_filed(pl.concat(parts))]
        return [(mark, pl.concat(parts) if len(parts) > 1 else parts[0]) for mark, parts in self.groups]

    def _close(self) -> None:
        """Keep the rows that wait as they are: the schema has changed, or there are no more."""
        if self.waiting:
            self.held += self.size
            self._keep(pl.concat(self.waiting).lazy(), files=0)

    def _keep(self, rows: pl.LazyFrame, *, files: int) -> None:
        if not self.groups or self.groups[-1][0] != self.mark:
            assert self.mark is not None  # noqa: S101  # somebody has added rows
            self.groups.append((self.mark, []))
            files = min(files, 1)
        parts = self.groups[-1][1]
        parts.append(rows)
        if files == MANY:  # open files are few on some systems
            parts[-MANY:] = [_filed(pl.concat(parts[-MANY:]))]
            files = 0
        self.waiting, self.size, self.files = [], 0, files


def _filed(rows: pl.LazyFrame) -> pl.LazyFrame:
    with tempfile.TemporaryFile(prefix="journeys-", suffix=".parquet") as file:
        rows.sink_parquet(file, compression="lz4", row_group_size=ROW_GROUP, statistics=False)
        file.seek(0)
        return pl.scan_parquet(file)  # Polars holds the file open by itself
