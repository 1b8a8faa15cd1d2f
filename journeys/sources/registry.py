"""The one list of readers: which columns only a system's exports have, and the function that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module

from journeys.errors import SourceError
from journeys.events import Events
from journeys.sources.reading import RawTable


@dataclass(frozen=True, slots=True)
class Reader:
    """A system whose exports are read.

    Attributes
    ----------
    system
        The name by which the system is called in messages.
    module
        The module of the function, which is imported when it is first needed.
    function
        The public function that reads the system's exports.
    signs
        Sets of columns: a table that has all columns of one of the sets is this system's.
    """

    system: str
    module: str
    function: str
    signs: tuple[frozenset[str], ...]

    def load_function(self) -> Callable[..., Events]:
        """Import the function."""
        read: Callable[..., Events] = getattr(import_module(f"journeys.sources.{self.module}"), self.function)
        return read


def _make_reader(system: str, module: str, function: str, *signs: str) -> Reader:
    return Reader(system, module, function, tuple(frozenset(sign.split(", ")) for sign in signs))


READERS: tuple[Reader, ...] = (
    _make_reader("Segment", "segment", "read_segment", "type, messageId", "anonymousId, messageId"),
    _make_reader(
        "Segment's warehouse", "segment", "read_segment",
        "id, anonymous_id, received_at", "id, anonymous_id, original_timestamp",
    ),
    _make_reader("Google Analytics 4", "ga4", "read_ga4", "event_timestamp, event_name, user_pseudo_id"),
    _make_reader(
        "Amplitude", "amplitude", "read_amplitude",
        "event_type, event_time, device_id", "event_type, amplitude_id",
    ),
    _make_reader(
        "PostHog", "posthog", "read_posthog",
        "event, distinct_id, timestamp, uuid", "event, distinct_id, timestamp, properties",
        "distinct_id, person_id, person_version", "results, next",
    ),
    _make_reader("Mixpanel", "mixpanel", "read_mixpanel", "event, properties"),
    _make_reader(
        "Snowplow", "snowplow", "read_snowplow",
        "collector_tstamp, event_id", "domain_userid, collector_tstamp",
    ),
    _make_reader(
        "Customer.io", "customerio", "read_customerio",
        "object_type, metric", "delivery_id, metric", "customer_identifiers, type, timestamp",
        "delivery_id, delivery_type, type, timestamp", "activities, next",
    ),
    _make_reader(
        "HubSpot", "hubspot", "read_hubspot",
        "subscriptionType, objectId", "propertyName, propertyValue, occurredAt", "emailCampaignId, recipient",
        "lifecyclestage", "Record ID, Lifecycle Stage", "Record ID, Company name", "Record ID, Email",
        "propertiesWithHistory", "id, properties, createdAt", "results, paging", "events, hasMore",
    ),
)  # fmt: skip
"""The readers, in the order in which they are tried. RudderStack writes Segment's tables: one reader has both."""

# A Snowplow stream has no header: the fields of its first event are taken for one. Older versions have fewer fields,
# and some tools strip an empty last one.
SNOWPLOW_WIDTHS = range(108, 132)
SNOWPLOW_EVENTS = frozenset({"page_view", "page_ping", "struct", "unstruct", "transaction", "transaction_item"})


def detect_reader(columns: Iterable[str]) -> Reader | None:
    """Find the reader of the system that writes tables with these columns; None when there is none.

    Fields flattened with dots (`properties.$device_id`) count as their object (`properties`).
    """
    listed = [column.removeprefix("*.") for column in columns]
    present = {*listed, *(column.partition(".")[0] for column in listed)}
    for reader in READERS:
        if any(sign <= present for sign in reader.signs):
            return reader
    if len(listed) in SNOWPLOW_WIDTHS and (len(listed) == SNOWPLOW_WIDTHS[-1] or present & SNOWPLOW_EVENTS):
        return next(reader for reader in READERS if reader.system == "Snowplow")
    return None


def detect_system(columns: Iterable[str]) -> str | None:
    """Name the system that writes tables with these columns; None when no known system does.

    Examples
    --------
    >>> detect_system(["event_timestamp", "event_name", "user_pseudo_id", "geo"])
    'Google Analytics 4'
    """
    reader = detect_reader(columns)
    return reader.system if reader is not None else None


def wrong_system_error(system: str, raw: RawTable, *, missing: Sequence[str]) -> SourceError:
    """Say that a file is not this system's, which columns are missing, and which system's it may be."""
    columns = [column for column in raw.schema if not column.startswith("_")]
    detected = detect_reader(columns)
    own = {reader.function for reader in READERS if reader.system == system}
    hint = "read_table reads any table with a time, an event and an identifier"
    if detected is not None and detected.function not in own:
        hint = f"it looks like {detected.system}: {detected.function}"
    shown = ", ".join(map(repr, columns[:12])) + (f" and {len(columns) - 12} more" if len(columns) > 12 else "")
    lacking = " or ".join(map(repr, missing))
    return SourceError(
        f"source: {raw.name!r} is not {system} data: no column {lacking}; {hint}. Its columns: {shown or 'none'}."
    )
