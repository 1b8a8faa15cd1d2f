"""Calls of the Segment spec (JSON): track, page, screen, identify, group, alias."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields
from journeys.sources.looks import wrong_system
from journeys.sources.reading import Raw
from journeys.sources.segment.links import alias_links
from journeys.sources.segment.times import call_time
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
PAGES = ("path", "url", "title", "referrer", "search")


def spec_events(raw: Raw, *, name: str, page_event: str, screen_event: str) -> Events:
    """Give the calls of the spec their canonical columns."""
    f = Fields(raw.schema)
    if not f.has("messageId", "anonymousId", "userId"):
        raise wrong_system("Segment", raw, missing=["messageId", "anonymousId", "userId"])
    # Asked for by nearly every column: it is worked out once.
    raw = Raw(raw.rows.with_columns(f.text("type").str.to_lowercase().alias("_call")), raw.name, raw.notes, raw.held)
    call = pl.col("_call")
    time, timed, skew = call_time(f, ("timestamp", "originalTimestamp", "sentAt", "receivedAt"))
    identify, paged = call == "identify", call.is_in(["page", "screen"])
    shape = Shape(
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
    said = _census(raw, call, {"track": own, "identify": traits, "group": traits})
    # A track call's own url, path or name is a property like any other, not the page that it happened on.
    shape.properties += said["track"] + f.rest("properties")
    shape.properties += f.rest("context", prefix="context_", skip=["context.traits"])
    shape.properties += f.rest(skip=["integrations", "context", "traits", "properties"])
    shape.traits = [(key, expr) for key, expr in said["identify"] if key != "email"]
    shape.traits += [(f"group_{key}", expr) for key, expr in said["group"]]
    return to_events(raw, shape, name=name, links=alias_links)


def _census(raw: Raw, call: pl.Expr, fields: dict[str, Named]) -> dict[str, Named]:
    """Ask once which kind of call uses which of the fields that several kinds share: no empty columns are made."""
    tests = {
        (kind, key): (expr.is_not_null() & (call == kind)).any()
        for kind, named in fields.items()
        for key, expr in named
    }
    if not tests:
        return fields
    answers = raw.rows.select(test.alias(f"{n}") for n, test in enumerate(tests.values())).collect().row(0)
    used = {place for place, answer in zip(tests, answers, strict=True) if answer}
    return {
        kind: [(key, pl.when(call == kind).then(expr)) for key, expr in named if (kind, key) in used]
        for kind, named in fields.items()
    }
