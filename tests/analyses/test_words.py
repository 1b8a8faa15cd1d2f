"""What answers say in their sentences and titles: no more than is true, in words that people use."""

import re
from datetime import timedelta

import polars as pl
import pytest

import journeys as jn
from journeys import samples
from journeys.analyses.correlation.matrix import Correlations
from tests.logs import frame


def asked(rows):
    return jn.Journeys.from_table(frame(rows), person="person", timestamp="timestamp", event="event")


@pytest.fixture(scope="module")
def sample():
    return samples.load_journeys()


def title(figure) -> str:
    return re.sub("<[^>]*>", " ", figure.layout.title.text).replace("\N{NO-BREAK SPACE}", " ")


ALL = [(f"p{at}", minute, event, "ads") for at in range(40) for minute, event in ((at, "A"), (at + 1440, "B"))]


def test_days_are_written_alike_everywhere():
    j = asked(ALL)
    assert j.finding == "40 people, 80 events, 1 to 2 March 2026."
    assert "1 to 2 March 2026" in title(j.funnel(["A", "B"]).plot())


def test_groups_name_the_base_of_their_share():
    stated = title(asked(ALL).funnel(["A", "B"], by="campaign").plot())
    assert "Of those who began, the share who got there, by campaign; in brackets how many began." in stated
    assert "Loose order, no window; 1 to 2 March 2026" in stated


def test_people_who_did_nothing_more_are_not_the_most_common_next_event():
    rows = []
    for n in range(10):
        rows += [(f"a{n}", 0, "A", None), (f"b{n}", 0, "A", None), (f"c{n}", 0, "A", None), (f"c{n}", 1, "X", None)]
    found = asked([*rows, ("d", 0, "A", None), ("d", 1, "B", None)]).funnel(["A", "B"]).next_after_drop(after="A")
    assert found.finding == 'After "A", 67% of those who dropped off did nothing more.'


def test_nothing_earns_no_credit():
    rows = [(f"n{at}", 1, "B", None) for at in range(30)]
    rows += [
        (f"a{at}", minute, event, by) for at in range(10) for minute, event, by in ((0, "A", "ads"), (1, "B", None))
    ]
    found = asked(rows).attribution("B", by="campaign", lookback="60d", model="u")
    assert found.finding == '75% of the 40 conversions to "B" came without any campaign; "ads" gets credit for 25%.'
    assert "model 'u', looking back 60 days; 40 conversions in all" in title(found.plot())
    assert asked(rows[:30]).attribution("B", by="campaign").finding == (
        '100% of the 30 conversions to "B" came without any campaign.'
    )


def test_negative_associations_are_worded_as_such(monkeypatch):
    rows = []
    for at in range(200):
        does, converts = at % 2 == 0, at % 2 == 1 or at % 10 == 0
        rows += [(f"p{at}", 0, "Z", None)] + [(f"p{at}", 1, "A", None)] * does + [(f"p{at}", 9, "G", None)] * converts
    found = asked(rows).correlations(["G"], behaviours=["A"])
    assert re.fullmatch(r'Most closely associated: "A" with not reaching "G" \(phi −0\.\d\d\)\.', found.finding)
    assert "the 1 with the largest phi" not in title(found.plot(rows=1))
    matrix = pl.DataFrame({"behaviour": ["A", "B", "C"], "G": [0.3, 0.2, 0.001]})
    monkeypatch.setattr(Correlations, "matrix", matrix)
    assert "the 2 with the largest phi of 3 behaviours" in title(found.plot(rows=2))
    assert list(found.plot().data[1].text) == ["0.00", "+0.20", "+0.30"]


@pytest.mark.parametrize(("groups", "stated"), [(3, "with 95% interval"), (9, "; its 95% intervals are in the table")])
def test_a_curve_mentions_an_interval_only_where_it_draws_one(groups, stated):
    rows = []
    for at in range(groups * 10):
        rows += [(f"p{at}", 0, "A", f"c{at % groups}"), (f"p{at}", 1 + at % 7, "B", f"c{at % groups}")]
    figure = asked(rows).funnel(["A", "B"], by="campaign").converted_within().plot()
    assert f"Kaplan–Meier estimate{'' if stated[0] == ';' else ' '}{stated}" in title(figure)
    lines = [(trace.line.color, trace.line.dash) for trace in figure.data if trace.showlegend]
    assert len(set(lines)) == len(lines) == groups


def test_conversion_of_a_single_group_is_not_compared_with_itself():
    rows = [(f"p{at}", day, name, "c") for at in range(40) for day, name in enumerate("AB"[: 1 + at % 2])]
    found = asked(rows).funnel(["A", "B"], by="campaign").converted_within()
    assert found.finding == 'Of "c" 50% converted.'


@pytest.mark.parametrize("gap", ["30m", timedelta(minutes=30)])
def test_a_timeline_names_its_person_and_explains_pauses(gap):
    found = asked(ALL).timeline("p1", gap=gap)
    assert found.finding == "Person p1: 2 events in 2 sessions over 1 day."
    assert "a pause of 30 minutes or more starts a session" in title(found.plot())


def test_a_choice_that_changes_nothing_changes_nought():
    j = asked([*ALL, ("q", 0, "A", None), ("q", 20_000, "B", None)])
    found = j.funnel(["A", "B"], within="30d").explain_difference(j.funnel(["A", "B"], semantics="mixpanel"))
    assert "+0" not in found.plot().data[0].text
    assert "0" in found.plot().data[0].text


def test_what_the_dots_set_apart_is_no_certain_dot_of_a_volcano(sample):
    found = sample.correlation("Upgraded Plan")
    doubtful = found.checks.filter(pl.col("doubt").is_not_null())["behaviour"]
    assert "Received Announcement" in doubtful
    figure = found.plot(kind="volcano")
    stated = " ".join([*figure.data[0].hovertext, *(one.text for one in figure.layout.annotations)])
    assert not [name for name in doubtful if name in stated]
    assert f"; {len(doubtful)} behaviours set apart, see the dots" in title(figure)


def test_accounts_are_not_called_people():
    days = ["2026-03-01", "2026-03-02", "2026-03-02"]
    table = pl.DataFrame(
        {"at": days, "user_id": ["a", "b", "c"], "group_id": ["x", "x", "y"], "event": ["A", "B", "A"]}
    )
    accounts = jn.stitch(jn.read_table(table, timestamp="at", event="event", ids=["user_id"], name="app")).by_account()
    assert accounts.finding == "2 accounts, 3 events, 1 to 2 March 2026."
    found = accounts.funnel(["A", "B"])
    assert found.finding == 'Only 2 accounts entered at "A": too few for a finding.'
    assert " · 2 accounts, 3 events · " in found._repr_html_()
    assert accounts.flow(start="A", end="B").finding == "Only 2 accounts began a journey: too few for a finding."
    assert "n = 2 accounts" in title(accounts.flow(start="A", end="B").plot())
    assert accounts.correlation("B").definition.startswith('1 of 2 accounts reached "B"')
    assert 'Last event of those that never reach "B"' in title(accounts.dropoff("B").plot())


def test_a_difference_names_its_base_and_direction(sample):
    ads = sample.only(pl.col("first_campaign") == "spring_giveaway").funnel(["Loaded a Page", "Signed Up"])
    others = sample.only(pl.col("first_campaign").is_null()).funnel(["Loaded a Page", "Signed Up"])
    found = ads.compare(others)
    assert found.finding.startswith('45% of this side reached "Signed Up", against 24% of the other: +21.1 points (')
    assert "Rate from start: this side minus the other, in points, with 95% interval" in title(found.plot())
