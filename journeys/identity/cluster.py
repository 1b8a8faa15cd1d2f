"""Identifiers → people: connected components where nothing conflicts, edge after edge where something does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.encode_ids import EncodedIds
from journeys.identity.graph import UnionFind, find_components, label_by_smallest, list_edges, order_edges
from journeys.identity.rules import IdentityRules
from journeys.identity.shared_ids import (
    OWNER_EVENTS,
    MergeLimits,
    assign_loose_ids,
    attach_shared_ids,
    detach_loose_ids,
    ids_only_on_shared,
    known_owner_events,
    met_by_several_users,
    shared_by_several,
)

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


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


def cluster_ids(encoded: EncodedIds, edges: pl.DataFrame, *, rules: IdentityRules) -> Clusters:
    """Join identifiers along the edges, in their order, refusing what the rules do not allow.

    Rows (ann, d1), (bob, d1), (null, d2) with user_id exclusive: the component {ann, bob, d1} has two users, so its
    edges are looked at again. d1 met both, so it is shared: it is attached to ann, whom it met first, and the edge
    bob–d1 is refused. d2 is a person of its own.
    """
    count = encoded.ids.height
    a, b = edges["a"].to_numpy(), edges["b"].to_numpy()
    forced, explicit = edges["forced"].to_numpy(), edges["trust"].to_numpy() < len(encoded.types) ** 2
    limits = MergeLimits([rules.limit(name) for name in encoded.types], rules.max_ids)
    identifying = encoded.flag_identifying_types(rules)
    crowd = _find_crowds(encoded, a, b, rules=rules)
    usable = ~(crowd[a] | crowd[b])
    owner = find_components(count, a[usable], b[usable])
    shared = crowd
    conflicting = _violates_limits(owner, rank=encoded.rank, limits=limits)
    trim = rules.overflow_policy == "trim"
    if conflicting.any():
        again = conflicting[owner]
        resolve = _resolve_conflicts_by_row if trim else _resolve_conflicts
        near = edges.filter(pl.Series(usable & again[a]))
        owner, several = resolve(
            encoded, near, owner=owner, again=again, crowd=crowd, identifying=identifying, limits=limits, rules=rules
        )
        shared = crowd | several
    known = _flag_known(owner, rank=encoded.rank, identifying=identifying)
    loose = np.zeros(count, dtype=bool)
    owner_events = pl.DataFrame(schema=OWNER_EVENTS)
    if shared.any():
        near = order_edges(edges.filter(pl.Series((shared[a] ^ shared[b]) & ~(forced & usable))), rules=rules)
        if rules.shared == "last":
            # attached to the person whom its events go to; the sort is stable, and equal times keep the order of edges
            near = near.sort("last", descending=True, maintain_order=True)
        ends = (near["a"].to_numpy(), near["b"].to_numpy())
        owner = attach_shared_ids(owner, *ends, shared=shared, known=known, rank=encoded.rank, limits=limits)
        known = _flag_known(owner, rank=encoded.rank, identifying=identifying)
        owner_events = known_owner_events(encoded, owner=owner, known=known, shared=shared, first=trim)
        met = _edges_of_anonymous_rows(encoded, rules=rules) if trim else edges.filter(pl.Series(~explicit))
        found = ids_only_on_shared(met, owner=owner, known=known, shared=shared, crowd=crowd)
        loose[found["owner"].to_numpy()] = True
        loose = loose[owner]
        owner, owner_events = assign_loose_ids(
            found, owner_events, owner=owner, rank=encoded.rank, limits=limits, shared=rules.shared
        )
        known = _flag_known(owner, rank=encoded.rank, identifying=identifying)
    taken = owner[a] == owner[b]
    # an edge over which nothing was joined, though no limit forbids it
    unused = ~explicit & ((shared[a] & loose[b]) | (shared[b] & loose[a]))
    reason = _explain_refusals(
        encoded, a, b, owner=owner, crowd=crowd, shared=shared, unused=unused, taken=taken, limits=limits, rules=rules
    )
    return Clusters(owner, known, shared, crowd, taken, reason, owner_events)


def _edges_of_anonymous_rows(encoded: EncodedIds, *, rules: IdentityRules) -> pl.DataFrame:
    """List the edges of anonymous rows; in other rows, a trimmed identifier was not met by those that stayed."""
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
        may_be = ~np.isin(encoded.rank, exclusive)
        rank_a, rank_b = encoded.rank[a], encoded.rank[b]
        for at in exclusive:
            ends = [(b, a, rank_a == at), (a, b, rank_b == at)]
            many = sum(np.bincount(met[is_user], minlength=crowd.size) for met, _, is_user in ends) > rules.max_users
            many &= may_be
            if not many.any():
                continue
            # an alias may repeat what a row says, so count distinct pairs of those that look like many
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
    again: Flags,
    crowd: Flags,
    identifying: Flags,
    limits: MergeLimits,
    rules: IdentityRules,
) -> tuple[Ints, Flags]:
    """Cluster the members of conflicting components anew: shared identifiers carry no row edge, all others in order.

    Returns the owners, and which identifiers several known people share. An identifier may turn out to be shared only
    after a refusal, so the components are formed until no more are found.
    """
    ordered = order_edges(edges, rules=rules)
    members, rank, (a, b) = _renumber_edges(ordered, again=again, rank=encoded.rank)
    forced, explicit = ordered["forced"].to_numpy(), ordered["trust"].to_numpy() < len(encoded.types) ** 2
    shared = crowd[members].copy()
    if rules.exclusive and rules.shared != "keep":
        shared |= met_by_several_users(rank, a, b, forced=forced, exclusive=identifying)
    while True:
        carries = forced | explicit | ~(shared[a] | shared[b])
        mine = find_components(members.size, a[carries], b[carries])
        over = _violates_limits(mine, rank=rank, limits=limits)
        if over.any():
            rest = carries & over[mine[a]]
            mine = _union_in_order(
                mine, a[rest], b[rest], forced=forced[rest], again=over[mine], rank=rank, limits=limits
            )
        known = _flag_known(mine, rank=rank, identifying=identifying)
        more = shared_by_several(mine, a, b, rank=rank, known=known, shared=shared, identifying=identifying)
        if not more.any() or rules.shared == "keep":
            break
        shared |= more
    resolved, several = owner.copy(), np.zeros(owner.size, dtype=bool)
    resolved[members], several[members] = members[mine], shared
    return resolved, several


def _renumber(again: Flags) -> tuple[Ints, Ints]:
    """Number the flagged codes by themselves: the codes, and the number at the place of each; -1 for others."""
    members = np.flatnonzero(again)
    place = np.full(again.size, -1, dtype=np.int64)
    place[members] = np.arange(members.size)
    return members, place


def _renumber_edges(edges: pl.DataFrame, *, again: Flags, rank: Ints) -> tuple[Ints, Ints, tuple[Ints, Ints]]:
    """Number the flagged codes by themselves: the codes, their ranks, and the ends of edges between them."""
    members, place = _renumber(again)
    return members, rank[members], (place[edges["a"].to_numpy()], place[edges["b"].to_numpy()])


def _union_in_order(
    owner: Ints, a: Ints, b: Ints, *, forced: Flags, again: Flags, rank: Ints, limits: MergeLimits
) -> Ints:
    """Join the flagged codes edge by edge, in the order of the edges, within the limits."""
    members, place = _renumber(again)
    forest = UnionFind(rank[members], limits=limits.limits, max_ids=limits.max_ids)
    for one, other, force in zip(place[a].tolist(), place[b].tolist(), forced.tolist(), strict=True):
        forest.union([one, other], force=force)
    joined = owner.copy()
    joined[members] = members[label_by_smallest(forest.roots())]
    return joined


def _resolve_conflicts_by_row(
    encoded: EncodedIds,
    edges: pl.DataFrame,
    *,
    owner: Ints,
    again: Flags,
    crowd: Flags,
    identifying: Flags,
    limits: MergeLimits,
    rules: IdentityRules,
) -> tuple[Ints, Flags]:
    """Cluster the members of conflicting components row by row, dropping the least trusted identifier that overflows.

    With one user_id per person: row (ann, d1) joins both; row (bob, d1) would make two users one person, so d1 is
    dropped from it and bob stays alone. Returns the owners, and which identifiers several known people share.
    """
    members, place = _renumber(again)
    forest = UnionFind(encoded.rank[members], limits=limits.limits, max_ids=limits.max_ids)
    explicit = edges.filter(pl.col("kind").cast(pl.String) != "row")
    first = np.r_[encoded.seen["first"].to_numpy(), explicit["first"].to_numpy()]
    width = len(encoded.types)
    pairs = np.full((explicit.height, width), -1, dtype=np.int64)
    if explicit.height:
        pairs[:, :2] = explicit.select("a", "b").to_numpy()
    rows = np.concatenate([encoded.combinations.astype(np.int64), pairs])
    force = np.r_[np.zeros(encoded.combinations.shape[0], dtype=bool), explicit["forced"].to_numpy()]
    touched = np.flatnonzero(((rows >= 0) & again[rows]).any(axis=1))
    # ties in time go to the more trusted and smaller identifiers, as everywhere
    order = touched[np.lexsort((*rows[touched].T[::-1], ~force[touched], first[touched]))]
    for row, push in zip(rows[order].tolist(), force[order].tolist(), strict=True):
        forest.union_trimmed([int(place[code]) for code in row if code >= 0 and not crowd[code]], force=push)
    resolved, several = owner.copy(), np.zeros(owner.size, dtype=bool)
    mine = label_by_smallest(forest.roots())
    _, rank, (a, b) = _renumber_edges(edges, again=again, rank=encoded.rank)
    known = _flag_known(mine, rank=rank, identifying=identifying)
    shared = crowd[members].copy()
    if rules.shared != "keep":
        shared |= shared_by_several(mine, a, b, rank=rank, known=known, shared=shared, identifying=identifying)
        by_row = edges["trust"].to_numpy() >= width**2
        mine = detach_loose_ids(mine, a, b, by_row=by_row, shared=shared, stays=identifying[rank] | shared)
    resolved[members], several[members] = members[mine], shared
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
    open_ = np.ones(refused.size, dtype=bool)

    def explain(why: str, which: Flags) -> None:
        number[which] = words.setdefault(why, len(words))
        open_[which] = False

    for at, limit in enumerate(limits.limits):
        if limit is not None:
            held = np.bincount(owner[encoded.rank == at], minlength=owner.size)
            name = encoded.types[at]
            over = (held[left] > 0) & (held[right] > 0) & (held[left] + held[right] > limit)
            explain(f"two values of {name}" if limit == 1 else f"more than {limit} values of {name}", over & open_)
    if limits.max_ids is not None:
        size = np.bincount(owner, minlength=owner.size)
        explain(many, (size[left] + size[right] > limits.max_ids) & open_)
    if not trim:
        explain(several, (shared[a[refused]] | shared[b[refused]]) & open_)
    explain(several, unused[refused])
    explain("shared by a crowd", crowd[a[refused]] | crowd[b[refused]])
    names = pl.Enum(list(words))
    reason = pl.Series("reason", [None], dtype=names).new_from_index(0, a.size)
    refusals = pl.Series(number).cat.to(names)
    return reason.scatter(pl.Series(refused.astype(np.uint32)), refusals) if refused.size else reason
