"""Times that Python cannot show would break whatever shows them: such rows are put aside where they come in."""

import polars as pl
import pytest

import journeys as jn

REASON = "a time outside the years 1 to 9999"
BEYOND = ["0000-03-03T12:00:00Z", "-0044-03-15T12:00:00Z", "+10000-01-01T00:00:00Z"]


def reasons(events):
    return dict(events.issues.table.filter(kind="quarantined").select("reason", "rows").iter_rows())


@pytest.mark.parametrize("keyed", [True, False])
def test_a_time_before_the_year_1_or_after_9999_is_put_aside(keyed):
    at = pl.Series(["0000-03-03 12:00:00", "0001-01-01 00:00:00", "9999-12-31 23:59:59"])
    at = pl.concat([at.str.to_datetime(time_unit="us"), pl.Series([253402300800000000]).cast(pl.Datetime("us"))])
    log = pl.DataFrame({"t": at, "e": ["A"] * 4, "user_id": ["u"] * 4, "k": ["1", "2", "3", "4"]})
    key = "k" if keyed else None
    events = jn.read_table(log, timestamp="t", event="e", ids=["user_id"], message_id=key)
    assert reasons(events) == {REASON: 2}
    assert events.issues.quarantine["timestamp"].to_list() == [None, None]
    assert "2 in quarantine" in repr(events)
    assert events.issues.examples.height == 2
    journeys = jn.stitch(events)
    assert journeys.people.height == 1
    assert repr(journeys)
    assert journeys.events.collect().height == 2
    assert events._stream_table().collect().height == 2


def test_such_a_time_in_text_is_put_aside(tmp_path):
    path = tmp_path / "calls.csv"
    path.write_text("t,e,u\n2026-03-01,A,1\n" + "".join(f"{time},A,1\n" for time in BEYOND))
    events = jn.read_table(path, timestamp="t", event="e", ids=["u"])
    assert (events.issues.kept, events.issues.quarantined) == (1, 3)
    assert repr(events)
