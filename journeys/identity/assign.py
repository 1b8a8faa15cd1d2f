"""Each row to its person: by the most trusted identifier it carries; on shared ones by who is known next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.coding import Coded
from journeys.identity.merge import Clusters
from journeys.identity.rules import IdentityRules
from journeys.identity.sharing import (
    NOBODY,
    NONE,
    SHARED,
    first_shared,
    name_somebody,
    naming_types,
    nearest,
    owners_of,
)
from journeys.parallel import parallel_take

__all__ = ["NOBODY", "SHARED", "Assigned", "assign_rows"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Assigned:
    """Whose each row is.

    Attributes
    ----------
    owner : np.ndarray
        For each combination the smallest identifier code of the person; `NOBODY` without a usable identifier,
        `SHARED` where the rules drop what nobody on a shared identifier can be given.
    by_time : np.ndarray
        The combinations whose owner differs from row to row.
    given : tuple of (np.ndarray, np.ndarray)
        For each part the rows of such combinations, and the owner of each.
    shared_out : pl.DataFrame
        `code`, `owner`, `rows`: events on a shared identifier that name nobody, by whom they were given to.
    """

    owner: Ints
    by_time: Flags
    given: tuple[tuple[Ints, Ints], ...]
    shared_out: pl.DataFrame

    def owners(self, at: int, *, combination: npt.NDArray[np.int32]) -> Ints:
        """Return the owner of each row of a part."""
        owners = parallel_take(self.owner, combination)
        rows, given = self.given[at]
        owners[rows] = given
        return owners

    def per_owner(self, rows: Ints, *, parts: Sequence[int]) -> tuple[Ints, Ints]:
        """Count the rows of some parts by owner, `rows` by combination: the distinct owners, and how many."""
        apart = [self.given[at][1] for at in parts]
        size = 3 + max(int(owner.max(initial=-1)) for owner in (self.owner, *apart))
        total = np.zeros(size, dtype=np.int64)  # the last two places are those of nobody, who are below zero
        steady = slice(None) if not self.by_time.any() else ~self.by_time
        np.add.at(total, self.owner[steady], rows[steady])
        for owner in apart:
            np.add.at(total, owner, 1)
        there = np.flatnonzero(total)
        return np.where(there < size - 2, there, there - size), total[there]


def assign_rows(coded: Coded, clusters: Clusters, *, rules: IdentityRules) -> Assigned:
    """Give every row to one person.

    Where the identifiers of a row belong to different people, the most trusted that is nobody else's decides; where
    rows are trimmed, the most trusted.
    A row with shared identifiers only goes, by time, to one of those who were known on it.
    """
    owner, on = owners_of(coded, owner=clusters.owner, shared=clusters.shared, first=rules.rows == "trim")
    if rules.named == "follow":
        follows = first_shared(coded, shared=clusters.shared)
        by_time = follows >= 0
        on = np.where(by_time, follows, on)
    else:
        by_time = on >= 0
    if not by_time.any():
        none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        return Assigned(owner, by_time, (none,) * len(coded.parts), pl.DataFrame(schema=_SHARED_OUT))
    asked = []
    named = name_somebody(coded, naming=naming_types(coded, rules=rules))
    for at, part in enumerate(coded.parts):
        rows = np.flatnonzero(parallel_take(by_time, part.combination))
        which = part.combination[rows]
        query = {"code": on[which], "time": part.time[rows], "row": rows, "named": named[which]}
        asked.append(pl.DataFrame(query).with_columns(pl.lit(at).alias("part")))
    queries = pl.concat(asked)
    given = nearest(clusters.moments, queries, shared=rules.shared)
    # on an identifier where nobody was ever known, its own person stays
    own = clusters.owner[queries["code"].to_numpy()]
    given = np.where(given == NONE, own, given)
    mine = [(queries["part"] == at).to_numpy() for at in range(len(coded.parts))]
    apart = tuple((queries["row"].to_numpy()[here], given[here]) for here in mine)
    events = [at for at, part in enumerate(coded.parts) if part.is_events]
    shared_out = (
        queries.with_columns(owner=given)
        .filter(pl.col("part").is_in(events) & ~pl.col("named"))
        .group_by("code", "owner")
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .sort("code", "owner")
    )
    return Assigned(owner, by_time, apart, shared_out)


_SHARED_OUT = {"code": pl.Int64, "owner": pl.Int64, "rows": pl.Int64}
