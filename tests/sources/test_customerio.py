"""Customer.io: who is written to is an e-mail only where e-mail was sent; activities are read as webhooks are."""

import json

import polars as pl
import pytest

import journeys as jn
from journeys.sources import read_any

AT = 1_772_530_000


def call(number, kind, recipient, **data):
    data = {"customer_id": f"{number}", "recipient": recipient} | data
    return {"event_id": f"e{number}", "object_type": kind, "metric": "sent", "timestamp": AT + number, "data": data}


def test_a_recipient_is_an_address_only_where_e_mail_was_sent():
    rows = [
        call(n, kind, to)
        for n, (kind, to) in enumerate(
            [("slack", "#alerts"), ("slack", "#alerts"), ("webhook", "https://x.example/hook"), ("sms", "+49170"),
             ("webhook", "https://x.example/hook"), ("push", "token"), ("email", "Ada@X.example"),
             ("email", "a@x, b@x")],
            start=1,
        )
    ]  # fmt: skip
    events = jn.read_customerio(pl.DataFrame(rows))
    found = events.table.select("email", "recipient").collect()
    assert found["email"].to_list() == [*[None] * 6, "ada@x.example", None]
    sent_to = ["#alerts", "#alerts", "https://x.example/hook", "+49170", "https://x.example/hook", "token"]
    assert found["recipient"].to_list() == [*sent_to, None, "a@x, b@x"]
    assert jn.stitch(events).people.height == len(rows)


ACTIVITIES = [
    {"id": "01", "type": "opened_email", "timestamp": AT, "customer_id": "7", "delivery_id": "d",
     "delivery_type": "email",
     "customer_identifiers": {"id": "7", "email": "Ada@X.example", "cio_id": "c1"}, "data": {"subject": "Hi"}},
    {"id": "02", "type": "sent_action", "timestamp": AT + 1, "customer_id": "7", "delivery_type": "webhook"},
    {"id": "03", "type": "event", "name": "Bought Shoes", "timestamp": AT + 2, "customer_id": "7",
     "data": {"price": 9}},
    {"id": "04", "type": "page", "name": "https://x.example/a", "timestamp": AT + 3, "customer_id": "7"},
    {"id": "05", "type": "attribute_change", "timestamp": AT + 4, "customer_id": "8"},
    {"id": "05", "type": "attribute_change", "timestamp": AT + 4, "customer_id": "8"},
    {"id": "06", "type": "stripe_event", "timestamp": AT + 5, "customer_id": "8"},
]  # fmt: skip


@pytest.mark.parametrize("paged", [True, False])
def test_activities_of_the_app_api(tmp_path, paged):
    path = tmp_path / "activities.json"
    if paged:
        pages = [ACTIVITIES[:3], ACTIVITIES[3:], []]
        path.write_text("".join(json.dumps({"activities": page, "next": ""}) + "\n" for page in pages))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in ACTIVITIES))
    events = jn.read_customerio(path)
    assert (events.issues.kept, events.issues.facts, events.issues.duplicates) == (5, 1, 1)
    table = events.table.collect()
    assert table["event"].to_list() == ["Opened Email", "Sent Webhook", "Bought Shoes", "Loaded a Page", "Stripe Event"]
    first = table.row(0, named=True)
    assert (first["user_id"], first["email"], first["customerio_id"]) == ("7", "ada@x.example", "c1")
    assert (first["metric"], first["object_type"], first["subject"]) == ("opened", "email", "Hi")
    assert (table["price"].to_list()[2], table["page_url"].to_list()[3]) == (9, "https://x.example/a")
    assert read_any(path).issues.kept == 5


def test_what_an_attribute_became_is_a_trait_and_what_an_event_says_a_property():
    change = {"type": "attribute_change", "timestamp": AT, "customer_id": "7"}
    data = {"plan": {"from": "a", "to": "b"}, "email": {"from": "", "to": "Ada@X.example"}, "Shoe Size": {"to": 41}}
    rows = [
        change | {"data": data},
        change | {"type": "failed_attribute_change", "data": {"plan": {"from": "b", "to": "c"}}},
        change | {"type": "device_change", "data": {"device": {"to": {"platform": "ios"}}}},
        change | {"type": "event", "name": "Booked Trip", "data": {"trip": {"from": "Ulm", "to": "Bonn"}}},
    ]
    path = [row | {"id": f"{n}"} for n, row in enumerate(rows)]
    events = jn.read_customerio(pl.DataFrame(path, infer_schema_length=None))
    facts = events.facts.collect()
    assert facts.select("email", "plan", "shoe_size", "device_platform").rows() == [
        ("ada@x.example", "b", 41, None), (None, None, None, None), (None, None, None, "ios"),
    ]  # fmt: skip
    assert not [name for name in facts.columns if "from" in name]
    table = events.table.collect()
    assert table.select("event", "trip_from", "trip_to").rows() == [("Booked Trip", "Ulm", "Bonn")]
    assert not {"plan_to", "plan_from", "email_to"} & set(table.columns)
    assert jn.stitch(events).people.select("email", "plan").rows() == [("ada@x.example", "b")]


def test_the_clicked_link_gives_the_page_and_the_campaign():
    link = "https://x.example/a?utm_source=news"
    clicked = call(1, "email", "a@x.example", href=link) | {"metric": "clicked"}
    events = jn.read_customerio(pl.DataFrame([clicked, call(2, "email", "b@x.example")], infer_schema_length=None))
    columns = ["page_url", "campaign_source"]
    assert events.table.select(columns).collect().rows() == [(link, "news"), (None, None)]
    own = {
        "id": "1",
        "type": "event",
        "name": "Shared Link",
        "timestamp": AT,
        "customer_id": "7",
        "data": {"href": link},
    }
    stated = jn.read_customerio(pl.DataFrame([own, own | {"id": "2", "type": "clicked_email"}])).table.collect()
    assert stated["page_url"].to_list() == [None, link]
    assert stated["href"][0] == link


def test_only_what_is_missing_is_named():
    rows = pl.DataFrame({"metric": ["sent"], "customer_id": ["7"]})
    with pytest.raises(jn.SourceError, match="not Customer.io data: no column 'timestamp'; read_table"):
        jn.read_customerio(rows)
    with pytest.raises(jn.SourceError, match="no column 'metric' or 'timestamp'; read_table"):
        jn.read_customerio(rows.drop("metric"))
    with pytest.raises(jn.SourceError, match="no column 'metric' or 'customer_id'; read_table"):
        jn.read_customerio(pl.DataFrame({"type": ["a"], "timestamp": [AT]}))


def test_a_time_in_another_unit_is_set_apart_and_reported():
    rows = [
        {"event_id": f"{n}", "metric": "sent", "timestamp": at, "customer_id": "7"} for n, at in enumerate([AT, AT, 0])
    ]
    found = jn.read_customerio(pl.DataFrame(rows)).issues
    assert (found.kept, found.quarantined) == (2, 1)
    assert found.quarantine["reason"].to_list() == ["column 'timestamp': not between 2000 and 2100 in seconds"]
