"""PostHog's batch export and API: `read_posthog`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.events.times import note_assumed_zone
from journeys.sources.campaign import UTM
from journeys.sources.column_mapping import (
    ColumnMapping,
    Fields,
    IdLink,
    build_links,
    map_events,
    null_if_direct,
    replace_names,
)
from journeys.sources.pagination import unpack_pages
from journeys.sources.reading import RawTable, Source, load_nested, parse_json_columns
from journeys.sources.registry import wrong_system_error

FACTS = {
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$merge_dangerously": "merge",
    "$groupidentify": "group",
}
OBJECTS = ("properties", "person_properties", "set", "set_once")
TEXT = (
    "distinct_id", "uuid", "id", "person_id", "properties", "person_properties",
    *(f"properties.{field}" for field in ("$device_id", "$anon_distinct_id", "alias", "distinct_id", "$user_id")),
)  # fmt: skip
# PostHog's own libraries make up a UUID for a visitor who is not identified.
UUID = r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"


def read_posthog(source: Source, *, name: str = "posthog") -> Events:
    """Read PostHog's events, or its persons: batch exports (Parquet, NDJSON, CSV) or what the API returns.

    Parameters
    ----------
    source
        Files, a folder or a frame with `event`, `timestamp`, `distinct_id` and `properties` (a struct, JSON text, or
        flattened as in the CSV export, `*.properties.$current_url`), or pages of the API, which have them in `results`;
        or the persons model: `distinct_id`, `person_id`, `properties` and `created_at`, one row per distinct id.
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Names as PostHog has them ("$pageview"). `$identify`, `$set`, `$create_alias`, `$merge_dangerously` and
        `$groupidentify` are facts; `$set` gives traits. Identifiers: `user_id`, `anonymous_id`.
        Persons are facts, too: their properties are traits, and all distinct ids of a `person_id` (an identifier of
        its own, `posthog_id`) are merged, since PostHog has done so already. Deleted persons are in quarantine.

    Raises
    ------
    SourceError
        The file of another system.

    Notes
    -----
    PostHog has one kind of id, the distinct id. Here it is an `anonymous_id` where it equals `$device_id` or the event
    says that nobody was identified (`$is_identified` false), and a `user_id` otherwise; `$device_id` and
    `$anon_distinct_id` are anonymous ids. Stitching also takes for anonymous the distinct id of events without either
    mark if an `$identify` names it as `$anon_distinct_id`, or a `$create_alias` as `alias`, and no `$identify`
    identifies it: PostHog merges it then, and refuses to where it is identified. `person_id` is the person at the time
    of recording, which later merges do not correct: it stays a property of events. The persons model does not tell
    identified ids from others: there, a distinct id that is a UUID is an `anonymous_id`. Source: PostHog's
    documentation and its open source.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event": ["$pageview"], "timestamp": ["2026-03-01T10:00:00Z"], "distinct_id": ["d1"],
    ...     "properties": ['{"$device_id": "d1", "$current_url": "https://x.example/", "$pathname": "/"}']})
    >>> read_posthog(rows).table.select("event", "user_id", "anonymous_id", "page_path").collect().rows()
    [('$pageview', None, 'd1', '/')]
    """
    raw = load_nested(source, text=TEXT, objects=OBJECTS)
    raw = raw if "event" in raw.schema else parse_json_columns(unpack_pages(raw, "results"), *OBJECTS)
    f = Fields(raw.schema)
    if f.has("distinct_id") and f.has("person_id") and not f.has("event", "timestamp"):
        return _map_persons(raw, name)
    missing = [column for column in ("event", "timestamp", "distinct_id") if not f.has(column)]
    if missing:
        raise wrong_system_error("PostHog", raw, missing=missing)
    event, distinct, device = f.text("event"), f.id("distinct_id"), f.id("properties.$device_id")
    anonymous = f.id("properties.$anon_distinct_id")
    is_identified = f.text("properties.$is_identified").str.to_lowercase()
    kind = replace_names(event, FACTS)
    is_anonymous = ((distinct == device) | (is_identified == "false")).fill_null(value=False) & (event != "$identify")
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=f.time("timestamp"),
        time_text=f.time_text("timestamp"),
        event=event,
        ids={
            "user_id": pl.when(~is_anonymous).then(distinct),
            "anonymous_id": pl.coalesce(pl.when(is_anonymous).then(distinct), anonymous, device),
        },
        kind=kind,
        hidden={
            "_alias": f.id("properties.alias"),
            "_was_anonymous": pl.when((event == "$identify") & (anonymous != distinct)).then(anonymous),
            "_identified": pl.when((event == "$identify") & (anonymous.is_null() | (anonymous == distinct))).then(
                distinct
            ),
        },
        fields={
            "page_url": f.text("properties.$current_url"),
            "page_path": f.text("properties.$pathname"),
            "page_title": f.text("properties.title", "properties.$title"),
            "page_referrer": null_if_direct(f.text("properties.$referrer")),
            **{canonical: f.text(f"properties.{utm}") for canonical, utm in UTM.items()},
        },
    )
    if f.has("uuid", "id"):
        mapping.fields["message_id"] = f.key("uuid", "id")
    traits = [*f.rest("person_properties"), *((key.removeprefix("set_"), expr) for key, expr in _set_traits(f))]
    mapping.traits = [(key, pl.when(kind == "identify").then(expr)) for key, expr in traits]
    mapping.properties = [*f.rest("properties"), *f.rest()]
    notes = note_assumed_zone(raw.rows, f.raw("timestamp"))
    return map_events(raw, mapping, name=name, links=_build_call_links, notes=notes)


def _map_persons(raw: RawTable, name: str) -> Events:
    """Map the persons model: a fact per distinct id, linked with the person's id."""
    f = Fields(raw.schema)
    distinct, is_uuid = f.id("distinct_id"), f.text("distinct_id").str.contains(UUID)
    time = "created_at" if f.has("created_at") else "_inserted_at"
    is_deleted = f.text("is_deleted").str.to_lowercase().is_in(["true", "1"]).fill_null(value=False)
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=f.time(time),
        time_text=f.time_text(time),
        event=pl.lit(None, dtype=pl.String),
        ids={
            "user_id": pl.when(~is_uuid).then(distinct),
            "posthog_id": f.id("person_id"),
            "anonymous_id": pl.when(is_uuid).then(distinct),
        },
        kind=pl.lit("merge"),
        problem=pl.when(is_deleted).then(pl.lit("a deleted person")),
    )
    internal = {"team_id", "person_version", "person_distinct_id_version", "_inserted_at", "created_at", "is_deleted"}
    mapping.traits = [*f.rest("properties"), *f.rest(skip=sorted(internal))]
    notes = note_assumed_zone(raw.rows, f.raw(time))
    return map_events(raw, mapping, name=name, links=_person_links, notes=notes)


def _person_links(used: pl.LazyFrame) -> pl.LazyFrame:
    person = ("posthog_id", pl.col("posthog_id"))
    return build_links(
        [
            (used, IdLink("merge", person, (pl.lit(id_type), pl.col(id_type)), "merge"))
            for id_type in ("user_id", "anonymous_id")
        ]
    )


def _set_traits(f: Fields) -> list[tuple[str, pl.Expr]]:
    """Take `$set` and `$set_once` out of the properties, and the columns of the same names."""
    found = []
    for path, (expr, _) in f.leaves.items():
        inside = path[1:] if path[0] == "properties" else path
        if inside and inside[0] in ("$set", "$set_once", "set", "set_once") and len(inside) > 1:
            f.used.add(path)
            found.append(("set_" + "_".join(inside[1:]).lstrip("$"), expr))
    return found


def _build_call_links(used: pl.LazyFrame) -> pl.LazyFrame:
    """Build the links of `$create_alias` and `$merge_dangerously`, and what `$identify` states."""
    alias, own = ("user_id", pl.col("_alias")), pl.coalesce("user_id", "anonymous_id")
    id_type = pl.when(pl.col("user_id").is_not_null()).then(pl.lit("user_id")).otherwise(pl.lit("anonymous_id"))
    calls = [IdLink(call, alias, (id_type, own), call) for call in ("alias", "merge")]
    # Without `$device_id` only this call says that the visits' distinct id was anonymous.
    ends = ("anonymous_id", pl.col("_was_anonymous")), ("user_id", pl.col("user_id"))
    # A distinct id that was identified itself is a user's, also where a later call names it as the anonymous one.
    identified = ("user_id", pl.col("_identified"))
    states = [IdLink("identify", *ends, "identify"), IdLink("identify", identified, identified, "identify")]
    # What no call has identified is not known to be a user's: an alias may merge it.
    aliased = ("anonymous_id", pl.col("_alias"))
    states.append(IdLink("alias", aliased, aliased, "identify"))
    return build_links([(used, link) for link in (*calls, *states)])
