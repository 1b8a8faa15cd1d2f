"""The schema of NDJSON, found while it is read: each piece with the types known so far, looked into where they fail.

Polars reads strictly: a value that does not fit its type is an error. What it does not say is that a field was not
in the schema; so the keys of a piece are counted beside what was read of it.
"""

from __future__ import annotations

import json

import polars as pl

from journeys.sources.reading.big_integers import exact
from journeys.sources.reading.json_key_check import keys_read, keys_written
from journeys.sources.reading.json_repair import once_each, whole_characters
from journeys.sources.reading.json_rows import Schema, read_lines, without_empty
from journeys.sources.reading.json_schema import (
    EMPTY,
    NON_OBJECT,
    merge,
    merge_schemas,
    readable,
    type_of,
    type_of_value,
)

__all__ = ["read_piece", "sound_schema", "widened", "widens"]

HEAD = 1 << 19


def read_piece(
    piece: bytes, known: Schema, *, lines: int | None = None, plain: bool = False
) -> tuple[pl.DataFrame, Schema] | None:
    """Read lines of JSON objects, and tell the types of all fields seen so far; None when a line cannot be read.

    Where more keys are written than were read, an object may have one twice; in a `plain` piece none has.
    """
    if not piece[:64].strip() and not piece.strip():
        return pl.DataFrame(), known
    piece = whole_characters(piece)
    if lines is None:
        lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    if not known and len(piece) > HEAD:
        # Its first lines tell what the others are like, and where they do not, that is noticed.
        known = _inferred(piece[: piece.rfind(b"\n", 0, HEAD) + 1]) or {}
    written = keys_written(piece)
    frame = read_lines(piece, known, lines=lines) if known else None
    if frame is not None and written is not None and written == keys_read(frame, known):
        return _settled(piece, frame, known, lines=lines)
    for find in (_inferred, _by_value):
        found = find(piece)
        if found is not None:
            types = merge_schemas([known, found])
            frame = read_lines(piece, types, lines=lines)
            if frame is None:
                continue
            counted = keys_read(frame, types)
            if find is _inferred and written != counted and _hides_objects(frame, types):
                continue
            if written is not None and (counted or 0) < written and not plain:
                once = once_each(piece)
                if once != piece:
                    return read_piece(once, known, lines=lines, plain=True)
            # Polars takes 0 in one line and {} in the next for a structure without fields: then by value.
            if keys_read(frame, types, inside_text=True) is not None:
                return _settled(piece, frame, types, lines=lines)
    return None


def _settled(piece: bytes, frame: pl.DataFrame, types: Schema, *, lines: int) -> tuple[pl.DataFrame, Schema]:
    frame, types = exact(piece, frame, types, lines=lines)
    return without_empty(frame, types), types


def sound_schema(piece: bytes) -> Schema | None:
    """Find the types of a piece's fields; None when a line of it is no JSON object that can be read."""
    read = read_piece(piece, {})
    return None if read is None else read[1]


def widens(old: type_of, new: type_of, *, depth: int = 0) -> bool:
    """Tell whether values read as one type can be turned into another as if they had been read so."""
    if old == EMPTY:
        return new == EMPTY or isinstance(readable(new, depth=depth), pl.Struct)
    if old == pl.Null() or readable(old, depth=depth) == readable(new, depth=depth):
        return True
    if old == pl.Int64():
        return new == pl.Float64()
    if not (isinstance(readable(old, depth=depth), pl.Struct) and isinstance(readable(new, depth=depth), pl.Struct)):
        return False
    return isinstance(old, pl.Struct) and isinstance(new, pl.Struct) and all(
        widens(field.dtype, _fields(new)[field.name], depth=depth + 1) for field in old.fields
    )  # fmt: skip


def widened(value: pl.Expr, old: type_of | None, new: type_of, *, depth: int = 0) -> pl.Expr:
    """Turn values read as one type into the wider one."""
    wanted = readable(new, depth=depth)
    if old is None or old in (pl.Null(), EMPTY):
        return pl.lit(None, dtype=wanted)
    have = readable(old, depth=depth)
    if have == wanted:
        return value
    if not (isinstance(have, pl.Struct) and isinstance(old, pl.Struct) and isinstance(new, pl.Struct)):
        return value.cast(wanted)
    before = _fields(old)
    fields = [
        widened(value.struct.field(name), before.get(name), dtype, depth=depth + 1).alias(name)
        for name, dtype in _fields(new).items()
        if dtype != EMPTY
    ]
    return pl.when(value.is_not_null()).then(pl.struct(fields))


def _fields(dtype: pl.Struct) -> Schema:
    return {field.name: field.dtype for field in dtype.fields}


def _inferred(piece: bytes) -> Schema | None:
    """Ask Polars, which is fast; where a field is a number here and an object there its answer may not read back."""
    try:
        return dict(pl.scan_ndjson(piece, infer_schema_length=None).collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        return None


def _hides_objects(frame: pl.DataFrame, types: Schema) -> bool:
    """Polars takes a field that is a text here and an object there for text: is there one, or one known to be both?"""
    return any(_hides(frame.get_column(name), dtype) for name, dtype in types.items())


def _hides(values: pl.Series, dtype: type_of) -> bool:
    if isinstance(dtype, pl.Struct) and isinstance(values.dtype, pl.Struct):
        inside = {field.name: field.dtype for field in dtype.fields}
        return NON_OBJECT in inside or any(_hides(part, inside[part.name]) for part in values.struct.unnest())
    return dtype == pl.String() and bool(values.str.contains(r"^\{.+\}$").any())


def _by_value(piece: bytes) -> Schema | None:
    """Put the types together value by value."""
    found: Schema = {}
    try:
        for line in piece.splitlines():
            value = json.loads(line) if line.strip() else {}
            if not isinstance(value, dict):
                return None
            for name, inner in value.items():
                dtype = type_of_value(inner)
                found[name] = merge(found[name], dtype) if name in found else dtype
    except (ValueError, RecursionError):
        return None
    return found
