"""Rows in any order become the sorted log; rows that cannot be placed are quarantined."""

import random
from datetime import UTC, date, datetime
from unittest import mock

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.log.build import sort_rows
from tests.logs import START, frame, in_order, rows


@given(found=rows())
def test_events_come_in_total_order(found):
    j = jn.Journeys.from_table(frame(found))
    expected = [(row[0], row[2], row[3]) for row in in_order(found)]
    assert j.events.select("person", pl.col("event").cast(pl.String), "campaign").collect().rows() == expected


@given(found=rows(), seed=st.integers(0, 9))
def test_order_of_input_rows_changes_nothing_where_times_differ(found, seed):
    apart = {row[:2]: row for row in found}
    shuffled = list(apart.values())
    random.Random(seed).shuffle(shuffled)
    one = jn.Journeys.from_table(frame(list(apart.values())))
    other = jn.Journeys.from_table(frame(shuffled))
    assert one.events.collect().equals(other.events.collect())
    assert one.people.equals(other.people)


@pytest.mark.parametrize("piece", [1, 3, 1 << 18])
@given(pairs=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30))
def test_sort_rows_is_a_stable_sort(piece, pairs):
    schema = {"person": pl.UInt32, "timestamp": pl.Datetime("us", "UTC")}
    came = pl.DataFrame(pairs, schema=schema, orient="row").with_row_index("came")
    expected = sorted(range(len(pairs)), key=lambda k: pairs[k])
    # whether longer logs are sorted is found piece by piece
    with mock.patch("journeys.log.build._PIECE", piece):
        found = sort_rows(came)
    assert found["came"].to_list() == expected
    assert found.equals(came[expected])


@given(found=rows())
def test_people_are_summarised_from_their_rows(found):
    people = jn.Journeys.from_table(frame(found)).people
    for row in people.iter_rows(named=True):
        own = [r for r in in_order(found) if r[0] == row["person"]]
        touches = [r[3] for r in own if r[3] is not None]
        assert row["event_count"] == len(own)
        assert (row["last_seen"] - row["first_seen"]).total_seconds() == 60 * (own[-1][1] - own[0][1])
        assert row["first_campaign"] == (touches[0] if touches else None)
        assert row["last_campaign"] == (touches[-1] if touches else None)
    assert people["person"].to_list() == sorted({row[0] for row in found})


def test_rows_that_cannot_be_placed_are_quarantined_with_a_reason():
    table = pl.DataFrame(
        {
            "person": ["a", None, "a", "a"],
            "timestamp": ["2026-03-01", "2026-03-01", "rubbish", "2026-03-02T10:00:00+02:00"],
            "event": ["x", "x", "x", None],
            "n": [1, 2, 3, 4],
        }
    )
    j = jn.Journeys.from_table(table)
    assert j.size.events == 1
    assert j.quarantine.select("n", "timestamp (as read)", "reason").rows() == [
        (2, None, "no person"),
        (3, "rubbish", "a time that cannot be read"),
        (4, None, "no event"),
    ]


@pytest.mark.parametrize("in_store", [False, True])
@pytest.mark.parametrize(
    "text", ["2026-01-01 10:00:00+00", "2026-01-01T10:00", "2026-01-01T10:00Z", "2026-01-01 10:00:00", "01/13/2026"]
)
def test_times_in_text_are_read_as_read_table_reads_them(text, in_store, tmp_path):
    table = pl.DataFrame({"person": ["a", "b"], "timestamp": [text, "soon"], "event": ["x", "x"]})
    j = jn.Journeys.from_table(table.lazy(), store=tmp_path / "store" if in_store else None)
    events = jn.read_table(table, timestamp="timestamp", event="event", ids={"user_id": "person"})
    assert j.events.collect()["timestamp"].to_list() == events.table.collect()["timestamp"].to_list()
    assert j.quarantine.select("person", "timestamp (as read)", "reason").rows() == [
        ("b", "soon", "a time that cannot be read")
    ]


def test_times_are_read_as_asked():
    table = pl.DataFrame({"person": ["a"], "timestamp": ["03/04/2026 10:00"], "event": ["x"]})
    reason = jn.Journeys.from_table(table).quarantine["reason"].item()
    assert reason.startswith("a date whose day and month cannot be told apart")
    assert jn.Journeys.from_table(table, day_first=True).size.first == datetime(2026, 4, 3, 10, tzinfo=UTC)
    asked = {"format": "%m/%d/%Y %H:%M", "time_zone": "Europe/Berlin"}
    assert jn.Journeys.from_table(table, **asked).size.first == datetime(2026, 3, 4, 9, tzinfo=UTC)
    numbers = table.with_columns(timestamp=pl.lit("1772323200,5"))
    half = datetime(2026, 3, 1, 0, 0, 0, 500_000, tzinfo=UTC)
    assert jn.Journeys.from_table(numbers, time_unit="s").size.first == half


def test_unusual_times_and_repeats_are_kept_and_counted():
    table = pl.DataFrame(
        {
            "person": ["a", "a", "a", "b", "b"],
            "timestamp": [datetime(1970, 1, 1), datetime(2026, 3, 1), datetime(2026, 3, 1)]
            + [datetime(2099, 1, 1)] * 2,
            "event": ["x", "y", "z", "x", "x"],
        }
    )
    assert dict(jn.Journeys.from_table(table).unusual_rows) == {
        "equal times of one person": 2,
        "same as the row before": 1,
        "before the year 2000": 1,
        "in the future": 2,
    }


@pytest.mark.parametrize(
    "times",
    [
        pl.Series(["2026-03-01", "2026-03-02"]),
        pl.Series(["2026-03-01T00:00:00Z", "2026-03-02 00:00:00"]),
        pl.Series([date(2026, 3, 1), date(2026, 3, 2)]),
        pl.Series([datetime(2026, 3, 1), datetime(2026, 3, 2)], dtype=pl.Datetime("ns")),
        pl.Series([datetime(2026, 3, 1), datetime(2026, 3, 2)])
        .dt.replace_time_zone("UTC")
        .dt.convert_time_zone("Asia/Tokyo"),
    ],
)
def test_times_of_any_kind_become_utc(times):
    table = pl.DataFrame({"person": [1, 1], "event": ["x", "y"]}).with_columns(timestamp=times)
    found = jn.Journeys.from_table(table).events.collect()["timestamp"]
    assert found.dtype == pl.Datetime("us", "UTC")
    assert found.to_list() == [START, START.replace(day=2)]


@pytest.mark.parametrize("people", [[3, 1, 10**12], ["b", "a", "c"], [True, False, True], [2.5, 1.0, 3.0]])
def test_people_keep_their_labels(people):
    table = pl.DataFrame({"person": people, "timestamp": [START] * 3, "event": ["x"] * 3})
    j = jn.Journeys.from_table(table)
    assert j.people["person"].to_list() == sorted(set(people))
    assert j.events.collect()["person"].to_list() == sorted(people)


def test_a_missing_column_is_named_with_its_closest():
    table = pl.DataFrame({"persn": [1], "time": [START], "event": ["x"]})
    with pytest.raises(jn.UnknownNameError) as raised:
        jn.Journeys.from_table(table)
    assert "person: no column 'person'; did you mean 'persn'?" in str(raised.value)
    assert "timestamp: no column 'timestamp'" in str(raised.value)


def test_numbers_need_a_unit():
    table = pl.DataFrame({"person": [1], "timestamp": [1_772_323_200], "event": ["x"]})
    with pytest.raises(jn.ArgumentError, match="holds numbers .Int64. whose unit is not known"):
        jn.Journeys.from_table(table)
    j = jn.Journeys.from_table(table, time_unit="s")
    assert j.size.first == datetime(2026, 3, 1, tzinfo=UTC)


def test_a_column_that_would_be_overwritten_is_refused():
    table = pl.DataFrame({"user": [1], "person": [2], "timestamp": [START], "event": ["x"]})
    with pytest.raises(jn.ArgumentError, match="another column called 'person'"):
        jn.Journeys.from_table(table, person="user")


def test_an_empty_log_answers():
    j = jn.Journeys.from_table(frame([]))
    assert repr(j) == "Journeys: no people and no events."
    assert j.people.height == 0
    assert j.events.collect().height == 0


def test_columns_of_unsuitable_types_are_reported_together():
    things = pl.Series([object(), object()], dtype=pl.Object)
    table = pl.DataFrame({"person": [["a"], ["b"]], "timestamp": [START] * 2, "event": [["x"], ["y"]], "thing": things})
    with pytest.raises(jn.ArgumentError) as raised:
        jn.Journeys.from_table(table)
    for said in (
        "person: column 'person' is List(String), expected one value per row.",
        "event: column 'event' is List(String), expected one value per row.",
        "table: column 'thing' holds Python objects, which can be neither sorted nor stored; convert or drop it.",
    ):
        assert said in str(raised.value)


def test_a_person_that_is_not_a_number_is_set_apart():
    table = pl.DataFrame({"person": [2.0, float("nan"), 1.0], "timestamp": [START] * 3, "event": ["x"] * 3})
    j = jn.Journeys.from_table(table)
    assert j.events.collect()["person"].to_list() == [1.0, 2.0]
    assert j.quarantine["reason"].to_list() == ["no person"]


def test_times_that_python_cannot_show_are_quarantined() -> None:
    at = pl.Series([-62167219200000000, 0, 253402300800000000]).cast(pl.Datetime("us"))
    j = jn.Journeys.from_table(pl.DataFrame({"person": [1, 1, 2], "timestamp": at, "event": ["A"] * 3}))
    reason = "a time outside the years 1 to 9999"
    assert j.quarantine.select("timestamp", "reason").rows() == [(None, reason)] * 2
    assert j.people.height == 1


@pytest.mark.parametrize("is_stored", [False, True])
def test_dates_without_a_time_are_counted_as_unusual(is_stored, tmp_path):
    words = {"person": ["a", "a", "b", None], "event": ["x", "y", "x", "x"]}
    times = ["2026-03-01", "2026-03-01T10:00:00Z", "2026-03-02", "2026-03-02"]
    store = {"store": tmp_path / "store"} if is_stored else {}
    mixed = jn.Journeys.from_table(pl.DataFrame({**words, "timestamp": times}), **store)
    assert mixed.unusual_rows == {"date without a time of day (read as midnight)": 2}
    assert mixed.events.collect().columns == ["person", "timestamp", "event"]
    assert "2 × date without a time of day (read as midnight)" in mixed._repr_html_()
    days = pl.DataFrame({**words, "timestamp": [date(2026, 3, 1)] * 4})
    store = {"store": tmp_path / "days"} if is_stored else {}
    assert jn.Journeys.from_table(days, **store).unusual_rows["date without a time of day (read as midnight)"] == 3
    moments = days.with_columns(timestamp=pl.lit(datetime(2026, 3, 1)))
    store = {"store": tmp_path / "moments"} if is_stored else {}
    assert "date" not in str(jn.Journeys.from_table(moments, **store).unusual_rows)
