"""Without any effect hardly a log has a finding, however long people are observed."""

from functools import cache

import numpy as np
import polars as pl
import pytest

import journeys as jn
from journeys import stats

DAY = 86_400_000_000
START = 1_767_225_600_000_000
BEHAVIOURS, PEOPLE, LOGS, FEWER = 10, 250, 120, 30

# how people arrive (days until the first touch, of 60) and when they convert (days after it)
WORLDS = {
    "everybody is observed equally long": (0, False),
    "people arrive over time": (50, False),
    "converters stop early": (0, True),
    "people arrive over time, converters stop early": (50, True),
}


def make_log(rng, arrivals, early):
    """250 people, of whom about 30% convert; ten behaviours at constant rates that have nothing to do with it."""
    arrived = rng.uniform(0, arrivals, PEOPLE) if arrivals else np.zeros(PEOPLE)
    took = rng.exponential(2.0, PEOPLE) if early else rng.uniform(0, 60, PEOPLE)
    goal = (rng.random(PEOPLE) < 0.3) & (arrived + took < 60)
    parts = [(np.arange(PEOPLE), arrived, np.full(PEOPLE, 0))]
    parts.append((np.flatnonzero(goal), (arrived + took)[goal], np.full(goal.sum(), 1)))
    for number in range(BEHAVIOURS):
        count = rng.poisson((number + 1) / 5 * (60 - arrived) / 60)
        person = np.repeat(np.arange(PEOPLE), count)
        day = rng.uniform(arrived[person], 60)
        if early:  # whoever converted has got what they came for, and leaves
            stays = ~goal[person] | (day < (arrived + took)[person])
            person, day = person[stays], day[stays]
        parts.append((person, day, np.full(len(person), number + 2)))
    person, day, event = (np.concatenate([part[side] for part in parts]) for side in range(3))
    names = pl.Series(["Visit", "Buy", *(f"b{number}" for number in range(BEHAVIOURS))])
    group = np.array(["ads", "mail", "search"])[np.arange(PEOPLE) % 3]
    return jn.Journeys.from_table(
        pl.DataFrame(
            {
                "person": person,
                "timestamp": pl.Series(START + (day * DAY).astype(np.int64)).cast(pl.Datetime("us", "UTC")),
                "event": names.gather(event),
                "campaign": pl.Series(group[person]).set(pl.Series(event != 0), None),
            }
        )
    )


@cache
def correlations(world, logs):
    """Ask every log of a world once."""
    rng = np.random.default_rng(20 + len(world))
    return [make_log(rng, *WORLDS[world]).correlation("Buy", min_people=10) for _ in range(logs)]


def at_most_5_percent(count, logs):
    """Whether so many of the logs are no more than 5%, allowing three standard errors for chance."""
    return count / logs <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / logs)


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
def test_hardly_a_flow_has_a_step_that_goes_with_its_end(world, of):
    logs = 15
    found = [
        one._journeys.flow(end="Buy", who="all").correlation(of=of, min_people=10)
        for one in correlations(world, LOGS)[:logs]
    ]
    assert at_most_5_percent(sum((one.table["q_value"] <= 0.05).any() for one in found), logs)
