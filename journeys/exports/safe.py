"""Cells that no spreadsheet runs: formula injection made harmless, and types that every reader of CSV knows."""

from __future__ import annotations

import polars as pl

__all__ = ["flat", "harmless", "harmless_name"]

# A spreadsheet takes these for the start of a formula, also after blanks; plain signed numbers are none.
FORMULA = r"^[\s\x00]*[=+\-@\t\r\n|%＝＋－＠]"
NUMBER = r"^[+-]?\d+([.,]\d+)*%?$"


def flat(table: pl.DataFrame) -> pl.DataFrame:
    """Turn a table into plain columns: durations in seconds, lists as text, times in ISO 8601."""
    columns = []
    for name, dtype in table.schema.items():
        value = pl.col(name)
        if dtype == pl.Duration:
            columns.append((value.dt.total_microseconds() / 1_000_000).alias(f"{name}_seconds"))
        elif isinstance(dtype, pl.List):
            columns.append(value.list.eval(pl.element().cast(pl.String)).list.join(" › "))
        elif isinstance(dtype, pl.Struct):
            columns.append(value.struct.json_encode())
        elif isinstance(dtype, pl.Enum | pl.Categorical):
            columns.append(value.cast(pl.String))
        else:
            columns.append(value)
    return table.select(columns)


def harmless(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before text that a spreadsheet would run, in cells and in column names.

    Examples
    --------
    >>> harmless(pl.DataFrame({"name": ["=cmd|' /C calc'!A0", "-5", "Ada"]}))["name"].to_list()
    ["'=cmd|' /C calc'!A0", '-5', 'Ada']
    """
    texts = [name for name, dtype in table.schema.items() if dtype == pl.String]
    dangerous = {name: pl.col(name).str.contains(FORMULA) & ~pl.col(name).str.contains(NUMBER) for name in texts}
    cells = table.with_columns(
        pl.when(test).then(pl.concat_str(pl.lit("'"), pl.col(name))).otherwise(pl.col(name)).alias(name)
        for name, test in dangerous.items()
    )
    return cells.rename({name: harmless_name(name) for name in table.columns})


def harmless_name(name: str) -> str:
    """Make a column's name harmless in the same way."""
    one = pl.Series([name])
    return f"'{name}" if one.str.contains(FORMULA).item() and not one.str.contains(NUMBER).item() else name
