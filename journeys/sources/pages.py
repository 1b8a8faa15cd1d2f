"""What an API answers, `{"results": […], "paging": …}`: each element of the list is a row."""

from __future__ import annotations

import polars as pl

from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable

__all__ = ["unpaged"]


def unpaged(raw: RawTable, *lists: str) -> RawTable:
    """Give the elements of the first of these columns that is a list of objects; other rows are left as they are."""
    schema = raw.schema
    for name in lists:
        dtype = schema.get(name)
        if not isinstance(dtype, pl.List) or not isinstance(dtype.inner, pl.Struct):
            continue
        beside = [column for column in (PROBLEM, PLACE, RAW) if column in schema]
        fields = [field.name for field in dtype.inner.fields if field.name not in beside]
        # a page without elements is the last one; what is no page stays a row, so that it is counted
        pages = raw.rows.filter((pl.col(name).list.len() > 0).fill_null(value=True))
        rows = pages.select(name, *beside).explode(name, empty_as_null=True)
        rows = rows.select(*(pl.col(name).struct.field(field).alias(field) for field in fields), *beside)
        return RawTable(rows, raw.name, raw.notes, in_memory=raw.in_memory)
    return raw
