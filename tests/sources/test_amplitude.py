"""Amplitude's insert ids are a device's own."""

import polars as pl
import pytest

import journeys as jn


def test_two_devices_may_have_the_same_insert_id():
    ids = [
        ("i", "d1", "x1"),
        ("i", "d2", "x2"),
        ("i", "d1", "x3"),
        (None, "d1", "x4"),
        (None, "d1", "x4"),
        ("j", None, "x5"),
    ]
    rows = [
        {"event_type": "Left", "event_time": "2026-03-03 09:26:40", "$insert_id": key, "device_id": device, "uuid": own,
         "user_id": "7"}
        for key, device, own in ids
    ]  # fmt: skip
    events = jn.read_amplitude(pl.DataFrame(rows))
    assert (events.issues.kept, events.issues.duplicates) == (4, 2)
    assert events.table.collect()["device_id"].to_list() == ["d1", "d2", "d1", None]


def test_all_that_is_missing_is_named():
    with pytest.raises(jn.SourceError, match="not Amplitude data: no column 'event_time' or 'user_id' or 'device_id';"):
        jn.read_amplitude(pl.DataFrame({"event_type": ["x"]}))
