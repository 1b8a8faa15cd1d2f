"""Files as each system writes them, of any number of rows: what the readers are measured on."""

# ruff: noqa: E501  (a row as the system writes it stands in as few lines as can be)

# ruff: noqa: E501 - a row of made-up data is read best in few lines

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from journeys.sources.snowplow import FIELDS

__all__ = ["FILES", "write"]

START = datetime(2026, 1, 4, tzinfo=UTC)
NAMES = ("Loaded a Page", "Signed Up", "Created Project", "Opened Project", "Completed Task", "Upgraded Plan")
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
Row = dict[str, Any]


@dataclass(frozen=True)
class Visit:
    """One row's worth of behaviour."""

    number: int

    @property
    def at(self) -> datetime:
        """When."""
        return START + timedelta(milliseconds=1_700 * self.number)

    @property
    def who(self) -> str:
        """Whose."""
        return f"{self.number * 7919 % 20_011:08d}-4bbb-8ccc-9ddd-0123456789ab"

    @property
    def known(self) -> str | None:
        """The user, in four of five rows."""
        return f"u{self.number * 7919 % 20_011}" if self.number % 5 else None

    @property
    def name(self) -> str:
        """What."""
        return NAMES[self.number * 31 % len(NAMES)]

    @property
    def path(self) -> str:
        """Which page."""
        return f"/pages/{self.number * 17 % 997}"

    @property
    def url(self) -> str:
        """The page's address, a campaign's in one of twenty."""
        tags = f"?utm_source=news{self.number % 7}&utm_medium=email" if self.number % 20 == 0 else ""
        return f"https://shop.example{self.path}{tags}"

    def iso(self) -> str:
        """The time as ISO 8601."""
        return self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def plain(self) -> str:
        """The time as databases write it."""
        return self.at.strftime("%Y-%m-%d %H:%M:%S.%f")


def segment(v: Visit) -> Row:
    """A call of Segment's spec."""
    page = {"path": v.path, "url": v.url, "title": f"Page {v.number % 997}", "referrer": "", "search": ""}
    return {
        "type": "track", "event": v.name, "messageId": f"ajs-{v.number:032x}", "userId": v.known, "anonymousId": v.who,
        "timestamp": v.iso(), "originalTimestamp": v.iso(), "sentAt": v.iso(), "receivedAt": v.iso(), "version": 2,
        "integrations": {}, "properties": {"amount": v.number % 100, "plan": "pro", "trial": v.number % 2 == 0},
        "context": {"page": page, "library": {"name": "analytics.js", "version": "2.1.0"}, "userAgent": AGENT,
                    "locale": "en-GB", "ip": f"10.0.{v.number % 200}.{v.number % 250}"},
    }  # fmt: skip


def warehouse(v: Visit) -> Row:
    """A row of Segment's (and RudderStack's) table of one event."""
    return {
        "id": f"ajs-{v.number:032x}", "anonymous_id": v.who, "user_id": v.known or "", "event": "created_project",
        "event_text": "Created Project", "timestamp": v.plain(), "received_at": v.plain(), "sent_at": v.plain(),
        "original_timestamp": v.plain(), "context_page_url": v.url, "context_page_path": v.path,
        "context_page_title": f"Page {v.number % 997}", "context_page_referrer": "", "context_library_name": "analytics.js",
        "context_user_agent": AGENT, "context_ip": f"10.0.{v.number % 200}.{v.number % 250}", "amount": v.number % 100,
        "plan": "pro",
    }  # fmt: skip


def ga4(v: Visit) -> Row:
    """A row of GA4's export to BigQuery."""
    micros = int(v.at.timestamp() * 1_000_000)
    params = [
        {"key": "page_location", "value": {"string_value": v.url}},
        {"key": "page_title", "value": {"string_value": f"Page {v.number % 997}"}},
        {"key": "ga_session_id", "value": {"int_value": v.number // 9}},
        {"key": "engagement_time_msec", "value": {"int_value": v.number % 9000}},
    ]
    return {
        "event_date": f"{v.at:%Y%m%d}", "event_timestamp": micros, "event_name": "page_view", "event_params": params,
        "user_id": v.known, "user_pseudo_id": v.who, "batch_page_id": micros // 1000, "batch_ordering_id": 1,
        "batch_event_index": v.number % 10, "stream_id": "4711", "platform": "WEB",
        "device": {"category": "desktop", "language": "en-gb", "web_info": {"browser": "Chrome", "hostname": "shop.example"}},
        "geo": {"country": "Germany", "city": "Bonn"}, "collected_traffic_source": {"manual_source": None, "gclid": None},
    }  # fmt: skip


def mixpanel(v: Visit) -> Row:
    """A line of Mixpanel's raw export."""
    return {"event": v.name, "properties": {
        "time": int(v.at.timestamp()), "distinct_id": v.known or f"$device:{v.who}", "$device_id": v.who,
        "$user_id": v.known, "$insert_id": f"{v.number:016x}", "$browser": "Chrome", "$city": "Bonn",
        "$current_url": v.url, "$initial_referrer": "$direct", "$os": "Linux", "mp_lib": "web", "mp_country_code": "DE",
        "$screen_width": 1920, "$screen_height": 1080, "amount": v.number % 100, "plan": "pro",
    }}  # fmt: skip


def amplitude(v: Visit) -> Row:
    """A line of Amplitude's export."""
    return {
        "app": 4711, "amplitude_id": v.number * 7919 % 20_011, "user_id": v.known, "device_id": v.who, "event_type": v.name,
        "event_time": v.plain(), "client_event_time": v.plain(), "server_upload_time": v.plain(), "event_id": v.number,
        "session_id": 1772530000000 + v.number // 9, "uuid": f"{v.number:032x}", "$insert_id": f"{v.number:016x}",
        "event_properties": {"[Amplitude] Page URL": v.url, "[Amplitude] Page Path": v.path, "amount": v.number % 100},
        "user_properties": {"plan": "pro", "seats": v.number % 30}, "groups": {}, "group_properties": {}, "data": {},
        "platform": "Web", "os_name": "Chrome", "os_version": "124", "country": "Germany", "city": "Bonn",
        "language": "English", "library": "amplitude-ts/2.1.0", "ip_address": "10.0.0.1", "paying": None,
    }  # fmt: skip


def posthog(v: Visit) -> Row:
    """A line of PostHog's export."""
    return {
        "uuid": f"{v.number:032x}", "event": v.name, "timestamp": v.iso(), "created_at": v.iso(),
        "distinct_id": v.known or v.who, "person_id": v.who, "team_id": 7, "elements_chain": "",
        "properties": {"$device_id": v.who, "$current_url": v.url, "$pathname": v.path, "$host": "shop.example",
                       "$referrer": "$direct", "$session_id": f"s{v.number // 9}", "$browser": "Chrome", "$os": "Linux",
                       "$lib": "web", "$is_identified": v.known is not None, "amount": v.number % 100},
    }  # fmt: skip


def posthog_text(v: Visit) -> Row:
    """A row of PostHog's export as a table: the properties are JSON in text."""
    row = posthog(v)
    return row | {"properties": json.dumps(row["properties"])}


def snowplow(v: Visit) -> Row:
    """A line of Snowplow's enriched stream."""
    said = {
        "app_id": "shop", "platform": "web", "collector_tstamp": v.plain(), "derived_tstamp": v.plain(),
        "dvce_created_tstamp": v.plain(), "event": "page_view", "event_name": "page_view", "event_id": f"{v.number:032x}",
        "event_fingerprint": f"{v.number:08x}", "user_id": v.known or "", "domain_userid": v.who, "page_url": v.url,
        "page_title": f"Page {v.number % 997}", "page_urlpath": v.path, "page_urlhost": "shop.example", "useragent": AGENT,
        "geo_country": "DE", "geo_city": "Bonn", "br_lang": "en-GB", "domain_sessionidx": v.number % 40,
    }  # fmt: skip
    return {field: said.get(field, "") for field in FIELDS}


def customerio(v: Visit) -> Row:
    """A line of Customer.io's reporting webhooks."""
    return {
        "event_id": f"01H{v.number:023d}", "object_type": "email", "metric": ("sent", "delivered", "human_opened")[v.number % 3],
        "timestamp": int(v.at.timestamp()),
        "data": {"customer_id": v.known or v.who, "identifiers": {"id": v.known, "email": f"p{v.number % 20011}@x.example",
                 "cio_id": v.who}, "recipient": f"p{v.number % 20011}@x.example", "delivery_id": f"d{v.number}",
                 "campaign_id": v.number % 9, "action_id": 3, "subject": "What is new this week"},
    }  # fmt: skip


def hubspot(v: Visit) -> Row:
    """A row of HubSpot's property history."""
    return {
        "eventId": v.number, "subscriptionType": "contact.propertyChange", "objectId": v.number * 7919 % 20_011,
        "propertyName": "lifecyclestage", "propertyValue": ("lead", "marketingqualifiedlead", "customer")[v.number % 3],
        "occurredAt": int(v.at.timestamp() * 1000), "changeSource": "CRM_UI", "portalId": 4711, "appId": 12,
        "email": f"p{v.number * 7919 % 20_011}@x.example", "sourceId": "userId:4711",
    }  # fmt: skip


def table(v: Visit) -> Row:
    """A row of somebody's own log."""
    return {
        "at": v.iso(), "what": v.name, "user_id": v.known or "", "device": v.who, "id": f"{v.number:032x}",
        "page_url": v.url, "page_path": v.path, "agent": AGENT, "amount": v.number % 100, "price": v.number % 977 / 10,
        "plan": "pro",
    }  # fmt: skip


FILES: dict[str, tuple[str, Callable[[Visit], Row]]] = {
    "segment": ("ndjson", segment),
    "segment warehouse": ("csv", warehouse),
    "ga4": ("ndjson", ga4),
    "mixpanel": ("ndjson", mixpanel),
    "amplitude": ("ndjson", amplitude),
    "posthog": ("ndjson", posthog),
    "posthog table": ("csv", posthog_text),
    "snowplow": ("tsv", snowplow),
    "customer.io": ("ndjson", customerio),
    "hubspot": ("csv", hubspot),
    "table": ("csv", table),
}


def write(system: str, *, folder: Path, rows: int) -> Path:
    """Write a system's export, or find the one that is there."""
    ending, make = FILES[system]
    path = folder / f"{system.replace(' ', '-')}-{rows}.{ending}"
    if not path.exists():
        unfinished = path.with_suffix(".part")
        with unfinished.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(_lines(ending, (make(Visit(number)) for number in range(rows))))
        unfinished.rename(path)
    return path


def _lines(ending: str, rows: Iterator[Row]) -> Iterator[str]:
    for number, row in enumerate(rows):
        if ending == "ndjson":
            yield json.dumps(row) + "\n"
        elif ending == "tsv":
            yield "\t".join(map(str, row.values())) + "\n"
        else:
            if number == 0:
                yield ",".join(row) + "\n"
            yield ",".join(map(_cell, row.values())) + "\n"


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
