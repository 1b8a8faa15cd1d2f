"""Each event to its person: by the most trusted identifier of its row; on shared ones by who was known around then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.cluster import Clusters
from journeys.identity.encode_ids import NO_OWNER, EncodedIds
from journeys.identity.read_rows import SourceRows
from journeys.identity.rules import IdentityRules
from journeys.identity.shared_ids import DROPPED, NOT_FOUND, owner_at_time
from journeys.parallel import parallel_take

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int32]

_BY_OWNER = {"code": pl.Int64, "owner": pl.Int64, "rows": pl.Int64}
_REASONS = {NO_OWNER: "no usable identifier", DROPPED: "anonymous on a shared identifier"}


@dataclass(frozen=True, eq=False, slots=True)
class Assignment:
    """The owner of each row.

    Attributes
    ----------
    owner : np.ndarray
        For each combination the smallest identifier code of the person; `NO_OWNER` without a usable identifier,
        `DROPPED` where the rules drop anonymous events on a shared identifier.
    by_time : np.ndarray
        Flags the combinations whose owner differs from row to row.
    row_owners : tuple of (np.ndarray, np.ndarray)
        For each row group the rows of such combinations, and the owner of each.
    shared_events : pl.DataFrame
        `code`, `owner`, `rows`: anonymous events on a shared identifier, by the person they were assigned to.
    """

    owner: Ints
    by_time: Flags
    row_owners: tuple[tuple[Ints, Ints], ...]
    shared_events: pl.DataFrame

    def owners_of_rows(self, at: int, *, combination: Numbers) -> Ints:
        """Return the owner of each row of a row group."""
        owners = parallel_take(self.owner, combination)
        rows, row_owners = self.row_owners[at]
        owners[rows] = row_owners
        return owners

    def count_by_owner(self, rows: Ints, *, groups: Sequence[int]) -> tuple[Ints, Ints]:
        """Count the rows of some row groups by owner, `rows` by combination: the distinct owners and their counts."""
        by_row = [self.row_owners[at][1] for at in groups]
        size = 3 + max(int(owner.max(initial=-1)) for owner in (self.owner, *by_row))
        total = np.zeros(size, dtype=np.int64)  # NO_OWNER and DROPPED count at the last two places
        steady = slice(None) if not self.by_time.any() else ~self.by_time
        np.add.at(total, self.owner[steady], rows[steady])
        for owner in by_row:
            np.add.at(total, owner, 1)
        there = np.flatnonzero(total)
        return np.where(there < size - 2, there, there - size), total[there]


def assign_events(encoded: EncodedIds, clusters: Clusters, *, rules: IdentityRules) -> Assignment:
    """Assign every row to one person.

    Where the identifiers of a row belong to different people, the most trusted one that is not shared decides; with
    ``overflow_policy="trim"``, the most trusted one.
    A row that has shared identifiers only goes, by time, to one of those who were known on them.
    """
    trim = rules.overflow_policy == "trim"
    owner, on = encoded.combination_owners(clusters.owner, shared=clusters.shared, first=trim)
    if rules.named_event_owner == "follow":
        follows = encoded.first_shared(clusters.shared)
        by_time = follows >= 0
        on = np.where(by_time, follows, on)
    else:
        by_time = on >= 0
    if not by_time.any():
        none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        return Assignment(owner, by_time, (none,) * len(encoded.groups), pl.DataFrame(schema=_BY_OWNER))
    parts = []
    named = encoded.flag_named(rules)
    for at, group in enumerate(encoded.groups):
        rows = np.flatnonzero(parallel_take(by_time, group.combination))
        which = group.combination[rows]
        query = {"code": on[which], "time": group.time[rows], "row": rows, "named": named[which]}
        parts.append(pl.DataFrame(query).with_columns(pl.lit(at).alias("group")))
    queries = pl.concat(parts)
    found = owner_at_time(clusters.owner_events, queries, shared=rules.shared)
    # where nobody was ever known on an identifier, its own person stays
    found = np.where(found == NOT_FOUND, clusters.owner[queries["code"].to_numpy()], found)
    mine = [(queries["group"] == at).to_numpy() for at in range(len(encoded.groups))]
    row_owners = tuple((queries["row"].to_numpy()[here], found[here]) for here in mine)
    events = [at for at, group in enumerate(encoded.groups) if group.is_events]
    shared_events = (
        queries.with_columns(owner=found)
        .filter(pl.col("group").is_in(events) & ~pl.col("named"))
        .group_by("code", "owner")
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .sort("code", "owner")
    )
    return Assignment(owner, by_time, row_owners, shared_events)


def build_table(
    sources: Sequence[SourceRows], assignment: Assignment, *, combinations: Sequence[Numbers], person: Ints
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Stack the events of all sources, each with its person; those without an owner go to quarantine.

    Returns
    -------
    tuple of pl.DataFrame
        The events with `person`, and the quarantine with `reason`.
    """
    source = pl.col("source").cast(pl.Enum(sorted({one.name for one in sources})))
    names = pl.concat(one.events["event"].dtype.categories for one in sources).unique().sort()  # type: ignore[attr-defined]
    event = pl.col("event").cast(pl.Enum(names))
    # the person of each combination; below zero the reason why there is none
    owner = assignment.owner
    number = np.where(owner >= 0, person[owner], owner) if person.size else owner
    if number.max(initial=0) < 1 << 31:
        number = number.astype(np.int32)  # half the memory for as many rows
    frames, apart = [], []
    for at, one in enumerate(sources):
        whose = parallel_take(number, combinations[2 * at])
        rows, row_owners = assignment.row_owners[2 * at]
        whose[rows] = np.where(row_owners >= 0, person[row_owners], row_owners)
        frame = one.events.drop("message_id", strict=False).with_columns(source, event)
        good = whose >= 0
        if not good.all():
            reason = pl.Series("reason", whose[~good]).replace_strict(_REASONS, return_dtype=pl.String)
            bad = frame.filter(pl.Series(~good)).rename({"reason": "reason (as read)"}, strict=False)
            apart.append(bad.select(reason, pl.all()).cast({"event": pl.String}))
            frame, whose = frame.filter(pl.Series(good)), whose[good]
        frames.append(frame.select(pl.Series("person", whose), pl.all()))
    table = pl.concat(_align_types(frames), how="diagonal_relaxed", rechunk=False)
    if not apart:
        none = table.clear().cast({"event": pl.String}).rename({"reason": "reason (as read)"}, strict=False)
        return table, none.select(pl.lit("").alias("reason"), pl.exclude("person"))
    return table, pl.concat(_align_types(apart), how="diagonal_relaxed")


def _align_types(frames: list[pl.DataFrame]) -> list[pl.DataFrame]:
    """Cast to text the properties that have different types in different sources, unless all are numbers."""
    kinds: dict[str, set[pl.DataType]] = {}
    for frame in frames:
        for name, kind in frame.schema.items():
            if kind != pl.Null:
                kinds.setdefault(name, set()).add(kind)
    mixed = [name for name, found in kinds.items() if len(found) > 1 and not all(one.is_numeric() for one in found)]
    if not mixed:
        return frames
    return [
        frame.with_columns(
            pl.col(name).struct.json_encode()
            if isinstance(frame.schema[name], pl.Struct)
            else pl.col(name).cast(pl.String)
            for name in mixed
            if name in frame.columns and not isinstance(frame.schema[name], pl.List)
        )
        for frame in frames
    ]
