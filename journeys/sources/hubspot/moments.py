"""HubSpot's times: milliseconds in numbers or digits, or dates in words, most of which name no zone."""

from __future__ import annotations

import polars as pl

from journeys.events.time_zones import note_assumed_zone
from journeys.events.times import TimeParser
from journeys.sources.fields import Fields
from journeys.sources.reading import RawTable
from journeys.sources.shape import TIME, as_text

__all__ = ["in_words", "moment", "written"]


def moment(f: Fields, raw: RawTable, column: str, *, time_zone: str | None) -> tuple[pl.Expr, list[str]]:
    """Read a column of times, and say what was assumed; what is wrong with single ones goes to the fields' problem."""
    if not f.has(column):
        return f.epoch(raw, column, unit="ms"), []
    notes = note_assumed_zone(raw.rows, f.raw(column), time_zone=time_zone)
    if time_zone is None or f.dtype(column).is_numeric():
        return f.epoch(raw, column, unit="ms"), notes
    time, problem = in_words(written(f.raw(column), f.dtype(column)), time_zone=time_zone)
    f.problem = pl.coalesce(f.problem, problem)
    return time, notes


def written(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write a date as text, as most exports have it; whole numbers count milliseconds."""
    if dtype.is_numeric():
        return value.cast(pl.Int64, strict=False).cast(pl.String)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
        plain = value.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        return pl.concat_str(plain.cast(pl.String), pl.lit("Z"))
    return as_text(value, dtype)


def in_words(at: pl.Expr, *, time_zone: str | None) -> tuple[pl.Expr, pl.Expr]:
    """Read text that is a date, or digits that count milliseconds, and say why it is no time."""
    digits = pl.when(at.str.contains(r"^\d{9,}$")).then(at)
    parsers = [(TimeParser(unit="ms"), digits), (TimeParser(time_zone=time_zone), pl.when(digits.is_null()).then(at))]
    time = [parser.parse(text, pl.String(), column="date") for parser, text in parsers]
    problem = [parser.explain(text, pl.col(TIME), pl.String(), column="date") for parser, text in parsers]
    return pl.coalesce(time), pl.coalesce(problem)
