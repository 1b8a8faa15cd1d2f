"""Digits that must not be lost: whole numbers that a float would round, and lists whose elements are no texts.

Polars takes a field that holds both whole numbers and fractions for a float, which rounds the whole ones beyond 2^53:
identifiers of such a length would become each other. Such a field is read as text instead. So is a list of objects
and other things, whose elements would all become texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from journeys.sources.reading.json_rows import Path, Schema, read_lines
from journeys.sources.reading.json_schema import BIG, FLOAT_LIMIT, type_of

__all__ = ["exact"]

TEXT = pl.String()
DIGITS = r"^-?\d{16,38}$"
NESTED = r"[\[,] ?[\[{]"


def exact(piece: bytes, frame: pl.DataFrame, types: Schema, *, lines: int) -> tuple[pl.DataFrame, Schema]:
    """Look at the numbers read of a piece: say which are big, and read as text what would lose digits otherwise."""
    found = list(_leaves(frame.get_columns(), types, ()))
    big = [path for path, values, dtype in found if dtype == pl.Int64() and _reaches(values)]
    asked = [path for path, values, dtype in found if _suspicious(values, dtype)]
    if asked:
        as_text = _with(types, dict.fromkeys(asked, TEXT))
        texts = read_lines(piece, as_text, lines=lines)
        if texts is not None:
            written = {path: values for path, values, _ in _leaves(texts.get_columns(), as_text, ()) if path in asked}
            old = {path: dtype for path, _, dtype in found}
            lossy = {path: TEXT for path, values in written.items() if _loses(values, old[path])}
            whole = texts if len(lossy) == len(asked) else None
            if lossy and whole is None:
                whole = read_lines(piece, _with(types, lossy), lines=lines)
            if lossy and whole is not None:
                frame, types = whole, _with(types, lossy)
    return frame, _with(types, dict.fromkeys(big, BIG)) if big else types


def _reaches(values: pl.Series) -> bool:
    """Is there a number that a float may have rounded?"""
    largest, smallest = values.max(), values.min()
    return any(isinstance(one, int | float) and abs(one) >= FLOAT_LIMIT for one in (largest, smallest))


def _suspicious(values: pl.Series, dtype: type_of) -> bool:
    if values.dtype == pl.Float64():
        return _reaches(values)
    if dtype == pl.List(TEXT) and values.dtype == pl.List(TEXT):
        return bool(values.explode().str.contains(r"^[\[{]").any())
    return False


def _loses(texts: pl.Series, dtype: type_of) -> bool:
    return bool(texts.str.contains(DIGITS if dtype == pl.Float64() else NESTED).any())


def _leaves(
    columns: Iterable[pl.Series], types: Mapping[str, type_of], path: Path
) -> Iterator[tuple[Path, pl.Series, type_of]]:
    """List the values that are no objects, on all levels."""
    for values in columns:
        dtype = types.get(values.name)
        if dtype is None:
            continue
        place = (*path, values.name)
        if isinstance(dtype, pl.Struct) and isinstance(values.dtype, pl.Struct):
            inside = {field.name: field.dtype for field in dtype.fields}
            parts = [values.struct.field(field.name) for field in values.dtype.fields]
            yield from _leaves(parts, inside, place)
        elif not isinstance(dtype, pl.Struct):
            yield place, values, dtype


def _with(types: Mapping[str, type_of], new: Mapping[Path, type_of]) -> Schema:
    """Set the types of fields, on all levels."""
    changed: Schema = dict(types)
    deeper: dict[str, dict[Path, type_of]] = {}
    for (name, *rest), dtype in new.items():
        if rest:
            deeper.setdefault(name, {})[tuple(rest)] = dtype
        else:
            changed[name] = dtype
    for name, inside in deeper.items():
        old = changed[name]
        assert isinstance(old, pl.Struct)  # noqa: S101  # a path leads through objects
        changed[name] = pl.Struct(_with({field.name: field.dtype for field in old.fields}, inside))
    return changed
