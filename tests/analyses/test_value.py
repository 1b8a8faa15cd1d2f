"""Value over age against plain loops and published figures."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.logs import START, frame
from tests.twins import value as twin

ROW = st.tuples(
    st.sampled_from("abc"), st.integers(0, 9), st.sampled_from("AX"), st.sampled_from([-5.0, 0.0, 1.0, 8.0])
)


def priced(found: list[tuple[str, int, str, float]]) -> jn.Journeys:
    log = frame([(person, minute, event, None) for person, minute, event, _ in found])
    return jn.Journeys.from_table(log.with_columns(amount=pl.Series([row[3] for row in found], dtype=pl.Float64)))


@given(
    found=st.lists(ROW, max_size=16),
    length=st.integers(1, 4),
    until=st.integers(0, 12),
    fixed=st.sampled_from([None, 1, 2]),
)
def test_value_equals_its_twin(found, length, until, fixed):
    found = [("y", 0, "A", 0.0), ("y", 1, "X", 2.0), *found]
    moment = START + timedelta(minutes=until)
    options = {} if fixed is None else {"fixed": True, "periods": fixed}
    v = priced(found).value("amount", of="X", start="A", every=f"{length}m", until=moment, draws=5, **options)
    rows = sorted(found, key=lambda row: row[:2])
    expected = twin.by_age(rows, start="A", of="X", length=length, until=until, fixed=fixed)
    assert v.table["age"].to_list() == list(range(len(expected)))
    for row, own in zip(v.table.to_dicts(), expected, strict=True):
        for name in ("people", "paying", "before", "complete"):
            assert row[name] == own[name], name
        assert row["value"] == pytest.approx(own["value"])
        assert row["per_person"] == pytest.approx(own["value"] / own["people"])
    if expected:
        age = len(expected) - 1
        assert v.people(age=age).size.people == expected[age]["people"]
        assert v.people(age=age, paying=True).size.people == expected[age]["paying"]


# CamDavidsonPilon/lifetimes, tests/test_utils.py, test_summary_date_from_transaction_with_monetary_values (MIT)
PURCHASES = [
    (1, "2015-01-01", 1), (1, "2015-02-06", 2), (2, "2015-01-01", 2), (3, "2015-01-01", 3), (3, "2015-01-02", 1),
    (3, "2015-01-05", 5), (4, "2015-01-16", 6), (4, "2015-02-02", 3), (4, "2015-02-05", 3), (5, "2015-01-16", 3),
    (5, "2015-01-17", 1), (5, "2015-01-18", 8), (6, "2015-02-02", 5),
]  # fmt: skip


@pytest.fixture
def purchases() -> jn.Journeys:
    table = pl.DataFrame(PURCHASES, schema=["person", "timestamp", "amount"], orient="row")
    return jn.Journeys.from_table(table.with_columns(event=pl.lit("Bought")))


def test_payers_as_published(purchases):
    v = purchases.value("amount", of="Bought", every="30d", until="2015-02-07")
    assert v.people_table.columns == ["person", "repeat_days", "recency", "age", "mean_repeat", "total"]
    assert v.people_table.drop("total").rows() == [
        (1, 1, 36, 37, 2.0), (2, 0, 0, 37, 0.0), (3, 2, 4, 37, 3.0), (4, 2, 20, 22, 3.0), (5, 2, 2, 22, 4.5),
        (6, 0, 0, 5, 0.0),
    ]  # fmt: skip
    assert v.people_table["total"].to_list() == [3, 2, 9, 12, 12, 5]
    assert v.people_table["total"].mean() == pytest.approx(7.166666666666667)
    # of those at least 30 days old, in their first 30 days
    assert v.table.select("people", "value", "per_person").rows() == [(3, 12.0, 4.0)]


def test_the_interval_holds_the_value_and_is_seeded():
    found = [row for n in range(200) for row in ((f"p{n}", 0, "A", 0.0), *([(f"p{n}", 1, "X", 10.0)] * (n % 4 == 0)))]
    j = priced([*found, ("z", 9, "A", 0.0)])
    ask = {"of": "X", "start": "A", "every": "2m", "draws": 1000}
    v = j.value("amount", **ask)
    assert v.table.equals(j.value("amount", **ask).table)
    assert not v.table.equals(j.value("amount", **ask, seed=1).table)
    per_person, low, high = v.table.select("per_person", "ci_low", "ci_high").row(0)
    # a share of a quarter who pay 10: the normal interval is 2 * 1.96 * 10 * sqrt(0.25 * 0.75 / 200) wide
    assert per_person == 2.5
    assert high - low == pytest.approx(1.2, rel=0.12)
    assert low < per_person < high
    assert v.finding.startswith("After 8 minutes, 200 people are worth 2.50 each (95% CI ")
    assert v.complete_to is None
    assert j.value("amount", **ask, periods=3, fixed=True).complete_to == 2


def test_groups_add_up_to_the_whole():
    log = frame([(f"p{n}", minute, "AX"[minute % 2], "abcd"[n % 4]) for n in range(20) for minute in range(6)])
    j = jn.Journeys.from_table(log.with_columns(amount=pl.lit(1.5)))
    ask = {"of": "X", "start": "A", "every": "1m", "draws": 3}
    whole, parts = j.value("amount", **ask).table, j.value("amount", **ask, by="campaign", top=2).table
    added = parts.group_by("age").agg(pl.col("people", "paying", "value").sum()).sort("age")
    assert added.equals(whole.select("age", "people", "paying", "value"))
    assert parts["campaign"].unique(maintain_order=True).to_list() == ["(other)", "a", "b"]
    assert j.value("amount", **ask, by="campaign", top=2).people(group="(other)", age=1).size.people == 10


def test_what_value_cannot_be_asked(purchases):
    with pytest.raises(jn.UnknownNameError, match="column: no column 'amont'; did you mean 'amount'"):
        purchases.value("amont", of="Bought")
    with pytest.raises(jn.ArgumentError) as raised:
        purchases.value("event", of="Bought", periods=0, draws=0)
    for part in ("column: column 'event'", "periods: 0 must be", "draws: 0 must be"):
        assert part in str(raised.value)
    with pytest.raises(jn.ArgumentError, match="every: '1mo' is not a valid duration"):
        purchases.value("amount", of="Bought", every="1mo")
    v = purchases.value("amount", of="Bought")
    with pytest.raises(jn.ArgumentError, match="requires a breakdown"):
        v.people(group="a")
    with pytest.raises(jn.ArgumentError, match="age: -1 must be"):
        v.people(age=-1)
    with pytest.raises(jn.ArgumentError, match="age: 99 is not in the table; the last age there is 4"):
        v.people(age=99)
    assert v.finding == "Only 5 people could be observed for a whole period: too few for a finding."
    early = purchases.value("amount", of="Bought", until=datetime(2014, 1, 1, tzinfo=UTC))
    assert early.table.height == 0


def test_a_chart_says_why_a_curve_falls():
    """Of 70 people, 35 paid at once and were watched for a minute, 35 paid nothing and were watched for two."""
    rows = [(f"p{n:02}", 1 if n < 35 else 0, "A", None) for n in range(70)]
    log = frame([*rows, *[(f"p{n:02}", 1, "X", None) for n in range(35)], ("z", 2, "B", None)])
    j = jn.Journeys.from_table(log.with_columns(amount=pl.lit(6.0)))
    why = "; it falls where fewer, other people are old enough"
    ask = {"of": "X", "start": "A", "every": "1m", "draws": 3}
    asked = [j.value("amount", **ask), j.value("amount", **ask, fixed=True)]
    assert asked[0].table["per_person"].to_list() == [3.0, 0.0]
    assert [why in one.plot().layout.title.text.replace("<br>", " ") for one in asked] == [True, False]


def test_the_same_people_are_kept_up_to_the_last_age_of_enough_people():
    """Of 45 people, 40 have completed three periods and 5 of them five more; without 30 people, the oldest decide."""
    rows = [(f"p{n}", 0 if n < 5 else 5 if n < 40 else 7, "A", None) for n in range(45)]
    log = frame([*rows, ("p0", 8, "X", None)])
    j = jn.Journeys.from_table(log.with_columns(amount=pl.lit(6.0)))
    ask = {"of": "X", "start": "A", "every": "1m", "draws": 3}
    fixed = j.value("amount", **ask, fixed=True)
    assert fixed.settings["periods"] == 3
    assert fixed.table["people"].to_list() == [40, 40, 40]
    assert fixed.table["complete"].all()
    assert fixed.people(age=2).size.people == 40
    assert fixed.table.equals(j.value("amount", **ask, fixed=True, periods=3).table)
    few = j.only(j.people.head(4)).value("amount", **ask, fixed=True)
    assert few.settings["periods"] == few.table.height == 8


def test_a_headline_names_a_group_and_no_placeholder():
    log = frame(
        [(f"p{n}", minute, "AX"[minute % 2], "ads" if n < 40 else None) for n in range(90) for minute in (0, 3)]
    )
    j = jn.Journeys.from_table(log.with_columns(amount=pl.lit(2.0)))
    ask = {"of": "X", "start": "A", "every": "1m", "draws": 3, "by": "campaign"}
    assert j.value("amount", **ask).finding.startswith('After 3 minutes, 40 people of "ads" are worth ')
    none = j.only(pl.col("first_campaign").is_null()).value("amount", **ask)
    assert none.finding.startswith("After 3 minutes, 50 people without a campaign are worth ")


def test_the_unobserved_is_said_to_be_so():
    log = frame([(f"p{n}", minute, "AX"[minute % 2], None) for n in range(40) for minute in (0, 3)])
    j = jn.Journeys.from_table(log.with_columns(amount=pl.lit(2.0)))
    ask = {"of": "X", "start": "A", "every": "1d"}
    assert j.value("amount", **ask, until="2030-01-01").finding.endswith(" No event was observed after 1 March 2026.")
    assert "No event" not in j.value("amount", **ask, until="2026-03-02").finding
