"""Tables of any library → lazy Polars rows; columns of mixed values are read as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

from journeys.errors import SourceError

__all__ = ["frame_rows"]


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
            raise SourceError(f"source: the LazyFrame cannot be read: {_first_line(error)}.") from error
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
    trouble: BaseException
    try:
        return _objects_as_text(pl.DataFrame(source)).lazy()
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001  # each library has its own errors
        trouble = error
    columns = [(name, source.iloc[:, at]) for at, name in enumerate(names)] if is_pandas else []
    if isinstance(source, dict):
        columns = [(str(name), values) for name, values in source.items()]
    try:
        if columns:
            return pl.DataFrame([_to_series(name, values) for name, values in columns]).lazy()
    except (pl.exceptions.PolarsError, TypeError) as error:
        trouble = error
    kind = type(source).__name__
    raise SourceError(f"source: this {kind} cannot be read as a table: {_first_line(trouble)}.") from trouble


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


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
