"""HubSpot's times: milliseconds as numbers or digits, or dates in words, most of which name no zone."""

from __future__ import annotations

import polars as pl

from journeys.events.times import TimeParser, note_assumed_zone
from journeys.sources.column_mapping import TIME, Fields, as_text
from journeys.sources.reading import RawTable


def parse_time_column(f: Fields, raw: RawTable, column: str, *, time_zone: str | None) -> tuple[pl.Expr, list[str]]:
    """Parse a column of times, and note what was assumed; what is wrong with single times is added to `f.problem`."""
    if not f.has(column):
        return f.epoch(raw, column, unit="ms"), []
    notes = note_assumed_zone(raw.rows, f.raw(column), time_zone=time_zone)
    if time_zone is None or f.dtype(column).is_numeric():
        return f.epoch(raw, column, unit="ms"), notes
    time, problem = parse_time_text(write_time_text(f.raw(column), f.dtype(column)), time_zone=time_zone)
    f.problem = pl.coalesce(f.problem, problem)
    return time, notes


def write_time_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write a date as text, as most exports have it; whole numbers count milliseconds."""
    if dtype.is_numeric():
        return value.cast(pl.Int64, strict=False).cast(pl.String)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        plain = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pl.concat_str(plain.cast(pl.String), pl.lit("Z"))
    return as_text(value, dtype)


def parse_time_text(at: pl.Expr, *, time_zone: str | None) -> tuple[pl.Expr, pl.Expr]:
    """Parse text that is a date, or digits that count milliseconds; and return why it could not be parsed."""
    digits = pl.when(at.str.contains(r"^\d{9,}$")).then(at)
    parsers = [(TimeParser(unit="ms"), digits), (TimeParser(time_zone=time_zone), pl.when(digits.is_null()).then(at))]
    time = [parser.parse(text, pl.String(), column="date") for parser, text in parsers]
    problem = [parser.explain(text, pl.col(TIME), pl.String(), column="date") for parser, text in parsers]
    return pl.coalesce(time), pl.coalesce(problem)
