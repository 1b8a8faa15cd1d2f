"""Customer.io: reporting webhooks and activity exports: `read_customerio`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields, named
from journeys.sources.looks import wrong_system
from journeys.sources.pages import unpaged
from journeys.sources.reading import RawTable, Source, load_source
from journeys.sources.reading.flat_columns import snake_case
from journeys.sources.shape import Named, Shape, to_events

__all__ = ["read_customerio"]

# Metric → verb; the object follows: "Opened Email", "Received Push".
VERBS = {
    "drafted": "Drafted",
    "attempted": "Attempted",
    "sent": "Sent",
    "delivered": "Received",
    "opened": "Opened",
    "human_opened": "Read",
    "clicked": "Clicked",
    "human_clicked": "Followed",
    "converted": "Converted",
    "bounced": "Bounced",
    "deferred": "Deferred",
    "dropped": "Dropped",
    "suppressed": "Suppressed",
    "spammed": "Reported",
    "failed": "Failed",
    "undeliverable": "Missed",
}
# What a customer does about the messages is about these, whatever carried it.
WHOLE = {
    "subscribed": "Subscribed to Messages",
    "unsubscribed": "Unsubscribed from Messages",
    "cio_subscription_preferences_changed": "Changed Message Preferences",
}
OBJECTS = {
    "email": "Email",
    "push": "Push",
    "sms": "SMS",
    "in_app": "In-App Message",
    "slack": "Slack Message",
    "webhook": "Webhook",
    "whatsapp": "WhatsApp Message",
    "customer": "Customer",
}
# The App API writes both as one word, "opened_email"; an "action" is whatever the delivery was.
ACTIVITY = r"^([a-z_]+?)_(email|push|sms|in_app|slack|webhook|whatsapp|action)$"
# What a person did, and what became known of one.
DONE = {"page": "Loaded a Page", "screen": "Viewed a Screen"}
CHANGED = ("attribute_change", "device_change")
TOLD = (*CHANGED, "failed_attribute_change")
TEXT = ("event_id", "customer_id", "delivery_id", "cio_id", "email", "id", "recipient")
TIMES = ("timestamp", "created", "created_at")
# Who is written to in Slack, by a webhook or an SMS is no address, and often the same for everybody.
ADDRESS = r"^[^@\s/,:;<>]+@[^@\s/,:;<>]+$"


def read_customerio(source: Source, *, name: str = "customer.io") -> Events:
    """Read which messages people got, opened and clicked: reporting webhooks (NDJSON), or exports of activities.

    Parameters
    ----------
    source
        Lines `{"event_id", "object_type", "metric", "timestamp", "data": {…}}`, or a flat table of the same fields
        (`delivery_id`, `metric`, `timestamp` or `created`, `customer_id`, `email` or `recipient`), or activities of the
        App API (`{"id", "type": "opened_email", "timestamp", "customer_id", …}`), as lines or in pages.
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Metric and object become Verb + Object: delivered "Received Email", opened "Opened Email", human_opened "Read
        Email", clicked "Clicked Email", human_clicked "Followed Email", … The words as sent stay in the properties
        `metric` and `object_type`. Among activities, changes of attributes and devices are facts, with what it
        became as a trait. The link that was clicked is the page (`page_url`) and tells the campaign. Identifiers:
        `user_id`, `email` (lower case), `customerio_id`; a recipient is an e-mail only where e-mail was sent.

    Raises
    ------
    SourceError
        No such file, the file of another system, or times that are no Unix seconds.

    Notes
    -----
    "Opened Email" is weak evidence, as mail programs load pictures by themselves; "Read Email" leaves those out as far
    as Customer.io can tell. Source: Customer.io's documentation of reporting webhooks and of its App API.

    Examples
    --------
    >>> import polars as pl
    >>> calls = pl.DataFrame({"event_id": ["e1"], "object_type": ["email"], "metric": ["human_opened"],
    ...     "timestamp": [1772530000], "data": [{"customer_id": "7", "identifiers": {"email": "Ada@x.example"}}]})
    >>> read_customerio(calls).table.select("event", "user_id", "email").collect().rows()
    [('Read Email', '7', 'ada@x.example')]
    """
    raw = unpaged(load_source(source, text_columns=TEXT), "activities")
    f = Fields(raw.schema)
    column = next((c for c in TIMES if f.has(c)), None)
    activities = not f.has("metric") and f.has("type")
    missing = ["metric"] * (not f.has("metric", "type")) + ["timestamp"] * (column is None)
    if activities and not f.has("customer_id", "customer_identifiers.id", "customer_identifiers.email", "delivery_id"):
        missing += ["metric", "customer_id"]
    if missing or column is None:
        raise wrong_system("Customer.io", raw, missing=missing)
    metric, kind, event = _activities(f) if activities else _metrics(f)
    recipient = f.id("data.recipient", "recipient")
    written_to = pl.when((kind == "email") & recipient.str.contains(ADDRESS)).then(recipient.str.to_lowercase())
    email = pl.coalesce(f.email("data.identifiers.email", "customer_identifiers.email", "email"), written_to)
    became = pl.when(metric == "attribute_change").then(f.email("data.email.to")) if activities else None
    shape = Shape(
        rounded=f.rounded,
        timestamp=f.epoch(raw, column, unit="s"),
        timed=f.text(column).is_not_null(),
        event=event,
        ids={
            "user_id": f.id("data.customer_id", "data.identifiers.id", "customer_id", "customer_identifiers.id"),
            "email": email if became is None else pl.coalesce(became, email),
            "customerio_id": f.id("data.identifiers.cio_id", "customer_identifiers.cio_id", "cio_id"),
        },
        kind=pl.when(metric.is_in(TOLD)).then(metric) if activities else None,
        problem=f.problem,
    )
    if f.has("event_id") or (activities and f.has("id")):
        shape.fields["message_id"] = f.id("event_id", "id") if activities else f.id("event_id")
    pages = []
    if f.has("data.href", "href"):
        # asked for beside the others: what an event of one's own calls so is a property, and no page
        link = Fields(raw.schema).text("data.href", "href")
        pages.append(pl.when(metric.is_in(["clicked", "human_clicked"])).then(link))
    if activities:
        shape.traits = _changes(raw, f, metric)
    if activities and f.has("name"):
        pages.append(pl.when(metric == "page").then(f.text("name")))
        shape.properties.append(("name", pl.when(~metric.is_in(["page", "event"])).then(f.text("name"))))
    if pages:
        shape.fields["page_url"] = pl.coalesce(pages)
    shape.properties += [("metric", metric), ("object_type", kind)]
    shape.properties.append(("recipient", pl.when(recipient.str.to_lowercase().ne_missing(email)).then(recipient)))
    shape.properties += [*f.rest("data"), *f.rest()]
    return to_events(
        raw, shape, name=name, notes=['"Opened Email" is weak evidence (robots open, too); prefer "Read Email"']
    )


def _metrics(f: Fields) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Give the metric, what it is about, and both as an event."""
    metric = f.text("metric").str.to_lowercase()
    kind = f.text("object_type", "delivery_type", "type").fill_null("email")
    return metric, kind, _event(metric, kind)


def _activities(f: Fields) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Give the same of activities; what a person did has a name of its own."""
    activity = f.text("type").str.to_lowercase()
    about = activity.str.extract(ACTIVITY, 2)
    kind = pl.coalesce(pl.when(about != "action").then(about), f.text("delivery_type"), about)
    metric = pl.when(about.is_not_null()).then(activity.str.extract(ACTIVITY, 1)).otherwise(activity)
    plain = activity.str.replace_all("_", " ").str.to_titlecase()
    done = pl.when(activity == "event").then(f.text("name", "data.name", "data.event_name"))
    return (
        metric,
        kind,
        pl.when(about.is_not_null())
        .then(_event(metric, kind))
        .otherwise(pl.coalesce(done, named(activity, DONE | WHOLE, default=plain))),
    )


def _changes(raw: RawTable, f: Fields, metric: pl.Expr) -> Named:
    """List what attributes became, under their own names; what only changes have is no property of events."""
    leaves = [(path, expr) for path, (expr, _) in f.leaves.items() if path[0] == "data" and path not in f.used]
    if not leaves:
        return []
    changed, told = (metric.is_in(list(some)).fill_null(value=False) for some in (CHANGED, TOLD))
    tests = [expr.is_not_null() & test for _, expr in leaves for test in (changed, ~told)]
    answers = raw.rows.select(test.any().alias(f"{n}") for n, test in enumerate(tests)).collect().row(0)
    found: Named = []
    for (path, expr), of_changes, of_events in zip(leaves, answers[::2], answers[1::2], strict=True):
        if not of_events:
            f.used.add(path)
        if of_changes and path[2:3] != ("from",):
            own = path[1:2] + path[3:] if path[2:3] == ("to",) else path[1:] or path
            found.append(("_".join(map(snake_case, own)), pl.when(changed).then(expr)))
    return found


def _event(metric: pl.Expr, kind: pl.Expr) -> pl.Expr:
    verb = named(metric, VERBS, default=metric.str.to_titlecase())
    what = named(kind, OBJECTS, default=kind.str.to_titlecase())
    return named(metric, WHOLE, default=pl.concat_str(verb, what, separator=" "))
