"""Errors of lazy rows, which may turn out to be unreadable only when they are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from journeys.errors import SourceError

__all__ = ["translate_source_errors"]


@contextmanager
def translate_source_errors(name: str) -> Iterator[None]:
    """Turn errors of Polars or of the system into an error of this library while the rows of a source are read.

    Raises
    ------
    SourceError
        The rows cannot be read.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SourceError(f"source: the rows of {name!r} cannot be read: {said}") from error
