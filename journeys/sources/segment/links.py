"""Alias calls: two identifiers said to be one person's."""

from __future__ import annotations

import polars as pl

__all__ = ["alias_links"]


def alias_links(used: pl.LazyFrame) -> pl.LazyFrame:
    """Link `previousId` with `userId`; what is known as an anonymous id is one, else it is an older user id."""
    alias = used.filter(
        (pl.col("_kind") == "alias") & pl.col("_previous").is_not_null() & pl.col("user_id").is_not_null()
    )
    anonymous = used.filter(pl.col("_kind").fill_null("") != "alias").select(
        pl.col("anonymous_id").alias("_previous"), pl.lit("anonymous_id").alias("id_type_a")
    )
    seen = anonymous.filter(pl.col("_previous").is_not_null()).unique("_previous")
    return (
        alias.select(
            pl.col("_previous"),
            pl.lit("user_id").alias("id_type_b"),
            pl.col("user_id").alias("id_b"),
            "timestamp",
            "source",
            pl.lit("alias").alias("kind"),
        )
        .join(seen, on="_previous", how="left", maintain_order="left")
        .with_columns(pl.col("id_type_a").fill_null("user_id"))
        .rename({"_previous": "id_a"})
        .filter((pl.col("id_a") != pl.col("id_b")) | (pl.col("id_type_a") != pl.col("id_type_b")))
    )
