"""Amplitude's export: `read_amplitude`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.campaign import UTM
from journeys.sources.column_mapping import ColumnMapping, Fields, map_events
from journeys.sources.reading import Source, load_nested
from journeys.sources.registry import wrong_system_error

PROPERTIES = "event_properties"
# `Page Location` is the whole address; newer SDKs write `Page URL` without its query.
PAGE = {
    "page_url": ("[Amplitude] Page Location", "[Amplitude] Page URL", "page_url"),
    "page_path": ("[Amplitude] Page Path", "page_path"),
    "page_title": ("[Amplitude] Page Title", "page_title"),
    "page_referrer": ("referrer", "page_referrer"),
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
        Adopt Amplitude's own merging of devices: `amplitude_id` becomes an identifier. Else it is a property, and
        only `user_id` and `device_id` identify people.

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
    Time is `event_time`, which is UTC without saying so. Duplicates have the same `$insert_id` and device, or, without
    an insert id, the same `uuid`. Source: Amplitude's documentation of its export API.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event_type": ["Signed Up"], "event_time": ["2026-03-01 10:00:00.123000"],
    ...     "user_id": ["7"], "device_id": ["d1"], "amplitude_id": [42]})
    >>> read_amplitude(rows).table.select("event", "user_id", "device_id", "amplitude_id").collect().rows()
    [('Signed Up', '7', 'd1', 42)]
    """
    raw = load_nested(source, text=("user_id", "device_id"), objects=(PROPERTIES, "user_properties"))
    f = Fields(raw.schema)
    missing = [column for column in ("event_type", "event_time") if not f.has(column)]
    missing += [] if f.has("user_id", "device_id", "amplitude_id") else ["user_id", "device_id"]
    if missing:
        raise wrong_system_error("Amplitude", raw, missing=missing)
    event = f.text("event_type")
    is_fact = event.is_in(["$identify", "$groupidentify"])
    ids = {"user_id": f.id("user_id"), "device_id": f.id("device_id")}
    if by_amplitude_id:
        ids["amplitude_id"] = f.id("amplitude_id")
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=f.time("event_time"),
        time_text=f.time_text("event_time"),
        event=event,
        ids=ids,
        kind=pl.when(is_fact).then(event.str.strip_prefix("$")),
        fields={
            **{canonical: f.text(*(f"{PROPERTIES}.{name}" for name in names)) for canonical, names in PAGE.items()},
            **{canonical: f.text(f"{PROPERTIES}.{utm}") for canonical, utm in UTM.items()},
        },
    )
    if f.has("$insert_id", "uuid"):
        # An insert id is unique on its device only.
        insert_id, device = f.key("$insert_id"), pl.coalesce(f.id("device_id"), f.id("user_id"), pl.lit(""))
        on_device = pl.when(insert_id.is_not_null()).then(pl.concat_str(insert_id, device, separator="/"))
        mapping.fields["message_id"] = pl.coalesce(on_device, f.key("uuid"))
    users = f.rest("user_properties")
    mapping.traits = [(key, pl.when(is_fact).then(expr)) for key, expr in users]
    mapping.properties = f.rest(PROPERTIES) + [(f"user_{key}", expr) for key, expr in users] + f.rest()
    return map_events(raw, mapping, name=name)
