"""The owner of each event, the numbers of people, and the tables of people and of accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.arrays import Numbers, parallel_take
from journeys.events.events import TRAIT
from journeys.identity.cluster import DROPPED, NOT_FOUND, Clusters, owner_at_time
from journeys.identity.encode_ids import ANONYMOUS_TYPES, NO_OWNER, USER, EncodedIds
from journeys.identity.read_rows import SourceRows
from journeys.identity.rules import IdentityRules, find_placeholders, normalise_series

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

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

    def find_row_owners(self, at: int, *, combination: Numbers) -> Ints:
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
        has_one_owner = slice(None) if not self.by_time.any() else ~self.by_time
        np.add.at(total, self.owner[has_one_owner], rows[has_one_owner])
        for owner in by_row:
            np.add.at(total, owner, 1)
        places = np.flatnonzero(total)
        return np.where(places < size - 2, places, places - size), total[places]


def assign_events(encoded: EncodedIds, clusters: Clusters, *, rules: IdentityRules) -> Assignment:
    """Assign every row to one person.

    Where the identifiers of a row belong to different people, the most trusted one that is not shared decides; with
    ``overflow_policy="trim"``, the most trusted one.
    A row with shared identifiers only goes to a person known on them, chosen by time.
    """
    trim = rules.overflow_policy == "trim"
    owner, shared_id = encoded.find_owners(clusters.owner, shared=clusters.shared, first=trim)
    if rules.named_event_owner == "follow":
        follows = encoded.find_first_shared(clusters.shared)
        by_time = follows >= 0
        shared_id = np.where(by_time, follows, shared_id)
    else:
        by_time = shared_id >= 0
    if not by_time.any():
        none = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
        return Assignment(owner, by_time, (none,) * len(encoded.groups), pl.DataFrame(schema=_BY_OWNER))
    parts = []
    named = encoded.flag_named(rules)
    for at, group in enumerate(encoded.groups):
        rows = np.flatnonzero(parallel_take(by_time, group.combination))
        which = group.combination[rows]
        query = {"code": shared_id[which], "time": group.time[rows], "row": rows, "named": named[which]}
        parts.append(pl.DataFrame(query).with_columns(pl.lit(at).alias("group")))
    queries = pl.concat(parts)
    found = owner_at_time(clusters.owner_events, queries, shared=rules.shared)
    # where nobody was ever known on an identifier, its own person stays
    found = np.where(found == NOT_FOUND, clusters.owner[queries["code"].to_numpy()], found)
    in_group = [(queries["group"] == at).to_numpy() for at in range(len(encoded.groups))]
    row_owners = tuple((queries["row"].to_numpy()[rows_of_group], found[rows_of_group]) for rows_of_group in in_group)
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

    Return the events with `person`, and the quarantine with `reason`.
    """
    source = pl.col("source").cast(pl.Enum(sorted({one.name for one in sources})))
    names = pl.concat(one.events["event"].dtype.categories for one in sources).unique().sort()  # type: ignore[attr-defined]
    event = pl.col("event").cast(pl.Enum(names))
    # the person of each combination; below zero the reason why there is none
    owner = assignment.owner
    number = np.where(owner >= 0, person[owner], owner) if person.size else owner
    if number.max(initial=0) < 1 << 31:
        number = number.astype(np.int32)  # half the memory for as many rows
    frames, quarantined = [], []
    for at, one in enumerate(sources):
        whose = parallel_take(number, combinations[2 * at])
        rows, row_owners = assignment.row_owners[2 * at]
        whose[rows] = np.where(row_owners >= 0, person[row_owners], row_owners)
        frame = one.events.drop("message_id", strict=False).with_columns(source, event)
        has_person = whose >= 0
        if not has_person.all():
            reason = pl.Series("reason", whose[~has_person]).replace_strict(_REASONS, return_dtype=pl.String)
            without_person = frame.filter(pl.Series(~has_person)).rename({"reason": "reason (as read)"}, strict=False)
            quarantined.append(without_person.select(reason, pl.all()).cast({"event": pl.String}))
            frame, whose = frame.filter(pl.Series(has_person)), whose[has_person]
        frames.append(frame.select(pl.Series("person", whose), pl.all()))
    table = pl.concat(_align_types(frames), how="diagonal_relaxed", rechunk=False)
    if not quarantined:
        none = table.clear().cast({"event": pl.String}).rename({"reason": "reason (as read)"}, strict=False)
        return table, none.select(pl.lit("").alias("reason"), pl.exclude("person"))
    return table, pl.concat(_align_types(quarantined), how="diagonal_relaxed")


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


_NEVER = np.iinfo(np.int64).max
_CHANGES = {"person": pl.Int64, "before": pl.Int64, "change": pl.String}
_RESERVED = {"person", "code", "first_seen", "last_seen", "event_count", "timestamp", "event", "source", "group_id"}
_MEMBERSHIPS = pl.Schema({"person": pl.Int64(), "timestamp": pl.Datetime("us", "UTC"), "group_id": pl.String()})


class EarlierPeople(NamedTuple):
    """The people of an earlier stitching: their identifiers (`id_type`, `id`, `person`), and the highest number."""

    ids: pl.DataFrame
    highest: int


def number_people(
    encoded: EncodedIds,
    clusters: Clusters,
    assignment: Assignment,
    *,
    ids: pl.DataFrame,
    before: EarlierPeople | None,
) -> tuple[Ints, pl.DataFrame]:
    """Number people by first event, then smallest identifier, those without events last; keep earlier numbers.

    An earlier person's number goes to the person who has its most trusted identifier now; where several earlier
    people are one now, the smallest number stays, and the others are never used again. Earlier people 1 (ann) and
    2 (device d1), and a new row (ann, d1): one person with number 1, and the change (1, 2, "merged").

    Return the number at the place of each owner's code; and `person`, `before`, `change` (``"merged"``, ``"split"``).
    """
    first = np.full(clusters.owner.size, _NEVER, dtype=np.int64)
    has_owner = (assignment.owner >= 0) & ~assignment.by_time
    np.minimum.at(first, assignment.owner[has_owner], encoded.seen["event_first"].to_numpy()[has_owner])
    for group, (rows, owner) in zip(encoded.groups, assignment.row_owners, strict=True):
        if group.is_events:
            has_owner = owner >= 0
            np.minimum.at(first, owner[has_owner], group.time[rows[has_owner]])
    people = clusters.list_people()
    people = people[np.lexsort((people, first[people]))]
    number = np.zeros(clusters.owner.size, dtype=np.int64)
    changes = pl.DataFrame(schema=_CHANGES)
    if before is None:
        number[people] = np.arange(1, people.size + 1)
        return number, changes
    then = (
        _match_earlier_ids(ids, before=before.ids)
        .with_columns(head=pl.lit(clusters.owner).gather(pl.col("code")))
        .sort("before", "code")
    )
    home = then.unique("before", keep="first", maintain_order=True)
    kept = home.group_by("head").agg(pl.col("before").min())
    number[kept["head"].to_numpy()] = kept["before"].to_numpy()
    new = people[number[people] == 0]
    number[new] = np.arange(1, new.size + 1) + before.highest
    pairs = then.select("before", "head").unique().with_columns(person=pl.lit(number).gather(pl.col("head")))
    moved = pairs.filter(pl.col("person") != pl.col("before"))
    is_home = pl.col("head") == pl.col("home")
    changes = (
        moved.join(home.select("before", pl.col("head").alias("home")), on="before")
        .with_columns(pl.when(is_home).then(pl.lit("merged")).otherwise(pl.lit("split")).alias("change"))
        .select("person", "before", "change")
        .sort("person", "before")
    )
    return number, changes


def _match_earlier_ids(ids: pl.DataFrame, *, before: pl.DataFrame) -> pl.DataFrame:
    """Match earlier identifiers with those of now: `code` (now), `before` (the number of their person then).

    A user id may have been reclassified as anonymous since, because a call says so.
    """
    now = ids.select(pl.col("id_type").cast(pl.String), "id").with_row_index("code")
    then = before.select(pl.col("id_type").cast(pl.String), "id", pl.col("person").alias("before"))
    found = [now.join(then, on=["id_type", "id"])]
    missing = then.filter(pl.col("id_type") == USER).join(now, on=["id_type", "id"], how="anti")
    for name in ANONYMOUS_TYPES if missing.height else ():
        found.append(now.filter(pl.col("id_type") == name).join(missing.drop("id_type"), on="id"))
        missing = missing.join(found[-1], on="id", how="anti")
    return pl.concat(one.select(pl.col("code").cast(pl.Int64), "before") for one in found)


def list_people(ids: pl.DataFrame, facts: Sequence[pl.DataFrame], *, types: tuple[str, ...]) -> pl.DataFrame:
    """List people: one row per person, with the first value of each identifier type and the latest of each trait."""
    owner = ids["person"].to_numpy()
    used = np.zeros(int(owner.max(initial=0)) + 1, dtype=bool)
    used[owner] = True
    people = pl.DataFrame({"person": np.flatnonzero(used)})
    place = np.cumsum(used) - 1
    rank = ids["id_type"].to_physical().to_numpy()
    seen = ids["first_seen"].dt.timestamp("us").to_numpy()
    for at, name in enumerate(types):
        # the identifiers are in order of trust and value
        low, high = np.searchsorted(rank, [at, at + 1])
        best = _earliest_of_each(place[owner[low:high]], seen[low:high], count=people.height)
        found = pl.Series(np.where(best < 0, 0, best + low)).set(pl.Series(best < 0), None)
        people = people.with_columns(ids["id"].gather(found).alias(name))
    personal = [frame.filter(pl.col("kind") != "group") for frame in facts]
    for name, values in _list_traits(personal, reserved={*types, *_RESERVED}).items():
        latest = values.unique("person", keep="last", maintain_order=True).select("person", name)
        people = people.join(latest, on="person", how="left", maintain_order="left")
    return people


def _earliest_of_each(person: Ints, seen: Ints, *, count: int) -> Ints:
    """Return for each person the place of the earliest time, of equal ones the first; -1 where there is none."""
    earliest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(earliest, person, seen)
    candidates = np.flatnonzero(seen == earliest[person])[::-1]
    best = np.full(count, -1, dtype=np.int64)
    best[person[candidates]] = candidates
    return best


def add_traits_as_of(table: pl.DataFrame, facts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Add to each event the traits of its person as of its moment; null before the first value."""
    rows = table.select("person", "timestamp").with_row_index("row").sort("timestamp", "row")
    columns = []
    personal = [frame.filter(pl.col("kind") != "group") for frame in facts]
    for name, values in _list_traits(personal, reserved={*table.columns, *_RESERVED}).items():
        found = rows.join_asof(
            values.sort("timestamp", "person"), on="timestamp", by="person", strategy="backward", check_sortedness=False
        )
        columns.append(found.sort("row")[name])
    return table.with_columns(columns)


def _list_traits(facts: Sequence[pl.DataFrame], *, reserved: set[str], by: str = "person") -> dict[str, pl.DataFrame]:
    """Return for each trait `by`, `timestamp` and its values, one per moment, sorted so.

    Of two values at one time the larger counts, so that the order of the input has no effect.
    """
    found: dict[str, list[pl.DataFrame]] = {}
    for frame in facts:
        for column in frame.columns:
            if column.startswith(TRAIT):
                plain = column.removeprefix(TRAIT)
                name = f"trait_{plain}" if plain in reserved else plain
                values = frame.select(by, "timestamp", pl.col(column).alias(name)).drop_nulls(name)
                found.setdefault(name, []).append(values)
    traits = {}
    for name, frames in sorted(found.items()):
        kinds = {frame.schema[name] for frame in frames}
        text = len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds)
        same = [frame.with_columns(pl.col(name).cast(pl.String)) for frame in frames] if text else frames
        values = pl.concat(same, how="vertical_relaxed").sort(by, "timestamp", name)
        if values.height:
            traits[name] = values.unique([by, "timestamp"], keep="last", maintain_order=True)
    return traits


def normalise_accounts(rows: pl.DataFrame, *, rules: IdentityRules) -> pl.DataFrame:
    """Normalise `group_id` as identifiers are, so that each account has one name; null for placeholders."""
    if "group_id" not in rows.columns:
        return rows
    accounts = rows.select(pl.col("group_id").cast(pl.String)).to_series()
    raw = accounts.drop_nulls().unique()
    written = normalise_series(raw, id_type="group_id", rules=rules).rename("id")
    written = written.set(find_placeholders(written, rules=rules).is_not_null(), None)
    return rows.with_columns(accounts.replace_strict(raw, written, default=None, return_dtype=pl.String))


def list_memberships(
    sources: Sequence[SourceRows], assignment: Assignment, *, combinations: Sequence[Numbers], person: Ints
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Return who joined which account when, and each source's facts with their `person`."""
    facts = []
    for at, one in enumerate(sources):
        owner = assignment.find_row_owners(2 * at + 1, combination=combinations[2 * at + 1])
        has_owner = owner >= 0
        whose = pl.Series("person", person[owner[has_owner]], dtype=pl.Int64)
        facts.append(one.facts.filter(pl.Series(has_owner)).with_columns(whose))
    groups = [
        frame.filter(pl.col("group_id").is_not_null()).select("person", "timestamp", pl.col("group_id").cast(pl.String))
        for frame in facts
        if "group_id" in frame.columns
    ]
    memberships = pl.concat([pl.DataFrame(schema=_MEMBERSHIPS), *groups]).unique()
    return memberships.sort("person", "timestamp", "group_id"), facts


def list_accounts(facts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """List accounts: `group_id` and the latest value of each trait that group calls have for it."""
    of_accounts = [
        frame.filter((pl.col("kind") == "group") & pl.col("group_id").is_not_null())
        for frame in facts
        if "group_id" in frame.columns
    ]
    names = [frame.select("group_id") for frame in of_accounts]
    accounts = pl.concat([pl.DataFrame(schema={"group_id": pl.String}), *names]).unique().sort("group_id")
    for name, values in _list_traits(of_accounts, reserved={*_RESERVED, "member", "members"}, by="group_id").items():
        latest = values.unique("group_id", keep="last", maintain_order=True).select("group_id", name)
        accounts = accounts.join(latest, on="group_id", how="left", maintain_order="left")
    return accounts


def group_by_account(events: pl.DataFrame, memberships: pl.DataFrame) -> pl.DataFrame:
    """Replace each event's person by an account; the person stays as `member`.

    The account is the one that the event names itself (`group_id`), else the one that its person had joined last
    before it, else the first that the person joined later. Events of people without an account are left out. A
    property called `member` is kept as `property_member`.

    Parameters
    ----------
    events : pl.DataFrame
        `person`, `timestamp`, `event`, properties.
    memberships : pl.DataFrame
        `person`, `timestamp`, `group_id`.
    """
    named = [pl.col("group_id")] if "group_id" in events.columns else []
    # of two accounts at one time the larger name counts, so that the order of the input has no effect
    joined = memberships.sort("person", "timestamp", "group_id").unique(
        ["person", "timestamp"], keep="last", maintain_order=True
    )
    since = joined.select("person", "timestamp", pl.col("group_id").alias("__since")).sort("timestamp", "person")
    first = joined.unique("person", keep="first", maintain_order=True).select(
        "person", pl.col("group_id").alias("__first")
    )
    rows = _rename_member(events).with_row_index("__row").sort("timestamp", "__row")
    found = rows.join_asof(since, on="timestamp", by="person", strategy="backward", check_sortedness=False).join(
        first, on="person", how="left"
    )
    return (
        found.sort("__row")
        .with_columns(pl.coalesce(*named, "__since", "__first").alias("__account"), pl.col("person").alias("member"))
        .filter(pl.col("__account").is_not_null())
        .with_columns(pl.col("__account").alias("person"))
        .drop("__row", "__since", "__first", "__account", "group_id", strict=False)
    )


def _rename_member(events: pl.DataFrame) -> pl.DataFrame:
    """Keep a property called `member` under the first name that is free."""
    if "member" not in events.columns:
        return events
    name = "property_member"
    while name in events.columns:
        name = f"property_{name}"
    return events.rename({"member": name})
