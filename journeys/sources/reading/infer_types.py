"""Which columns of text are numbers or truth values: decided by every value, never by the first hundred."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from journeys.sources.reading.json_schema import BIG

__all__ = ["Types", "agreed", "cast", "checks", "judged", "sniff"]

Types = dict[str, pl.DataType | None]
"""Column → its type; None where it has no value at all. BIG: whole numbers that floats would round."""
INT, FLOAT, BOOL, TEXT = pl.Int64(), pl.Float64(), pl.Boolean(), pl.String()
CODE = r"^[+-]?0\d|^\+|^\s|\s$"
FLOAT_LIMIT = r"|^-?(?:9\d{15}|\d{17,})$"


def sniff(sample: pl.DataFrame, text: Collection[str] | None) -> Types:
    """Guess types from the first rows; columns in `text` (all, if None) are left as text."""
    types: Types = {}
    for name in sample.columns:
        if text is None or name in text:
            types[name] = TEXT
            continue
        values = sample[name].drop_nulls()
        fits = (
            dtype for dtype in (INT, FLOAT, BOOL) if not values.to_frame().select(_misfit(name, dtype).any()).item()
        )
        types[name] = next(fits, TEXT) if values.len() else None
    return types


def checks(guessed: Types) -> list[pl.Expr]:
    """Ask rows what has to be known of them to judge the guesses."""
    # A line with too many fields is noticed only when every column is asked for; so all of them are.
    asked = [pl.col(name).null_count().alias(f"nulls {name}") for name in guessed] + [pl.len().alias("rows")]
    numeric = [name for name, dtype in guessed.items() if dtype in (INT, FLOAT, BOOL)]
    for name in numeric:
        held = [INT, FLOAT] if guessed[name] == INT else [guessed[name] or TEXT]
        asked += [_misfit(name, dtype).any().alias(f"{dtype} {name}") for dtype in held]
    return asked


def judged(guessed: Types, answers: pl.DataFrame) -> Types:
    """Find types that hold every value, by what the rows answered to the `checks`, all at once or a batch a row."""
    found = answers.select(pl.col(pl.Boolean).any(), pl.exclude(pl.Boolean).sum()).row(0, named=True)
    types: Types = {}
    for name, kind in guessed.items():
        if kind is None:
            types[name] = None if found[f"nulls {name}"] == found["rows"] else TEXT
        elif kind == INT and found[f"{INT} {name}"] and not found[f"{FLOAT} {name}"]:
            types[name] = FLOAT
        elif kind == INT and found[f"{FLOAT} {name}"] and not found[f"{INT} {name}"]:
            types[name] = BIG
        elif kind != TEXT and found[f"{kind} {name}"]:
            types[name] = TEXT
        else:
            types[name] = kind
    return types


def agreed(types: Sequence[Types]) -> Types:
    """Find types that hold what several files have."""
    merged: Types = {}
    for one in types:
        for name, dtype in one.items():
            known = merged.get(name)
            if known is None or dtype is None or known == dtype:
                merged[name] = known if dtype is None else dtype
            else:
                both = {known, dtype}
                merged[name] = FLOAT if both == {INT, FLOAT} else BIG if both == {INT, BIG} else TEXT
    return merged


def cast(rows: pl.LazyFrame, types: Types) -> pl.LazyFrame:
    """Cast columns of text to their types."""
    return rows.with_columns(
        (pl.col(name).str.to_lowercase() == "true").alias(name)
        if dtype == BOOL
        else pl.col(name).cast(INT if dtype == BIG else dtype)
        for name, dtype in types.items()
        if dtype is not None and dtype != TEXT
    )


def _misfit(name: str, dtype: pl.DataType) -> pl.Expr:
    """Find values that the type cannot hold without loss: "007" and "+49" are codes, not quantities."""
    value = pl.col(name)
    there = value.is_not_null()
    if dtype == BOOL:
        return there & ~value.str.to_lowercase().is_in(["true", "false"])
    if dtype == INT:
        return there & (value.cast(INT, strict=False).is_null() | value.str.contains(CODE))
    number = value.cast(FLOAT, strict=False)
    return there & (number.is_null() | ~number.is_finite() | value.str.contains(CODE + FLOAT_LIMIT))
