"""Parquet and Arrow files: put together by their schemas, those that cannot be read set aside."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.sources.reading.aside import set_aside
from journeys.sources.reading.find import Found
from journeys.sources.reading.spool import Spool
from journeys.sources.reading.stack import concat_rows

__all__ = ["read_columnar"]


def read_columnar(files: Sequence[Found], kind: str, *, aside: Spool[str], hold: bool) -> pl.LazyFrame | None:
    """Scan files of one kind ("parquet" or "ipc"); with `hold` they are read, and a damage inside one is found."""
    scan = pl.scan_parquet if kind == "parquet" else pl.scan_ipc
    groups: dict[tuple[tuple[str, str], ...], list[Found]] = {}
    held: dict[Found, pl.LazyFrame] = {}
    for found in files:
        try:
            rows = scan(found.path, glob=False)
            schema = rows.collect_schema()
            if hold:
                held[found] = rows.collect().lazy()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            reason = str(error).splitlines()[0]
            set_aside(aside, [(f"unreadable file: {reason}"[:120], str(found.path), "")])
            continue
        groups.setdefault(tuple((name, str(dtype)) for name, dtype in schema.items()), []).append(found)
    frames = [
        pl.concat([held[found] for found in group]) if hold else scan([found.path for found in group], glob=False)
        for group in groups.values()
    ]
    return concat_rows(frames) if frames else None
