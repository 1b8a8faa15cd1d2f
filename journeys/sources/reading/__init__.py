"""From a path, a frame or an Arrow-compatible object to lazy rows; objects in columns become structs."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Sequence
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
    find_lake,
    measure_content,
    partition_values,
    table_name,
)
from journeys.sources.reading.frames import frame_rows, read_columnar_files, read_lake
from journeys.sources.reading.json_column import JsonColumns
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
    "load_nested",
    "load_source",
    "parse_json_columns",
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
    if (lake := find_lake(source)) is not None:
        name = Path(source).name if isinstance(source, str | Path) else "table"
        return RawTable(rename_patterns(read_lake(*lake)), name)
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
    rejected = rejects.list_tables()
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


_STAR = "*."
_EMPTY = r"^\s*(\{\s*\}|\[\s*\]|null)?\s*$"


def load_nested(source: Source, *, text: Collection[str], objects: Collection[str] = ()) -> RawTable:
    """Read a source some of whose columns hold objects, however they are written.

    Parameters
    ----------
    source : Source
        What the reader was given.
    text : collection of str
        Columns that stay text in a CSV; `properties.$device_id` is the field of an object in a flattened table.
    objects : collection of str
        Columns that hold objects, as structs or as JSON text. In a flattened table (`properties.$device_id`, or
        `*.properties.$device_id` as PostHog exports it) `Fields` finds their fields by the same names.
    """
    raw = load_source(source, text_columns=[*text, *(_STAR + column for column in text)], json_columns=objects)
    starred = {name: name.removeprefix(_STAR) for name in raw.schema if name.startswith(_STAR)}
    if starred and not set(starred.values()) & set(raw.schema):
        raw = raw.with_rows(raw.rows.rename(starred))
    return parse_json_columns(raw, *objects)


def parse_json_columns(raw: RawTable, *columns: str) -> RawTable:
    """Parse columns that hold JSON objects as text into structs; text that is not an object stays beside the fields.

    Objects that were encoded twice, or written as Python writes a dict, are decoded once more. A column that holds no
    object at all stays text, and a note says so: the identifiers, pages and campaigns in it are not read.
    """
    texts = [column for column in columns if raw.schema.get(column) == pl.String]
    if not texts:
        return raw
    has_object = [pl.col(column).str.contains("{", literal=True).any().alias(column) for column in texts]
    is_encoded = [pl.col(column).str.contains(_ENCODED).any().alias(f"{column} encoded") for column in texts]
    found = raw.rows.select(*has_object, *is_encoded).collect().row(0, named=True)
    rows, notes = raw.rows, list[str]()
    encoded = [column for column in texts if found[f"{column} encoded"]]
    if encoded:
        decoded = {
            column: pl.col(column).map_batches(_decode_texts, return_dtype=pl.String, is_elementwise=True)
            for column in encoded
        }
        counts = rows.select(value.ne_missing(pl.col(column)).sum() for column, value in decoded.items()).collect()
        rows = rows.with_columns(decoded.values())
        notes += [
            f"{column!r} is not an object but the text of one in {count:,} {'row' if count == 1 else 'rows'}: decoded"
            for column, count in zip(encoded, counts.row(0), strict=True)
            if count
        ]
    if any(found[column] for column in texts):
        reader = JsonColumns(texts)
        reader.read_rows(rows)
        frames, more = reader.list_frames()
        rows, notes = pl.concat(frames), [*notes, *more]
    schema = rows.collect_schema()
    unread = [column for column in texts if schema[column] == pl.String]
    if unread:
        filled = rows.select((~pl.col(column).str.contains(_EMPTY)).sum() for column in unread).collect().row(0)
        notes += [
            f"{column!r} is not an object in any of {count:,} rows: "
            "identifiers, pages and campaigns in it were not read"
            for column, count in zip(unread, filled, strict=True)
            if count
        ]
    return raw.with_rows(rows, notes=notes)


# "{\"a\": 1}" (JSON of JSON) or {'a': 1} (a Python dict's text)
_ENCODED = r"""^\s*("\s*\{|\{\s*')"""


def _decode_texts(texts: pl.Series) -> pl.Series:
    encoded = texts.str.contains(_ENCODED).fill_null(value=False)
    if not encoded.any():
        return texts
    return texts.zip_with(~encoded, texts.set(~encoded, None).map_elements(_decode_text, return_dtype=pl.String))


def _decode_text(text: str) -> str:
    """Decode JSON of JSON, or a Python dict's text, as JSON; the text itself where it is neither.

    Examples
    --------
    >>> _decode_text(json.dumps('{"a": 1}')), _decode_text("{'a': None}"), _decode_text("{'a': ")
    ('{"a": 1}', '{"a": null}', "{'a': ")
    """
    try:
        value = json.loads(text) if text.lstrip().startswith('"') else ast.literal_eval(text.strip())
        return value if isinstance(value, str) else json.dumps(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
