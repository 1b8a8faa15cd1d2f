"""Events of many systems → one table with a `person`, and the identity that explains it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.arrays import retain_freed_memory
from journeys.errors import ArgumentError, StoreError, UnknownNameError, raise_all, unknown_message
from journeys.events import Events
from journeys.events.batches import translate_source_errors
from journeys.identity.cluster import DROPPED, Clusters, cluster_ids
from journeys.identity.encode_ids import ANONYMOUS_TYPES, NO_OWNER, EncodedIds, encode_ids, order_types
from journeys.identity.graph import IdentityGraph, list_edges
from journeys.identity.identity import Identity, Stitched
from journeys.identity.person_table import (
    Assignment,
    EarlierPeople,
    add_traits_as_of,
    assign_events,
    build_table,
    list_accounts,
    list_memberships,
    list_people,
    normalise_accounts,
    number_people,
)
from journeys.identity.read_rows import SourceRows, drop_repeated_messages, read_rows
from journeys.identity.rules import IdentityRules, check_rules, hash_email_texts

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_MOMENT = pl.Datetime("us", "UTC")
_CHANGED = "If its files have changed since, read them again."
_COUNTS = (
    "read", "events", "facts", "duplicates", "quarantined",
    "of these without a usable id", "of these on a shared identifier", "first", "last",
)  # fmt: skip
_TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum)


def stitch_events(
    events: Sequence[Events],
    *,
    rules: IdentityRules | None = None,
    traits: Literal["latest", "as_of"] = "latest",
    link: bool = True,
    before: Identity | None = None,
) -> Stitched:
    """Decide who is who, and assign each event of any number of sources to a person.

    Raise UnknownNameError when the rules name an identifier type that no source has. Raise ArgumentError when `traits`
    or `rules` is invalid. Raise StoreError when a file that a source was read from is gone.

    Parameters
    ----------
    events : sequence of Events
        What the readers return. Their order decides only which of two rows with one message id stays.
    rules : IdentityRules, optional
        What links, and what is refused; the library's own rules by default.
    traits : {"latest", "as_of"}
        Whether traits (from identify calls and CRM properties) are known of people only, with their latest value, or
        of each event as well, with the value at that moment.
    link : bool
        False ignores all links: every identifier is a person, as in a tool without identity resolution.
    before : Identity, optional
        An earlier identity whose people keep their numbers.

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
    restitch = partial(stitch_events, rules=rules, traits=traits)
    links = pl.concat([_read_links(one) for one in events])
    explicit = sorted(set(links["id_type_a"]) | set(links["id_type_b"]))
    _check_types(rules, types=order_types(events, rules=rules, explicit=explicit))
    rules = _choose_exclusive(rules, events=events, explicit=explicit)
    types = order_types(events, rules=rules, explicit=explicit)
    if not link:
        links = links.clear()
    with_message_ids = sum("message_id" in one.rows.collect_schema() for one in events)
    sources = drop_repeated_messages(
        [_read_source(one, keep_message_ids=with_message_ids > 1) for one in events], rules=rules
    )
    encoded = encode_ids(sources, links=links, types=types, rules=rules)
    # the codes replace millions of texts from here on
    sources = [replace(one, values=(), facts=normalise_accounts(one.facts, rules=rules)) for one in sources]
    edges = list_edges(encoded, rules=rules)
    if not link:
        edges = edges.clear()
    with ThreadPoolExecutor(1) as executor:
        listed = executor.submit(_list_ids, encoded, edges)
        clusters = cluster_ids(encoded, edges, rules=rules)
        assignment = assign_events(encoded, clusters, rules=rules)
        ids = listed.result()
    earlier = EarlierPeople(before._graph.ids, before._highest) if before is not None else None
    person, changes = number_people(encoded, clusters, assignment, ids=ids, before=earlier)
    ids = ids.with_columns(person=person[clusters.owner], shared=clusters.shared)
    combinations = [group.combination for group in encoded.groups]
    memberships, facts = list_memberships(sources, assignment, combinations=combinations, person=person)
    # the table is built while the identity is: neither changes what the other reads
    with ThreadPoolExecutor(1) as executor:
        built = executor.submit(build_table, sources, assignment, combinations=combinations, person=person)
        identity = Identity(
            figures=_count_figures(encoded, clusters, assignment, rules=rules),
            rows=_count_rows(encoded, sources, assignment),
            memberships=memberships,
            accounts=list_accounts([one.facts for one in sources]),
            changes=changes,
            _graph=IdentityGraph(
                ids=ids,
                types=types,
                evidence=_list_evidence(edges, clusters, sources=encoded.sources),
                shared_events=_list_shared_events(assignment, person=person),
                junk=encoded.junk,
                rules=rules,
                sources=tuple(events),
            ),
            _highest=max(int(person.max(initial=0)), earlier.highest if earlier is not None else 0),
            _traits=traits,
            _restitch=restitch,
        )
        people = list_people(ids, facts, types=types)
        table, quarantine = built.result()
    if traits == "as_of":
        table = add_traits_as_of(table.with_columns(pl.col("person").cast(pl.Int64)), facts)
    return Stitched(table, identity, people, quarantine)


def _read_links(one: Events) -> pl.DataFrame:
    with translate_source_errors(one.name, error_class=StoreError, hint=_CHANGED):
        return one.links.collect()


def _read_source(one: Events, *, keep_message_ids: bool) -> SourceRows:
    with translate_source_errors(one.name, error_class=StoreError, hint=_CHANGED):
        return read_rows(one, keep_message_ids=keep_message_ids)


def _check_types(rules: IdentityRules, *, types: tuple[str, ...]) -> None:
    """Refuse rules that name identifier types which no source has."""
    default = IdentityRules()
    named = {
        "exclusive": rules.exclusive,
        "priority": rules.priority,
        "limits": [name for name in rules.limits if name != "*"],
        "emails": rules.emails,
        "fold_case": rules.fold_case,
    }
    known = {*types, *default.exclusive, *default.priority, *default.emails}
    wrong = {argument: [name for name in names if name not in known] for argument, names in named.items()}
    problems = [
        unknown_message(f"rules.{argument}", names, available=types, what="identifier type")
        for argument, names in wrong.items()
        if names
    ]
    raise_all(problems, UnknownNameError)


def _choose_exclusive(rules: IdentityRules, *, events: Sequence[Events], explicit: Sequence[str]) -> IdentityRules:
    """Make the first identifier of each table exclusive where no source has a type that the rules name as such.

    A first identifier that another table lists below its own first one is not: of the tables (customer_no, visitor_id)
    and (visitor_id,), only customer_no is.
    """
    types = {*explicit, *(name for one in events for name in one.ids)}
    if not rules.exclusive or set(rules.exclusive) & types:
        return rules
    tables = [one.ids for one in events if one.exclusive is not None]
    firsts = {ids[0] for ids in tables if ids} - {*ANONYMOUS_TYPES, *rules.limits}
    below = {name for ids in tables if ids[0] in firsts for name in ids[1:]}
    exclusive = tuple(sorted(firsts - below or firsts))
    if not exclusive:
        return rules
    is_default = rules.priority == IdentityRules().priority
    priority = (*exclusive, *rules.priority) if is_default else rules.priority
    return replace(rules, exclusive=exclusive, priority=priority)


def _list_ids(encoded: EncodedIds, edges: pl.DataFrame) -> pl.DataFrame:
    """List identifiers in the order of their codes, with the time they were first and last seen."""
    latest = np.iinfo(np.int64).max
    first, last = np.full(encoded.ids.height, latest), np.full(encoded.ids.height, -latest)
    spans = encoded.seen.select("first", "last").to_numpy()
    used = (encoded.seen["rows"] > 0).to_numpy()
    for at in range(len(encoded.types)):
        code = encoded.combinations[:, at]
        has_code = used & (code >= 0)
        np.minimum.at(first, code[has_code], spans[has_code, 0])
        np.maximum.at(last, code[has_code], spans[has_code, 1])
    explicit = edges.filter(pl.col("kind").cast(pl.String) != "row")
    for end in "ab":
        np.minimum.at(first, explicit[end].to_numpy(), explicit["first"].to_numpy())
        np.maximum.at(last, explicit[end].to_numpy(), explicit["last"].to_numpy())
    return encoded.ids.select(
        pl.Series("id_type", encoded.types, dtype=pl.Enum(encoded.types)).gather(encoded.ids["rank"]),
        "id",
        pl.Series("first_seen", first).cast(_MOMENT),
        pl.Series("last_seen", last).cast(_MOMENT),
    )


def _list_evidence(edges: pl.DataFrame, clusters: Clusters, *, sources: tuple[str, ...]) -> pl.DataFrame:
    """List the edges as they are kept: there may be millions, so as small numbers."""
    return edges.select(
        pl.col("a", "b").cast(pl.Int32),
        "kind",
        pl.col("first").cast(_MOMENT).alias("first_seen"),
        pl.col("last").cast(_MOMENT).alias("last_seen"),
        "rows",
        pl.Series("source", sources, dtype=pl.Enum(sources)).gather(edges["source"]),
        pl.col("trust").cast(pl.Int32),
        clusters.reason,
    )


def _list_shared_events(assignment: Assignment, *, person: Ints) -> pl.DataFrame:
    """List anonymous events on shared identifiers: `code`, `person`, `events`."""
    owner = assignment.shared_events["owner"].to_numpy()
    number = np.zeros(owner.size, dtype=np.int64)
    number[owner >= 0] = person[owner[owner >= 0]]
    return assignment.shared_events.select(
        "code", pl.Series("person", number).replace(0, None).alias("person"), pl.col("rows").alias("events")
    ).sort("code", "person", nulls_last=True)


def _count_rows(encoded: EncodedIds, sources: Sequence[SourceRows], assignment: Assignment) -> pl.DataFrame:
    """Count for each source what became of every row that was read."""
    rows = []
    start = 0
    for at, one in enumerate(sources):
        events = np.zeros(assignment.owner.size, dtype=np.int64)
        stop = start + one.combinations.shape[0]
        events[start:stop] = encoded.seen["events"].to_numpy()[start:stop]
        start = stop
        owner, count = assignment.count_by_owner(events, groups=[2 * at])
        kept, without_id, dropped = (
            int(count[which].sum()) for which in (owner >= 0, owner == NO_OWNER, owner == DROPPED)
        )
        time = encoded.groups[2 * at].time
        counts = (
            sum(one.counts.values()),
            kept,
            one.counts.get("fact", 0),
            one.counts.get("duplicate", 0) + one.repeated,
            one.counts.get("quarantined", 0) + without_id + dropped,
            without_id,
            dropped,
            int(time.min()) if time.size else None,
            int(time.max()) if time.size else None,
        )
        rows.append({"source": one.name, **dict(zip(_COUNTS, counts, strict=True))})
    table = pl.DataFrame(rows, schema={"source": pl.String, **dict.fromkeys(_COUNTS, pl.Int64)})
    return table.with_columns(pl.col("first", "last").cast(_MOMENT))


def _count_figures(
    encoded: EncodedIds, clusters: Clusters, assignment: Assignment, *, rules: IdentityRules
) -> pl.DataFrame:
    """Count what stitching did, event by event and person by person."""
    named = encoded.flag_named(rules)
    event_groups = [at for at, group in enumerate(encoded.groups) if group.is_events]
    events = encoded.seen["events"].to_numpy()
    owner, count = assignment.count_by_owner(events, groups=event_groups)
    total, active = int(count[owner >= 0].sum()), np.zeros(clusters.owner.size, dtype=bool)
    active[owner[owner >= 0]] = True
    # anonymous events on a shared identifier are assigned row by row
    by_row = [
        (owners, (~named[encoded.groups[at].combination[rows]]).astype(np.int64))
        for at in event_groups
        for rows, owners in [assignment.row_owners[at]]
    ]
    anonymous = linked = 0
    for owner, count in [(assignment.owner, np.where(named | assignment.by_time, 0, events)), *by_row]:
        has_owner = owner >= 0
        anonymous += int(count[has_owner].sum())
        linked += int(count[has_owner][clusters.known[owner[has_owner]]].sum())
    people = clusters.list_people()
    figures = {
        "events": total,
        "anonymous events": anonymous,
        "of these linked to a known person": linked,
        "people": people.size,
        "known people": int(clusters.known[people].sum()),
        "people without events": int((~active[people]).sum()),
        "identifiers": clusters.owner.size,
        "links taken": int(clusters.taken.sum()),
        "links refused": int((~clusters.taken).sum()),
        "links from an identifier to itself": encoded.self_links,
        "shared identifiers": int(clusters.shared.sum()),
        "placeholder values": encoded.junk.height,
    }
    return pl.DataFrame(
        {"measure": list(figures), "count": list(figures.values())}, schema={"measure": pl.String, "count": pl.Int64}
    )


def redact_emails(stitched: Stitched) -> Stitched:
    """Hash the e-mail addresses in text columns of events, people, accounts and quarantine, if the rules say so.

    Identifiers are hashed when they are encoded, and not touched here; nor is an address inside a longer text.
    """
    identity = stitched.identity
    if not identity._graph.rules.hash_emails:
        return stitched

    def redact_frame(frame: pl.DataFrame, *, keep: Iterable[str] = ("event", "source")) -> pl.DataFrame:
        texts = [name for name, kind in frame.schema.items() if kind in _TEXT_TYPES and name not in keep]
        return frame.with_columns(hash_email_texts(frame[name], rules=identity.rules) for name in texts)

    return replace(
        stitched,
        table=redact_frame(stitched.table),
        people=redact_frame(stitched.people, keep=identity.types),
        quarantine=redact_frame(stitched.quarantine),
        identity=replace(
            identity, memberships=redact_frame(identity.memberships), accounts=redact_frame(identity.accounts)
        ),
    )
