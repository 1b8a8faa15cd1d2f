"""Calls of the Segment spec (JSON): track, page, screen, identify, group, alias."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields
from journeys.sources.looks import wrong_system
from journeys.sources.reading import RawTable
from journeys.sources.reading.flat_columns import snake_case
from journeys.sources.segment.links import alias_links
from journeys.sources.segment.times import assumed, call_time
from journeys.sources.shape import Named, Shape, to_events

__all__ = ["CAMPAIGN", "PAGES", "spec_events"]

CALLS = ("track", "page", "screen", "identify", "group", "alias")
CAMPAIGN = {
    "name": "campaign",
    "source": "campaign_source",
    "medium": "campaign_medium",
    "term": "campaign_term",
    "content": "campaign_content",
}
TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
PAGES = ("path", "url", "title", "referrer", "search")


def spec_events(raw: RawTable, *, name: str, page_event: str, screen_event: str) -> Events:
    """Give the calls of the spec their canonical columns."""
    f = Fields(raw.schema)
    if not f.has("messageId", "anonymousId", "userId"):
        raise wrong_system("Segment", raw, missing=["messageId", "anonymousId", "userId"])
    # Asked for by nearly every column: it is worked out once.
    raw = RawTable(
        raw.rows.with_columns(f.text("type").str.to_lowercase().alias("_call")), raw.name, raw.notes, raw.in_memory
    )
    call = pl.col("_call")
    time, timed, skew = call_time(f, TIMES)
    identify, paged = call == "identify", call.is_in(["page", "screen"])
    shape = Shape(
        rounded=f.rounded,
        timestamp=time,
        timed=timed,
        skew=skew,
        event=pl.when(call == "track")
        .then(f.text("event").str.strip_chars())
        .when(call == "page")
        .then(pl.lit(page_event))
        .when(call == "screen")
        .then(pl.lit(screen_event)),
        ids={
            "user_id": f.id("userId"),
            "email": pl.coalesce(pl.when(identify).then(f.email("traits.email")), f.email("context.traits.email")),
            "anonymous_id": f.id("anonymousId"),
        },
        kind=pl.when(call.is_in(["identify", "group", "alias"])).then(call),
        problem=pl.when(call.is_null())
        .then(pl.lit("no call type"))
        .when(~call.is_in(CALLS))
        .then(pl.lit("unknown call type")),
        hidden={"_previous": f.id("previousId")},
    )
    shape.fields = {canonical: f.text(f"context.campaign.{key}") for key, canonical in CAMPAIGN.items()}
    for key in PAGES:
        on_page = pl.when(call == "page").then(f.text(f"properties.{key}"))
        shape.fields[f"page_{key}"] = pl.coalesce(on_page, f.text(f"context.page.{key}"))
    shape.fields["group_id"] = f.id("groupId", "context.groupId")
    if f.has("messageId"):
        shape.fields["message_id"] = f.id("messageId")
    if f.has("properties.replay_url", "context.replay_url"):
        shape.fields["replay_url"] = f.text("properties.replay_url", "context.replay_url")
    if f.has("name", "properties.name"):
        shape.properties.append(("page_name", pl.when(paged).then(f.text("name", "properties.name"))))
    own = [(key, f.text(f"properties.{key}")) for key in (*PAGES, "name") if f.has(f"properties.{key}")]
    traits = [(key, expr) for key, expr in f.rest("traits") if key != "email"]
    traits += [("email", f.raw("traits.email"))] if f.has("traits.email") else []
    known = _known_of_the_person(f)
    calls = {"track": call == "track", "identify": identify, "group": call == "group"}
    calls |= {"known": identify, "events": call.is_in(["track", "page", "screen"])}
    said = _census(raw, calls, {"track": own, "identify": traits, "group": traits, "known": known, "events": known})
    # A track call's own url, path or name is a property like any other, not the page that it happened on.
    shape.properties += said["track"] + f.rest("properties")
    shape.properties += [(f"context_traits_{key}", expr) for key, expr in said["events"]]
    shape.properties += f.rest("context", prefix="context_", skip=["context.traits"])
    shape.properties += f.rest(skip=["integrations", "context", "traits", "properties"])
    shape.traits = _together([one for one in said["identify"] if one[0] != "email"], said["known"])
    shape.traits += [(f"group_{key}", expr) for key, expr in said["group"]]
    return to_events(raw, shape, name=name, links=alias_links, notes=assumed(raw.rows, f, TIMES))


def _known_of_the_person(f: Fields) -> Named:
    """List the traits that RudderStack writes into the context of every call; the e-mail is an identifier."""
    inside = [path for path in f.leaves if path[:2] == ("context", "traits") and path[2:] != ("email",)]
    return [("_".join(map(snake_case, path[2:])), f.leaves[path][0]) for path in inside]


def _together(said: Named, known: Named) -> Named:
    """Give each trait once: what the call says, else what its context knows."""
    context = dict(known)
    both = [(key, pl.coalesce(expr, context.pop(key)) if key in context else expr) for key, expr in said]
    return [*both, *((key, expr) for key, expr in known if key in context)]


def _census(raw: RawTable, calls: Mapping[str, pl.Expr], fields: Mapping[str, Named]) -> dict[str, Named]:
    """Ask once which calls use which of the fields that several kinds share: no empty columns are made."""
    tests = {
        (kind, key): (expr.is_not_null() & calls[kind]).any() for kind, named in fields.items() for key, expr in named
    }
    if not tests:
        return dict(fields)
    answers = raw.rows.select(test.alias(f"{n}") for n, test in enumerate(tests.values())).collect().row(0)
    used = {place for place, answer in zip(tests, answers, strict=True) if answer}
    return {
        kind: [(key, pl.when(calls[kind]).then(expr)) for key, expr in named if (kind, key) in used]
        for kind, named in fields.items()
    }
