"""The evidence: each pair of identifiers once, when and how often it was seen, in the order it is taken."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl

from journeys.identity.coding import Coded
from journeys.identity.rules import IdentityRules

__all__ = ["in_order", "list_links"]


def list_links(coded: Coded, *, rules: IdentityRules) -> pl.DataFrame:
    """List every distinct link, in no particular order.

    Returns
    -------
    pl.DataFrame
        `a`, `b` (codes, the more trusted first), `kind` (``"row"`` or that of the explicit link), `first`, `last`
        (µs), `rows`, `source` (of the first sight), `forced` (whether it joins two known people), `trust` (the
        smaller, the sooner taken).
    """
    seen = [_pairs(coded, left=left, right=right) for left, right in combinations(range(len(coded.types)), 2)]
    pack = max(len(coded.sources), 1)
    size = max(coded.ids.height, 1)
    implicit = pl.concat([pl.DataFrame(schema=_SCHEMA), *seen])
    pair = (pl.col("a") * size + pl.col("b")).alias("pair")
    if _repeated(implicit.select(pair)["pair"]):
        implicit = (
            implicit.group_by(pair)
            .agg(
                pl.col("first").min(),
                pl.col("last").max(),
                pl.col("rows").sum(),
                # the source of the first sight, without sorting each group
                (pl.col("first") * pack + pl.col("source")).min().mod(pack).alias("source"),
            )
            .select((pl.col("pair") // size).alias("a"), (pl.col("pair") % size).alias("b"), *_SEEN)
        )
    told = coded.links.group_by("a", "b", "kind").agg(
        pl.col("first").min(),
        pl.col("first").max().alias("last"),
        pl.len().cast(pl.Int64).alias("rows"),
        (pl.col("first") * pack + pl.col("source")).min().mod(pack).alias("source"),
    )
    every = pl.concat(
        [
            implicit.with_columns(pl.lit("row").alias("kind").cast(pl.Categorical)),
            told.select("a", "b", *_SEEN, pl.col("kind").cast(pl.Categorical)),
        ]
    )
    explicit = np.zeros(every.height, dtype=np.int64)
    explicit[implicit.height :] = 1
    width = len(coded.types)
    rank_a, rank_b = coded.rank[every["a"].to_numpy()], coded.rank[every["b"].to_numpy()]
    trust = ((1 - explicit) * width + rank_a) * width + rank_b
    return every.with_columns(
        pl.col("kind").cast(pl.String).is_in(list(rules.joins_known)).alias("forced"),
        pl.Series("trust", trust, dtype=pl.Int64),
    )


def _repeated(pairs: pl.Series) -> bool:
    ordered = pairs.sort().to_numpy()
    return bool((ordered[1:] == ordered[:-1]).any())


def in_order(links: pl.DataFrame, *, rules: IdentityRules) -> pl.DataFrame:
    """Put links in the order in which they are taken: explicit ones and trusted types first, then time, then value."""
    first = next(name for name in ("first", "first_seen") if name in links.columns)
    keys = ["trust", first] if rules.order == "trust" else [first, "trust"]
    return links.sort(*keys, "a", "b", pl.col("kind").cast(pl.String))


def _pairs(coded: Coded, *, left: int, right: int) -> pl.DataFrame:
    a, b = coded.combinations[:, left], coded.combinations[:, right]
    both = np.flatnonzero((a >= 0) & (b >= 0) & (coded.seen["rows"].to_numpy() > 0))
    a, b = a[both].astype(np.int64), b[both].astype(np.int64)
    # codes are in order of trust, but what was told as a user's id may turn out to be a less trusted one
    pairs = pl.DataFrame({"a": np.minimum(a, b), "b": np.maximum(a, b)})
    return pairs.with_columns(coded.seen[name].gather(both) for name in _SEEN)


_SEEN = ("first", "last", "rows", "source")
_SCHEMA = dict.fromkeys(("a", "b", *_SEEN), pl.Int64)
