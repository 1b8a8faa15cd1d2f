"""Columns that hold objects: key-value lists, JSON kept as text, and columns flattened with dots."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Mapping

import polars as pl

from journeys.sources.reading import RawTable, Source, load_source
from journeys.sources.reading.json_column import JsonColumns

TEXTS, WHOLES, FLOATS = ("string_value",), ("int_value",), ("float_value", "double_value")
_STAR = "*."
_EMPTY = r"^\s*(\{\s*\}|\[\s*\]|null)?\s*$"


def load_nested(source: Source, *, text: Collection[str], objects: Collection[str] = ()) -> RawTable:
    """Read a source some of whose columns hold objects, however they are written.

    Parameters
    ----------
    source : Source
        What the reader was given.
    text : collection of str
        Columns that stay text in a CSV; `properties.$device_id` is the field of an object in a flattened table.
    objects : collection of str
        Columns that hold objects, as structs or as JSON text. In a flattened table (`properties.$device_id`, or
        `*.properties.$device_id` as PostHog exports it) `Fields` finds their fields by the same names.
    """
    raw = load_source(source, text_columns=[*text, *(_STAR + column for column in text)], json_columns=objects)
    starred = {name: name.removeprefix(_STAR) for name in raw.schema if name.startswith(_STAR)}
    if starred and not set(starred.values()) & set(raw.schema):
        raw = raw.with_rows(raw.rows.rename(starred))
    return parse_json_columns(raw, *objects)


def parse_json_columns(raw: RawTable, *columns: str) -> RawTable:
    """Parse columns that hold JSON objects as text into structs; text that is not an object stays beside the fields.

    Objects that were encoded twice, or written as Python writes a dict, are decoded once more. A column that holds no
    object at all stays text, and a note says so: the identifiers, pages and campaigns in it are not read.
    """
    texts = [column for column in columns if raw.schema.get(column) == pl.String]
    if not texts:
        return raw
    has_object = [pl.col(column).str.contains("{", literal=True).any().alias(column) for column in texts]
    is_encoded = [pl.col(column).str.contains(_ENCODED).any().alias(f"{column} encoded") for column in texts]
    found = raw.rows.select(*has_object, *is_encoded).collect().row(0, named=True)
    rows, notes = raw.rows, list[str]()
    encoded = [column for column in texts if found[f"{column} encoded"]]
    if encoded:
        decoded = {
            column: pl.col(column).map_batches(_decode_texts, return_dtype=pl.String, is_elementwise=True)
            for column in encoded
        }
        counts = rows.select(value.ne_missing(pl.col(column)).sum() for column, value in decoded.items()).collect()
        rows = rows.with_columns(decoded.values())
        notes += [
            f"{column!r} is not an object but the text of one in {count:,} {'row' if count == 1 else 'rows'}: decoded"
            for column, count in zip(encoded, counts.row(0), strict=True)
            if count
        ]
    if any(found[column] for column in texts):
        reader = JsonColumns(texts)
        reader.read(rows)
        frames, said = reader.frames()
        rows, notes = pl.concat(frames), [*notes, *said]
    schema = rows.collect_schema()
    unread = [column for column in texts if schema[column] == pl.String]
    if unread:
        filled = rows.select((~pl.col(column).str.contains(_EMPTY)).sum() for column in unread).collect().row(0)
        notes += [
            f"{column!r} is not an object in any of {count:,} rows: "
            "identifiers, pages and campaigns in it were not read"
            for column, count in zip(unread, filled, strict=True)
            if count
        ]
    return raw.with_rows(rows, notes=notes)


# "{\"a\": 1}" (JSON of JSON) or {'a': 1} (a Python dict's text)
_ENCODED = r"""^\s*("\s*\{|\{\s*')"""


def _decode_texts(texts: pl.Series) -> pl.Series:
    encoded = texts.str.contains(_ENCODED).fill_null(value=False)
    if not encoded.any():
        return texts
    return texts.zip_with(~encoded, texts.set(~encoded, None).map_elements(_decode_text, return_dtype=pl.String))


def _decode_text(text: str) -> str:
    """Decode JSON of JSON, or a Python dict's text, as JSON; the text itself where it is neither.

    Examples
    --------
    >>> _decode_text(json.dumps('{"a": 1}')), _decode_text("{'a': None}"), _decode_text("{'a': ")
    ('{"a": 1}', '{"a": null}', "{'a': ")
    """
    try:
        value = json.loads(text) if text.lstrip().startswith('"') else ast.literal_eval(text.strip())
        return value if isinstance(value, str) else json.dumps(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def parse_key_value_lists(raw: RawTable, columns: Mapping[str, str]) -> RawTable:
    """Turn each column of key-value lists, as BigQuery has them, into a struct with a field per key.

    `columns` gives each column the name of its struct; those that are not lists of (key, value) are left alone.
    """
    rows = raw.rows
    for column, target in columns.items():
        dtype = raw.schema[column]
        if not isinstance(dtype, pl.List) or not isinstance(dtype.inner, pl.Struct):
            continue
        inner = {field.name: field.dtype for field in dtype.inner.fields}
        value = inner.get("value")
        if "key" not in inner or not isinstance(value, pl.Struct):
            continue
        present = {field.name for field in value.fields}
        types = _find_key_types(raw.rows, column, present)
        if not types:
            continue

        def convert_batch(
            batch: pl.Series, types: dict[str, pl.DataType] = types, present: set[str] = present
        ) -> pl.Series:
            return _spread_pairs(batch, types, present)

        struct = pl.Struct(types)
        rows = rows.with_columns(
            pl.col(column).map_batches(convert_batch, return_dtype=struct, is_elementwise=True).alias(target)
        )
    return raw.with_rows(rows)


def _find_key_types(rows: pl.LazyFrame, column: str, present: set[str]) -> dict[str, pl.DataType]:
    """Find the keys of all rows, each with the type that holds all its values."""
    pairs = rows.select(pl.col(column)).filter(pl.col(column).list.len() > 0).explode(column, empty_as_null=False)
    value = pl.col(column).struct.field("value")
    used = [value.struct.field(name).is_not_null().any().alias(name) for name in sorted(present)]
    by_key = pairs.group_by(pl.col(column).struct.field("key").alias("_key")).agg(used).sort("_key").collect()
    types: dict[str, pl.DataType] = {}
    for row in by_key.iter_rows(named=True):
        if row["_key"] is None:
            continue
        held = {name for name, is_used in row.items() if is_used is True}
        numbers = held <= {*WHOLES, *FLOATS} and bool(held)
        types[row["_key"]] = pl.String() if not numbers else pl.Int64() if held <= set(WHOLES) else pl.Float64()
    return types


def _spread_pairs(batch: pl.Series, types: dict[str, pl.DataType], present: set[str]) -> pl.Series:
    """Scatter the values of a batch of lists into a column per key; of a key given twice the first value stays."""
    height = len(batch)
    frame = pl.DataFrame({"_row": pl.int_range(height, eager=True), "_pair": batch})
    frame = frame.filter(pl.col("_pair").list.len() > 0).explode("_pair", empty_as_null=False)
    value = pl.col("_pair").struct.field("value")
    frame = frame.select(
        "_row",
        pl.col("_pair").struct.field("key").alias("_key"),
        *(value.struct.field(name).alias(name) for name in sorted(present)),
    ).unique(["_row", "_key"], keep="first", maintain_order=True)
    parts = {key[0]: part for key, part in frame.partition_by("_key", as_dict=True).items()}
    columns = []
    for key, dtype in types.items():
        part = parts.get(key)
        column = pl.Series(key, [None], dtype=dtype).new_from_index(0, height)
        if part is not None:
            column = column.scatter(part["_row"], part.select(_cast_value(dtype, present)).to_series())
        columns.append(column.alias(key))
    return pl.DataFrame(columns).to_struct(batch.name)


def _cast_value(dtype: pl.DataType, present: set[str]) -> pl.Expr:
    names = [name for name in (*TEXTS, *WHOLES, *FLOATS) if name in present]
    return pl.coalesce(pl.col(name).cast(dtype, strict=False) for name in names)
