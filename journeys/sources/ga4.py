"""Google Analytics 4 as exported to BigQuery: `read_ga4`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields
from journeys.sources.keyed import keyed_lists
from journeys.sources.looks import wrong_system
from journeys.sources.reading import Source, load
from journeys.sources.shape import Shape, to_events

__all__ = ["read_ga4"]

NEEDED = ("event_timestamp", "event_name", "user_pseudo_id")
# Together they tell one event from another; a batch has the same time for all that it brings.
KEY = ("event_name", "event_timestamp", "user_pseudo_id", "event_bundle_sequence_id")
BATCH = ("batch_page_id", "batch_ordering_id", "batch_event_index")
LISTS = {"event_params": "", "user_properties": "user_"}


def read_ga4(source: Source, *, name: str = "ga4") -> Events:
    """Read the events that Google Analytics 4 exports to BigQuery, as Parquet or NDJSON.

    Parameters
    ----------
    source
        Exports of the tables `events_YYYYMMDD`: files, a glob, a folder, a frame or an Arrow table.
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Names as GA4 has them ("page_view", "sign_up"). Each key of `event_params` is a property, each of
        `user_properties` one with the prefix `user_`. Campaign columns are those of `collected_traffic_source` (this
        event's), else of the event's parameters; `traffic_source` (the person's first touch) stays in the properties.
        Identifiers: `user_id`, `user_pseudo_id`.

    Raises
    ------
    SourceError
        The file of another system, or times that are no microseconds.

    Notes
    -----
    Time is `event_timestamp` in microseconds, UTC; `event_date` is a day in the property's own zone and is kept as it
    is. Duplicates are rows with the same name, time, cookie and place in their batch. Source: Google's documentation of
    the BigQuery export schema.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event_timestamp": [1772530000000000], "event_name": ["page_view"],
    ...     "user_pseudo_id": ["7.8"], "event_params": [[
    ...         {"key": "page_location", "value": {"string_value": "https://x.example/?utm_source=news"}}]]})
    >>> read_ga4(rows).table.select("event", "user_pseudo_id", "campaign_source").collect().rows()
    [('page_view', '7.8', 'news')]
    """
    raw = load(source, text=("user_pseudo_id", "user_id"))
    schema = raw.schema
    missing = [column for column in NEEDED if column not in schema]
    if missing:
        raise wrong_system("Google Analytics 4", raw, missing=missing)
    raw = keyed_lists(raw, {c: f"_{c}" for c in LISTS if c in schema})
    f = Fields(raw.schema)
    params = Fields(pl.Schema({k: v for k, v in raw.schema.items() if k == "_event_params"}), hidden=True)
    traffic, own = "collected_traffic_source.manual_", "_event_params."
    key = [f.text(column) for column in (*KEY, *BATCH) if column in schema]
    shape = Shape(
        timestamp=f.epoch(raw, "event_timestamp", unit="us"),
        timed=f.text("event_timestamp").is_not_null(),
        event=f.text("event_name"),
        ids={"user_id": f.id("user_id"), "user_pseudo_id": f.id("user_pseudo_id")},
        fields={
            "campaign": pl.coalesce(f.text(f"{traffic}campaign_name"), params.text(f"{own}campaign")),
            "campaign_source": pl.coalesce(f.text(f"{traffic}source"), params.text(f"{own}source")),
            "campaign_medium": pl.coalesce(f.text(f"{traffic}medium"), params.text(f"{own}medium")),
            "campaign_term": pl.coalesce(f.text(f"{traffic}term"), params.text(f"{own}term")),
            "campaign_content": pl.coalesce(f.text(f"{traffic}content"), params.text(f"{own}content")),
            "page_url": params.text(f"{own}page_location"),
            "page_title": params.text(f"{own}page_title"),
            "page_referrer": params.text(f"{own}page_referrer"),
        },
    )
    shape.fields["page_path"] = shape.fields["page_url"].str.extract(r"^[a-z]+://[^/?#]+([^?#]*)", 1)
    if any(column in schema for column in BATCH):
        shape.fields["message_id"] = pl.concat_str(key, separator="/", ignore_nulls=True)
    f.used |= {("event_timestamp",), ("user_pseudo_id",), ("event_name",)}
    shape.properties = params.rest("_event_params")
    if "_user_properties" in raw.schema:
        users = Fields(pl.Schema({"_user_properties": raw.schema["_user_properties"]}), hidden=True)
        shape.properties += users.rest("_user_properties", prefix="user_")
    shape.properties += f.rest(skip=list(LISTS))
    return to_events(raw, shape, name=name)
