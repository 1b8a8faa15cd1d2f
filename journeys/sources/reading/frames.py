"""Frames of any library → lazy rows of Polars; columns of mixed values are read as text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import polars as pl

from journeys.errors import SourceError

__all__ = ["frame_rows"]


def frame_rows(source: Any) -> pl.LazyFrame | None:
    """Take a frame, a table that speaks Arrow or a dict of columns as rows; None where it is none of these.

    Raises
    ------
    SourceError
        It cannot be read, or two of its columns have one name.

    Examples
    --------
    >>> frame_rows({"user": [7, "x", None, {"id": 1}]}).collect()["user"].to_list()
    ['7', 'x', None, '{"id": 1}']
    """
    if isinstance(source, pl.LazyFrame):
        try:
            source.collect_schema()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise SourceError(f"source: the LazyFrame cannot be read: {_said(error)}") from error
        return source
    if isinstance(source, pl.DataFrame):
        return _plain(source).lazy()
    speaks = hasattr(source, "__arrow_c_stream__") or hasattr(source, "__arrow_c_array__")
    if not speaks and not isinstance(source, dict):
        return None
    is_pandas = type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "iloc")
    if is_pandas:
        names = [str(name) for name in source.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise SourceError(f"source: several columns are called {twice[0]!r}; give each a name of its own")
    trouble: BaseException
    try:
        return _plain(pl.DataFrame(source)).lazy()
    except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001  # each library has errors of its own
        trouble = error
    columns = [(name, source.iloc[:, at]) for at, name in enumerate(names)] if is_pandas else []
    if isinstance(source, dict):
        columns = [(str(name), values) for name, values in source.items()]
    try:
        if columns:
            return pl.DataFrame([_column(name, values) for name, values in columns]).lazy()
    except (pl.exceptions.PolarsError, TypeError) as error:
        trouble = error
    raise SourceError(f"source: this {type(source).__name__} cannot be read as a table: {_said(trouble)}") from trouble


def _column(name: str, values: Any) -> pl.Series:
    try:
        return _plain(pl.Series(name, values).to_frame()).to_series()
    except (Exception, pl.exceptions.PanicException):  # noqa: BLE001  # as above
        missing: Iterable[bool] = values.isna() if hasattr(values, "isna") else (one is None for one in values)
        texts = [None if nothing else _text(one) for one, nothing in zip(values, missing, strict=True)]
        return pl.Series(name, texts, dtype=pl.String)


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Write Python's own objects as text: nothing else can be done with them."""
    return frame.with_columns(
        pl.Series(values.name, [None if one is None else _text(one) for one in values], dtype=pl.String)
        for values in frame
        if values.dtype == pl.Object
    )


def _text(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _said(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
