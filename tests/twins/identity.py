"""Stitching in plain loops over a few rows, and the rows as Events."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from journeys.events import Events, build_events
from journeys.events.events import LINK_SCHEMA
from journeys.identity import IdentityRules

Identifier = tuple[str, str]


@dataclass
class Row:
    """One row of one source: seconds since 2026-03-01, identifiers, an event or a fact."""

    time: int
    ids: dict[str, str | None]
    kind: str | None = None
    source: str = "web"


@dataclass
class Alias:
    """An explicit link."""

    a: Identifier
    b: Identifier
    time: int
    kind: str = "alias"


@dataclass
class Twin:
    """What the loops find: the person of each event, of each identifier, and the refused links."""

    people: list[int | None]
    table: dict[Identifier, int]
    refused: set[tuple[Identifier, Identifier]] = field(default_factory=set)


TYPES = ("user_id", "email", "anonymous_id")
START = 1_772_323_200


def as_events(rows: list[Row], *, aliases: list[Alias] | None = None, types=TYPES, name: str = "web") -> Events:
    """Make Events of rows, as a reader would."""
    table = {name: [row.ids.get(name) for row in rows] for name in types}
    frame = pl.DataFrame(table, schema=dict.fromkeys(types, pl.String)).with_columns(
        timestamp=_moments([row.time for row in rows]),
        event=pl.Series([f"e{at}" if row.kind is None else None for at, row in enumerate(rows)], dtype=pl.String),
        _kind=pl.Series([row.kind for row in rows], dtype=pl.String),
    )
    links = pl.DataFrame(
        [(*one.a, *one.b, one.time + START, name, one.kind) for one in aliases or []],
        schema={**LINK_SCHEMA, "timestamp": pl.Int64},
        orient="row",
    ).with_columns((pl.col("timestamp") * 1_000_000).cast(pl.Datetime("us", "UTC")))
    return build_events(frame.lazy(), ids=list(types), name=name, links=lambda _: links.lazy())


def _moments(times: list[int]) -> pl.Series:
    return pl.Series([(time + START) * 1_000_000 for time in times], dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


def twin(rows: list[Row], *, rules: IdentityRules, aliases: list[Alias] | None = None, types=TYPES) -> Twin:
    """Stitch by the rules, row by row and link by link."""
    if rules.unlisted_order == "name":
        types = tuple(sorted(types, key=lambda name: (*(name != one for one in rules.priority), name)))
    rank = {name: at for at, name in enumerate(types)}

    def order(one: Identifier) -> tuple[int, str]:
        return rank[one[0]], one[1]

    def trusted(name: str, value: str | None) -> Identifier | None:
        if value is None or any(re.search(pattern.replace(r"\x{FFFD}", "\ufffd"), value) for pattern in rules.junk):
            return None
        return name, value

    ids_of_rows = [sorted(filter(None, (trusted(*pair) for pair in row.ids.items())), key=order) for row in rows]
    explicit = [(*sorted((one.a, one.b), key=order), one) for one in aliases or []]
    explicit = [push for push in explicit if trusted(*push[0]) and trusted(*push[1]) and push[0] != push[1]]
    everyone = sorted(
        {one for ids in ids_of_rows for one in ids} | {end for push in explicit for end in push[:2]}, key=order
    )
    seen = _first_seen(rows, ids_of_rows, explicit)

    def when(link: tuple[Identifier, Identifier, str]) -> tuple[object, ...]:
        a, b, kind = link
        trust = (kind == "row", rank[a[0]], rank[b[0]])
        first = (*trust, seen[link]) if rules.order == "trust" else (seen[link], *trust)
        return (*first, order(a), order(b), kind)

    crowd = _find_crowds(everyone, seen, rules=rules)
    links = sorted(seen, key=when)
    rows_and_links = _in_order(rows, ids_of_rows, links, seen, rules=rules, types=types, order=order)
    shared = set(crowd)
    if rules.overflow_policy == "pairs" and rules.shared != "keep":
        shared |= _met_by_several_users(everyone, links, crowd=crowd, rules=rules)
    while True:
        groups = Groups(everyone, rules=rules, types=types)
        if rules.overflow_policy == "pairs":
            for a, b, kind in links:
                force = kind in rules.joins_known
                if not {a, b} & crowd and (kind != "row" or not {a, b} & shared):
                    groups.join([a, b], force=force)
        else:
            for ids, force in rows_and_links:
                left = [one for one in ids if one not in crowd]
                while len(left) > 1 and not groups.join(left, force=force):
                    left = left[:-1]
        more: set[Identifier] = set()
        for a, b, _ in sorted(links, key=lambda link: rank[link[1][0]]):
            meet = groups.known(a) and groups.known(b) and groups.of[a] is not groups.of[b]
            free = not {a, b} & shared and a not in more and a[0] != b[0] and b[0] not in rules.identifying_types
            if meet and free and rules.shared != "keep":
                more.add(b)
        shared |= more
        if not more or rules.overflow_policy == "trim":
            break
    if rules.overflow_policy == "trim" and rules.shared != "keep":
        groups.detach_loose(links, shared=shared)
    group = groups.of
    last = _first_seen(rows, ids_of_rows, explicit, of=max)
    offered = sorted(links, key=lambda link: -last[link]) if rules.shared == "last" else links
    _attach_shared(offered, crowd=crowd, shared=shared, groups=groups, rules=rules)
    moments = _owner_events(rows, ids_of_rows, explicit, shared=shared, groups=groups, rules=rules, order=order)
    _assign_loose(
        _met(rows, ids_of_rows, seen, rules=rules),
        moments,
        crowd=crowd,
        shared=shared,
        groups=groups,
        rules=rules,
        order=order,
    )
    refused = {(a, b) for a, b, _ in links if group[a] is not group[b]}
    # a person known then may be part of a larger one by now
    now = {one: [(time, min(group[who], key=order)) for time, who in found] for one, found in moments.items()}
    return _assign(
        rows, ids_of_rows, rules=rules, group=group, moments=now, shared=shared, refused=refused, order=order
    )


def _first_seen(rows, ids_of_rows, explicit, *, of=min) -> dict[tuple[Identifier, Identifier, str], int]:
    seen: dict[tuple[Identifier, Identifier, str], int] = {}
    for row, ids in zip(rows, ids_of_rows, strict=True):
        for a, b in combinations(ids, 2):
            seen[a, b, "row"] = of(row.time, seen.get((a, b, "row"), row.time))
    for a, b, one in explicit:
        seen[a, b, one.kind] = of(one.time, seen.get((a, b, one.kind), one.time))
    return seen


def _in_order(
    rows, ids_of_rows, links, seen, *, rules: IdentityRules, types, order
) -> list[tuple[list[Identifier], bool]]:
    """Sort rows and explicit links in the order in which they are taken where rows are trimmed."""
    none = (-1, "")
    items = []
    for row, ids in zip(rows, ids_of_rows, strict=True):
        cells = {one[0]: order(one) for one in ids}
        items.append((row.time, True, [cells.get(name, none) for name in types], ids))
    for a, b, kind in links:
        if kind != "row":
            cells = [order(a), order(b)] + [none] * (len(types) - 2)
            items.append((seen[a, b, kind], kind not in rules.joins_known, cells, [a, b]))
    return [(ids, not weak) for _, weak, _, ids in sorted(items, key=lambda item: item[:3])]


class Groups:
    """Which identifiers are one person."""

    def __init__(self, everyone: list[Identifier], *, rules: IdentityRules, types: tuple[str, ...]) -> None:
        self.of = {one: {one} for one in everyone}
        self.rules, self.types = rules, types

    def known(self, one: Identifier) -> bool:
        return any(end[0] in self.rules.identifying_types for end in self.of[one])

    def make(self, members: set[Identifier]) -> None:
        for one in members:
            self.of[one] = members

    def join(self, ids: list[Identifier], *, force: bool) -> bool:
        groups = list({id(self.of[one]): self.of[one] for one in ids}.values())
        if len(groups) < 2:
            return True
        if not force:
            for name in self.types:
                limit = self.rules.limit(name)
                counts = [count for one in groups if (count := sum(end[0] == name for end in one))]
                if limit is not None and len(counts) > 1 and sum(counts) > limit:
                    return False
            if self.rules.max_ids is not None and sum(map(len, groups)) > self.rules.max_ids:
                return False
        self.make(set().union(*groups))
        return True

    def detach_loose(self, links, *, shared: set[Identifier]) -> None:
        """Detach anonymous identifiers that were reached only over rows with a shared identifier."""
        for whole in {id(one): one for one in self.of.values()}.values():
            if not whole & shared:
                continue
            part = {one: {one} for one in whole}
            for a, b, kind in links:
                if {a, b} <= whole and (kind != "row" or not {a, b} & shared):
                    joined = part[a] | part[b]
                    for one in joined:
                        part[one] = joined
            loose = [
                piece
                for piece in {id(one): one for one in part.values()}.values()
                if not piece & shared and not any(one[0] in self.rules.identifying_types for one in piece)
            ]
            for piece in loose:
                self.make(piece)
            if whole - set().union(*loose):
                self.make(whole - set().union(*loose))


def _met_by_several_users(everyone, links, *, crowd, rules: IdentityRules) -> set[Identifier]:
    person = {one: {one} for one in everyone}
    links = [link for link in links if not {*link[:2]} & crowd]
    for a, b, kind in links:
        if kind in rules.joins_known:
            joined = person[a] | person[b]
            for one in joined:
                person[one] = joined
    several = set()
    for one in everyone:
        for name in rules.exclusive:
            met = [end for a, b, _ in links if one in (a, b) for end in (a, b) if end != one and end[0] == name]
            if one[0] not in rules.exclusive and len({id(person[end]) for end in met}) > 1:
                several.add(one)
    return several


def _attach_shared(links, *, crowd, shared, groups: Groups, rules: IdentityRules) -> None:
    homeless = {one for one in shared if not groups.known(one)}
    known = {one for one in groups.of if groups.known(one)}
    for a, b, kind in links:
        for one, other in ((a, b), (b, a)):
            if one in homeless and other in known - shared and (one in crowd or kind not in rules.joins_known):
                part = groups.of[one]
                if groups.join([one, other], force=False):
                    homeless -= part


def _owner_events(
    rows, ids_of_rows, explicit, *, shared, groups: Groups, rules, order
) -> dict[Identifier, list[tuple[int, Identifier]]]:
    """List when a known person used a shared identifier, by the rest of a row or by an explicit link."""
    moments: dict[Identifier, list[tuple[int, Identifier]]] = {}
    for a, b, push in explicit:
        for one, other in ((a, b), (b, a)):
            if one in shared and other not in shared and groups.known(other):
                moments.setdefault(one, []).append((push.time, min(groups.of[other], key=order)))
    for row, ids in zip(rows, ids_of_rows, strict=True):
        own = _own(ids, shared=shared, rules=rules)
        if own is not None and groups.known(own):
            for one in ids:
                if one in shared:
                    moments.setdefault(one, []).append((row.time, min(groups.of[own], key=order)))
    return moments


def _met(rows, ids_of_rows, seen, *, rules: IdentityRules) -> dict[tuple[Identifier, Identifier, str], int]:
    """List the links of anonymous rows where rows are trimmed: elsewhere a trimmed identifier met none that stayed."""
    if rules.overflow_policy != "trim":
        return seen
    nameless = [at for at, ids in enumerate(ids_of_rows) if not any(one[0] in rules.identifying_types for one in ids)]
    return _first_seen([rows[at] for at in nameless], [ids_of_rows[at] for at in nameless], [])


def _own(ids, *, shared, rules) -> Identifier | None:
    """Return the identifier that decides whose a row is."""
    return next((one for one in ids[: 1 if rules.overflow_policy == "trim" else None] if one not in shared), None)


def _assign_loose(seen, moments, *, crowd, shared, groups: Groups, rules, order) -> None:
    """Join anonymous people that were seen on a shared identifier to the person known on it then."""
    found = []
    for a, b, kind in seen:
        for one, on in ((a, b), (b, a)):
            several = on in shared - crowd and one not in shared and kind == "row"
            if several and not groups.known(one):
                found.append((seen[a, b, kind], order(on), order(min(groups.of[one], key=order)), one, on))
    first = {}
    for time, _, head, one, on in sorted(found):
        first.setdefault(head, (time, head, one, on))
    for time, _, one, on in sorted(first.values()):
        home = None if rules.shared == "drop" else _owner_at_time(moments.get(on, []), time, rules=rules, order=order)
        if home is not None:
            groups.join([one, home], force=False)


def _owner_at_time(moments, time: int, *, rules: IdentityRules, order) -> Identifier | None:
    found = sorted(moments, key=lambda moment: (moment[0], order(moment[1])))
    after = [moment for moment in found if moment[0] >= time]
    before = [moment for moment in found if moment[0] <= time]
    last = [moment for moment in before if moment[0] == before[-1][0]]
    choices = {
        "next": after[:1] or last[:1],
        "previous": last[:1] or after[:1],
        "first": found[:1],
        "last": [moment for moment in found if moment[0] == found[-1][0]][:1],
        "drop": [],
        "keep": [],
    }[rules.shared]
    return choices[0][1] if choices else None


def _find_crowds(everyone, seen, *, rules: IdentityRules) -> set[Identifier]:
    crowd = set()
    for one in everyone:
        if one[0] in rules.emails and any(re.search(pattern, one[1]) for pattern in rules.mailboxes):
            crowd.add(one)
        for name in rules.exclusive:
            met = {end for a, b, _ in seen if one in (a, b) for end in (a, b) if end[0] == name and end != one}
            if rules.max_users is not None and len(met) > rules.max_users and one[0] not in rules.exclusive:
                crowd.add(one)
    return crowd


def _assign(rows, ids_of_rows, *, rules, group, moments, shared, refused, order) -> Twin:
    def head(one: Identifier) -> Identifier:
        return min(group[one], key=order)

    whose: list[Identifier | None] = []
    for row, ids in zip(rows, ids_of_rows, strict=True):
        own = _own(ids, shared=shared, rules=rules)
        on = next((one for one in ids if one in shared), None)
        if on is None or (own is not None and rules.named_event_owner == "keep"):
            whose.append(head(own) if own is not None else None)
        elif rules.shared == "drop" and moments.get(on):
            whose.append(None)
        else:
            whose.append(_owner_at_time(moments.get(on, []), row.time, rules=rules, order=order) or head(on))
    first: dict[Identifier, int] = {}
    for row, who in zip(rows, whose, strict=True):
        if who is not None and row.kind is None:
            first[who] = min(row.time, first.get(who, row.time))
    heads = sorted({head(one) for one in group}, key=lambda one: (first.get(one, 10**9), order(one)))
    number = {one: at + 1 for at, one in enumerate(heads)}
    people = [
        number[who] if who is not None else None for row, who in zip(rows, whose, strict=True) if row.kind is None
    ]
    return Twin(people, {one: number[head(one)] for one in group}, refused)
