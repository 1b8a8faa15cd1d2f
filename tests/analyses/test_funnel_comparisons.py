"""Comparisons of funnels divide by what the table divides by, and allow for people who are on both sides."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests import logs


def groups(*sizes: tuple[str, int, int]) -> jn.Journeys:
    """Groups of people of whom the first number does A, the second does B and never A."""
    rows = [
        (f"{name}{at}", "2026-03-01", "A" if at < first else "B", name)
        for name, first, second in sizes
        for at in range(first + second)
    ]
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event", "campaign"], orient="row"))


@pytest.mark.parametrize(
    ("sizes", "rates"),
    [
        ([("mail", 100, 150), ("ads", 300, 100)], {"mail": 0.6, "ads": 0.25}),
        ([("mail", 5, 20), ("ads", 40, 20)], {"mail": 0.8, "ads": 1 / 3}),
    ],
)
def test_open_funnels_divide_by_those_who_entered(sizes: Any, rates: dict[str, float]):
    funnel = groups(*sizes).funnel(["A", "B"], entry="any", by="campaign")
    table = funnel.table.filter(pl.col("step") == 2)
    assert dict(table.select("campaign", "rate_from_start").rows()) == pytest.approx(rates)
    comparison = funnel.compare()
    compared = comparison.table.filter(pl.col("step") == 2)
    assert dict(compared.select("campaign", "rate").rows()) == pytest.approx(rates)
    assert comparison.plot().data
    assert funnel.plot().data


@given(
    logs.rows(most=12),
    st.sampled_from(["first", "any"]),
    st.sampled_from(["rate_from_start", "rate_from_previous"]),
    st.sampled_from(["people", "sessions", "entries"]),
    st.booleans(),
)
def test_every_rate_lies_between_0_and_1(rows: list[logs.Row], entry: Any, measure: Any, count: Any, optional: bool):
    known = [("zz", 0, name, None) for name in "ABCX"]
    j = jn.Journeys.from_table(logs.frame([*rows, *known]))
    steps = ["A", jn.step("B", optional=optional), "C"]
    options: dict[str, Any] = {"entry": entry, "count": count}
    whole, grouped = j.funnel(steps, **options), j.funnel(steps, by="campaign", **options)
    other = j.only(pl.col("person") != "a").funnel(steps, **options)
    tables = [whole.compare(other, measure=measure), grouped.compare(measure=measure)]
    for table in [whole.table, grouped.table, *(one.table for one in tables)]:
        rates = table.select(pl.col("^rate.*$", "^[pq]_value$"))
        assert all(column.drop_nulls().is_between(0, 1).all() for column in rates)
    for name in ("rate_from_start", "rate_from_previous"):
        if name == measure:
            assert (
                tables[0].table["rate"].fill_null(-1).to_list()
                == pytest.approx(whole.table[name].fill_null(1 if whole.table[name][0] else -1).to_list())
                or measure == "rate_from_previous"
            )


def test_people_on_both_sides_are_counted_and_taken_as_clusters():
    rows: list[logs.Row] = []
    for at in range(200):
        rows += [(f"p{at}", 0, "A", None), (f"p{at}", 10_000, "A", None)]
        rows += [(f"p{at}", minute, "B", None) for minute in (1, 10_001) if at % 2 == 0]
    j = jn.Journeys.from_table(logs.frame(rows))
    early, late = j.between("2026-03-01", "2026-03-03").funnel(["A", "B"]), j.between("2026-03-03").funnel(["A", "B"])
    comparison = early.compare(late)
    assert comparison.people_on_both_sides == 200
    assert "200 people entered both funnels" in comparison.finding
    # the same people did the same: no doubt is left about the difference of 0
    row = comparison.table.row(1, named=True)
    assert (row["difference"], row["ci_low"], row["ci_high"], row["p_value"]) == (0, 0, 0, 1)
    apart = j.only(pl.col("person").str.ends_with("0")).funnel(["A", "B"])
    rest = j.only(~pl.col("person").str.ends_with("0")).funnel(["A", "B"])
    assert apart.compare(rest).people_on_both_sides == 0
    assert "both funnels" not in apart.compare(rest).finding


def test_sessions_of_one_person_are_one_cluster():
    # 40 people of each side, each with 25 sessions that all convert or all do not: no more than 40 observations
    rows: list[logs.Row] = []
    for at in range(80):
        does = at % 2 == 0 if at < 40 else at % 4 == 0
        for session in range(25):
            rows += [(f"p{at}", session * 100, "A", "ads" if at < 40 else "mail")]
            rows += [(f"p{at}", session * 100 + 1, "B", None)] * does
    funnel = jn.Journeys.from_table(logs.frame(rows)).funnel(["A", "B"], count="sessions", by="campaign")
    row = funnel.compare().table.filter(pl.col("campaign") == "ads", pl.col("step") == 2).row(0, named=True)
    assert (row["sessions"], row["sessions_against"], row["difference"]) == (500, 250, 0.25)
    assert 0.01 < row["p_value"] < 0.1


def test_a_headline_rests_on_at_least_30_people():
    few = groups(("mail", 20, 0), ("ads", 20, 20)).funnel(["A", "B"], entry="any", by="campaign").compare()
    assert few.finding == "Only 20 people on the smaller side: too few for a finding."


def test_sides_by_a_condition_on_people():
    j = groups(("mail", 100, 50), ("ads", 300, 100))
    funnel = j.funnel(["A", "B"], against=pl.col("first_campaign") == "ads", entry="any")
    assert funnel.comparison.table.select("people", "people_against").rows() == [(100, 300), (50, 100)]
    other = j.only(pl.col("first_campaign") != "ads").funnel(
        ["A", "B"], against=j.only(pl.col("first_campaign") == "ads"), entry="any"
    )
    assert funnel.comparison.equals(other.comparison)
    with pytest.raises(jn.UnknownNameError, match="against: no column 'first_campain'; did you mean 'first_campaign'"):
        j.funnel(["A", "B"], against=pl.col("first_campain") == "ads")
    with pytest.raises(jn.ArgumentError, match="against: 7 is neither Journeys nor a condition"):
        j.funnel(["A", "B"], against=7)  # type: ignore[arg-type]
