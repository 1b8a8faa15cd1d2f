"""The identity graph: its edges with their evidence, connected components and union-find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.events import Events
from journeys.identity.encode_ids import EncodedIds
from journeys.identity.rules import IdentityRules

Ints = npt.NDArray[np.int64]

_SEEN = ("first", "last", "rows", "source")
_EDGES = dict.fromkeys(("a", "b", *_SEEN), pl.Int64)


@dataclass(frozen=True, eq=False, slots=True)
class IdentityGraph:
    """All identifiers with their people, and the evidence between them.

    Attributes
    ----------
    ids : pl.DataFrame
        `id_type`, `id`, `first_seen`, `last_seen`, `person`, `shared`; the row number is the code.
    types : tuple of str
        Identifier types, most trusted first.
    evidence : pl.DataFrame
        Every edge: `a`, `b` (codes), `kind`, `first_seen`, `last_seen`, `rows`, `source`, `trust`, `reason` (why it was
        refused, or null).
    shared_events : pl.DataFrame
        `code`, `person`, `events`: anonymous events on shared identifiers, by the person they were assigned to.
    junk : pl.DataFrame
        `id_type`, `id`, `reason`, `rows` of the placeholder values.
    rules : IdentityRules
        The rules that were followed.
    sources : tuple of Events
        The raw events, where they are available.
    salted : bool
        Whether addresses were hashed with a salt that the rules do not hold any more, since a store does not keep it.
    """

    ids: pl.DataFrame
    types: tuple[str, ...]
    evidence: pl.DataFrame
    shared_events: pl.DataFrame
    junk: pl.DataFrame
    rules: IdentityRules
    sources: tuple[Events, ...] = ()
    salted: bool = False


def list_edges(encoded: EncodedIds, *, rules: IdentityRules) -> pl.DataFrame:
    """List every distinct edge, in no particular order.

    Two identifiers of one row are an edge, however many rows show it; so are the ends of each explicit link.

    Return `a`, `b` (codes, the more trusted first), `kind` (``"row"`` or that of the explicit link), `first`, `last`
    (µs), `rows`, `source` (of the first row), `forced` (whether it may join two known people), `trust` (the smaller,
    the sooner taken).
    """
    pairs = [_list_pairs(encoded, left=left, right=right) for left, right in combinations(range(len(encoded.types)), 2)]
    n_sources = max(len(encoded.sources), 1)
    size = max(encoded.ids.height, 1)
    # the source of the earliest row, without sorting each group: time and source packed into one number
    first_source = (pl.col("first") * n_sources + pl.col("source")).min().mod(n_sources).alias("source")
    implicit = pl.concat([pl.DataFrame(schema=_EDGES), *pairs])
    pair = (pl.col("a") * size + pl.col("b")).alias("pair")
    if _has_repeats(implicit.select(pair)["pair"]):
        implicit = (
            implicit.group_by(pair)
            .agg(pl.col("first").min(), pl.col("last").max(), pl.col("rows").sum(), first_source)
            .select((pl.col("pair") // size).alias("a"), (pl.col("pair") % size).alias("b"), *_SEEN)
        )
    explicit = encoded.links.group_by("a", "b", "kind").agg(
        pl.col("first").min(),
        pl.col("first").max().alias("last"),
        pl.len().cast(pl.Int64).alias("rows"),
        first_source,
    )
    edges = pl.concat(
        [
            implicit.with_columns(pl.lit("row").alias("kind").cast(pl.Categorical)),
            explicit.select("a", "b", *_SEEN, pl.col("kind").cast(pl.Categorical)),
        ]
    )
    is_explicit = np.zeros(edges.height, dtype=np.int64)
    is_explicit[implicit.height :] = 1
    width = len(encoded.types)
    rank_a, rank_b = encoded.rank[edges["a"].to_numpy()], encoded.rank[edges["b"].to_numpy()]
    trust = ((1 - is_explicit) * width + rank_a) * width + rank_b
    return edges.with_columns(
        pl.col("kind").cast(pl.String).is_in(list(rules.joins_known)).alias("forced"),
        pl.Series("trust", trust, dtype=pl.Int64),
    )


def _list_pairs(encoded: EncodedIds, *, left: int, right: int) -> pl.DataFrame:
    """List the pairs of identifiers of two types, one for each combination that has both."""
    a, b = encoded.combinations[:, left], encoded.combinations[:, right]
    both = np.flatnonzero((a >= 0) & (b >= 0) & (encoded.seen["rows"].to_numpy() > 0))
    a, b = a[both].astype(np.int64), b[both].astype(np.int64)
    # codes are in order of trust, but a user id may have been reclassified as a less trusted type
    pairs = pl.DataFrame({"a": np.minimum(a, b), "b": np.maximum(a, b)})
    return pairs.with_columns(encoded.seen[name].gather(both) for name in _SEEN)


def _has_repeats(pairs: pl.Series) -> bool:
    ordered = pairs.sort().to_numpy()
    return bool((ordered[1:] == ordered[:-1]).any())


def order_edges(edges: pl.DataFrame, *, rules: IdentityRules) -> pl.DataFrame:
    """Sort edges in the order in which they are taken: explicit ones and trusted types first, then time, then value."""
    first = next(name for name in ("first", "first_seen") if name in edges.columns)
    keys = ["trust", first] if rules.order == "trust" else [first, "trust"]
    return edges.sort(*keys, "a", "b", pl.col("kind").cast(pl.String))


def find_components(size: int, a: Ints, b: Ints) -> Ints:
    """Return for each of `size` codes the smallest code of its connected component.

    Examples
    --------
    >>> find_components(4, np.array([3]), np.array([1])).tolist()
    [0, 1, 2, 1]
    """
    if not a.size:
        return np.arange(size, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = (a.astype(np.int32), b.astype(np.int32))
    graph = coo_array((np.ones(a.size, dtype=np.int8), ends), shape=(size, size)).tocsr()
    _, label = connected_components(graph, directed=False)
    return label_by_smallest(label.astype(np.int64))


def label_by_smallest(label: Ints) -> Ints:
    """Label each group by its smallest member; labels are whole numbers below the number of members.

    Examples
    --------
    >>> label_by_smallest(np.array([2, 0, 2])).tolist()
    [0, 1, 0]
    """
    first = np.zeros(label.size, dtype=np.int64)
    first[label[::-1]] = np.arange(label.size - 1, -1, -1)
    return first[label]


class UnionFind:
    """Union-find without recursion that refuses a union beyond the limits of a group.

    With at most one identifier of rank 0 (say, a user id) per group, and ranks [0, 0, 1]:

    ``union([0, 2])`` → True, groups {0, 2}, {1}; ``union([1, 2])`` → False, since {0, 1, 2} has two of rank 0;
    ``union([1, 2], force=True)`` → True, one group.
    """

    __slots__ = ("_held", "_limits", "_max_ids", "_parent", "_size")

    def __init__(self, rank: Ints, *, limits: Sequence[int | None], max_ids: int | None) -> None:
        self._parent = list(range(rank.size))
        self._size = [1] * rank.size
        self._max_ids = max_ids
        limited = [(at, limit) for at, limit in enumerate(limits) if limit is not None]
        self._limits = [limit for _, limit in limited]
        self._held = [(rank == at).astype(int).tolist() for at, _ in limited]

    def _find_root(self, code: int) -> int:
        parent = self._parent
        while parent[code] != code:
            parent[code] = parent[parent[code]]
            code = parent[code]
        return code

    def union(self, codes: list[int], *, force: bool) -> bool:
        """Join the groups of the codes if the limits allow it or `force` is set; return whether they are one group."""
        roots = list(dict.fromkeys(map(self._find_root, codes)))
        if len(roots) < 2:
            return True
        if not force:
            for held, limit in zip(self._held, self._limits, strict=True):
                counts = [held[root] for root in roots if held[root]]
                if len(counts) > 1 and sum(counts) > limit:
                    return False
            if self._max_ids is not None and sum(self._size[root] for root in roots) > self._max_ids:
                return False
        top, *others = sorted(roots, key=lambda root: -self._size[root])
        for root in others:
            self._parent[root] = top
            self._size[top] += self._size[root]
            for held in self._held:
                held[top] += held[root]
        return True

    def union_trimmed(self, codes: list[int], *, force: bool) -> None:
        """Join as many of the codes as the limits allow, leaving out from the end."""
        while len(codes) > 1 and not self.union(codes, force=force):
            codes = codes[:-1]

    def roots(self) -> Ints:
        """Return the root of each code's group."""
        return np.array([self._find_root(code) for code in range(len(self._parent))], dtype=np.int64)
