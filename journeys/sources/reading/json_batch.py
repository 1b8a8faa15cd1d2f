"""A batch of JSON lines, read with the schema known so far and inspected further where that does not suffice.

Polars is strict: a value that does not fit its type is an error. What it does not report is a field that is missing
from the schema; so the keys written in a batch are counted and compared with those that were read.
"""

from __future__ import annotations

import json

import polars as pl

from journeys.sources.reading.big_integers import preserve_digits
from journeys.sources.reading.json_key_check import count_read_keys, count_written_keys, measure_nesting
from journeys.sources.reading.json_repair import drop_repeated_keys, rename_pattern_keys, replace_half_characters
from journeys.sources.reading.json_rows import drop_empty_objects, parse_lines
from journeys.sources.reading.json_schema import (
    MAX_NESTING,
    NON_OBJECT,
    DType,
    Schema,
    dtype_of_value,
    fields_of,
    is_deep,
    merge_dtypes,
    merge_schemas,
)
from journeys.sources.reading.literal_names import has_pattern_name

__all__ = ["is_readable", "read_batch"]

HEAD = 1 << 19


def read_batch(
    piece: bytes, known: Schema, *, lines: int | None = None, has_unique_keys: bool = False
) -> tuple[pl.DataFrame, Schema] | None:
    """Read lines of JSON objects, and return them with the types of all fields seen so far; None if a line is broken.

    For example, with {"a": Int64} known, three batches::

        {"a": 1}             as many keys read as written: done
        {"a": 1, "b": 2}     fewer keys read than written: infer the types, merge them with the known ones, read again
        {"a": 1, "a": 2}     still fewer: an object may have a key twice, so the last one is kept and all is read again
    """
    if not piece[:64].strip() and not piece.strip():
        return pl.DataFrame(), known
    piece = replace_half_characters(piece)
    if lines is None:
        lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    if not known and len(piece) > HEAD:
        # the first lines are usually like the others; where they are not, the keys tell
        head = piece[: piece.rfind(b"\n", 0, HEAD) + 1]
        known = (_infer_schema(head) or {}) if measure_nesting(head) <= MAX_NESTING else {}
        known = {} if is_deep(known) or has_pattern_name(known) else known
    written = count_written_keys(piece)
    frame = parse_lines(piece, known, lines=lines) if known else None
    if frame is not None and written is not None and written == count_read_keys(frame, known):
        return _finish(piece, frame, known, lines=lines)
    if measure_nesting(piece) > MAX_NESTING:  # the time to infer such a schema grows with the square of the depth
        return None
    for find_schema in (_infer_schema, _schema_by_value):
        found = find_schema(piece)
        if found is None:
            continue
        if is_deep(found):
            return None
        if has_pattern_name(found):
            renamed = rename_pattern_keys(piece)
            return None if renamed == piece else read_batch(renamed, known, lines=lines)
        types = merge_schemas([known, found])
        frame = parse_lines(piece, types, lines=lines)
        if frame is None:
            continue
        read = count_read_keys(frame, types)
        if find_schema is _infer_schema and written != read and _hides_objects(frame, types):
            continue
        if written is not None and (read or 0) < written and not has_unique_keys:
            unique = drop_repeated_keys(piece)
            if unique != piece:
                return read_batch(unique, known, lines=lines, has_unique_keys=True)
        # Polars reads 0 in one line and {} in the next as an object without fields: then look at every value
        if count_read_keys(frame, types, allow_text=True) is not None:
            return _finish(piece, frame, types, lines=lines)
    return None


def is_readable(line: bytes) -> bool:
    """Tell whether a line is a JSON object that can be read."""
    return read_batch(line, {}) is not None


def _finish(piece: bytes, frame: pl.DataFrame, types: Schema, *, lines: int) -> tuple[pl.DataFrame, Schema]:
    frame, types = preserve_digits(piece, frame, types, lines=lines)
    return drop_empty_objects(frame, types), types


def _infer_schema(piece: bytes) -> Schema | None:
    """Ask Polars, which is fast; where a field is a number here and an object there, its answer may not hold."""
    try:
        return dict(pl.scan_ndjson(piece, infer_schema_length=None).collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        return None


def _schema_by_value(piece: bytes) -> Schema | None:
    """Find the schema value by value, which is slow and always holds."""
    found: Schema = {}
    try:
        for line in piece.splitlines():
            value = json.loads(line) if line.strip() else {}
            if not isinstance(value, dict):
                return None
            for name, inner in value.items():
                dtype = dtype_of_value(inner)
                found[name] = merge_dtypes(found[name], dtype) if name in found else dtype
    except (ValueError, RecursionError):
        return None
    return found


def _hides_objects(frame: pl.DataFrame, types: Schema) -> bool:
    """Tell whether a field that Polars inferred to be text is an object in some line."""
    return any(_hides_object(frame.get_column(name), dtype) for name, dtype in types.items())


def _hides_object(values: pl.Series, dtype: DType) -> bool:
    if isinstance(dtype, pl.Struct) and isinstance(values.dtype, pl.Struct):
        inside = fields_of(dtype)
        return NON_OBJECT in inside or any(_hides_object(part, inside[part.name]) for part in values.struct.unnest())
    return dtype == pl.String() and bool(values.str.contains(r"^\{.+\}$").any())
