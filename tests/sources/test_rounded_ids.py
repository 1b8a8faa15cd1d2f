"""Floats that are too large to be exact are nobody's identifiers: two users must not become one by rounding."""

import polars as pl
import pytest

import journeys as jn

SAID = "identifiers that are floats of 2^53 or more, so that digits are lost (not used)"
DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


def noticed(events):
    return dict(events.issues.table.filter(pl.col("kind") == "noticed").select("reason", "rows").iter_rows())


@pytest.mark.parametrize(
    ("given", "kept", "lost"),
    [
        ([17841400008460056.0, 17841400008460057.0, None], [None, None, None], 2),
        ([float("inf"), -float("inf"), float("nan")], [None, None, None], 2),
        ([1e15, 2.0**53 - 1, 1.5], ["1000000000000000", "9007199254740991", "1.5"], None),
    ],
)
def test_a_table_of_floats(given, kept, lost):
    frame = pl.DataFrame({"at": DAYS, "user_id": given, "device": ["d1", "d2", "d3"]})
    events = jn.read_table(frame, timestamp="at", event=pl.lit("Paid"), ids=["user_id", "device"])
    assert events.table.collect()["user_id"].to_list() == kept
    assert noticed(events).get(SAID) == lost
    assert (events.issues.kept, jn.stitch(events).size.people) == (3, 3)


def test_single_precision_is_exact_below_its_own_limit():
    frame = pl.DataFrame(
        {"at": DAYS[:2], "user_id": [16777215.0, 16777216.0]}, schema_overrides={"user_id": pl.Float32}
    )
    events = jn.read_table(frame, timestamp="at", event=pl.lit("Paid"), ids=["user_id"])
    assert events.table.collect()["user_id"].to_list() == ["16777215"]
    assert events.issues.table.filter(pl.col("kind") == "quarantined")["reason"].to_list() == ["no id at all"]


def test_message_ids_that_are_rounded_repeat_nothing():
    frame = pl.DataFrame({"at": DAYS[:2], "user_id": ["a", "b"], "mid": [17841400008460056.0, 17841400008460057.0]})
    events = jn.read_table(frame, timestamp="at", event=pl.lit("Paid"), ids=["user_id"], message_id="mid")
    assert (events.issues.kept, noticed(events)[SAID]) == (2, 2)


BIG = [17841400008460056.0, 7.0]
STAMPS = [f"{day}T10:00:00Z" for day in DAYS[:2]]


AMPLITUDE = {"event_type": ["A", "B"], "event_time": STAMPS, "user_id": BIG, "device_id": ["d", "e"]}
SEGMENT = {"type": ["track"] * 2, "event": ["A", "B"], "timestamp": STAMPS, "userId": BIG, "anonymousId": ["d", "e"]}
HUBSPOT = {"Record ID": BIG, "Email": ["a@x.org", "b@x.org"], "Create Date": STAMPS, "Lifecycle Stage": ["Lead"] * 2}
SNOWPLOW = {"event_id": ["1", "2"], "collector_tstamp": STAMPS, "domain_userid": ["d", "e"], "user_id": BIG}
POSTHOG = {"event": ["a", "b"], "timestamp": STAMPS, "distinct_id": ["d", "e"]}


@pytest.mark.parametrize(
    ("reader", "rows", "kept"),
    [
        (jn.read_amplitude, AMPLITUDE, "user_id"),
        (jn.read_segment, SEGMENT, "user_id"),
        (jn.read_hubspot, HUBSPOT, "hubspot_id"),
        (jn.read_snowplow, SNOWPLOW | {"event_name": ["a", "b"]}, "user_id"),
        (jn.read_posthog, POSTHOG | {"properties": [{"$device_id": one} for one in BIG]}, "anonymous_id"),
    ],
)
def test_a_systems_export_with_floats(reader, rows, kept):
    events = reader(pl.DataFrame(rows))
    stated = events.rows.select(pl.col(kept).cast(pl.String)).collect()[kept].unique().to_list()
    assert "7" in stated
    assert not [one for one in stated if one and one.startswith("1.78")]
    assert noticed(events)[SAID] >= 1


def test_a_rounded_number_written_as_text_identifies_nobody():
    users = ["1.7841400008460056e+16", "1.7841400008460056E+16", "1e45"]
    frame = pl.DataFrame({"at": DAYS, "user_id": users, "device": ["d1", "d2", "d3"]})
    identity = jn.stitch(jn.read_table(frame, timestamp="at", event=pl.lit("Paid"), ids=["user_id", "device"])).identity
    assert identity.figure("people") == 3
    assert identity.junk.select("reason", "rows").rows() == [("a number whose last digits are lost", 1)] * 2
    assert ("user_id", "1e45") in identity.table.select("id_type", "id").rows()
