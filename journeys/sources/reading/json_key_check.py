"""What the bytes of JSON tell: whether a field was overlooked when it was read, and how deeply it is nested."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import polars as pl

from journeys.sources.reading.json_schema import MAX_NESTING, NON_OBJECT, DType, fields_of

__all__ = ["count_read_keys", "count_written_keys", "measure_nesting"]

TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
OPENING, CLOSING, NEWLINE = 123, 125, 10
QUOTE, COLON, BACKSLASH, N, BLANKS = 34, 58, 92, 110, (9, 13, 32)


def count_written_keys(piece: bytes) -> int | None:
    r"""Count the keys with a value other than null; None where blanks make that hard to tell.

    In JSON, a quote before a colon ends a key, unless a backslash precedes it, and a value that starts with n is null.

    Examples
    --------
    >>> [count_written_keys(piece) for piece in (b'{"a":1,"b":null}', b'{"a":"b\\":1"}', b'{"a" :1}')]
    [1, 1, None]
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


def measure_nesting(piece: bytes) -> int:
    r"""Measure how deeply the lines of a piece are nested at most; where it is little, brackets in texts count, too.

    Examples
    --------
    >>> [measure_nesting(piece) for piece in (b"", b'{"a":[1]}\n{"a":[[2]]}', b'{"a":"[["}\n{}')]
    [0, 3, 3]
    """
    most = _count_open_brackets(piece)
    return most if most <= MAX_NESTING else _count_open_brackets(TEXT.sub(b"", piece))


def _count_open_brackets(piece: bytes) -> int:
    text = np.frombuffer(piece, dtype=np.uint8)
    bracket = text | 32  # [ and ] become { and }
    depth = np.cumsum((bracket == OPENING).astype(np.int32) - (bracket == CLOSING), dtype=np.int32)
    ends = np.flatnonzero(text == NEWLINE)
    lengths = np.diff([0, *(ends + 1), len(text)])
    depth -= np.repeat(np.concatenate([[0], depth[ends]]), lengths).astype(np.int32)
    return int(depth.max(initial=0))


def count_read_keys(frame: pl.DataFrame, types: Mapping[str, DType], *, allow_text: bool = False) -> int | None:
    """Count the fields with a value, at all levels; None where one has a value but its type is not known yet.

    Also None where an object stayed text, so that its keys cannot be counted, unless `allow_text`.
    """
    counts = [_count_in(frame.get_column(name), dtype, allow_text=allow_text) for name, dtype in types.items()]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _count_in(values: pl.Series, dtype: DType, *, allow_text: bool) -> int | None:
    """Count the keys with a value in one column: one per row that is not null, plus those inside."""
    present = len(values) - values.null_count()
    if dtype == pl.Null:
        return None if present else 0
    if isinstance(dtype, pl.List):
        if not isinstance(dtype.inner, pl.List | pl.Struct | pl.Null):
            return present
        elements = values.drop_nulls().explode(empty_as_null=False)
        inside = _count_in(elements, dtype.inner, allow_text=allow_text)
        # the elements of a list have no keys of their own
        return None if inside is None else present + inside - (len(elements) - elements.null_count())
    if not isinstance(dtype, pl.Struct):
        return present
    if not dtype.fields:
        return present if (values.drop_nulls() == "{}").all() else None
    if values.dtype == pl.String:
        return None if present and not allow_text else present
    fields = {name: inner for name, inner in fields_of(dtype).items() if name != NON_OBJECT}
    inside = count_read_keys(values.struct.unnest(), fields, allow_text=allow_text)
    return None if inside is None else present + inside + _count_in_non_objects(values)


def _count_in_non_objects(values: pl.Series) -> int:
    """Count the keys in the lists that other lines have in an object's place."""
    if NON_OBJECT not in values.struct.fields:
        return 0
    texts = values.struct.field(NON_OBJECT).drop_nulls()
    lists = texts.filter(texts.str.starts_with("["))
    return count_written_keys(str(lists.str.join("\n").item()).encode()) or 0 if len(lists) else 0
