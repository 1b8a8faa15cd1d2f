"""Links → people: connected components where nothing disagrees, link after link where something does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.coding import Coded
from journeys.identity.links import in_order
from journeys.identity.rules import IdentityRules

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
        For each code whether its person has a value of an exclusive type.
    shared : np.ndarray
        Whether the identifier was met by several people, so that its own events are shared out by time.
    crowd : np.ndarray
        Whether the identifier links nothing: a shared mailbox, or one that meets too many users.
    taken : np.ndarray
        For each link whether it holds: both ends are one person, and it was not a crowd's.
    reason : pl.Series
        Why each other link was refused.
    """

    owner: Ints
    known: Flags
    shared: Flags
    crowd: Flags
    taken: Flags
    reason: pl.Series


def cluster(coded: Coded, links: pl.DataFrame, *, rules: IdentityRules) -> Clusters:
    """Join identifiers along the links, in their order, refusing what the rules do not allow."""
    count = coded.ids.height
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    forced = links["forced"].to_numpy()
    limits = [rules.limit(name) for name in coded.types]
    crowd = _crowds(coded, a, b, rules=rules)
    usable = ~(crowd[a] | crowd[b]) | forced
    trim = rules.rows == "trim"
    owner = _components(count, a[usable], b[usable])
    unruly = _breaks(owner, rank=coded.rank, limits=limits, max_ids=rules.max_ids)
    if unruly.any():
        again = unruly[owner]
        if trim:
            owner = _settle_rows(coded, links, owner=owner, again=again, crowd=crowd, limits=limits, rules=rules)
        else:
            sorted_links = in_order(links.filter(pl.Series(usable & again[a])), rules=rules)
            owner = _settle(owner, sorted_links, again=again, rank=coded.rank, limits=limits, max_ids=rules.max_ids)
    exclusive = np.array(
        [limit == 1 and name in rules.exclusive for name, limit in zip(coded.types, limits, strict=True)], dtype=bool
    )
    known = np.zeros(count, dtype=bool)
    if count and exclusive.any():
        known[owner[exclusive[coded.rank]]] = True
    if crowd.any():
        near = in_order(links.filter(pl.Series((crowd[a] ^ crowd[b]) & ~forced)), rules=rules)
        owner = _adopt(owner, crowd=crowd, known=known, a=near["a"].to_numpy(), b=near["b"].to_numpy())
    known = known[owner]
    taken = owner[a] == owner[b]
    refused = np.flatnonzero(~taken & ~crowd[a] & ~crowd[b])
    shared = crowd.copy()
    if refused.size:
        less = b[refused]  # codes order by trust, so b is the less trusted end
        free = ~exclusive[coded.rank[less]] & (coded.rank[a[refused]] != coded.rank[less])
        shared[less[free]] = True
    reason = _reasons(coded, owner=owner, crowd=crowd, a=a, b=b, taken=taken, limits=limits, rules=rules)
    return Clusters(owner, known, shared, crowd, taken, reason)


def _components(count: int, a: Ints, b: Ints) -> Ints:
    """Return for each code the smallest code of its connected component."""
    if not a.size:
        return np.arange(count, dtype=np.int64)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = (a.astype(np.int32), b.astype(np.int32))
    graph = coo_array((np.ones(a.size, dtype=np.int8), ends), shape=(count, count)).tocsr()
    _, label = connected_components(graph, directed=False)
    return _smallest(label.astype(np.int64))


def _smallest(label: Ints) -> Ints:
    """Rename each group to its smallest member; the labels are whole numbers below the number of members."""
    first = np.zeros(label.size, dtype=np.int64)
    first[label[::-1]] = np.arange(label.size - 1, -1, -1)
    return first[label]


def _crowds(coded: Coded, a: Ints, b: Ints, *, rules: IdentityRules) -> Flags:
    """Flag identifiers that link nothing: shared mailboxes, and those that meet more users than one has."""
    crowd = np.zeros(coded.ids.height, dtype=bool)
    if rules.mailboxes and not rules.hash_emails:
        pattern = "|".join(f"(?:{one})" for one in rules.mailboxes)
        for at in (at for at, name in enumerate(coded.types) if name in rules.emails):
            first, last = np.searchsorted(coded.rank, [at, at + 1])  # codes order by trust
            crowd[first:last] = coded.ids["id"][first:last].str.contains(pattern).to_numpy()
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
    owner: Ints,
    links: pl.DataFrame,
    *,
    again: Flags,
    rank: Ints,
    limits: Sequence[int | None],
    max_ids: int | None,
) -> Ints:
    """Join the members of unruly components link by link."""
    members = np.flatnonzero(again)
    place = np.full(owner.size, -1, dtype=np.int64)
    place[members] = np.arange(members.size)
    forest = _Forest(rank[members], limits=limits, max_ids=max_ids)
    left, right = (place[links[end].to_numpy()].tolist() for end in "ab")
    for one, other, force in zip(left, right, links["forced"], strict=True):
        forest.join([one, other], force=force)
    settled = owner.copy()
    settled[members] = members[_smallest(forest.roots())]
    return settled


def _settle_rows(
    coded: Coded,
    links: pl.DataFrame,
    *,
    owner: Ints,
    again: Flags,
    crowd: Flags,
    limits: Sequence[int | None],
    rules: IdentityRules,
) -> Ints:
    """Join the members of unruly components row by row; what does not fit loses its least trusted identifier."""
    members = np.flatnonzero(again)
    place = np.full(owner.size, -1, dtype=np.int64)
    place[members] = np.arange(members.size)
    forest = _Forest(coded.rank[members], limits=limits, max_ids=rules.max_ids)
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
        forest.trim([int(place[code]) for code in row if code >= 0 and (push or not crowd[code])], force=push)
    settled = owner.copy()
    settled[members] = members[_smallest(forest.roots())]
    return settled


class _Forest:
    """Union-find that knows what each group holds, without recursion."""

    __slots__ = ("_held", "_limits", "_max_ids", "_parent", "_size")

    def __init__(self, rank: Ints, *, limits: Sequence[int | None], max_ids: int | None) -> None:
        self._parent = list(range(rank.size))
        self._size = [1] * rank.size
        self._max_ids = max_ids
        limited = [(at, limit) for at, limit in enumerate(limits) if limit is not None]
        self._limits = [limit for _, limit in limited]
        self._held = [(rank == at).astype(int).tolist() for at, _ in limited]

    def _root(self, code: int) -> int:
        parent = self._parent
        while parent[code] != code:
            parent[code] = parent[parent[code]]
            code = parent[code]
        return code

    def join(self, codes: list[int], *, force: bool) -> bool:
        """Make one group of those that hold the codes, if it fits or must be; say whether they are one."""
        roots = list(dict.fromkeys(map(self._root, codes)))
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

    def trim(self, codes: list[int], *, force: bool) -> None:
        """Join as many of the codes as fit, leaving out from the end."""
        while len(codes) > 1 and not self.join(codes, force=force):
            codes = codes[:-1]

    def roots(self) -> Ints:
        """Return the group of each code."""
        return np.array([self._root(code) for code in range(len(self._parent))], dtype=np.int64)


def _adopt(owner: Ints, *, crowd: Flags, known: Flags, a: Ints, b: Ints) -> Ints:
    """Give each crowd's identifier that met known people to the one of its first link; it carries no link further."""
    codes, others = np.where(crowd[b], b, a), np.where(crowd[b], a, b)
    alone = np.bincount(owner, minlength=owner.size)[owner] == 1
    good = known[owner[others]] & alone[codes]
    codes, first = np.unique(codes[good], return_index=True)
    adopted = owner.copy()
    adopted[codes] = owner[others[good][first]]
    return _smallest(adopted)


def _reasons(
    coded: Coded,
    *,
    owner: Ints,
    crowd: Flags,
    a: Ints,
    b: Ints,
    taken: Flags,
    limits: Sequence[int | None],
    rules: IdentityRules,
) -> pl.Series:
    """Say why each link that does not hold was refused."""
    refused = np.flatnonzero(~taken)
    left, right = owner[a[refused]], owner[b[refused]]
    words = ["left out with a less trusted identifier"]
    number = np.zeros(refused.size, dtype=np.int64)
    for at, limit in enumerate(limits):
        if limit is not None:
            held = np.bincount(owner[coded.rank == at], minlength=owner.size)
            over = (held[left] > 0) & (held[right] > 0) & (held[left] + held[right] > limit) & (number == 0)
            number[over] = len(words)
            name = coded.types[at]
            words.append(f"two values of {name}" if limit == 1 else f"more than {limit} values of {name}")
    if rules.max_ids is not None:
        number[number == 0] = len(words)
        words.append(f"more than {rules.max_ids} identifiers")
    number[crowd[a[refused]] | crowd[b[refused]]] = len(words)
    words.append("shared by a crowd")
    place = np.full(a.size, len(words), dtype=np.int64)
    place[refused] = number
    return pl.Series("reason", [*words, None], dtype=pl.String).gather(place)
