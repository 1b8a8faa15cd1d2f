"""Within groups, between groups, of several conversions, dealt out anew: equal to plain loops, and told in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import permutations
from math import log2

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys import stats
from journeys.errors import ArgumentError, UnknownNameError
from tests.twins import correlation as twin
from tests.twins.permutation import permutation_p

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
CELLS = ("both", "behaviour_only", "conversion_only", "neither")

rows = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 60), st.sampled_from("abcg"), st.sampled_from(["ads", "mail", None])),
    max_size=50,
)


def make(log):
    schema = {"person": pl.Int64, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}
    data = [(person, EPOCH + timedelta(days=day), event, campaign) for person, day, event, campaign in log]
    return jn.Journeys.from_table(pl.DataFrame(data, schema=schema, orient="row"))


def timelines(log):
    people = {}
    for person, day, event, campaign in log:
        people.setdefault(person, []).append((day, event, campaign))
    return {person: sorted(events, key=lambda row: row[0]) for person, events in people.items()}


def compared(events):
    goal = next((place for place, row in enumerate(events) if row[1] == "g"), None)
    return twin.Compared(events[:goal], goal is not None, events[0][0])


def first_campaign(events):
    """The first campaign that was met before the goal: one met later says nothing about reaching it."""
    return next((campaign for *_, campaign in compared(events).events if campaign is not None), "(none)")


def activity(events):
    count = len(compared(events).events)
    level = 0 if count == 0 else int(log2(count)) + 1
    low, high = (1 << level) >> 1, (1 << level) - 1
    return f"{low}" if low == high else f"{low}–{high}"


def month(events):
    return (EPOCH + timedelta(days=events[0][0])).strftime("%Y-%m-01")


@pytest.mark.parametrize(
    ("column", "group"), [("first_campaign", first_campaign), ("activity", activity), ("every month", month)]
)
@given(log=rows)
def test_strata_equal_the_twin(column, group, log):
    if not {"a", "g"} <= {event for _, _, event, _ in log}:
        return
    found = make(log).correlation("g", min_people=0).by(column)
    groups = {}
    for events in timelines(log).values():
        groups.setdefault(group(events), []).append(compared(events))
    assert set(found.strata["stratum"]) == set(groups)
    for row in found.strata.to_dicts():
        people = dict(enumerate(groups[row["stratum"]]))
        expected = twin.cells(people, lambda one, row=row: any(event == row["behaviour"] for _, event, _ in one.events))
        assert tuple(row[name] for name in CELLS) == expected
    for row in found.table.to_dicts():
        here = found.strata.filter(pl.col("behaviour") == row["behaviour"])
        tables = [here[name].to_numpy() for name in CELLS]
        pooled = stats.mantel_haenszel(*tables)
        within = float(stats.partial_phi(*tables))
        assert row["phi_within"] == (None if np.isnan(within) else pytest.approx(within))
        odds = float(pooled.odds_ratio)
        assert row["odds_ratio_within"] == (None if np.isnan(odds) else pytest.approx(odds))


@given(log=rows)
def test_one_stratum_equals_the_table(log):
    if not {"a", "g"} <= {event for _, _, event, _ in log}:
        return
    plain = [(person, day % 28, event, "ads") for person, day, event, _ in log]
    found = make(plain).correlation("g", min_people=0)
    within = dict(found.by("every year").table.select("behaviour", "phi_within").rows())
    for name, phi in found.table.select("behaviour", "phi").rows():
        assert within[name] == (None if phi is None else pytest.approx(phi))


def paradox():
    """Within each campaign those who did a convert less often; together they convert more often."""
    log, person = [], 0
    for campaign, did, converted, count in [
        ("ads", True, True, 10), ("ads", True, False, 90), ("ads", False, True, 200), ("ads", False, False, 800),
        ("mail", True, True, 700), ("mail", True, False, 300), ("mail", False, True, 90), ("mail", False, False, 10),
    ]:  # fmt: skip
        for _ in range(count):
            log.append((person, 0, "seen", campaign))
            log += [(person, 1, "a", None)] if did else []
            log += [(person, 2, "g", None)] if converted else []
            person += 1
    return log


def test_a_reversal_is_pointed_out():
    found = make(paradox()).correlation("g").by("first_campaign")
    row = found.table.filter(pl.col("behaviour") == "a").row(0, named=True)
    assert row["verdict"] == "reversed"
    assert row["phi"] > 0.3
    assert row["phi_within"] < -0.05
    assert row["odds_ratio_within"] < 1
    expected = '"a" is reversed: taken together, those who did it reach "g" more often; '
    expected += "within first_campaign less often."
    assert found.finding == expected
    assert expected in unescape(found._repr_html_())
    assert found.plot().layout.title.text
    assert found.plot(behaviour="a", dark=True).data


def test_groups_that_explain_everything_are_reported_so():
    log, person = [], 0
    for campaign, did, converted, count in [
        ("ads", True, True, 10), ("ads", True, False, 90), ("ads", False, True, 90), ("ads", False, False, 810),
        ("mail", True, True, 720), ("mail", True, False, 180), ("mail", False, True, 80), ("mail", False, False, 20),
    ]:  # fmt: skip
        for _ in range(count):
            log.append((person, 0, "seen", campaign))
            log += [(person, 1, "a", None)] if did else []
            log += [(person, 2, "g", None)] if converted else []
            person += 1
    table = make(log).correlation("g").by("first_campaign").table
    assert dict(table.select("behaviour", "verdict").rows()) == {"a": "explained by the groups", "seen": None}


def test_over_time():
    log = [(person, 31 * (person % 3), "seen", None) for person in range(300)]
    log += [(person, 31 * (person % 3) + 1, "a", None) for person in range(0, 300, 2)]
    log += [(person, 31 * (person % 3) + 2, "g", None) for person in range(0, 300, 4)]
    found = make(log).correlation("g").by("every month")
    periods = found.strata.filter(pl.col("behaviour") == "a")["stratum"].to_list()
    assert periods == ["2026-03-01", "2026-04-01", "2026-05-01"]
    assert found.plot(behaviour="a").data[0].x


def test_unknown_groups():
    found = make(paradox()).correlation("g")
    with pytest.raises(
        UnknownNameError, match="by: no column of people 'first_campain'; did you mean 'first_campaign'"
    ):
        found.by("first_campain")
    with pytest.raises(UnknownNameError, match="behaviour: no behaviour in the table 'z'"):
        found.by("activity").plot(behaviour="z")


def two_kinds():
    """a goes with converting among even people and not among odd ones."""
    log = [(person, 0, "seen", "ads" if person % 2 else "mail") for person in range(400)]
    log += [(person, 1, "a", None) for person in range(400) if person % 4 < 2]
    log += [(person, 2, "g", None) for person in range(400) if (person % 4 == 0 if person % 2 == 0 else person % 8 < 4)]
    return make(log)


def test_comparing_people():
    journeys = two_kinds()
    mail, ads = (journeys.only(pl.col("first_campaign") == name) for name in ("mail", "ads"))
    found = mail.correlation("g").compare(ads)
    by_hand = mail.correlation("g").compare(ads.correlation("g"))
    assert found.table.equals(by_hand.table)
    row = found.table.filter(pl.col("behaviour") == "a").row(0, named=True)
    assert row["phi"] == pytest.approx(1)
    assert row["phi_other"] == pytest.approx(0)
    assert row["difference"] == pytest.approx(1)
    assert row["q_value"] < 0.001
    assert found.finding.startswith('"a" goes with "g" more closely here than in the other group')
    assert found.plot().data
    assert "more closely here" in found._repr_html_()


def test_comparing_with_another_log():
    other = make([(person, day, event, None) for person in range(60) for day, event in enumerate(["z", "a", "g"])])
    found = two_kinds().correlation("g").compare(other)
    assert found.only_here == ("seen",)
    assert found.only_there == ("z",)


@given(log=rows)
def test_several_conversions_are_the_single_ones(log):
    if not {"a", "b", "g"} <= {event for _, _, event, _ in log}:
        return
    journeys = make(log)
    found = journeys.correlations(["g", "b"], min_people=0)
    for goal in ("g", "b"):
        alone = journeys.correlation(goal, min_people=0).table.drop("q_value", "family", "value")
        here = found.table.filter(pl.col("goal") == goal).drop("goal", "q_value")
        assert here.equals(alone)
        assert found.of(goal).goal == goal
    assert found.matrix.columns == ["behaviour", "g", "b"]
    for goal in ("g", "b"):  # what is drawn is the comparison in which everybody has had the same time
        checks = found.of(goal).checks.filter(pl.col("doubt").is_null())
        drawn = found.matrix.filter(pl.col(goal).is_not_null()).sort("behaviour")
        expected = checks.filter(pl.col("phi_matched").is_not_null()).sort("behaviour")
        assert drawn[goal].to_list() == expected["phi_matched"].to_list()
    expected = stats.adjust(found.table["p_value"])
    np.testing.assert_allclose(found.table["q_value"].cast(pl.Float64).to_numpy(), expected, rtol=1e-12)


def test_several_conversions_in_words_and_pictures():
    journeys = two_kinds()
    found = journeys.correlations(["g", jn.step("did a", "a")])
    assert found.finding.startswith("Most closely associated: ")
    assert found.plot().data[0].type == "heatmap"
    assert "did a" in found._repr_html_()
    with pytest.raises(UnknownNameError, match="goal: no goal 'a'; did you mean 'did a'|no goal 'a'"):
        found.of("a")
    with pytest.raises(ArgumentError, match="goals: expected a list of at least one goal, got 'g'"):
        journeys.correlations("g")
    with pytest.raises(ArgumentError, match="has a name twice"):
        journeys.correlations(["g", "g"])


def test_dealing_out_anew():
    journeys = two_kinds()
    found = journeys.correlation("g").permute(n_permutations=200).table
    assert found.columns == ["behaviour", "phi", "p_value", "p_permuted", "p_family"]
    row = found.filter(pl.col("behaviour") == "a").row(0, named=True)
    assert row["p_permuted"] == pytest.approx(1 / 201)
    did = journeys.people["person"].is_in(journeys.where(pl.col("event") == "a").people["person"].to_list())
    goal = journeys.people["person"].is_in(journeys.where(pl.col("event") == "g").people["person"].to_list())
    alone = permutation_p(did.to_numpy(), converted=goal.to_numpy(), n_permutations=200)
    assert row["p_permuted"] == pytest.approx(float(alone.p_value[0]))
    within = journeys.correlation("g").permute(n_permutations=50, within="first_campaign").table
    assert within["p_permuted"].drop_nulls().len() == 1


def test_dealing_out_a_million_is_refused(monkeypatch):
    from journeys.analyses.correlation import permutation as shuffle

    monkeypatch.setattr(shuffle, "MOST_PEOPLE_CELLS", 100)
    with pytest.raises(ArgumentError, match="permute: 400 people × 2 behaviours are too many to permute"):
        two_kinds().correlation("g").permute()


@pytest.mark.parametrize("shards", [1, 3])
def test_a_store_gives_the_same(tmp_path, shards):
    journeys = two_kinds()
    stored = journeys.save(tmp_path, shards=shards)
    here, there = journeys.correlation("g"), stored.correlation("g")
    for column in ("first_campaign", "activity", "every month"):
        one, other = here.by(column), there.by(column)
        assert one.table.equals(other.table)
        assert one.strata.equals(other.strata)
    assert here.permute(n_permutations=20).equals(there.permute(n_permutations=20))
    goals = ["g", "a"]
    assert journeys.correlations(goals).table.equals(stored.correlations(goals).table)


def test_pictures_of_a_correlation():
    found = two_kinds().correlation("g")
    assert found.plot().data
    assert found.plot(kind="volcano", dark=True).data
    mosaic = found.plot_mosaic("a")
    assert mosaic.data[0].y[0] == pytest.approx(found.table.filter(pl.col("behaviour") == "a")["rate_with"][0])
    with pytest.raises(UnknownNameError, match="behaviour: no behaviour in the table 'zzz'"):
        found.plot_mosaic("zzz")


def test_what_is_asked_twice_is_counted_once():
    log = pl.DataFrame(
        [(p, f"2026-03-0{d}", e) for p in range(6) for d, e in ((1, "X" if p % 2 else "Y"), (2, "Z")) if p or d < 2]
        + [(p, "2026-03-05", "Goal") for p in (1, 2, 3)],
        schema=["person", "timestamp", "event"],
        orient="row",
    )
    j = jn.Journeys.from_table(log)
    once = j.correlation("Goal", min_people=1)
    again = ["events", "X", jn.values("event", of="X"), jn.values("event", of="X"), jn.sequence("X", then="Z")]
    twice = j.correlation("Goal", behaviours=[*again, jn.sequence("X", then="Z"), pl.col("event") == "X"], min_people=1)
    assert twice.table["behaviour"].n_unique() == twice.table.height
    assert twice.table["p_value"].drop_nulls().len() == once.table["p_value"].drop_nulls().len() + 3
    other = jn.step("X", pl.col("event").is_in(["X", "Z"]))
    with pytest.raises(ArgumentError, match="behaviours: two different ones are called 'X'; give each its own name"):
        j.correlation("Goal", behaviours=["events", other], min_people=1)
    with pytest.raises(UnknownNameError, match="exclude: no behaviour 'Zz'; did you mean 'Z'"):
        j.correlation("Goal", exclude=["Zz"])
    with pytest.raises(ArgumentError, match="other: expected a correlation, or the journeys of other people; got 3"):
        once.compare(3)
    with pytest.raises(ArgumentError, match="kind: 'bar' must be"):
        once.plot(kind="bar")
    with pytest.raises(ArgumentError, match=r"times: .*got 2\.0\."):
        jn.at_least("X", times=2.0)
    assert "Only 3 people converted." in once.cautions


def test_comparing_keeps_the_confidence_asked_for():
    log = pl.DataFrame(
        [(p, "2026-03-01", "X" if p % 3 else "Y") for p in range(60)]
        + [(p, "2026-03-02", "Goal") for p in range(0, 60, 4)],
        schema=["person", "timestamp", "event"],
        orient="row",
    )
    j = jn.Journeys.from_table(log)
    wide, narrow = (
        j.only(pl.col("person") < 40)
        .correlation("Goal", min_people=1, confidence=level)
        .compare(j.only(pl.col("person") >= 20))
        .table.select(pl.col("ci_high") - pl.col("ci_low"))
        for level in (0.99, 0.8)
    )
    assert (wide.to_series() > narrow.to_series()).all()


def test_of_equal_differences_the_first_by_name_is_reported():
    log = [(person, 0, "seen", "ads" if person % 2 else "mail") for person in range(400)]
    log += [(person, 1, name, None) for person in range(400) if person % 4 < 2 for name in "cab"]
    log += [(person, 2, "g", None) for person in range(400) if (person % 4 == 0 if person % 2 == 0 else person % 8 < 4)]
    mail, ads = (make(log).only(pl.col("first_campaign") == name) for name in ("mail", "ads"))
    found = mail.correlation("g").compare(ads)
    for order in permutations(range(found.table.height)):
        assert replace(found, table=found.table[list(order)]).finding.startswith('"a" goes with "g" more closely here')


def test_two_searches_that_find_one_behaviour_have_an_order():
    log = [(person, 0, "v", None) for person in range(200)]
    log += [(person, day, "a", None) for person in range(200) for day in range(person % 5)]
    journeys = make([*log, *((person, 9, "g", None) for person in range(200) if person % 5 > 2 or person % 7 == 0)])
    searches = [jn.at_least("a", times=[2, 3]), jn.at_least("a", times=[1, 2, 3, 4])]
    found = journeys.correlation("g", min_people=3, behaviours=searches)
    findings, pictures = found.findings, found.plot().to_json()
    assert findings["behaviour"].to_list() == ["a, 3 times or more"] * 2
    assert findings["p_value"].is_sorted()
    found._memo["checks"] = found.checks.reverse()
    assert found.findings.equals(findings)
    assert found.plot().to_json() == pictures
    within = found.by("activity").table
    assert replace(found, table=found.table.reverse()).by("activity").table.equals(within)


def test_several_goals_within_groups_are_each_goal_within_groups():
    log = [(person, day, "abcg"[(person * day) % 4], ("ads", "mail", None)[person % 3]) for person in range(40)
           for day in range(1, 9)]  # fmt: skip
    j = make(log)
    both = j.correlations(["g", "b"], min_people=0)
    found = both.by("first_campaign")
    assert found.table["goal"].unique(maintain_order=True).to_list() == ["g", "b"]
    for name, one in zip(["g", "b"], found.each, strict=True):
        alone = both.of(name).by("first_campaign")
        assert found.strata.filter(goal=name).drop("goal").equals(alone.strata)
        corrected = ["q_value", "verdict"]
        assert found.table.filter(goal=name).drop("goal", *corrected).equals(alone.table.drop(corrected))
        assert found.table.filter(goal=name).drop("goal").equals(one.table)
    assert found.finding == " ".join(one.finding for one in found.each)
    assert (
        j.correlations(["g"], min_people=0)
        .by("first_campaign")
        .table.drop("goal")
        .equals(j.correlation("g", min_people=0).by("first_campaign").table)
    )
    assert found.plot(dark=True, narrow=True).data[0].type == "heatmap"
    with pytest.raises(UnknownNameError, match="first_campaig"):
        both.by("first_campaig")
