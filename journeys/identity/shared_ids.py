"""Identifiers that several people share: which they are, who used them when, and who owns ids seen only there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.encode_ids import EncodedIds, RowGroup
from journeys.identity.graph import find_components, label_by_smallest
from journeys.identity.rules import Shared

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DROPPED = -2
"""The owner of an event that the rules drop."""
NOT_FOUND = -9
"""The owner where nobody was known on the shared identifier."""
OWNER_EVENTS = {"code": pl.Int64, "time": pl.Int64, "owner": pl.Int64}


class MergeLimits(NamedTuple):
    """How many values of each type, and how many identifiers in all, one person may have."""

    limits: Sequence[int | None]
    max_ids: int | None


def met_by_several_users(rank: Ints, a: Ints, b: Ints, *, forced: Flags, exclusive: Flags) -> Flags:
    """Flag identifiers seen together with two users, unless an explicit link says that the two are one person."""
    person = find_components(rank.size, a[forced], b[forced])
    several = np.zeros(rank.size, dtype=bool)
    for at in np.flatnonzero(exclusive):
        ends = [(one[is_user], other[is_user]) for one, other in ((a, b), (b, a)) for is_user in [rank[one] == at]]
        user, met = (np.concatenate(one) for one in zip(*ends, strict=True))
        pairs = np.unique(met * rank.size + person[user])
        several |= np.bincount(pairs // max(rank.size, 1), minlength=rank.size) > 1
    return several & ~exclusive[rank]


def shared_by_several(
    owner: Ints, a: Ints, b: Ints, *, rank: Ints, known: Flags, shared: Flags, identifying: Flags
) -> Flags:
    """Flag where edges between two known people meet: at the less trusted end, unless its type identifies people.

    An edge of an identifier that is already shared says nothing about its other end.
    """
    refused = (owner[a] != owner[b]) & known[a] & known[b] & ~(shared[a] | shared[b])
    refused &= ~identifying[rank[b]] & (rank[a] != rank[b])
    a, b = a[refused], b[refused]
    several = np.zeros(owner.size, dtype=bool)
    for at in np.unique(rank[b]):  # the more trusted first, since each decides whether the next counts
        several[b[(rank[b] == at) & ~several[a]]] = True
    return several


def detach_loose_ids(owner: Ints, a: Ints, b: Ints, *, by_row: Flags, shared: Flags, stays: Flags) -> Ints:
    """Detach from their people the identifiers that were reached only over rows with a shared identifier."""
    carries = (owner[a] == owner[b]) & ~(by_row & (shared[a] | shared[b]))
    part = find_components(owner.size, a[carries], b[carries])
    held = np.zeros(owner.size, dtype=bool)
    held[part[stays]] = True
    reached = np.zeros(owner.size, dtype=bool)
    reached[owner[shared]] = True
    loose = ~held[part] & reached[owner]
    _, label = np.unique(np.where(loose, 2 * part, 2 * owner + 1), return_inverse=True)
    return label_by_smallest(label)


def attach_shared_ids(
    owner: Ints, a: Ints, b: Ints, *, shared: Flags, known: Flags, rank: Ints, limits: MergeLimits
) -> Ints:
    """Attach each shared identifier to the known person of its first edge within the limits; it links no further."""
    codes, others = np.where(shared[b], b, a), np.where(shared[b], a, b)
    good = known[others] & ~known[codes]
    moved = _move_within_limits(owner[codes[good]], owner[others[good]], owner=owner, rank=rank, limits=limits)
    return label_by_smallest(moved[owner])


def _move_within_limits(movers: Ints, homes: Ints, *, owner: Ints, rank: Ints, limits: MergeLimits) -> Ints:
    """Move people, in turn, to the first home offered that the limits allow: the new owner at each owner's place.

    With at most 2 emails per person, and homes that have 1 and 2: movers [7, 7] with one email each and homes
    [home of 2, home of 1] → 7 moves to the second.
    """
    moved = np.arange(owner.size)
    held = [
        (np.bincount(owner[rank == at], minlength=owner.size), limit) for at, limit in enumerate(limits.limits) if limit
    ]
    held += [(np.bincount(owner, minlength=owner.size), limits.max_ids)] if limits.max_ids else []
    limited = [(count, limit) for count, limit in held if count[movers].any()]
    if not limited:
        mover, first = np.unique(movers, return_index=True)
        moved[mover] = homes[first]
        return moved
    for mover, home in zip(movers.tolist(), homes.tolist(), strict=True):
        if moved[mover] == mover and all(
            not count[mover] or count[mover] + count[home] <= limit or not count[home] for count, limit in limited
        ):
            moved[mover] = home
            for count, _ in limited:
                count[home] += count[mover]
    return moved


def ids_only_on_shared(edges: pl.DataFrame, *, owner: Ints, known: Flags, shared: Flags, crowd: Flags) -> pl.DataFrame:
    """List the anonymous people that were seen on a shared identifier: where and when first.

    Returns
    -------
    pl.DataFrame
        `owner`, `code` (the shared identifier), `time` (µs); one row per owner, sorted by time and owner.
    """
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    several = shared & ~crowd
    over = (several[a] & ~(shared[b] | known[b])) | (several[b] & ~(shared[a] | known[a]))
    a, b = a[over], b[over]
    met = pl.DataFrame(
        {
            "owner": owner[np.where(several[b], a, b)],
            "code": np.where(several[b], b, a),
            "time": edges["first"].to_numpy()[over],
        },
        schema={"owner": pl.Int64, "code": pl.Int64, "time": pl.Int64},
    )
    return met.sort("time", "code", "owner").unique("owner", keep="first", maintain_order=True).sort("time", "owner")


def assign_loose_ids(
    loose: pl.DataFrame,
    owner_events: pl.DataFrame,
    *,
    owner: Ints,
    rank: Ints,
    limits: MergeLimits,
    shared: Shared,
) -> tuple[Ints, pl.DataFrame]:
    """Join each loose identifier to the person that the rule names at its first moment on the shared one.

    Those beyond a limit stay apart, the later before the earlier. Returns the owners, and the owner events with them.
    """
    if not loose.height or shared == "drop":
        return owner, owner_events
    movers, homes = loose["owner"].to_numpy(), owner_at_time(owner_events, loose, shared=shared)
    good = homes >= 0
    moved = _move_within_limits(movers[good], homes[good], owner=owner, rank=rank, limits=limits)
    owner = label_by_smallest(moved[owner])
    return owner, owner_events.with_columns(pl.Series("owner", owner[owner_events["owner"].to_numpy()]))


def known_owner_events(encoded: EncodedIds, *, owner: Ints, known: Flags, shared: Flags, first: bool) -> pl.DataFrame:
    """List when a known person used a shared identifier, by a row's other identifiers or by an explicit link.

    Returns
    -------
    pl.DataFrame
        `code`, `time` (µs), `owner`; distinct, and sorted so.
    """
    owners, _ = encoded.combination_owners(owner, shared=shared, first=first)
    named = owners >= 0
    named[named] = known[owners[named]]
    named &= encoded.first_shared(shared) >= 0
    found = [_owner_events_of_links(encoded.links, owner=owner, known=known, shared=shared)]
    for group in encoded.groups:
        rows = np.flatnonzero(named[group.combination])
        found.append(_owner_events_of_rows(encoded, group=group, rows=rows, owner=owners, shared=shared))
    return pl.concat(found).unique().sort("code", "time", "owner")


def _owner_events_of_links(links: pl.DataFrame, *, owner: Ints, known: Flags, shared: Flags) -> pl.DataFrame:
    """List who was known when on the shared end of an explicit link."""
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    code, other = np.where(shared[b], b, a), np.where(shared[b], a, b)
    is_named = shared[code] & ~shared[other] & known[other]
    events = {"code": code[is_named], "time": links["first"].to_numpy()[is_named], "owner": owner[other[is_named]]}
    return pl.DataFrame(events, schema=OWNER_EVENTS)


def _owner_events_of_rows(
    encoded: EncodedIds, *, group: RowGroup, rows: Ints, owner: Ints, shared: Flags
) -> pl.DataFrame:
    """List who was known when, on each shared identifier of these rows."""
    combination, time = group.combination[rows], group.time[rows]
    found = []
    for at in range(len(encoded.types)):
        code = encoded.combinations[combination, at]
        there = (code >= 0) & shared[code]
        events = {"code": code[there].astype(np.int64), "time": time[there], "owner": owner[combination[there]]}
        found.append(pl.DataFrame(events))
    return pl.concat(found)


def owner_at_time(owner_events: pl.DataFrame, queries: pl.DataFrame, *, shared: Shared) -> Ints:
    """Return for each query (`code`, `time`) the owner that the rule names, `NOT_FOUND` where there is none.

    A device used by ann at 10 and by bob at 20, asked at 15: "next" gives bob, "previous" ann, "first" ann, "last"
    bob. Of two people known at one moment the one with the smaller identifier counts, so that the order of the input
    decides nothing.
    """
    if shared == "drop":
        used = queries["code"].is_in(owner_events["code"].unique().implode()).to_numpy()
        return np.where(used, DROPPED, NOT_FOUND)
    if shared == "keep" or not owner_events.height:
        return np.full(queries.height, NOT_FOUND, dtype=np.int64)
    # code and time packed into one sorted key, so that one binary search finds the neighbours of all queries
    times, rank = np.unique(np.r_[owner_events["time"].to_numpy(), queries["time"].to_numpy()], return_inverse=True)
    span = times.size
    code = np.r_[owner_events["code"].to_numpy(), queries["code"].to_numpy()]
    key = code * span + rank
    keys, first = np.unique(key[: owner_events.height], return_index=True)
    owners, key_code = owner_events["owner"].to_numpy()[first], keys // span
    asked, asked_code = key[owner_events.height :], code[owner_events.height :]
    after = np.searchsorted(keys, asked, side="left")
    before = np.searchsorted(keys, asked, side="right") - 1
    begin = np.searchsorted(keys, asked_code * span, side="left")
    end = np.searchsorted(keys, (asked_code + 1) * span, side="left") - 1
    choices = {"next": (after, before), "previous": (before, after), "first": (begin,), "last": (end,)}[shared]
    found = np.full(queries.height, NOT_FOUND, dtype=np.int64)
    for place in choices:
        safe = np.clip(place, 0, keys.size - 1)
        hit = (found == NOT_FOUND) & (place >= 0) & (place < keys.size) & (key_code[safe] == asked_code)
        found[hit] = owners[safe[hit]]
    return found
