"""Property history and webhooks: what changed of whom, and when."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields
from journeys.sources.hubspot.moments import moment
from journeys.sources.hubspot.stages import CONTACT, became
from journeys.sources.links import Link, made_links
from journeys.sources.reading import RawTable
from journeys.sources.reading.flat_columns import snake_case
from journeys.sources.shape import Shape, to_events

__all__ = ["history_events"]

CALL = (
    "subscriptionType", "objectId", "propertyName", "propertyValue", "occurredAt",
    "fromObjectId", "toObjectId", "primaryObjectId",
)  # fmt: skip


def history_events(raw: RawTable, name: str, *, time_zone: str | None = None) -> Events:
    """Give changes of properties, as webhooks or as a history of them: stages are events, the others facts."""
    f = Fields(raw.schema)
    time, notes = moment(f, raw, "occurredAt", time_zone=time_zone)
    timed = f.text("occurredAt").is_not_null()
    kind = f.text("subscriptionType").fill_null("contact.propertyChange")
    prop, value = f.text("propertyName").str.to_lowercase(), f.text("propertyValue")
    changed = kind == "contact.propertyChange"
    is_stage = (prop == "lifecyclestage") & changed
    about_contact = kind.str.starts_with("contact.")
    # The name of a company, its size, its industry: told of the account, whoever works there.
    company = kind.is_in(["company.propertyChange", "company.creation"])
    joins = kind.is_in(["contact.associationChange"]) & f.text("associationType").str.starts_with("CONTACT_TO_COMPANY")
    joins &= ~f.text("associationRemoved").str.to_lowercase().is_in(["true", "1"]).fill_null(value=False)
    told_email = f.email("email", "Email")
    shape = Shape(
        rounded=f.rounded,
        timestamp=time,
        timed=timed,
        event=pl.when(is_stage & value.is_not_null()).then(became(value)),
        ids={
            # what became an address or a company is no trait: it tells who the contact is, and whose
            "email": pl.coalesce(pl.when(changed & (prop == "email")).then(f.email("propertyValue")), told_email),
            "hubspot_id": pl.when(joins).then(f.id("fromObjectId")).when(about_contact).then(f.id(*CONTACT)),
        },
        kind=pl.when(company | joins)
        .then(pl.lit("group"))
        .when(kind.str.ends_with("creation"))
        .then(pl.lit("creation"))
        .when(~is_stage)
        .then(pl.lit("crm")),
        problem=pl.when(f.problem.is_not_null())
        .then(f.problem)
        .when(kind.is_in(["contact.associationChange"]) & ~joins)
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
        .when(changed & (prop == "associatedcompanyid"))
        .then(f.id("propertyValue"))
        .otherwise(f.id("associatedcompanyid", "company_id"))
    )
    if f.has("eventId"):
        # the id alone is not unique by promise: what changed, of whom and when, says whether it is the same call
        key = [f.text(column).fill_null("") for column in CALL if f.has(column)]
        shape.fields["message_id"] = pl.concat_str([f.id("eventId"), *key], separator="/")
    taken = {"lifecyclestage", "email", "associatedcompanyid"}
    # what says who a contact is, and how far, is no trait of theirs; of a company it is one
    told = raw.rows.select(key=prop, company=company).filter(pl.col("key").is_not_null()).unique()
    keys = told.filter(~pl.col("key").is_in(taken) | pl.col("company")).select("key").unique().sort("key").collect()
    shape.traits += [
        (snake_case(key), pl.when((prop == key) & (company if key in taken else True)).then(value))
        for key in keys["key"].head(500)
    ]
    merged = {"_primary": f.id("primaryObjectId"), "_new": f.id("newObjectId"), "_merged": f.text("mergedObjectIds")}
    shape.hidden = {key: pl.when(kind == "contact.merge").then(expr) for key, expr in merged.items()}
    shape.kind = pl.when(kind == "contact.merge").then(pl.lit("merge")).otherwise(shape.kind)
    rest = f.rest(skip=["subscriptionId", "portalId", "appId", "attemptNumber", "numberOfPropertiesMoved"])
    shape.properties = rest
    shape.traits += [(key, expr) for key, expr in rest if key == "company"]
    return to_events(raw, shape, name=name, links=_merges, notes=notes)


def _merges(used: pl.LazyFrame) -> pl.LazyFrame:
    """Join the contacts that were merged: each with the one that is left."""
    left = pl.coalesce("_new", "_primary", "hubspot_id")
    each = used.with_columns(pl.col("_merged").str.extract_all(r"\d+")).explode("_merged", empty_as_null=True)
    ends = [(rows.filter(pl.col(gone) != left), pl.col(gone)) for rows, gone in ((used, "_primary"), (each, "_merged"))]
    return made_links(
        [(rows, Link("merge", ("hubspot_id", left), ("hubspot_id", gone), "merge")) for rows, gone in ends]
    )
