"""Experiments against plain loops, published figures and simulations without any effect."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.stats.experiments import Sample, compare_samples, sample_ratio_p

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(st.sampled_from("cdefgh"), st.integers(0, 9), st.sampled_from(["seen", "goal"]), st.sampled_from("ab")),
    max_size=25,
)
BOTH = [("y", 0, "seen", "a"), ("z", 0, "seen", "b"), ("z", 1, "goal", "b")]


def make_journeys(found):
    rows = [
        (person, START + timedelta(days=day), event, *((variant, None) if event == "seen" else (None, 2.0)))
        for person, day, event, variant in found
    ]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "variant": pl.String}
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=schema | {"amount": pl.Float64}, orient="row"))


@given(found=ROWS, within=st.sampled_from([None, 2, 4]))
def test_outcomes_equal_plain_loops(found, within):
    found = [*BOTH, *found]
    ask = {} if within is None else {"within": f"{within}d"}
    result = make_journeys(found).experiment("variant", goal="goal", measure=None, **ask)
    last = max(day for _, day, *_ in found)
    people = {}
    for person, day, event, variant in sorted(found, key=lambda row: row[:2]):
        people.setdefault(person, []).append((day, event, variant))
    outcomes, apart = {"a": [], "b": []}, 0
    for person, events in people.items():
        exposures = [at for at, (_, event, _) in enumerate(events) if event == "seen"]
        variants = {events[at][2] for at in exposures}
        if len(variants) != 1:
            apart += len(variants) > 1
            continue
        begin = events[exposures[0]][0]
        pending = within is not None and begin + within > last
        goals = [day for day, event, _ in events[exposures[0] + 1 :] if event == "goal"]
        reached = any(within is None or day - begin <= within for day in goals)
        outcomes[variants.pop()].append((person, pending, reached))
    assert result.in_several == apart
    for row in result.table.iter_rows(named=True):
        mine = outcomes[row["variant"]]
        assert row["pending"] == sum(pending for _, pending, _ in mine)
        assert row["people"] == len(mine) - row["pending"]
        assert row["converted"] == sum(reached for _, pending, reached in mine if not pending)
        for converted in (True, False):
            chosen = result.people(row["variant"], converted=converted).people["person"]
            assert set(chosen) == {person for person, pending, reached in mine if not pending and reached is converted}


@given(found=ROWS)
def test_shards_change_no_experiment(found, tmp_path_factory):
    j = make_journeys([*BOTH, *found])
    stored = j.save(tmp_path_factory.mktemp("s"), shards=3)
    for ask in ({}, {"measure": ("sum", "amount")}):
        one, other = (k.experiment("variant", goal="goal", **ask) for k in (j, stored))
        assert one.table.equals(other.table)


def test_growthbook_figures():
    """GrowthBook, packages/stats/tests/frequentist/test_tests.py (MIT)."""
    shares = compare_samples(Sample(30, 16 / 30, 16 / 30 * 14 / 30), Sample(28, 0.5, 0.25))
    assert (shares.lift, shares.lift_low, shares.lift_high) == pytest.approx((0.06667, -0.47767, 0.61101), abs=1e-5)

    def sample(n, total, squares):
        return Sample(n, total / n, (squares - total**2 / n) / (n - 1))

    a, b = sample(3407, 1396.87, 52377.9767), sample(3461, 2422.7, 134698.29)
    means = compare_samples(b, a)
    assert (means.difference, means.low, means.high) == pytest.approx((0.29, 0.04538, 0.53462), abs=1e-5)
    assert means.p_value == pytest.approx(0.02016, abs=1e-5)
    assert (means.lift, means.lift_low, means.lift_high) == pytest.approx((0.70732, -0.03526, 1.44989), abs=1e-5)


def test_experiments_without_any_effect_are_significant_in_5_percent():
    random = np.random.default_rng(7)
    n = 400
    first, second = random.binomial(n, 0.2, 2_000), random.binomial(n, 0.2, 2_000)
    covered, significant = 0, 0
    for one, other in zip(first / n, second / n, strict=True):
        found = compare_samples(Sample(n, one, one * (1 - one)), Sample(n, other, other * (1 - other)))
        significant += found.p_value < 0.05
        covered += found.low <= 0 <= found.high
    assert 0.035 <= significant / 2_000 <= 0.065
    assert 0.935 <= covered / 2_000 <= 0.965


def test_a_broken_assignment_leads_the_finding():
    found = [(f"a{n}", 0, "seen", "a") for n in range(400)] + [(f"b{n}", 0, "seen", "b") for n in range(500)]
    j = make_journeys([*found, ("a0", 1, "goal", "a")])
    result = j.experiment("variant", goal="goal")
    assert result.finding.startswith("Sample ratio mismatch (a 400, b 500; p < 0.001)")
    planned = j.experiment("variant", goal="goal", expected={"a": 4 / 9, "b": 5 / 9})
    assert planned.sample_ratio_p == pytest.approx(1.0)
    assert sample_ratio_p([0, 0], expected=[0.5, 0.5]) is None


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_findings_and_errors(dark):
    found = [(f"{v}{n}", 0, "seen", v) for v in "ab" for n in range(200)]
    found += [(f"a{n}", 1, "goal", "a") for n in range(20)] + [(f"b{n}", 1, "goal", "b") for n in range(60)]
    j = make_journeys(found)
    result = j.experiment("variant", goal="goal")
    assert result.finding.startswith('30% reach "goal" in "b", 10% in "a": +20.0 points (')
    assert result.table["lift"][1] == pytest.approx(2.0)
    drawn = result.plot(dark=dark)
    assert drawn.data[0].x == pytest.approx((0.2,))
    assert "30% of 200" in drawn.layout.yaxis.ticktext[0]
    assert drawn.layout.meta["subtitle"].endswith("the control: 10% of 200")
    many = make_journeys([(f"{v}{n}", 0, "seen", v) for v in "abcde" for n in range(50 + 60 * (v == "c"))] + BOTH)
    many_variants = many.experiment("variant", goal="goal").finding
    assert many_variants.startswith("Sample ratio mismatch (5 variants of 50 to 110 people; p < 0.001)")
    assert j.experiment("variant", goal="goal", measure=("sum", "amount")).table["mean"].to_list() == [0.2, 0.6]
    of_means = j.experiment("variant", goal="goal", measure=("sum", "amount"))
    assert of_means.finding.startswith('"b" has 0.6 per person against 0.2 of "a": +0.4')
    assert of_means.plot(dark=dark).data[0].x == pytest.approx((0.4,))
    few = make_journeys(BOTH).experiment("variant", goal="goal")
    assert few.finding == "Only 1 person in the smallest variant: too few for a finding."
    assert few.plot(dark=dark) is not None
    late = make_journeys(BOTH).experiment("variant", goal="goal", within="30d").finding
    assert late == "No one in the smallest variant could be observed for 30 days: too few for a finding."
    with pytest.raises(jn.ArgumentError, match=r"has 1 variant here; .* Not counted: 2 people exposed to several"):
        make_journeys([*BOTH, ("y", 1, "seen", "b"), *((p, 1, "seen", "a") for p in "wxz")]).experiment(
            "variant", goal="goal"
        )
    with pytest.raises(jn.ArgumentError, match="expected: .* must be positive shares that add up to 1"):
        j.experiment("variant", goal="goal", expected={"a": "half", "b": "half"})
    with pytest.raises(jn.UnknownNameError, match="control: no variant 'c'"):
        j.experiment("variant", goal="goal", control="c")
    with pytest.raises(jn.UnknownNameError, match="variant: no column 'varient'; did you mean 'variant'"):
        j.experiment("varient", goal="goal")
    with pytest.raises(jn.ArgumentError, match="expected: .* must be positive shares that add up to 1"):
        j.experiment("variant", goal="goal", expected={"a": 0.2, "b": 0.2})
    with pytest.raises(jn.ArgumentError, match="has 1 variant"):
        j.where(pl.col("variant").ne_missing("b")).experiment("variant", goal="goal")
