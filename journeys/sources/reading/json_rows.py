"""Lines of JSON → rows: repair of what is nearly JSON, no key lost, integers beyond 64 bits kept as text."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

import numpy as np
import polars as pl

from journeys.sources.reading.json_schema import (
    BIG,
    EMPTY_OBJECT,
    FLOAT_LIMIT,
    INT64_LIMIT,
    MAX_NESTING,
    NON_OBJECT,
    DType,
    Schema,
    dtype_of_value,
    fields_of,
    has_values,
    literal_name,
    merge_schemas,
    parser_dtype,
    readable_dtype,
)

# The two halves of a surrogate pair are written as \ud83d\ude00; either one alone is half a character.
ESCAPE = rb"(?<!\\)\\u[dD]"
HIGH, LOW = rb"[89abAB][0-9a-fA-F]{2}", rb"[c-fC-F][0-9a-fA-F]{2}"
HALF = re.compile(rb"%b(?:%b(?!\\u[dD]%b)|(?<!\\u[dD]%b\\u[dD])%b)" % (ESCAPE, HIGH, LOW, HIGH, LOW))
# A key that starts like a pattern, also with escaped characters.
PATTERN_KEY = re.compile(rb'"(?:\*|\^|\\u00)')
SURROGATE = re.compile("[\ud800-\udfff]")


def replace_half_characters(piece: bytes) -> bytes:
    r"""Replace an escaped half of a character by U+FFFD; it would become a zero byte or an error.

    Examples
    --------
    >>> replace_half_characters(rb'{"a": "\ud83d"}'), replace_half_characters(rb'{"a": "\ud83d\ude00"}')
    (b'{"a": "\xef\xbf\xbd"}', b'{"a": "\\ud83d\\ude00"}')
    """
    if b"\\ud" not in piece and b"\\uD" not in piece:
        return piece
    return _rewrite_lines(piece, lambda line: HALF.search(line) is not None) if HALF.search(piece) else piece


def drop_repeated_keys(piece: bytes) -> bytes:
    """Keep the last one of the keys that an object has twice, as most parsers do.

    Examples
    --------
    >>> drop_repeated_keys(b'{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}')
    b'{"a": 4, "b": {"c": 3}}'
    """
    return _rewrite_lines(piece, _has_repeated_key)


def rename_pattern_keys(piece: bytes) -> bytes:
    """Rename keys that Polars would take for patterns of column names.

    Examples
    --------
    >>> rename_pattern_keys(b'{"*": 1, "a": {"^b$": 2}}')
    b'{"(*)": 1, "a": {"(^b$)": 2}}'
    """

    def rename_all(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return {literal_name(key): value for key, value in pairs}

    return _rewrite_lines(piece, lambda line: PATTERN_KEY.search(line) is not None, hook=rename_all)


def simplify_value(value: object, *, depth: int = 0) -> object:
    """Make a value readable for any JSON parser: no NaN, no number beyond 64 bits, no very deep nesting.

    Examples
    --------
    >>> simplify_value({"a": float("nan"), "b": [2**64, 1]})
    {'a': None, 'b': ['18446744073709551616', 1]}
    """
    if isinstance(value, dict | list) and depth > MAX_NESTING // 2:
        return json.dumps(value)
    if isinstance(value, dict):
        return {key: simplify_value(inner, depth=depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [simplify_value(inner, depth=depth + 1) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and not -INT64_LIMIT <= value < INT64_LIMIT:
        return str(value)
    return value


Hook = Callable[[list[tuple[str, object]]], object]


def _rewrite_lines(piece: bytes, needs_repair: Callable[[bytes], bool], *, hook: Hook | None = None) -> bytes:
    return b"\n".join(_rewrite_line(line, hook) if needs_repair(line) else line for line in piece.split(b"\n"))


def _rewrite_line(line: bytes, hook: Hook | None) -> bytes:
    try:
        value = json.loads(line, object_pairs_hook=hook)
        return SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)).encode()
    except (ValueError, RecursionError):
        return line


def _has_repeated_key(line: bytes) -> bool:
    found = False

    def check_pairs(pairs: list[tuple[str, object]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) < len(pairs)

    try:
        json.loads(line, object_pairs_hook=check_pairs)
    except (ValueError, RecursionError):
        return False
    return found


TEXT = re.compile(rb'"(?:[^"\\]|\\.)*"')
OPENING, CLOSING, NEWLINE = 123, 125, 10
QUOTE, COLON, BACKSLASH, N, BLANKS = 34, 58, 92, 110, (9, 13, 32)


def count_written_keys(piece: bytes) -> int | None:
    r"""Count the keys with a value other than null; None where blanks make that uncertain.

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
    r"""Measure how deeply the lines of a piece are nested at most; up to a limit brackets in texts are counted as well.

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


FieldPath = tuple[str, ...]
NOTHING = {"_nothing": pl.String()}
BLANK = ("", "[]", "null")


def readable_schema(found: Mapping[str, DType]) -> Schema:
    """Turn the types found into ones that can be read; a field that is never more than null or `{}` is left out.

    Whether such a field is seen depends on how a file is cut into pieces.
    """
    return {name: readable_dtype(dtype) for name, dtype in found.items() if has_values(dtype)} or dict(NOTHING)


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
    """Drop the fields that are only null or `{}`."""
    if dict(frame.schema) == readable_schema(types):
        return frame
    kept = {name: dtype for name, dtype in types.items() if has_values(dtype)}
    if not kept:
        return frame.select(pl.repeat(None, pl.len(), dtype=pl.String()).alias("_nothing"))
    return frame.select(
        _prune_fields(pl.col(name), dtype, frame.schema[name]).alias(name) for name, dtype in kept.items()
    )


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
    for good in (pl.Series([_fits_types(text, types) for text in texts]), ~everything):
        frame = parse_lines(join_lines(_empty_unless(texts, good)), types, lines=len(texts), depth=depth)
        if frame is not None:
            return frame, good
    raise AssertionError("empty objects can always be parsed")


def _empty_unless(texts: pl.Series, good: pl.Series) -> pl.Series:
    return texts.zip_with(good, pl.Series(["{}"]).new_from_index(0, len(texts)))


def _fits_types(text: str, types: Schema) -> bool:
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        return merge_schemas([types, {name: dtype_of_value(inner) for name, inner in value.items()}]) == types
    except (ValueError, RecursionError):
        return False


def _refuse_constant(constant: str) -> None:
    raise ValueError(constant)


def _has_mixed_field(dtype: DType, *, depth: int = 0) -> bool:
    """Return whether a field inside, at any level, is an object in some lines only."""
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


def _prune_fields(value: pl.Expr, dtype: DType, have: DType, *, depth: int = 0) -> pl.Expr:
    """Drop the fields inside a column that are only `{}`, at all levels."""
    wanted = readable_dtype(dtype, depth=depth)
    if have == wanted:
        return value
    if isinstance(dtype, pl.Struct) and isinstance(have, pl.Struct) and isinstance(wanted, pl.Struct):
        inside = fields_of(have)
        fields = [
            _prune_fields(value.struct.field(name), inner, inside[name], depth=depth + 1).alias(name)
            for name, inner in fields_of(dtype).items()
            if inner != EMPTY_OBJECT
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields))
    if wanted == pl.String():  # a structure of nothing but `{}`
        return pl.when(value.is_not_null()).then(value.struct.json_encode())
    return value.cast(wanted)


DIGITS = r"^-?\d{16,38}$"
NESTED = r"[\[,] ?[\[{]"


def preserve_digits(piece: bytes, frame: pl.DataFrame, types: Schema, *, lines: int) -> tuple[pl.DataFrame, Schema]:
    """Read the fields of a piece that would lose digits as text, and mark those with big whole numbers as BIG."""
    leaves = list(_list_leaves(frame.get_columns(), types, ()))
    big = [path for path, values, dtype in leaves if dtype == pl.Int64() and _reaches_limit(values)]
    suspects = {path: dtype for path, values, dtype in leaves if _may_lose(values, dtype)}
    if suspects:
        as_text = _replace_types(types, dict.fromkeys(suspects, pl.String()))
        texts = parse_lines(piece, as_text, lines=lines)
        if texts is not None:
            written = _list_leaves(texts.get_columns(), as_text, ())
            lossy = [path for path, values, _ in written if path in suspects and _loses_digits(values, suspects[path])]
            new_types = _replace_types(types, dict.fromkeys(lossy, pl.String()))
            if lossy and len(lossy) < len(suspects):
                texts = parse_lines(piece, new_types, lines=lines)
            if lossy and texts is not None:
                frame, types = texts, new_types
    return frame, _replace_types(types, dict.fromkeys(big, BIG))


def _reaches_limit(values: pl.Series) -> bool:
    """Return whether any number is so large that a float may have rounded it."""
    largest, smallest = values.max(), values.min()
    return any(isinstance(one, int | float) and abs(one) >= FLOAT_LIMIT for one in (largest, smallest))


def _may_lose(values: pl.Series, dtype: DType) -> bool:
    if values.dtype == pl.Float64():
        return _reaches_limit(values)
    if dtype == pl.List(pl.String()) and values.dtype == pl.List(pl.String()):
        return bool(values.explode().str.contains(r"^[\[{]").any())
    return False


def _loses_digits(texts: pl.Series, dtype: DType) -> bool:
    return bool(texts.str.contains(DIGITS if dtype == pl.Float64() else NESTED).any())


def _list_leaves(
    columns: Iterable[pl.Series], types: Mapping[str, DType], path: FieldPath
) -> Iterator[tuple[FieldPath, pl.Series, DType]]:
    """List the values that are not objects, at all levels."""
    for values in columns:
        dtype = types.get(values.name)
        place = (*path, values.name)
        if isinstance(dtype, pl.Struct) and isinstance(values.dtype, pl.Struct):
            parts = [values.struct.field(field.name) for field in values.dtype.fields]
            yield from _list_leaves(parts, fields_of(dtype), place)
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
