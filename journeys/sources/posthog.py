"""PostHog's batch export and API: `read_posthog`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.events.time_zones import note_assumed_zone
from journeys.sources.fields import Fields, named, unless
from journeys.sources.keyed import json_columns
from journeys.sources.links import Link, made_links
from journeys.sources.looks import wrong_system
from journeys.sources.pages import unpaged
from journeys.sources.reading import RawTable, Source, load_source
from journeys.sources.shape import Shape, to_events

__all__ = ["read_posthog"]

FACTS = {
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$merge_dangerously": "merge",
    "$groupidentify": "group",
}
OBJECTS = ("properties", "person_properties", "set", "set_once")
CAMPAIGN = {
    "campaign": "utm_campaign",
    "campaign_source": "utm_source",
    "campaign_medium": "utm_medium",
    "campaign_term": "utm_term",
    "campaign_content": "utm_content",
}


# What PostHog's own libraries make up for somebody who is not identified: a UUID.
MADE_UP = r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"


def read_posthog(source: Source, *, name: str = "posthog") -> Events:
    """Read PostHog's events, or its persons: batch exports (Parquet, NDJSON, CSV) or what the API returns.

    Parameters
    ----------
    source
        Files, a folder or a frame with `event`, `timestamp`, `distinct_id` and `properties` (a struct or JSON text),
        or pages of the API, which have them in `results`; or the persons model: `distinct_id`, `person_id`,
        `properties` and `created_at`, a row each distinct id.
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Names as PostHog has them ("$pageview"). `$identify`, `$set`, `$create_alias`, `$merge_dangerously` and
        `$groupidentify` are facts; `$set` gives traits. Identifiers: `user_id`, `anonymous_id`.
        Persons are facts, too: their properties are traits, and all distinct ids of a `person_id` (an identifier of
        its own, `posthog_id`) are merged, since PostHog has done so already. Deleted ones are set apart.

    Raises
    ------
    SourceError
        The file of another system.

    Notes
    -----
    PostHog has one kind of id, the distinct id. Here it is an `anonymous_id` where it equals `$device_id` or the event
    says that nobody was identified (`$is_identified` false), and a `user_id` otherwise; `$device_id` and
    `$anon_distinct_id` are anonymous ids. Stitching takes for one, too, an `alias` that others have as one, and the
    distinct id of events without either mark if an `$identify` names it as `$anon_distinct_id`. `person_id` is the
    person at the time of recording, which later merges do not correct: it stays a property of events. The persons model
    does not tell identified ids from others: a distinct id that is a UUID is taken for an `anonymous_id` there. Source:
    PostHog's documentation and its open source.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event": ["$pageview"], "timestamp": ["2026-03-01T10:00:00Z"], "distinct_id": ["d1"],
    ...     "properties": ['{"$device_id": "d1", "$current_url": "https://x.example/", "$pathname": "/"}']})
    >>> read_posthog(rows).table.select("event", "user_id", "anonymous_id", "page_path").collect().rows()
    [('$pageview', None, 'd1', '/')]
    """
    text = ("distinct_id", "uuid", "id", "person_id", "properties", "person_properties")
    raw = load_source(source, text_columns=text, json_columns=OBJECTS)
    raw = raw if "event" in raw.schema else unpaged(raw, "results")
    raw = json_columns(raw, *OBJECTS)
    f = Fields(raw.schema)
    if f.has("distinct_id") and f.has("person_id") and not f.has("event", "timestamp"):
        return _persons(raw, name)
    missing = [column for column in ("event", "timestamp", "distinct_id") if not f.has(column)]
    if missing:
        raise wrong_system("PostHog", raw, missing=missing)
    event, distinct, device = f.text("event"), f.id("distinct_id"), f.id("properties.$device_id")
    nameless = f.id("properties.$anon_distinct_id")
    told = f.text("properties.$is_identified").str.to_lowercase()
    kind = named(event, FACTS)
    unknown = ((distinct == device) | (told == "false")).fill_null(value=False) & ~event.is_in(["$identify"])
    shape = Shape(
        rounded=f.rounded,
        timestamp=f.time("timestamp"),
        timed=f.text("timestamp").is_not_null(),
        event=event,
        ids={
            "user_id": pl.when(~unknown).then(distinct),
            "anonymous_id": pl.coalesce(pl.when(unknown).then(distinct), nameless, device),
        },
        kind=kind,
        hidden={
            "_alias": f.id("properties.alias"),
            "_nameless": pl.when((event == "$identify") & (nameless != distinct)).then(nameless),
        },
        fields={
            "page_url": f.text("properties.$current_url"),
            "page_path": f.text("properties.$pathname"),
            "page_title": f.text("properties.title", "properties.$title"),
            "page_referrer": unless(f.text("properties.$referrer"), text="$direct"),
        },
    )
    for canonical, one in CAMPAIGN.items():
        shape.fields[canonical] = f.text(f"properties.{one}")
    if f.has("uuid", "id"):
        shape.fields["message_id"] = f.text("uuid", "id")
    traits = [*f.rest("person_properties"), *((k.removeprefix("set_"), e) for k, e in _set(f))]
    shape.traits = [(key, pl.when(kind == "identify").then(expr)) for key, expr in traits]
    shape.properties = [*f.rest("properties"), *f.rest()]
    notes = note_assumed_zone(raw.rows, f.raw("timestamp"))
    return to_events(raw, shape, name=name, links=_links, notes=notes)


def _persons(raw: RawTable, name: str) -> Events:
    f = Fields(raw.schema)
    distinct, made_up = f.id("distinct_id"), f.text("distinct_id").str.contains(MADE_UP)
    time = "created_at" if f.has("created_at") else "_inserted_at"
    gone = f.text("is_deleted").str.to_lowercase().is_in(["true", "1"]).fill_null(value=False)
    shape = Shape(
        rounded=f.rounded,
        timestamp=f.time(time),
        timed=f.text(time).is_not_null(),
        event=pl.lit(None, dtype=pl.String),
        ids={
            "user_id": pl.when(~made_up).then(distinct),
            "posthog_id": f.id("person_id"),
            "anonymous_id": pl.when(made_up).then(distinct),
        },
        kind=pl.lit("merge"),
        problem=pl.when(gone).then(pl.lit("a deleted person")),
    )
    kept = {"team_id", "person_version", "person_distinct_id_version", "_inserted_at", "created_at", "is_deleted"}
    shape.traits = [*f.rest("properties"), *f.rest(skip=sorted(kept))]
    notes = note_assumed_zone(raw.rows, f.raw(time))
    return to_events(raw, shape, name=name, links=_same_person, notes=notes)


def _same_person(used: pl.LazyFrame) -> pl.LazyFrame:
    person = ("posthog_id", pl.col("posthog_id"))
    return made_links(
        [(used, Link("merge", person, (pl.lit(kind), pl.col(kind)), "merge")) for kind in ("user_id", "anonymous_id")]
    )


def _set(f: Fields) -> list[tuple[str, pl.Expr]]:
    """Take `$set` and `$set_once` out of the properties, and the columns of the same names."""
    found = []
    for path, (expr, _) in f.leaves.items():
        inside = path[1:] if path[0] == "properties" else path
        if inside and inside[0] in ("$set", "$set_once", "set", "set_once") and len(inside) > 1:
            f.used.add(path)
            found.append(("set_" + "_".join(inside[1:]).lstrip("$"), expr))
    return found


def _links(used: pl.LazyFrame) -> pl.LazyFrame:
    alias, own = ("user_id", pl.col("_alias")), pl.coalesce("user_id", "anonymous_id")
    kind = pl.when(pl.col("user_id").is_not_null()).then(pl.lit("user_id")).otherwise(pl.lit("anonymous_id"))
    calls = [Link(call, alias, (kind, own), call) for call in ("alias", "merge")]
    # without `$device_id` only this call says what the visits' distinct id was
    who = Link("identify", ("anonymous_id", pl.col("_nameless")), ("user_id", pl.col("user_id")), "identify")
    return made_links([(used, link) for link in (*calls, who)])
