"""The data dictionary against plain loops, a binomial test and what a team has declared."""

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

import journeys as jn
from journeys.stats import poisson_rates
from tests.logs import SCHEMA
from tests.twins.dictionary import plain_dictionary

START = datetime(2026, 3, 1, tzinfo=UTC)
ROWS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 24 * 45).map(lambda hour: START + timedelta(hours=hour)),
        st.sampled_from("ABC"),
        st.sampled_from(["spring", "ads", None]),
    ),
    max_size=25,
)


def make_journeys(found):
    return jn.Journeys.from_table(pl.DataFrame(found, schema=SCHEMA, orient="row"))


@given(found=ROWS)
def test_the_dictionary_equals_plain_loops(found):
    j = make_journeys(found)
    result, expected = j.dictionary(), plain_dictionary(found)
    assert set(result.table["event"]) == set(expected)
    for row in result.table.to_dicts():
        plain = expected[row["event"]]
        assert {name: row[name] for name in plain if name in row} == {k: v for k, v in plain.items() if k in row}
        # of so few rows nothing is concluded but what is a fact
        has_past = min(time for _, time, _, _ in found) < max(time for _, time, _, _ in found) - timedelta(days=7)
        is_new = has_past and not plain["rows"] - plain["recent"]
        assert row["state"] == ("new" if is_new else "as before")
        assert result.people(row["event"]).people.height == row["people"]
        said = result.properties.filter(event=row["event"]).to_dicts()
        assert [one["filled"] for one in said] == ([plain["filled"]] if plain["filled"] else [])
        assert [one["examples"] for one in said] == ([plain["examples"]] if plain["filled"] else [])
    assert result.days["rows"].sum() == len(found)


@given(a=st.integers(0, 200), b=st.integers(0, 200), exposure=st.floats(0.1, 5))
def test_two_rates_are_compared_by_the_exact_binomial(a, b, exposure):
    p = float(poisson_rates([a], [b], exposure=(exposure, 1))[0])
    if not a + b:
        assert math.isnan(p)
        return
    share = exposure / (exposure + 1)
    tails = [binomtest(a, a + b, share, alternative=side).pvalue for side in ("less", "greater")]
    assert p == pytest.approx(min(1, 2 * min(tails)))


class Declared:
    events = {"Steady": {"means": "comes as ever", "owner": "growth"}, "Missing": {}}  # noqa: RUF012


def drifting():
    counts = {"Steady": [2] * 35, "Gone": [2] * 28 + [0] * 7, "Fewer": [4] * 28 + [1] * 7, "New": [0] * 28 + [9] * 7}
    rows = [
        (f"p{n}", START + timedelta(days=day, hours=12, minutes=n), event, None)
        for event, days in counts.items()
        for day, times in enumerate(days)
        for n in range(times)
    ]
    return make_journeys([*rows, ("edge", START, "Rare", None), ("edge", START + timedelta(days=35), "Rare", None)])


def test_events_that_change_are_found():
    result = drifting().dictionary()
    states = dict(result.table.select("event", "state").iter_rows())
    assert states == {"Steady": "as before", "Gone": "gone", "Fewer": "fewer", "New": "new", "Rare": "as before"}
    assert result.finding == (
        'There are 5 event names; 1 gone in the last 7 days ("Gone"), 1 less frequent than in the 28 days before '
        '("Fewer"), 1 new in the last 7 days ("New").'
    )
    assert len(result.plot().data) == len(result.plot(narrow=True, dark=True).data) == 5


def test_what_is_declared_is_compared_with_what_occurs():
    result = drifting().dictionary(Declared())
    states = dict(result.table.select("event", "state").iter_rows())
    assert states["Missing"] == "declared, never seen"
    assert states["New"] == states["Gone"] == "undeclared"
    steady = result.table.row(by_predicate=pl.col("event") == "Steady", named=True)
    assert (steady["means"], steady["owner"], steady["state"]) == ("comes as ever", "growth", "as before")
    with pytest.raises(jn.ArgumentError, match=r"definitions: expected what jn.definitions\(...\) returns, got 'x'"):
        drifting().dictionary("x")
