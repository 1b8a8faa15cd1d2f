"""Sessions against plain loops; one meaning of a session in every question."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 12),
        st.sampled_from(["page_view", "A", "X"]),
        st.sampled_from([None, "/", "/pricing"]),
        st.sampled_from([None, "ads", "spring"]),
    ),
    min_size=1,
    max_size=18,
)


def make_journeys(found):
    rows = [(person, START + timedelta(minutes=10 * at), *rest) for person, at, *rest in found]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String}
    log = pl.DataFrame(rows, schema=schema | {"url": pl.String, "campaign": pl.String}, orient="row")
    return jn.Journeys.from_table(log)


def plain_sessions(found, *, gap, campaign_cuts):
    """Cut each person's events into sessions, event by event."""
    people = {}
    for row in sorted(found, key=lambda one: one[:2]):
        people.setdefault(row[0], []).append(row)
    sessions = []
    for events in people.values():
        touched = None
        for at, event in enumerate(events):
            new_campaign = campaign_cuts and event[4] is not None and event[4] != touched
            touched = event[4] if event[4] is not None else touched
            if at == 0 or (event[1] - events[at - 1][1]) * 10 >= gap or new_campaign:
                sessions.append([])
            sessions[-1].append(event)
    return sessions


def first(values):
    return next((value for value in values if value is not None), None)


@given(found=ROWS, gap=st.sampled_from([20, 30, 50]), cuts=st.booleans())
def test_sessions_equal_plain_loops(found, gap, cuts):
    j = make_journeys(found)
    result = j.sessions(
        gap=f"{gap}m", campaign_cuts=cuts, goal=pl.col("event") == "X", page_view=pl.col("event") == "page_view"
    )
    expected = plain_sessions(found, gap=gap, campaign_cuts=cuts)
    has_pages = any(row[2] == "page_view" for row in found)
    columns = ["person", "events", "pages", "landing", "exit", "campaign", "bounced", "converted"]
    assert result.table.select(columns).rows() == [
        (
            session[0][0],
            len(session),
            sum(event[2] == "page_view" for event in session),
            first(event[3] for event in session),
            first(event[3] for event in reversed(session)),
            first(event[4] for event in session),
            len(session) == 1 and session[0][2] == "page_view" if has_pages else None,
            any(event[2] == "X" for event in session),
        )
        for session in expected
    ]
    lengths = [timedelta(minutes=10 * (session[-1][1] - session[0][1])) for session in expected]
    assert result.table["duration"].to_list() == lengths
    assert result.summary["sessions"].sum() == len(expected)
    anything = pl.col("event").is_not_null()
    assert j.funnel([anything], count="sessions", gap=f"{gap}m", campaign_cuts=cuts).table.row(0)[2] == len(expected)
    for row in result.summary.iter_rows(named=True):
        assert result.people(row["landing"]).people.height == row["people"]


@given(found=ROWS)
def test_shards_change_no_session(found, tmp_path_factory):
    j = make_journeys(found)
    stored = j.save(tmp_path_factory.mktemp("s"), shards=3)
    assert stored.sessions(by="campaign").table.equals(j.sessions(by="campaign").table)
    assert stored.sessions(by="campaign", top=1).summary.equals(j.sessions(by="campaign", top=1).summary)


def test_posthog_web_overview():
    """PostHog, test_web_overview.py, test_all_time (MIT): 4 views, 3 sessions, 8 hours in the mean, two bounces."""
    views = [("p1", "2023-12-02"), ("p1", "2023-12-03"), ("p1", "2023-12-12"), ("p2", "2023-12-11")]
    log = pl.DataFrame(views, schema=["person", "timestamp"], orient="row")
    log = log.with_columns(event=pl.lit("$pageview"), url=pl.lit("/"))
    table = jn.Journeys.from_table(log).sessions(gap="2d").table
    assert (table.height, table["pages"].sum(), table["bounced"].sum()) == (3, 4, 2)
    assert table["duration"].mean() == timedelta(hours=8)


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_findings_and_errors(dark):
    found = [(f"p{n}", n % 7, "page_view", "/" if n % 2 else "/pricing", None) for n in range(90)]
    result = make_journeys(found).sessions()
    assert result.finding == "90 sessions of 90 people: the median lasts 0 seconds, 100% bounce."
    assert result.plot(dark=dark).data[0].x == (45, 45)
    reached = make_journeys([*found, *((f"p{n}", n % 7, "X", None, None) for n in range(9))]).sessions(goal="X")
    assert reached.finding.endswith('90% bounce, 10% reach "X".')
    with pytest.raises(jn.ArgumentError, match="converted: these sessions have no goal"):
        result.people(converted=True)
    with pytest.raises(jn.UnknownNameError, match="by: no column 'chanel'"):
        make_journeys(found).sessions(by="chanel")
    with pytest.raises(jn.UnknownNameError, match="group: no landing '/pricng'"):
        result.people("/pricng")


def test_without_page_views_bounces_are_unknown():
    result = make_journeys([(f"p{n}", n % 7, "X", None, None) for n in range(60)]).sessions()
    assert result.finding == "60 sessions of 60 people: the median lasts 0 seconds."
    assert result.table["bounced"].null_count() == 60
    assert result.summary.select("bounced", "bounce_rate").rows() == [(None, None)]
    figure = result.plot()
    assert figure.data[0].text == ("60",)
    assert "bounce" not in figure.to_json()
    assert result.people(bounced=True).people.height == 0
