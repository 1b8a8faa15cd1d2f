"""The schema of JSON: types of values, merged, and names that Polars takes for patterns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import polars as pl
from polars.datatypes import DataType, DataTypeClass

DType = DataType | DataTypeClass
Schema = dict[str, DType]
MAX_DEPTH = 8
MAX_NESTING = 60
MAX_FIELDS = 500
INT64_LIMIT = 1 << 63
EMPTY_OBJECT = pl.Struct({})
# From here on a float cannot hold every whole number.
FLOAT_LIMIT = 1 << 53
# Whole numbers, some beyond that limit: read as Int64, but as text if the field has fractions as well.
BIG = pl.Decimal(19, 0)
# An extra field beside those of an object, for what other lines have in the object's place.
NON_OBJECT = "\0no object"


def merge_dtypes(left: DType, right: DType) -> DType:
    """Find the type that holds the values of both without loss; text where nothing else does.

    Where one is an object and the other is not, the object gets one more field for the other, `NON_OBJECT`.

    Examples
    --------
    >>> merge_dtypes(pl.Int64(), pl.Float64()), merge_dtypes(pl.Int64(), BIG) == BIG, merge_dtypes(BIG, pl.Float64())
    (Float64, True, String)
    >>> merge_dtypes(pl.Int64(), pl.Struct({"a": pl.Int64()})) == pl.Struct({"a": pl.Int64(), NON_OBJECT: pl.String()})
    True
    """
    if right in (left, pl.Null):
        return left
    if left == pl.Null:
        return right
    if isinstance(left, pl.Struct) and isinstance(right, pl.Struct):
        return pl.Struct(merge_schemas([fields_of(left), fields_of(right)]))
    for one, other in ((left, right), (right, left)):
        if isinstance(one, pl.Struct) and one.fields and other != EMPTY_OBJECT:
            return merge_dtypes(one, pl.Struct({NON_OBJECT: pl.String()}))
    if isinstance(left, pl.List) and isinstance(right, pl.List):
        return pl.List(parser_dtype(merge_dtypes(left.inner, right.inner)))
    if {left, right} == {pl.Int64(), pl.Float64()}:
        return pl.Float64()
    if {left, right} == {pl.Int64(), BIG}:
        return BIG
    return pl.String()


def merge_schemas(schemas: Iterable[Mapping[str, DType]]) -> Schema:
    """Merge schemas field by field, keeping the order in which fields were first seen."""
    merged: Schema = {}
    for schema in schemas:
        for name, dtype in schema.items():
            merged[name] = merge_dtypes(merged[name], dtype) if name in merged else dtype
    return merged


def fields_of(dtype: pl.Struct) -> Schema:
    """Return the fields of an object with their types."""
    return {field.name: field.dtype for field in dtype.fields}


def is_deep(types: Mapping[str, DType]) -> bool:
    """Return whether structures are nested too deeply to be handled as types."""
    level, depth = list(types.values()), 0
    while level and depth <= MAX_NESTING:
        depth += 1
        structs = [field.dtype for dtype in level if isinstance(dtype, pl.Struct) for field in dtype.fields]
        level = structs + [dtype.inner for dtype in level if isinstance(dtype, pl.List)]
    return depth > MAX_NESTING


def has_values(dtype: DType) -> bool:
    """Return whether a field is ever more than null or `{}`."""
    return dtype not in (EMPTY_OBJECT, pl.Null)


def readable_dtype(dtype: DType, *, depth: int = 0, keep_empty: bool = False) -> DType:
    """Turn a type found in JSON into one that every line can be read as.

    These stay JSON text: whole numbers beyond 64 bits, structures nested deeper than 8 levels, and objects with more
    than 500 fields, whose names are really values. A field that is always null is text. A field that is never more than
    `{}` is left out, or text if `keep_empty`.
    """
    if isinstance(dtype, pl.Struct):
        if depth >= MAX_DEPTH or len(dtype.fields) > MAX_FIELDS:
            return pl.String()
        kept = [field for field in dtype.fields if keep_empty or field.dtype != EMPTY_OBJECT]
        fields = {field.name: readable_dtype(field.dtype, depth=depth + 1, keep_empty=keep_empty) for field in kept}
        return pl.Struct(fields) if fields.keys() - {NON_OBJECT} else pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(readable_dtype(dtype.inner, depth=depth + 1, keep_empty=keep_empty))
    if dtype in (pl.Null, pl.Int128, pl.UInt64, pl.UInt128):
        return pl.String()
    return pl.Int64() if dtype == BIG else dtype


def parser_dtype(dtype: DType) -> DType:
    """Turn fields that are objects in some lines only into text: a JSON parser has one type per field."""
    if isinstance(dtype, pl.Struct):
        fields = {field.name: parser_dtype(field.dtype) for field in dtype.fields}
        return pl.String() if NON_OBJECT in fields else pl.Struct(fields)
    if isinstance(dtype, pl.List):
        return pl.List(parser_dtype(dtype.inner))
    return pl.Int64() if dtype == BIG else dtype


def dtype_of_value(value: object) -> DType:
    """Find the type of a value parsed from JSON."""
    if isinstance(value, dict):
        return pl.Struct({name: dtype_of_value(inner) for name, inner in value.items()})
    if isinstance(value, list):
        inner: DType = pl.Null()
        for one in value:
            inner = parser_dtype(merge_dtypes(inner, dtype_of_value(one)))
        # as a list of texts, the objects among other values would no longer be objects
        is_mixed = inner == pl.String() and any(isinstance(one, dict | list) for one in value)
        return inner if is_mixed else pl.List(inner)
    if isinstance(value, bool):
        return pl.Boolean()
    if isinstance(value, int):
        if not -INT64_LIMIT <= value < INT64_LIMIT:
            return pl.Int128()
        return pl.Int64() if abs(value) < FLOAT_LIMIT else BIG
    if isinstance(value, float):
        return pl.Float64()
    return pl.Null() if value is None else pl.String()


def can_widen(old: DType, new: DType, *, depth: int = 0) -> bool:
    """Return whether values read as one type can be converted to another as if they had been read as that.

    For example, whole numbers can become floats but not text: `1.0` in one line and `"x"` in a later one have to be
    read again, because the text of a number read as a float may differ from what the file says.
    """
    if old == EMPTY_OBJECT:
        return new == EMPTY_OBJECT or isinstance(readable_dtype(new, depth=depth), pl.Struct)
    have, wanted = readable_dtype(old, depth=depth), readable_dtype(new, depth=depth)
    if old == pl.Null() or have == wanted:
        return True
    if old == pl.Int64():
        return new == pl.Float64()
    if not (isinstance(have, pl.Struct) and isinstance(wanted, pl.Struct)):
        return False
    return isinstance(old, pl.Struct) and isinstance(new, pl.Struct) and all(
        can_widen(field.dtype, fields_of(new)[field.name], depth=depth + 1) for field in old.fields
    )  # fmt: skip


PATTERN = re.compile(r"\*|\^.*\$", re.DOTALL)


def literal_name(name: str) -> str:
    """Put a name that is a pattern into parentheses.

    Examples
    --------
    >>> literal_name("*"), literal_name("^plan$"), literal_name("*.event")
    ('(*)', '(^plan$)', '*.event')
    """
    return f"({name})" if PATTERN.fullmatch(name) else name


def has_pattern_name(types: Mapping[str, DType]) -> bool:
    """Return whether a field, at any level, has a name that is a pattern."""
    return any(PATTERN.fullmatch(name) or _has_pattern_inside(dtype) for name, dtype in types.items())


def rename_patterns(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rename columns and fields whose names are patterns."""
    schema = rows.collect_schema()
    if not has_pattern_name(schema):
        return rows

    def rename_all(frame: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame([_rename_fields(values).alias(literal_name(values.name)) for values in frame])

    return rows.map_batches(rename_all, schema=rename_all(schema.to_frame()).schema, streamable=True)


def _has_pattern_inside(dtype: DType) -> bool:
    return isinstance(dtype, pl.Struct) and has_pattern_name({field.name: field.dtype for field in dtype.fields})


def _rename_fields(values: pl.Series) -> pl.Series:
    if not _has_pattern_inside(values.dtype):
        return values
    parts = [_rename_fields(part).alias(literal_name(part.name)) for part in values.struct.unnest()]
    inside = pl.DataFrame(parts).to_struct(values.name)
    return inside.set(values.is_null(), None) if values.null_count() else inside
