"""From a path, a frame or anything Arrow to lazy rows: every line accounted for, no meaning given to it yet."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import SourceError
from journeys.sources.lake import lake_rows
from journeys.sources.reading.columnar import read_columnar
from journeys.sources.reading.concat import concat_rows
from journeys.sources.reading.csv_files import read_delimited
from journeys.sources.reading.files import SourceFile, check_place, find_files, partition, passed_over, table_name
from journeys.sources.reading.frames import frame_rows
from journeys.sources.reading.json_files import read_ndjson
from journeys.sources.reading.rejects import PLACE, PROBLEM, RAW
from journeys.sources.reading.spill import SpillBuffer

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
        What to call the source when nobody says: the stem of the only file, the name of the folder, or "table".
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
        """The columns that the rows have."""
        return self.rows.collect_schema()


def load_source(
    source: Source,
    *,
    column_names: Sequence[str] | None = None,
    text_columns: Collection[str] | None = (),
    quoted: bool = True,
    json_columns: Collection[str] = (),
) -> RawTable:
    """Read any source as lazy rows.

    In a CSV, the columns named in `text_columns` (None: all of them) stay text, and the objects in `json_columns` are
    parsed while the file is read. A Delta or Iceberg table is read in its current version.

    Raises
    ------
    SourceError
        There is no such file, it is empty, or it is no table at all; or a frame that cannot be read.
    """
    if isinstance(source, str | Path):
        check_place(source)
    if (lake := lake_rows(source)) is not None:
        return RawTable(*lake)
    if isinstance(source, str | Path) or _all_paths(source):
        files, name = find_files(source), _name(source)
        return load_files(
            files,
            name=name,
            column_names=column_names,
            text_columns=text_columns,
            quoted=quoted,
            json_columns=json_columns,
        )
    if (rows := frame_rows(source)) is not None:
        return RawTable(rows, "table")
    raise SourceError(
        f"source: {type(source).__name__} is neither a path, nor a frame, nor anything that speaks Arrow; "
        "give a path, a glob, a folder, a DataFrame, a LazyFrame or an Arrow table"
    )


def load_files(
    files: Sequence[SourceFile],
    *,
    name: str,
    column_names: Sequence[str] | None = None,
    text_columns: Collection[str] | None = (),
    quoted: bool = True,
    json_columns: Collection[str] = (),
) -> RawTable:
    """Read files of one kind of table, whatever their formats, as lazy rows."""
    empty = [found for found in files if found.size == 0]
    full = [found for found in files if found.size > 0]
    if not full:
        shown = str(files[0].path) if len(files) == 1 else f"{len(files)} files"
        raise SourceError(f"source: {shown} {'is' if len(files) == 1 else 'are'} empty (0 bytes)")
    small = sum(found.size * (8 if found.compression else 1) for found in full) <= SMALL
    frames: list[pl.LazyFrame] = []
    rejects: SpillBuffer[str] = SpillBuffer()
    notes: list[str] = [f"{len(empty)} empty file{'s' if len(empty) > 1 else ''} passed over"] if empty else []
    notes += [passed_over(found.beside) for found in files if found.beside]
    told = {name: None for found in full if found.format in ("csv", "ndjson") for name in partition(found)}
    if told:
        names = " and ".join(map(repr, told))
        notes.append(f"what the names of folders say ({names}) is a column of Parquet and Arrow files only")
    for kind in ("csv", "ndjson", "parquet", "ipc"):
        members = [found for found in full if found.format == kind]
        if not members:
            continue
        if kind == "csv":
            alone = json_columns if len(members) == len(full) else ()  # beside other formats text stays text at first
            rows, said = read_delimited(
                members,
                column_names=column_names,
                text_columns=text_columns,
                quoted=quoted,
                json_columns=alone,
                rejects=rejects,
            )
        elif kind == "ndjson":
            rows, said = read_ndjson(members, rejects=rejects)
        else:
            rows, said = read_columnar(members, kind, rejects=rejects, hold=small), []
        frames += [rows] if rows is not None else []
        notes += said
    broken = [rows for _, rows in rejects.tables()]
    if not frames:
        reason, place = (
            broken[0].select(PROBLEM, PLACE).head(1).collect().row(0) if broken else ("no lines", str(full[0].path))
        )
        raise SourceError(
            f"source: nothing in {name!r} can be read as CSV, NDJSON or Parquet; first trouble: {reason} at {place}"
        )
    frames += broken
    rows = concat_rows(frames)
    if small:
        rows = rows.collect().lazy()
    return RawTable(rows, name, tuple(notes), in_memory=small)


def _all_paths(source: object) -> bool:
    return (
        isinstance(source, Iterable)
        and isinstance(source, list | tuple)
        and all(isinstance(one, str | Path) for one in source)
    )


def _name(source: str | Path | Sequence[str | Path]) -> str:
    if not isinstance(source, str | Path):
        return _name(source[0]) if source else "table"
    path = Path(source)
    stem = path.name.split(".")[0].strip("*_-")
    return stem or path.parent.name or "table"
