"""Warehouse tables of Segment and RudderStack: tracks, one table an event, pages, identifies, groups, aliases."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from journeys.errors import SourceError
from journeys.events import Events
from journeys.sources.fields import Fields
from journeys.sources.looks import looks_like
from journeys.sources.reading import RawTable, concat_rows
from journeys.sources.reading.flat_columns import snake_case
from journeys.sources.segment.links import alias_links
from journeys.sources.segment.spec import CAMPAIGN, PAGES
from journeys.sources.segment.times import assumed, call_time
from journeys.sources.shape import Shape, to_events

__all__ = ["plain_table", "warehouse_events"]

# Latest state of people and accounts: the same facts as identifies and groups, without their times.
SUMMARIES = ("users", "accounts", "rules", "delete")
# What the warehouse keeps about its loading (rudder_discards, segment_active_partitions), unless it has calls in it.
BOOKS = re.compile(r"^(rudder|segment)_")
KINDS = {"identifies": "identify", "groups": "group", "aliases": "alias"}
# What those who unload a table in parts write behind its name: Snowflake _0_0_0, BigQuery -000000000000, Redshift
# 0000_part_00; and the dates that people write there.
SHARD = re.compile(r"(?:_\d+_\d+_\d+|[-_]?0\d{2,}|[-_]?0\d+_part_\d+)$")
KNOWN_SHARD = re.compile(
    r"^(pages|screens|tracks|identifies|groups|aliases|users|accounts)(?:[-_.]?(?:part)?[-_]?\d+)+$"
)
TIMED = {"id", "timestamp", "received_at", "event"}
TIMES = ("timestamp", "original_timestamp", "sent_at", "received_at")
LOADING = (
    "uuid",
    "uuid_ts",
    "loaded_at",
    "context_destination_type",
    "context_destination_id",
    "received_at",
    "sent_at",
    "original_timestamp",
)


def plain_table(name: str) -> str:
    """Name the table that a part belongs to.

    Examples
    --------
    >>> [plain_table(n) for n in ("pages_0_0_0", "tracks-000000000001", "upgraded_plan0003_part_00", "pages_2026_03")]
    ['pages', 'tracks', 'upgraded_plan', 'pages']
    >>> plain_table("did_step_2")
    'did_step_2'
    """
    known = KNOWN_SHARD.match(name)
    return known[1] if known else SHARD.sub("", name) or name


def warehouse_events(tables: Mapping[str, RawTable], *, name: str, page_event: str, screen_event: str) -> Events:
    """Put the warehouse's tables under each other as calls, and give them their canonical columns."""
    tables = {key: _in_lower_case(raw) for key, raw in tables.items()}
    plain = {key: plain_table(key) for key in tables}
    called = {key: _without_view(name, tables[key]) for key, name in plain.items()}
    over = {key: "a summary of people or accounts" for key in tables if called[key] in SUMMARIES}
    # BigQuery has a view of each table without its duplicates.
    over |= {
        key: f"a view of {called[key]}"
        for key, name in plain.items()
        if called[key] != name and called[key] in plain.values() and key not in over
    }
    problems = []
    for key, raw in tables.items():
        columns = set(raw.schema)
        if key in over or (columns & {"anonymous_id", "user_id"} and columns & TIMED):
            continue
        if BOOKS.match(key):
            over[key] = "what the warehouse keeps about its loading"
        else:
            guess = looks_like(columns)
            whose = f" (it looks like {guess})" if guess and "Segment" not in guess else ""
            problems.append(f"{key!r} has neither anonymous_id nor user_id beside a time{whose}")
    read = {key: raw for key, raw in tables.items() if key not in over}
    if not read or problems:
        said = "; ".join(problems) or f"only {', '.join(map(repr, sorted(over)))}"
        raise SourceError(f"source: these are not Segment's warehouse tables: {said}")
    # Each event's own table comes before `tracks`: of two rows with one id the first stays, the one with properties.
    order = sorted(read, key=lambda key: (called[key] == "tracks", key))
    rows = concat_rows([_called(read[key], KINDS.get(called[key], called[key]), called[key]) for key in order])
    notes = [f"{key}: {what}, passed over" for key, what in sorted(over.items())]
    notes += [note for raw in read.values() for note in raw.notes]
    has: dict[str, set[str]] = {}
    for key, raw in read.items():
        # Names as they will be written: in a warehouse they are in snake_case already.
        has.setdefault(KINDS.get(called[key], called[key]), set()).update(snake_case(column) for column in raw.schema)
    return _shaped(
        RawTable(rows, name, tuple(notes), in_memory=all(raw.in_memory for raw in read.values())),
        name,
        page_event,
        screen_event,
        has=has,
    )


def _without_view(name: str, raw: RawTable) -> str:
    """Name the table that a view (`users_view`) is of; the table of an event may be called so, too."""
    base = name.removesuffix("_view")
    known = base == "tracks" or (base in (*SUMMARIES, *KINDS, "pages", "screens") and "event" not in raw.schema)
    return base if known else name


def _in_lower_case(raw: RawTable) -> RawTable:
    """Write columns as Segment names them: Snowflake unloads them in upper case."""
    names = list(raw.schema)
    lower = [name.lower() for name in names]
    if {"anonymous_id", "user_id"} & set(names) or len(set(lower)) < len(lower) or lower == names:
        return raw
    return RawTable(raw.rows.rename(dict(zip(names, lower, strict=True))), raw.name, raw.notes, in_memory=raw.in_memory)


def _called(raw: RawTable, kind: str, table: str) -> pl.LazyFrame:
    """Mark rows with the call that they are and, where they are events, the event's name."""
    given = [pl.col(c).cast(pl.String) for c in ("event_text", "event") if c in raw.schema]
    plain = kind in ("pages", "screens", *KINDS.values())
    event = pl.lit(None, dtype=pl.String) if plain else pl.coalesce([*given, pl.lit(_title(table))])
    # The event's name is no property; a page may have a property that is called "event".
    hide = [] if plain else [c for c in ("event_text", "event") if c in raw.schema]
    return raw.rows.with_columns(pl.lit(kind).alias("_call"), event.alias("_event")).drop(hide)


def _title(table: str) -> str:
    return " ".join(word.capitalize() for word in table.split("_"))


def _shaped(raw: RawTable, name: str, page_event: str, screen_event: str, *, has: Mapping[str, set[str]]) -> Events:
    f = Fields(raw.schema)
    call = pl.col("_call")
    fact = call.is_in(list(KINDS.values()))
    time, timed, skew = call_time(f, TIMES)
    shape = Shape(
        rounded=f.rounded,
        timestamp=time,
        timed=timed,
        skew=skew,
        event=pl.when(call == "pages")
        .then(pl.lit(page_event))
        .when(call == "screens")
        .then(pl.lit(screen_event))
        .otherwise(pl.col("_event").str.strip_chars()),
        ids={
            "user_id": f.id("user_id"),
            "email": pl.coalesce(
                pl.when(call == "identify").then(f.email("email")),
                f.email("context_traits_email"),
            ),
            "anonymous_id": f.id("anonymous_id"),
        },
        kind=pl.when(fact).then(call),
        hidden={"_previous": f.id("previous_id")},
    )
    shape.fields = {canonical: f.text(f"context_campaign_{key}") for key, canonical in CAMPAIGN.items()}
    for key in PAGES:
        on_page = pl.when(call == "pages").then(f.text(key))
        shape.fields[f"page_{key}"] = pl.coalesce(on_page, f.text(f"context_page_{key}"))
    shape.fields["group_id"] = f.id("group_id", "context_group_id")
    if f.has("id"):
        shape.fields["message_id"] = f.id("id")
    if f.has("replay_url"):
        shape.fields["replay_url"] = f.text("replay_url")
    paged = call.is_in(["pages", "screens"])
    if f.has("name"):
        shape.properties.append(("page_name", pl.when(paged).then(f.text("name"))))
    f.used |= {(column,) for column in LOADING}
    behaviour = set().union(*(columns for kind, columns in has.items() if kind not in KINDS.values()))
    own = [(key, f.text(key)) for key in ("name", "email", *PAGES) if f.has(key)]
    for key, expr in own:
        # what tells of the page is no property beside; a screen has a name like a page
        of_pages = {"pages", "screens"} if key == "name" else {"pages"}
        if any(key in columns for kind, columns in has.items() if kind not in {*KINDS.values(), *of_pages}):
            shape.properties.append((key, pl.when(~fact & ~call.is_in(sorted(of_pages))).then(expr)))
    rest = [*f.rest(), *own]
    shape.properties += [(key, expr) for key, expr in rest[: -len(own) or None] if key in behaviour]
    for kind, prefix in (("identify", ""), ("group", "group_")):
        told = [(key, expr) for key, expr in rest if key in has.get(kind, ()) and not key.startswith("context_")]
        shape.traits += [
            (prefix + key, pl.when(call == kind).then(expr))
            for key, expr in told
            if (kind, key) != ("identify", "email")
        ]
    return to_events(raw, shape, name=name, links=alias_links, notes=assumed(raw.rows, f, TIMES))
