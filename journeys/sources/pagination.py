"""Pages of an API's answer, `{"results": […], "paging": …}`: each element of the list becomes a row."""

from __future__ import annotations

import polars as pl

from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable


def unpack_pages(raw: RawTable, *lists: str) -> RawTable:
    """Make a row of each element of the first of these columns that is a list of objects; other rows are unchanged."""
    schema = raw.schema
    for name in lists:
        dtype = schema.get(name)
        if not isinstance(dtype, pl.List) or not isinstance(dtype.inner, pl.Struct):
            continue
        status = [column for column in (PROBLEM, PLACE, RAW) if column in schema]
        fields = [field.name for field in dtype.inner.fields if field.name not in status]
        # An empty list is the last page; a row that is not a page stays, so that it is counted.
        pages = raw.rows.filter((pl.col(name).list.len() > 0).fill_null(value=True))
        rows = pages.select(name, *status).explode(name, empty_as_null=True)
        rows = rows.select(*(pl.col(name).struct.field(field).alias(field) for field in fields), *status)
        return raw.with_rows(rows)
    return raw
