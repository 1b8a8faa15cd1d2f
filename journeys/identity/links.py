"""The evidence: each pair of identifiers once, when and how often it was seen, in the order it is taken."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl

from journeys.identity.coding import Coded
from journeys.identity.rules import IdentityRules

__all__ = ["list_links"]


def list_links(coded: Coded, *, rules: IdentityRules) -> pl.DataFrame:
    """List every distinct link in the order in which the rules take it.

    Returns
    -------
    pl.DataFrame
        `a`, `b` (codes, the more trusted first), `kind` (``"row"`` or that of the explicit link), `first`, `last`
        (µs), `rows`, `source` (of the first sight), `forced` (whether it joins two known people).
    """
    seen = [_pairs(coded, left=left, right=right) for left, right in combinations(range(len(coded.types)), 2)]
    told = coded.links.select(
        "a", "b", "kind", "first", pl.col("first").alias("last"), pl.lit(1, pl.Int64).alias("rows"), "source"
    )
    pack = max(len(coded.sources), 1)
    distinct = (
        pl.concat([*seen, told])
        .group_by("a", "b", "kind")
        .agg(
            pl.col("first").min(),
            pl.col("last").max(),
            pl.col("rows").sum(),
            # the source of the first sight, without sorting each group
            (pl.col("first") * pack + pl.col("source")).min().mod(pack).alias("source"),
        )
        .with_columns(
            pl.col("kind").is_in(list(rules.joins_known)).alias("forced"), (pl.col("kind") == "row").alias("implicit")
        )
    )
    ranks = pl.DataFrame({f"rank_{end}": coded.rank[distinct[end].to_numpy()] for end in "ab"})
    trust = ["implicit", "rank_a", "rank_b"]
    order = [*trust, "first"] if rules.order == "trust" else ["first", *trust]
    return (
        pl.concat([distinct, ranks], how="horizontal")
        .sort(*order, "a", "b", "kind")
        .select("a", "b", "kind", "first", "last", "rows", "source", "forced")
    )


def _pairs(coded: Coded, *, left: int, right: int) -> pl.DataFrame:
    a, b = coded.combinations[:, left], coded.combinations[:, right]
    both = np.flatnonzero((a >= 0) & (b >= 0) & (coded.seen["rows"].to_numpy() > 0))
    return pl.DataFrame({"a": a[both].astype(np.int64), "b": b[both].astype(np.int64)}).select(
        "a", "b", pl.lit("row").alias("kind"), *(coded.seen[name].gather(both) for name in _SEEN)
    )


_SEEN = ("first", "last", "rows", "source")
