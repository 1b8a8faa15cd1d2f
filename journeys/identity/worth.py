"""One question, asked with the bridge and without it, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl

from journeys.errors import ArgumentError

__all__ = ["Worth", "compare"]

_PLACES = ("step", "position", "rank")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Worth:
    """What the bridge changes in an answer.

    Attributes
    ----------
    table : pl.DataFrame
        The rows of both answers, matched by their words; each number with the bridge and `_without` it.
    bridged, unbridged : object
        The two answers as they were given.
    """

    table: pl.DataFrame
    bridged: Any
    unbridged: Any

    def __repr__(self) -> str:
        return f"Worth: the answer with the bridge, and without it\n{self.table}"

    def _repr_html_(self) -> str:
        from journeys.display import card

        sentence = "The same question, asked of people as bridged and of every identifier by itself."
        return card("What the bridge is worth", sentence=sentence, table=self.table)


def compare(bridged: Any, unbridged: Any) -> Worth:
    """Put two answers side by side.

    Raises
    ------
    ArgumentError
        When what was returned is neither a result, nor a table, nor a number.
    """
    one, other = _as_table(bridged), _as_table(unbridged)
    keys = [name for name, kind in one.schema.items() if not kind.is_numeric() and not kind.is_temporal()]
    keys = [name for name in one.columns if name in keys or name in _PLACES]
    keys = [name for name in keys if name in other.columns and not one.schema[name].is_nested()]
    if keys and not (one.select(keys).is_duplicated().any() or other.select(keys).is_duplicated().any()):
        plain = [pl.col(name).cast(pl.String) for name in keys if one.schema[name] in (pl.Enum, pl.Categorical)]
        values = [name for name in one.columns if name not in keys and name in other.columns]
        left = one.with_columns(plain).select(*keys, *values).with_row_index("__at")
        right = other.with_columns(plain).select(*keys, pl.col(values).name.suffix("_without"))
        joined = left.join(right, on=keys, how="full", coalesce=True, nulls_equal=True)
        order = [name for value in values for name in (value, f"{value}_without")]
        return Worth(joined.sort("__at", *keys, nulls_last=True).select(*keys, *order), bridged, unbridged)
    marked = [table.with_columns(pl.lit(words).alias("bridge")) for table, words in ((one, "with"), (other, "without"))]
    both = pl.concat(marked, how="diagonal_relaxed")
    return Worth(both.select("bridge", pl.exclude("bridge")), bridged, unbridged)


def _as_table(answer: Any) -> pl.DataFrame:
    table = getattr(answer, "table", answer)
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    if isinstance(table, int | float):
        return pl.DataFrame({"value": [table]})
    raise ArgumentError(f"ask: expected a result, a table or a number to be returned, got {type(answer).__name__}.")
