"""Customer.io: reporting webhooks and activity exports: `read_customerio`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.column_mapping import ColumnMapping, Fields, Named, map_events, name_actor, replace_names
from journeys.sources.pagination import unpack_pages
from journeys.sources.reading import RawTable, Source, load_nested
from journeys.sources.reading.row_store import snake_case
from journeys.sources.registry import wrong_system_error

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
# What a customer decides about messages has one name, whatever carried the message.
SUBSCRIPTIONS = {
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
# The App API writes both as one word, "opened_email"; an "action" is of the delivery's own type.
ACTIVITY = r"^([a-z_]+?)_(email|push|sms|in_app|slack|webhook|whatsapp|action)$"
VISITS = {"page": "Loaded a Page", "screen": "Viewed a Screen"}
CHANGES = ("attribute_change", "device_change")
FACTS = (*CHANGES, "failed_attribute_change")
# What the person did about a message; everything else was done by the system.
BY_PERSON = (
    "opened", "human_opened", "clicked", "human_clicked", "converted", "spammed", *SUBSCRIPTIONS, *VISITS, "event",
)  # fmt: skip
TEXT = (
    "event_id", "customer_id", "delivery_id", "cio_id", "email", "id", "recipient",
    "data.customer_id", "data.delivery_id", "data.identifiers.id", "data.identifiers.cio_id", "data.recipient",
)  # fmt: skip
TIMES = ("timestamp", "created", "created_at")
# The recipient of a Slack message, a webhook or an SMS is not an e-mail address, and often shared by everybody.
ADDRESS = r"^[^@\s/,:;<>]+@[^@\s/,:;<>]+$"


def read_customerio(source: Source, *, name: str = "customer.io") -> Events:
    """Read which messages people received, opened and clicked: reporting webhooks (NDJSON) or exports of activities.

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
        `metric` and `object_type`. Among activities, changes of attributes and devices are facts, with the new value
        as a trait. The link that was clicked is the page (`page_url`) and gives the campaign. Identifiers: `user_id`,
        `email` (lower case), `customerio_id`; a recipient is an e-mail address only where e-mail was sent.

    Raises
    ------
    SourceError
        No such file, the file of another system, or times that are not Unix seconds.

    Notes
    -----
    "Opened Email" is weak evidence, as mail programs load pictures by themselves; "Read Email" leaves those out as far
    as Customer.io recognises them. Source: Customer.io's documentation of reporting webhooks and of its App API.

    Examples
    --------
    >>> import polars as pl
    >>> calls = pl.DataFrame({"event_id": ["e1"], "object_type": ["email"], "metric": ["human_opened"],
    ...     "timestamp": [1772530000], "data": [{"customer_id": "7", "identifiers": {"email": "Ada@x.example"}}]})
    >>> read_customerio(calls).table.select("event", "user_id", "email").collect().rows()
    [('Read Email', '7', 'ada@x.example')]
    """
    raw = unpack_pages(load_nested(source, text=TEXT, objects=("data",)), "activities")
    f = Fields(raw.schema)
    column = next((name for name in TIMES if f.has(name)), None)
    has_activities = not f.has("metric") and f.has("type")
    missing = ["metric"] * (not f.has("metric", "type")) + ["timestamp"] * (column is None)
    people = ("customer_id", "customer_identifiers.id", "customer_identifiers.email", "delivery_id")
    if has_activities and not f.has(*people):
        missing += ["metric", "customer_id"]
    if missing or column is None:
        raise wrong_system_error("Customer.io", raw, missing=missing)
    metric, kind, event = _parse_activities(f) if has_activities else _parse_metrics(f)
    recipient = f.id("data.recipient", "recipient")
    written_to = pl.when((kind == "email") & recipient.str.contains(ADDRESS)).then(recipient.str.to_lowercase())
    # Webhooks about subscriptions have the address in `data.email_address` only.
    stated = f.email("data.identifiers.email", "customer_identifiers.email", "email", "data.email_address")
    email = pl.coalesce(stated, written_to)
    changed_to = pl.when(metric == "attribute_change").then(f.email("data.email.to")) if has_activities else None
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=f.epoch(raw, column, unit="s"),
        time_text=f.time_text(column),
        event=event,
        ids={
            "user_id": f.id("data.customer_id", "data.identifiers.id", "customer_id", "customer_identifiers.id"),
            "email": email if changed_to is None else pl.coalesce(changed_to, email),
            "customerio_id": f.id("data.identifiers.cio_id", "customer_identifiers.cio_id", "cio_id"),
        },
        kind=pl.when(metric.is_in(FACTS)).then(metric) if has_activities else None,
        problem=f.problem,
    )
    mapping.fields["by"] = name_actor(metric.is_in(BY_PERSON))
    if f.has("event_id") or (has_activities and f.has("id")):
        mapping.fields["message_id"] = f.key("event_id", "id") if has_activities else f.key("event_id")
    pages = []
    if f.has("data.href", "href"):
        # Asked for beside the others: a custom event's own `href` is a property, not a page.
        link = Fields(raw.schema).text("data.href", "href")
        pages.append(pl.when(metric.is_in(["clicked", "human_clicked"])).then(link))
    if has_activities:
        mapping.traits = _find_changes(raw, f, metric)
    if has_activities and f.has("name"):
        pages.append(pl.when(metric == "page").then(f.text("name")))
        mapping.properties.append(("name", pl.when(~metric.is_in(["page", "event"])).then(f.text("name"))))
    if pages:
        mapping.fields["page_url"] = pl.coalesce(pages)
    mapping.properties += [("metric", metric), ("object_type", kind)]
    mapping.properties.append(("recipient", pl.when(recipient.str.to_lowercase().ne_missing(email)).then(recipient)))
    mapping.properties += [*f.rest("data"), *f.rest()]
    notes = ['"Opened Email" is weak evidence (robots open e-mails, too); prefer "Read Email"']
    return map_events(raw, mapping, name=name, notes=notes)


def _parse_metrics(f: Fields) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return the metric, the type of the message, and the event named after both."""
    metric = f.text("metric").str.to_lowercase()
    kind = f.text("object_type", "delivery_type", "type").fill_null("email")
    return metric, kind, _event_name(metric, kind)


def _parse_activities(f: Fields) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return the metric, the type of the message, and the event of activities; custom events have their own names."""
    activity = f.text("type").str.to_lowercase()
    message = activity.str.extract(ACTIVITY, 2)
    kind = pl.coalesce(pl.when(message != "action").then(message), f.text("delivery_type"), message)
    metric = pl.when(message.is_not_null()).then(activity.str.extract(ACTIVITY, 1)).otherwise(activity)
    title = activity.str.replace_all("_", " ").str.to_titlecase()
    custom = pl.when(activity == "event").then(f.text("name", "data.name", "data.event_name"))
    other = pl.coalesce(custom, replace_names(activity, VISITS | SUBSCRIPTIONS, default=title))
    return metric, kind, pl.when(message.is_not_null()).then(_event_name(metric, kind)).otherwise(other)


def _find_changes(raw: RawTable, f: Fields, metric: pl.Expr) -> Named:
    """List the new values of attributes under their own names; fields that only changes have are not properties.

    {"type": "attribute_change", "data": {"plan": {"from": "free", "to": "pro"}}}    the trait plan = "pro"
    """
    leaves = [(path, expr) for path, (expr, _) in f.leaves.items() if path[0] == "data" and path not in f.used]
    if not leaves:
        return []
    is_change, is_fact = (metric.is_in(list(names)).fill_null(value=False) for names in (CHANGES, FACTS))
    tests = [expr.is_not_null() & test for _, expr in leaves for test in (is_change, ~is_fact)]
    answers = raw.rows.select(test.any().alias(f"{n}") for n, test in enumerate(tests)).collect().row(0)
    found: Named = []
    for (path, expr), in_changes, in_events in zip(leaves, answers[::2], answers[1::2], strict=True):
        if not in_events:
            f.used.add(path)
        if in_changes and path[2:3] != ("from",):
            own = path[1:2] + path[3:] if path[2:3] == ("to",) else path[1:] or path
            found.append(("_".join(map(snake_case, own)), pl.when(is_change).then(expr)))
    return found


def _event_name(metric: pl.Expr, kind: pl.Expr) -> pl.Expr:
    verb = replace_names(metric, VERBS, default=metric.str.to_titlecase())
    message = replace_names(kind, OBJECTS, default=kind.str.to_titlecase())
    return replace_names(metric, SUBSCRIPTIONS, default=pl.concat_str(verb, message, separator=" "))
