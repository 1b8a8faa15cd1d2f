"""Events of many systems → one table with a `person`, and the identity that says why."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.identity.accounts import write_accounts
from journeys.identity.again import at_hand, without_repeats
from journeys.identity.assign import NOBODY, SHARED, Assigned, assign_rows
from journeys.identity.coding import Coded, code_ids, order_types
from journeys.identity.joining import join_log
from journeys.identity.links import list_links
from journeys.identity.merge import Clusters, cluster
from journeys.identity.numbering import number_people
from journeys.identity.people import list_accounts, list_memberships, list_people, with_traits
from journeys.identity.reading import Reading, read_rows
from journeys.identity.report import Identity
from journeys.identity.rules import IdentityRules, check_rules
from journeys.identity.sharing import name_somebody, naming_types

if TYPE_CHECKING:
    from journeys.events import Events
from journeys.parallel import retain_freed_memory

__all__ = ["Stitched", "stitch_events"]

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Stitched:
    """What stitching gives.

    Attributes
    ----------
    table : pl.DataFrame
        One row an event, in order of arrival: `person` (a whole number), `timestamp`, `event`, properties.
    identity : Identity
        Who is who, and by which evidence.
    people : pl.DataFrame
        One row a person: `person`, of each identifier type the value seen first, traits; sorted by person.
    quarantine : pl.DataFrame
        The events that are nobody's, with the `reason`.
    """

    table: pl.DataFrame
    identity: Identity
    people: pl.DataFrame
    quarantine: pl.DataFrame


def stitch_events(
    events: Sequence[Events],
    *,
    rules: IdentityRules | None = None,
    traits: Literal["latest", "as_of"] = "latest",
    bridge: bool = True,
    before: Identity | None = None,
) -> Stitched:
    """Answer "who is who, and whose is each event?" for any number of sources.

    Parameters
    ----------
    events : sequence of Events
        What the readers return. Their order decides only which of two rows with one message id stays.
    rules : IdentityRules, optional
        What links, and what is refused; the library's own rules by default.
    traits : {"latest", "as_of"}
        Whether traits (from identify calls and CRM properties) are known of people only, with their latest value, or
        of each event as well, with the value at that moment.
    bridge : bool
        False takes no link at all: every identifier is a person. What a tool without identity would see.
    before : Identity, optional
        An earlier identity whose people keep their numbers.

    Returns
    -------
    Stitched

    Raises
    ------
    UnknownNameError
        When the rules name an identifier type that no source has.
    ArgumentError
        When `traits` is neither of its values, or `rules` are none.
    StoreError
        When a file that a source was read from is gone.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> visits = pl.DataFrame({"at": ["2026-03-01", "2026-03-02"], "who": ["a1", "a1"], "user": [None, "u1"]})
    >>> events = jn.read_table(
    ...     visits.with_columns(what=pl.lit("Loaded a Page")),
    ...     timestamp="at", event="what", ids={"user_id": "user", "anonymous_id": "who"}, name="web",
    ... )
    >>> stitch_events([events]).table["person"].to_list()
    [1, 1]
    """
    retain_freed_memory()
    check_rules(rules)
    rules = rules or IdentityRules()
    if traits not in ("latest", "as_of"):
        raise ArgumentError(f"traits: {traits!r} is neither 'latest' nor 'as_of'.")
    links = pl.concat([_links(one) for one in events])
    types = order_types(events, rules=rules, explicit=sorted(set(links["id_type_a"]) | set(links["id_type_b"])))
    if not bridge:
        links = links.clear()
    _check_types(rules, types=types)
    keyed = sum("message_id" in one.rows.collect_schema() for one in events)
    readings = without_repeats([_read(one, messages=keyed > 1) for one in events], rules=rules)
    coded = code_ids(readings, links=links, types=types, rules=rules)
    # the codes stand for millions of texts now; and accounts have one name each from here on
    readings = [replace(one, values=(), facts=write_accounts(one.facts, rules=rules)) for one in readings]
    evidence = list_links(coded, rules=rules)
    if not bridge:
        evidence = evidence.clear()
    with ThreadPoolExecutor(1) as beside:
        told = beside.submit(_identifiers, coded, evidence)
        clusters = cluster(coded, evidence, rules=rules)
        assigned = assign_rows(coded, clusters, rules=rules)
        ids = told.result()
    person, changes = number_people(coded, clusters, assigned, ids=ids, before=before)
    ids = ids.with_columns(person=person[clusters.owner], shared=clusters.shared)
    combinations = [part.combination for part in coded.parts]
    memberships, owner_facts = list_memberships(readings, assigned, combinations=combinations, person=person)
    # the log is put together beside what is told of it: both only read what was found
    with ThreadPoolExecutor(1) as beside:
        joined = beside.submit(join_log, readings, assigned, combinations=combinations, person=person)
        identity = Identity(
            ids=ids,
            types=types,
            evidence=_evidence(evidence, clusters, sources=coded.sources),
            junk=coded.junk,
            split=_split(assigned, person=person),
            rows=_account(coded, readings, assigned),
            figures=_figures(coded, clusters, assigned, rules=rules),
            memberships=memberships,
            accounts=list_accounts([one.facts for one in readings]),
            changes=changes,
            rules=rules,
            sources=tuple(events),
            traits=traits,
        )
        people = list_people(ids, owner_facts, types=types)
        table, quarantine = joined.result()
    if traits == "as_of":
        table = with_traits(table.with_columns(pl.col("person").cast(pl.Int64)), owner_facts)
    return Stitched(table, identity, people, quarantine)


def _links(one: Events) -> pl.DataFrame:
    with at_hand(one.name):
        return one.links.collect()


def _read(one: Events, *, messages: bool) -> Reading:
    with at_hand(one.name):
        return read_rows(one, messages=messages)


def _check_types(rules: IdentityRules, *, types: tuple[str, ...]) -> None:
    plain = IdentityRules()
    asked = {
        "exclusive": rules.exclusive,
        "priority": rules.priority,
        "limits": list(rules.limits),
        "emails": rules.emails,
        "fold_case": rules.fold_case,
    }
    known = {*types, *plain.exclusive, *plain.priority, *plain.emails}
    every = {"limits": {"*"}}
    wrong = {
        argument: [name for name in names if name not in known | every.get(argument, set())]
        for argument, names in asked.items()
    }
    problems = [
        unknown(f"rules.{argument}", names, available=types, what="identifier type")
        for argument, names in wrong.items()
        if names
    ]
    raise_all(problems, UnknownNameError)


def _identifiers(coded: Coded, links: pl.DataFrame) -> pl.DataFrame:
    """One row an identifier, in the order of the codes, with when it was seen."""
    latest = np.iinfo(np.int64).max
    first, last = np.full(coded.ids.height, latest), np.full(coded.ids.height, -latest)
    spans = coded.seen.select("first", "last").to_numpy()
    used = (coded.seen["rows"] > 0).to_numpy()
    for at in range(len(coded.types)):
        code = coded.combinations[:, at]
        there = used & (code >= 0)
        np.minimum.at(first, code[there], spans[there, 0])
        np.maximum.at(last, code[there], spans[there, 1])
    told = links.filter(pl.col("kind").cast(pl.String) != "row")
    for end in "ab":
        np.minimum.at(first, told[end].to_numpy(), told["first"].to_numpy())
        np.maximum.at(last, told[end].to_numpy(), told["last"].to_numpy())
    moment = pl.Datetime("us", "UTC")
    return coded.ids.select(
        pl.Series("id_type", coded.types, dtype=pl.Enum(coded.types)).gather(coded.ids["rank"]),
        "id",
        pl.Series("first_seen", first).cast(moment),
        pl.Series("last_seen", last).cast(moment),
    )


def _evidence(links: pl.DataFrame, clusters: Clusters, *, sources: tuple[str, ...]) -> pl.DataFrame:
    moment = pl.Datetime("us", "UTC")
    # there may be millions of them, and they stay: codes are small numbers
    return links.select(
        pl.col("a", "b").cast(pl.Int32),
        "kind",
        pl.col("first").cast(moment).alias("first_seen"),
        pl.col("last").cast(moment).alias("last_seen"),
        "rows",
        pl.Series("source", sources, dtype=pl.Enum(sources)).gather(links["source"]),
        pl.col("trust").cast(pl.Int32),
        clusters.reason,
    )


def _split(assigned: Assigned, *, person: Ints) -> pl.DataFrame:
    given = assigned.shared_out
    owner = given["owner"].to_numpy()
    number = np.zeros(owner.size, dtype=np.int64)
    number[owner >= 0] = person[owner[owner >= 0]]
    return given.select(
        "code", pl.Series("person", number).replace(0, None).alias("person"), pl.col("rows").alias("events")
    ).sort("code", "person", nulls_last=True)


def _account(coded: Coded, readings: Sequence[Reading], assigned: Assigned) -> pl.DataFrame:
    """Account for every row that was read."""
    rows = []
    start = 0
    for at, one in enumerate(readings):
        mine = np.zeros(assigned.owner.size, dtype=np.int64)
        stop = start + one.combinations.shape[0]
        mine[start:stop] = coded.seen["events"].to_numpy()[start:stop]
        start = stop
        owner, count = assigned.per_owner(mine, parts=[2 * at])
        kept, of_nobody, of_shared = (
            int(count[which].sum()) for which in (owner >= 0, owner == NOBODY, owner == SHARED)
        )
        time = coded.parts[2 * at].time
        rows.append(
            {
                "source": one.name,
                "read": sum(one.counts.values()),
                "events": kept,
                "facts": one.counts.get("fact", 0),
                "duplicates": one.counts.get("duplicate", 0) + one.repeated,
                "quarantined": one.counts.get("quarantined", 0) + of_nobody + of_shared,
                "of these without a usable id": of_nobody,
                "of these on a shared identifier": of_shared,
                "first": int(time.min()) if time.size else None,
                "last": int(time.max()) if time.size else None,
            }
        )
    names = [
        "source", "read", "events", "facts", "duplicates", "quarantined",
        "of these without a usable id", "of these on a shared identifier", "first", "last",
    ]  # fmt: skip
    account = pl.DataFrame(rows, schema={name: pl.String if name == "source" else pl.Int64 for name in names})
    return account.with_columns(pl.col("first", "last").cast(pl.Datetime("us", "UTC")))


def _figures(coded: Coded, clusters: Clusters, assigned: Assigned, *, rules: IdentityRules) -> pl.DataFrame:
    """Count what the bridge did, event by event and person by person."""
    named = name_somebody(coded, naming=naming_types(coded, rules=rules))
    parts = [at for at, part in enumerate(coded.parts) if part.is_events]
    events = coded.seen["events"].to_numpy()
    owner, count = assigned.per_owner(events, parts=parts)
    total, active = int(count[owner >= 0].sum()), np.zeros(clusters.owner.size, dtype=bool)
    active[owner[owner >= 0]] = True
    # an event that names nobody on an identifier of several people is given to somebody row by row
    anonymous = bridged = 0
    for owner, count in [
        (assigned.owner, np.where(named | assigned.by_time, 0, events)),
        *_nameless(coded, assigned, named=named, parts=parts),
    ]:
        good = owner >= 0
        anonymous += int(count[good].sum())
        bridged += int(count[good][clusters.known[owner[good]]].sum())
    heads = np.flatnonzero(clusters.owner == np.arange(clusters.owner.size))
    figures = {
        "events": total,
        "events that name nobody": anonymous,
        "of these bridged to a known person": bridged,
        "people": heads.size,
        "known people": int(clusters.known[heads].sum()),
        "people without events": int((~active[heads]).sum()),
        "identifiers": clusters.owner.size,
        "links taken": int(clusters.taken.sum()),
        "links refused": int((~clusters.taken).sum()),
        "links from an identifier to itself": coded.self_links,
        "shared identifiers": int(clusters.shared.sum()),
        "values that are nobody": coded.junk.height,
    }
    return pl.DataFrame(
        {"measure": list(figures), "count": list(figures.values())}, schema={"measure": pl.String, "count": pl.Int64}
    )


def _nameless(coded: Coded, assigned: Assigned, *, named: Flags, parts: Sequence[int]) -> list[tuple[Ints, Ints]]:
    """Of the rows that were given to somebody one by one, those that name nobody: their owners, each counted once."""
    found = []
    for at in parts:
        rows, owner = assigned.given[at]
        count = (~named[coded.parts[at].combination[rows]]).astype(np.int64)
        found.append((owner, count))
    return found
