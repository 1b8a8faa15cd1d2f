"""Times that count something else, name no zone or never were: told of each row and of the column."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

import journeys as jn


def log(at, **more):
    rows = pl.DataFrame({"at": at, "what": ["Signed Up"] * len(at), "user_id": [f"{n}" for n in range(len(at))]})
    return jn.read_table(rows, timestamp="at", event="what", ids=["user_id"], **more)


def reasons(events, kind="quarantined"):
    return dict(events.issues.table.filter(kind=kind).select("reason", "rows").iter_rows())


@pytest.mark.parametrize("as_text", [False, True])
def test_a_number_in_another_unit_is_set_apart_and_reported(as_text):
    at = [1772530000] * 1500 + [1772530000000] * 400 + [0, -5, 4102444800]
    events = log([str(one) for one in at] if as_text else at, unit="s")
    assert reasons(events) == {
        "column 'at': not between 2000 and 2100 in seconds; it looks like milliseconds": 400,
        "column 'at': not between 2000 and 2100 in seconds": 2,
    }
    assert events.span == (datetime(2026, 3, 3, 9, 26, 40, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
    with pytest.raises(jn.SourceError, match=r"it looks like milliseconds \(unit='ms'\)"):
        log([str(one * 1000) for one in at] if as_text else [one * 1000 for one in at], unit="s")


def test_mixpanels_times_are_looked_at_one_by_one(tmp_path):
    path = tmp_path / "raw.ndjson"
    times = [1772530000] * 1200 + [1772530000000, 0]
    rows = [{"event": "A", "properties": {"time": time, "distinct_id": "u"}} for time in times]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert reasons(jn.read_mixpanel(path)) == {
        "column 'properties.time': not between 2000 and 2100 in seconds; it looks like milliseconds": 1,
        "column 'properties.time': not between 2000 and 2100 in seconds": 1,
    }


def test_no_reader_keeps_a_number_in_another_unit():
    rows = {"event_id": ["a", "b"] * 3, "metric": ["sent"] * 6, "timestamp": [1772530000] * 5 + [0]}
    events = jn.read_customerio(pl.DataFrame(rows | {"customer_id": ["1"] * 6, "event_id": list("abcdef")}))
    assert (events.issues.kept, events.issues.quarantined) == (5, 1)


def test_the_unit_is_asked_for_only_where_an_argument_takes_it():
    rows = {"event_id": ["a"], "metric": ["sent"], "timestamp": [1772530000000], "customer_id": ["1"]}
    with pytest.raises(jn.SourceError, match=r"it looks like milliseconds\.$"):
        jn.read_customerio(pl.DataFrame(rows))
    said = "column '(timestamp|event_time)' holds numbers where this system writes date and time, .* read_table"
    call = {"type": ["track"], "event": ["A"], "messageId": ["m"], "userId": ["u"], "timestamp": [1772530000000]}
    with pytest.raises(jn.SourceError, match=said):
        jn.read_segment(pl.DataFrame(call))
    row = {"event_type": ["a"], "event_time": [1772530000000], "user_id": ["1"], "device_id": ["d"]}
    with pytest.raises(jn.SourceError, match=said):
        jn.read_amplitude(pl.DataFrame(row))


@pytest.mark.parametrize(
    ("zone", "near"),
    [("Mars/Base", "; give"), ("Europe/Berln", "did you mean 'Europe/Berlin'"), ("UTC+2", "'Etc/GMT-2'"),
     ("GMT-05:00", "'Etc/GMT\\+5'"), (2, "; give")],
)  # fmt: skip
def test_what_is_no_time_zone_is_refused_with_the_closest(zone, near):
    rows = pl.DataFrame([{"event": "A", "properties": {"time": 1772530000, "distinct_id": "u"}}])
    with pytest.raises(
        jn.ArgumentError, match=f"time_zone: '?{str(zone)[:3].replace('+', '.')}.*is not a time zone.*{near}"
    ):
        jn.read_mixpanel(rows, time_zone=zone)
    with pytest.raises(jn.ArgumentError, match=near):
        log(["2026-03-01 10:00:00"], time_zone=zone)


ASSUMED = "times without a zone were read as "
FIRST = "of an hour that Europe/Berlin repeats when its clocks go back the first was taken"


@pytest.mark.parametrize("at", ["2026-03-01 10:00:00", "2026-03-01", datetime(2026, 3, 1), datetime(2026, 3, 1).date()])
def test_times_without_a_zone_are_reported(at):
    assert reasons(log([at]), "note") == {f"{ASSUMED}UTC": None}
    assert reasons(log([at], time_zone="Europe/Berlin"), "note") == {f"{ASSUMED}Europe/Berlin": None, FIRST: None}
    assert reasons(log([at], time_zone="Asia/Kolkata"), "note") == {f"{ASSUMED}Asia/Kolkata": None}


@pytest.mark.parametrize(
    "at", ["2026-03-01T10:00:00Z", "2026-03-01 10:00:00+02:00", "2026-03-01 10:00:00.5 UTC", "2026-03-01 12:00:00+02",
           datetime(2026, 3, 1, tzinfo=UTC), None],
)  # fmt: skip
def test_times_that_name_their_zone_need_no_word(at):
    assert reasons(log([at], time_zone="Europe/Berlin"), "note") == {}


@pytest.mark.parametrize("kind", [str, lambda at: at and datetime.fromisoformat(at)])
def test_an_hour_that_never_was(kind):
    events = log([kind("2026-03-29 02:30:00"), kind("2026-03-29 03:30:00")], time_zone="Europe/Berlin")
    assert reasons(events) == {"a time that cannot be read: the clocks of Europe/Berlin skip it": 1}
    assert events.table.collect()["timestamp"].to_list() == [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]
    assert reasons(log(["soon"], time_zone="Europe/Berlin")) == {"a time that cannot be read": 1}


def test_columns_with_names_of_our_own_are_kept(tmp_path):
    row = {"_time": "2026-03-01 10:00:00", "what": "A", "_user": "1", "_row": "x", "trait:plan": "pro", "_status": "s"}
    events = jn.read_table(pl.DataFrame([row]), timestamp="_time", event="what", ids={"user_id": "_user"})
    table = events.table.collect().to_dicts()[0]
    assert table["property_row"] == "x"
    assert table["property_trait:plan"] == "pro"
    assert table["property_status"] == "s"
    assert table["timestamp"] == datetime(2026, 3, 1, 10, tzinfo=UTC)
    other = pl.DataFrame([row | {"at": "2026-03-02 10:00:00"}])
    kept = jn.read_table(other, timestamp="at", event="what", ids={"user_id": "_user"}).table.collect().to_dicts()[0]
    assert kept["property_time"] == "2026-03-01 10:00:00"


def test_mixpanels_zone_note_covers_the_change_of_clocks():
    moments = [datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30)]  # skipped, and shown twice
    rows = [
        {"event": "A", "properties": {"time": int(at.replace(tzinfo=UTC).timestamp()), "distinct_id": f"{at.month}"}}
        for at in moments
    ]
    events = jn.read_mixpanel(pl.DataFrame(rows), time_zone="Europe/Berlin")
    assert reasons(events) == {"a time that cannot be read: the clocks of Europe/Berlin skip it": 1}
    said = "of an hour that Europe/Berlin repeats when its clocks go back the first was taken"
    assert said in reasons(events, "note")
    assert events.table.collect()["timestamp"].to_list() == [datetime(2026, 10, 25, 0, 30, tzinfo=UTC)]
    assert not [one for one in reasons(jn.read_mixpanel(pl.DataFrame(rows)), "note") if "hour" in one]


@pytest.mark.parametrize("zone", ["", "Z"])
def test_posthogs_times_without_a_zone_are_noted(zone):
    at = f"2026-03-01 10:00:00{zone}"
    rows = pl.DataFrame({"event": ["A"], "timestamp": [at], "distinct_id": ["u"]})
    people = pl.DataFrame({"distinct_id": ["u"], "person_id": ["p"], "created_at": [at]})
    for events in (jn.read_posthog(rows), jn.read_posthog(people)):
        assert ("times without a zone were read as UTC" in reasons(events, "note")) == (not zone)


@pytest.mark.parametrize("beside", [[], ["2026-03-01T10:00:00Z"], ["2026-03-01", None, "soon"]])
def test_times_with_blanks_around_and_times_without_seconds_are_read(beside):
    same = [
        "2026-03-01T10:00Z",
        "  2026-03-01T10:00:00.000Z ",
        "2026-03-01 12:00+02:00",
        "\t2026-03-01 10:00",
        " 2026-03-01T10:00Z",
    ]
    rows = log([*same, *beside]).table.collect().filter(pl.col("user_id").cast(pl.Int64) < len(same))
    assert rows["timestamp"].to_list() == [datetime(2026, 3, 1, 10, tzinfo=UTC)] * len(same)
    there = log([" 2026-03-01 10:00 ", "2026-03-01"], time_zone="Europe/Berlin").table.collect()["timestamp"].to_list()
    assert there == [datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 2, 28, 23, tzinfo=UTC)]
