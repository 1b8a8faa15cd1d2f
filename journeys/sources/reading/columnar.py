"""Parquet and Arrow files: put together by their schemas, those that cannot be read set aside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from journeys.sources.reading.concat import concat_rows
from journeys.sources.reading.files import SourceFile, partition
from journeys.sources.reading.rejects import add_rejects
from journeys.sources.reading.spill import SpillBuffer

__all__ = ["read_columnar"]

Pairs = tuple[tuple[str, str], ...]


def read_columnar(
    files: Sequence[SourceFile], kind: str, *, rejects: SpillBuffer[str], hold: bool
) -> pl.LazyFrame | None:
    """Scan files of one kind ("parquet" or "ipc"); with `hold` they are read, and a damage inside one is found."""
    groups: dict[tuple[Pairs, tuple[str, ...], Pairs], list[SourceFile]] = {}
    held: dict[SourceFile, pl.LazyFrame] = {}
    for found in files:
        try:
            own = _scan([found], kind, {})
            schema = own.collect_schema()
            parts = partition(found)
            # a column of the file itself knows better: then the folders' others are the same in all its rows
            apart = tuple(parts.items()) if parts.keys() & set(schema) else ()
            if hold:
                rows = _read([found], kind, parts, own=schema.names()) if parts else own
                held[found] = rows.collect().lazy()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            reason = str(error).splitlines()[0]
            add_rejects(rejects, [(f"unreadable file: {reason}"[:120], str(found.path), "")])
            continue
        types = tuple((name, str(dtype)) for name, dtype in schema.items())
        groups.setdefault((types, tuple(parts), apart), []).append(found)
    frames = [
        pl.concat([held[found] for found in group])
        if hold
        else _read(group, kind, partition(group[0]), own=[name for name, _ in types])
        for (types, _, _), group in groups.items()
    ]
    return concat_rows(frames) if frames else None


def _read(files: Sequence[SourceFile], kind: str, parts: Mapping[str, str], *, own: Collection[str]) -> pl.LazyFrame:
    """Scan files of one schema, with what their folders' names say of all rows in them."""
    if not parts.keys() & set(own):
        return _scan(files, kind, parts)
    said = [pl.lit(value).alias(name) for name, value in parts.items() if name not in own]
    return _scan(files, kind, {}).with_columns(said)


def _scan(files: Sequence[SourceFile], kind: str, parts: Mapping[str, str]) -> pl.LazyFrame:
    paths = [found.path for found in files]
    types = dict.fromkeys(parts, pl.String()) if parts else None
    if kind == "parquet":
        return pl.scan_parquet(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
    return pl.scan_ipc(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
