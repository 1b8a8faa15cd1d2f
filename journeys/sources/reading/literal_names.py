"""Names of columns that Polars takes for patterns: `*` is every column, and `^a.*$` every one that matches."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from journeys.sources.reading.json_schema import DType

__all__ = ["has_pattern_name", "literal_name", "rename_patterns"]

PATTERN = re.compile(r"\*|\^.*\$", re.DOTALL)


def literal_name(name: str) -> str:
    """Put a name that is a pattern into parentheses.

    Examples
    --------
    >>> literal_name("*"), literal_name("^plan$"), literal_name("*.event")
    ('(*)', '(^plan$)', '*.event')
    """
    return f"({name})" if PATTERN.fullmatch(name) else name


def has_pattern_name(types: Mapping[str, DType]) -> bool:
    """Tell whether a field, at any level, has a name that is a pattern."""
    return any(PATTERN.fullmatch(name) or _has_inside(dtype) for name, dtype in types.items())


def rename_patterns(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rename columns and fields whose names are patterns."""
    schema = rows.collect_schema()
    if not has_pattern_name(schema):
        return rows

    def rename(frame: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame([_rename_fields(values).alias(literal_name(values.name)) for values in frame])

    return rows.map_batches(rename, schema=rename(schema.to_frame()).schema, streamable=True)


def _has_inside(dtype: DType) -> bool:
    return isinstance(dtype, pl.Struct) and has_pattern_name({field.name: field.dtype for field in dtype.fields})


def _rename_fields(values: pl.Series) -> pl.Series:
    if not _has_inside(values.dtype):
        return values
    parts = [_rename_fields(part).alias(literal_name(part.name)) for part in values.struct.unnest()]
    inside = pl.DataFrame(parts).to_struct(values.name)
    return inside.set(values.is_null(), None) if values.null_count() else inside
