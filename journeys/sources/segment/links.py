"""Alias calls: two identifiers said to be one person's."""

from __future__ import annotations

import polars as pl

from journeys.sources.links import Link, made_links, with_kinds

__all__ = ["alias_links"]


def alias_links(used: pl.LazyFrame) -> pl.LazyFrame:
    """Link `previousId` with `userId`; what is known as an anonymous id is one, else it is an older user id."""
    alias = with_kinds(used, calls=["alias"], ids=["_previous"], seen="anonymous_id")
    previous = (pl.col("_previous:kind"), pl.col("_previous"))
    return made_links([(alias, Link("alias", previous, ("user_id", pl.col("user_id")), "alias"))])
