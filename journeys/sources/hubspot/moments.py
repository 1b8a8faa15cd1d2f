"""HubSpot's times: milliseconds in numbers or digits, or dates in words, most of which name no zone."""

from __future__ import annotations

import polars as pl

from journeys.sources.epochs import wrong_unit
from journeys.sources.fields import Fields
from journeys.sources.reading import RawTable
from journeys.sources.shape import TIME, as_text
from journeys.sources.times import parse_time, skipped_hour
from journeys.sources.zones import bare_times

__all__ = ["in_words", "moment", "written"]


def moment(f: Fields, raw: RawTable, column: str, *, time_zone: str | None) -> tuple[pl.Expr, list[str]]:
    """Read a column of times, and say what was assumed; what is wrong with single ones goes to the fields' problem."""
    if not f.has(column):
        return f.epoch(raw, column, unit="ms"), []
    notes = bare_times(raw.rows, f.raw(column), time_zone=time_zone)
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
    words = pl.when(digits.is_null()).then(at)
    text = pl.String()
    counted = parse_time(digits, text, column="date", unit="ms")
    time = pl.coalesce(counted, parse_time(words, text, column="date", time_zone=time_zone))
    problem = wrong_unit(digits, text, column="date", unit="ms")
    if time_zone not in (None, "UTC"):
        problem = pl.coalesce(problem, skipped_hour(words, pl.col(TIME), zone=str(time_zone)))
    return time, problem
