"""Warehouse tables of Segment and RudderStack: tracks, one table per event, pages, identifies, groups, aliases."""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from journeys.errors import SourceError
from journeys.events import Events
from journeys.sources.column_mapping import ColumnMapping, Fields, map_events
from journeys.sources.reading import RawTable, concat_rows
from journeys.sources.reading.row_store import snake_case
from journeys.sources.registry import detect_system
from journeys.sources.segment.spec_calls import CAMPAIGN, PAGES, build_alias_links, compute_call_time, note_assumptions

# Latest state of people and accounts: the same facts as identifies and groups, without their times.
SUMMARIES = ("users", "accounts", "rules", "delete")
# Tables that record the loading (rudder_discards, segment_active_partitions), unless there are calls in them.
LOADING_TABLES = re.compile(r"^(rudder|segment)_")
KINDS = {"identifies": "identify", "groups": "group", "aliases": "alias"}
# What unloading a table in parts appends to its name: Snowflake _0_0_0, BigQuery -000000000000, Redshift
# 0000_part_00; and the dates that people append.
SHARD = re.compile(r"(?:_\d+_\d+_\d+|[-_]?0\d{2,}|[-_]?0\d+_part_\d+)$")
KNOWN_SHARD = re.compile(
    r"^(pages|screens|tracks|identifies|groups|aliases|users|accounts)(?:[-_.]?(?:part)?[-_]?\d+)+$"
)
TIMES = ("timestamp", "original_timestamp", "sent_at", "received_at")
LOADING = (
    "uuid", "uuid_ts", "loaded_at", "context_destination_type", "context_destination_id",
    "received_at", "sent_at", "original_timestamp",
)  # fmt: skip


def name_base_table(name: str) -> str:
    """Name the table that a part belongs to.

    Examples
    --------
    >>> [name_base_table(part) for part in ("pages_0_0_0", "upgraded_plan0003_part_00", "pages_2026_03")]
    ['pages', 'upgraded_plan', 'pages']
    >>> name_base_table("did_step_2")
    'did_step_2'
    """
    known = KNOWN_SHARD.match(name)
    return known[1] if known else SHARD.sub("", name) or name


def map_warehouse(tables: Mapping[str, RawTable], *, name: str, page_event: str, screen_event: str) -> Events:
    """Concatenate the warehouse's tables as calls, and map them to the canonical columns."""
    tables = {key: _lower_case_columns(raw) for key, raw in tables.items()}
    base = {key: name_base_table(key) for key in tables}
    table_of = {key: _without_view(name, tables[key]) for key, name in base.items()}
    skipped = {key: "a summary of people or accounts" for key in tables if table_of[key] in SUMMARIES}
    # BigQuery has a view of each table without its duplicates.
    skipped |= {
        key: f"a view of {table_of[key]}"
        for key, name in base.items()
        if table_of[key] != name and table_of[key] in base.values() and key not in skipped
    }
    problems = []
    for key, raw in tables.items():
        columns = set(raw.schema)
        system = detect_system(columns)
        is_other = system is not None and "Segment" not in system and "anonymous_id" not in columns
        if key in skipped or (columns & {"anonymous_id", "user_id"} and columns & set(TIMES) and not is_other):
            continue
        if LOADING_TABLES.match(key):
            skipped[key] = "a record of the warehouse's loading"
        else:
            whose = f" (it looks like {system})" if is_other else ""
            problems.append(f"{key!r} has neither anonymous_id nor user_id beside a time{whose}")
    read = {key: raw for key, raw in tables.items() if key not in skipped}
    if not read or problems:
        reason = "; ".join(problems) or f"only {', '.join(map(repr, sorted(skipped)))}"
        raise SourceError(f"source: these are not Segment's warehouse tables: {reason}.")
    # Each event's own table comes before `tracks`: of two rows with one id the first stays, the one with properties.
    order = sorted(read, key=lambda key: (table_of[key] == "tracks", key))
    kind_of = {key: KINDS.get(table_of[key], table_of[key]) for key in order}
    rows = concat_rows([_mark_calls(read[key], kind_of[key], table_of[key]) for key in order])
    notes = [f"{key}: {what}, skipped" for key, what in sorted(skipped.items())]
    notes += [note for raw in read.values() for note in raw.notes]
    columns_of: dict[str, set[str]] = {}
    for key, raw in read.items():
        # Names as they will be written: in a warehouse they are in snake_case already.
        columns_of.setdefault(kind_of[key], set()).update(snake_case(column) for column in raw.schema)
    calls = RawTable(rows, name, tuple(notes), in_memory=all(raw.in_memory for raw in read.values()))
    return _map_calls(calls, name, page_event, screen_event, columns_of=columns_of)


def _without_view(name: str, raw: RawTable) -> str:
    """Name the table that a view (`users_view`) is of; the table of an event may have such a name, too."""
    base = name.removesuffix("_view")
    is_view = base == "tracks" or (base in (*SUMMARIES, *KINDS, "pages", "screens") and "event" not in raw.schema)
    return base if is_view else name


def _lower_case_columns(raw: RawTable) -> RawTable:
    """Write columns as Segment names them: Snowflake unloads them in upper case."""
    names = list(raw.schema)
    lower = [name.lower() for name in names]
    if {"anonymous_id", "user_id"} & set(names) or len(set(lower)) < len(lower) or lower == names:
        return raw
    return raw.with_rows(raw.rows.rename(dict(zip(names, lower, strict=True))))


def _mark_calls(raw: RawTable, kind: str, table: str) -> pl.LazyFrame:
    """Add to each row the kind of its call and, for events, the event's name."""
    given = [pl.col(c).cast(pl.String) for c in ("event_text", "event") if c in raw.schema]
    has_no_name = kind in ("pages", "screens", *KINDS.values())
    title = pl.lit(" ".join(word.capitalize() for word in table.split("_")))
    event = pl.lit(None, dtype=pl.String) if has_no_name else pl.coalesce([*given, title])
    # The event's name is not a property; a page may have a property called "event".
    names = [] if has_no_name else [c for c in ("event_text", "event") if c in raw.schema]
    return raw.rows.with_columns(pl.lit(kind).alias("_call"), event.alias("_event")).drop(names)


def _map_calls(
    raw: RawTable, name: str, page_event: str, screen_event: str, *, columns_of: Mapping[str, set[str]]
) -> Events:
    """Map calls to the canonical columns. `columns_of`: the columns that the tables of each kind of call have."""
    f = Fields(raw.schema)
    call = pl.col("_call")
    is_fact = call.is_in(list(KINDS.values()))
    time, time_text, skew = compute_call_time(f, TIMES)
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=time,
        time_text=time_text,
        skew=skew,
        event=pl.when(call == "pages")
        .then(pl.lit(page_event))
        .when(call == "screens")
        .then(pl.lit(screen_event))
        .otherwise(pl.col("_event").str.strip_chars()),
        ids={
            "user_id": f.id("user_id"),
            "email": pl.coalesce(pl.when(call == "identify").then(f.email("email")), f.email("context_traits_email")),
            "anonymous_id": f.id("anonymous_id"),
        },
        kind=pl.when(is_fact).then(call),
        hidden={"_previous": f.id("previous_id")},
    )
    mapping.fields = {canonical: f.text(f"context_campaign_{key}") for key, canonical in CAMPAIGN.items()}
    for key in PAGES:
        on_page = pl.when(call == "pages").then(f.text(key))
        mapping.fields[f"page_{key}"] = pl.coalesce(on_page, f.text(f"context_page_{key}"))
    mapping.fields["group_id"] = f.id("group_id", "context_group_id")
    if f.has("id"):
        mapping.fields["message_id"] = f.id("id")
    if f.has("replay_url"):
        mapping.fields["replay_url"] = f.text("replay_url")
    if f.has("name"):
        mapping.properties.append(("page_name", pl.when(call.is_in(["pages", "screens"])).then(f.text("name"))))
    f.used |= {(column,) for column in LOADING}
    event_kinds = columns_of.keys() - set(KINDS.values())
    shared = [(key, f.text(key)) for key in ("name", "email", *PAGES) if f.has(key)]
    for key, expr in shared:
        # Columns that describe the page are not properties as well; a screen has a name like a page.
        of_pages = {"pages", "screens"} if key == "name" else {"pages"}
        if any(key in columns_of[kind] for kind in event_kinds - of_pages):
            mapping.properties.append((key, pl.when(~is_fact & ~call.is_in(sorted(of_pages))).then(expr)))
    rest = f.rest()
    in_events = set().union(*(columns_of[kind] for kind in event_kinds))
    mapping.properties += [(key, expr) for key, expr in rest if key in in_events]
    for kind, prefix in (("identify", ""), ("group", "group_")):
        mapping.traits += [
            (prefix + key, pl.when(call == kind).then(expr))
            for key, expr in [*rest, *shared]
            if key in columns_of.get(kind, ())
            and not key.startswith("context_")
            and (kind, key) != ("identify", "email")
        ]
    return map_events(raw, mapping, name=name, links=build_alias_links, notes=note_assumptions(raw.rows, f, TIMES))
