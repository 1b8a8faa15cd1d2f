"""Identifiers of several people: which they are, who was known on them when, and whose is what was seen only there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.coding import Coded, Part
from journeys.identity.forest import components, smallest
from journeys.identity.rules import IdentityRules

__all__ = [
    "MOMENTS",
    "NOBODY",
    "NONE",
    "SHARED",
    "Room",
    "adopt",
    "find_loose",
    "first_shared",
    "give",
    "met_by_several",
    "name_somebody",
    "naming_types",
    "nearest",
    "of_several",
    "owners_of",
    "see",
    "set_loose",
]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Room(NamedTuple):
    """What one person may have: most values of each type, and most identifiers."""

    limits: Sequence[int | None]
    max_ids: int | None


NOBODY = -1
SHARED = -2
NONE = -9
MOMENTS = {"code": pl.Int64, "time": pl.Int64, "owner": pl.Int64}


def met_by_several(rank: Ints, a: Ints, b: Ints, *, forced: Flags, exclusive: Flags) -> Flags:
    """Flag what was seen together with two users, unless an explicit link says that they are one person."""
    person = components(rank.size, a[forced], b[forced])
    several = np.zeros(rank.size, dtype=bool)
    for at in np.flatnonzero(exclusive):
        ends = [(one[named], other[named]) for one, other in ((a, b), (b, a)) for named in [rank[one] == at]]
        user, met = (np.concatenate(one) for one in zip(*ends, strict=True))
        pairs = np.unique(met * rank.size + person[user])
        several |= np.bincount(pairs // max(rank.size, 1), minlength=rank.size) > 1
    return several & ~exclusive[rank]


def of_several(owner: Ints, a: Ints, b: Ints, *, rank: Ints, known: Flags, shared: Flags, naming: Flags) -> Flags:
    """Flag what links of two known people meet on: the less trusted end of each, unless it names somebody.

    A link of what is shared says nothing of its other end.
    """
    refused = (owner[a] != owner[b]) & known[a] & known[b] & ~(shared[a] | shared[b])
    refused &= ~naming[rank[b]] & (rank[a] != rank[b])
    a, b = a[refused], b[refused]
    several = np.zeros(owner.size, dtype=bool)
    for at in np.unique(rank[b]):  # the more trusted first, since each says whether the next counts
        several[b[(rank[b] == at) & ~several[a]]] = True
    return several


def set_loose(owner: Ints, a: Ints, b: Ints, *, by_row: Flags, shared: Flags, stays: Flags) -> Ints:
    """Take out of their people those who were reached only over rows with a shared identifier."""
    carries = (owner[a] == owner[b]) & ~(by_row & (shared[a] | shared[b]))
    part = components(owner.size, a[carries], b[carries])
    held = np.zeros(owner.size, dtype=bool)
    held[part[stays]] = True
    reached = np.zeros(owner.size, dtype=bool)
    reached[owner[shared]] = True
    loose = ~held[part] & reached[owner]
    _, label = np.unique(np.where(loose, 2 * part, 2 * owner + 1), return_inverse=True)
    return smallest(label)


def adopt(owner: Ints, a: Ints, b: Ints, *, shared: Flags, known: Flags, rank: Ints, room: Room) -> Ints:
    """Let each shared identifier stand with the known person of its first link who has room; it links no further."""
    codes, others = np.where(shared[b], b, a), np.where(shared[b], a, b)
    good = known[others] & ~known[codes]
    placed = _place(owner[codes[good]], owner[others[good]], owner=owner, rank=rank, room=room)
    return smallest(placed[owner])


def _place(ones: Ints, homes: Ints, *, owner: Ints, rank: Ints, room: Room) -> Ints:
    """Send each of some people, in turn, to the first home offered that has room: the new owner of each owner."""
    moved = np.arange(owner.size)
    held = [
        (np.bincount(owner[rank == at], minlength=owner.size), limit) for at, limit in enumerate(room.limits) if limit
    ]
    held += [(np.bincount(owner, minlength=owner.size), room.max_ids)] if room.max_ids else []
    full = [(count, limit) for count, limit in held if count[ones].any()]
    if not full:
        one, first = np.unique(ones, return_index=True)
        moved[one] = homes[first]
        return moved
    for one, home in zip(ones.tolist(), homes.tolist(), strict=True):
        if moved[one] == one and all(
            not count[one] or count[one] + count[home] <= limit or not count[home] for count, limit in full
        ):
            moved[one] = home
            for count, _ in full:
                count[home] += count[one]
    return moved


def find_loose(links: pl.DataFrame, *, owner: Ints, known: Flags, shared: Flags, crowd: Flags) -> pl.DataFrame:
    """List those who name nobody and were seen on an identifier of several people: where and when first.

    Returns
    -------
    pl.DataFrame
        `owner`, `code` (the shared identifier), `time` (µs); one row an owner, sorted by time and owner.
    """
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    several = shared & ~crowd
    over = (several[a] & ~(shared[b] | known[b])) | (several[b] & ~(shared[a] | known[a]))
    a, b = a[over], b[over]
    met = pl.DataFrame(
        {
            "owner": owner[np.where(several[b], a, b)],
            "code": np.where(several[b], b, a),
            "time": links["first"].to_numpy()[over],
        },
        schema={"owner": pl.Int64, "code": pl.Int64, "time": pl.Int64},
    )
    return met.sort("time", "code", "owner").unique("owner", keep="first", maintain_order=True).sort("time", "owner")


def give(
    found: pl.DataFrame, moments: pl.DataFrame, *, owner: Ints, rank: Ints, room: Room, shared: str
) -> tuple[Ints, pl.DataFrame]:
    """Make those who were found loose part of the person whom the rule gives at their first moment.

    Who would not fit by a limit stays apart, the later ones rather than the earlier. Returns the owners, and the
    moments with them.
    """
    if not found.height or shared == "drop":
        return owner, moments
    loose, given = found["owner"].to_numpy(), nearest(moments, found, shared=shared)
    good = given >= 0
    owner = smallest(_place(loose[good], given[good], owner=owner, rank=rank, room=room)[owner])
    return owner, moments.with_columns(pl.Series("owner", owner[moments["owner"].to_numpy()]))


def see(coded: Coded, *, owner: Ints, known: Flags, shared: Flags, first: bool) -> pl.DataFrame:
    """List when somebody was known on a shared identifier: by a row that says so without it, or an explicit link.

    Returns
    -------
    pl.DataFrame
        `code`, `time` (µs), `owner`; distinct, and sorted so.
    """
    whose, _ = owners_of(coded, owner=owner, shared=shared, first=first)
    named = whose >= 0
    named[named] = known[whose[named]]
    named &= first_shared(coded, shared=shared) >= 0
    seen = [_told_moments(coded.links, owner=owner, known=known, shared=shared)]
    for part in coded.parts:
        rows = np.flatnonzero(named[part.combination])
        seen.append(_moments(coded, part=part, rows=rows, owner=whose, shared=shared))
    return pl.concat(seen).unique().sort("code", "time", "owner")


def _told_moments(links: pl.DataFrame, *, owner: Ints, known: Flags, shared: Flags) -> pl.DataFrame:
    """List who was known when on the shared end of an explicit link."""
    a, b = links["a"].to_numpy(), links["b"].to_numpy()
    code, other = np.where(shared[b], b, a), np.where(shared[b], a, b)
    says = shared[code] & ~shared[other] & known[other]
    moment = {"code": code[says], "time": links["first"].to_numpy()[says], "owner": owner[other[says]]}
    return pl.DataFrame(moment, schema=MOMENTS)


def _moments(coded: Coded, *, part: Part, rows: Ints, owner: Ints, shared: Flags) -> pl.DataFrame:
    """List who was known when, on each shared identifier of these rows."""
    combination, time = part.combination[rows], part.time[rows]
    found = []
    for at in range(len(coded.types)):
        code = coded.combinations[combination, at]
        there = (code >= 0) & shared[code]
        moment = {"code": code[there].astype(np.int64), "time": time[there], "owner": owner[combination[there]]}
        found.append(pl.DataFrame(moment))
    return pl.concat(found)


def owners_of(coded: Coded, *, owner: Ints, shared: Flags, first: bool) -> tuple[Ints, Ints]:
    """Return the owner of each combination, and the shared identifier by which one without owner is decided.

    It is owned by its most trusted identifier that is not shared; `first`: by its most trusted one, or by nobody.
    """
    count = coded.combinations.shape[0]
    whose = np.full(count, NOBODY, dtype=np.int64)
    on = np.full(count, -1, dtype=np.int64)
    ranks = range(len(coded.types) if coded.ids.height else 0)
    if not shared.any():
        for at in reversed(ranks):
            code = coded.combinations[:, at]
            whose = np.where(code >= 0, owner.take(code, mode="wrap"), whose)
        return whose, on
    for at in ranks:
        code = coded.combinations[:, at]
        there = (code >= 0) & (whose == NOBODY)
        there &= (on < 0) | (not first)
        several = there & shared[code]
        own = there & ~several
        whose[own] = owner[code[own]]
        new = several & (on < 0)
        on[new] = code[new]
    on[whose != NOBODY] = -1
    return whose, on


def naming_types(coded: Coded, *, rules: IdentityRules) -> Flags:
    """Flag the types that name people."""
    return np.array([name in rules.naming for name in coded.types], dtype=bool)


def name_somebody(coded: Coded, *, naming: Flags) -> Flags:
    """Flag the combinations with an identifier of a type that names people."""
    named = np.zeros(coded.combinations.shape[0], dtype=bool)
    # by the code, not the column: what was told as a user's id may mean somebody nameless; the last says of none
    says = np.append(naming[coded.rank], False)
    for at in range(len(coded.types)):
        named |= says[coded.combinations[:, at]]
    return named


def first_shared(coded: Coded, *, shared: Flags) -> Ints:
    """Return the most trusted shared identifier of each combination, -1 where there is none."""
    on = np.full(coded.combinations.shape[0], -1, dtype=np.int64)
    for at in range(len(coded.types) if coded.ids.height else 0):
        code = coded.combinations[:, at]
        first = (code >= 0) & (on < 0) & shared[code]
        on[first] = code[first]
    return on


def nearest(moments: pl.DataFrame, queries: pl.DataFrame, *, shared: str) -> Ints:
    """Return for each query the owner of the moment that the rule points at, `NONE` where there is none.

    Two people known on one identifier at one moment: the one with the smaller identifier counts, so that
    the order of the input decides nothing.
    """
    if shared == "drop":
        return np.where(queries["code"].is_in(moments["code"].unique().implode()).to_numpy(), SHARED, NONE)
    if shared == "keep" or not moments.height:
        return np.full(queries.height, NONE, dtype=np.int64)
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
    given = np.full(queries.height, NONE, dtype=np.int64)
    for place in choices:
        safe = np.clip(place, 0, there.size - 1)
        hit = (given == NONE) & (place >= 0) & (place < there.size) & (where[safe] == asked_code)
        given[hit] = who[safe[hit]]
    return given
