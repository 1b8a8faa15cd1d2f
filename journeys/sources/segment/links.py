"""Alias calls: two identifiers said to be one person's."""

from __future__ import annotations

import polars as pl

from journeys.sources.links import Link, made_links

__all__ = ["alias_links"]


def alias_links(used: pl.LazyFrame) -> pl.LazyFrame:
    """Link `previousId` with `userId`; whether the previous one is an older user id shows when all is stitched."""
    previous, user = (("user_id", pl.col(name)) for name in ("_previous", "user_id"))
    return made_links([(used, Link("alias", previous, user, "alias"))])
