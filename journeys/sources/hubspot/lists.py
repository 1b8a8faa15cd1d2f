"""Lists of contacts and of companies, exported or as the API returns them."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from journeys.events import Events
from journeys.events.times import UTC_TIME, note_assumed_zone
from journeys.sources.column_mapping import (
    TIME,
    ColumnMapping,
    Fields,
    IdLink,
    build_links,
    field_path,
    map_events,
    name_actor,
)
from journeys.sources.hubspot.stages import (
    COMPANY,
    CONTACT,
    CREATED,
    find_stage_dates,
    name_stage_event,
    write_warehouse_name,
)
from journeys.sources.hubspot.times import parse_time_column, parse_time_text, write_time_text
from journeys.sources.reading import RawTable

MAIL, STAGE, NAMES = ("email", "Email"), ("lifecyclestage", "Lifecycle Stage"), ("firstname", "First Name", "lastname")
# The contacts that were merged into this one: "2;3", or with the time of merging, "2:1772530000000;3:1772530000000".
MERGED = (
    "hs_merged_object_ids", "hs_calculated_merged_vids", "Merged object IDs", "Merged record IDs", "Merged Contact IDs",
)  # fmt: skip
HISTORY = "propertiesWithHistory"
ENTRIES = pl.List(pl.Struct({"_stage": pl.String(), "_at": pl.String()}))


def unnest_properties(raw: RawTable) -> RawTable:
    """Put what the API has under `properties`, nested or flattened, beside the rest, as an exported list has it."""
    inside = raw.schema.get("properties")
    prefix = "properties."
    flat = [column for column in raw.schema if column.startswith(prefix)]
    if "id" not in raw.schema or not (isinstance(inside, pl.Struct) or flat):
        return raw
    fields = [field.name for field in inside.fields] if isinstance(inside, pl.Struct) else []
    named = {column: column.removeprefix(prefix) for column in flat if column.removeprefix(prefix) not in fields}
    beside = [c for c in raw.schema if c not in {"properties", *fields, *flat, *named.values()}]
    rows = raw.rows.select(
        *(pl.col(column).alias("Record ID" if column == "id" else column) for column in beside),
        *(pl.col("properties").struct.field(field).alias(field) for field in fields),
        *(pl.col(column).alias(name) for column, name in named.items()),
    )
    return raw.with_rows(rows)


def has_contacts(columns: Collection[str]) -> bool:
    """Return whether these are the columns of a list of contacts: an id, and stages or a name."""
    present = set(columns)
    has_stages = bool(find_stage_dates(columns)) or _has_history(present) or bool(present & set(STAGE))
    is_listed = present & {"Record ID", "hs_object_id", "vid"} and present & {*MAIL, *NAMES}
    return bool(present & {*CONTACT, *MAIL} and (has_stages or is_listed))


def has_companies(columns: Collection[str]) -> bool:
    """Return whether these are the columns of a list of companies: they may have stages but no e-mail."""
    present = set(columns)
    return bool(present & set(COMPANY) and present & set(CONTACT)) and not present & {*MAIL, *NAMES}


def _has_history(columns: Collection[str]) -> bool:
    return HISTORY in columns or f"{HISTORY}.lifecyclestage" in columns


def map_contacts(raw: RawTable, name: str, *, time_zone: str | None = None) -> Events:
    """Turn each contact into a fact, and an event for each stage whose date is known.

    hs_object_id  createdate  hs_v2_date_entered_lead    events and facts
    1             1 March     2 March                    fact (1 March), "Became Lead" (2 March)
    2             1 March     null                       fact (1 March)
    """
    dates, entries = find_stage_dates(raw.schema), _list_entries(raw.schema)
    long = raw.rows.with_columns(entries.alias("_entries")).explode("_entries", empty_as_null=True).unnest("_entries")
    f = Fields(raw.schema)
    at, stage = pl.col("_at"), pl.col("_stage")
    time, problem = parse_time_text(at, time_zone=time_zone)
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=time,
        time_text=at,
        event=name_stage_event(stage),
        ids={"email": f.email(*MAIL), "hubspot_id": f.id(*CONTACT)},
        kind=pl.when(stage.is_null()).then(pl.lit("contact")),
        problem=pl.when(at.is_null())
        .then(pl.lit("a contact without any date: neither of its creation nor of a stage"))
        .otherwise(problem),
        hidden={"_merged": Fields(raw.schema).text(*MERGED)},
    )
    # Exports overlap: a stage of a contact at one moment, present in both, is one event.
    who = pl.coalesce(mapping.ids["hubspot_id"], mapping.ids["email"])
    moment = pl.col(TIME).dt.epoch("us").cast(pl.String)
    mapping.fields["by"] = name_actor(pl.lit(value=False))
    mapping.fields["message_id"] = pl.concat_str(who, mapping.event, moment, separator="/")
    # Of several companies the first is the contact's own; asked for beside the others, all of them stay a property.
    companies = Fields(raw.schema).id("Associated Company IDs").str.extract(r"([^;\s][^;]*)", 1).str.strip_chars_end()
    mapping.fields["group_id"] = pl.coalesce(f.id("associatedcompanyid", "Primary Associated Company ID"), companies)
    f.used |= {field_path(column) for columns in dates.values() for column in columns}
    mapping.properties = f.rest(skip=[f"{HISTORY}.lifecyclestage"], rename=write_warehouse_name)
    mapping.traits = [(key, pl.when(stage.is_null()).then(expr)) for key, expr in mapping.properties]
    notes = ["each contact, and each stage of one, is a row of its own"]
    if not dates and not _has_history(raw.schema):
        notes = ["when contacts reached their stage is not known: export the dates of stages to get them as events"]
    notes += note_assumed_zone(long, at, time_zone=time_zone)
    return map_events(raw.with_rows(long), mapping, name=name, links=_link_merged_contacts, notes=notes)


def _link_merged_contacts(used: pl.LazyFrame) -> pl.LazyFrame:
    """Link each contact with those that were merged into it."""
    merged = used.with_columns(pl.col("_merged").str.split(";")).explode("_merged", empty_as_null=True)
    merged = merged.with_columns(pl.col("_merged").str.extract(r"^\s*(\d+)", 1))
    ends = ("hubspot_id", pl.col("hubspot_id")), ("hubspot_id", pl.col("_merged"))
    return build_links([(merged.filter(pl.col("_merged") != pl.col("hubspot_id")), IdLink("contact", *ends, "merge"))])


def _list_entries(schema: pl.Schema) -> pl.Expr:
    """List, for each contact, the fact at the time of its creation and the stages, by their history or their dates."""
    dates = {
        stage: pl.coalesce(write_time_text(pl.col(column), schema[column]) for column in columns)
        for stage, columns in find_stage_dates(schema).items()
    }
    created = [write_time_text(pl.col(column), schema[column]) for column in CREATED if column in schema]
    listed = [pl.struct(pl.lit(stage).alias("_stage"), at.alias("_at")) for stage, at in dates.items()]
    stages = pl.concat_list(listed) if listed else pl.lit([], dtype=ENTRIES)
    stages = stages.list.filter(pl.element().struct.field("_at").is_not_null())
    history = _list_history(schema)
    if history is not None:
        stages = pl.when(history.list.len() > 0).then(history).otherwise(stages)
    first = stages.list.eval(pl.element().struct.field("_at")).list.min()
    nothing = pl.lit(None, dtype=pl.String)
    fact = pl.struct(nothing.alias("_stage"), pl.coalesce(*created, first).alias("_at"))
    return pl.concat_list(fact, stages)


def _list_history(schema: pl.Schema) -> pl.Expr | None:
    """List the stages of the API's `propertiesWithHistory`, if it is there."""
    known, flat = schema.get(HISTORY), f"{HISTORY}.lifecyclestage"
    steps = dict(known).get("lifecyclestage") if isinstance(known, pl.Struct) else schema.get(flat)
    history = pl.col(HISTORY).struct.field("lifecyclestage") if isinstance(known, pl.Struct) else pl.col(flat)
    if not isinstance(steps, pl.List) or not isinstance(steps.inner, pl.Struct):
        return None
    if not {"value", "timestamp"} <= {field.name for field in steps.inner.fields}:
        return None
    value, at = (pl.element().struct.field(field) for field in ("value", "timestamp"))
    step = pl.struct(value.cast(pl.String).alias("_stage"), at.cast(pl.String).alias("_at"))
    found = history.list.eval(step)
    return found.list.filter(pl.element().struct.field("_stage") != "").fill_null(pl.lit([], dtype=ENTRIES))


def map_companies(raw: RawTable, name: str, *, time_zone: str | None = None) -> Events:
    """Turn a list of companies into facts about accounts."""
    f = Fields(raw.schema)
    created = [column for column in CREATED if f.has(column)]
    parsed = [parse_time_column(f, raw, column, time_zone=time_zone) for column in created]
    time_text = f.text(*created)
    nothing = pl.lit(None, dtype=pl.String)
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=pl.coalesce([time for time, _ in parsed] or [pl.lit(None, dtype=UTC_TIME)]),
        time_text=time_text,
        event=nothing,
        ids={"email": nothing, "hubspot_id": nothing},
        kind=pl.lit("group"),
        problem=pl.when(time_text.is_null()).then(
            pl.lit("a company without a date: neither of its creation nor of a change")
        ),
        fields={"group_id": f.id(*CONTACT)},
    )
    mapping.traits = f.rest(rename=write_warehouse_name)
    notes = ["companies are accounts: j.by_account() has what is known about them"]
    assumed = next((found for _, found in parsed if found), [])
    return map_events(raw, mapping, name=name, notes=[*notes, *assumed])
