"""Frames under each other, whatever their types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from journeys.sources.reading.flat_columns import as_json
from journeys.sources.reading.json_rows import objects
from journeys.sources.reading.json_schema import FLOAT_LIMIT, merge_schemas, type_of

__all__ = ["concat_rows"]


def concat_rows(frames: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Put frames under each other in order; a column whose types differ becomes one that holds them all."""
    if len(frames) == 1:
        return frames[0]
    schemas = [frame.collect_schema() for frame in frames]
    merged = merge_schemas(schemas)
    merged |= dict.fromkeys(_rounded(frames, schemas, merged), pl.String())
    cast = [
        frame.with_columns(
            _as(pl.col(name), dtype, merged[name]).alias(name)
            for name, dtype in schema.items()
            if dtype != merged[name]
        )
        for frame, schema in zip(frames, schemas, strict=True)
    ]
    return pl.concat(cast, how="diagonal")


def _rounded(frames: Sequence[pl.LazyFrame], schemas: Sequence[pl.Schema], merged: Mapping[str, type_of]) -> list[str]:
    """List the columns of whole numbers that floats, which other frames have there, would round."""
    found: list[str] = []
    for frame, schema in zip(frames, schemas, strict=True):
        whole = [n for n, dtype in schema.items() if dtype == pl.Int64() and merged[n] == pl.Float64()]
        largest = frame.select(pl.max_horizontal(pl.col(n).max(), -pl.col(n).min()).alias(n) for n in whole)
        most = largest.collect().row(0, named=True) if whole else {}
        found += [name for name, value in most.items() if value and value >= FLOAT_LIMIT]
    return found


def _as(value: pl.Expr, dtype: type_of, wanted: type_of) -> pl.Expr:
    if isinstance(wanted, pl.Struct) and not isinstance(dtype, pl.Struct) and dtype != pl.Null():

        def read(texts: pl.Series) -> pl.Series:
            return objects(texts, wanted)

        return _as(value, dtype, pl.String()).map_batches(read, return_dtype=wanted, is_elementwise=True)
    if isinstance(wanted, pl.Struct) and isinstance(dtype, pl.Struct) and dtype != wanted:
        have = {field.name: field.dtype for field in dtype.fields}
        fields = [
            _as(value.struct.field(field.name), have[field.name], field.dtype).alias(field.name)
            if field.name in have
            else pl.lit(None, dtype=field.dtype).alias(field.name)
            for field in wanted.fields
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if wanted != pl.String():
        return value.cast(wanted)
    if isinstance(dtype, pl.Struct):
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    if isinstance(dtype, pl.List | pl.Array):
        return as_json(value)
    return value.dt.to_string("iso") if dtype.is_temporal() else value.cast(pl.String)
