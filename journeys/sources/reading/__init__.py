"""From a path, a frame or an Arrow-compatible object to lazy rows: no line is lost, none interpreted yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Unpack

import polars as pl

from journeys.errors import SourceError
from journeys.sources.reading.csv_files import CsvOptions, read_csv_files
from journeys.sources.reading.files import (
    SourceFile,
    check_path,
    describe_skipped,
    find_files,
    measure_content,
    partition_values,
    table_name,
)
from journeys.sources.reading.frames import frame_rows, lake_rows, read_columnar_files
from journeys.sources.reading.json_files import read_json_files
from journeys.sources.reading.json_schema import rename_patterns
from journeys.sources.reading.row_store import PLACE, PROBLEM, RAW, Rejects, concat_rows

__all__ = [
    "PLACE",
    "PROBLEM",
    "RAW",
    "RawTable",
    "Source",
    "SourceFile",
    "concat_rows",
    "find_files",
    "load_files",
    "load_source",
    "table_name",
]

Source = Any
"""A path, a glob, a folder (also of a Delta or Iceberg table), several of them, or a frame or table of any library."""

# Text up to this size is parsed once and kept: parsing it for each question costs more than the memory.
SMALL = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class RawTable:
    """Rows as a system wrote them.

    Attributes
    ----------
    rows
        Lazy, in order of arrival; where lines could not be read, the columns `_problem`, `_place` and `_raw` say so.
    name
        The default name of the source: the stem of the only file, the name of the folder, or "table".
    notes
        What had to be assumed to read the files, in words.
    in_memory
        The files were small and their rows are in memory.
    """

    rows: pl.LazyFrame
    name: str
    notes: tuple[str, ...] = ()
    in_memory: bool = False

    @property
    def schema(self) -> pl.Schema:
        """The columns of the rows with their types."""
        return self.rows.collect_schema()

    def with_rows(self, rows: pl.LazyFrame, *, notes: Sequence[str] = ()) -> RawTable:
        """Replace the rows by what was made of them, and add notes."""
        return replace(self, rows=rows, notes=(*self.notes, *notes))


def load_source(source: Source, **csv_options: Unpack[CsvOptions]) -> RawTable:
    """Read any source as lazy rows; a Delta or Iceberg table is read in its current version.

    Raises
    ------
    SourceError
        There is no such file, it is empty, or it is not a table; or a frame cannot be read.
    """
    if isinstance(source, str | Path):
        check_path(source)
    if (lake := lake_rows(source)) is not None:
        return RawTable(rename_patterns(lake[0]), lake[1])
    paths = [source] if isinstance(source, str | Path) else source
    if isinstance(paths, list | tuple) and all(isinstance(path, str | Path) for path in paths):
        return load_files(find_files(paths), name=_source_name(paths), **csv_options)
    if (rows := frame_rows(source)) is not None:
        return RawTable(rename_patterns(rows), "table")
    raise SourceError(
        f"source: {type(source).__name__} is not a path, a frame or an Arrow-compatible object; give a path, a glob, a "
        "folder, a DataFrame, a LazyFrame or an Arrow table."
    )


def load_files(files: Sequence[SourceFile], *, name: str, **csv_options: Unpack[CsvOptions]) -> RawTable:
    """Read files of one kind of table, whatever their formats, as lazy rows."""
    full = [file for file in files if file.size > 0]
    if not full:
        raise SourceError(
            f"source: {files[0].path} is empty (0 bytes)."
            if len(files) == 1
            else f"source: all {len(files)} files are empty (0 bytes)."
        )
    empty = len(files) - len(full)
    notes = [f"skipped {empty} empty file{'s' if empty > 1 else ''}"] if empty else []
    notes += [describe_skipped(file.skipped) for file in files if file.skipped]
    text_files = [file for file in full if file.format in ("csv", "ndjson")]
    if partitions := {name: None for file in text_files for name in partition_values(file)}:
        names = " and ".join(map(repr, partitions))
        notes.append(f"the names of folders ({names}) become columns for Parquet and Arrow files only")
    in_memory = sum(file.size for file in full) <= SMALL
    in_memory = in_memory and sum(measure_content(file, most=SMALL) for file in full) <= SMALL
    frames: list[pl.LazyFrame] = []
    rejects = Rejects()
    for file_format in ("csv", "ndjson", "parquet", "ipc"):
        members = [file for file in full if file.format == file_format]
        rows: pl.LazyFrame | None = None
        more: list[str] = []
        if members and file_format == "csv":
            if len(members) < len(full):  # beside other formats, objects in text are not parsed yet
                csv_options["json_columns"] = ()
            rows, more = read_csv_files(members, rejects=rejects, **csv_options)
        elif members and file_format == "ndjson":
            rows, more = read_json_files(members, rejects=rejects)
        elif members:
            rows = read_columnar_files(members, file_format, rejects=rejects, in_memory=in_memory)
        frames += [rows] if rows is not None else []
        notes += more
    rejected = rejects.tables()
    if not frames:
        reason, place = "no lines", str(full[0].path)
        if rejected:
            reason, place = rejected[0].select(PROBLEM, PLACE).head(1).collect().row(0)
        raise SourceError(
            f"source: nothing in {name!r} can be read as CSV, NDJSON or Parquet; the first problem is: {reason}, at "
            f"{place}."
        )
    rows = rename_patterns(concat_rows(frames + rejected))
    return RawTable(rows.collect().lazy() if in_memory else rows, name, tuple(notes), in_memory=in_memory)


def _source_name(paths: Sequence[str | Path]) -> str:
    path = Path(paths[0]) if paths else Path()
    stem = path.name.split(".")[0].strip("*_-")
    return stem or path.parent.name or "table"
