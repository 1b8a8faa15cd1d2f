"""Property history and webhooks of HubSpot: what changed, for which record, and when."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.column_mapping import ColumnMapping, Fields, IdLink, build_links, map_events, name_actor
from journeys.sources.hubspot.stages import CONTACT, name_stage_event
from journeys.sources.hubspot.times import parse_time_column
from journeys.sources.reading import RawTable
from journeys.sources.reading.row_store import snake_case

CALL = (
    "subscriptionType", "objectId", "propertyName", "propertyValue", "occurredAt",
    "fromObjectId", "toObjectId", "primaryObjectId",
)  # fmt: skip


def map_property_history(raw: RawTable, name: str, *, time_zone: str | None = None) -> Events:
    """Map changes of properties, as webhooks or as a history of them: stages are events, the others facts."""
    f = Fields(raw.schema)
    time, notes = parse_time_column(f, raw, "occurredAt", time_zone=time_zone)
    call = f.text("subscriptionType").fill_null("contact.propertyChange")
    key, value = f.text("propertyName").str.to_lowercase(), f.text("propertyValue")
    is_change = call == "contact.propertyChange"
    is_stage = (key == "lifecyclestage") & is_change
    is_contact = call.str.starts_with("contact.")
    # The name of a company, its size, its industry: facts about the account, not about the people who work there.
    is_company = call.is_in(["company.propertyChange", "company.creation"])
    is_association = call.is_in(["contact.associationChange"])
    joins = is_association & f.text("associationType").str.starts_with("CONTACT_TO_COMPANY")
    joins &= ~f.text("associationRemoved").str.to_lowercase().is_in(["true", "1"]).fill_null(value=False)
    new_email = pl.when(is_change & (key == "email")).then(f.email("propertyValue"))
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=time,
        time_text=f.time_text("occurredAt"),
        event=pl.when(is_stage & value.is_not_null()).then(name_stage_event(value)),
        ids={
            # An address or a company is not a trait: it identifies the contact or the account.
            "email": pl.coalesce(new_email, f.email("email", "Email")),
            "hubspot_id": pl.when(joins).then(f.id("fromObjectId")).when(is_contact).then(f.id(*CONTACT)),
        },
        kind=pl.when(call == "contact.merge")
        .then(pl.lit("merge"))
        .when(is_company | joins)
        .then(pl.lit("group"))
        .when(call.str.ends_with("creation"))
        .then(pl.lit("creation"))
        .when(~is_stage)
        .then(pl.lit("crm")),
        problem=pl.when(f.problem.is_not_null())
        .then(f.problem)
        .when(is_association & ~joins)
        .then(pl.lit("an association that is not with a company, or was removed"))
        .when(~is_contact & ~is_company)
        .then(pl.concat_str(pl.lit("not about a contact: "), call))
        .when(call == "contact.deletion")
        .then(pl.lit("a deleted contact"))
        .when(is_stage & value.is_null())
        .then(pl.lit("a lifecycle stage without value")),
    )
    mapping.fields["by"] = name_actor(pl.lit(value=False))
    mapping.fields["group_id"] = (
        pl.when(is_company)
        .then(f.id(*CONTACT))
        .when(joins)
        .then(f.id("toObjectId"))
        .when(is_change & (key == "associatedcompanyid"))
        .then(f.id("propertyValue"))
        .otherwise(f.id("associatedcompanyid", "company_id"))
    )
    if f.has("eventId"):
        # HubSpot does not promise that the id alone is unique: property, record and time identify the call with it
        parts = [f.key(column).fill_null("") for column in CALL if f.has(column)]
        mapping.fields["message_id"] = pl.concat_str([f.key("eventId"), *parts], separator="/")
    mapping.traits += _property_traits(raw, key, value, is_company)
    merged = {"_primary": f.id("primaryObjectId"), "_new": f.id("newObjectId"), "_merged": f.text("mergedObjectIds")}
    mapping.hidden = {key: pl.when(call == "contact.merge").then(expr) for key, expr in merged.items()}
    rest = f.rest(skip=["subscriptionId", "portalId", "appId", "attemptNumber", "numberOfPropertiesMoved"])
    mapping.properties = rest
    mapping.traits += [(key, expr) for key, expr in rest if key == "company"]
    return map_events(raw, mapping, name=name, links=_link_merges, notes=notes)


def _property_traits(raw: RawTable, key: pl.Expr, value: pl.Expr, is_company: pl.Expr) -> list[tuple[str, pl.Expr]]:
    """Make a trait of each property that changed, at most 500.

    The stage and the identifiers of a contact are not its traits; companies keep properties of these names as traits.
    """
    taken = {"lifecyclestage", "email", "associatedcompanyid"}
    changed = raw.rows.select(key=key, company=is_company).filter(pl.col("key").is_not_null()).unique()
    is_trait = ~pl.col("key").is_in(taken) | pl.col("company")
    names = changed.filter(is_trait).select("key").unique().sort("key").collect()["key"].head(500)
    return [
        (snake_case(name), pl.when((key == name) & (is_company if name in taken else True)).then(value))
        for name in names
    ]


def _link_merges(used: pl.LazyFrame) -> pl.LazyFrame:
    """Link each merged contact with the one that remains."""
    left = pl.coalesce("_new", "_primary", "hubspot_id")
    each = used.with_columns(pl.col("_merged").str.extract_all(r"\d+")).explode("_merged", empty_as_null=True)
    ends = [
        (rows.filter(pl.col(merged) != left), pl.col(merged))
        for rows, merged in ((used, "_primary"), (each, "_merged"))
    ]
    return build_links(
        [(rows, IdLink("merge", ("hubspot_id", left), ("hubspot_id", merged), "merge")) for rows, merged in ends]
    )
