"""Which text columns of a CSV are numbers or booleans: decided by every value, never by the first hundred."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import polars as pl

from journeys.sources.reading.json_schema import BIG

__all__ = ["Types", "cast_columns", "guess_types", "merge_types", "resolve_types", "type_checks"]

Types = dict[str, pl.DataType | None]
"""Column → its type; None if it has no value at all. BIG: whole numbers that floats would round."""
INT, FLOAT, BOOL, TEXT = pl.Int64(), pl.Float64(), pl.Boolean(), pl.String()
CODE = r"^[+-]?0\d|^\+|^\s|\s$"
ROUNDED = r"|^-?(?:9\d{15}|\d{17,})$"


def guess_types(sample: pl.DataFrame, text_columns: Collection[str] | None) -> Types:
    """Guess types from the first rows; columns in `text_columns` (None: all) stay text."""
    types: Types = {}
    for name in sample.columns:
        if text_columns is None or name in text_columns:
            types[name] = TEXT
            continue
        values = sample[name].drop_nulls()
        fits = (
            dtype for dtype in (INT, FLOAT, BOOL) if not values.to_frame().select(_misfits(name, dtype).any()).item()
        )
        types[name] = next(fits, TEXT) if values.len() else None
    return types


def type_checks(guessed: Types) -> list[pl.Expr]:
    """Build the aggregates over all rows that `resolve_types` needs."""
    # Every column is asked for: Polars notices a line with too many fields only then.
    checks = [pl.col(name).null_count().alias(f"nulls {name}") for name in guessed] + [pl.len().alias("rows")]
    for name, guess in guessed.items():
        if guess in (INT, FLOAT, BOOL):
            candidates = [INT, FLOAT] if guess == INT else [guess or TEXT]
            checks += [_misfits(name, dtype).any().alias(f"{dtype} {name}") for dtype in candidates]
    return checks


def resolve_types(guessed: Types, answers: pl.DataFrame) -> Types:
    """Choose types that hold every value, given the results of `type_checks`, one row per batch.

    For example, a column guessed to be Int64::

        values              misfits of Int64    of Float64    type
        1, 2, 5.5           yes                 no            Float64
        1, 2, 2^60          no                  yes           BIG (Int64, or text beside floats)
        1, 5.5, 2^60        yes                 yes           String
    """
    found = answers.select(pl.col(pl.Boolean).any(), pl.exclude(pl.Boolean).sum()).row(0, named=True)
    types: Types = {}
    for name, guess in guessed.items():
        misfit = bool(found.get(f"{guess} {name}"))
        if guess is None:
            types[name] = None if found[f"nulls {name}"] == found["rows"] else TEXT
        elif guess == INT and misfit != found[f"{FLOAT} {name}"]:
            types[name] = FLOAT if misfit else BIG
        else:
            types[name] = TEXT if misfit else guess
    return types


def merge_types(types: Sequence[Types]) -> Types:
    """Find types that hold the values of several files."""
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


def cast_columns(rows: pl.LazyFrame, types: Types) -> pl.LazyFrame:
    """Cast text columns to their types."""
    return rows.with_columns(
        (pl.col(name).str.to_lowercase() == "true").alias(name)
        if dtype == BOOL
        else pl.col(name).cast(INT if dtype == BIG else dtype)
        for name, dtype in types.items()
        if dtype is not None and dtype != TEXT
    )


def _misfits(name: str, dtype: pl.DataType) -> pl.Expr:
    """Find values that the type cannot hold without loss: "007" and "+49" are codes, not quantities."""
    value = pl.col(name)
    if dtype == BOOL:
        misfits = ~value.str.to_lowercase().is_in(["true", "false"])
    elif dtype == INT:
        misfits = value.cast(INT, strict=False).is_null() | value.str.contains(CODE)
    else:
        number = value.cast(FLOAT, strict=False)
        misfits = number.is_null() | ~number.is_finite() | value.str.contains(CODE + ROUNDED)
    return value.is_not_null() & misfits
