"""Mixpanel's raw export: `read_mixpanel`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.events.time_zones import check_zone, note_repeated_hour
from journeys.sources.fields import Fields, unless
from journeys.sources.keyed import json_columns
from journeys.sources.links import Link, made_links
from journeys.sources.looks import wrong_system
from journeys.sources.reading import Source, load_source
from journeys.sources.shape import TIME, Shape, to_events

__all__ = ["read_mixpanel"]

DEVICE = "$device:"
LINKING = ("$identify", "$create_alias", "$merge")


def read_mixpanel(source: Source, *, unit: str = "s", time_zone: str = "UTC", name: str = "mixpanel") -> Events:
    """Read the events of Mixpanel's raw export (one JSON object a line).

    Parameters
    ----------
    source
        Files of the export API, a folder, or a frame with the columns `event` and `properties`.
    unit
        What `properties.time` counts: "s", or "ms" where the export was asked for with time_in_ms.
    time_zone
        The project's zone: projects made before 2023 export the local time as if it were UTC.
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Names as Mixpanel has them. `$identify`, `$create_alias` and `$merge` are facts that link. Identifiers:
        `user_id` (`$user_id`, or a `distinct_id` that is no device), `device_id` (`$device_id`, `$device:…`).
        A duplicate has the same `$insert_id`, event, distinct_id and time, as Mixpanel itself decides.

    Raises
    ------
    SourceError
        The file of another system, or a time that is no time in this unit (the message says which unit fits).

    Notes
    -----
    Source: Mixpanel's documentation of its raw export, of its identity system and of deduplication.

    Examples
    --------
    >>> import polars as pl
    >>> properties = {"time": 1772530000, "$device_id": "d1", "$user_id": "7"}
    >>> rows = pl.DataFrame([{"event": "Signed Up", "properties": properties}])
    >>> read_mixpanel(rows).table.select("event", "user_id", "device_id").collect().rows()
    [('Signed Up', '7', 'd1')]
    """
    raw = json_columns(load_source(source), "properties")
    f = Fields(raw.schema)
    missing = [column for column in ("event", "properties.time") if not f.has(column)]
    if missing:
        raise wrong_system("Mixpanel", raw, missing=missing)
    check_zone(time_zone)
    time = f.epoch(raw, "properties.time", unit=unit, has_unit_option=True)
    notes, skipped = note_repeated_hour(time_zone), f.problem
    if time_zone != "UTC":
        said = f"a time that cannot be read: the clocks of {time_zone} skip it"
        # of what was a time before its zone was looked at
        skipped = pl.coalesce(f.problem, pl.when(time.is_not_null() & pl.col(TIME).is_null()).then(pl.lit(said)))
        local = time.dt.replace_time_zone(None).dt.replace_time_zone(
            time_zone, ambiguous="earliest", non_existent="null"
        )
        time = local.dt.convert_time_zone("UTC")
    event, distinct = f.text("event"), f.id("properties.distinct_id")
    is_device = distinct.str.starts_with(DEVICE).fill_null(value=False)
    device = f.id("properties.$device_id")
    # In the original merge the distinct id of somebody unknown is the bare id of the device.
    bare = (distinct == device).fill_null(value=False) & f.id("properties.$user_id").is_null()
    user = pl.coalesce(f.id("properties.$user_id"), pl.when(~is_device & ~bare).then(distinct))
    # The call names the older id first, which may be that of a device, and the new one as the alias.
    alias = pl.when(event == "$create_alias").then(f.id("properties.alias"))
    shape = Shape(
        rounded=f.rounded,
        timestamp=time,
        timed=f.text("properties.time").is_not_null(),
        event=event,
        ids={
            "user_id": pl.coalesce(alias, user),
            "device_id": pl.coalesce(device, pl.when(is_device).then(distinct.str.strip_prefix(DEVICE))),
        },
        problem=skipped,
        kind=pl.when(event.is_in(LINKING)).then(event.str.strip_prefix("$")),
        hidden={
            "_identified": f.id("properties.$identified_id"),
            "_anonymous": f.id("properties.$anon_id", "properties.$anon_distinct_id").str.strip_prefix(DEVICE),
            "_alias": alias,
            "_distinct": distinct,
            "_merged": f.text("properties.$distinct_ids"),
        },
        fields={
            "page_url": f.text("properties.$current_url", "properties.current_url_full"),
            "page_referrer": unless(f.text("properties.$referrer"), text="$direct"),
            "page_title": f.text("properties.current_page_title"),
            "page_path": f.text("properties.current_url_path"),
            "page_search": f.text("properties.current_url_search"),
            "campaign": f.text("properties.utm_campaign"),
            "campaign_source": f.text("properties.utm_source"),
            "campaign_medium": f.text("properties.utm_medium"),
            "campaign_term": f.text("properties.utm_term"),
            "campaign_content": f.text("properties.utm_content"),
        },
    )
    if f.has("properties.$insert_id"):
        key = [f.text("properties.$insert_id"), event, distinct.fill_null(""), f.text("properties.time").fill_null("")]
        shape.fields["message_id"] = pl.concat_str(key, separator="/")
    shape.properties = [*f.rest("properties"), *f.rest()]
    return to_events(raw, shape, name=name, links=_links, notes=notes)


def _links(used: pl.LazyFrame) -> pl.LazyFrame:
    pair = pl.col("_merged").str.extract_all(r'"([^"]+)"').list.eval(pl.element().str.strip_chars('"'))
    ends = {
        "_a": pair.list.get(0, null_on_oob=True),
        "_b": pair.list.get(1, null_on_oob=True),
        "_was": pl.col("_distinct"),
    }
    marked = [value.alias(end) for end, value in ends.items()]
    bare = [pl.col(end).str.strip_prefix(DEVICE) for end in ends]
    devices = [pl.col(end).str.starts_with(DEVICE).alias(f"{end}:device") for end in ends]
    rows = used.with_columns(marked).with_columns(*bare, *devices)

    def end(name: str) -> tuple[pl.Expr, pl.Expr]:
        kind = pl.when(pl.col(f"{name}:device")).then(pl.lit("device_id")).otherwise(pl.lit("user_id"))
        return kind, pl.col(name)

    alias = ("user_id", pl.col("_alias"))
    return made_links(
        [
            (used, Link("identify", ("device_id", pl.col("_anonymous")), ("user_id", pl.col("_identified")), "alias")),
            (rows, Link("create_alias", alias, end("_was"), "alias")),
            (rows, Link("merge", end("_a"), end("_b"), "merge")),
        ]
    )
