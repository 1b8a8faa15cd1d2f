"""Tables of any library, of a lake, and columnar files → lazy Polars rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from journeys.errors import SourceError, first_line
from journeys.sources.reading.files import SourceFile, partition_values
from journeys.sources.reading.row_store import Rejects, concat_rows


def frame_rows(source: Any) -> pl.LazyFrame | None:
    """Return the rows of a DataFrame, an Arrow-compatible object or a dict of columns; None if it is none of these.

    Raises
    ------
    SourceError
        It cannot be read, or two of its columns have the same name.

    Examples
    --------
    >>> frame_rows({"user": [7, "x", None, {"id": 1}]}).collect()["user"].to_list()
    ['7', 'x', None, '{"id": 1}']
    """
    if isinstance(source, pl.LazyFrame):
        try:
            source.collect_schema()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise SourceError(f"source: the LazyFrame cannot be read: {first_line(error)}.") from error
        return source
    if isinstance(source, pl.DataFrame):
        return _objects_as_text(source).lazy()
    is_arrow = hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")
    if not is_arrow and not isinstance(source, dict):
        return None
    is_pandas = type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "iloc")
    if is_pandas:
        names = [str(name) for name in source.columns]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            raise SourceError(f"source: several columns are called {repeated[0]!r}; rename them.")
    failure: BaseException
    try:
        return _objects_as_text(pl.DataFrame(source)).lazy()
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001  # each library has its own errors
        failure = error
    columns = [(name, source.iloc[:, at]) for at, name in enumerate(names)] if is_pandas else []
    if isinstance(source, dict):
        columns = [(str(name), values) for name, values in source.items()]
    try:
        if columns:
            return pl.DataFrame([_to_series(name, values) for name, values in columns]).lazy()
    except (pl.exceptions.PolarsError, TypeError) as error:
        failure = error
    kind = type(source).__name__
    raise SourceError(f"source: this {kind} cannot be read as a table: {first_line(failure)}.") from failure


def _to_series(name: str, values: Any) -> pl.Series:
    """Convert a column; if Polars finds no type for its values, to text."""
    try:
        return _objects_as_text(pl.Series(name, values).to_frame()).to_series()
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001  # as above
        missing: Iterable[bool] = values.isna() if hasattr(values, "isna") else (one is None for one in values)
        texts = [None if is_missing else _to_text(one) for one, is_missing in zip(values, missing, strict=True)]
        return pl.Series(name, texts, dtype=pl.String)


def _objects_as_text(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(
        pl.Series(values.name, [None if one is None else _to_text(one) for one in values], dtype=pl.String)
        for values in frame
        if values.dtype == pl.Object
    )


def _to_text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def read_lake(kind: str, table: object) -> pl.LazyFrame:
    """Scan a Delta or Iceberg table, as `find_lake` found it, in its current version.

    Raises
    ------
    SourceError
        The library that reads such tables is missing, or the table is broken.
    """
    scan: Callable[[Any], pl.LazyFrame] = pl.scan_delta if kind == "Delta" else pl.scan_iceberg
    package = "deltalake" if kind == "Delta" else "pyiceberg"
    try:
        rows = scan(table)
        rows.collect_schema()
    except ImportError:
        raise SourceError(
            f"source: a table of {kind} needs the package {package}: pip install 'journeys[lakes]'."
        ) from None
    except Exception as error:  # each library has errors of its own
        raise SourceError(f"source: this table of {kind} cannot be read: {first_line(error)}.") from error
    return rows


Pairs = tuple[tuple[str, str], ...]


def read_columnar_files(
    files: Sequence[SourceFile], file_format: str, *, rejects: Rejects, in_memory: bool
) -> pl.LazyFrame | None:
    """Scan files of one format ("parquet" or "ipc"); `in_memory` reads them now, which finds damage inside a file."""
    groups: dict[tuple[Pairs, tuple[str, ...], Pairs], list[SourceFile]] = {}
    collected: dict[SourceFile, pl.LazyFrame] = {}
    for file in files:
        try:
            rows = _scan_files([file], file_format, {})
            schema = rows.collect_schema()
            parts = partition_values(file)
            # a column in the file takes precedence over its folder's name: then the other parts are constants
            constants = tuple(parts.items()) if parts.keys() & set(schema) else ()
            if in_memory:
                rows = _read_files([file], file_format, parts, columns=schema.names()) if parts else rows
                collected[file] = rows.collect().lazy()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            rejects.add_file(file.path, error)
            continue
        types = tuple((name, str(dtype)) for name, dtype in schema.items())
        groups.setdefault((types, tuple(parts), constants), []).append(file)
    frames = [
        pl.concat([collected[file] for file in group])
        if in_memory
        else _read_files(group, file_format, partition_values(group[0]), columns=[name for name, _ in types])
        for (types, _, _), group in groups.items()
    ]
    return concat_rows(frames) if frames else None


def _read_files(
    files: Sequence[SourceFile], file_format: str, parts: Mapping[str, str], *, columns: Collection[str]
) -> pl.LazyFrame:
    """Scan files of one schema, with the values from the names of their folders as columns."""
    if not parts.keys() & set(columns):
        return _scan_files(files, file_format, parts)
    constants = [pl.lit(value).alias(name) for name, value in parts.items() if name not in columns]
    return _scan_files(files, file_format, {}).with_columns(constants)


def _scan_files(files: Sequence[SourceFile], file_format: str, parts: Mapping[str, str]) -> pl.LazyFrame:
    paths = [file.place for file in files]
    types = dict.fromkeys(parts, pl.String()) if parts else None
    if file_format == "parquet":
        return pl.scan_parquet(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
    return pl.scan_ipc(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
