"""Calls that say that two ids are one person's: an id is of the type that the other rows have it as."""

import json

import polars as pl
import pytest

import journeys as jn

A = "0190aaaa-bbbb-cccc-dddd-eeeeffff0001"


def read(reader, path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return reader(path)


def people(events):
    known = jn.stitch(events).identity.table
    return known["person"].n_unique(), sorted(known.select("id_type", "id").rows())


def posthog(event, distinct, minute, **properties):
    at = f"2026-03-01T10:0{minute}:00Z"
    return {"uuid": f"{minute}", "event": event, "timestamp": at, "distinct_id": distinct, "properties": properties}


@pytest.mark.parametrize("call", ["$create_alias", "$merge_dangerously"])
def test_posthogs_alias_of_an_anonymous_id(tmp_path, call):
    seen = posthog("$pageview", A, 0, **{"$device_id": A})
    paid = posthog("Paid", "u7", 2)
    path = tmp_path / "events.ndjson"
    one = [("anonymous_id", A), ("user_id", "u7")]
    assert people(read(jn.read_posthog, path, seen, posthog(call, "u7", 1, alias=A), paid)) == (1, one)
    assert people(read(jn.read_posthog, path, posthog(call, "u7", 1, alias=A), seen, paid)) == (1, one)
    old = posthog(call, "u7", 1, alias="u6")
    assert people(read(jn.read_posthog, path, seen, old, paid))[0] == 2


def mixpanel(event, second, **properties):
    marks = {"distinct_id", "device_id", "user_id", "distinct_ids", "identified_id", "anon_id"}
    named = {f"${k}" if k in marks - {"distinct_id"} else k: v for k, v in properties.items()}
    return {"event": event, "properties": {"time": 1772530000 + second, "$insert_id": f"i{second}", **named}}


DEVICE = mixpanel("Page", 0, distinct_id=f"$device:{A}", device_id=A)
BARE = mixpanel("Page", 0, distinct_id=A, device_id=A)
PAID = mixpanel("Paid", 9, distinct_id="u1")


@pytest.mark.parametrize(
    ("seen", "call"),
    [
        (DEVICE, mixpanel("$merge", 5, distinct_id="u1", distinct_ids=[f"$device:{A}", "u1"])),
        (BARE, mixpanel("$merge", 5, distinct_id="u1", distinct_ids=[A, "u1"])),
        (BARE, mixpanel("$merge", 5, distinct_id="u1", distinct_ids=["u1", A])),
        (BARE, mixpanel("$create_alias", 5, distinct_id=A, alias="u1")),
        (DEVICE, mixpanel("$create_alias", 5, distinct_id=f"$device:{A}", alias="u1")),
        (BARE, mixpanel("$identify", 5, distinct_id="u1", identified_id="u1", anon_id=A)),
    ],
)
def test_mixpanels_calls_about_a_device(tmp_path, seen, call):
    for rows in ((seen, call, PAID), (call, seen, PAID)):
        found = people(read(jn.read_mixpanel, tmp_path / "events.ndjson", *rows))
        assert found == (1, [("device_id", A), ("user_id", "u1")])


def test_a_merge_reported_under_the_id_of_a_device(tmp_path):
    call = mixpanel("$merge", 5, distinct_id=A, distinct_ids=[A, "u1"])
    assert people(read(jn.read_mixpanel, tmp_path / "events.ndjson", BARE, call, PAID))[0] == 1


def test_two_users_are_linked_as_users(tmp_path):
    rows = (
        PAID,
        mixpanel("Paid", 1, distinct_id="u2"),
        mixpanel("$merge", 5, distinct_id="u1", distinct_ids=["u1", "u2"]),
    )
    events = read(jn.read_mixpanel, tmp_path / "events.ndjson", *rows)
    assert events.links.collect().select("id_type_a", "id_a", "id_type_b", "id_b").rows() == [
        ("user_id", "u1", "user_id", "u2")
    ]


def test_pages_of_posthogs_api(tmp_path):
    path = tmp_path / "events.ndjson"
    first = {"next": "x", "results": [posthog("A", "u1", 0, plan="pro"), posthog("B", "u1", 1)]}
    second = {"next": None, "results": [posthog("C", "u2", 2, plan=[])]}
    path.write_text("\n".join(json.dumps(page) for page in (first, second, {"next": None, "results": []})) + "\n{oops")
    events = jn.read_posthog(path)
    assert events.table.collect().select("event", "plan").rows() == [("A", "pro"), ("B", None), ("C", "[]")]
    assert (events.issues.read, events.issues.quarantined) == (4, 1)
    path.write_text(json.dumps(first, indent=1))
    assert jn.read_posthog(path).table.select(pl.len()).collect().item() == 2
