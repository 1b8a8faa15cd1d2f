"""What the identifiers in an alias are: as the rows of all sources have them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.identity.reading import Reading

__all__ = ["as_seen"]

_TOLD, _MEANT = "user_id", "anonymous_id"


def as_seen(links: pl.DataFrame, readings: Sequence[Reading]) -> pl.DataFrame:
    """Take for an anonymous id what an alias calls a user's, where rows have it as the one and never as the other.

    Tools call both by one name (`previousId`, `distinct_id`, `alias`), and a reader sees its own rows only: whether
    the visits came in the same file must not decide who is who.
    """
    ends = [links.filter(pl.col(f"id_type_{end}") == _TOLD)[f"id_{end}"].alias("id") for end in "ab"]
    told = pl.concat(ends).drop_nulls().unique()
    if not told.len():
        return links
    named, nameless = (told.is_in(_values(readings, of=kind).implode()) for kind in (_TOLD, _MEANT))
    meant = told.filter(~named & nameless)
    if not meant.len():
        return links
    return links.with_columns(
        pl.when((pl.col(f"id_type_{end}") == _TOLD) & pl.col(f"id_{end}").is_in(meant.implode()))
        .then(pl.lit(_MEANT))
        .otherwise(f"id_type_{end}")
        .alias(f"id_type_{end}")
        for end in "ab"
    )


def _values(readings: Sequence[Reading], *, of: str) -> pl.Series:
    found = [one.values[one.types.index(of)].alias("raw") for one in readings if of in one.types]
    return pl.concat([pl.Series("raw", [], dtype=pl.String), *found])
