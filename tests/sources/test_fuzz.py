"""Anything at all as a file: a refusal in our own words or rows that add up, never a traceback from below."""
# ruff: noqa: E501 - a row of test data is read best in one line

import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeys as jn
from journeys import JourneysError

SCALAR = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.floats(), st.text(max_size=6),
    st.sampled_from(["null", "", " ", "2026-03-01T10:00:00Z", "1772530000", "a@x.example", "[object Object]"]),
)  # fmt: skip
VALUE = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
TIME = st.sampled_from(["2026-03-01T10:00:00Z", "2026-03-01 10:00:00", "soon", "", None, 7, 1772530000, 1772530000000])
ID = st.sampled_from(["u1", "a1", "", None, 7, 7.0, "null"])


def rows_of(**fields):
    mangled = {name: st.one_of(values, values, VALUE) for name, values in fields.items()}
    return st.lists(st.fixed_dictionaries({}, optional=mangled), max_size=5)


PROPERTIES = st.dictionaries(
    st.sampled_from(["path", "event", "a", "A", "_x", "$set", "time", "timestamp"]), VALUE, max_size=3
)
SYSTEMS = {
    "segment": (
        jn.read_segment,
        rows_of(type=st.sampled_from(["track", "page", "identify", "alias", "group"]), messageId=ID, userId=ID, anonymousId=ID, previousId=ID,
                timestamp=TIME, sentAt=TIME, receivedAt=TIME, originalTimestamp=TIME, event=ID, properties=PROPERTIES, traits=PROPERTIES, context=PROPERTIES),
    ),
    "ga4": (jn.read_ga4, rows_of(event_timestamp=st.just(1772530000000000), event_name=ID, user_pseudo_id=ID, user_id=ID, batch_page_id=ID,
                                 event_params=st.lists(st.fixed_dictionaries({"key": st.sampled_from("ab"), "value": st.fixed_dictionaries({}, optional={"string_value": ID, "int_value": SCALAR})}), max_size=2))),
    "mixpanel": (jn.read_mixpanel, rows_of(event=ID, properties=st.fixed_dictionaries({}, optional={"time": TIME, "$device_id": ID, "distinct_id": ID, "$insert_id": ID, "a": VALUE}))),
    "amplitude": (jn.read_amplitude, rows_of(event_type=ID, event_time=TIME, device_id=ID, user_id=ID, uuid=ID, event_properties=PROPERTIES, user_properties=PROPERTIES)),
    "posthog": (jn.read_posthog, rows_of(event=st.sampled_from(["$identify", "A", "$set"]), timestamp=TIME, distinct_id=ID, uuid=ID, properties=st.one_of(PROPERTIES, PROPERTIES.map(json.dumps)))),
    "snowplow": (jn.read_snowplow, rows_of(collector_tstamp=TIME, derived_tstamp=TIME, event_id=ID, event_name=ID, domain_userid=ID, user_id=ID, page_url=st.text(max_size=9))),
    "customerio": (jn.read_customerio, rows_of(metric=ID, object_type=ID, timestamp=st.just(1772530000), event_id=ID, data=PROPERTIES)),
    "hubspot": (jn.read_hubspot, rows_of(propertyName=st.just("lifecyclestage"), propertyValue=ID, occurredAt=st.just(1772530000000), objectId=ID, eventId=ID, email=ID)),
}  # fmt: skip


def holds(read, source, rows):
    """Read, look at everything that Events offer, and account for each row."""
    try:
        events = read(source)
    except JourneysError:
        return
    found = events.issues
    assert found.read == found.kept + found.facts + found.duplicates + found.quarantined
    if rows is not None:
        assert found.read == rows
    table = events.table.collect()
    assert table.height == found.kept
    assert events.facts.collect().height == found.facts
    assert found.quarantine.height == found.quarantined
    events.links.collect()
    assert table["timestamp"].null_count() == 0
    assert table.schema["timestamp"] == pl.Datetime("us", "UTC")
    assert all(table.schema[kind] == pl.String for kind in events.ids)
    assert table.height == 0 or all(table.select(pl.coalesce(events.ids)).to_series().is_not_null())


@pytest.mark.parametrize("system", SYSTEMS)
@settings(max_examples=25)
@given(data=st.data())
def test_each_reader_on_mangled_rows(tmp_path_factory, system, data):
    read, strategy = SYSTEMS[system]
    rows = data.draw(strategy)
    cut = data.draw(st.integers(0, 3))
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path = tmp_path_factory.mktemp("fuzz") / "rows.ndjson"
    text = text[: len(text) - cut] if cut > 1 else text
    path.write_text(text)
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    holds(read, path, lines or None)


TABLES = [
    jn.read_segment, jn.read_ga4, jn.read_mixpanel, jn.read_amplitude, jn.read_posthog, jn.read_snowplow,
    jn.read_customerio, jn.read_hubspot,
    lambda path: jn.read_table(path, timestamp="time", event="event", ids=["user_id", "id"]),
]  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "json", "csv.gz", "parquet", "dat"])
@settings(max_examples=20)
@given(
    data=st.one_of(st.binary(max_size=200), st.text(alphabet='{}[]":,\n\r\t ab1"é\ufeff', max_size=120).map(str.encode))
)
def test_any_bytes(tmp_path_factory, ending, data):
    path = tmp_path_factory.mktemp("fuzz") / f"x.{ending}"
    path.write_bytes(data)
    for read in TABLES:
        holds(read, path, None)


@given(
    st.lists(st.tuples(st.sampled_from(["2026-03-01T10:00:00Z", "2026-03-01 10:00", "soon", ""]), st.sampled_from(["A", "", 'q"x', "a\nb", "a,b"]), st.sampled_from(["u1", "", "7.0"])), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_well_written_csv_loses_nothing(tmp_path_factory, rows, separator, newline):
    def cell(text):
        return '"' + text.replace('"', '""') + '"' if set(text) & set('",;\t|\n\r') else text

    lines = ["time", "event", "user_id", "id"], *([*row, str(n)] for n, row in enumerate(rows))
    path = tmp_path_factory.mktemp("fuzz") / "x.csv"
    path.write_bytes("".join(separator.join(map(cell, line)) + newline for line in lines).encode())
    events = jn.read_table(path, timestamp="time", event="event", ids=["user_id", "id"])
    assert events.issues.read == len(rows)
    kept = [(row[1], str(n)) for n, row in enumerate(rows) if row[0].startswith("2026") and row[1]]
    assert events.table.select("event", "id").collect().rows() == kept
