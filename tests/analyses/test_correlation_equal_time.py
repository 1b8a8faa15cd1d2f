"""Findings hold when everybody has had the same time; the test behind them equals its twin."""

from datetime import UTC, datetime, timedelta
from html import unescape
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeys as jn
from journeys import stats
from tests.twins import correlation as twin

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
rows = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40), st.sampled_from("abcg")), min_size=6, max_size=80)


def make(log):
    schema = {"person": pl.Int64, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}
    data = [
        (person, EPOCH + timedelta(hours=hour), event, campaign[0] if campaign else None)
        for person, hour, event, *campaign in log
    ]
    return jn.Journeys.from_table(pl.DataFrame(data, schema=schema, orient="row"))


def times_of(log, behaviour, *, since=None, within=None, first=None):
    """Each person's time to the goal or to the end of observation, whether it is the goal, and the behaviour's time."""
    people, end = {}, max(hour for _, hour, _ in log)
    for person, hour, event in log:
        people.setdefault(person, []).append((hour, event))
    watched, converted, done = [], [], []
    for events in people.values():
        events.sort(key=lambda row: row[0])
        clock, rest = events[0][0], events
        if since is not None:
            place = next((place for place, (_, event) in enumerate(events) if event == since), None)
            if place is None:
                continue
            clock, rest = events[place][0], events[place + 1 :]
        goal = next((place for place, (_, event) in enumerate(rest) if event == "g"), None)
        reach = min(end - clock, within if within is not None else end)
        took = None if goal is None else rest[goal][0] - clock
        if took is not None and within is not None and took > within:
            took = None
        if first is not None and took is not None and took <= first:
            continue
        before = [hour - clock for hour, event in rest[:goal] if event == behaviour]
        before = [hour for hour in before if first is None or hour <= first]
        watched.append(reach if took is None else took)
        converted.append(took is not None)
        done.append(min(before, default=float("inf")))
    return watched, converted, done


@pytest.mark.parametrize(
    ("asked", "stated"),
    [
        ({}, {}),
        ({"since": "a"}, {"since": "a"}),
        ({"within": "9h"}, {"within": 9}),
        ({"exposure": "first 6h"}, {"first": 6}),
        ({"exposure": "matched"}, {}),
    ],
)
@given(log=rows)
def test_the_test_equals_its_twin(asked, stated, log):
    if not {"a", "b", "g"} <= {event for _, _, event in log}:
        return
    found = make(log).correlation("g", min_people=0, **asked)
    if not found.table.height or not 0 < found._counts.converted < found._counts.people:
        return
    for row in found.checks.to_dicts():
        observed, expected, p = twin.equal_time_test(*times_of(log, row["behaviour"], **stated))
        assert row["observed"] == observed
        assert row["expected"] == pytest.approx(expected)
        assert row["p_equal_time"] == (None if p is None else pytest.approx(p, abs=1e-9))


@given(
    chances=st.lists(st.floats(0.01, 0.99), min_size=1, max_size=60),
    share=st.floats(0, 1),
    scale=st.sampled_from([1, 0.05]),
)
def test_the_exact_p_value_equals_scipy(chances, share, scale):
    from scipy.stats import poisson_binom

    chances = np.array(chances) * scale
    observed = round(share * len(chances))
    law = poisson_binom(chances)
    below, above = law.cdf(observed), 1 - law.cdf(observed - 1) if observed else 1.0
    expected = min(1.0, max(0.0, 2 * min(below, above) - law.pmf(observed)))
    ones = np.ones(len(chances))
    found = stats.mantel_byar([observed], conversions=ones, at_risk=ones, exposed_at_risk=[chances])
    assert float(found.p_value[0]) == pytest.approx(expected, abs=1e-10)


def test_two_thousand_bins_change_next_to_nothing(monkeypatch):
    from journeys.analyses.correlation import equal_time

    rng = np.random.default_rng(2)
    log = [(person, 0, "came") for person in range(3000)]
    for person in range(3000):
        did, bought = rng.exponential(20), rng.exponential(30)
        log += [(person, did, "a")] if did < 40 else []
        bought = min(bought, did + (bought - did) / 2) if did < bought else bought  # twice as fast once they did it
        log += [(person, bought, "g")] if bought < 40 else []
    exact = make(log).correlation("g").checks.filter(pl.col("behaviour") == "a").row(0, named=True)
    monkeypatch.setattr(equal_time, "MOST_BINS", 100)
    binned = make(log).correlation("g").checks.filter(pl.col("behaviour") == "a").row(0, named=True)
    assert exact["z"] > 3
    assert binned["z"] == pytest.approx(exact["z"], rel=0.05)


@given(log=rows)
def test_strata_of_one_value_are_the_whole(log):
    if not {"a", "b", "g"} <= {event for _, _, event in log}:
        return
    found = make(log).correlation("g", min_people=0)
    if not 0 < found._counts.converted < found._counts.people:
        return
    whole = dict(found.checks.select("behaviour", "p_equal_time").iter_rows())
    for name, p in found.by("every year").table.select("behaviour", "p_value").iter_rows():
        assert p == (None if whole[name] is None else pytest.approx(whole[name]))


@pytest.fixture(scope="module")
def sample():
    from journeys import samples

    return samples.load_journeys()


class TestHeadlines:
    def test_numbers_are_those_of_the_equal_time_comparison(self, sample):
        signed_up = sample.only(sample.funnel(["Signed Up"]).converted())
        found = signed_up.correlation("Created Project", since="Signed Up")
        row = {row["behaviour"]: row for row in found.checks.to_dicts()}
        assert row["Loaded a Page"]["phi"] == pytest.approx(-0.78, abs=0.01)
        assert row["Loaded a Page"]["phi_matched"] == pytest.approx(-0.19, abs=0.01)
        findings = found.findings
        assert not {"Became Lead", "Received Email", "Opened Email"} & set(findings["behaviour"])
        error = findings.filter(pl.col("behaviour") == "Saw Error").row(0, named=True)
        assert (error["observed"], error["both"] + error["behaviour_only"]) == (0, 50)
        assert error["expected"] == pytest.approx(20.1, abs=0.1)
        headline = findings.row(0, named=True)
        assert found.finding.startswith(f'"{headline["behaviour"]}" goes with not reaching "Created Project": ')
        assert f"(phi {headline['phi_matched']:.2f}".replace("-", "−") in found.finding

    def test_what_is_set_apart_is_what_the_chart_lists(self, sample):
        found = sample.correlation("Upgraded Plan")
        listed = dict(found.set_apart.select("behaviour", "reason").iter_rows())
        drawn = "".join(annotation.text or "" for annotation in found.plot().layout.annotations)
        shown = [name for name in list(listed)[:12] if name.split()[0] in drawn]
        assert len(shown) == min(12, len(listed))
        assert listed["Received Announcement"] == "does not hold once everybody is observed equally long"
        assert not set(listed) & set(found.findings["behaviour"])

    def test_negligible_relations_and_few_people_are_no_headline(self):
        weak = [(person, 0, "came") for person in range(4000)]
        weak += [(person, 1, "a") for person in range(2000)]
        weak += [(person, 2, "g") for person in range(4000) if person % 10 < (3 if person < 2000 else 2)]
        found = make(weak).correlation("g")
        assert found.findings["behaviour"].to_list() == ["a"]
        assert found.finding == '1 behaviour goes with "g", but too weakly, or among too few people, to stand out.'
        few = [(person, 0, "came") for person in range(200)] + [(person, 1, "a") for person in range(12)]
        few += [(person, 2, "g") for person in [*range(11), *range(100, 110)]]
        found = make(few).correlation("g", min_people=10)
        assert found.findings["behaviour"].to_list() == ["a"]
        assert "too few people" in found.finding

    def test_what_happens_to_people_is_no_headline(self):
        log = [(person, 0, "came") for person in range(200)] + [(person, 1, "Received Email") for person in range(100)]
        log += [(person, 2, "g") for person in [*range(80), *range(100, 110)]]
        found = make(log).correlation("g")
        assert found.findings["behaviour"].to_list() == ["Received Email"]
        assert not found.finding.startswith("Received Email")


@pytest.mark.parametrize("share", [0.75, 0.3])
def test_an_event_moments_before_the_goal_is_a_part_of_it(share):
    log = [(person, 0, "came") for person in range(400)]
    log += [(person, 24, "g") for person in range(100)]
    log += [(person, 24 - 1 / 3600, "Pressed Pay") for person in range(int(100 * share))]
    log += [(person, 12, "Asked Friend") for person in [*range(60), *range(300, 320)]]
    found = make(log).correlation("g", min_people=10)
    count = int(100 * share)
    reason = f'{count} of the {count} converters who did it did so within a minute before "g": a part of it'
    assert dict(found.set_apart.select("behaviour", "reason").iter_rows())["Pressed Pay"] == reason
    assert found.findings["behaviour"].to_list() == ["Asked Friend"]


def test_what_stops_people_is_a_finding_though_most_do_it_after_the_goal():
    log = [(person, 0, "came") for person in range(400)] + [
        (person, 20 + person / 40, "g") for person in range(60, 360)
    ]
    log += [(person, 1, "Saw Error") for person in range(60)]  # none of them converts
    log += [(person, 90, "Saw Error") for person in range(60, 360)]
    found = make(log).correlation("g")
    assert found.findings["behaviour"].to_list() == ["Saw Error"]
    assert found.finding.startswith('"Saw Error" goes with not reaching "g": 0% of those who did it, ')


def test_a_campaign_counts_only_if_it_was_met_before_the_goal():
    log = [(person, 0, "came") for person in range(100)] + [(person, 5, "g") for person in range(50)]
    log += [(person, 9, "Opened Mail", "onboarding") for person in range(50)]
    log += [(person, 1, "Clicked Ad", "ads") for person in range(40, 80)]
    journeys = make(log)
    assert journeys.people.filter(pl.col("first_campaign") == "onboarding").height == 40
    found = journeys.correlation("g", behaviours="first_campaign", min_people=1)
    assert found.table.select("behaviour", "both", "behaviour_only").rows() == [("first_campaign: ads", 10, 30)]
    assert found.people("first_campaign: ads", converted=True).people.height == 10
    strata = journeys.correlation("g", behaviours="came", min_people=1).by("first_campaign").strata
    assert strata["stratum"].to_list() == ["(none)", "ads"]


def test_a_campaign_met_long_before_the_goal_is_no_part_of_it():
    log = [(person, 0, "came", "ads" if person % 3 else "mail") for person in range(300)]
    log += [(person, 5, "g") for person in range(300) if person % 4 == 0 or person % 3 == 0]
    checks = make(log).correlation("g", behaviours="first_campaign").checks
    assert checks["doubt"].to_list() == [None, None]


def test_people_without_a_group_are_not_those_of_a_group_called_none():
    log = [(person, 0, "came", "(none)") for person in range(40)] + [(person, 0, "came") for person in range(40, 80)]
    log += [(person, 1, "a") for person in range(0, 80, 2)] + [(person, 2, "g") for person in range(0, 80, 3)]
    strata = make(log).correlation("g").by("first_campaign").strata.filter(pl.col("behaviour") == "a")
    people = pl.sum_horizontal("both", "behaviour_only", "conversion_only", "neither")
    assert dict(strata.select("stratum", people).iter_rows()) == {'"(none)"': 40, "(none)": 40}


def test_a_reversal_is_a_caution_by_default():
    log, person = [], 0
    for campaign, did, converted, count in [
        ("ads", True, True, 10), ("ads", True, False, 90), ("ads", False, True, 200), ("ads", False, False, 800),
        ("mail", True, True, 700), ("mail", True, False, 300), ("mail", False, True, 90), ("mail", False, False, 10),
    ]:  # fmt: skip
        for _ in range(count):
            log.append((person, 0, "seen", campaign))
            log += [(person, 24, "a")] if did else []
            log += [(person, 48, "g")] if converted else []
            person += 1
    found = make(log).correlation("g")
    line = '"a" goes with reaching "g" taken together, and with not reaching it within first_campaign'
    assert f"{line} (Simpson's paradox)." in found.cautions
    assert line in unescape(found._repr_html_())


def test_people_in_both_groups_are_no_evidence_for_a_difference():
    log = [(person, 0, "came") for person in range(300)]
    log += [(person, 1, "a") for person in range(0, 300, 3)] + [(person, 2, "g") for person in range(0, 300, 4)]
    journeys = make(log)
    same = journeys.correlation("g").compare(journeys).table.filter(pl.col("behaviour") == "a").row(0, named=True)
    assert (same["difference"], same["p_value"]) == (0, 1)
    assert same["ci_high"] - same["ci_low"] < 1e-6
    apart = journeys.only(pl.col("person") < 150).correlation("g").compare(journeys.only(pl.col("person") >= 150))
    row = apart.table.filter(pl.col("behaviour") == "a").row(0, named=True)
    two = [
        tuple(half.correlation("g").table.filter(pl.col("behaviour") == "a").row(0)[1:5])
        for half in (journeys.only(pl.col("person") < 150), journeys.only(pl.col("person") >= 150))
    ]
    assert row["p_value"] == pytest.approx(float(stats.compare_phis(*two).p_value))


def test_permutations_draw_among_people_at_risk():
    did = np.array([[1.0, 5.0], [1.0, np.inf], [9.0, 1.0], [np.inf, 1.0]])
    alone, among = stats.permute_at_risk(did, time=[3, 2, 5, 6], converted=[1, 1, 0, 0], n_permutations=4000)
    # at the first conversion 2 of 4 people at risk were exposed, at the second 1 of 3: both are with chance 1/2 * 1/3
    assert alone[0] == pytest.approx(1 / 6, abs=0.02)
    assert (among >= alone - 1e-12).all()


@given(
    stays=st.lists(
        st.tuples(st.integers(0, 1), st.integers(0, 3), st.integers(1, 4), st.booleans(), st.integers(0, 8)),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=25)
def test_permutations_of_people_who_change_groups_agree_with_all_draws(stays):
    """Every draw listed: at each conversion, those who have entered its group before and not left it yet."""
    rows = [(group, since, since + length, converts, did) for group, since, length, converts, did in stays]
    conversions = [(group, until, did < until) for group, _, until, converts, did in rows if converts]
    sets = [
        [did < at for group, since, until, _, did in rows if group == where and since < at <= until]
        for where, at, _ in conversions
    ]
    expected = sum(sum(one) / len(one) for one in sets)
    spread = sum(np.mean(one) * (1 - np.mean(one)) for one in sets)
    alone, _ = stats.permute_at_risk(
        np.array([[did] for *_, did in rows], float),
        time=[until for _, _, until, _, _ in rows],
        converted=[converts for *_, converts, _ in rows],
        strata=[group for group, *_ in rows],
        since=[since for _, since, *_ in rows],
        n_permutations=3000,
    )
    if spread < 1e-9:
        assert np.isnan(alone[0])
        return
    seen = abs(sum(exposed for *_, exposed in conversions) - expected)
    draws = [abs(sum(one) - expected) >= seen - 1e-9 for one in product(*sets)]
    assert alone[0] == pytest.approx(np.mean(draws), abs=0.05)


def test_permuting_within_activity_compares_those_who_had_done_as_much():
    """A person's level is that of the moment, not the one they end at: those who convert early have done little."""
    rng = np.random.default_rng(5)
    log = []
    for person in range(400):
        days = np.sort(rng.uniform(0, 60, rng.poisson(12)))
        end = rng.exponential(10.0)
        log += [(person, 0, "came")]
        log += [(person, 24 * day, "a" if rng.random() < 0.2 else "b") for day in days if day < end or person % 2]
        log += [(person, 24 * end, "g")] if person % 2 == 0 and end < 60 else []
    found = make(log).correlation("g")
    within = found.by("activity").table.filter(pl.col("behaviour") == "a")["p_value"][0]
    permuted = found.permute(within="activity", n_permutations=999).table.filter(pl.col("behaviour") == "a")
    assert permuted["p_permuted"][0] == pytest.approx(within, abs=0.1)
