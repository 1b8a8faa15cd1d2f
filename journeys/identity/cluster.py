"""Clusters of identifiers, joined in the order of trust within the limits, and who used the shared ones when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.encode_ids import EncodedIds, RowGroup
from journeys.identity.graph import UnionFind, find_components, label_by_smallest, list_edges, order_edges
from journeys.identity.rules import IdentityRules, Shared

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
        user, neighbour = (np.concatenate(one) for one in zip(*ends, strict=True))
        pairs = np.unique(neighbour * rank.size + person[user])
        several |= np.bincount(pairs // max(rank.size, 1), minlength=rank.size) > 1
    return several & ~exclusive[rank]


def shared_by_several(
    owner: Ints, a: Ints, b: Ints, *, rank: Ints, known: Flags, shared: Flags, identifying: Flags
) -> Flags:
    """Flag the less trusted end of each edge between two known people, unless its type identifies people.

    An edge of an identifier that is already shared says nothing about its other end.
    """
    refused = (owner[a] != owner[b]) & known[a] & known[b] & ~(shared[a] | shared[b])
    refused &= ~identifying[rank[b]] & (rank[a] != rank[b])
    a, b = a[refused], b[refused]
    several = np.zeros(owner.size, dtype=bool)
    for at in np.unique(rank[b]):  # the more trusted first: edges of those flagged no longer count
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
    usable = known[others] & ~known[codes]
    moved = _move_within_limits(owner[codes[usable]], owner[others[usable]], owner=owner, rank=rank, limits=limits)
    return label_by_smallest(moved[owner])


def _move_within_limits(movers: Ints, homes: Ints, *, owner: Ints, rank: Ints, limits: MergeLimits) -> Ints:
    """Move people, in turn, to the first home that the limits allow; return the new owner of every owner.

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

    Return `owner`, `code` (the shared identifier), `time` (µs); one row per owner, sorted by time and owner.
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
    """Join each loose identifier to the person whom `shared` names at its first time on the shared identifier.

    Where a limit would be exceeded, earlier ones are joined and later ones stay people of their own. Return the new
    owners, and the owner events with them.
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

    Return `code`, `time` (µs), `owner`; distinct, and sorted so.
    """
    owners, _ = encoded.find_owners(owner, shared=shared, first=first)
    named = owners >= 0
    named[named] = known[owners[named]]
    named &= encoded.find_first_shared(shared) >= 0
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
        at_shared = np.flatnonzero((code >= 0) & shared[code])
        events = {"code": code[at_shared], "time": time[at_shared], "owner": owner[combination[at_shared]]}
        found.append(pl.DataFrame(events, schema=OWNER_EVENTS))
    return pl.concat(found)


def owner_at_time(owner_events: pl.DataFrame, queries: pl.DataFrame, *, shared: Shared) -> Ints:
    """Return for each query (`code`, `time`) the owner that the rule names, `NOT_FOUND` where there is none.

    A device used by ann at 10 and by bob at 20, asked at 15: "next" gives bob, "previous" ann, "first" ann, "last"
    bob. Of two people known at one time the one with the smaller identifier counts, so that the order of the input has
    no effect.
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


@dataclass(frozen=True, eq=False, slots=True)
class Clusters:
    """Which identifier codes are one person.

    Attributes
    ----------
    owner : np.ndarray
        For each code the smallest code of its person.
    known : np.ndarray
        For each code whether its person has an identifier of an identifying type.
    shared : np.ndarray
        Whether several known people use the identifier, or a crowd does: its anonymous events are assigned by time.
    crowd : np.ndarray
        Whether the identifier links nothing: a shared mailbox, or one that meets too many users.
    taken : np.ndarray
        For each edge whether both its ends are one person.
    reason : pl.Series
        Why each other edge was refused.
    owner_events : pl.DataFrame
        `code`, `time` (µs), `owner`: when a known person used a shared identifier.
    """

    owner: Ints
    known: Flags
    shared: Flags
    crowd: Flags
    taken: Flags
    reason: pl.Series
    owner_events: pl.DataFrame

    def list_people(self) -> Ints:
        """List the people by the smallest code of each."""
        return np.flatnonzero(self.owner == np.arange(self.owner.size))


def cluster_ids(encoded: EncodedIds, edges: pl.DataFrame, *, rules: IdentityRules) -> Clusters:
    """Join identifiers along the edges, in their order, refusing what the rules do not allow.

    Rows (ann, d1), (bob, d1), (null, d2) with user_id exclusive: the component {ann, bob, d1} has two users, so its
    edges are taken again, one by one. d1 met both, so it is shared: it is attached to ann, whom it met first, and the
    edge bob–d1 is refused. d2 is a person of its own.
    """
    count = encoded.ids.height
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    limits = MergeLimits([rules.limit(name) for name in encoded.types], rules.max_ids)
    identifying = encoded.flag_identifying_types(rules)
    crowd = _find_crowds(encoded, a, b, rules=rules)
    usable = ~(crowd[a] | crowd[b])
    owner = find_components(count, a[usable], b[usable])
    shared = crowd
    conflicting = _violates_limits(owner, rank=encoded.rank, limits=limits)
    trim = rules.overflow_policy == "trim"
    if conflicting.any():
        in_conflict = conflicting[owner]
        resolve = _resolve_conflicts_by_row if trim else _resolve_conflicts
        near = edges.filter(pl.Series(usable & in_conflict[a]))
        owner, several = resolve(
            encoded,
            near,
            owner=owner,
            in_conflict=in_conflict,
            crowd=crowd,
            identifying=identifying,
            limits=limits,
            rules=rules,
        )
        shared = crowd | several
    loose = np.zeros(count, dtype=bool)
    owner_events = pl.DataFrame(schema=OWNER_EVENTS)
    if shared.any():
        owner, loose, owner_events = _place_shared_ids(
            encoded, edges, owner=owner, shared=shared, crowd=crowd, identifying=identifying, limits=limits, rules=rules
        )
    known = _flag_known(owner, rank=encoded.rank, identifying=identifying)
    taken = owner[a] == owner[b]
    # an edge over which nothing was joined, though no limit forbids it
    unused = ~_flag_explicit(edges, encoded) & ((shared[a] & loose[b]) | (shared[b] & loose[a]))
    reason = _explain_refusals(
        encoded, a, b, owner=owner, crowd=crowd, shared=shared, unused=unused, taken=taken, limits=limits, rules=rules
    )
    return Clusters(owner, known, shared, crowd, taken, reason, owner_events)


def _flag_explicit(edges: pl.DataFrame, encoded: EncodedIds) -> Flags:
    """Flag the edges of explicit links, which come before those of rows in the order of trust."""
    return np.asarray(edges["trust"].to_numpy() < len(encoded.types) ** 2)


def _place_shared_ids(
    encoded: EncodedIds,
    edges: pl.DataFrame,
    *,
    owner: Ints,
    shared: Flags,
    crowd: Flags,
    identifying: Flags,
    limits: MergeLimits,
    rules: IdentityRules,
) -> tuple[Ints, Flags, pl.DataFrame]:
    """Attach each shared identifier to a known person, and to a person what was seen only on shared identifiers.

    Rows (ann, d1), (bob, d1), (x1, d1), in this order of time, with d1 shared by ann and bob: d1 is attached to ann,
    whom it met first. The anonymous x1 was seen only on d1; it joins bob, since nobody is known there after it.

    Return the owners, which identifiers were seen only on shared ones, and when known people used the shared ones.
    """
    trim = rules.overflow_policy == "trim"
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    by_force = edges["forced"].to_numpy() & ~(crowd[a] | crowd[b])
    near = order_edges(edges.filter(pl.Series((shared[a] ^ shared[b]) & ~by_force)), rules=rules)
    if rules.shared == "last":
        # attached to the person whom its events go to; the sort is stable, and equal times keep the order of edges
        near = near.sort("last", descending=True, maintain_order=True)
    ends = (near["a"].to_numpy(), near["b"].to_numpy())
    known = _flag_known(owner, rank=encoded.rank, identifying=identifying)
    owner = attach_shared_ids(owner, *ends, shared=shared, known=known, rank=encoded.rank, limits=limits)
    known = _flag_known(owner, rank=encoded.rank, identifying=identifying)
    owner_events = known_owner_events(encoded, owner=owner, known=known, shared=shared, first=trim)
    if trim:
        met = _edges_of_anonymous_rows(encoded, rules=rules)
    else:
        met = edges.filter(pl.Series(~_flag_explicit(edges, encoded)))
    found = ids_only_on_shared(met, owner=owner, known=known, shared=shared, crowd=crowd)
    loose = np.zeros(owner.size, dtype=bool)
    loose[found["owner"].to_numpy()] = True
    loose = loose[owner]
    owner, owner_events = assign_loose_ids(
        found, owner_events, owner=owner, rank=encoded.rank, limits=limits, shared=rules.shared
    )
    return owner, loose, owner_events


def _edges_of_anonymous_rows(encoded: EncodedIds, *, rules: IdentityRules) -> pl.DataFrame:
    """List the edges of anonymous rows; in other rows, a trimmed identifier has no edges to those that stayed."""
    rows = ~encoded.flag_named(rules)
    rest = replace(
        encoded,
        combinations=encoded.combinations[rows],
        seen=encoded.seen.filter(pl.Series(rows)),
        links=encoded.links.clear(),
    )
    return list_edges(rest, rules=rules)


def _flag_known(owner: Ints, *, rank: Ints, identifying: Flags) -> Flags:
    """Flag the codes whose person has an identifier of an identifying type."""
    known = np.zeros(owner.size, dtype=bool)
    if owner.size and identifying.any():
        known[owner[identifying[rank]]] = True
    return known[owner]


def _find_crowds(encoded: EncodedIds, a: Ints, b: Ints, *, rules: IdentityRules) -> Flags:
    """Flag identifiers that link nothing: shared mailboxes, and those that meet more users than `max_users`."""
    crowd = encoded.ids["mailbox"].to_numpy().copy()
    if rules.max_users is not None:
        exclusive = [at for at, name in enumerate(encoded.types) if name in rules.exclusive]
        can_be_crowd = ~np.isin(encoded.rank, exclusive)
        rank_a, rank_b = encoded.rank[a], encoded.rank[b]
        for at in exclusive:
            ends = [(b, a, rank_a == at), (a, b, rank_b == at)]
            many = sum(np.bincount(met[is_user], minlength=crowd.size) for met, _, is_user in ends) > rules.max_users
            many &= can_be_crowd
            if not many.any():
                continue
            # an alias may repeat an edge of a row: of identifiers that seem to meet too many, count distinct pairs
            picked = [(met[is_user & many[met]], user[is_user & many[met]]) for met, user, is_user in ends]
            pairs = pl.concat([pl.DataFrame({"met": met, "user": user}) for met, user in picked]).unique()
            crowd |= np.bincount(pairs["met"].to_numpy(), minlength=crowd.size) > rules.max_users
    return crowd


def _violates_limits(owner: Ints, *, rank: Ints, limits: MergeLimits) -> Flags:
    """Flag the components that hold more than a person may have."""
    over = np.zeros(owner.size, dtype=bool)
    for at, limit in enumerate(limits.limits):
        if limit is not None:
            over |= np.bincount(owner[rank == at], minlength=owner.size) > limit
    if limits.max_ids is not None:
        over |= np.bincount(owner, minlength=owner.size) > limits.max_ids
    return over


def _resolve_conflicts(
    encoded: EncodedIds,
    edges: pl.DataFrame,
    *,
    owner: Ints,
    in_conflict: Flags,
    crowd: Flags,
    identifying: Flags,
    limits: MergeLimits,
    rules: IdentityRules,
) -> tuple[Ints, Flags]:
    """Cluster the members of conflicting components again, in order, without the row edges of shared identifiers.

    Returns the owners, and which identifiers several known people share. A refusal may show that
    one more identifier is shared; then the components are formed anew, until no more are found.
    """
    ordered = order_edges(edges, rules=rules)
    members, rank, (a, b) = _renumber_edges(ordered, in_conflict=in_conflict, rank=encoded.rank)
    forced, explicit = ordered["forced"].to_numpy(), _flag_explicit(ordered, encoded)
    shared = crowd[members].copy()
    if rules.exclusive and rules.shared != "keep":
        shared |= met_by_several_users(rank, a, b, forced=forced, exclusive=identifying)
    while True:
        carries = forced | explicit | ~(shared[a] | shared[b])
        new_owner = find_components(members.size, a[carries], b[carries])
        over = _violates_limits(new_owner, rank=rank, limits=limits)
        if over.any():
            rest = carries & over[new_owner[a]]
            new_owner = _union_in_order(
                new_owner, a[rest], b[rest], forced=forced[rest], in_conflict=over[new_owner], rank=rank, limits=limits
            )
        known = _flag_known(new_owner, rank=rank, identifying=identifying)
        more = shared_by_several(new_owner, a, b, rank=rank, known=known, shared=shared, identifying=identifying)
        if not more.any() or rules.shared == "keep":
            break
        shared |= more
    resolved, several = owner.copy(), np.zeros(owner.size, dtype=bool)
    resolved[members], several[members] = members[new_owner], shared
    return resolved, several


def _renumber_codes(in_conflict: Flags) -> tuple[Ints, Ints]:
    """Renumber the flagged codes from 0: return the codes, and for every code its new number, or -1."""
    members = np.flatnonzero(in_conflict)
    place = np.full(in_conflict.size, -1, dtype=np.int64)
    place[members] = np.arange(members.size)
    return members, place


def _renumber_edges(edges: pl.DataFrame, *, in_conflict: Flags, rank: Ints) -> tuple[Ints, Ints, tuple[Ints, Ints]]:
    """Renumber the flagged codes from 0: return the codes, their ranks, and the ends of the edges between them."""
    members, place = _renumber_codes(in_conflict)
    return members, rank[members], (place[edges["a"].to_numpy()], place[edges["b"].to_numpy()])


def _union_in_order(
    owner: Ints, a: Ints, b: Ints, *, forced: Flags, in_conflict: Flags, rank: Ints, limits: MergeLimits
) -> Ints:
    """Join the flagged codes edge by edge, in the order of the edges, within the limits."""
    members, place = _renumber_codes(in_conflict)
    groups = UnionFind(rank[members], limits=limits.limits, max_ids=limits.max_ids)
    for left, right, force in zip(place[a].tolist(), place[b].tolist(), forced.tolist(), strict=True):
        groups.union([left, right], force=force)
    joined = owner.copy()
    joined[members] = members[label_by_smallest(groups.roots())]
    return joined


def _resolve_conflicts_by_row(
    encoded: EncodedIds,
    edges: pl.DataFrame,
    *,
    owner: Ints,
    in_conflict: Flags,
    crowd: Flags,
    identifying: Flags,
    limits: MergeLimits,
    rules: IdentityRules,
) -> tuple[Ints, Flags]:
    """Cluster the members of conflicting components row by row, dropping the least trusted identifier that overflows.

    With one user_id per person: row (ann, d1) joins both; row (bob, d1) would make two users one person, so d1 is
    dropped from it and bob stays alone. Returns the owners, and which identifiers several known people share.
    """
    members, place = _renumber_codes(in_conflict)
    groups = UnionFind(encoded.rank[members], limits=limits.limits, max_ids=limits.max_ids)
    explicit = edges.filter(pl.col("kind").cast(pl.String) != "row")
    first = np.r_[encoded.seen["first"].to_numpy(), explicit["first"].to_numpy()]
    width = len(encoded.types)
    pairs = np.full((explicit.height, width), -1, dtype=np.int64)
    if explicit.height:
        pairs[:, :2] = explicit.select("a", "b").to_numpy()
    rows = np.concatenate([encoded.combinations.astype(np.int64), pairs])
    force = np.r_[np.zeros(encoded.combinations.shape[0], dtype=bool), explicit["forced"].to_numpy()]
    touched = np.flatnonzero(((rows >= 0) & in_conflict[rows]).any(axis=1))
    # ties in time go to the more trusted and smaller identifiers, as everywhere
    order = touched[np.lexsort((*rows[touched].T[::-1], ~force[touched], first[touched]))]
    for row, force_union in zip(rows[order].tolist(), force[order].tolist(), strict=True):
        groups.union_trimmed([int(place[code]) for code in row if code >= 0 and not crowd[code]], force=force_union)
    resolved, several = owner.copy(), np.zeros(owner.size, dtype=bool)
    new_owner = label_by_smallest(groups.roots())
    _, rank, (a, b) = _renumber_edges(edges, in_conflict=in_conflict, rank=encoded.rank)
    known = _flag_known(new_owner, rank=rank, identifying=identifying)
    shared = crowd[members].copy()
    if rules.shared != "keep":
        shared |= shared_by_several(new_owner, a, b, rank=rank, known=known, shared=shared, identifying=identifying)
        by_row = ~_flag_explicit(edges, encoded)
        new_owner = detach_loose_ids(new_owner, a, b, by_row=by_row, shared=shared, stays=identifying[rank] | shared)
    resolved[members], several[members] = members[new_owner], shared
    return resolved, several


def _explain_refusals(
    encoded: EncodedIds,
    a: Ints,
    b: Ints,
    *,
    owner: Ints,
    crowd: Flags,
    shared: Flags,
    unused: Flags,
    taken: Flags,
    limits: MergeLimits,
    rules: IdentityRules,
) -> pl.Series:
    """Return for each edge that was refused why; the first limit that it would exceed counts."""
    refused = np.flatnonzero(~taken)
    left, right = owner[a[refused]], owner[b[refused]]
    several, many = "over an identifier of several people", f"more than {rules.max_ids} identifiers"
    trim = rules.overflow_policy == "trim"
    plain = "left out with a less trusted identifier" if trim else many if rules.max_ids else several
    words = {plain: 0}
    number = np.zeros(refused.size, dtype=np.uint8)  # most edges hold: a byte per edge, a text would need sixteen
    unexplained = np.ones(refused.size, dtype=bool)

    def give_reason(why: str, which: Flags) -> None:
        number[which] = words.setdefault(why, len(words))
        unexplained[which] = False

    for at, limit in enumerate(limits.limits):
        if limit is not None:
            held = np.bincount(owner[encoded.rank == at], minlength=owner.size)
            name = encoded.types[at]
            over = (held[left] > 0) & (held[right] > 0) & (held[left] + held[right] > limit)
            give_reason(
                f"two values of {name}" if limit == 1 else f"more than {limit} values of {name}", over & unexplained
            )
    if limits.max_ids is not None:
        size = np.bincount(owner, minlength=owner.size)
        give_reason(many, (size[left] + size[right] > limits.max_ids) & unexplained)
    if not trim:
        give_reason(several, (shared[a[refused]] | shared[b[refused]]) & unexplained)
    give_reason(several, unused[refused])
    give_reason("shared by a crowd", crowd[a[refused]] | crowd[b[refused]])
    names = pl.Enum(list(words))
    reason = pl.Series("reason", [None], dtype=names).new_from_index(0, a.size)
    refusals = pl.Series(number).cat.to(names)
    return reason.scatter(pl.Series(refused.astype(np.uint32)), refusals) if refused.size else reason
