"""Was a field overlooked? The keys of a piece of JSON are counted in its bytes and in what was read of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from journeys.sources.reading.json_schema import NON_OBJECT, type_of

__all__ = ["keys_read", "keys_written"]

QUOTE, COLON, BACKSLASH, N, BLANKS = 34, 58, 92, 110, (9, 13, 32)


def keys_written(piece: bytes) -> int | None:
    """Count the keys that have a value other than null; None where blanks make that hard to tell.

    In JSON a quote before a colon ends a key, unless a backslash precedes it, and a value with an n is null.
    """
    text = np.frombuffer(piece, dtype=np.uint8)
    colons = np.flatnonzero(text == COLON)
    if len(colons) == 0:
        return 0
    if colons[0] < 3:
        colons = colons[colons >= 3]
    before = text[colons - 1]
    apart = colons[np.isin(before, BLANKS)]
    if np.isin(text[apart - 2], (QUOTE, *BLANKS)).any():
        return None
    keys = colons[before == QUOTE]
    escaped = text[keys - 2] == BACKSLASH
    if (text[keys[escaped] - 3] == BACKSLASH).any():
        return None
    keys = keys[~escaped]
    last = len(text) - 1
    after = text[np.minimum(keys + 1, last)]
    after = np.where(after == BLANKS[-1], text[np.minimum(keys + 2, last)], after)
    return int(len(keys) - np.count_nonzero(after == N))


def keys_read(frame: pl.DataFrame, types: Mapping[str, type_of], *, inside_text: bool = False) -> int | None:
    """Count the fields that hold a value, on all levels; None where one holds a value and its type is not known yet.

    Structures that stay text have keys that are not counted: None as well, unless they may be passed over.
    """
    total = 0
    for name, dtype in types.items():
        inner = _held(frame.get_column(name), dtype, inside_text=inside_text)
        if inner is None:
            return None
        total += inner
    return total


def _held(values: pl.Series, dtype: type_of, *, inside_text: bool) -> int | None:
    there = len(values) - values.null_count()
    if dtype == pl.Null:
        return None if there else 0
    if isinstance(dtype, pl.List):
        if not isinstance(dtype.inner, pl.List | pl.Struct | pl.Null):
            return there
        elements = values.drop_nulls().explode(empty_as_null=False)
        inside = _held(elements, dtype.inner, inside_text=inside_text)
        # The elements of a list have no keys of their own.
        return None if inside is None else there + inside - (len(elements) - elements.null_count())
    if not isinstance(dtype, pl.Struct):
        return there
    if not dtype.fields:
        return there if (values.drop_nulls() == "{}").all() else None
    if values.dtype == pl.String:
        return None if there and not inside_text else there
    fields = {field.name: field.dtype for field in dtype.fields if field.name != NON_OBJECT}
    inside = keys_read(values.struct.unnest(), fields, inside_text=inside_text)
    return None if inside is None else there + inside + _beside(values)


def _beside(values: pl.Series) -> int:
    """Count the keys in what other lines have in an object's place."""
    if NON_OBJECT not in values.struct.fields:
        return 0
    texts = values.struct.field(NON_OBJECT).drop_nulls()
    lists = texts.filter(texts.str.starts_with("["))
    return keys_written(str(lists.str.join("\n").item()).encode()) or 0 if len(lists) else 0
