"""Rows in quarantine keep their text and place; a source that loses more than a fifth of its rows is announced."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.cli import main
from journeys.events.issues import ALARMING_SHARE

ASK = {"timestamp": "when", "event": "stage", "ids": ["email"]}


def stages(*times):
    return pl.DataFrame(
        {"when": times, "stage": ["Became MQL"] * len(times), "email": [f"{n}@x.example" for n in range(len(times))]}
    )


def test_the_text_and_the_place_of_a_row_in_quarantine_are_kept():
    events = jn.read_table(stages("2026-03-01 10:00", "17/04/26", "03/04/2026"), **ASK)
    kept = events.issues.quarantine.select("reason", "place", "text", "email").rows()
    assert kept == [
        ("a time that cannot be read", "row 2", "17/04/26", "1@x.example"),
        ("a date whose day and month cannot be told apart: give day_first=True or day_first=False", "row 3",
         "03/04/2026", "2@x.example"),
    ]  # fmt: skip
    assert events.issues.examples.select("reason", "place", "text", "email").rows() == sorted(kept)
    assert "'17/04/26'" in repr(events.issues)


def test_every_reader_keeps_the_text_of_a_time():
    call = {"type": ["track"], "event": ["A"], "messageId": ["m"], "userId": ["u"], "timestamp": ["soon"]}
    mail = {"event_id": ["a"], "metric": ["sent"], "timestamp": ["soon"], "customer_id": ["1"]}
    amplitude = {"event_type": ["A"], "event_time": ["soon"], "user_id": ["1"], "device_id": ["d"]}
    for read, rows in ((jn.read_segment, call), (jn.read_customerio, mail), (jn.read_amplitude, amplitude)):
        assert read(pl.DataFrame(rows)).issues.quarantine["text"].to_list() == ["soon"]


def test_a_source_that_loses_many_rows_is_announced_everywhere(tmp_path):
    rows = stages("17/04/26", "18/04/26", "2026-04-19")
    events = jn.read_table(rows, **ASK, name="sheet")
    said = "WARNING: 67% of the rows of sheet are in quarantine (a time that cannot be read, such as '17/04/26')"
    assert said in repr(events)
    assert said in repr(events.issues)
    assert "67% of the rows of sheet are in quarantine" in events._repr_html_()
    checked = jn.check(events)
    assert not checked.passed
    assert repr(checked).startswith("FAILED. " + said)
    assert jn.check(jn.read_table(rows.tail(1), **ASK)).passed
    rows.write_csv(tmp_path / "sheet.csv")
    command = ["check", str(tmp_path / "sheet.csv"), "--timestamp", "when", "--event", "stage", "--ids", "email"]
    assert main(command) == 1


def test_the_alarm_gives_each_reason_its_share():
    rows = pl.DataFrame({"u": ["a", None, "b", "c"], "at": ["2024-01-01", "2024-01-02", "x", ""], "e": ["A"] * 4})
    alarm = jn.read_table(rows, timestamp="at", event="e", ids=["u"], name="x").issues.alarm
    reasons = "25%: a time that cannot be read, such as 'x'; 25%: no id at all; 25%: no time"
    assert alarm == f"WARNING: 75% of the rows of x are in quarantine ({reasons}); see issues.quarantine."


@given(st.lists(st.sampled_from(["2026-03-01 10:00:00", "soon"]), min_size=1, max_size=12))
def test_the_alarm_is_that_of_the_share_in_quarantine(times):
    issues = jn.read_table(stages(*times), **ASK).issues
    assert (issues.alarm is not None) == (times.count("soon") > ALARMING_SHARE * len(times))
    assert issues.quarantine["place"].to_list() == [f"row {n}" for n, one in enumerate(times, 1) if one == "soon"]


def test_dates_without_a_time_of_day_are_noticed():
    events = jn.read_table(stages("2026-03-01 10:00:00", "2026-03-01", "17/04/2026"), **ASK)
    noticed = dict(events.issues.table.filter(kind="noticed").select("reason", "rows").iter_rows())
    assert noticed["date without a time of day (read as midnight)"] == 2
    days = stages("2026-03-01").with_columns(pl.col("when").str.to_date())
    assert "date without a time of day" in repr(jn.read_table(days, **ASK).issues)
    assert "date without" not in repr(jn.read_table(stages("2026-03-01 10:00"), **ASK).issues)


@pytest.mark.parametrize("format", ["%d/%m/%Y", "%d/%m/%Y %H:%M"])
def test_a_format_says_whether_there_is_a_time_of_day(format):  # noqa: A002
    text = "17/04/2026" if format == "%d/%m/%Y" else "17/04/2026 10:00"
    issues = jn.read_table(stages(text), **ASK, format=format).issues
    assert ("date without a time of day" in repr(issues)) == (format == "%d/%m/%Y")


def test_lists_of_issues_are_cut_between_items():
    days = [f"2024-01-{day:02} 10:00:00" for day in (1, 2, *range(8, 29))]
    rows = pl.DataFrame({"u": ["a"] * len(days), "at": days, "e": ["A"] * len(days)})
    events = jn.read_table(rows, timestamp="at", event="e", ids=["u"], name="x")
    for shown in (repr(events.issues), repr(jn.check(events))):
        assert "days without any event: 3 January 2024, 4 January 2024, 5 January 2024, …" in shown


@pytest.mark.parametrize(("ids", "lost"), [(["1", "0", "NaN", "2", "3", "4", "5", "6", "7", "8"], 2), (["0", "1"], 1)])
def test_rows_that_stitching_will_set_apart_are_noticed(ids, lost):
    log = pl.DataFrame({"user": ids, "mail": [None] * len(ids), "at": ["2026-03-01"] * len(ids), "what": "Paid"})
    events = jn.read_table(log, timestamp="at", event="what", ids=["user", "mail"], name="shop")
    checked = jn.check(events)
    said = "identifiers that are placeholders, such as '0' (set apart when stitched)"
    assert checked.table.filter(reason=said)["rows"].to_list() == [lost]
    assert jn.stitch(events).quarantine.height == lost
    assert checked.passed == (lost <= ALARMING_SHARE * len(ids))
    assert checked.passed or checked.failures == ("WARNING: 50% of the rows of shop name nobody.",)
    assert "placeholders" not in repr(jn.check(jn.read_table(log[3:], timestamp="at", event="what", ids=["mail"])))
