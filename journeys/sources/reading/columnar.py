"""Parquet and Arrow files: grouped by schema and combined; files that cannot be read are rejected."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from journeys.sources.reading.concat import concat_rows
from journeys.sources.reading.files import SourceFile, partition_values
from journeys.sources.reading.rejects import Rejects

__all__ = ["read_columnar_files"]

Pairs = tuple[tuple[str, str], ...]


def read_columnar_files(
    files: Sequence[SourceFile], file_format: str, *, rejects: Rejects, in_memory: bool
) -> pl.LazyFrame | None:
    """Scan files of one format ("parquet" or "ipc"); `in_memory` reads them now, which finds damage inside a file."""
    groups: dict[tuple[Pairs, tuple[str, ...], Pairs], list[SourceFile]] = {}
    collected: dict[SourceFile, pl.LazyFrame] = {}
    for file in files:
        try:
            rows = _scan([file], file_format, {})
            schema = rows.collect_schema()
            parts = partition_values(file)
            # a column in the file takes precedence over its folder's name: then the other parts are constants
            constants = tuple(parts.items()) if parts.keys() & set(schema) else ()
            if in_memory:
                rows = _read([file], file_format, parts, columns=schema.names()) if parts else rows
                collected[file] = rows.collect().lazy()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            rejects.add_file(file.path, error)
            continue
        types = tuple((name, str(dtype)) for name, dtype in schema.items())
        groups.setdefault((types, tuple(parts), constants), []).append(file)
    frames = [
        pl.concat([collected[file] for file in group])
        if in_memory
        else _read(group, file_format, partition_values(group[0]), columns=[name for name, _ in types])
        for (types, _, _), group in groups.items()
    ]
    return concat_rows(frames) if frames else None


def _read(
    files: Sequence[SourceFile], file_format: str, parts: Mapping[str, str], *, columns: Collection[str]
) -> pl.LazyFrame:
    """Scan files of one schema, with the values from the names of their folders as columns."""
    if not parts.keys() & set(columns):
        return _scan(files, file_format, parts)
    constants = [pl.lit(value).alias(name) for name, value in parts.items() if name not in columns]
    return _scan(files, file_format, {}).with_columns(constants)


def _scan(files: Sequence[SourceFile], file_format: str, parts: Mapping[str, str]) -> pl.LazyFrame:
    paths = [file.place for file in files]
    types = dict.fromkeys(parts, pl.String()) if parts else None
    if file_format == "parquet":
        return pl.scan_parquet(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
    return pl.scan_ipc(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
