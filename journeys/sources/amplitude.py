"""Amplitude's export: `read_amplitude`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields
from journeys.sources.keyed import json_columns
from journeys.sources.looks import wrong_system
from journeys.sources.reading import Source, load_source
from journeys.sources.shape import Shape, to_events

__all__ = ["read_amplitude"]

TOLD = "event_properties"
PAGE = {
    "page_url": ("[Amplitude] Page URL", "[Amplitude] Page Location", "page_url"),
    "page_path": ("[Amplitude] Page Path", "page_path"),
    "page_title": ("[Amplitude] Page Title", "page_title"),
    "page_referrer": ("referrer", "page_referrer"),
}
CAMPAIGN = {
    "campaign": "utm_campaign",
    "campaign_source": "utm_source",
    "campaign_medium": "utm_medium",
    "campaign_term": "utm_term",
    "campaign_content": "utm_content",
}


def read_amplitude(source: Source, *, name: str = "amplitude", by_amplitude_id: bool = False) -> Events:
    """Read the events of Amplitude's export (one JSON object a line, gzip).

    Parameters
    ----------
    source
        Files of the export API, unzipped: a folder, a glob, or a frame.
    name
        What to write into the column `source`.
    by_amplitude_id
        Take Amplitude's own merging of devices over: `amplitude_id` becomes an identifier. Else it is a property, and
        only `user_id` and `device_id` say who is whom.

    Returns
    -------
    Events
        Names as Amplitude has them. `$identify` and `$groupidentify` are facts with the user properties as traits; on
        events these are properties with the prefix `user_`. Identifiers: `user_id`, `device_id`.

    Raises
    ------
    SourceError
        The file of another system.

    Notes
    -----
    Time is `event_time`, which is UTC though it does not say so. Duplicates have the same `$insert_id` and device, or
    without one the same `uuid`. Source: Amplitude's documentation of its export API.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event_type": ["Signed Up"], "event_time": ["2026-03-01 10:00:00.123000"],
    ...     "user_id": ["7"], "device_id": ["d1"], "amplitude_id": [42]})
    >>> read_amplitude(rows).table.select("event", "user_id", "device_id", "amplitude_id").collect().rows()
    [('Signed Up', '7', 'd1', 42)]
    """
    raw = json_columns(load_source(source, text_columns=("user_id", "device_id")), TOLD, "user_properties")
    f = Fields(raw.schema)
    missing = [column for column in ("event_type", "event_time") if not f.has(column)]
    missing += [] if f.has("user_id", "device_id", "amplitude_id") else ["user_id", "device_id"]
    if missing:
        raise wrong_system("Amplitude", raw, missing=missing)
    event = f.text("event_type")
    fact = event.is_in(["$identify", "$groupidentify"])
    ids = {"user_id": f.id("user_id"), "device_id": f.id("device_id")}
    if by_amplitude_id:
        ids["amplitude_id"] = f.id("amplitude_id")
    shape = Shape(
        rounded=f.rounded,
        timestamp=f.time("event_time"),
        timed=f.text("event_time").is_not_null(),
        event=event,
        ids=ids,
        kind=pl.when(fact).then(event.str.strip_prefix("$")),
    )
    for canonical, names in PAGE.items():
        shape.fields[canonical] = f.text(*(f"{TOLD}.{one}" for one in names))
    for canonical, one in CAMPAIGN.items():
        shape.fields[canonical] = f.text(f"{TOLD}.{one}")
    if f.has("$insert_id", "uuid"):
        # an insert id is a device's own: two devices may have the same
        device = pl.coalesce(f.id("device_id"), f.id("user_id"), pl.lit(""))
        insert_id = f.text("$insert_id")
        told_by = pl.when(insert_id.is_not_null()).then(pl.concat_str(insert_id, device, separator="/"))
        shape.fields["message_id"] = pl.coalesce(told_by, f.text("uuid"))
    users = f.rest("user_properties")
    shape.traits = [(key, pl.when(fact).then(expr)) for key, expr in users]
    shape.properties = f.rest(TOLD) + [(f"user_{key}", expr) for key, expr in users] + f.rest()
    return to_events(raw, shape, name=name)
