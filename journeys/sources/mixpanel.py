"""Mixpanel's raw export: `read_mixpanel`."""

from __future__ import annotations

import polars as pl

from journeys.errors import check_zone
from journeys.events import Events
from journeys.events.times import note_repeated_hour
from journeys.sources.campaign import UTM
from journeys.sources.column_mapping import TIME, ColumnMapping, Fields, IdLink, build_links, map_events, null_if_direct
from journeys.sources.reading import Source, load_nested
from journeys.sources.registry import wrong_system_error

DEVICE = "$device:"
LINKING = ("$identify", "$create_alias", "$merge")
ID_FIELDS = ("distinct_id", "$device_id", "$user_id", "alias", "$identified_id", "$anon_id", "$anon_distinct_id")
TEXT = tuple(f"properties.{field}" for field in (*ID_FIELDS, "$insert_id"))


def read_mixpanel(source: Source, *, unit: str = "s", time_zone: str = "UTC", name: str = "mixpanel") -> Events:
    """Read the events of Mixpanel's raw export (one JSON object a line).

    Parameters
    ----------
    source
        Files of the export API, a folder, or a frame with the columns `event` and `properties`.
    unit
        What `properties.time` counts: "s", or "ms" for exports with time_in_ms.
    time_zone
        The project's zone: projects made before 2023 export the local time as if it were UTC.
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Names as Mixpanel has them. `$identify`, `$create_alias` and `$merge` are facts that link. Identifiers:
        `user_id` (`$user_id`, or a `distinct_id` that is not a device's), `device_id` (`$device_id`, `$device:…`);
        of `$identify`, `$identified_id` and `$anon_id`.
        A duplicate has the same `$insert_id`, event, distinct_id and time, as Mixpanel itself decides.

    Raises
    ------
    SourceError
        The file of another system, or times that cannot be in this unit (the message says which unit fits).

    Notes
    -----
    In the original merge, a visitor's `distinct_id` stands alone, without `$device_id` or `$user_id`. An `$identify`
    with `$anon_id` states that this id was anonymous: stitching reclassifies it. Source: Mixpanel's documentation of
    its raw export, of its identity system and of deduplication.

    Examples
    --------
    >>> import polars as pl
    >>> properties = {"time": 1772530000, "$device_id": "d1", "$user_id": "7"}
    >>> rows = pl.DataFrame([{"event": "Signed Up", "properties": properties}])
    >>> read_mixpanel(rows).table.select("event", "user_id", "device_id").collect().rows()
    [('Signed Up', '7', 'd1')]
    """
    raw = load_nested(source, text=TEXT, objects=("properties",))
    f = Fields(raw.schema)
    missing = [column for column in ("event", "properties.time") if not f.has(column)]
    if missing:
        raise wrong_system_error("Mixpanel", raw, missing=missing)
    check_zone(time_zone)
    time = f.epoch(raw, "properties.time", unit=unit, has_unit_option=True)
    problem = f.problem
    if time_zone != "UTC":
        skipped = f"a time that cannot be read: the clocks of {time_zone} skip it"
        # Only of what was a time before it was moved into its zone.
        is_skipped = time.is_not_null() & pl.col(TIME).is_null()
        problem = pl.coalesce(problem, pl.when(is_skipped).then(pl.lit(skipped)))
        local = time.dt.replace_time_zone(None).dt.replace_time_zone(
            time_zone, ambiguous="earliest", non_existent="null"
        )
        time = local.dt.convert_time_zone("UTC")
    event, distinct = f.text("event"), f.id("properties.distinct_id")
    device, user = f.id("properties.$device_id"), f.id("properties.$user_id")
    has_device_prefix = distinct.str.starts_with(DEVICE).fill_null(value=False)
    # In the original merge the distinct id of an anonymous visitor is the device's id without a prefix.
    is_device = (distinct == device).fill_null(value=False) & user.is_null()
    # The call names the older id first, which may be a device's, and the new one as the alias.
    alias = pl.when(event == "$create_alias").then(f.id("properties.alias"))
    # The call names the visitor and the user that it is: like a row with both, it joins no two known users.
    anonymous = f.id("properties.$anon_id", "properties.$anon_distinct_id").str.strip_prefix(DEVICE)
    anonymous = pl.when(event == "$identify").then(anonymous)
    other = pl.when(distinct.str.strip_prefix(DEVICE) != anonymous).then(distinct)
    identified = pl.when(anonymous.is_not_null()).then(pl.coalesce(f.id("properties.$identified_id"), user, other))
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=time,
        time_text=f.time_text("properties.time"),
        event=event,
        ids={
            "user_id": pl.coalesce(alias, identified, user, pl.when(~has_device_prefix & ~is_device).then(distinct)),
            "device_id": pl.coalesce(
                anonymous, device, pl.when(has_device_prefix).then(distinct.str.strip_prefix(DEVICE))
            ),
        },
        problem=problem,
        kind=pl.when(event.is_in(LINKING)).then(event.str.strip_prefix("$")),
        hidden={
            "_identified": identified,
            "_anonymous": anonymous,
            "_alias": alias,
            "_distinct": distinct,
            "_merged": f.text("properties.$distinct_ids"),
        },
        fields={
            "page_url": f.text("properties.$current_url", "properties.current_url_full"),
            "page_referrer": null_if_direct(f.text("properties.$referrer")),
            "page_title": f.text("properties.current_page_title"),
            "page_path": f.text("properties.current_url_path"),
            "page_search": f.text("properties.current_url_search"),
            **{canonical: f.text(f"properties.{utm}") for canonical, utm in UTM.items()},
        },
    )
    if f.has("properties.$insert_id"):
        parts = [event, distinct.fill_null(""), f.key("properties.time").fill_null("")]
        mapping.fields["message_id"] = pl.concat_str(f.key("properties.$insert_id"), *parts, separator="/")
    mapping.properties = [*f.rest("properties"), *f.rest()]
    return map_events(raw, mapping, name=name, links=_build_call_links, notes=note_repeated_hour(time_zone))


def _build_call_links(used: pl.LazyFrame) -> pl.LazyFrame:
    """Build the links of `$identify`, `$create_alias` and `$merge`; an end with the prefix `$device:` is a device."""
    pair = pl.col("_merged").str.extract_all(r'"([^"]+)"').list.eval(pl.element().str.strip_chars('"'))
    ends = {
        "_first": pair.list.get(0, null_on_oob=True),
        "_second": pair.list.get(1, null_on_oob=True),
        "_previous": pl.col("_distinct"),
    }
    rows = used.with_columns(value.alias(end) for end, value in ends.items())
    rows = rows.with_columns(
        *(pl.col(end).str.strip_prefix(DEVICE) for end in ends),
        *(pl.col(end).str.starts_with(DEVICE).alias(f"{end}:device") for end in ends),
    )

    def type_end(end: str) -> tuple[pl.Expr, pl.Expr]:
        id_type = pl.when(pl.col(f"{end}:device")).then(pl.lit("device_id")).otherwise(pl.lit("user_id"))
        return id_type, pl.col(end)

    anonymous, identified = ("device_id", pl.col("_anonymous")), ("user_id", pl.col("_identified"))
    previous = "device_id", pl.col("_previous")
    return build_links(
        [
            # The first is anonymous, wherever else it stands as a `distinct_id`.
            (used, IdLink("identify", anonymous, identified, "identify")),
            (rows, IdLink("create_alias", ("user_id", pl.col("_alias")), type_end("_previous"), "alias")),
            # What no call has identified is not known to be a user's: an alias may join it.
            (rows, IdLink("create_alias", previous, previous, "identify")),
            (rows, IdLink("merge", type_end("_first"), type_end("_second"), "merge")),
        ]
    )
