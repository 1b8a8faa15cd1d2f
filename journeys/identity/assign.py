"""Each row to its person: by the most trusted identifier it carries; on shared ones by who is known next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.coding import Coded, Part
from journeys.identity.merge import Clusters
from journeys.identity.rules import IdentityRules

__all__ = ["NOBODY", "SHARED", "Assigned", "assign_rows"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NOBODY = -1
SHARED = -2


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
    moments : pl.DataFrame
        `code`, `time` (µs), `owner`: when somebody was known on a shared identifier.
    shared_out : pl.DataFrame
        `code`, `owner`, `rows`: events on a shared identifier that name nobody, by whom they were given to.
    """

    owner: Ints
    by_time: Flags
    given: tuple[tuple[Ints, Ints], ...]
    moments: pl.DataFrame
    shared_out: pl.DataFrame

    def owners(self, at: int, *, combination: npt.NDArray[np.int32]) -> Ints:
        """Return the owner of each row of a part."""
        owners = self.owner.take(combination)
        rows, given = self.given[at]
        owners[rows] = given
        return owners

    def per_owner(self, rows: Ints, *, parts: Sequence[int]) -> tuple[Ints, Ints]:
        """Count the rows of some parts by owner, `rows` by combination: the distinct owners, and how many."""
        steady = ~self.by_time
        apart = [self.given[at][1] for at in parts]
        owner = np.concatenate([self.owner[steady], *apart])
        count = np.concatenate([rows[steady], np.ones(owner.size - int(steady.sum()), dtype=np.int64)])
        low = int(owner.min(initial=0))
        total = np.bincount(owner - low, weights=count).astype(np.int64)
        there = np.flatnonzero(total)
        return there + low, total[there]


def assign_rows(coded: Coded, clusters: Clusters, *, rules: IdentityRules) -> Assigned:
    """Give every row to one person.

    Where the identifiers of a row belong to different people, the most trusted that is nobody else's decides.
    A row with shared identifiers only goes, by time, to one of those who were known on it.
    """
    owner, on = _owner_of_combinations(coded, clusters)
    named = np.zeros(owner.size, dtype=bool)
    named[owner >= 0] = clusters.known[owner[owner >= 0]]
    if rules.named == "follow":
        follows = _first_shared(coded, clusters)
        by_time = follows >= 0
        on = np.where(by_time, follows, on)
    else:
        by_time = on >= 0
    if not by_time.any():
        none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        nothing = pl.DataFrame(schema=_MOMENTS), pl.DataFrame(schema=_SHARED_OUT)
        return Assigned(owner, by_time, (none,) * len(coded.parts), *nothing)
    seen, asked = [], []
    witnesses = named & (_first_shared(coded, clusters) >= 0)
    for at, part in enumerate(coded.parts):
        rows = np.flatnonzero(witnesses[part.combination])
        seen.append(_moments(coded, clusters, part=part, rows=rows, owner=owner))
        rows = np.flatnonzero(by_time[part.combination])
        query = {"code": on[part.combination[rows]], "time": part.time[rows], "row": rows}
        asked.append(pl.DataFrame(query).with_columns(pl.lit(at).alias("part")))
    moments = pl.concat(seen).unique().sort("code", "time", "owner")
    queries = pl.concat(asked)
    given = _nearest(moments, queries, shared=rules.shared)
    # on an identifier where nobody was ever known, its own person stays
    own = clusters.owner[queries["code"].to_numpy()]
    given = np.where(given == _NONE, own, given)
    which = [(queries["part"] == at).to_numpy() for at in range(len(coded.parts))]
    apart = tuple((queries["row"].to_numpy()[mine], given[mine]) for mine in which)
    events = [at for at, part in enumerate(coded.parts) if part.is_events]
    shared_out = (
        queries.with_columns(owner=given)
        .filter(pl.col("part").is_in(events))
        .group_by("code", "owner")
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .sort("code", "owner")
    )
    return Assigned(owner, by_time, apart, moments, shared_out)


_MOMENTS = {"code": pl.Int64, "time": pl.Int64, "owner": pl.Int64}
_SHARED_OUT = {"code": pl.Int64, "owner": pl.Int64, "rows": pl.Int64}
_NONE = -9


def _owner_of_combinations(coded: Coded, clusters: Clusters) -> tuple[Ints, Ints]:
    """Return the owner of each combination, and the shared identifier by which one without owner is decided."""
    count = coded.combinations.shape[0]
    owner = np.full(count, NOBODY, dtype=np.int64)
    on = np.full(count, -1, dtype=np.int64)
    for at in range(len(coded.types) if coded.ids.height else 0):
        code = coded.combinations[:, at]
        there = (code >= 0) & (owner == NOBODY)
        shared = there & clusters.shared[code]
        own = there & ~shared
        owner[own] = clusters.owner[code[own]]
        first = shared & (on < 0)
        on[first] = code[first]
    on[owner != NOBODY] = -1
    return owner, on


def _first_shared(coded: Coded, clusters: Clusters) -> Ints:
    on = np.full(coded.combinations.shape[0], -1, dtype=np.int64)
    for at in range(len(coded.types) if coded.ids.height else 0):
        code = coded.combinations[:, at]
        first = (code >= 0) & (on < 0) & clusters.shared[code]
        on[first] = code[first]
    return on


def _moments(coded: Coded, clusters: Clusters, *, part: Part, rows: Ints, owner: Ints) -> pl.DataFrame:
    """List who was known when, on each shared identifier of these rows."""
    combination, time = part.combination[rows], part.time[rows]
    found = []
    for at in range(len(coded.types)):
        code = coded.combinations[combination, at]
        shared = (code >= 0) & clusters.shared[code]
        moment = {"code": code[shared].astype(np.int64), "time": time[shared], "owner": owner[combination[shared]]}
        found.append(pl.DataFrame(moment))
    return pl.concat(found)


def _nearest(moments: pl.DataFrame, queries: pl.DataFrame, *, shared: str) -> Ints:
    """Return for each query the owner of the moment that the rule points at, `_NONE` where there is none.

    Two people known on one identifier at one moment: the one with the smaller identifier counts, so that
    the order of the input decides nothing.
    """
    if shared == "drop":
        return np.where(queries["code"].is_in(moments["code"].unique().implode()).to_numpy(), SHARED, _NONE)
    if not moments.height:
        return np.full(queries.height, _NONE, dtype=np.int64)
    when, rank = np.unique(np.r_[moments["time"].to_numpy(), queries["time"].to_numpy()], return_inverse=True)
    span = when.size
    code = np.r_[moments["code"].to_numpy(), queries["code"].to_numpy()]
    key = code * span + rank
    there, first = np.unique(key[: moments.height], return_index=True)
    who, where = moments["owner"].to_numpy()[first], there // span
    asked, asked_code = key[moments.height :], code[moments.height :]
    after = np.searchsorted(there, asked, side="left")
    before = np.searchsorted(there, asked, side="right") - 1
    begin = np.searchsorted(there, asked_code * span, side="left")
    end = np.searchsorted(there, (asked_code + 1) * span, side="left") - 1
    choices = {"next": (after, before), "previous": (before, after), "first": (begin,), "last": (end,)}[shared]
    given = np.full(queries.height, _NONE, dtype=np.int64)
    for place in choices:
        safe = np.clip(place, 0, there.size - 1)
        hit = (given == _NONE) & (place >= 0) & (place < there.size) & (where[safe] == asked_code)
        given[hit] = who[safe[hit]]
    return given
