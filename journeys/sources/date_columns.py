"""Tables with one row per person or deal and a column for the date of each event."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from journeys.sources.reading import PROBLEM, RawTable

EVENT, DATE = "_event_of_column", "_date_of_column"


def unpivot_dates(raw: RawTable, dates: Mapping[str, str]) -> RawTable:
    """Make one row per event that has a date, with the columns `EVENT` and `DATE`.

        email  lead        won             email  EVENT  DATE
        ann    2026-03-01  2026-03-09  →   ann    Lead   2026-03-01
        bob    2026-03-02                  bob    Lead   2026-03-02
        eve                                eve    Lead                  no date at all: one row, to be counted
                                           ann    Won    2026-03-09

    Parameters
    ----------
    raw
        The rows as they were read.
    dates
        Event → the column of its date.
    """
    schema = raw.schema
    types = {schema[column] for column in dates.values()}
    values = {
        event: pl.col(column) if len(types) == 1 else pl.col(column).cast(pl.String) for event, column in dates.items()
    }
    is_dated = {
        event: value.is_not_null() & (value.cast(pl.String).str.strip_chars() != "") for event, value in values.items()
    }
    # lines that could not be read, and rows without any date, are counted once
    is_single = ~pl.any_horizontal(*is_dated.values())
    if PROBLEM in schema:
        is_single |= pl.col(PROBLEM).is_not_null()
    parts = [
        raw.rows.filter((is_dated[event] & ~is_single) | (is_single if place == 0 else pl.lit(value=False)))
        .with_columns(pl.lit(event).alias(EVENT), values[event].alias(DATE))
        for place, event in enumerate(dates)
    ]  # fmt: skip
    return raw.with_rows(pl.concat(parts))
