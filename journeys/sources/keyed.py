"""Lists of key and value, as BigQuery has them, and JSON kept in text → structs that can be reached into."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from journeys.sources.reading import Raw
from journeys.sources.reading.dtypes import REST, merge_schemas
from journeys.sources.reading.lines import json_objects, no_object, no_objects, objects, readable_schema
from journeys.sources.reading.schemas import sound_schema

__all__ = ["json_columns", "keyed_lists"]

TEXTS, WHOLES, FLOATS = ("string_value",), ("int_value",), ("float_value", "double_value")


def keyed_lists(raw: Raw, columns: Mapping[str, str]) -> Raw:
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
    return Raw(rows, raw.name, raw.notes, held=raw.held)


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


def json_columns(raw: Raw, *columns: str) -> Raw:
    """Read columns that hold JSON objects as text into structs; text that is no JSON object stays beside the fields."""
    rows, schema, notes = raw.rows, raw.schema, list(raw.notes)
    for column in columns:
        if schema.get(column) != pl.String:
            continue
        found, sound, lost = [], True, 0
        for batch in rows.select(column).collect_batches(chunk_size=50_000):
            values = batch.to_series()
            texts = json_objects(values)
            schema_of = sound_schema(_packed(texts))
            sound &= schema_of is not None
            if schema_of is None:
                texts = texts.map_elements(_checked, return_dtype=pl.String)
                schema_of = sound_schema(_packed(texts)) or {}
            lost += no_objects(values, texts)
            found.append(schema_of)
        fields = readable_schema(merge_schemas(found))
        if "_nothing" in fields:
            continue
        if lost:
            notes.append(no_object((column,), lost))
            fields[REST] = pl.String()
        dtype = pl.Struct(fields)

        # where every value was found sound, it is not looked at a second time
        def read(values: pl.Series, *, dtype: pl.Struct = dtype, sound: bool = sound) -> pl.Series:
            if not sound:
                texts = json_objects(values)
                if sound_schema(_packed(texts)) is None:
                    values = texts.map_elements(_checked, return_dtype=pl.String).fill_null(values)
            return objects(values, dtype)

        rows = rows.with_columns(pl.col(column).map_batches(read, return_dtype=dtype, is_elementwise=True))
    return Raw(rows, raw.name, tuple(notes), held=raw.held)


def _packed(texts: pl.Series) -> bytes:
    """Write one object a line."""
    return str(texts.str.join("\n", ignore_nulls=True).item() or "").encode() + b"\n"


def _checked(text: str) -> str | None:
    """Write JSON so that any parser reads it; None when it is none."""
    try:
        line = json.dumps(json.loads(text, parse_constant=lambda _: None, parse_int=_whole))
    except (ValueError, RecursionError):
        return None
    return line if sound_schema(line.encode() + b"\n") is not None else None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits
