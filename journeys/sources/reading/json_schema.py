"""The type of a JSON field whose values differ from line to line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl
from polars.datatypes import DataType, DataTypeClass

__all__ = [
    "BIG",
    "FLOAT_LIMIT",
    "NON_OBJECT",
    "as_written",
    "merge",
    "merge_schemas",
    "readable",
    "type_of_value",
]

type_of = DataType | DataTypeClass
MAX_DEPTH = 8
MAX_FIELDS = 500
LARGEST = 1 << 63
EMPTY = pl.Struct({})
# From here on a float does not hold every whole number.
FLOAT_LIMIT = 1 << 53
# Whole numbers of which some are beyond: read as such, but as text where there are fractions among them.
BIG = pl.Decimal(19, 0)
# The field, beside those of an object, for what other lines have in the object's place.
NON_OBJECT = "\0no object"


def merge(left: type_of, right: type_of) -> type_of:
    """Find the type that holds the values of both without loss; text where nothing else does.

    Where one is an object and the other is not, the object gets one more field for the other, `NON_OBJECT`.

    Examples
    --------
    >>> merge(pl.Int64(), pl.Float64()), merge(pl.Int64(), BIG) == BIG, merge(BIG, pl.Float64())
    (Float64, True, String)
    >>> merge(pl.Int64(), pl.Struct({"a": pl.Int64()})) == pl.Struct({"a": pl.Int64(), NON_OBJECT: pl.String()})
    True
    """
    if left == right:
        return left
    if left == pl.Null:
        return right
    if right == pl.Null:
        return left
    if isinstance(left, pl.Struct) and isinstance(right, pl.Struct):
        fields: dict[str, type_of] = {f.name: f.dtype for f in left.fields}
        return pl.Struct(merge_schemas([fields, {f.name: f.dtype for f in right.fields}]))
    for one, other in ((left, right), (right, left)):
        if isinstance(one, pl.Struct) and one.fields and other != EMPTY:
            return merge(one, pl.Struct({NON_OBJECT: pl.String()}))
    if isinstance(left, pl.List) and isinstance(right, pl.List):
        return pl.List(as_written(merge(left.inner, right.inner)))
    if {left, right} == {pl.Int64(), pl.Float64()}:
        return pl.Float64()
    if {left, right} == {pl.Int64(), BIG}:
        return BIG
    return pl.String()


def merge_schemas(schemas: Iterable[Mapping[str, type_of]]) -> dict[str, type_of]:
    """Merge schemas field by field, keeping the order in which fields were first seen."""
    merged: dict[str, type_of] = {}
    for schema in schemas:
        for name, dtype in schema.items():
            merged[name] = merge(merged[name], dtype) if name in merged else dtype
    return merged


def readable(dtype: type_of, *, depth: int = 0, empty: bool = False) -> type_of:
    """Turn a type found in JSON into one that every line can be read as.

    Whole numbers beyond 64 bits, structures nested deeper than 8 levels or with more than 500 fields (names that are
    really values) stay JSON text; a field that is always null is text; one that is never more than `{}` is left out,
    or text as well, if those are to be had (`empty`).
    """
    if isinstance(dtype, pl.Struct):
        if depth >= MAX_DEPTH or len(dtype.fields) > MAX_FIELDS:
            return pl.String()
        kept = [field for field in dtype.fields if empty or field.dtype != EMPTY]
        fields = {field.name: readable(field.dtype, depth=depth + 1, empty=empty) for field in kept}
        return pl.Struct(fields) if fields.keys() - {NON_OBJECT} else pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(readable(dtype.inner, depth=depth + 1, empty=empty))
    if dtype in (pl.Null, pl.Int128, pl.UInt64, pl.UInt128):
        return pl.String()
    return pl.Int64() if dtype == BIG else dtype


def type_of_value(value: object) -> type_of:
    """Name the type of a value that was read from JSON."""
    if isinstance(value, dict):
        return pl.Struct({name: type_of_value(inner) for name, inner in value.items()})
    if isinstance(value, list):
        inner: type_of = pl.Null()
        for one in value:
            inner = as_written(merge(inner, type_of_value(one)))
        # texts of objects among other things would be no objects any more
        nested = inner == pl.String() and any(isinstance(one, dict | list) for one in value)
        return inner if nested else pl.List(inner)
    if isinstance(value, bool):
        return pl.Boolean()
    if isinstance(value, int):
        if not -LARGEST <= value < LARGEST:
            return pl.Int128()
        return pl.Int64() if abs(value) < FLOAT_LIMIT else BIG
    if isinstance(value, float):
        return pl.Float64()
    return pl.Null() if value is None else pl.String()


def as_written(dtype: type_of) -> type_of:
    """Make text of the fields that are objects in some lines and not in others: a JSON parser has one type a field."""
    if isinstance(dtype, pl.Struct):
        fields = {field.name: as_written(field.dtype) for field in dtype.fields}
        return pl.String() if NON_OBJECT in fields else pl.Struct(fields)
    if isinstance(dtype, pl.List):
        return pl.List(as_written(dtype.inner))
    return pl.Int64() if dtype == BIG else dtype
