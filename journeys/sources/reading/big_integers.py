"""Digits that must not be lost: whole numbers that a float would round, and lists of mixed values.

Polars reads a field with both whole numbers and fractions as floats, which rounds whole numbers beyond 2^53: two
identifiers of that length would become one. Such a field is read as text instead::

    {"order": 5.5}                      "5.5"
    {"order": 1234567890123456789}      "1234567890123456789"
    {"order": 1234567890123456788}      "1234567890123456788"

So is a list of objects and other values, whose elements would all become texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from journeys.sources.reading.json_rows import FieldPath, parse_lines
from journeys.sources.reading.json_schema import BIG, FLOAT_LIMIT, DType, Schema, fields_of

__all__ = ["preserve_digits"]

TEXT = pl.String()
DIGITS = r"^-?\d{16,38}$"
NESTED = r"[\[,] ?[\[{]"


def preserve_digits(piece: bytes, frame: pl.DataFrame, types: Schema, *, lines: int) -> tuple[pl.DataFrame, Schema]:
    """Read the fields of a piece that would lose digits as text, and mark those with big whole numbers as BIG."""
    leaves = list(_leaves(frame.get_columns(), types, ()))
    big = [path for path, values, dtype in leaves if dtype == pl.Int64() and _reaches_limit(values)]
    suspects = {path: dtype for path, values, dtype in leaves if _may_lose(values, dtype)}
    if suspects:
        as_text = _replace_types(types, dict.fromkeys(suspects, TEXT))
        texts = parse_lines(piece, as_text, lines=lines)
        if texts is not None:
            written = _leaves(texts.get_columns(), as_text, ())
            lossy = [path for path, values, _ in written if path in suspects and _loses(values, suspects[path])]
            new_types = _replace_types(types, dict.fromkeys(lossy, TEXT))
            if lossy and len(lossy) < len(suspects):
                texts = parse_lines(piece, new_types, lines=lines)
            if lossy and texts is not None:
                frame, types = texts, new_types
    return frame, _replace_types(types, dict.fromkeys(big, BIG))


def _reaches_limit(values: pl.Series) -> bool:
    """Tell whether there is a number that a float may have rounded."""
    largest, smallest = values.max(), values.min()
    return any(isinstance(one, int | float) and abs(one) >= FLOAT_LIMIT for one in (largest, smallest))


def _may_lose(values: pl.Series, dtype: DType) -> bool:
    if values.dtype == pl.Float64():
        return _reaches_limit(values)
    if dtype == pl.List(TEXT) and values.dtype == pl.List(TEXT):
        return bool(values.explode().str.contains(r"^[\[{]").any())
    return False


def _loses(texts: pl.Series, dtype: DType) -> bool:
    return bool(texts.str.contains(DIGITS if dtype == pl.Float64() else NESTED).any())


def _leaves(
    columns: Iterable[pl.Series], types: Mapping[str, DType], path: FieldPath
) -> Iterator[tuple[FieldPath, pl.Series, DType]]:
    """List the values that are not objects, at all levels."""
    for values in columns:
        dtype = types.get(values.name)
        place = (*path, values.name)
        if isinstance(dtype, pl.Struct) and isinstance(values.dtype, pl.Struct):
            parts = [values.struct.field(field.name) for field in values.dtype.fields]
            yield from _leaves(parts, fields_of(dtype), place)
        elif dtype is not None and not isinstance(dtype, pl.Struct):
            yield place, values, dtype


def _replace_types(types: Mapping[str, DType], new: Mapping[FieldPath, DType]) -> Schema:
    """Replace the types of fields, at all levels."""
    changed: Schema = dict(types)
    deeper: dict[str, dict[FieldPath, DType]] = {}
    for (name, *rest), dtype in new.items():
        if rest:
            deeper.setdefault(name, {})[tuple(rest)] = dtype
        else:
            changed[name] = dtype
    for name, inside in deeper.items():
        old = changed[name]
        if isinstance(old, pl.Struct):  # always: a path leads through objects
            changed[name] = pl.Struct(_replace_types(fields_of(old), inside))
    return changed
