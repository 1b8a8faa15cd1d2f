"""HubSpot: property history (lifecycle stages), webhooks and e-mail events: `read_hubspot`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields, named
from journeys.sources.links import Link, made_links
from journeys.sources.looks import wrong_system
from journeys.sources.reading import Raw, Source, load
from journeys.sources.reading.dtypes import snake_case
from journeys.sources.shape import Shape, to_events

__all__ = ["read_hubspot"]

STAGES = {
    "subscriber": "Became Subscriber",
    "lead": "Became Lead",
    "marketingqualifiedlead": "Became MQL",
    "salesqualifiedlead": "Became SQL",
    "opportunity": "Became Opportunity",
    "customer": "Became Customer",
    "evangelist": "Became Evangelist",
    "other": "Became Other",
}
MAIL = {
    "SENT": "Sent Email",
    "PROCESSED": "Processed Email",
    "DELIVERED": "Received Email",
    "OPEN": "Opened Email",
    "CLICK": "Clicked Email",
    "BOUNCE": "Bounced Email",
    "DEFERRED": "Deferred Email",
    "DROPPED": "Dropped Email",
    "SPAMREPORT": "Reported Spam",
    "STATUSCHANGE": "Changed Subscription",
}
CONTACT = ("objectId", "vid", "contact_id", "contactId", "Record ID", "hs_object_id", "record_id")
COMPANY = ("Company name", "Company Domain Name", "domain", "numberofemployees")
CREATED = ("createdate", "Create Date", "hs_createdate", "createdAt", "hs_lastmodifieddate", "Last Modified Date")
TEXT = (*CONTACT, "eventId", "email", "Email", "associatedcompanyid", "id", "recipient", "propertyValue")


def read_hubspot(source: Source, *, name: str = "hubspot") -> Events:
    """Read what HubSpot knows of contacts: when they became MQL, SQL, Opportunity or Customer, and their e-mail.

    Parameters
    ----------
    source
        One of: property history or webhooks (`objectId`, `propertyName`, `propertyValue`, `occurredAt` in ms; CSV or
        JSON), e-mail events (`type`, `recipient`, `created` in ms), events of the events API (`eventType`,
        `occurredAt`), or a list of contacts with `lifecyclestage` and the date of each stage
        (`hs_lifecyclestage_lead_date`, … or "Became a Lead Date", …), or a list of companies ("Record ID", "Company
        name", …).
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        A change of `lifecyclestage` is an event: "Became Subscriber", "Became Lead", "Became MQL", "Became SQL",
        "Became Opportunity", "Became Customer"; a stage of your own is "Became <stage>". Changes of other properties
        and creations are facts with the property as a trait. Companies, and who belongs to them
        (`contact.associationChange`), are facts about accounts: `j.by_account()` has them. `contact.merge` joins
        contacts. Identifiers: `email` (lower case), `hubspot_id`.

    Raises
    ------
    SourceError
        No such file, or the file of another system.

    Notes
    -----
    An opened e-mail is weak evidence: mail programs load pictures by themselves. Source: HubSpot's documentation of its
    webhooks, e-mail events and lifecycle stages.

    Examples
    --------
    >>> import polars as pl
    >>> history = pl.DataFrame({"objectId": [7], "propertyName": ["lifecyclestage"],
    ...     "propertyValue": ["marketingqualifiedlead"], "occurredAt": [1772530000000]})
    >>> read_hubspot(history).table.select("event", "hubspot_id").collect().rows()
    [('Became MQL', '7')]
    """
    raw = load(source, text=TEXT)
    columns = set(raw.schema)
    if {"propertyName", "propertyValue", "occurredAt"} <= columns or {"subscriptionType", "occurredAt"} <= columns:
        return _history(raw, name)
    if {"recipient", "created", "type"} <= columns:
        return _mail(raw, name)
    if {"eventType", "occurredAt"} <= columns:
        return _occurrences(raw, name)
    if _stage_dates(raw):
        return _contacts(raw, name)
    if columns & set(COMPANY) and columns & set(CONTACT):
        return _companies(raw, name)
    raise wrong_system("HubSpot", raw, missing=["propertyName", "recipient", "eventType", "lifecyclestage"])


def _history(raw: Raw, name: str) -> Events:
    f = Fields(raw.schema)
    time, timed = f.epoch(raw, "occurredAt", unit="ms"), f.text("occurredAt").is_not_null()
    kind = f.text("subscriptionType").fill_null("contact.propertyChange")
    prop, value = f.text("propertyName").str.to_lowercase(), f.text("propertyValue")
    stage = value.str.to_lowercase().str.replace_all(r"[\s_-]", "")
    is_stage = (prop == "lifecyclestage") & (kind == "contact.propertyChange")
    about_contact = kind.str.starts_with("contact.")
    # The name of a company, its size, its industry: told of the account, whoever works there.
    company = kind.is_in(["company.propertyChange", "company.creation"])
    joins = kind.is_in(["contact.associationChange"]) & f.text("associationType").str.starts_with("CONTACT_TO_COMPANY")
    joins &= ~f.text("associationRemoved").str.to_lowercase().is_in(["true", "1"]).fill_null(value=False)
    shape = Shape(
        timestamp=time,
        timed=timed,
        event=pl.when(is_stage & value.is_not_null()).then(
            named(stage, STAGES, default=pl.concat_str(pl.lit("Became "), value))
        ),
        ids={
            "email": f.email("email", "Email"),
            "hubspot_id": pl.when(joins).then(f.id("fromObjectId")).when(about_contact).then(f.id(*CONTACT)),
        },
        kind=pl.when(company | joins)
        .then(pl.lit("group"))
        .when(kind.str.ends_with("creation"))
        .then(pl.lit("creation"))
        .when(~is_stage)
        .then(pl.lit("crm")),
        problem=pl.when(kind.is_in(["contact.associationChange"]) & ~joins)
        .then(pl.lit("an association that tells of no company joined"))
        .when(~about_contact & ~company)
        .then(pl.concat_str(pl.lit("about no contact: "), kind))
        .when(kind == "contact.deletion")
        .then(pl.lit("a deleted contact"))
        .when(is_stage & value.is_null())
        .then(pl.lit("a lifecycle stage without value")),
    )
    shape.fields["group_id"] = (
        pl.when(company)
        .then(f.id(*CONTACT))
        .when(joins)
        .then(f.id("toObjectId"))
        .otherwise(f.id("associatedcompanyid", "company_id"))
    )
    if f.has("eventId"):
        shape.fields["message_id"] = f.id("eventId")
    told = (
        raw.rows.select(prop.drop_nulls().unique().sort()).collect().to_series().to_list()
        if f.has("propertyName")
        else []
    )
    taken = {"lifecyclestage", "email", "associatedcompanyid"}
    shape.traits += [(snake_case(key), pl.when(prop == key).then(value)) for key in told if key not in taken][:500]
    merged = {"_primary": f.id("primaryObjectId"), "_new": f.id("newObjectId"), "_merged": f.text("mergedObjectIds")}
    shape.hidden = {key: pl.when(kind == "contact.merge").then(expr) for key, expr in merged.items()}
    shape.kind = pl.when(kind == "contact.merge").then(pl.lit("merge")).otherwise(shape.kind)
    rest = f.rest(skip=["subscriptionId", "portalId", "appId", "attemptNumber", "numberOfPropertiesMoved"])
    shape.properties = rest
    shape.traits += [(key, expr) for key, expr in rest if key == "company"]
    return to_events(raw, shape, name=name, links=_merges)


def _merges(used: pl.LazyFrame) -> pl.LazyFrame:
    """Join the contacts that were merged: each with the one that is left."""
    left = ("hubspot_id", pl.coalesce("_new", "_primary", "hubspot_id"))
    each = used.with_columns(pl.col("_merged").str.extract_all(r"\d+")).explode("_merged", empty_as_null=True)
    return made_links(
        [
            (used, Link("merge", left, ("hubspot_id", pl.col("_primary")), "merge")),
            (each, Link("merge", left, ("hubspot_id", pl.col("_merged")), "merge")),
        ]
    )


def _mail(raw: Raw, name: str) -> Events:
    f = Fields(raw.schema)
    time, timed = f.epoch(raw, "created", unit="ms"), f.text("created").is_not_null()
    kind = f.text("type").str.to_uppercase()
    title = pl.concat_str(kind.str.to_titlecase(), pl.lit(" Email"))
    shape = Shape(
        timestamp=time,
        timed=timed,
        event=named(kind, MAIL, default=title),
        ids={"email": f.email("recipient"), "hubspot_id": f.id("vid", "contact_id")},
        fields={"page_url": f.text("url")},
    )
    if f.has("id"):
        shape.fields["message_id"] = f.id("id")
    shape.properties = f.rest(skip=["portalId", "appId"])
    return to_events(raw, shape, name=name, notes=["an opened e-mail is weak evidence: robots open, too"])


def _occurrences(raw: Raw, name: str) -> Events:
    f = Fields(raw.schema)
    time = f.epoch(raw, "occurredAt", unit="ms")
    # `pe1234_signed_up` is a custom event of portal 1234, `e_visited_page` one of HubSpot's own.
    plain = f.text("eventType").str.replace(r"^(pe\d+|e)_", "").str.replace_all("_", " ").str.to_titlecase()
    shape = Shape(
        timestamp=time,
        timed=f.text("occurredAt").is_not_null(),
        event=plain,
        ids={"email": f.email("email", "properties.email"), "hubspot_id": f.id(*CONTACT), "hubspot_utk": f.id("utk")},
        fields={"page_url": f.text("properties.hs_url", "properties.url"), "message_id": f.id("id", "uuid")},
    )
    shape.properties = [*f.rest("properties"), *f.rest()]
    return to_events(raw, shape, name=name)


def _stage_dates(raw: Raw) -> dict[str, str]:
    """Find the columns that hold the date of each lifecycle stage."""
    found: dict[str, str] = {}
    for column in raw.schema:
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


def _contacts(raw: Raw, name: str) -> Events:
    """Turn a list of contacts into a fact each, and an event for each stage that has a date."""
    dates = _stage_dates(raw)
    rows = raw.rows.with_row_index("_contact")
    # One row a contact and stage; a contact without any date stays one row, so that nobody is lost.
    stages = [
        pl.struct(pl.lit(title).alias("stage"), pl.col(dates[s]).cast(pl.String).alias("at"))
        for s, title in STAGES.items()
        if s in dates
    ]
    long = (
        rows.with_columns(pl.concat_list(stages).alias("_stages"))
        .with_columns(
            pl.col("_stages").list.filter(
                pl.element().struct.field("at").is_not_null() & (pl.element().struct.field("at") != "")
            )
        )
        .explode("_stages", empty_as_null=True)
        .unnest("_stages")
    )
    f = Fields(rows.collect_schema())
    at = Fields(pl.Schema({"at": pl.String()}))
    shape = Shape(
        timestamp=at.time("at"),
        timed=pl.col("at").is_not_null(),
        event=pl.col("stage"),
        ids={"email": f.email("email", "Email"), "hubspot_id": f.id(*CONTACT)},
        problem=pl.when(pl.col("stage").is_null()).then(pl.lit("a contact without the date of any stage")),
    )
    shape.fields["group_id"] = f.id("associatedcompanyid", "Associated Company IDs", "Primary Associated Company ID")
    f.used |= {(column,) for column in dates.values()}
    shape.properties = f.rest()
    return to_events(
        Raw(long, raw.name, raw.notes), shape, name=name, notes=["each stage of a contact is a row of its own"]
    )


def _companies(raw: Raw, name: str) -> Events:
    """Turn a list of companies into facts about accounts."""
    f = Fields(raw.schema)
    created = next((column for column in CREATED if f.has(column)), CREATED[0])
    shape = Shape(
        timestamp=f.time(created),
        timed=f.text(created).is_not_null(),
        event=pl.lit(None, dtype=pl.String),
        ids={"email": pl.lit(None, dtype=pl.String), "hubspot_id": pl.lit(None, dtype=pl.String)},
        kind=pl.lit("group"),
        fields={"group_id": f.id(*CONTACT)},
    )
    shape.traits = f.rest()
    return to_events(raw, shape, name=name, notes=["companies are accounts: j.by_account() has what is known of them"])
