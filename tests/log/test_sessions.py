"""A session has one meaning: a silence, or a touch of another campaign in any campaign column, starts one."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import journeys as jn
from journeys.log.boundaries import ends_person, last_before, starts_person, starts_session

COLUMNS = ["campaign", "channel"]
values = st.sampled_from([None, "x", "y"])
rows = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9), values, values), max_size=14).map(
    lambda found: sorted(found, key=lambda row: row[:2])
)


def frame(found):
    schema = {"person": pl.UInt32, "timestamp": pl.Int64, "campaign": pl.String, "channel": pl.String}
    return pl.DataFrame(found, schema=schema, orient="row")


def brute_starts(found, gap, *, campaign_cuts):
    """Go through the rows one by one, remembering the person's last row and last touch."""
    starts, last, touch = [], None, None
    for person, time, *campaign in found:
        new = last is None or last[0] != person
        touch = None if new else touch
        start = new or time - last[1] >= gap
        if any(value is not None for value in campaign):
            start |= campaign_cuts and campaign != touch
            touch = campaign
        starts.append(start)
        last = (person, time)
    return starts


def funnel_sessions(j, steps, **options):
    return j.funnel(steps, count="sessions", **options).table.item(0, 2)


def flow_sessions(j, **options):
    table = j.flow(count="sessions", steps=3, **options).table
    first = table.filter(pl.col("position") == 0)
    return first["sessions" if "sessions" in first.columns else "people"].sum()


@given(found=rows, gap=st.integers(1, 4), cuts=st.booleans())
def test_sessions_equal_a_plain_loop(found, gap, cuts):
    marks = starts_session(gap, campaign_columns=COLUMNS if cuts else [])
    assert frame(found).select(marks.alias("start"))["start"].to_list() == brute_starts(found, gap, campaign_cuts=cuts)


@given(found=rows)
def test_person_marks_equal_a_plain_loop(found):
    marks = frame(found).select(starts_person().alias("first"), ends_person().alias("last"))
    people = [row[0] for row in found]
    assert marks["first"].to_list() == [row == 0 or people[row - 1] != one for row, one in enumerate(people)]
    assert marks["last"].to_list() == [row == len(people) - 1 or people[row + 1] != p for row, p in enumerate(people)]


@given(found=rows)
def test_the_latest_row_before_equals_a_plain_loop(found):
    marks = frame(found).select(last_before(pl.col("channel") == "x").alias("row"))["row"].to_list()
    assert marks == [
        max((n for n in range(k) if found[n][0] == row[0] and found[n][3] == "x"), default=None)
        for k, row in enumerate(found)
    ]


def test_a_gap_is_counted_in_microseconds():
    log = pl.DataFrame({"person": [1, 1, 1], "timestamp": [0, 1_799_999_999, 3_600_000_000]}).with_columns(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC"))
    )
    assert log.select(starts_session(1_800_000_000).alias("start"))["start"].to_list() == [True, False, True]


@settings(max_examples=25)
@given(found=rows, gap=st.integers(1, 4), cuts=st.booleans())
def test_every_question_counts_the_same_sessions(found, gap, cuts):
    assume(found)
    log = frame(found).with_columns(pl.from_epoch("timestamp", time_unit="s"), event=pl.lit("A"))
    j = jn.Journeys.from_table(log)
    options = {"gap": f"{gap}s", "campaign_cuts": cuts}
    expected = sum(brute_starts(found, gap, campaign_cuts=cuts))
    assert funnel_sessions(j, ["A"], **options) == expected
    assert flow_sessions(j, **options) == expected


def test_funnel_and_flow_count_the_same_sessions():
    t = datetime(2026, 1, 1, tzinfo=UTC)
    log = pl.DataFrame(
        {
            "person": ["p"] * 3,
            "timestamp": [t, t + timedelta(minutes=5), t + timedelta(minutes=6)],
            "event": ["A", "B", "C"],
            "campaign_source": ["google", "bing", None],
            "campaign": [None] * 3,
        },
        schema_overrides={"campaign": pl.String},
    )
    j = jn.Journeys.from_table(log)
    assert funnel_sessions(j, [pl.col("event").is_not_null()], campaign_cuts=True) == 2
    assert flow_sessions(j, campaign_cuts=True) == 2
