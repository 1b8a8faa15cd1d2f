"""Impact against plain loops, a published figure, and simulations in which nothing has an effect."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.benchmarks.impact_coverage import simulate_uses
from tests.twins import impact as twin

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
DAY = 24 * 60
ROWS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 40), st.sampled_from("TTTUX")), max_size=40)
EDGES = [("zz", 0, "T"), ("zz", 44, "T"), ("yy", 10, "U")]


def make_journeys(found):
    rows = [(person, START + timedelta(hours=6 * quarter), event) for person, quarter, event in found]
    schema = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String}
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=schema, orient="row"))


@given(found=ROWS, periods=st.integers(1, 3), against=st.sampled_from(["matched", "anyone"]))
def test_both_sides_equal_plain_loops(found, periods, against):
    found = [*EDGES, *found]
    people = {}
    for person, quarter, event in sorted(found, key=lambda row: row[:2]):
        people.setdefault(person, []).append((quarter * DAY // 4, event))
    moments = twin.moments_of(
        people, of="U", on="T", length=DAY, periods=periods, until=11 * DAY, matched=against == "matched"
    )
    expected = twin.impact(moments)
    result = make_journeys(found).impact("U", on="T", periods=periods, against=against)
    row = result.summary.row(0, named=True)
    assert row["people"] + row["unmatched"] + row["pending"] == sum(one.used for one in moments)
    if expected is None:
        assert (row["people"], row["effect"]) == (0, None)
        return
    for part in ("people", "unmatched", "pending", "others"):
        chosen = set(result.people(part).people["person"])
        assert chosen == getattr(expected, part)
        assert row[part] == len(chosen)
    assert row["effect"] == pytest.approx(expected.effect, abs=1e-9)
    assert row["used_later"] == pytest.approx(expected.used_later)
    assert row["ci_high"] - row["ci_low"] == pytest.approx(2 * 1.959963985 * expected.error, abs=1e-6)
    assert result.table["mean"].to_list() == pytest.approx(expected.means)
    assert result.table["others_mean"].to_list() == pytest.approx(expected.others_means)
    after = result.table.filter(pl.col("relative_period") >= 0)
    assert after["difference_in_differences"].sum() == pytest.approx(row["effect"], abs=1e-9)


def test_mixpanel_rate_per_person():
    """Mixpanel, docs/reports/apps/impact.mdx: 30 events of 10 adopters on day 5 are a rate of 3."""
    found = [(f"p{n}", 4, event) for n in range(10) for event in "XU"] + [
        (f"q{n}", 4, event) for n in range(9) for event in "XX"
    ]
    found += [(f"p{n}", 4 + 4 * 5 + 1, "T") for n in range(10) for _ in range(3)] + [("zz", 60, "X")]
    table = make_journeys(found).impact("U", on="T", periods=7).table
    on_day_5 = table.filter(pl.col("relative_period") == 5).row(0, named=True)
    assert (on_day_5["people"], on_day_5["mean"], on_day_5["others_mean"]) == (10, 3.0, 0.0)
    assert table.filter(pl.col("relative_period") != 5)["mean"].sum() == 0


def simulate(seed, **options):
    return simulate_uses(np.random.default_rng(seed), **options)


def test_no_effect_is_found_where_the_active_ones_use_something_without_any():
    naive, effects, covered = [], [], 0
    for seed in range(24):
        result = simulate(seed, people=350).impact("U", on="T", periods=7)
        row = result.summary.row(0, named=True)
        effects.append(row["effect"])
        covered += row["ci_low"] <= 0 <= row["ci_high"]
        half = result.table.height // 2
        naive.append(result.table["mean"][half:].sum() - result.table["mean"][:half].sum())
    error = np.std(effects) / np.sqrt(len(effects))
    assert abs(np.mean(effects)) < 2.5 * error
    assert covered >= 20
    # before and after alone would find one
    assert np.mean(naive) > 3 * np.std(naive) / np.sqrt(len(naive))


def test_an_effect_is_found():
    result = simulate(1, people=600, effect=8.0).impact("U", on="T", periods=7)
    row = result.summary.row(0, named=True)
    assert row["ci_low"] > 2
    assert row["effect"] == pytest.approx(8.0 * (1 - row["used_later"]), abs=3.0)
    assert "more times each (95% CI" in result.finding
    assert "matched people who had not done it" in result.finding
    fewer = simulate(1, people=600, effect=8.0).impact("U", on="T", periods=7)
    row = fewer.summary.with_columns(-pl.col("effect"), ci_low=-pl.col("ci_high"), ci_high=-pl.col("ci_low"))
    said = replace(fewer, summary=row).finding
    assert "fewer times each (95% CI" in said
    assert said.split("(95% CI ")[1][0].isdigit()


@given(found=ROWS)
def test_a_selection_knows_who_used_it_before(found):
    found = [*EDGES, *found, ("xx", 1, "U"), ("xx", 30, "U")]
    part = make_journeys(found).between(START + timedelta(days=5)).impact("U", on="T", periods=1)
    before = {person for person, quarter, event in found if event == "U" and quarter < 20}
    for one in ("people", "unmatched", "pending", "others"):
        assert not before & set(part.people(one).people["person"])


@pytest.mark.parametrize("look", [{}, {"dark": True}, {"narrow": True}])
def test_pictures_findings_and_errors(look):
    j = simulate(3)
    result = j.impact("U", on="T", periods=7)
    assert result.finding.startswith(('No effect of "U" on "T" beyond chance', "Too few people"))
    assert [len(trace.x) for trace in result.plot(**look).data] == [28, 14, 14]
    few = make_journeys([*EDGES, ("a", 1, "T")]).impact("U", on="T")
    assert few.finding.startswith('No one who did "U" could be observed')
    assert few.plot(**look) is not None
    with pytest.raises(jn.ArgumentError) as raised:
        j.impact("U", on="T", every="1x", periods=0, against="before")
    for part in ("every: '1x'", "periods: 0", "against: 'before' must be one of 'matched', 'anyone'"):
        assert part in str(raised.value)
    with pytest.raises(jn.ArgumentError, match="on: 'U' is what is used; count something else"):
        j.impact("U", on=["U", "T"])
    with pytest.raises(jn.UnknownNameError, match="of: no event"):
        j.impact("V", on="T")
    with pytest.raises(jn.UnknownNameError, match="part: no part 'other'; did you mean 'others'"):
        result.people("other")


def test_what_the_system_did_is_no_use():
    day = pl.datetime(2026, 3, pl.col("day"))
    log = pl.DataFrame(
        {"person": ["a", "a"], "day": [1, 2], "event": ["Received Mail", "Task"], "by": ["system", "person"]}
    )
    j = jn.Journeys.from_table(log.select("person", "event", "by", timestamp=day))
    with pytest.raises(jn.ArgumentError, match="of: 'Received Mail' is what the system did"):
        j.impact("Received Mail", on="Task")
