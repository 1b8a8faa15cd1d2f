"""Which system's file is this? Told by the columns that only its exports have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from journeys.errors import SourceError
from journeys.sources.reading import RawTable

__all__ = ["looks_like", "wrong_system"]

# All columns of one of the sets must be there.
SIGNS: dict[str, list[set[str]]] = {
    "Segment": [{"type", "messageId"}, {"anonymousId", "messageId"}],
    "Segment's warehouse": [{"id", "anonymous_id", "received_at"}, {"id", "anonymous_id", "original_timestamp"}],
    "Google Analytics 4": [{"event_timestamp", "event_name", "user_pseudo_id"}],
    "Amplitude": [{"event_type", "event_time", "device_id"}, {"event_type", "amplitude_id"}],
    "PostHog": [
        {"event", "distinct_id", "timestamp", "uuid"},
        {"event", "distinct_id", "timestamp", "properties"},
        {"distinct_id", "person_id", "person_version"},
        {"results", "next"},
    ],
    "Mixpanel": [{"event", "properties"}],
    "Snowplow": [{"collector_tstamp", "event_id"}, {"domain_userid", "collector_tstamp"}],
    "Customer.io": [
        {"object_type", "metric"},
        {"delivery_id", "metric"},
        {"customer_identifiers", "type", "timestamp"},
        {"delivery_id", "delivery_type", "type", "timestamp"},
        {"activities", "next"},
    ],
    "HubSpot": [
        {"subscriptionType", "objectId"},
        {"propertyName", "propertyValue", "occurredAt"},
        {"emailCampaignId", "recipient"},
        {"lifecyclestage"},
        {"Record ID", "Lifecycle Stage"},
        {"Record ID", "Company name"},
        {"Record ID", "Email"},
        {"propertiesWithHistory"},
        {"id", "properties", "createdAt"},
        {"results", "paging"},
        {"events", "hasMore"},
    ],
}
READERS = {
    "Segment": "read_segment",
    "Segment's warehouse": "read_segment",
    "Google Analytics 4": "read_ga4",
    "Amplitude": "read_amplitude",
    "PostHog": "read_posthog",
    "Mixpanel": "read_mixpanel",
    "Snowplow": "read_snowplow",
    "Customer.io": "read_customerio",
    "HubSpot": "read_hubspot",
}

# a stream of Snowplow has no header: its first event's fields are taken for one
SNOWPLOWS = 131


def looks_like(columns: Iterable[str]) -> str | None:
    """Name the system that writes tables with these columns; None when no system is known to.

    Examples
    --------
    >>> looks_like(["event_timestamp", "event_name", "user_pseudo_id", "geo"])
    'Google Analytics 4'
    """
    listed = list(columns)
    present = set(listed)
    told = next((system for system, signs in SIGNS.items() if any(sign <= present for sign in signs)), None)
    return told or ("Snowplow" if len(listed) == SNOWPLOWS else None)


def wrong_system(system: str, raw: RawTable, *, missing: Sequence[str]) -> SourceError:
    """Say that a file is not this system's, what is missing, and whose it may be."""
    columns = [column for column in raw.schema if not column.startswith("_")]
    guess = looks_like(columns)
    hint = "read_table reads any table with a time, an event and an identifier"
    if guess is not None and READERS[guess] != READERS.get(system):
        hint = f"it looks like {guess}: {READERS[guess]}"
    shown = ", ".join(map(repr, columns[:12])) + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")
    lacking = " or ".join(map(repr, missing)) if len(missing) > 1 else repr(missing[0])
    return SourceError(
        f"source: {raw.name!r} is no {system} data: no column {lacking}; {hint}. It has {shown or 'no columns'}"
    )
