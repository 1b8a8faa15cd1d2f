"""Columns flattened with dots, and objects that are not quite JSON, are read like objects, or it is said."""

import io
import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.sources import read_any
from journeys.sources.reading import RawTable, parse_json_columns

POSTHOG = """uuid,event,timestamp,distinct_id,properties.$current_url,properties.$device_id,\
properties.$anon_distinct_id,properties.utm_campaign
1,$pageview,2026-01-01T10:00:00Z,d1,https://x.example/,d1,,spring
2,$identify,2026-01-01T10:01:00Z,alice,,,d1,
3,buy,2026-01-01T10:02:00Z,alice,,d1,,
"""


@pytest.mark.parametrize("prefix", ["", "*."])
def test_a_flattened_export_of_posthog_is_stitched(tmp_path, prefix):
    head, *lines = POSTHOG.splitlines(keepends=True)
    text = ",".join(prefix + name for name in head.split(",")) + "".join(lines)
    (tmp_path / "events.csv").write_text(text)
    for source in (tmp_path / "events.csv", pl.read_csv(io.StringIO(text))):
        for events in (jn.read_posthog(source), read_any(source)):
            people = jn.stitch(events).people.select("event_count", "user_id", "anonymous_id").rows()
            assert people == [(2, "alice", "d1")]
            table = events.table.collect()
            assert table["campaign"].to_list() == ["spring", None]
            assert table["page_url"].to_list() == ["https://x.example/", None]


def flatten(row, prefix=""):
    """Write an object as pandas.json_normalize does."""
    flat = {}
    for key, value in row.items():
        flat |= flatten(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
    return flat


NESTED = {
    "segment": (jn.read_segment, {
        "type": "track", "event": "Bought", "messageId": "m", "userId": "u1", "timestamp": "2026-03-01T10:00:00Z",
        "properties": {"plan": "pro"}, "context": {"page": {"url": "https://x.example/a"}, "campaign": {"name": "c"}},
    }),
    "mixpanel": (jn.read_mixpanel, {
        "event": "Bought", "properties": {"time": 1772530000, "$user_id": "u1", "$device_id": "d", "$insert_id": "i",
                                          "utm_campaign": "c", "$current_url": "https://x.example/a", "plan": "pro"},
    }),
    "amplitude": (jn.read_amplitude, {
        "event_type": "Bought", "event_time": "2026-03-01 10:00:00", "user_id": "u1", "device_id": "d", "uuid": "1",
        "event_properties": {"utm_campaign": "c", "page_url": "https://x.example/a", "plan": "pro"},
    }),
    "customer.io": (jn.read_customerio, {
        "event_id": "1", "object_type": "email", "metric": "clicked", "timestamp": 1772530000,
        "data": {"identifiers": {"id": "u1", "email": "a@x.example"}, "href": "https://x.example/a?utm_campaign=c"},
    }),
    "hubspot": (jn.read_hubspot, {
        "id": "7", "createdAt": "2026-03-01T10:00:00Z",
        "properties": {"email": "a@x.example", "lifecyclestage": "lead", "hs_v2_date_entered_lead": "2026-03-02"},
    }),
}  # fmt: skip


@pytest.mark.parametrize("system", NESTED)
def test_every_reader_reads_flattened_columns_like_objects(system):
    read, row = NESTED[system]
    nested, flat = read(pl.DataFrame([row])), read(pl.DataFrame([flatten(row)]))
    assert flat.ids == nested.ids
    common = ["timestamp", "event", *nested.ids, *(c for c in ("campaign", "page_url", "plan") if c in nested.schema)]
    assert flat.table.select(common).collect().rows() == nested.table.select(common).collect().rows()
    assert read_any(pl.DataFrame([flatten(row)])).name == nested.name


PROPERTIES = [{"$device_id": "d1"}, {"$anon_distinct_id": "d1"}]


@pytest.mark.parametrize(
    "texts",
    [
        [json.dumps(json.dumps(one)) for one in PROPERTIES],
        [str(one) for one in PROPERTIES],
        ['{"$device_id": "d', json.dumps(PROPERTIES[1])],
        [json.dumps(PROPERTIES[0]), json.dumps(json.dumps(PROPERTIES[1]))],
    ],
)
def test_properties_that_are_not_quite_json_are_decoded_or_noted(texts):
    rows = {
        "uuid": ["1", "2"], "event": ["$pageview", "$identify"], "distinct_id": ["d1", "alice"],
        "timestamp": ["2026-01-01T10:00:00Z", "2026-01-01T10:01:00Z"], "properties": texts,
    }  # fmt: skip
    events = jn.read_posthog(pl.DataFrame(rows))
    assert any("'properties' is not an object" in note for note in events.issues.table.filter(kind="note")["reason"])
    assert jn.stitch(events).people["user_id"].to_list() == ["alice"]


def test_a_column_that_holds_no_object_at_all_is_noted():
    rows = {"event": ["A", "B"], "properties.time": [1772530000] * 2, "properties": ["{'broken", "words"]}
    notes = jn.read_mixpanel(pl.DataFrame(rows | {"properties.distinct_id": ["u"] * 2})).issues.table
    said = "'properties' is not an object in any of 2 rows: identifiers, pages and campaigns in it were not read"
    assert said in notes.filter(kind="note")["reason"].to_list()


VALUES = st.one_of(st.integers(0, 9), st.text("x'\"{", max_size=3))
OBJECTS = st.dictionaries(st.sampled_from("abc"), VALUES, min_size=1)


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.sampled_from(["twice", "python"]))
def test_objects_are_the_same_however_they_were_encoded(objects, how):
    encode = {"twice": lambda one: json.dumps(json.dumps(one)), "python": str}[how]
    for write in (json.dumps, encode):
        table = pl.DataFrame({"properties": [write(one) for one in objects]})
        raw = parse_json_columns(RawTable(table.lazy(), "table"), "properties").rows.collect()
        found = [{key: value for key, value in row.items() if value is not None} for row in raw["properties"]]
        # a field with texts and numbers is text
        texts = {key for one in objects for key, value in one.items() if isinstance(value, str)}
        assert found == [{key: str(v) if key in texts else v for key, v in one.items()} for one in objects]


def test_read_table_takes_identifiers_and_times_out_of_objects(tmp_path):
    row = {
        "type": "pageview",
        "at": {"utc": "2026-01-01T10:00:00Z"},
        "user": {"anonymous_id": "a1", "id": 7, "plan": "x"},
    }
    (tmp_path / "log.ndjson").write_text(json.dumps(row) + "\n")
    pl.DataFrame({"type": ["pageview"], "at": [json.dumps(row["at"])], "user": [json.dumps(row["user"])]}).write_csv(
        tmp_path / "log.csv"
    )
    ids = {"user_id": "user.id", "anonymous_id": "user.anonymous_id"}
    for source in (pl.DataFrame([row]), tmp_path / "log.ndjson", tmp_path / "log.csv"):
        table = jn.read_table(source, timestamp="at.utc", event="type", ids=ids).table.collect()
        assert table.select("event", "user_id", "anonymous_id", "user_plan").rows() == [("pageview", "7", "a1", "x")]
        assert set(table.columns).isdisjoint({"property_user_id", "user_anonymous_id", "at_utc"})
    with pytest.raises(jn.UnknownNameError, match=r"ids: no column 'user\.idd'; did you mean"):
        jn.read_table(pl.DataFrame([row]), timestamp="at.utc", event="type", ids=["user.idd", "user.id"])
    with pytest.raises(jn.ArgumentError, match=r"not single values; name one of its fields, such as 'user\.id'"):
        jn.read_table(pl.DataFrame([row]), timestamp="at.utc", event="type", ids=["user"])
