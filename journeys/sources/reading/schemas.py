"""The schema of NDJSON, found while it is read: each piece with the types known so far, looked into where they fail.

Polars reads strictly: a value that does not fit its type is an error. What it does not say is that a field was not
in the schema; so the keys of a piece are counted beside what was read of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from journeys.sources.reading.dtypes import EMPTY, merge, merge_schemas, readable, type_of
from journeys.sources.reading.keys import keys_read, keys_written

__all__ = ["Schema", "read_piece", "readable_schema", "sound_schema", "widened", "widens"]

Schema = dict[str, type_of]
LARGEST = 1 << 63
HEAD = 1 << 19
NOTHING = {"_nothing": pl.String()}


def read_piece(piece: bytes, known: Schema, *, lines: int | None = None) -> tuple[pl.DataFrame, Schema] | None:
    """Read lines of JSON objects, and tell the types of all fields seen so far; None when a line cannot be read."""
    if not piece[:64].strip() and not piece.strip():
        return pl.DataFrame(), known
    if lines is None:
        lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    if not known and len(piece) > HEAD:
        # Its first lines tell what the others are like, and where they do not, that is noticed.
        known = _inferred(piece[: piece.rfind(b"\n", 0, HEAD) + 1]) or {}
    if known and (frame := _read(piece, known, lines)) is not None:
        written = keys_written(piece)
        if written is not None and written == keys_read(frame, known):
            return _without_empty(frame, known), known
    for find in (_inferred, _by_value):
        found = find(piece)
        if found is not None:
            types = merge_schemas([known, found])
            frame = _read(piece, types, lines)
            # Polars takes 0 in one line and {} in the next for a structure without fields: then by value.
            if frame is not None and keys_read(frame, types, inside_text=True) is not None:
                return _without_empty(frame, types), types
    return None


def sound_schema(piece: bytes) -> Schema | None:
    """Find the types of a piece's fields; None when a line of it is no JSON object that can be read."""
    read = read_piece(piece, {})
    return None if read is None else read[1]


def readable_schema(found: Mapping[str, type_of]) -> Schema:
    """Turn the types found into ones that can be read; a field that is never more than `{}` is left out."""
    return {name: readable(dtype) for name, dtype in found.items() if dtype != EMPTY} or dict(NOTHING)


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


def _read(piece: bytes, types: Schema, lines: int) -> pl.DataFrame | None:
    """Read every line of a piece, all fields of the schema and those that only hold `{}`; None when that fails."""
    schema = {name: readable(dtype, empty=True) for name, dtype in types.items()} or dict(NOTHING)
    try:
        frame = pl.scan_ndjson(piece, schema=schema).collect()
    except (pl.exceptions.PolarsError, OSError):
        return None
    if frame.height != lines and frame.height != sum(bool(line.strip()) for line in piece.split(b"\n")):
        return None
    return frame


def _without_empty(frame: pl.DataFrame, types: Schema) -> pl.DataFrame:
    wanted = readable_schema(types)
    if dict(frame.schema) == wanted:
        return frame
    kept = {name: dtype for name, dtype in types.items() if dtype != EMPTY}
    if not kept:
        return frame.select(pl.repeat(None, pl.len(), dtype=pl.String()).alias("_nothing"))
    return frame.select(_pruned(pl.col(name), dtype, frame.schema[name]).alias(name) for name, dtype in kept.items())


def _pruned(value: pl.Expr, dtype: type_of, have: type_of, *, depth: int = 0) -> pl.Expr:
    wanted = readable(dtype, depth=depth)
    if have == wanted:
        return value
    if isinstance(dtype, pl.Struct) and isinstance(have, pl.Struct) and isinstance(wanted, pl.Struct):
        inside = _fields(have)
        fields = [
            _pruned(value.struct.field(name), inner, inside[name], depth=depth + 1).alias(name)
            for name, inner in _fields(dtype).items()
            if inner != EMPTY
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if wanted == pl.String():  # a structure of nothing but `{}`
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    return value.cast(wanted)


def _inferred(piece: bytes) -> Schema | None:
    """Ask Polars, which is fast; where a field is a number here and an object there its answer may not read back."""
    try:
        return dict(pl.scan_ndjson(piece, infer_schema_length=None).collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        return None


def _by_value(piece: bytes) -> Schema | None:
    """Put the types together value by value."""
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
    return found


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
