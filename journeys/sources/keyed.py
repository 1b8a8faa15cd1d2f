"""Lists of key and value, as BigQuery has them, and JSON kept in text → structs that can be reached into."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from journeys.sources.reading import RawTable
from journeys.sources.reading.json_column import JsonColumns

__all__ = ["json_columns", "keyed_lists"]

TEXTS, WHOLES, FLOATS = ("string_value",), ("int_value",), ("float_value", "double_value")


def keyed_lists(raw: RawTable, columns: Mapping[str, str]) -> RawTable:
    """Turn each column of key-value lists into a struct of its own, named as told; the keys are looked for once."""
    rows = raw.rows
    for column, target in columns.items():
        dtype = raw.schema[column]
        if not isinstance(dtype, pl.List) or not isinstance(dtype.inner, pl.Struct):
            continue
        inner = {field.name: field.dtype for field in dtype.inner.fields}
        value = inner.get("value")
        if "key" not in inner or not isinstance(value, pl.Struct):
            continue
        present = {field.name for field in value.fields}
        types = _types(raw.rows, column, present)
        if not types:
            continue

        def read(batch: pl.Series, types: dict[str, pl.DataType] = types, present: set[str] = present) -> pl.Series:
            return _spread(batch, types, present)

        shape = pl.Struct(types)
        rows = rows.with_columns(
            pl.col(column).map_batches(read, return_dtype=shape, is_elementwise=True).alias(target)
        )
    return RawTable(rows, raw.name, raw.notes, in_memory=raw.in_memory)


def _types(rows: pl.LazyFrame, column: str, present: set[str]) -> dict[str, pl.DataType]:
    pairs = rows.select(pl.col(column)).filter(pl.col(column).list.len() > 0).explode(column, empty_as_null=False)
    value = pl.col(column).struct.field("value")
    used = [value.struct.field(name).is_not_null().any().alias(name) for name in sorted(present)]
    by_key = pairs.group_by(pl.col(column).struct.field("key").alias("_key")).agg(used).sort("_key").collect()
    types: dict[str, pl.DataType] = {}
    for row in by_key.iter_rows(named=True):
        if row["_key"] is None:
            continue
        held = {name for name, is_used in row.items() if is_used is True}
        numbers = held <= {*WHOLES, *FLOATS} and bool(held)
        types[row["_key"]] = pl.String() if not numbers else pl.Int64() if held <= set(WHOLES) else pl.Float64()
    return types


def _spread(batch: pl.Series, types: dict[str, pl.DataType], present: set[str]) -> pl.Series:
    """Scatter the values of a batch of lists into one column a key; of a key given twice the first value stays."""
    height = len(batch)
    frame = pl.DataFrame({"_row": pl.int_range(height, eager=True), "_pair": batch})
    frame = frame.filter(pl.col("_pair").list.len() > 0).explode("_pair", empty_as_null=False)
    value = pl.col("_pair").struct.field("value")
    frame = frame.select(
        "_row",
        pl.col("_pair").struct.field("key").alias("_key"),
        *(value.struct.field(name).alias(name) for name in sorted(present)),
    ).unique(["_row", "_key"], keep="first", maintain_order=True)
    parts = {key[0]: part for key, part in frame.partition_by("_key", as_dict=True).items()}
    columns = []
    for key, dtype in types.items():
        part = parts.get(key)
        column = pl.Series(key, [None], dtype=dtype).new_from_index(0, height)
        if part is not None:
            column = column.scatter(part["_row"], part.select(_value(dtype, present)).to_series())
        columns.append(column.alias(key))
    return pl.DataFrame(columns).to_struct(batch.name)


def _value(dtype: pl.DataType, present: set[str]) -> pl.Expr:
    names = [name for name in (*TEXTS, *WHOLES, *FLOATS) if name in present]
    return pl.coalesce(pl.col(name).cast(dtype, strict=False) for name in names)


def json_columns(raw: RawTable, *columns: str) -> RawTable:
    """Read columns that hold JSON objects as text into structs; text that is no JSON object stays beside the fields."""
    texts = [column for column in columns if raw.schema.get(column) == pl.String]
    looks = raw.rows.select(pl.col(texts).str.contains("{", literal=True).any()).collect() if texts else pl.DataFrame()
    if not any(column.item() for column in looks):
        return raw
    reader = JsonColumns(texts)
    reader.read(raw.rows)
    rows, notes = reader.frames()
    return RawTable(pl.concat(rows), raw.name, (*raw.notes, *notes), in_memory=raw.in_memory)
