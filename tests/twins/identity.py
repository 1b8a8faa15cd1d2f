"""Stitching in plain loops over a handful of rows, and the rows themselves as Events."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from journeys.events import Events, build_events
from journeys.events.core import LINK_SCHEMA
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
    """What the loops find."""

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
    """Follow the rules row by row, link by link."""
    rank = {name: at for at, name in enumerate(types)}

    def order(one: Identifier) -> tuple[int, str]:
        return rank[one[0]], one[1]

    def trusted(name: str, value: str | None) -> Identifier | None:
        if value is None or any(re.search(pattern.replace(r"\x{FFFD}", "\ufffd"), value) for pattern in rules.junk):
            return None
        return name, value

    told = [sorted(filter(None, (trusted(*pair) for pair in row.ids.items())), key=order) for row in rows]
    pushes = [(*sorted((one.a, one.b), key=order), one) for one in aliases or []]
    pushes = [push for push in pushes if trusted(*push[0]) and trusted(*push[1]) and push[0] != push[1]]
    everyone = sorted({one for ids in told for one in ids} | {end for push in pushes for end in push[:2]}, key=order)
    seen: dict[tuple[Identifier, Identifier, str], int] = {}
    for row, ids in zip(rows, told, strict=True):
        for a, b in combinations(ids, 2):
            seen[a, b, "row"] = min(row.time, seen.get((a, b, "row"), row.time))
    for a, b, one in pushes:
        seen[a, b, one.kind] = min(one.time, seen.get((a, b, one.kind), one.time))

    def when(link: tuple[Identifier, Identifier, str]) -> tuple[object, ...]:
        a, b, kind = link
        trust = (kind == "row", rank[a[0]], rank[b[0]])
        first = (*trust, seen[link]) if rules.order == "trust" else (seen[link], *trust)
        return (*first, order(a), order(b), kind)

    crowd = _crowds(everyone, seen, rules=rules)
    group = {one: {one} for one in everyone}

    def held(members: set[Identifier], name: str) -> int:
        return sum(one[0] == name for one in members)

    def join(ids: list[Identifier], *, force: bool) -> bool:
        groups = list({id(group[one]): group[one] for one in ids}.values())
        if len(groups) < 2:
            return True
        if not force:
            for name in types:
                limit = rules.limit(name)
                counts = [held(one, name) for one in groups if held(one, name)]
                if limit is not None and len(counts) > 1 and sum(counts) > limit:
                    return False
            if rules.max_ids is not None and sum(map(len, groups)) > rules.max_ids:
                return False
        joined = set().union(*groups)
        for one in joined:
            group[one] = joined
        return True

    links = sorted(seen, key=when)
    if rules.rows == "pairs":
        for a, b, kind in links:
            force = kind in rules.joins_known
            if force or not {a, b} & crowd:
                join([a, b], force=force)
    else:
        items = [(row.time, ids, False) for row, ids in zip(rows, told, strict=True)]
        items += [(seen[a, b, kind], [a, b], kind in rules.joins_known) for a, b, kind in links if kind != "row"]

        def turn(item: tuple[int, list[Identifier], bool]) -> tuple[object, ...]:
            ids = {one[0]: one[1] for one in item[1]} if len({one[0] for one in item[1]}) == len(item[1]) else None
            cells = [(ids or {}).get(name) for name in types]
            return (item[0], not item[2], [(cell is not None, cell or "") for cell in cells])

        for _, ids, force in sorted(items, key=turn):
            left = [one for one in ids if force or one not in crowd]
            while len(left) > 1 and not join(left, force=force):
                left = left[:-1]
    known = {one for one in everyone if any(end[0] in rules.exclusive for end in group[one])}
    _adopt(links, crowd=crowd, group=group, known=known, rules=rules)
    refused = {(a, b) for a, b, _ in links if group[a] is not group[b]}
    shared = set(crowd)
    for a, b in refused:
        if not {a, b} & crowd and a[0] != b[0] and b[0] not in rules.exclusive:
            shared.add(b)
    return _assign(rows, told, rules=rules, group=group, known=known, shared=shared, refused=refused, order=order)


def _adopt(links, *, crowd, group, known, rules: IdentityRules) -> None:
    alone = {one for one in crowd if len(group[one]) == 1}
    for a, b, kind in links:
        for one, other in ((a, b), (b, a)):
            if one in alone and other not in crowd and other in known and kind not in rules.joins_known:
                alone.discard(one)
                home = group[other] | {one}
                known.add(one)
                for end in home:
                    group[end] = home


def _crowds(everyone, seen, *, rules: IdentityRules) -> set[Identifier]:
    crowd = set()
    for one in everyone:
        if one[0] in rules.emails and any(re.search(pattern, one[1]) for pattern in rules.mailboxes):
            crowd.add(one)
        for name in rules.exclusive:
            met = {end for a, b, _ in seen if one in (a, b) for end in (a, b) if end[0] == name and end != one}
            if rules.max_users is not None and len(met) > rules.max_users and one[0] not in rules.exclusive:
                crowd.add(one)
    return crowd


def _assign(rows, told, *, rules, group, known, shared, refused, order) -> Twin:
    def head(one: Identifier) -> Identifier:
        return min(group[one], key=order)

    plain = [next((one for one in ids if one not in shared), None) for ids in told]
    moments: dict[Identifier, list[tuple[int, Identifier]]] = {}
    for row, ids, own in zip(rows, told, plain, strict=True):
        if own is not None and own in known:
            for one in ids:
                if one in shared:
                    moments.setdefault(one, []).append((row.time, head(own)))
    whose: list[Identifier | None] = []
    for row, ids, own in zip(rows, told, plain, strict=True):
        on = next((one for one in ids if one in shared), None)
        if on is None or (own is not None and rules.named == "keep"):
            whose.append(head(own) if own is not None else None)
            continue
        found = sorted(moments.get(on, []), key=lambda moment: (moment[0], order(moment[1])))
        after = [moment for moment in found if moment[0] >= row.time]
        before = [moment for moment in found if moment[0] <= row.time]
        last = [moment for moment in before if moment[0] == before[-1][0]]
        choices = {
            "next": after[:1] or last[:1],
            "previous": last[:1] or after[:1],
            "first": found[:1],
            "last": [moment for moment in found if moment[0] == found[-1][0]][:1],
            "drop": [],
        }[rules.shared]
        if rules.shared == "drop" and found:
            whose.append(None)
        else:
            whose.append(choices[0][1] if choices else head(on))
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
