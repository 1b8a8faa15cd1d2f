"""A buffer for rows: in memory while they are few, else in temporary files that vanish after their last reader."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import IO, Generic, TypeVar

import polars as pl

__all__ = ["SpillBuffer"]

IN_MEMORY = 64 << 20
MANY = 16
ROW_GROUP = 25_000  # some are read ahead, and rows of JSON are wide
Mark = TypeVar("Mark")
_Part = pl.LazyFrame | IO[bytes]


class SpillBuffer(Generic[Mark]):
    """Rows in order of arrival; consecutive rows with the same mark (which stands for their schema) form one table.

    Up to 64 MB stay in memory. More goes to Parquet files in the folder for temporary files (`TMPDIR`), which are open
    and have no name: they are gone as soon as the last table over them is.
    """

    def __init__(self) -> None:
        self._groups: list[tuple[Mark, list[_Part]]] = []
        self._waiting: list[pl.DataFrame] = []
        self._waiting_bytes = self._memory_bytes = 0
        self._files = 0  # at the end of the last group, not yet merged

    def __del__(self) -> None:
        """Close the files of rows that nobody read."""
        for _, parts in self._groups:
            for part in parts:
                if not isinstance(part, pl.LazyFrame):
                    part.close()

    def add(self, frame: pl.DataFrame, *, mark: Mark) -> None:
        """Append rows."""
        if not frame.height:
            return
        if not self._groups or self._groups[-1][0] != mark:
            self._keep_in_memory()
            self._groups.append((mark, []))
            self._files = 0
        self._waiting.append(frame)
        self._waiting_bytes += int(frame.estimated_size())
        if self._memory_bytes + self._waiting_bytes > IN_MEMORY:
            self._spill()

    def tables(self) -> list[tuple[Mark, pl.LazyFrame]]:
        """List each mark with its rows, in order of arrival."""
        self._keep_in_memory()
        tables = [(mark, _concat(parts)) for mark, parts in self._groups]
        self._groups = [(mark, [rows]) for mark, rows in tables]
        return tables

    def _keep_in_memory(self) -> None:
        if self._waiting:
            self._memory_bytes += self._waiting_bytes
            self._groups[-1][1].append(self._take_waiting())

    def _spill(self) -> None:
        """Write the waiting rows to a file; many files become one, as each that is scanned is held open."""
        parts = self._groups[-1][1]
        parts.append(_write_file(self._take_waiting()))
        self._files += 1
        if self._files == MANY:
            parts[-MANY:] = [_write_file(_concat(parts[-MANY:]))]
            self._files = 0

    def _take_waiting(self) -> pl.LazyFrame:
        rows = pl.concat(self._waiting).lazy()
        self._waiting, self._waiting_bytes = [], 0
        return rows


def _concat(parts: Sequence[_Part]) -> pl.LazyFrame:
    """Read parts one after another: neighbouring files in one scan, because separate scans would all run at once."""
    runs: list[pl.LazyFrame] = []
    files: list[IO[bytes]] = []
    for part in [*parts, None]:
        if part is not None and not isinstance(part, pl.LazyFrame):
            files.append(part)
            continue
        if files:
            runs.append(_scan_files(files))
            files = []
        if part is not None:
            runs.append(part)
    return pl.concat(runs) if len(runs) > 1 else runs[0]


def _scan_files(files: Sequence[IO[bytes]]) -> pl.LazyFrame:
    """Scan open files, which Polars then holds open by itself."""
    for file in files:
        file.seek(0)
    rows = pl.scan_parquet(list(files))
    for file in files:
        file.close()
    return rows


def _write_file(rows: pl.LazyFrame) -> IO[bytes]:
    file = tempfile.TemporaryFile(prefix="journeys-", suffix=".parquet")  # noqa: SIM115  # closed once it is scanned
    rows.sink_parquet(file, compression="lz4", row_group_size=ROW_GROUP, statistics=False)
    return file
