"""Normal forms of identifiers and event names."""

from __future__ import annotations

import polars as pl


def normalise_ids(ids: pl.Series) -> pl.Series:
    """Strip blanks and ".0", and make empty text null: most identifiers need neither, and then it costs a look.

    Examples
    --------
    >>> normalise_ids(pl.Series([" u1", "42.0", "4.2", "  "])).to_list()
    ['u1', '42', '4.2', None]
    """
    text = ids.str.strip_chars()
    if text.str.ends_with(".0").any():
        text = text.str.replace(r"^(\d+)\.0$", "$1")
    is_empty = text == ""
    return text.zip_with(~is_empty, pl.Series([None], dtype=pl.String)) if is_empty.any() else text


def normalise_names(names: pl.Expr) -> pl.Expr:
    """Strip the blanks around event names."""
    return names.str.strip_chars()
