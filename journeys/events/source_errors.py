"""Errors of Polars and of the system, raised while the rows of a source are read, as errors of this library."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from journeys.errors import JourneysError, SourceError


@contextmanager
def translate_source_errors(
    name: str, *, error_class: type[JourneysError] = SourceError, hint: str = ""
) -> Iterator[None]:
    """Turn an error while the rows of a source are read into one of this library.

    Raises
    ------
    SourceError
        Or another `error_class`: a file was moved or changed, is damaged, or holds other types than it states. The
        message ends with the `hint`.
    """
    try:
        yield
    except FileNotFoundError as error:
        reason = _first_line(error)
        raise error_class(f"source: a file of {name!r} is not there any more: {reason}; read it again.") from error
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        is_panic = isinstance(error, pl.exceptions.PanicException)
        reason = "a file is damaged, or was changed while it was read" if is_panic else _first_line(error)
        raise error_class(f"source: the rows of {name!r} cannot be read: {reason}.{hint and ' '}{hint}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
