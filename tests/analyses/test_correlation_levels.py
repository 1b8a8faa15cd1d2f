"""Without any effect hardly a log has a finding, however long people are observed.

`python -m tests.benchmarks.no_effect` asks 400 logs of each world; here are fewer.
"""

from functools import cache

import numpy as np
import pytest

from journeys import stats
from tests.benchmarks.no_effect import BEHAVIOURS, PEOPLE, QUESTIONS, WORLDS, at_most_5_percent, make_log

LOGS, FEWER = 120, 30


@cache
def correlations(world, logs):
    """Ask every log of a world once."""
    rng = np.random.default_rng(20 + len(world))
    return [make_log(rng, *WORLDS[world]).correlation("Buy", min_people=10) for _ in range(logs)]


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_the_test_of_400_logs_holds_its_level(world):
    arrivals, early = WORLDS[world]
    rng, found, logs = np.random.default_rng(40), 0, 400
    for _ in range(logs):
        arrived = rng.uniform(0, arrivals, PEOPLE) if arrivals else np.zeros(PEOPLE)
        took = rng.exponential(2.0, PEOPLE) if early else rng.uniform(0, 60, PEOPLE)
        goal = (rng.random(PEOPLE) < 0.3) & (arrived + took < 60)
        until = np.where(goal, took, 60 - arrived)
        did = rng.exponential(300 / np.arange(1, BEHAVIOURS + 1)[:, np.newaxis], (BEHAVIOURS, PEOPLE))
        did[did >= until] = np.inf
        moments = np.sort(until[goal])
        exposed = np.isfinite(did)
        entered = [np.searchsorted(np.sort(at), moments) for at in did]
        left = [np.searchsorted(np.sort(until[who]), moments) for who in exposed]
        test = stats.mantel_byar(
            (exposed & goal).sum(axis=1),
            conversions=np.ones(len(moments)),
            at_risk=PEOPLE - np.searchsorted(np.sort(until), moments),
            exposed_at_risk=np.array(entered) - np.array(left),
        )
        found += (stats.adjust(test.p_value) <= 0.05).any()
    assert at_most_5_percent(found, logs)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_hardly_a_log_has_a_finding(world):
    found = correlations(world, LOGS)
    assert at_most_5_percent(sum(one.findings.height > 0 for one in found), LOGS)
    assert sum((one.checks["q_value"] <= 0.05).any() for one in found[:50]) > 25 or world == next(iter(WORLDS))


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("column", ["first_campaign", "activity", "every week"])
def test_hardly_a_log_has_a_verdict_within_groups(world, column):
    found = correlations(world, LOGS)[:FEWER]
    verdicts = [one.by(column).table["verdict"].drop_nulls().len() for one in found]
    assert at_most_5_percent(sum(count > 0 for count in verdicts), FEWER)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
def test_hardly_a_log_is_beyond_chance_when_permuted(world):
    found = correlations(world, LOGS)[:FEWER]
    tables = [one.permute(n_permutations=199).table for one in found]
    assert at_most_5_percent(sum((table["p_family"] <= 0.05).any() for table in tables), FEWER)


@pytest.mark.slow
@pytest.mark.parametrize("exposure", ["matched", "first 7d"])
def test_hardly_a_log_has_a_finding_under_other_exposures(exposure):
    rng = np.random.default_rng(31)
    asked = {"exposure": exposure, "min_people": 10}
    found = [make_log(rng, 50, early=True).correlation("Buy", **asked).findings.height > 0 for _ in range(FEWER)]
    assert at_most_5_percent(sum(found), FEWER)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("of", ["nodes", "links"])
def test_few_random_flows_have_a_step_that_goes_with_their_end(world, of):
    logs = 15
    found = [
        one._journeys.flow(end="Buy", who="all").correlation(of=of, min_people=10)
        for one in correlations(world, LOGS)[:logs]
    ]
    assert at_most_5_percent(sum((one.table["q_value"] <= 0.05).any() for one in found), logs)


@pytest.mark.slow
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("question", [name for name in QUESTIONS if "funnel" in name or "activity" in name])
def test_hardly_a_log_has_a_difference_of_funnels_or_beyond_chance_within_activity(question, world):
    found = [QUESTIONS[question](one._journeys) for one in correlations(world, LOGS)[:FEWER]]
    assert at_most_5_percent(sum(found), FEWER)
