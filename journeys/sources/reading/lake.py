"""Tables of a lake: which of their files count is written in a log beside them, so they are read through it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import SourceError
from journeys.sources.reading.files import local_path

__all__ = ["is_lake", "lake_rows"]

LIBRARIES = {"deltalake": "Delta", "pyiceberg": "Iceberg"}


def is_lake(source: object) -> bool:
    """Is this the folder or the object of a Delta or Iceberg table?"""
    return _table(source) is not None


def lake_rows(source: object) -> tuple[pl.LazyFrame, str] | None:
    """Read a Delta or Iceberg table, given as its folder or as its library's object; None where it is neither.

    A folder of a lake also holds files that are no part of the table any more: read as mere files, rows that were
    overwritten or deleted would count.

    Raises
    ------
    SourceError
        The library that reads such tables is missing, or the table is broken.
    """
    found = _table(source)
    if found is None:
        return None
    kind, table = found
    scan: Callable[[Any], pl.LazyFrame] = pl.scan_delta if kind == "Delta" else pl.scan_iceberg
    package = "deltalake" if kind == "Delta" else "pyiceberg"
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
    return rows, Path(source).name if isinstance(source, str | Path) else "table"


def _table(source: object) -> tuple[str, object] | None:
    """Tell whose table it is, and what its library has to be given."""
    library = type(source).__module__.partition(".")[0]
    if library in LIBRARIES:
        return LIBRARIES[library], source
    if not isinstance(source, str | Path):
        return None
    place = local_path(source).absolute()
    try:
        if (place / "_delta_log").is_dir():
            return "Delta", str(place)
        versions = sorted((place / "metadata").glob("*.metadata.json"), key=_version)
    except (OSError, ValueError):  # it is not a folder that can be listed
        return None
    return ("Iceberg", str(versions[-1])) if versions else None


def _version(metadata: Path) -> tuple[int, str]:
    number = re.match(r"v?(\d+)", metadata.name)
    return (int(number[1]) if number else -1, metadata.name)
