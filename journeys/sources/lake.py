"""Tables of a lake: which of their files count is written in a log beside them, so they are read through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import SourceError
from journeys.sources.reading import Raw, Source

__all__ = ["load_lake"]


def load_lake(source: Source) -> Raw | None:
    """Read a Delta or Iceberg table, given as its folder or as its library's object; None where it is neither.

    A folder of a lake also holds files that are no part of the table any more: read as mere files, rows that were
    overwritten or deleted would count.

    Raises
    ------
    SourceError
        The library that reads such tables is missing, or the table is broken.
    """
    scan: Callable[[Any], pl.LazyFrame]
    library = type(source).__module__.partition(".")[0]
    place = Path(source).expanduser() if isinstance(source, str | Path) else None
    if library == "deltalake" or (place is not None and (place / "_delta_log").is_dir()):
        kind, package, scan, table = "Delta", "deltalake", pl.scan_delta, source if place is None else str(place)
    elif library == "pyiceberg":
        kind, package, scan, table = "Iceberg", "pyiceberg", pl.scan_iceberg, source
    elif place is not None and (versions := sorted((place / "metadata").glob("*.metadata.json"), key=_version)):
        kind, package, scan, table = "Iceberg", "pyiceberg", pl.scan_iceberg, str(versions[-1])
    else:
        return None
    try:
        rows = scan(table)
        rows.collect_schema()
    except ImportError:
        raise SourceError(
            f"source: a table of {kind} needs the package {package}: pip install 'journeys[lakes]'"
        ) from None
    except Exception as error:  # each library has errors of its own
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SourceError(f"source: this table of {kind} cannot be read: {said}") from error
    return Raw(rows, "table" if place is None else place.name)


def _version(metadata: Path) -> tuple[int, str]:
    number = re.match(r"v?(\d+)", metadata.name)
    return (int(number[1]) if number else -1, metadata.name)
