"""JSON objects, one per line and of known types → a frame.

Where a field is an object in most lines and text, a number or a list in others, it is parsed as text first, and then
the objects in it: one odd line takes nothing away from the others. What is not an object goes to the field
`NON_OBJECT`. For example::

    {"page": {"path": "/"}}     page = {path: "/",  NON_OBJECT: null}
    {"page": "/"}               page = {path: null, NON_OBJECT: "/"}
    {"page": []}                page = {path: null, NON_OBJECT: null}    (how PHP writes an empty object)
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from journeys.sources.reading.json_schema import (
    EMPTY_OBJECT,
    NON_OBJECT,
    DType,
    Schema,
    dtype_of_value,
    fields_of,
    merge_schemas,
    parser_dtype,
    readable_dtype,
)

__all__ = [
    "FieldPath",
    "assemble_column",
    "count_non_objects",
    "count_non_objects_by_field",
    "describe_non_objects",
    "drop_empty_objects",
    "drop_unused_non_object",
    "join_lines",
    "keep_objects",
    "parse_lines",
    "parse_objects",
    "readable_schema",
]

FieldPath = tuple[str, ...]
NOTHING = {"_nothing": pl.String()}
BLANK = ("", "[]", "null")


def readable_schema(found: Mapping[str, DType]) -> Schema:
    """Turn the types found into ones that can be read; a field that is never more than `{}` is left out."""
    return {name: readable_dtype(dtype) for name, dtype in found.items() if dtype != EMPTY_OBJECT} or dict(NOTHING)


def parse_lines(piece: bytes, types: Mapping[str, DType], *, lines: int, depth: int = 0) -> pl.DataFrame | None:
    """Parse every line of a piece, with all fields of the schema, even those that are only `{}`; None on failure."""
    schema = {name: readable_dtype(parser_dtype(dtype), depth=depth, keep_empty=True) for name, dtype in types.items()}
    try:
        frame = pl.scan_ndjson(piece, schema=schema or dict(NOTHING)).collect()
    except (pl.exceptions.PolarsError, OSError):
        return None
    if frame.height != lines and frame.height != sum(bool(line.strip()) for line in piece.split(b"\n")):
        return None
    mixed = [name for name, dtype in types.items() if _has_mixed_field(dtype, depth=depth)]
    parsed = [_parse_mixed_fields(frame.get_column(name), types[name], depth=depth) for name in mixed]
    return frame.with_columns(parsed) if parsed else frame


def parse_objects(values: pl.Series, dtype: pl.Struct, *, depth: int = 0) -> pl.Series:
    """Parse texts that are JSON objects; other texts, and objects of other types, go to `NON_OBJECT`."""
    if values.is_empty():
        return pl.Series(values.name, [], dtype=readable_dtype(dtype, depth=depth))
    types = {name: inner for name, inner in fields_of(dtype).items() if name != NON_OBJECT}
    texts = keep_objects(values)
    inside, good = _parse_readable(_empty_unless(texts, texts.is_not_null()), types, depth + 1)
    return assemble_column(inside, values, list(fields_of(dtype)), good=good & texts.is_not_null())


def assemble_column(inside: pl.DataFrame, values: pl.Series, fields: Collection[str], *, good: pl.Series) -> pl.Series:
    """Make one column of the fields parsed from texts; texts that are not `good` go to `NON_OBJECT`, if wanted."""
    if NON_OBJECT in fields:
        inside = inside.with_columns(values.set(good | _is_blank(values), None).alias(NON_OBJECT))
    parts = inside.select(name for name in fields if name in inside.columns).to_struct(values.name)
    return _restore_nulls(parts, values)


def keep_objects(values: pl.Series) -> pl.Series:
    """Keep the texts that look like JSON objects, each on one line; the others become null."""
    if values.str.contains("\n", literal=True).any():
        values = values.str.replace_all("\n", " ", literal=True)
    if _has_braces(values).all():
        return values
    texts = values.str.strip_chars()
    return texts.set(~_has_braces(texts), None)


def _has_braces(texts: pl.Series) -> pl.Series:
    return texts.str.starts_with("{") & texts.str.ends_with("}")


def join_lines(texts: pl.Series) -> bytes:
    """Write one text per line."""
    return bytes(texts.str.join("\n").cast(pl.Binary).item())


def count_non_objects(values: pl.Series, objects: pl.Series) -> int:
    """Count the values that are not objects, and not merely empty."""
    if objects.null_count() == values.null_count():
        return 0
    return int((objects.is_null() & ~_is_blank(values)).sum())


def _is_blank(values: pl.Series) -> pl.Series:
    return values.str.strip_chars().is_in(BLANK).fill_null(value=True)


def drop_empty_objects(frame: pl.DataFrame, types: Mapping[str, DType]) -> pl.DataFrame:
    """Drop the fields that are only `{}`."""
    if dict(frame.schema) == readable_schema(types):
        return frame
    kept = {name: dtype for name, dtype in types.items() if dtype != EMPTY_OBJECT}
    if not kept:
        return frame.select(pl.repeat(None, pl.len(), dtype=pl.String()).alias("_nothing"))
    return frame.select(_prune(pl.col(name), dtype, frame.schema[name]).alias(name) for name, dtype in kept.items())


def count_non_objects_by_field(frame: pl.DataFrame) -> dict[FieldPath, int]:
    """Count, field by field, the rows that have something else in an object's place."""
    found = list(_non_object_fields((), pl.Struct(frame.schema), None))
    return {path: int(frame.select(value.count()).item()) for path, value in found}


def describe_non_objects(path: FieldPath, rows: int) -> str:
    """Say how many rows have something else where an object belongs.

    Examples
    --------
    >>> describe_non_objects(("context", "page"), 1)
    "'context.page' is not an object in 1 row; its value there was kept as text"
    """
    where = f"{rows:,} row" + ("s" if rows > 1 else "")
    return f"{'.'.join(path)!r} is not an object in {where}; its value there was kept as text"


def drop_unused_non_object(types: Mapping[str, DType], used: Collection[FieldPath], *, path: FieldPath = ()) -> Schema:
    """Drop the field `NON_OBJECT` of objects that were objects, or blank, in every line."""
    return {
        name: pl.Struct(drop_unused_non_object(fields_of(dtype), used, path=(*path, name)))
        if isinstance(dtype, pl.Struct)
        else dtype
        for name, dtype in types.items()
        if name != NON_OBJECT or path in used
    }


def _non_object_fields(path: FieldPath, dtype: pl.Struct, value: pl.Expr | None) -> Iterator[tuple[FieldPath, pl.Expr]]:
    for name, inner in fields_of(dtype).items():
        expr = pl.col(name) if value is None else value.struct.field(name)
        if name == NON_OBJECT:
            yield path, expr
        elif isinstance(inner, pl.Struct):
            yield from _non_object_fields((*path, name), inner, expr)


def _parse_readable(texts: pl.Series, types: Schema, depth: int) -> tuple[pl.DataFrame, pl.Series]:
    """Parse objects with their types, and tell which could be parsed; the others have no values."""
    everything = pl.Series([True]).new_from_index(0, len(texts))
    frame = parse_lines(join_lines(texts), types, lines=len(texts), depth=depth)
    if frame is not None:
        return frame, everything
    # a text in braces need not be an object, nor have the same types
    for good in (pl.Series([_fits(text, types) for text in texts]), ~everything):
        frame = parse_lines(join_lines(_empty_unless(texts, good)), types, lines=len(texts), depth=depth)
        if frame is not None:
            return frame, good
    raise AssertionError("empty objects can always be parsed")


def _empty_unless(texts: pl.Series, good: pl.Series) -> pl.Series:
    return texts.zip_with(good, pl.Series(["{}"]).new_from_index(0, len(texts)))


def _fits(text: str, types: Schema) -> bool:
    try:
        value = json.loads(text, parse_constant=_refuse)
        return merge_schemas([types, {name: dtype_of_value(inner) for name, inner in value.items()}]) == types
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _has_mixed_field(dtype: DType, *, depth: int = 0) -> bool:
    """Tell whether a field inside, at any level, is an object in some lines only."""
    if not isinstance(dtype, pl.Struct) or not isinstance(readable_dtype(dtype, depth=depth), pl.Struct):
        return False
    return any(field.name == NON_OBJECT or _has_mixed_field(field.dtype, depth=depth + 1) for field in dtype.fields)


def _parse_mixed_fields(values: pl.Series, dtype: DType, *, depth: int = 0) -> pl.Series:
    """Parse the fields that are objects in some lines only, at all levels; they were read as text so far."""
    if not isinstance(dtype, pl.Struct) or not _has_mixed_field(dtype, depth=depth):
        return values
    if NON_OBJECT in fields_of(dtype):
        return parse_objects(values, dtype, depth=depth)
    inside = [
        _parse_mixed_fields(values.struct.field(name), inner, depth=depth + 1)
        for name, inner in fields_of(dtype).items()
        if name in values.struct.fields
    ]
    # by name: a list of columns would rename the one with an empty key
    return _restore_nulls(pl.DataFrame({part.name: part for part in inside}).to_struct(values.name), values)


def _restore_nulls(parts: pl.Series, values: pl.Series) -> pl.Series:
    """Make null what was null before it was parsed."""
    if not values.null_count():
        return parts
    return pl.select(pl.when(values.is_not_null()).then(parts).alias(values.name)).to_series()


def _prune(value: pl.Expr, dtype: DType, have: DType, *, depth: int = 0) -> pl.Expr:
    """Drop the fields inside a column that are only `{}`, at all levels."""
    wanted = readable_dtype(dtype, depth=depth)
    if have == wanted:
        return value
    if isinstance(dtype, pl.Struct) and isinstance(have, pl.Struct) and isinstance(wanted, pl.Struct):
        inside = fields_of(have)
        fields = [
            _prune(value.struct.field(name), inner, inside[name], depth=depth + 1).alias(name)
            for name, inner in fields_of(dtype).items()
            if inner != EMPTY_OBJECT
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if wanted == pl.String():  # a structure of nothing but `{}`
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    return value.cast(wanted)
