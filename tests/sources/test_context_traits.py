"""RudderStack writes what is known of a person into the context of every call."""

import polars as pl

import journeys as jn

WHO = {"userId": "7", "anonymousId": "a1"}


def call(number, kind, known=None, **more):
    context = {"traits": known, "locale": "de"} if known else {"locale": "de"}
    return (
        WHO
        | {"timestamp": f"2026-03-0{number}T10:00:00Z", "messageId": f"m{number}", "type": kind, "context": context}
        | more
    )


def test_traits_in_the_context_are_kept():
    rows = [
        call(1, "identify", {"email": "Ada@X.example", "planName": "pro", "address": {"city": "Ulm"}, "seats": 3}),
        call(2, "track", {"email": "Ada@X.example", "planName": "max"}, event="Left"),
        call(3, "identify", {"planName": "old"}, traits={"planName": "new", "age": 30}),
        call(4, "track", event="Left"),
        call(5, "group", {"planName": "team"}, groupId="g", traits={"name": "Acme"}),
    ]
    events = jn.read_rudderstack(pl.DataFrame(rows, infer_schema_length=None))
    facts = events.facts.collect()
    assert facts["plan_name"].to_list() == ["pro", "new", None]
    assert facts.select("address_city", "seats", "age", "group_name").rows() == [
        ("Ulm", 3, None, None),
        (None, None, 30, None),
        (None, None, None, "Acme"),
    ]
    table = events.table.collect()
    assert table.select("email", "context_traits_plan_name", "context_locale").rows() == [
        ("ada@x.example", "max", "de"),
        (None, None, "de"),
    ]
    # what no event's context says is no column of events
    assert {"context_traits_seats", "context_traits_email"}.isdisjoint(table.columns)
    assert jn.stitch(events).people.row(0, named=True)["plan_name"] == "new"
