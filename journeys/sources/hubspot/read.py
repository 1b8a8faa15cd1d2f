"""HubSpot: property history (lifecycle stages), webhooks, e-mail events and lists: `read_hubspot`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.events.time_zones import check_zone
from journeys.sources.fields import Fields, named
from journeys.sources.hubspot.history import history_events
from journeys.sources.hubspot.lists import company_facts, contact_events, is_companies, is_contacts, plain_rows
from journeys.sources.hubspot.moments import moment
from journeys.sources.hubspot.stages import CONTACT
from journeys.sources.looks import wrong_system
from journeys.sources.pages import unpaged
from journeys.sources.reading import RawTable, Source, load_source
from journeys.sources.shape import Shape, to_events

__all__ = ["read_hubspot"]

# What each kind of data has, the column that only it has first.
CALLS, HISTORY = ("subscriptionType", "occurredAt"), ("propertyName", "propertyValue", "occurredAt")
MAILS, OCCURRENCES = ("recipient", "created", "type"), ("eventType", "occurredAt")
KINDS = (CALLS, HISTORY, MAILS, OCCURRENCES)
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
TEXT = (*CONTACT, "eventId", "email", "Email", "associatedcompanyid", "id", "recipient", "propertyValue")


def read_hubspot(source: Source, *, name: str = "hubspot", time_zone: str | None = None) -> Events:
    """Read what HubSpot knows of contacts: when they became MQL, SQL, Opportunity or Customer, and their e-mail.

    Parameters
    ----------
    source
        One of: property history or webhooks (`objectId`, `propertyName`, `propertyValue`, `occurredAt` in ms; CSV or
        JSON), e-mail events (`type`, `recipient`, `created` in ms), events of the events API (`eventType`,
        `occurredAt`), or a list of contacts, best with the date of each stage (`hs_lifecyclestage_lead_date`, … or
        "Became a Lead Date", …) or with `propertiesWithHistory`, or a list of companies ("Record ID", "Company name",
        …). Lists and e-mail events may be the API's pages (`results`, `events`).
    name
        What to write into the column `source`.
    time_zone
        The zone of times that name none, such as "Europe/Berlin": lists that were exported have those of the account.

    Returns
    -------
    Events
        A change of `lifecyclestage` is an event: "Became Subscriber", "Became Lead", "Became MQL", "Became SQL",
        "Became Opportunity", "Became Customer"; a stage of your own is "Became <stage>". Changes of other properties
        and creations are facts with the property as a trait; so is a contact in a list, at the time of its creation.
        Companies, and who belongs to them (`contact.associationChange`), are facts about accounts: `j.by_account()`
        has them. `contact.merge` joins contacts. Identifiers: `email` (lower case), `hubspot_id`.

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
    raw = unpaged(load_source(source, text_columns=TEXT), "results", "events")
    columns = set(raw.schema)
    if set(HISTORY) <= columns or set(CALLS) <= columns:
        return history_events(raw, name, time_zone=time_zone)
    if set(MAILS) <= columns:
        return _mail(raw, name, time_zone=time_zone)
    if set(OCCURRENCES) <= columns:
        return _occurrences(raw, name, time_zone=time_zone)
    raw = plain_rows(raw)
    if is_companies(raw.schema):
        return company_facts(raw, name, time_zone=time_zone)
    if is_contacts(raw.schema):
        return contact_events(raw, name, time_zone=time_zone)
    raise wrong_system("HubSpot", raw, missing=_missing(columns))


def _missing(columns: set[str]) -> list[str]:
    """Name what the kind of data that was meant lacks: the one whose first column is there, or two of its others."""
    for kind in KINDS:
        if kind[0] in columns or len(columns.intersection(kind)) > 1:
            return [column for column in kind if column not in columns]
    return ["propertyName", "recipient", "eventType", "lifecyclestage"]


def _mail(raw: RawTable, name: str, *, time_zone: str | None) -> Events:
    f = Fields(raw.schema)
    time, notes = moment(f, raw, "created", time_zone=time_zone)
    timed = f.text("created").is_not_null()
    kind = f.text("type").str.to_uppercase()
    title = pl.concat_str(kind.str.to_titlecase(), pl.lit(" Email"))
    shape = Shape(
        rounded=f.rounded,
        timestamp=time,
        timed=timed,
        event=named(kind, MAIL, default=title),
        problem=f.problem,
        ids={"email": f.email("recipient"), "hubspot_id": f.id("vid", "contact_id")},
        fields={"page_url": f.text("url")},
    )
    if f.has("id"):
        shape.fields["message_id"] = f.id("id")
    shape.properties = f.rest(skip=["portalId", "appId"])
    return to_events(raw, shape, name=name, notes=["an opened e-mail is weak evidence: robots open, too", *notes])


def _occurrences(raw: RawTable, name: str, *, time_zone: str | None) -> Events:
    f = Fields(raw.schema)
    time, notes = moment(f, raw, "occurredAt", time_zone=time_zone)
    # `pe1234_signed_up` is a custom event of portal 1234, `e_visited_page` one of HubSpot's own.
    plain = f.text("eventType").str.replace(r"^(pe\d+|e)_", "").str.replace_all("_", " ").str.to_titlecase()
    shape = Shape(
        rounded=f.rounded,
        timestamp=time,
        timed=f.text("occurredAt").is_not_null(),
        event=plain,
        problem=f.problem,
        ids={"email": f.email("email", "properties.email"), "hubspot_id": f.id(*CONTACT), "hubspot_utk": f.id("utk")},
        fields={"page_url": f.text("properties.hs_url", "properties.url"), "message_id": f.id("id", "uuid")},
    )
    shape.properties = [*f.rest("properties"), *f.rest()]
    return to_events(raw, shape, name=name, notes=notes)
