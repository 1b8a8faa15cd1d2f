"""The calls of Segment's spec: their events, traits, links, and when each happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from journeys.events import Events
from journeys.events.times import UTC_TIME, TimeParser, note_assumed_zone
from journeys.sources.column_mapping import ColumnMapping, Fields, IdLink, Named, build_links, map_events
from journeys.sources.reading import RawTable
from journeys.sources.reading.row_store import snake_case
from journeys.sources.registry import wrong_system_error


def compute_call_time(f: Fields, names: Sequence[str]) -> tuple[pl.Expr, pl.Expr, pl.Expr | None]:
    """Return a call's time, the text it was read from, and how far the device's clock was off.

    A call without a corrected time gets `received - (sent - original)`, which takes the device's error out:

        timestamp  original  sent   received  time
        10:00      10:02     10:03  10:01     10:00
        null       10:02     10:03  10:01     10:00    (the device is 2 minutes ahead)
        null       10:02     null   10:01     10:02

    Parameters
    ----------
    f : Fields
        The columns of the calls.
    names : sequence of str
        The columns of the corrected time, the time on the device, the time of sending by the device's clock, and the
        time of receipt.
    """
    _, _, sent, received = names
    present = [name for name in names if f.has(name)]
    if not present:
        return pl.lit(None, dtype=UTC_TIME), pl.lit(None, dtype=pl.String), None
    parsed = {name: f.time(name) for name in present}
    clocks = pl.struct(f.raw(name).alias(name) for name in present)
    dtypes = {name: f.dtype(name) for name in present}

    def compute_times(batch: pl.Series) -> pl.Series:
        return _compute_batch(batch.struct.unnest(), dtypes, names)

    time = clocks.map_batches(compute_times, return_dtype=UTC_TIME, is_elementwise=True)
    skew = parsed[sent] - parsed[received] if sent in parsed and received in parsed else None
    return time, f.time_text(*present), skew


def note_assumptions(rows: pl.LazyFrame, f: Fields, names: Sequence[str]) -> list[str]:
    """Note what is assumed about the first calls' times, if they name no zone."""
    return note_assumed_zone(rows, *(f.raw(name) for name in names if f.has(name)))


def _compute_batch(calls: pl.DataFrame, dtypes: dict[str, pl.DataType], names: Sequence[str]) -> pl.Series:
    """Read the corrected time, and the other three only for calls that lack it: in most logs none does."""
    timestamp, original, sent, received = names
    time = pl.Series([], dtype=UTC_TIME).extend_constant(None, calls.height)
    if timestamp in dtypes:
        time = _parse_times(calls, timestamp, dtypes)
    missing = time.is_null()
    if not missing.any():
        return time
    untimed = calls.filter(missing)
    nulls = pl.Series([], dtype=UTC_TIME).extend_constant(None, untimed.height)
    times = {
        name: _parse_times(untimed, name, dtypes) if name in dtypes else nulls for name in (original, sent, received)
    }
    clocks = pl.DataFrame({"original": times[original], "sent": times[sent], "received": times[received]})
    delay = pl.col("sent") - pl.col("original")
    rebuilt = clocks.select(pl.coalesce(pl.col("received") - delay, "original", "received")).to_series()
    return time.scatter(missing.arg_true(), rebuilt)


def _parse_times(calls: pl.DataFrame, name: str, dtypes: dict[str, pl.DataType]) -> pl.Series:
    return calls.select(TimeParser().parse(pl.col(name), dtypes[name], column=name)).to_series()


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


def map_spec_calls(raw: RawTable, *, name: str, page_event: str, screen_event: str) -> Events:
    """Map the calls of the spec to the canonical columns."""
    f = Fields(raw.schema)
    if not f.has("messageId", "anonymousId", "userId"):
        raise wrong_system_error("Segment", raw, missing=["messageId", "anonymousId", "userId"])
    # Nearly every column uses the call: it is computed once.
    raw = raw.with_rows(raw.rows.with_columns(f.text("type").str.to_lowercase().alias("_call")))
    call = pl.col("_call")
    time, time_text, skew = compute_call_time(f, TIMES)
    is_identify, is_page = call == "identify", call.is_in(["page", "screen"])
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=time,
        time_text=time_text,
        skew=skew,
        event=pl.when(call == "track")
        .then(f.text("event").str.strip_chars())
        .when(call == "page")
        .then(pl.lit(page_event))
        .when(call == "screen")
        .then(pl.lit(screen_event)),
        ids={
            "user_id": f.id("userId"),
            "email": pl.coalesce(pl.when(is_identify).then(f.email("traits.email")), f.email("context.traits.email")),
            "anonymous_id": f.id("anonymousId"),
        },
        kind=pl.when(call.is_in(["identify", "group", "alias"])).then(call),
        problem=pl.when(call.is_null())
        .then(pl.lit("no call type"))
        .when(~call.is_in(CALLS))
        .then(pl.lit("unknown call type")),
        hidden={"_previous": f.id("previousId")},
    )
    mapping.fields = {canonical: f.text(f"context.campaign.{key}") for key, canonical in CAMPAIGN.items()}
    for key in PAGES:
        on_page = pl.when(call == "page").then(f.text(f"properties.{key}"))
        mapping.fields[f"page_{key}"] = pl.coalesce(on_page, f.text(f"context.page.{key}"))
    mapping.fields["group_id"] = f.id("groupId", "context.groupId")
    if f.has("messageId"):
        mapping.fields["message_id"] = f.id("messageId")
    if f.has("properties.replay_url", "context.replay_url"):
        mapping.fields["replay_url"] = f.text("properties.replay_url", "context.replay_url")
    if f.has("name", "properties.name"):
        mapping.properties.append(("page_name", pl.when(is_page).then(f.text("name", "properties.name"))))
    page_properties = [(key, f.text(f"properties.{key}")) for key in (*PAGES, "name") if f.has(f"properties.{key}")]
    traits = [(key, expr) for key, expr in f.rest("traits") if key != "email"]
    traits += [("email", f.raw("traits.email"))] if f.has("traits.email") else []
    context = _context_traits(f)
    calls = {
        "track": call == "track",
        "identify": is_identify,
        "group": call == "group",
        "context of identify": is_identify,
        "context of events": call.is_in(["track", "page", "screen"]),
    }
    shared = {
        "track": page_properties,
        "identify": traits,
        "group": traits,
        "context of identify": context,
        "context of events": context,
    }
    used = _split_by_call(raw, calls, shared)
    # A track call's own url, path or name is a property like any other, not the page that it happened on.
    mapping.properties += used["track"] + f.rest("properties")
    mapping.properties += [(f"context_traits_{key}", expr) for key, expr in used["context of events"]]
    mapping.properties += f.rest("context", prefix="context_", skip=["context.traits"])
    mapping.properties += f.rest(skip=["integrations", "context", "traits", "properties"])
    stated = [trait for trait in used["identify"] if trait[0] != "email"]
    mapping.traits = _merge_traits(stated, used["context of identify"])
    mapping.traits += [(f"group_{key}", expr) for key, expr in used["group"]]
    return map_events(raw, mapping, name=name, links=build_alias_links, notes=note_assumptions(raw.rows, f, TIMES))


def build_alias_links(used: pl.LazyFrame) -> pl.LazyFrame:
    """Link `previousId` with `userId`; stitching finds out whether the previous one is an older user id."""
    previous, user = (("user_id", pl.col(name)) for name in ("_previous", "user_id"))
    return build_links([(used, IdLink("alias", previous, user, "alias"))])


def _context_traits(f: Fields) -> Named:
    """List the traits that RudderStack writes into the context of every call; the e-mail is an identifier."""
    inside = [path for path in f.leaves if path[:2] == ("context", "traits") and path[2:] != ("email",)]
    return [("_".join(map(snake_case, path[2:])), f.leaves[path][0]) for path in inside]


def _merge_traits(stated: Named, context: Named) -> Named:
    """Merge traits: as the call states each, else as its context has it."""
    rest = dict(context)
    both = [(key, pl.coalesce(expr, rest.pop(key)) if key in rest else expr) for key, expr in stated]
    return [*both, *((key, expr) for key, expr in context if key in rest)]


def _split_by_call(raw: RawTable, calls: Mapping[str, pl.Expr], fields: Mapping[str, Named]) -> dict[str, Named]:
    """Find, in one pass, which of the shared fields each kind of call uses, so that no column is empty."""
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
