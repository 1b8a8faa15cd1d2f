"""Rows of several files: combined under one schema, waiting on disk where they are many, rejected with a reason."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Generic, TypeVar

import polars as pl

from journeys.sources.reading.json_rows import parse_objects
from journeys.sources.reading.json_schema import FLOAT_LIMIT, NON_OBJECT, DType, fields_of, merge_schemas

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

    def add_rows(self, frame: pl.DataFrame, *, mark: Mark) -> None:
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
            self._spill_rows()

    def list_tables(self) -> list[tuple[Mark, pl.LazyFrame]]:
        """List each mark with its rows, in order of arrival."""
        self._keep_in_memory()
        tables = [(mark, _concat_parts(parts)) for mark, parts in self._groups]
        self._groups = [(mark, [rows]) for mark, rows in tables]
        return tables

    def _keep_in_memory(self) -> None:
        if self._waiting:
            self._memory_bytes += self._waiting_bytes
            self._groups[-1][1].append(self._take_waiting())

    def _spill_rows(self) -> None:
        """Write the waiting rows to a file; many files become one, as each that is scanned is held open."""
        parts = self._groups[-1][1]
        parts.append(_write_file(self._take_waiting()))
        self._files += 1
        if self._files == MANY:
            parts[-MANY:] = [_write_file(_concat_parts(parts[-MANY:]))]
            self._files = 0

    def _take_waiting(self) -> pl.LazyFrame:
        rows = pl.concat(self._waiting).lazy()
        self._waiting, self._waiting_bytes = [], 0
        return rows


def _concat_parts(parts: Sequence[_Part]) -> pl.LazyFrame:
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


PROBLEM, PLACE, RAW = "_problem", "_place", "_raw"
SHOWN = 256
Reject = tuple[str, str, str]
"""Reason, place (file and line), and the start of the text."""


class Rejects:
    """The rows of a source that could not be read, which become rows of their own."""

    def __init__(self) -> None:
        self._rows: SpillBuffer[str] = SpillBuffer()

    def add_rows(self, rejects: Sequence[Reject]) -> None:
        """Add rows."""
        shortened = [(reason, place, text[:SHOWN]) for reason, place, text in rejects]
        schema = dict.fromkeys((PROBLEM, PLACE, RAW), pl.String())
        self._rows.add_rows(pl.DataFrame(shortened, schema=schema, orient="row"), mark="rejects")

    def add_file(self, path: Path, reason: object) -> None:
        """Add a file that could not be read, or not to its end."""
        self.add_rows([(f"unreadable file: {str(reason).splitlines()[0]}"[:120], str(path), "")])

    def list_tables(self) -> list[pl.LazyFrame]:
        """List the rows as tables: one, or none."""
        return [rows for _, rows in self._rows.list_tables()]


def snake_case(name: str) -> str:
    """Write a field's name as a warehouse does: `userAgent` and `User Agent` become `user_agent`.

    Examples
    --------
    >>> snake_case("userAgent"), snake_case("planID"), snake_case("First Name"), snake_case("$current_url")
    ('user_agent', 'plan_id', 'first_name', 'current_url')
    """
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", name)
    return re.sub(r"[^\w]+", "_", words).strip("_").lower() or "unnamed"


def flatten_column(
    expr: pl.Expr, dtype: DType, *, prefix: str, rename: Callable[[str], str] = snake_case
) -> list[tuple[str, pl.Expr]]:
    """List the leaves of a nested column as (flat name, expression); lists become JSON text."""
    if isinstance(dtype, pl.Struct):
        leaves: list[tuple[str, pl.Expr]] = []
        for field in dtype.fields:
            own = "" if field.name == NON_OBJECT else rename(field.name)
            name = f"{prefix}_{own}" if prefix and own else prefix or own
            leaves += flatten_column(expr.struct.field(field.name), field.dtype, prefix=name, rename=rename)
        return leaves
    if isinstance(dtype, pl.List | pl.Array):
        return [(prefix, as_json(expr))]
    return [(prefix, expr)]


def as_json(expr: pl.Expr) -> pl.Expr:
    """Write a list column as JSON text, null where it is null."""
    wrapped = pl.struct(expr.alias("v")).struct.json_encode()
    return pl.when(expr.is_not_null()).then(wrapped.str.slice(5).str.head(-1))


def concat_rows(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Concatenate frames in order; a column whose types differ gets a type that holds all its values.

    For example, whole numbers and floats become floats, unless a float would round the whole numbers; numbers and text
    become text; objects and text become objects with one more field for the text.
    """
    if len(frames) == 1:
        return frames[0]
    schemas = [frame.collect_schema() for frame in frames]
    merged = merge_schemas(schemas)
    merged |= dict.fromkeys(_columns_that_round(frames, schemas, merged), pl.String())
    return pl.concat([convert_rows(frame, merged) for frame in frames])


def convert_rows(rows: pl.LazyFrame, wanted: Mapping[str, DType]) -> pl.LazyFrame:
    """Convert columns to types that hold their values; missing ones are null."""
    have = rows.collect_schema()
    if list(have.items()) == list(wanted.items()):
        return rows
    return rows.select(_convert_field(pl.col(name), have.get(name), dtype, name) for name, dtype in wanted.items())


def _columns_that_round(
    frames: Sequence[pl.LazyFrame], schemas: Sequence[pl.Schema], merged: Mapping[str, DType]
) -> list[str]:
    """List the columns of whole numbers that would be rounded, as other frames have floats there."""
    found: list[str] = []
    for frame, schema in zip(frames, schemas, strict=True):
        whole = [name for name, dtype in schema.items() if dtype == pl.Int64() and merged[name] == pl.Float64()]
        largest = frame.select(pl.max_horizontal(pl.col(name).max(), -pl.col(name).min()).alias(name) for name in whole)
        values = largest.collect().row(0, named=True) if whole else {}
        found += [name for name, value in values.items() if value and value >= FLOAT_LIMIT]
    return found


def convert_value(value: pl.Expr, dtype: DType, wanted: DType) -> pl.Expr:
    """Convert a value to a type that holds it, at all levels."""
    if isinstance(wanted, pl.Struct) and not isinstance(dtype, pl.Struct) and dtype != pl.Null():
        return convert_value(value, dtype, pl.String()).map_batches(
            lambda texts: parse_objects(texts, wanted), return_dtype=wanted, is_elementwise=True
        )
    if isinstance(wanted, pl.Struct) and isinstance(dtype, pl.Struct) and dtype != wanted:
        have = fields_of(dtype)
        fields = [
            _convert_field(value.struct.field(name), have.get(name), inner, name)
            for name, inner in fields_of(wanted).items()
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if wanted != pl.String():
        return value.cast(wanted)
    if isinstance(dtype, pl.Struct):
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    if isinstance(dtype, pl.List | pl.Array):
        return as_json(value)
    return value.dt.to_string("iso") if dtype.is_temporal() else value.cast(pl.String)


def _convert_field(value: pl.Expr, dtype: DType | None, wanted: DType, name: str) -> pl.Expr:
    if dtype is None:
        return pl.lit(None, dtype=wanted).alias(name)
    return (value if dtype == wanted else convert_value(value, dtype, wanted)).alias(name)
