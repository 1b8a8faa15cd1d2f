"""Cells that no spreadsheet runs as a formula, and types that every reader of CSV knows."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl

# A spreadsheet takes these for the start of a formula, also after invisible characters; signed numbers are none.
FORMULA = r"^[\s\x00\p{Cf}]*[=+\-@\t\r\n|%＝＋－＠]"
NUMBER = r"^[+-]?\d+([.,]\d+)*%?$"
# Where lists are separated by semicolons, a cell of a CSV begins after each of these, too.
INSIDE = r"(?s)(.[;\t\r\n][\s\x00\p{Cf}]*)([=+\-@＝＋－＠])"


def flatten_columns(table: pl.DataFrame, *, durations: bool = True) -> pl.DataFrame:
    """Turn a table into plain columns: durations in seconds, lists as text, bytes in hex, nested values as JSON.

    Times with a zone become UTC; `durations=False` keeps durations.
    """
    columns, names = [], []
    for name, dtype in table.schema.items():
        value = pl.col(name)
        in_seconds = durations and dtype == pl.Duration
        names.append(f"{name}_seconds" if in_seconds else name)
        if in_seconds:
            value = value.dt.total_microseconds() / 1_000_000
        elif isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            value = value.dt.convert_time_zone("UTC")
        elif isinstance(dtype, pl.List | pl.Array | pl.Struct):
            value = _write_nested_as_text(value, dtype)
        elif dtype == pl.Binary:
            value = value.bin.encode("hex")
        elif dtype == pl.Object:
            value = value.map_batches(_write_objects_as_text, return_dtype=pl.String, is_elementwise=True)
        elif isinstance(dtype, pl.Enum | pl.Categorical):
            value = value.cast(pl.String)
        columns.append(value)
    return table.select(value.alias(name) for value, name in zip(columns, make_unique_names(names), strict=True))


def make_unique_names(names: Iterable[str], *, mark: str = "_2", prefix: bool = False) -> list[str]:
    """Make column names unique: a name that is taken gets the mark, repeatedly if need be.

    Examples
    --------
    >>> make_unique_names(["d_seconds", "d_seconds", "d"])
    ['d_seconds', 'd_seconds_2', 'd']
    """
    given = list(names)
    unique: list[str] = []
    for place, name in enumerate(given):
        chosen = name
        while chosen in unique or (chosen != name and chosen in given[place + 1 :]):
            chosen = f"{mark}{chosen}" if prefix else f"{chosen}{mark}"
        unique.append(chosen)
    return unique


def neutralise_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run as a formula, in cells and in column names.

    Examples
    --------
    >>> neutralise_formulas(pl.DataFrame({"name": ["=cmd|' /C calc'!A0", "-5", "Ada", "a;=1"]}))["name"].to_list()
    ["'=cmd|' /C calc'!A0", '-5', 'Ada', "a;'=1"]
    """
    cells = table.with_columns(_neutralise_formulas(pl.col(name)).alias(name) for name in _list_text_columns(table))
    names = pl.DataFrame({"name": table.columns}, schema={"name": pl.String})
    cells.columns = make_unique_names(
        names.select(_neutralise_formulas(pl.col("name"))).to_series(), mark="'", prefix=True
    )
    return cells


def has_formula(table: pl.DataFrame, columns: Iterable[str]) -> pl.Series:
    """Tell which rows have text in one of these columns that would get an apostrophe.

    Examples
    --------
    >>> has_formula(pl.DataFrame({"id": ["-NxYz", "u1"], "n": [1, 2]}), ["id", "n"]).to_list()
    [True, False]
    """
    changed = [
        _neutralise_formulas(pl.col(n)).ne_missing(pl.col(n)) for n in _list_text_columns(table.select(*columns))
    ]
    return table.with_columns(found=pl.any_horizontal(*changed, pl.lit(value=False)))["found"]


def replace_non_finite(table: pl.DataFrame) -> pl.DataFrame:
    """Replace NaN and infinity by null: other systems know neither."""
    floats = [name for name, dtype in table.schema.items() if dtype.is_float()]
    return table.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in floats)


def write_csv(table: pl.DataFrame, path: Path) -> None:
    """Write plain columns without formulas; instants in UTC with a Z, times without a zone as they are."""
    plain = flatten_columns(table)
    times = [
        pl.col(name).dt.to_string("%Y-%m-%dT%H:%M:%S%.6f" + ("Z" if dtype.time_zone else "")).alias(name)
        for name, dtype in plain.schema.items()
        if isinstance(dtype, pl.Datetime)
    ]
    neutralise_formulas(plain.with_columns(times)).write_csv(path)


def _list_text_columns(table: pl.DataFrame) -> list[str]:
    return [name for name, dtype in table.schema.items() if dtype == pl.String]


def _neutralise_formulas(text: pl.Expr) -> pl.Expr:
    inside = text.str.replace_all(INSIDE, "$1'$2")
    is_formula = text.str.contains(FORMULA) & ~text.str.contains(NUMBER)
    return pl.when(is_formula).then(pl.concat_str(pl.lit("'"), inside)).otherwise(inside)


def _write_nested_as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write lists of plain values joined by ›, everything deeper as JSON."""
    if _contains_binary(dtype):
        return value.map_batches(_write_json_with_hex, return_dtype=pl.String, is_elementwise=True)
    if isinstance(dtype, pl.Struct):
        return value.struct.json_encode()
    inner = dtype.inner if isinstance(dtype, pl.List | pl.Array) else None
    listed = value.arr.to_list() if isinstance(dtype, pl.Array) else value
    if isinstance(inner, pl.List | pl.Array | pl.Struct):
        # Polars encodes structs only: {"v":[…]} without its first five characters and its last one
        packed = pl.struct(value.alias("v")).struct.json_encode()
        return pl.when(value.is_not_null()).then(packed.str.slice(5).str.head(-1))
    return listed.list.eval(pl.element().cast(pl.String)).list.join(" › ")


def _contains_binary(dtype: object) -> bool:
    if isinstance(dtype, pl.Struct):
        return any(_contains_binary(field.dtype) for field in dtype.fields)
    return _contains_binary(dtype.inner) if isinstance(dtype, pl.List | pl.Array) else dtype == pl.Binary


def _write_json_with_hex(batch: pl.Series) -> pl.Series:
    """Write JSON with bytes in hex, which Polars cannot."""

    def encode_one(value: object) -> str:
        return value.hex() if isinstance(value, bytes) else str(value)

    texts = [
        None if one is None else json.dumps(one, ensure_ascii=False, default=encode_one) for one in batch.to_list()
    ]
    return pl.Series(batch.name, texts, dtype=pl.String)


def _write_objects_as_text(batch: pl.Series) -> pl.Series:
    return pl.Series(batch.name, [None if one is None else str(one) for one in batch], dtype=pl.String)
