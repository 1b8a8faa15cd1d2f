"""HubSpot's exports, distinguished by their columns: `read_hubspot`."""

from __future__ import annotations

import polars as pl

from journeys.errors import check_zone
from journeys.events import Events
from journeys.sources.column_mapping import ColumnMapping, Fields, map_events, name_actor, replace_names
from journeys.sources.hubspot.lists import (
    MERGED,
    has_companies,
    has_contacts,
    map_companies,
    map_contacts,
    unnest_properties,
)
from journeys.sources.hubspot.property_history import map_property_history
from journeys.sources.hubspot.stages import CONTACT
from journeys.sources.hubspot.times import parse_time_column
from journeys.sources.pagination import unpack_pages
from journeys.sources.reading import RawTable, Source, load_nested
from journeys.sources.registry import wrong_system_error

# The columns of each kind of data, first the one that only it has.
WEBHOOKS, HISTORY = ("subscriptionType", "occurredAt"), ("propertyName", "propertyValue", "occurredAt")
MAILS, OCCURRENCES = ("recipient", "created", "type"), ("eventType", "occurredAt")
KINDS = (WEBHOOKS, HISTORY, MAILS, OCCURRENCES)
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
# What the recipient did; everything else was done by the system.
BY_PERSON = ("OPEN", "CLICK", "SPAMREPORT", "STATUSCHANGE")
TEXT = (
    *CONTACT, "eventId", "email", "Email", "associatedcompanyid", "id", "recipient", "propertyValue", *MERGED,
    "properties.hs_object_id", "properties.associatedcompanyid", "properties.hs_merged_object_ids",
)  # fmt: skip


def read_hubspot(source: Source, *, name: str = "hubspot", time_zone: str | None = None) -> Events:
    """Read contacts of HubSpot: when they became MQL, SQL, Opportunity or Customer, and the e-mail they got.

    Parameters
    ----------
    source
        One of: property history or webhooks (`objectId`, `propertyName`, `propertyValue`, `occurredAt` in ms; CSV or
        JSON), e-mail events (`type`, `recipient`, `created` in ms), events of the events API (`eventType`,
        `occurredAt`), or a list of contacts, best with the date of each stage (`hs_v2_date_entered_lead`,
        `hs_lifecyclestage_lead_date`, 'Date entered "Lead (…)"', "Became a Lead Date", …) or with
        `propertiesWithHistory`, or a list of companies ("Record ID", "Company name", …). Lists and e-mail events may
        be the API's pages (`results`, `events`).
    name
        What to write into the column `source`.
    time_zone
        The zone of times that name none, such as "Europe/Berlin": exported lists have that of the account.

    Returns
    -------
    Events
        A change of `lifecyclestage` is an event: "Became Subscriber", "Became Lead", "Became MQL", "Became SQL",
        "Became Opportunity", "Became Customer"; a custom stage is "Became <stage>". Changes of other properties and
        creations are facts with the property as a trait; so is a contact in a list, at the time of its creation.
        Companies, and who belongs to them (`contact.associationChange`), are facts about accounts: `j.by_account()`
        has them. `contact.merge` and `hs_merged_object_ids` link contacts. Identifiers: `email` (lower case),
        `hubspot_id`.

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
    if time_zone is not None:
        check_zone(time_zone)
    raw = unpack_pages(load_nested(source, text=TEXT), "results", "events")
    columns = set(raw.schema)
    if set(HISTORY) <= columns or set(WEBHOOKS) <= columns:
        return map_property_history(raw, name, time_zone=time_zone)
    if set(MAILS) <= columns:
        return _map_email_events(raw, name, time_zone=time_zone)
    if set(OCCURRENCES) <= columns:
        return _map_custom_events(raw, name, time_zone=time_zone)
    raw = unnest_properties(raw)
    if has_companies(raw.schema):
        return map_companies(raw, name, time_zone=time_zone)
    if has_contacts(raw.schema):
        return map_contacts(raw, name, time_zone=time_zone)
    raise wrong_system_error("HubSpot", raw, missing=_find_missing(columns))


def _find_missing(columns: set[str]) -> list[str]:
    """List the columns missing from the likely kind of data: the kind that has its first column, or any two."""
    for kind in KINDS:
        if kind[0] in columns or len(columns.intersection(kind)) > 1:
            return [column for column in kind if column not in columns]
    return ["propertyName", "recipient", "eventType", "lifecyclestage"]


def _map_email_events(raw: RawTable, name: str, *, time_zone: str | None) -> Events:
    """Map HubSpot's marketing e-mails (sent, opened, clicked) to events of their recipients."""
    f = Fields(raw.schema)
    time, notes = parse_time_column(f, raw, "created", time_zone=time_zone)
    kind = f.text("type").str.to_uppercase()
    title = pl.concat_str(kind.str.to_titlecase(), pl.lit(" Email"))
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=time,
        time_text=f.time_text("created"),
        event=replace_names(kind, MAIL, default=title),
        problem=f.problem,
        ids={"email": f.email("recipient"), "hubspot_id": f.id("vid", "contact_id")},
        fields={"page_url": f.text("url"), "by": name_actor(kind.is_in(BY_PERSON))},
    )
    if f.has("id"):
        mapping.fields["message_id"] = f.id("id")
    mapping.properties = f.rest(skip=["portalId", "appId"])
    notes = ["an opened e-mail is weak evidence: robots open e-mails, too", *notes]
    return map_events(raw, mapping, name=name, notes=notes)


def _map_custom_events(raw: RawTable, name: str, *, time_zone: str | None) -> Events:
    """Map custom events, and HubSpot's own events such as page visits, under readable names."""
    f = Fields(raw.schema)
    time, notes = parse_time_column(f, raw, "occurredAt", time_zone=time_zone)
    # `pe1234_signed_up` is a custom event of portal 1234, `e_visited_page` one of HubSpot's own.
    title = f.text("eventType").str.replace(r"^(pe\d+|e)_", "").str.replace_all("_", " ").str.to_titlecase()
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=time,
        time_text=f.time_text("occurredAt"),
        event=title,
        problem=f.problem,
        ids={"email": f.email("email", "properties.email"), "hubspot_id": f.id(*CONTACT), "hubspot_utk": f.id("utk")},
        fields={"page_url": f.text("properties.hs_url", "properties.url"), "message_id": f.id("id", "uuid")},
    )
    mapping.properties = [*f.rest("properties"), *f.rest()]
    return map_events(raw, mapping, name=name, notes=notes)
