"""Lines of JSON objects whose types are known → a frame; a field that is not always an object keeps what else it holds.

Where a field is an object in most lines and a text, a number or a list in others, it is read as text, and then the
objects are taken apart: one odd line takes nothing away from the others. What is
no object stays in the field `NON_OBJECT`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping

import polars as pl

from journeys.sources.reading.json_schema import (
    EMPTY,
    NON_OBJECT,
    as_written,
    merge_schemas,
    readable,
    type_of,
    type_of_value,
)

__all__ = [
    "Path",
    "Schema",
    "assembled",
    "beside",
    "json_objects",
    "no_object",
    "no_objects",
    "objects",
    "packed",
    "read_lines",
    "readable_schema",
    "without_empty",
    "without_rest",
]

Schema = dict[str, type_of]
Path = tuple[str, ...]
NOTHING = {"_nothing": pl.String()}
# An empty list is how PHP writes an object without fields.
BLANK = ("", "[]", "null")


def readable_schema(found: Mapping[str, type_of]) -> Schema:
    """Turn the types found into ones that can be read; a field that is never more than `{}` is left out."""
    return {name: readable(dtype) for name, dtype in found.items() if dtype != EMPTY} or dict(NOTHING)


def read_lines(piece: bytes, types: Mapping[str, type_of], *, lines: int, depth: int = 0) -> pl.DataFrame | None:
    """Read every line of a piece, all fields of the schema and those that only hold `{}`; None when that fails."""
    schema = {name: readable(as_written(dtype), depth=depth, empty=True) for name, dtype in types.items()}
    schema = schema or dict(NOTHING)
    try:
        frame = pl.scan_ndjson(piece, schema=schema).collect()
    except (pl.exceptions.PolarsError, OSError):
        return None
    if frame.height != lines and frame.height != sum(bool(line.strip()) for line in piece.split(b"\n")):
        return None
    mixed = [name for name, dtype in types.items() if _has_rest(dtype, depth=depth)]
    apart = [_taken_apart(frame.get_column(name), types[name], depth=depth) for name in mixed]
    return frame.with_columns(apart) if apart else frame


def objects(values: pl.Series, dtype: pl.Struct, *, depth: int = 0) -> pl.Series:
    """Parse texts that are JSON objects; other texts, and those of other types, are kept as `NON_OBJECT`."""
    if values.is_empty():
        return pl.Series(values.name, [], dtype=readable(dtype, depth=depth))
    types = {field.name: field.dtype for field in dtype.fields if field.name != NON_OBJECT}
    texts = json_objects(values)
    inside, good = _each(_where(texts, texts.is_not_null()), types, depth + 1)
    return assembled(inside, values, [field.name for field in dtype.fields], good=good & texts.is_not_null())


def assembled(inside: pl.DataFrame, values: pl.Series, fields: Collection[str], *, good: pl.Series) -> pl.Series:
    """Make one column of what was read of texts; with a field `NON_OBJECT`, the texts that are not `good` are there."""
    if NON_OBJECT in fields:
        inside = inside.with_columns(values.set(good | _blank(values), None).alias(NON_OBJECT))
    parts = inside.select(name for name in fields if name in inside.columns).to_struct(values.name)
    return _there(parts, values)


def json_objects(values: pl.Series) -> pl.Series:
    """Leave the texts that look like JSON objects, in a line each."""
    if values.str.contains("\n", literal=True).any():
        values = values.str.replace_all("\n", " ", literal=True)
    if _braced(values).all():
        return values
    texts = values.str.strip_chars()
    return texts.set(~_braced(texts), None)


def _braced(texts: pl.Series) -> pl.Series:
    return texts.str.starts_with("{") & texts.str.ends_with("}")


def packed(texts: pl.Series) -> bytes:
    """Write one text a line."""
    return bytes(texts.str.join("\n").cast(pl.Binary).item())


def no_objects(values: pl.Series, texts: pl.Series) -> int:
    """Count the values that are no objects, and not merely empty."""
    if texts.null_count() == values.null_count():
        return 0
    return int((texts.is_null() & ~_blank(values)).sum())


def _blank(values: pl.Series) -> pl.Series:
    return values.str.strip_chars().is_in(BLANK).fill_null(value=True)


def without_empty(frame: pl.DataFrame, types: Mapping[str, type_of]) -> pl.DataFrame:
    """Leave out the fields that only hold `{}`."""
    wanted = readable_schema(types)
    if dict(frame.schema) == wanted:
        return frame
    kept = {name: dtype for name, dtype in types.items() if dtype != EMPTY}
    if not kept:
        return frame.select(pl.repeat(None, pl.len(), dtype=pl.String()).alias("_nothing"))
    return frame.select(_pruned(pl.col(name), dtype, frame.schema[name]).alias(name) for name, dtype in kept.items())


def beside(frame: pl.DataFrame) -> dict[Path, int]:
    """Count, field by field, the rows that have something else in an object's place."""
    found: dict[Path, int] = {}
    for path, value in _rests((), pl.Struct(frame.schema), None):
        found[path] = int(frame.select(value.count()).item())
    return found


def no_object(path: Path, rows: int) -> str:
    """Say how many rows have something else where an object belongs.

    Examples
    --------
    >>> no_object(("context", "page"), 1)
    "'context.page' is no object in 1 row: what stands there was kept as text"
    """
    where = f"{rows:,} row" + ("s" if rows > 1 else "")
    return f"{'.'.join(path)!r} is no object in {where}: what stands there was kept as text"


def without_rest(types: Mapping[str, type_of], used: Collection[Path], *, path: Path = ()) -> Schema:
    """Take the fields for other things out of objects that are always objects, but for empty lists."""
    kept = {name: dtype for name, dtype in types.items() if name != NON_OBJECT or path in used}
    return {
        name: pl.Struct(without_rest(_fields(dtype), used, path=(*path, name)))
        if isinstance(dtype, pl.Struct)
        else dtype
        for name, dtype in kept.items()
    }


def _rests(path: Path, dtype: pl.Struct, value: pl.Expr | None) -> Iterator[tuple[Path, pl.Expr]]:
    for name, inner in _fields(dtype).items():
        expr = pl.col(name) if value is None else value.struct.field(name)
        if name == NON_OBJECT:
            yield path, expr
        elif isinstance(inner, pl.Struct):
            yield from _rests((*path, name), inner, expr)


def _fields(dtype: pl.Struct) -> Schema:
    return {field.name: field.dtype for field in dtype.fields}


def _each(texts: pl.Series, types: Schema, depth: int) -> tuple[pl.DataFrame, pl.Series]:
    """Read objects with their types, and say which could be read; the others are without a value."""
    good = pl.Series([True]).new_from_index(0, len(texts))
    read = read_lines(packed(texts), types, lines=len(texts), depth=depth)
    if read is None:  # a text that looks like an object need not be one, nor have the same types
        good = pl.Series([_fits(text, types) for text in texts])
        read = read_lines(packed(_where(texts, good)), types, lines=len(texts), depth=depth)
    if read is None:
        good = pl.Series([False]).new_from_index(0, len(texts))
        read = read_lines(packed(_where(texts, good)), types, lines=len(texts), depth=depth)
    assert read is not None  # noqa: S101  # nothing is always readable
    return read, good


def _where(texts: pl.Series, good: pl.Series) -> pl.Series:
    return texts.zip_with(good, pl.Series(["{}"]).new_from_index(0, len(texts)))


def _fits(text: str, types: Schema) -> bool:
    try:
        value = json.loads(text, parse_constant=_refuse)
        return merge_schemas([types, {name: type_of_value(inner) for name, inner in value.items()}]) == types
    except (ValueError, RecursionError):
        return False


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _has_rest(dtype: type_of, *, depth: int = 0) -> bool:
    """Is there, somewhere inside, a field that is taken apart?"""
    if not isinstance(dtype, pl.Struct) or not isinstance(readable(dtype, depth=depth), pl.Struct):
        return False
    return any(field.name == NON_OBJECT or _has_rest(field.dtype, depth=depth + 1) for field in dtype.fields)


def _taken_apart(values: pl.Series, dtype: type_of, *, depth: int = 0) -> pl.Series:
    if not isinstance(dtype, pl.Struct) or not _has_rest(dtype, depth=depth):
        return values
    if any(field.name == NON_OBJECT for field in dtype.fields):
        return objects(values, dtype, depth=depth)
    inside = [
        _taken_apart(values.struct.field(field.name), field.dtype, depth=depth + 1)
        for field in dtype.fields
        if field.name in values.struct.fields
    ]
    # by name: a list of columns would rename the one of an empty key
    return _there(pl.DataFrame({part.name: part for part in inside}).to_struct(values.name), values)


def _there(parts: pl.Series, values: pl.Series) -> pl.Series:
    """Make null what was null."""
    if not values.null_count():
        return parts
    return pl.select(pl.when(values.is_not_null()).then(parts).alias(values.name)).to_series()


def _pruned(value: pl.Expr, dtype: type_of, have: type_of, *, depth: int = 0) -> pl.Expr:
    wanted = readable(dtype, depth=depth)
    if have == wanted:
        return value
    if isinstance(dtype, pl.Struct) and isinstance(have, pl.Struct) and isinstance(wanted, pl.Struct):
        inside = {field.name: field.dtype for field in have.fields}
        fields = [
            _pruned(value.struct.field(field.name), field.dtype, inside[field.name], depth=depth + 1).alias(field.name)
            for field in dtype.fields
            if field.dtype != EMPTY
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if wanted == pl.String():  # a structure of nothing but `{}`
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    return value.cast(wanted)
