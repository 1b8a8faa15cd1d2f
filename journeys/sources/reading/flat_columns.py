"""Nested columns as flat ones: `context → page → url` becomes `context_page_url`."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from journeys.sources.reading.json_schema import NON_OBJECT, DType

__all__ = ["as_json", "flatten", "snake_case"]


def snake_case(name: str) -> str:
    """Write a field's name as a warehouse does: `userAgent` and `User Agent` become `user_agent`.

    Examples
    --------
    >>> snake_case("userAgent"), snake_case("planID"), snake_case("First Name"), snake_case("$current_url")
    ('user_agent', 'plan_id', 'first_name', 'current_url')
    """
    words = re.sub(r"([a-z0-9])([A-Z])|([A-Z])([A-Z][a-z])", r"\1\3_\2\4", name)
    return re.sub(r"[^\w]+", "_", words).strip("_").lower() or "unnamed"


def flatten(
    expr: pl.Expr, dtype: DType, *, prefix: str, rename: Callable[[str], str] = snake_case
) -> list[tuple[str, pl.Expr]]:
    """List the leaves of a nested column as (flat name, expression); lists become JSON text."""
    if isinstance(dtype, pl.Struct):
        leaves: list[tuple[str, pl.Expr]] = []
        for field in dtype.fields:
            own = "" if field.name == NON_OBJECT else rename(field.name)
            name = f"{prefix}_{own}" if prefix and own else prefix or own
            leaves += flatten(expr.struct.field(field.name), field.dtype, prefix=name, rename=rename)
        return leaves
    if isinstance(dtype, pl.List | pl.Array):
        return [(prefix, as_json(expr))]
    return [(prefix, expr)]


def as_json(expr: pl.Expr) -> pl.Expr:
    """Write a list column as JSON text, null where it is null."""
    wrapped = pl.struct(expr.alias("v")).struct.json_encode()
    return pl.when(expr.is_not_null()).then(wrapped.str.slice(5).str.head(-1))
