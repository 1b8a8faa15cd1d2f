"""Links → people: connected components where nothing disagrees, link after link where something does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.coding import Coded
from journeys.identity.forest import Forest, components, smallest
from journeys.identity.links import in_order, list_links
from journeys.identity.rules import IdentityRules
from journeys.identity.sharing import (
    MOMENTS,
    Room,
    adopt,
    find_loose,
    give,
    met_by_several,
    name_somebody,
    naming_types,
    of_several,
    see,
    set_loose,
)

__all__ = ["Clusters", "cluster"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Clusters:
    """Who is who among the identifier codes.

    Attributes
    ----------
    owner : np.ndarray
        For each code the smallest code of its person.
    known : np.ndarray
        For each code whether its person has an identifier that names somebody.
    shared : np.ndarray
        Whether the identifier was met by several known people, or is a crowd's: its own events are shared out by time.
    crowd : np.ndarray
        Whether the identifier links nothing: a shared mailbox, or one that meets too many users.
    taken : np.ndarray
        For each link whether both its ends are one person.
    reason : pl.Series
        Why each other link was refused.
    moments : pl.DataFrame
        `code`, `time` (µs), `owner`: when somebody was known on a shared identifier without it.
    """

    owner: Ints
    known: Flags
    shared: Flags
    crowd: Flags
    taken: Flags
    reason: pl.Series
    moments: pl.DataFrame


def cluster(coded: Coded, links: pl.DataFrame, *, rules: IdentityRules) -> Clusters:
    """Join identifiers along the links, in their order, refusing what the rules do not allow."""
    count = coded.ids.height
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    forced, told = links["forced"].to_numpy(), links["trust"].to_numpy() < len(coded.types) ** 2
    limits = [rules.limit(name) for name in coded.types]
    naming = naming_types(coded, rules=rules)
    crowd = _crowds(coded, a, b, rules=rules)
    usable = ~(crowd[a] | crowd[b])
    owner = components(count, a[usable], b[usable])
    shared = crowd
    unruly = _breaks(owner, rank=coded.rank, limits=limits, max_ids=rules.max_ids)
    if unruly.any():
        again = unruly[owner]
        settle = _settle_rows if rules.rows == "trim" else _settle
        near = links.filter(pl.Series(usable & again[a]))
        owner, several = settle(
            coded, near, owner=owner, again=again, crowd=crowd, naming=naming, limits=limits, rules=rules
        )
        shared = crowd | several
    known = _known(owner, rank=coded.rank, naming=naming)
    loose = np.zeros(count, dtype=bool)
    moments = pl.DataFrame(schema=MOMENTS)
    if shared.any():
        near = in_order(links.filter(pl.Series((shared[a] ^ shared[b]) & ~(forced & usable))), rules=rules)
        if rules.shared == "last":
            # stands with whom its events go to; the sort is stable, and equal times keep the order of the links
            near = near.sort("last", descending=True, maintain_order=True)
        ends = (near["a"].to_numpy(), near["b"].to_numpy())
        room = Room(limits, rules.max_ids)
        owner = adopt(owner, *ends, shared=shared, known=known, rank=coded.rank, room=room)
        known = _known(owner, rank=coded.rank, naming=naming)
        trim = rules.rows == "trim"
        moments = see(coded, owner=owner, known=known, shared=shared, first=trim)
        met = _nameless(coded, naming=naming, rules=rules) if trim else links.filter(pl.Series(~told))
        found = find_loose(met, owner=owner, known=known, shared=shared, crowd=crowd)
        loose[found["owner"].to_numpy()] = True
        loose = loose[owner]
        owner, moments = give(found, moments, owner=owner, rank=coded.rank, room=room, shared=rules.shared)
        known = _known(owner, rank=coded.rank, naming=naming)
    taken = owner[a] == owner[b]
    # a link over which nobody was joined, though nothing forbids it
    vain = ~told & ((shared[a] & loose[b]) | (shared[b] & loose[a]))
    reason = _reasons(
        coded, owner=owner, crowd=crowd, shared=shared, vain=vain, a=a, b=b, taken=taken, limits=limits, rules=rules
    )
    return Clusters(owner, known, shared, crowd, taken, reason, moments)


def _nameless(coded: Coded, *, naming: Flags, rules: IdentityRules) -> pl.DataFrame:
    """List the links of rows that name nobody: in the others, what was left out is not met by what stayed."""
    rows = ~name_somebody(coded, naming=naming)
    rest = replace(
        coded, combinations=coded.combinations[rows], seen=coded.seen.filter(pl.Series(rows)), links=coded.links.clear()
    )
    return list_links(rest, rules=rules)


def _known(owner: Ints, *, rank: Ints, naming: Flags) -> Flags:
    """Flag the codes whose person has an identifier that names somebody."""
    known = np.zeros(owner.size, dtype=bool)
    if owner.size and naming.any():
        known[owner[naming[rank]]] = True
    return known[owner]


def _crowds(coded: Coded, a: Ints, b: Ints, *, rules: IdentityRules) -> Flags:
    """Flag identifiers that link nothing: shared mailboxes, and those that meet more users than one has."""
    crowd = coded.ids["mailbox"].to_numpy().copy()
    if rules.max_users is not None:
        exclusive = [at for at, name in enumerate(coded.types) if name in rules.exclusive]
        may_be = ~np.isin(coded.rank, exclusive)
        rank_a, rank_b = coded.rank[a], coded.rank[b]
        for at in exclusive:
            ends = [(b, a, rank_a == at), (a, b, rank_b == at)]
            many = sum(np.bincount(met[named], minlength=crowd.size) for met, _, named in ends) > rules.max_users
            many &= may_be
            if not many.any():
                continue
            # an alias may repeat what a row says, so count once more, distinct, those that look like many
            picked = [(met[named & many[met]], user[named & many[met]]) for met, user, named in ends]
            pairs = pl.concat([pl.DataFrame({"met": met, "user": user}) for met, user in picked]).unique()
            crowd |= np.bincount(pairs["met"].to_numpy(), minlength=crowd.size) > rules.max_users
    return crowd


def _breaks(owner: Ints, *, rank: Ints, limits: Sequence[int | None], max_ids: int | None) -> Flags:
    """Flag the components that hold more of something than a person may."""
    unruly = np.zeros(owner.size, dtype=bool)
    for at, limit in enumerate(limits):
        if limit is not None:
            unruly |= np.bincount(owner[rank == at], minlength=owner.size) > limit
    if max_ids is not None:
        unruly |= np.bincount(owner, minlength=owner.size) > max_ids
    return unruly


def _settle(
    coded: Coded,
    links: pl.DataFrame,
    *,
    owner: Ints,
    again: Flags,
    crowd: Flags,
    naming: Flags,
    limits: Sequence[int | None],
    rules: IdentityRules,
) -> tuple[Ints, Flags]:
    """Join the members of unruly components anew: what several people share carries no link, the rest does in order.

    Returns the owners, and which identifiers several known people share.
    """
    ordered = in_order(links, rules=rules)
    members, rank, (a, b) = _apart(ordered, again=again, rank=coded.rank)
    forced, told = ordered["forced"].to_numpy(), ordered["trust"].to_numpy() < len(coded.types) ** 2
    shared = crowd[members].copy()
    if rules.exclusive and rules.shared != "keep":
        shared |= met_by_several(rank, a, b, forced=forced, exclusive=naming)
    while True:
        carries = forced | told | ~(shared[a] | shared[b])
        mine = components(members.size, a[carries], b[carries])
        unruly = _breaks(mine, rank=rank, limits=limits, max_ids=rules.max_ids)
        if unruly.any():
            rest = carries & unruly[mine[a]]
            mine = _one_by_one(
                mine, a[rest], b[rest], forced=forced[rest], again=unruly[mine], rank=rank, limits=limits, rules=rules
            )
        known = _known(mine, rank=rank, naming=naming)
        more = of_several(mine, a, b, rank=rank, known=known, shared=shared, naming=naming)
        if not more.any() or rules.shared == "keep":
            break
        shared |= more
    settled, several = owner.copy(), np.zeros(owner.size, dtype=bool)
    settled[members], several[members] = members[mine], shared
    return settled, several


def _numbered(again: Flags) -> tuple[Ints, Ints]:
    """Number the flagged codes by themselves: the codes, and the number at the place of each; −1 for others."""
    members = np.flatnonzero(again)
    place = np.full(again.size, -1, dtype=np.int64)
    place[members] = np.arange(members.size)
    return members, place


def _apart(links: pl.DataFrame, *, again: Flags, rank: Ints) -> tuple[Ints, Ints, tuple[Ints, Ints]]:
    """Number some codes by themselves: the codes, their ranks, and the ends of links between them."""
    members, place = _numbered(again)
    return members, rank[members], (place[links["a"].to_numpy()], place[links["b"].to_numpy()])


def _one_by_one(
    owner: Ints,
    a: Ints,
    b: Ints,
    *,
    forced: Flags,
    again: Flags,
    rank: Ints,
    limits: Sequence[int | None],
    rules: IdentityRules,
) -> Ints:
    """Join the flagged codes link by link, in the order of the links."""
    members, place = _numbered(again)
    forest = Forest(rank[members], limits=limits, max_ids=rules.max_ids)
    for one, other, force in zip(place[a].tolist(), place[b].tolist(), forced.tolist(), strict=True):
        forest.join([one, other], force=force)
    settled = owner.copy()
    settled[members] = members[smallest(forest.roots())]
    return settled


def _settle_rows(
    coded: Coded,
    links: pl.DataFrame,
    *,
    owner: Ints,
    again: Flags,
    crowd: Flags,
    naming: Flags,
    limits: Sequence[int | None],
    rules: IdentityRules,
) -> tuple[Ints, Flags]:
    """Join the members of unruly components row by row; what does not fit loses its least trusted identifier.

    Returns the owners, and which identifiers several known people share.
    """
    members, place = _numbered(again)
    forest = Forest(coded.rank[members], limits=limits, max_ids=rules.max_ids)
    told = links.filter(pl.col("kind").cast(pl.String) != "row")
    first = np.r_[coded.seen["first"].to_numpy(), told["first"].to_numpy()]
    width = len(coded.types)
    pairs = np.full((told.height, width), -1, dtype=np.int64)
    if told.height:
        pairs[:, :2] = told.select("a", "b").to_numpy()
    rows = np.concatenate([coded.combinations.astype(np.int64), pairs])
    force = np.r_[np.zeros(coded.combinations.shape[0], dtype=bool), told["forced"].to_numpy()]
    touched = np.flatnonzero(((rows >= 0) & again[rows]).any(axis=1))
    # ties in time go to the more trusted and smaller identifiers, as everywhere
    order = touched[np.lexsort((*rows[touched].T[::-1], ~force[touched], first[touched]))]
    for row, push in zip(rows[order].tolist(), force[order].tolist(), strict=True):
        forest.trim([int(place[code]) for code in row if code >= 0 and not crowd[code]], force=push)
    settled, several = owner.copy(), np.zeros(owner.size, dtype=bool)
    mine = smallest(forest.roots())
    _, rank, (a, b) = _apart(links, again=again, rank=coded.rank)
    known = _known(mine, rank=rank, naming=naming)
    shared = crowd[members].copy()
    if rules.shared != "keep":
        shared |= of_several(mine, a, b, rank=rank, known=known, shared=shared, naming=naming)
        by_row = links["trust"].to_numpy() >= width**2
        mine = set_loose(mine, a, b, by_row=by_row, shared=shared, stays=naming[rank] | shared)
    settled[members], several[members] = members[mine], shared
    return settled, several


def _reasons(
    coded: Coded,
    *,
    owner: Ints,
    crowd: Flags,
    shared: Flags,
    vain: Flags,
    a: Ints,
    b: Ints,
    taken: Flags,
    limits: Sequence[int | None],
    rules: IdentityRules,
) -> pl.Series:
    """Say why each link that does not hold was refused."""
    refused = np.flatnonzero(~taken)
    left, right = owner[a[refused]], owner[b[refused]]
    several, many = "over an identifier of several people", f"more than {rules.max_ids} identifiers"
    plain = "left out with a less trusted identifier" if rules.rows == "trim" else many if rules.max_ids else several
    words = {plain: 0}
    number = np.zeros(refused.size, dtype=np.uint8)  # most links hold: a byte says so, a text would need sixteen
    unsaid = np.ones(refused.size, dtype=bool)

    def say(why: str, which: Flags) -> None:
        number[which] = words.setdefault(why, len(words))
        unsaid[which] = False

    for at, limit in enumerate(limits):
        if limit is not None:
            held = np.bincount(owner[coded.rank == at], minlength=owner.size)
            name = coded.types[at]
            over = (held[left] > 0) & (held[right] > 0) & (held[left] + held[right] > limit)
            say(f"two values of {name}" if limit == 1 else f"more than {limit} values of {name}", over & unsaid)
    if rules.max_ids is not None:
        size = np.bincount(owner, minlength=owner.size)
        say(many, (size[left] + size[right] > rules.max_ids) & unsaid)
    if rules.rows == "pairs":
        say(several, (shared[a[refused]] | shared[b[refused]]) & unsaid)
    say(several, vain[refused])
    say("shared by a crowd", crowd[a[refused]] | crowd[b[refused]])
    names = pl.Enum(list(words))
    reason = pl.Series("reason", [None], dtype=names).new_from_index(0, a.size)
    told = pl.Series(number).cat.to(names)
    return reason.scatter(pl.Series(refused.astype(np.uint32)), told) if refused.size else reason
