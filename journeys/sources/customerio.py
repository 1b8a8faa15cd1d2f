"""Customer.io: reporting webhooks and activity exports: `read_customerio`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields, named
from journeys.sources.looks import wrong_system
from journeys.sources.reading import Source, load
from journeys.sources.shape import Shape, to_events

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
TEXT = ("event_id", "customer_id", "delivery_id", "cio_id", "email", "id", "recipient")


def read_customerio(source: Source, *, name: str = "customer.io") -> Events:
    """Read which messages people got, opened and clicked: reporting webhooks (NDJSON), or an activity export (CSV).

    Parameters
    ----------
    source
        Lines `{"event_id", "object_type", "metric", "timestamp", "data": {…}}`, or a flat table of the same fields
        (`delivery_id`, `metric`, `timestamp` or `created`, `customer_id`, `email` or `recipient`).
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Metric and object become Verb + Object: delivered "Received Email", opened "Opened Email", human_opened "Read
        Email", clicked "Clicked Email", human_clicked "Followed Email", … The words as sent stay in the properties
        `metric` and `object_type`. Identifiers: `user_id`, `email` (lower case), `customerio_id`.

    Raises
    ------
    SourceError
        No such file, the file of another system, or times that are no Unix seconds.

    Notes
    -----
    "Opened Email" is weak evidence, as mail programs load pictures by themselves; "Read Email" leaves those out as far
    as Customer.io can tell. Source: Customer.io's documentation of reporting webhooks.

    Examples
    --------
    >>> import polars as pl
    >>> calls = pl.DataFrame({"event_id": ["e1"], "object_type": ["email"], "metric": ["human_opened"],
    ...     "timestamp": [1772530000], "data": [{"customer_id": "7", "identifiers": {"email": "Ada@x.example"}}]})
    >>> read_customerio(calls).table.select("event", "user_id", "email").collect().rows()
    [('Read Email', '7', 'ada@x.example')]
    """
    raw = load(source, text=TEXT)
    f = Fields(raw.schema)
    column = next((c for c in ("timestamp", "created", "created_at") if f.has(c)), None)
    if not f.has("metric") or column is None:
        raise wrong_system("Customer.io", raw, missing=["metric", "timestamp"])
    metric, kind = (
        f.text("metric").str.to_lowercase(),
        f.text("object_type", "delivery_type", "type").fill_null("email"),
    )
    verb = named(metric, VERBS, default=metric.str.to_titlecase())
    what = named(kind, OBJECTS, default=kind.str.to_titlecase())
    shape = Shape(
        timestamp=f.epoch(raw, column, unit="s"),
        timed=f.text(column).is_not_null(),
        event=named(metric, WHOLE, default=pl.concat_str(verb, what, separator=" ")),
        ids={
            "user_id": f.id("data.customer_id", "data.identifiers.id", "customer_id"),
            "email": f.email("data.identifiers.email", "data.recipient", "email", "recipient"),
            "customerio_id": f.id("data.identifiers.cio_id", "cio_id"),
        },
    )
    if f.has("event_id"):
        shape.fields["message_id"] = f.id("event_id")
    shape.properties = [("metric", metric), ("object_type", kind), *f.rest("data"), *f.rest()]
    return to_events(
        raw, shape, name=name, notes=['"Opened Email" is weak evidence (robots open, too); prefer "Read Email"']
    )
