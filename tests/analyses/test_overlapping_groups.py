"""Groups that have people in common: how many is said, and what takes people as separate is not tested beyond 5%."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.correlation import comparison
from tests import logs
from tests.logs import Row, frame
from tests.twins import attribution as twin


def make_log(people: int = 200) -> jn.Journeys:
    """Make a log in which the first half sees ads and mostly buys, the second half mail."""
    rows: list[Row] = []
    for number in range(people):
        person, is_first = f"p{number:03}", number < people / 2
        rows.append((person, 0, "A", "ads" if is_first else "mail"))
        rows += [(person, 1, "B", None)] if number % 3 else []
        rows += [(person, 2, "X", None)] if (number % 4 > 0) == is_first else []
    return jn.Journeys.from_table(frame(rows))


def take_people(j: jn.Journeys, low: int, high: int) -> jn.Journeys:
    return j.only([f"p{number:03}" for number in range(low, high)])


@pytest.mark.parametrize(("first", "is_tested"), [(100, True), (95, True), (94, False), (0, False)])
def test_attributions_of_overlapping_groups(first, is_tested):
    """All of them buy: 5 of 100 in both are still tested, 6 are not."""
    rows: list[Row] = []
    for number in range(200):
        rows += [(f"p{number:03}", minute, name, ("ads", "mail")[number % 2]) for minute, name in enumerate("AX")]
    j = jn.Journeys.from_table(frame(rows))
    here, there = (take_people(j, *span).attribution("X", lookback="9m") for span in ((0, 100), (first, 200)))
    found = here.compare(there)
    assert found.people_on_both_sides == 100 - first
    assert (found.table["p_value"].null_count() == 0) == is_tested
    assert (found.table["ci_low"].null_count() == 0) == is_tested
    assert ("so that nothing is tested" in found.finding) == (not is_tested)
    assert (f"{100 - first} people are in both groups" in found.finding) == (first < 100)


@pytest.mark.parametrize("model", ["last", "linear", "shapley", "time_decay", "participation"])
@pytest.mark.parametrize("conversions", ["first", "every"])
@given(found=logs.rows(most=30), split=st.integers(0, 4))
def test_people_of_both_groups_are_pairs(model, conversions, found, split):
    """The error of each share's difference, person by person in plain loops."""
    people = ["pa", "pb", "pc", "pd", "pe"]
    rows: list[Row] = [(people[number % 5], *row[1:]) for number, row in enumerate(found)]
    rows += [(person, 50, "X", None) for person in people]
    j = jn.Journeys.from_table(frame(rows))
    sides = (people[: split + 1], people[max(split - 1, 0) :])
    asked = {"model": model, "conversions": conversions, "lookback": "9m", "half_life": "2m"}
    here, there = (j.only(side).attribution("X", **asked) for side in sides)
    compared = here.compare(there, overlap="pairs")
    ordered = sorted(rows, key=lambda row: row[:2])
    walks = [
        twin.walks([(who, time, event, touch) for who, time, event, touch in ordered if who in side],
                   conversion="X", lookback=9, collapse=True, conversions=conversions)
        for side in sides
    ]  # fmt: skip
    for row in compared.table.iter_rows(named=True):
        error = twin.paired_error(*walks, row["campaign"], model=model, half_life=2)
        assert row["ci_high"] - row["difference"] == pytest.approx(1.959963984540054 * error, abs=1e-7)
        assert row["difference"] - row["ci_low"] == pytest.approx(1.959963984540054 * error, abs=1e-7)
        chance = (
            1.0 if row["difference"] == 0 else 0.0 if not error else math.erfc(abs(row["difference"]) / error / 2**0.5)
        )
        assert error < 1e-7 or row["p_value"] == pytest.approx(chance, abs=1e-6)


def test_the_same_people_twice_do_not_differ():
    rows: list[Row] = []
    for number in range(80):
        rows += [(f"p{number:03}", minute, name, ("ads", "mail")[number % 3 > 0]) for minute, name in enumerate("AX")]
    everyone = jn.Journeys.from_table(frame(rows))
    a = everyone.attribution("X", lookback="9m")
    assert a.compare(a).table["p_value"].null_count() == 2
    paired = a.compare(a, overlap="pairs")
    assert paired.table.select("ci_low", "ci_high", "p_value").rows() == [pytest.approx((0, 0, 1), abs=1e-7)] * 2
    assert paired.finding.endswith("80 people are in both groups; the test allows for that.")
    assert paired.settings["overlap"] == "pairs"
    with pytest.raises(jn.ArgumentError, match="overlap: 'pair' is neither 'refuse' nor 'pairs'"):
        a.compare(a, overlap="pair")
    markov = everyone.attribution("X", lookback="9m", model="markov")
    with pytest.raises(jn.ArgumentError, match="'markov' looks at the paths of all together"):
        markov.compare(markov, overlap="pairs")


def test_correlations_of_overlapping_groups_say_so(monkeypatch):
    j = make_log()
    mine, theirs = take_people(j, 0, 120), take_people(j, 80, 200)
    found = mine.correlation("X", min_people=0).compare(theirs)
    assert found.finding.endswith(" 40 people are in both groups; the test allows for that.")
    assert found.table["p_value"].null_count() < found.table.height
    monkeypatch.setattr(comparison, "MOST_PEOPLE_CELLS", 0)
    refused = mine.correlation("X", min_people=0).compare(theirs)
    assert refused.finding.endswith("40 people are in both groups; more than 5% of the smaller group, so that nothing "
                                    "is tested.")  # fmt: skip
    for name in ("p_value", "q_value", "ci_low", "ci_high"):
        assert refused.table[name].null_count() == refused.table.height
    assert refused.table["difference"].equals(found.table["difference"])
    few = take_people(j, 0, 102).correlation("X", min_people=0).compare(take_people(j, 98, 200))
    assert few.table["p_value"].null_count() < few.table.height
    assert few.finding.endswith("4 people are in both groups; read q as a guide, which takes them as separate.")


def test_two_stitchings_have_no_people_in_common():
    def stitch(name):
        rows = [(f"{name}{number}", minute, event) for number in range(40) for minute, event in enumerate("AX")]
        table = frame([(*row, None) for row in rows]).rename({"person": "user_id"})
        return jn.stitch(jn.read_table(table, timestamp="timestamp", event="event", ids=["user_id"], name=name))

    found = stitch("a").correlation("X", min_people=0).compare(stitch("b"))
    assert "note" not in found.settings


@pytest.mark.parametrize(("repeated", "is_tested"), [(5, True), (6, False)])
def test_goals_of_the_same_people_are_not_compared(repeated, is_tested):
    """Of 100 people, some buy again after the other campaign."""
    rows: list[Row] = []
    for number in range(100):
        person, campaign = f"p{number:03}", "ads" if number % 2 else "mail"
        rows += [(person, 0, "A", campaign), (person, 1, "X", None), (person, 2, "AB"[number % 4 < 3], None)]
        rows += [(person, 3, "A", "spring"), (person, 4, "X", None)] if number < repeated else []
    j = jn.Journeys.from_table(frame(rows))
    table = j.last_before("X", of="campaign", occurrence="each", then="B", then_within="1m").table
    assert table["conversions"].sum() == 100 + repeated
    assert (table["q_value"].null_count() < table.height) == is_tested
    assert j.last_before("X", of="campaign", then="B").table["q_value"].null_count() == 0


def test_funnels_and_flows_take_people_of_both_groups_as_clusters():
    j = make_log()
    mine, theirs = take_people(j, 0, 120), take_people(j, 80, 200)
    compared = mine.funnel(["A", "X"]).compare(theirs.funnel(["A", "X"]))
    assert "40 people entered both funnels; the test allows for that." in compared.finding
    flows = mine.flow(end="X", against=theirs)
    assert "in both; intervals and p-values allow for it." in flows.definition
