"""The schema of a piece of NDJSON, such that every line of it can be read by that schema."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from journeys.sources.reading.dtypes import merge, readable, type_of

__all__ = ["Schema", "readable_schema", "sound_schema"]

Schema = dict[str, type_of]
LARGEST = 1 << 63


def sound_schema(piece: bytes) -> Schema | None:
    """Find the types of a piece's fields; None when a line of it is no JSON object that can be read.

    Polars infers fast, but where a field is a number in one line and an object in the next it may settle on a type that
    fails at reading: so what it infers is tried, and where that fails the types are put together value by value.
    """
    if not piece.strip():
        return {}
    try:
        inferred: Schema | None = dict(pl.scan_ndjson(piece, infer_schema_length=None).collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        inferred = None
    if inferred is not None and _reads(piece, inferred):
        return inferred
    found: Schema = {}
    try:
        for line in piece.splitlines():
            value = json.loads(line) if line.strip() else {}
            if not isinstance(value, dict):
                return None
            for name, inner in value.items():
                dtype = _type_of(inner)
                found[name] = merge(found[name], dtype) if name in found else dtype
    except (ValueError, RecursionError):
        return None
    return found if _reads(piece, found) else None


def readable_schema(found: Mapping[str, type_of]) -> Schema:
    """Turn the types found into ones that can be read; a field that is never more than `{}` is left out."""
    fields = {name: readable(dtype) for name, dtype in found.items() if dtype != pl.Struct({})}
    return fields or {"_nothing": pl.String()}


def _reads(piece: bytes, found: Schema) -> bool:
    try:
        pl.scan_ndjson(piece, schema=readable_schema(found)).collect()
    except (pl.exceptions.PolarsError, OSError):
        return False
    return True


def _type_of(value: object) -> type_of:
    if isinstance(value, dict):
        return pl.Struct({name: _type_of(inner) for name, inner in value.items()})
    if isinstance(value, list):
        inner: type_of = pl.Null()
        for one in value:
            inner = merge(inner, _type_of(one))
        return pl.List(inner)
    if isinstance(value, bool):
        return pl.Boolean()
    if isinstance(value, int):
        return pl.Int64() if -LARGEST <= value < LARGEST else pl.Int128()
    if isinstance(value, float):
        return pl.Float64()
    return pl.Null() if value is None else pl.String()
