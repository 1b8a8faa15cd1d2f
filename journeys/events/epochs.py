"""Numbers that count from 1970: check that they fit the stated unit, and convert them. Units are never guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from journeys.errors import ArgumentError, SourceError

PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
UNIT_NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
# A number outside these years counts another unit.
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2101, 1, 1, tzinfo=UTC)


def check_unit(unit: str) -> None:
    """Refuse an unknown unit."""
    if unit not in PER_SECOND:
        raise ArgumentError(f"unit: {unit!r} is not one of {', '.join(map(repr, PER_SECOND))}.")


def _year(value: float, unit: str) -> float:
    return 1970 + value / PER_SECOND[unit] / 31_556_952


def check_unit_fits(values: pl.Series, *, column: str, unit: str, has_unit_option: bool = True) -> None:
    """Refuse numbers that count another unit: their median must fall in the years 2000 to 2100.

    `has_unit_option`: the caller can choose another unit, so the message proposes one.

    Raises
    ------
    SourceError
        The years are impossible in this unit; the message says which unit fits.

    Examples
    --------
    >>> check_unit_fits(pl.Series([1772530000000]), column="time", unit="s")
    Traceback (most recent call last):
    ...
    journeys.errors.SourceError: column 'time': 1772530000000 read as seconds falls in the year 58139, not between
    2000 and 2100; it looks like milliseconds (unit='ms').
    """
    check_unit(unit)
    middle = values.cast(pl.Float64, strict=False).drop_nulls().median()
    if not isinstance(middle, float) or 2000 <= _year(middle, unit) <= 2100:
        return
    fits = [u for u in PER_SECOND if 2000 <= _year(middle, u) <= 2100]
    say = f" (unit={fits[0]!r})" if fits and has_unit_option else ""
    hint = f"; it looks like {UNIT_NAMES[fits[0]]}{say}" if fits else ""
    raise SourceError(
        f"column {column!r}: {middle:.0f} read as {UNIT_NAMES[unit]} falls in the year {_year(middle, unit):.0f}, "
        f"not between 2000 and 2100{hint}."
    )


def explain_wrong_unit(value: pl.Expr, dtype: pl.DataType, *, column: str, unit: str) -> pl.Expr:
    """Say of each number, or text of digits, outside 2000 to 2100 in this unit that it is; null elsewhere.

    Examples
    --------
    >>> rows = pl.DataFrame({"at": [1772530000, 1772530000000, 0]})
    >>> reason = explain_wrong_unit(pl.col("at"), pl.Int64(), column="at", unit="s")
    >>> rows.select(reason).to_series().drop_nulls().to_list()
    ["column 'at': not between 2000 and 2100 in seconds; it looks like milliseconds",
     "column 'at': not between 2000 and 2100 in seconds"]
    """
    check_unit(unit)
    number = (
        value.str.strip_chars().str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
        if dtype == pl.String
        else value
    )
    said = f"column {column!r}: not between 2000 and 2100 in {UNIT_NAMES[unit]}"
    reason: pl.Expr = pl.lit(said)
    for other in PER_SECOND:
        if other != unit:
            fits = f"{said}; it looks like {UNIT_NAMES[other]}"
            reason = pl.when(_inside(number, other)).then(pl.lit(fits)).otherwise(reason)
    return pl.when(number.is_not_null() & ~_inside(number, unit)).then(reason)


def _inside(value: pl.Expr, unit: str) -> pl.Expr:
    per_second = PER_SECOND[unit]
    return (value >= int(FIRST.timestamp()) * per_second) & (value < int(LAST.timestamp()) * per_second)


def from_epoch(value: pl.Expr, *, unit: str) -> pl.Expr:
    """Turn numbers into UTC microseconds; null outside the years 2000 to 2100."""
    per_second = PER_SECOND[unit]
    inside = pl.when(_inside(value, unit)).then(value)
    micros = inside.cast(pl.Int64) // (per_second // 1_000_000) if per_second > 1_000_000 else None
    if micros is None:
        factor = 1_000_000 // per_second
        micros = (inside * factor).round(0).cast(pl.Int64)
    return micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
