"""Segment and RudderStack: both shapes give the same events; the clock, the links and the duplicates."""
# ruff: noqa: E501 - a row of test data is read best in one line

import gzip
import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import journeys as jn

BASE = {"messageId": "m", "anonymousId": "a1", "userId": None, "timestamp": "2026-03-01T10:00:00.000Z"}
CALLS = [
    BASE
    | {
        "type": "page",
        "messageId": "m1",
        "name": "Home",
        "context": {
            "campaign": {"name": "spring", "source": "google", "medium": "cpc"},
            "page": {"path": "/old", "url": "https://x.example/?utm_source=bing"},
            "userAgent": "Mozilla",
        },
        "properties": {"path": "/", "url": "https://x.example/", "title": "Home", "referrer": ""},
    },
    BASE
    | {
        "type": "track",
        "messageId": "m2",
        "event": "Signed Up",
        "userId": 7,
        "properties": {"planName": "pro", "url": "u"},
    },
    BASE
    | {"type": "identify", "messageId": "m3", "userId": "7", "traits": {"email": "Ada@X.example", "firstName": "Ada"}},
    BASE | {"type": "group", "messageId": "m4", "userId": "7", "groupId": "g1", "traits": {"name": "Acme"}},
    BASE | {"type": "alias", "messageId": "m5", "userId": "7", "previousId": "a1"},
    BASE | {"type": "alias", "messageId": "m6", "userId": "7", "previousId": "old"},
    BASE | {"type": "screen", "messageId": "m7", "name": "Settings"},
    BASE | {"type": "track", "messageId": "m2", "event": "Signed Up", "userId": 7},
    BASE | {"type": "shout", "messageId": "m8"},
    BASE | {"messageId": "m9"},
]


@pytest.fixture
def spec(tmp_path):
    folder = tmp_path / "segment" / "2026"
    folder.mkdir(parents=True)
    (folder / "a.json.gz").write_bytes(gzip.compress("".join(json.dumps(c) + "\n" for c in CALLS[:5]).encode()))
    (folder / "b.json").write_text("".join(json.dumps(c) + "\n" for c in CALLS[5:]))
    return tmp_path / "segment"


def test_calls_become_events_facts_and_links(spec):
    events = jn.read_segment(spec)
    found = events.issues
    assert (found.read, found.kept, found.facts, found.duplicates, found.quarantined) == (10, 3, 4, 1, 2)
    table = events.table.collect()
    assert table["event"].to_list() == ["Loaded a Page", "Signed Up", "Viewed a Screen"]
    page, track, screen = table.iter_rows(named=True)
    assert (page["page_path"], page["page_name"], page["campaign"], page["campaign_source"], page["channel"]) == (
        "/", "Home", "spring", "google", "Paid Search",
    )  # fmt: skip
    assert (track["user_id"], track["plan_name"], track["url"], track["page_url"]) == ("7", "pro", "u", None)
    assert screen["page_name"] == "Settings"
    assert page["context_user_agent"] == "Mozilla"
    facts = events.facts.collect()
    assert facts["kind"].to_list() == ["identify", "group", "alias", "alias"]
    assert facts.row(0, named=True)["email"] == "ada@x.example"
    assert facts.row(0, named=True)["first_name"] == "Ada"
    assert (facts.row(1, named=True)["group_name"], facts.row(1, named=True)["group_id"]) == ("Acme", "g1")
    assert "name" not in facts.columns
    links = events.links.sort("id_a").select("id_type_a", "id_a", "id_type_b", "id_b", "kind").collect()
    assert links.rows() == [
        ("user_id", "a1", "user_id", "7", "alias"),
        ("user_id", "old", "user_id", "7", "alias"),
    ]
    kinds = dict(jn.stitch(events).identity.table.select("id", "id_type").rows())
    assert (kinds["a1"], kinds["old"]) == ("anonymous_id", "user_id")  # the call does not say what they are
    assert set(found.quarantine["reason"]) == {"unknown call type", "no call type"}


def test_the_devices_clock_is_set_right():
    true = datetime(2026, 3, 1, 10, tzinfo=UTC)
    wrong = timedelta(hours=3)
    rows = {
        "type": ["track"] * 3,
        "event": ["A"] * 3,
        "userId": ["1"] * 3,
        "timestamp": [true, None, None],
        "originalTimestamp": [true + wrong, true + wrong, true + wrong],
        "sentAt": [true + wrong + timedelta(seconds=5)] * 2 + [None],
        "receivedAt": [true + timedelta(seconds=5)] * 3,
    }
    for frame in (
        pl.DataFrame(rows),
        pl.DataFrame(rows).with_columns(pl.col(pl.Datetime).dt.to_string("%Y-%m-%dT%H:%M:%S%.3fZ")),
    ):
        events = jn.read_segment(frame)
        assert events.table.collect()["timestamp"].to_list() == [true, true, true + wrong]
        said = dict(events.issues.table.select("reason", "rows").iter_rows())
        assert said["device clock off by more than 10 minutes (corrected)"] == 2


def test_the_warehouse_gives_each_event_once_with_its_properties(tmp_path):
    at = "2026-03-01 10:00:00.000 UTC"
    base = {"anonymous_id": "a1", "user_id": None, "received_at": at, "timestamp": at}
    tables = {
        "tracks": [
            base | {"id": "m2", "event": "signed_up", "event_text": "Signed Up"},
            base | {"id": "m9", "event": "left", "event_text": "Left"},
        ],
        "signed_up": [base | {"id": "m2", "event": "signed_up", "event_text": "Signed Up", "plan_name": "pro"}],
        "pages": [base | {"id": "m1", "path": "/", "name": "Home", "context_campaign_source": "news"}],
        "identifies": [base | {"id": "m3", "user_id": 7, "email": "Ada@X.example", "first_name": "Ada"}],
        "groups": [base | {"id": "m4", "group_id": "g1", "name": "Acme"}],
        "aliases": [base | {"id": "m5", "user_id": "7", "previous_id": "a1"}],
        "users": [{"id": "7", "email": "x"}],
    }
    frames = {name: pl.DataFrame(rows) for name, rows in tables.items()}
    for name, frame in frames.items():
        frame.write_csv(tmp_path / f"{name}.csv")
    (tmp_path / "parts" / "pages").mkdir(parents=True)
    for events in (jn.read_segment(frames), jn.read_segment(tmp_path)):
        found = events.issues
        assert (found.read, found.kept, found.facts, found.duplicates) == (7, 3, 3, 1)
        table = events.table.collect()
        assert sorted(table["event"].to_list()) == ["Left", "Loaded a Page", "Signed Up"]
        assert table.filter(pl.col("event") == "Signed Up")["plan_name"].to_list() == ["pro"]
        assert table.filter(pl.col("event") == "Loaded a Page").select("page_path", "page_name", "campaign_source").row(0) == (
            "/", "Home", "news",
        )  # fmt: skip
        facts = events.facts.collect()
        assert facts.filter(pl.col("kind") == "identify").select("user_id", "email", "first_name").row(0) == (
            "7",
            "ada@x.example",
            "Ada",
        )
        assert facts.filter(pl.col("kind") == "group")["group_name"].to_list() == ["Acme"]
        assert events.links.select("id_a", "id_b").collect().rows() == [("a1", "7")]
        assert jn.stitch(events).identity.links.select("id_type_a", "id_type_b", "kind").rows()[0] == (
            "user_id", "anonymous_id", "alias",
        )  # fmt: skip
        assert "users: a summary of people or accounts, skipped" in found.table["reason"].to_list()


def test_tables_of_parts_in_folders(tmp_path):
    for part in range(2):
        folder = tmp_path / "pages"
        folder.mkdir(exist_ok=True)
        row = {"id": f"m{part}", "anonymous_id": "a", "timestamp": datetime(2026, 3, 1, tzinfo=UTC)}
        pl.DataFrame([row]).write_parquet(folder / f"part-{part:05d}.parquet")
    assert (
        jn.read_rudderstack(tmp_path).table.select("event", "source").collect().rows()
        == [("Loaded a Page", "rudderstack")] * 2
    )


def test_json_and_tables_are_not_mixed(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "pages.csv").write_text("id\n")
    with pytest.raises(jn.SourceError, match=r"holds both JSON \(Segment's spec\) and csv \(warehouse tables\)"):
        jn.read_segment(tmp_path)


def test_how_the_input_is_split_changes_nothing(spec):
    whole = spec.parent / "whole.ndjson"
    whole.write_text("".join(json.dumps(c) + "\n" for c in CALLS))
    one, many = jn.read_segment(whole), jn.read_segment(spec)
    for part in ("table", "facts", "links"):
        a, b = getattr(one, part).collect(), getattr(many, part).collect()
        assert a.equals(b.select(a.columns))
