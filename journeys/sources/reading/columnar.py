"""Parquet and Arrow files: put together by their schemas, those that cannot be read set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from journeys.sources.reading.aside import set_aside
from journeys.sources.reading.find import Found, partition
from journeys.sources.reading.spool import Spool
from journeys.sources.reading.stack import concat_rows

__all__ = ["read_columnar"]


def read_columnar(files: Sequence[Found], kind: str, *, aside: Spool[str], hold: bool) -> pl.LazyFrame | None:
    """Scan files of one kind ("parquet" or "ipc"); with `hold` they are read, and a damage inside one is found."""
    groups: dict[tuple[object, ...], list[Found]] = {}
    held: dict[Found, pl.LazyFrame] = {}
    for found in files:
        try:
            own = _scan([found], kind, {})
            schema = own.collect_schema()
            parts = partition(found)
            # a column of the file itself knows better: then the folders' others are the same in all its rows
            apart = tuple(parts.items()) if parts.keys() & set(schema) else ()
            if hold:
                held[found] = _read([found], kind, parts, schema=schema).collect().lazy()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            reason = str(error).splitlines()[0]
            set_aside(aside, [(f"unreadable file: {reason}"[:120], str(found.path), "")])
            continue
        types = tuple((name, str(dtype)) for name, dtype in schema.items())
        groups.setdefault((types, tuple(parts), apart), []).append(found)
    frames = [
        pl.concat([held[found] for found in group])
        if hold
        else _read(group, kind, partition(group[0]), schema=_scan(group[:1], kind, {}).collect_schema())
        for group in groups.values()
    ]
    return concat_rows(frames) if frames else None


def _read(files: Sequence[Found], kind: str, parts: Mapping[str, str], *, schema: pl.Schema) -> pl.LazyFrame:
    """Scan files of one schema, with what their folders' names say of all rows in them."""
    if not parts.keys() & set(schema):
        return _scan(files, kind, parts)
    said = [pl.lit(value).alias(name) for name, value in parts.items() if name not in schema]
    return _scan(files, kind, {}).with_columns(said)


def _scan(files: Sequence[Found], kind: str, parts: Mapping[str, str]) -> pl.LazyFrame:
    paths = [found.path for found in files]
    types = dict.fromkeys(parts, pl.String()) if parts else None
    if kind == "parquet":
        return pl.scan_parquet(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
    return pl.scan_ipc(paths, glob=False, hive_partitioning=bool(parts), hive_schema=types)
