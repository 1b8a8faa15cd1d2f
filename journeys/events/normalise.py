"""How identifiers and event names are written: what is the same is written the same."""

from __future__ import annotations

import polars as pl

__all__ = ["normalise_ids", "normalise_names"]


def normalise_ids(ids: pl.Series) -> pl.Series:
    """Take blanks, ".0" and empty texts away: most have none, and then it costs only a look."""
    text = ids.str.strip_chars()
    if text.str.ends_with(".0").any():
        text = text.str.replace(r"^(\d+)\.0$", "$1")
    empty = text == ""
    return text.zip_with(~empty, pl.Series([None], dtype=pl.String)) if empty.any() else text


def normalise_names(names: pl.Expr) -> pl.Expr:
    """Take the blanks around event names away."""
    return names.str.strip_chars()
