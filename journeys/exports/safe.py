"""Cells that no spreadsheet runs: formula injection made harmless, and types that every reader of CSV knows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl

__all__ = ["finite", "flat", "free_names", "harmless", "runs", "write_csv"]

# A spreadsheet takes these for the start of a formula, also after what cannot be seen; plain signed numbers are none.
FORMULA = r"^[\s\x00\p{Cf}]*[=+\-@\t\r\n|%＝＋－＠]"
NUMBER = r"^[+-]?\d+([.,]\d+)*%?$"
# Where lists are separated by semicolons, a cell of a CSV begins after each of these, too.
INSIDE = r"(?s)(.[;\t\r\n][\s\x00\p{Cf}]*)([=+\-@＝＋－＠])"


def flat(table: pl.DataFrame, *, durations: bool = True) -> pl.DataFrame:
    """Turn a table into plain columns: durations in seconds, lists as text, bytes in hex, what is nested as JSON."""
    columns, names = [], []
    for name, dtype in table.schema.items():
        value = pl.col(name)
        long = durations and dtype == pl.Duration
        names.append(f"{name}_seconds" if long else name)
        if long:
            value = value.dt.total_microseconds() / 1_000_000
        elif isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            value = value.dt.convert_time_zone("UTC")
        elif isinstance(dtype, pl.List | pl.Array | pl.Struct):
            value = _nested(value, dtype)
        elif dtype == pl.Binary:
            value = value.bin.encode("hex")
        elif dtype == pl.Object:
            value = value.map_batches(_said, return_dtype=pl.String, is_elementwise=True)
        elif isinstance(dtype, pl.Enum | pl.Categorical):
            value = value.cast(pl.String)
        columns.append(value)
    return table.select(value.alias(name) for value, name in zip(columns, free_names(names), strict=True))


def free_names(names: Iterable[str], *, mark: str = "_2", after: bool = True) -> list[str]:
    """Give each column a name of its own: one that is taken gets a mark, as often as it takes.

    Examples
    --------
    >>> free_names(["d_seconds", "d_seconds", "d"])
    ['d_seconds', 'd_seconds_2', 'd']
    """
    given = list(names)
    taken: set[str] = set()
    free = []
    for place, name in enumerate(given):
        chosen = name
        while chosen in taken or (chosen != name and chosen in given[place + 1 :]):
            chosen = f"{chosen}{mark}" if after else f"{mark}{chosen}"
        taken.add(chosen)
        free.append(chosen)
    return free


def harmless(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run, in cells and in column names.

    Examples
    --------
    >>> harmless(pl.DataFrame({"name": ["=cmd|' /C calc'!A0", "-5", "Ada", "a;=1"]}))["name"].to_list()
    ["'=cmd|' /C calc'!A0", '-5', 'Ada', "a;'=1"]
    """
    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    cells = table.with_columns(_harmless(pl.col(name)).alias(name) for name in texts)
    names = pl.DataFrame({"name": table.columns}, schema={"name": pl.String})
    cells.columns = free_names(names.select(_harmless(pl.col("name"))).to_series(), mark="'", after=False)
    return cells


def runs(table: pl.DataFrame, columns: Iterable[str]) -> pl.Series:
    """Tell which rows have text in one of these columns that would get an apostrophe.

    Examples
    --------
    >>> runs(pl.DataFrame({"id": ["-NxYz", "u1"], "n": [1, 2]}), ["id", "n"]).to_list()
    [True, False]
    """
    texts = [pl.col(name) for name in columns if table.schema[name] == pl.String]
    if not texts:
        return pl.Series([False]).new_from_index(0, table.height)
    return table.select(pl.any_horizontal(_harmless(text).ne_missing(text) for text in texts).alias("runs")).to_series()


def finite(table: pl.DataFrame) -> pl.DataFrame:
    """Leave empty what is no number and what is without end: other systems know neither."""
    floats = [name for name, dtype in table.schema.items() if dtype.is_float()]
    return table.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats)


def write_csv(table: pl.DataFrame, *, path: Path) -> None:
    """Write plain columns without a formula; instants in UTC, with a Z; times without a zone as they are."""
    plain = flat(table)
    times = [
        pl.col(name).dt.to_string("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if dtype.time_zone else "")).alias(name)
        for name, dtype in plain.schema.items()
        if isinstance(dtype, pl.Datetime)
    ]
    harmless(plain.with_columns(times)).write_csv(path)


def _harmless(text: pl.Expr) -> pl.Expr:
    inside = text.str.replace_all(INSIDE, "$1'$2")
    runs = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
    return pl.when(runs).then(pl.concat_str(pl.lit("'"), inside)).otherwise(inside)


def _nested(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if _holds(dtype, pl.Binary):
        return value.map_batches(_by_python, return_dtype=pl.String, is_elementwise=True)
    if isinstance(dtype, pl.Struct):
        return value.struct.json_encode()
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else None
    listed = value.arr.to_list() if isinstance(dtype, pl.Array) else value
    if isinstance(inner, pl.List | pl.Array | pl.Struct):
        packed = pl.struct(value.alias("v")).struct.json_encode()
        return pl.when(value.is_not_null()).then(packed.str.slice(5).str.head(-1))
    return listed.list.eval(pl.element().cast(pl.String)).list.join(" › ")


def _holds(dtype: object, wanted: type[pl.DataType]) -> bool:
    if isinstance(dtype, pl.Struct):
        return any(_holds(field.dtype, wanted) for field in dtype.fields)
    return _holds(dtype.inner, wanted) if isinstance(dtype, pl.List | pl.Array) else dtype == wanted


def _by_python(batch: pl.Series) -> pl.Series:
    """Write JSON with bytes in hex, which Polars cannot."""
    texts = [None if one is None else json.dumps(one, ensure_ascii=False, default=_as_text) for one in batch.to_list()]
    return pl.Series(batch.name, texts, dtype=pl.String)


def _said(batch: pl.Series) -> pl.Series:
    return pl.Series(batch.name, [None if one is None else str(one) for one in batch], dtype=pl.String)


def _as_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
