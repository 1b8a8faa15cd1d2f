"""Lists of key and value, as BigQuery has them, and JSON kept in text → structs that can be reached into."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from journeys.sources.reading import Raw
from journeys.sources.reading.dtypes import merge_schemas, type_of
from journeys.sources.reading.schemas import readable_schema, sound_schema

__all__ = ["json_columns", "keyed_lists"]

EMPTY = '{"_":null}'
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
    """Read columns that hold JSON objects as text into structs; a value that is no JSON object becomes null."""
    rows, schema = raw.rows, raw.schema
    for column in columns:
        if schema.get(column) != pl.String:
            continue
        found, sound = [], True
        for batch in rows.select(column).collect_batches(chunk_size=50_000):
            packed = _packed(batch.to_series())
            schema_of = sound_schema(packed)
            sound &= schema_of is not None
            found.append(schema_of or sound_schema(_checked_lines(packed)) or {})
        fields = readable_schema({name: dtype for name, dtype in merge_schemas(found).items() if name != "_"})
        if "_nothing" in fields:
            continue

        # where every value was found sound, it is not looked at a second time
        def read(values: pl.Series, *, fields: dict[str, type_of] = fields, sound: bool = sound) -> pl.Series:
            if values.is_empty():
                return pl.Series(values.name, [], dtype=pl.Struct(fields))
            packed = _packed(values)
            if not sound and sound_schema(packed) is None:
                packed = _checked_lines(packed)
            return pl.read_ndjson(packed, schema=fields).to_struct(values.name)

        rows = rows.with_columns(pl.col(column).map_batches(read, return_dtype=pl.Struct(fields), is_elementwise=True))
    return Raw(rows, raw.name, raw.notes, held=raw.held)


def _packed(values: pl.Series) -> bytes:
    """Write one object a line; what does not look like one is an empty one."""
    stripped = values.str.replace_all("\n", " ", literal=True).str.strip_chars()
    plain = (stripped.str.starts_with("{") & stripped.str.ends_with("}")).fill_null(value=False)
    if not plain.all():
        stripped = stripped.zip_with(plain, pl.Series([EMPTY]).new_from_index(0, len(values)))
    return "\n".join(stripped.to_list()).encode() + b"\n"


def _checked_lines(packed: bytes) -> bytes:
    """Make an empty object of each line that is no JSON."""
    return b"".join(_checked(line.decode()) for line in packed.split(b"\n")[:-1])


def _checked(text: str) -> bytes:
    try:
        line = json.dumps(json.loads(text, parse_constant=lambda _: None, parse_int=_whole)).encode() + b"\n"
    except (ValueError, RecursionError):
        return f"{EMPTY}\n".encode()
    return line if sound_schema(line) is not None else f"{EMPTY}\n".encode()


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits
