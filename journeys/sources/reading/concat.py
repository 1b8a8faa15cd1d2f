"""Frames below each other, whatever their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from journeys.sources.reading.flat_columns import as_json
from journeys.sources.reading.json_rows import parse_objects
from journeys.sources.reading.json_schema import FLOAT_LIMIT, DType, fields_of, merge_schemas

__all__ = ["concat_rows", "convert", "convert_rows"]


def concat_rows(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Concatenate frames in order; a column whose types differ gets a type that holds all its values.

    For example, whole numbers and floats become floats, unless a float would round the whole numbers; numbers and text
    become text; objects and text become objects with one more field for the text.
    """
    if len(frames) == 1:
        return frames[0]
    schemas = [frame.collect_schema() for frame in frames]
    merged = merge_schemas(schemas)
    merged |= dict.fromkeys(_columns_that_round(frames, schemas, merged), pl.String())
    return pl.concat([convert_rows(frame, merged) for frame in frames])


def convert_rows(rows: pl.LazyFrame, wanted: Mapping[str, DType]) -> pl.LazyFrame:
    """Convert columns to types that hold their values; missing ones are null."""
    have = rows.collect_schema()
    if list(have.items()) == list(wanted.items()):
        return rows
    return rows.select(_convert_field(pl.col(name), have.get(name), dtype, name) for name, dtype in wanted.items())


def _columns_that_round(
    frames: Sequence[pl.LazyFrame], schemas: Sequence[pl.Schema], merged: Mapping[str, DType]
) -> list[str]:
    """List the columns of whole numbers that would be rounded, as other frames have floats there."""
    found: list[str] = []
    for frame, schema in zip(frames, schemas, strict=True):
        whole = [name for name, dtype in schema.items() if dtype == pl.Int64() and merged[name] == pl.Float64()]
        largest = frame.select(pl.max_horizontal(pl.col(name).max(), -pl.col(name).min()).alias(name) for name in whole)
        values = largest.collect().row(0, named=True) if whole else {}
        found += [name for name, value in values.items() if value and value >= FLOAT_LIMIT]
    return found


def convert(value: pl.Expr, dtype: DType, wanted: DType) -> pl.Expr:
    """Convert a value to a type that holds it, at all levels."""
    if isinstance(wanted, pl.Struct) and not isinstance(dtype, pl.Struct) and dtype != pl.Null():
        return convert(value, dtype, pl.String()).map_batches(
            lambda texts: parse_objects(texts, wanted), return_dtype=wanted, is_elementwise=True
        )
    if isinstance(wanted, pl.Struct) and isinstance(dtype, pl.Struct) and dtype != wanted:
        have = fields_of(dtype)
        fields = [
            _convert_field(value.struct.field(name), have.get(name), inner, name)
            for name, inner in fields_of(wanted).items()
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if wanted != pl.String():
        return value.cast(wanted)
    if isinstance(dtype, pl.Struct):
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    if isinstance(dtype, pl.List | pl.Array):
        return as_json(value)
    return value.dt.to_string("iso") if dtype.is_temporal() else value.cast(pl.String)


def _convert_field(value: pl.Expr, dtype: DType | None, wanted: DType, name: str) -> pl.Expr:
    if dtype is None:
        return pl.lit(None, dtype=wanted).alias(name)
    return (value if dtype == wanted else convert(value, dtype, wanted)).alias(name)
