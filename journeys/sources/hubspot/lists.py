"""Lists of contacts and of companies, exported or as the API answers."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

from journeys.events import Events
from journeys.events.time_zones import note_assumed_zone
from journeys.events.times import UTC_TIME
from journeys.sources.fields import Fields
from journeys.sources.hubspot.moments import in_words, moment, written
from journeys.sources.hubspot.stages import COMPANY, CONTACT, CREATED, STAGES, became, plain_name
from journeys.sources.reading import RawTable
from journeys.sources.reading.flat_columns import snake_case
from journeys.sources.shape import TIME, Shape, to_events

__all__ = ["company_facts", "contact_events", "is_companies", "is_contacts", "plain_rows"]

MAIL, STAGE, NAMES = ("email", "Email"), ("lifecyclestage", "Lifecycle Stage"), ("firstname", "First Name", "lastname")
HISTORY = "propertiesWithHistory"
ENTRIES = pl.List(pl.Struct({"_stage": pl.String(), "_at": pl.String()}))


def plain_rows(raw: RawTable) -> RawTable:
    """Put what the API has under `properties` beside the rest, as a table has it."""
    inside = raw.schema.get("properties")
    if not isinstance(inside, pl.Struct) or not {"id", "properties"} <= set(raw.schema):
        return raw
    fields = [field.name for field in inside.fields]
    beside = [column for column in raw.schema if column != "properties" and column not in fields]
    rows = raw.rows.select(
        *(pl.col(column).alias("Record ID" if column == "id" else column) for column in beside),
        *(pl.col("properties").struct.field(field).alias(field) for field in fields),
    )
    return RawTable(rows, raw.name, raw.notes, in_memory=raw.in_memory)


def is_contacts(columns: Collection[str]) -> bool:
    """Tell a list of contacts: they have an id, and stages or a name."""
    known = set(columns)
    staged = bool(_stage_dates(columns)) or HISTORY in known or bool(known & set(STAGE))
    listed = known & {"Record ID", "hs_object_id", "vid"} and known & {*MAIL, *NAMES}
    return bool(known & {*CONTACT, *MAIL} and (staged or listed))


def is_companies(columns: Collection[str]) -> bool:
    """Tell a list of companies, which may have stages but no e-mail."""
    known = set(columns)
    return bool(known & set(COMPANY) and known & set(CONTACT)) and not known & {*MAIL, *NAMES}


def contact_events(raw: RawTable, name: str, *, time_zone: str | None = None) -> Events:
    """Turn a list of contacts into a fact each, and an event for each stage whose date is known."""
    dates, entries = _stage_dates(raw.schema), _entries(raw.schema)
    long = raw.rows.with_columns(entries.alias("_entries")).explode("_entries", empty_as_null=True).unnest("_entries")
    f = Fields(raw.schema)
    at = pl.col("_at")
    time, unread = in_words(at, time_zone=time_zone)
    stage = pl.col("_stage")
    shape = Shape(
        rounded=f.rounded,
        timestamp=time,
        timed=at.is_not_null(),
        event=became(stage),
        ids={"email": f.email(*MAIL), "hubspot_id": f.id(*CONTACT)},
        kind=pl.when(stage.is_null()).then(pl.lit("contact")),
        problem=pl.when(at.is_null())
        .then(pl.lit("a contact without any date: neither of its creation nor of a stage"))
        .otherwise(unread),
    )
    # Exports follow each other: what both tell of one contact, the stage and its moment, happened once.
    who = pl.coalesce(shape.ids["hubspot_id"], shape.ids["email"])
    moment_of = pl.col(TIME).dt.epoch("us").cast(pl.String)
    shape.fields["message_id"] = pl.concat_str(who, shape.event, moment_of, separator="/")
    # Of several companies the first is the contact's own; asked for beside the others, all of them stay a property.
    companies = Fields(raw.schema).id("Associated Company IDs").str.extract(r"([^;\s][^;]*)", 1).str.strip_chars_end()
    shape.fields["group_id"] = pl.coalesce(f.id("associatedcompanyid", "Primary Associated Company ID"), companies)
    f.used |= {(column,) for column in dates.values()}
    shape.properties = f.rest(skip=[f"{HISTORY}.lifecyclestage"], rename=plain_name)
    shape.traits = [(key, pl.when(stage.is_null()).then(expr)) for key, expr in shape.properties]
    notes = ["each contact, and each stage of one, is a row of its own"]
    if not dates and HISTORY not in raw.schema:
        notes = ["when contacts reached their stage is not told: export the dates of the stages to have them as events"]
    notes += note_assumed_zone(long, at, time_zone=time_zone)
    return to_events(RawTable(long, raw.name, raw.notes, in_memory=raw.in_memory), shape, name=name, notes=notes)


def _entries(schema: pl.Schema) -> pl.Expr:
    """List of each contact the fact, at the time of creation, and the stages: of their history, else of their dates."""
    dates = {stage: written(pl.col(column), schema[column]) for stage, column in _stage_dates(schema).items()}
    created = [written(pl.col(column), schema[column]) for column in CREATED if column in schema]
    listed = [pl.struct(pl.lit(stage).alias("_stage"), at.alias("_at")) for stage, at in dates.items()]
    stages = pl.concat_list(listed) if listed else pl.lit([], dtype=ENTRIES)
    stages = stages.list.filter(pl.element().struct.field("_at").is_not_null())
    history = _history(schema)
    if history is not None:
        stages = pl.when(history.list.len() > 0).then(history).otherwise(stages)
    first = stages.list.eval(pl.element().struct.field("_at")).list.min()
    nothing = pl.lit(None, dtype=pl.String)
    fact = pl.struct(nothing.alias("_stage"), pl.coalesce(*created, first).alias("_at"))
    return pl.concat_list(fact, stages)


def _history(schema: pl.Schema) -> pl.Expr | None:
    known = schema.get(HISTORY)
    steps = dict(known).get("lifecyclestage") if isinstance(known, pl.Struct) else None
    if not isinstance(steps, pl.List) or not isinstance(steps.inner, pl.Struct):
        return None
    if not {"value", "timestamp"} <= {field.name for field in steps.inner.fields}:
        return None
    value, at = (pl.element().struct.field(field) for field in ("value", "timestamp"))
    step = pl.struct(value.cast(pl.String).alias("_stage"), at.cast(pl.String).alias("_at"))
    found = pl.col(HISTORY).struct.field("lifecyclestage").list.eval(step)
    return found.list.filter(pl.element().struct.field("_stage") != "").fill_null(pl.lit([], dtype=ENTRIES))


def _stage_dates(columns: Iterable[str]) -> dict[str, str]:
    """Find the columns that hold the date of each lifecycle stage."""
    found: dict[str, str] = {}
    for column in columns:
        plain = snake_case(column)
        for stage in STAGES:
            words = {
                f"hs_lifecyclestage_{stage}_date",
                f"became_a_{stage}_date",
                f"became_an_{stage}_date",
                f"became_a_{_spelled(stage)}_date",
                f"became_an_{_spelled(stage)}_date",
            }
            if plain in words:
                found[stage] = column
    return found


def _spelled(stage: str) -> str:
    return {"marketingqualifiedlead": "marketing_qualified_lead", "salesqualifiedlead": "sales_qualified_lead"}.get(
        stage, stage
    )


def company_facts(raw: RawTable, name: str, *, time_zone: str | None = None) -> Events:
    """Turn a list of companies into facts about accounts."""
    f = Fields(raw.schema)
    created = [column for column in CREATED if f.has(column)]
    read = [moment(f, raw, column, time_zone=time_zone) for column in created]
    times = pl.coalesce([time for time, _ in read] or [pl.lit(None, dtype=UTC_TIME)])
    timed = f.text(*created).is_not_null()
    shape = Shape(
        rounded=f.rounded,
        timestamp=times,
        timed=timed,
        event=pl.lit(None, dtype=pl.String),
        ids={"email": pl.lit(None, dtype=pl.String), "hubspot_id": pl.lit(None, dtype=pl.String)},
        kind=pl.lit("group"),
        problem=pl.when(~timed).then(pl.lit("a company without a date: neither of its creation nor of a change")),
        fields={"group_id": f.id(*CONTACT)},
    )
    shape.traits = f.rest(rename=plain_name)
    notes = ["companies are accounts: j.by_account() has what is known of them"]
    assumed = next((said for _, said in read if said), [])
    return to_events(raw, shape, name=name, notes=[*notes, *assumed])
