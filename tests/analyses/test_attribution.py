"""Attribution against plain loops, published weights and a published data set."""

import json
from math import inf, nan

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.attribution.summarise import position_weights, weigh_by_age
from tests.logs import frame, in_order, rows
from tests.shared import PUBLISHED, SHARED, needs_shared
from tests.twins import attribution as twin

MODELS = ["first", "last", "linear", "u", "j", "inverse_j", "time_decay", "participation", "shapley"]
EVERY = [("a", 0, name, None) for name in "ABCX"]


@pytest.mark.parametrize("model", MODELS)
@given(found=rows(most=18), lookback=st.integers(1, 8), collapse=st.booleans())
def test_credit_equals_its_twin(model, found, lookback, collapse):
    found = [*EVERY, *found]
    j = jn.Journeys.from_table(frame(found))
    result = j.attribution(
        "X", model=model, lookback=f"{lookback}m", repeats="collapse" if collapse else "keep", half_life="3m"
    )
    walks = twin.walks(in_order(found), conversion="X", lookback=lookback, collapse=collapse)
    expected = twin.credit(walks, model=model, half_life=3)
    credit = dict(result.table.filter(pl.col("credit") > 0).select("campaign", "credit").rows())
    assert credit == pytest.approx({touch: one for touch, one in expected.items() if one > 0})
    check_people(result, walks)
    if model != "participation":
        assert result.table["credit"].sum() == pytest.approx(result.settings["conversions"])
    assert result.paths["people"].sum() == len(walks)


def check_people(result, walks):
    """Compare the people and conversions of each touchpoint with the walks that hold it."""
    columns = ["campaign", "touched", "converted", "conversions", "influenced"]
    for touch, people, converted, conversions, influenced in result.table.select(columns).rows():
        have = [walk for walk in walks if touch in walk[1] or (touch == "(none)" and not walk[1] and walk[3])]
        who = {walk[0] for walk in have if walk[3]}
        assert people == len({walk[0] for walk in have})
        assert converted == len(who)
        assert set(result.people(touch, converted=True).people["person"]) == who
        if touch != "(none)":
            assert influenced == sum(walk[3] for walk in have)
            assert conversions == sum(walk[3] for walk in walks if walk[0] in who)


@pytest.mark.parametrize("conversions", ["every", "since the one before"])
@given(
    found=rows(most=18),
    lookback=st.integers(1, 8),
    out=st.sampled_from([[], ["ads"]]),
    model=st.sampled_from(["linear", "time_decay", "shapley", "participation"]),
)
def test_every_conversion_equals_its_twin(conversions, model, found, lookback, out):
    found = [*EVERY, ("a", 0, "A", "ads"), *found]
    result = jn.Journeys.from_table(frame(found)).attribution(
        "X", model=model, lookback=f"{lookback}m", conversions=conversions, leave_out=out, half_life="3m"
    )
    walks = twin.walks(
        in_order(found), conversion="X", lookback=lookback, collapse=True, conversions=conversions, leave_out=out
    )
    expected = twin.credit(walks, model=model, half_life=3)
    credit = dict(result.table.filter(pl.col("credit") > 0).select("campaign", "credit").rows())
    assert credit == pytest.approx({touch: one for touch, one in expected.items() if one > 0})
    check_people(result, walks)
    assert result.settings["conversions"] == sum(walk[3] for walk in walks)
    assert result.paths["conversions"].sum() == result.settings["conversions"]


# Published cases: PostHog/posthog, products/marketing_analytics/backend/hogql_queries/
# test_attribution_table_query_runner.py (MIT, outside ee/); minutes stand for its days.
THREE_TOUCHES = [
    ("p", 0, "visit", "early"),
    ("p", 1, "visit", "middle"),
    ("p", 2, "visit", "late"),
    ("p", 3, "buy", None),
]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", (1, 0, 0)),
        ("last", (0, 0, 1)),
        ("linear", (1 / 3, 1 / 3, 1 / 3)),
        ("time_decay", (1 / 7, 2 / 7, 4 / 7)),
        ("u", (0.4, 0.2, 0.4)),
    ],
)
def test_every_published_model_splits_one_conversion_its_own_way(model, expected):
    j = jn.Journeys.from_table(frame(THREE_TOUCHES))
    table = j.attribution("buy", model=model, lookback="4m", half_life="1m").table
    assert dict(table.select("campaign", "credit").rows()) == pytest.approx(
        dict(zip(["early", "middle", "late"], expected, strict=True))
    )


def test_every_conversion_counts_as_published():
    log = [("p", 0, "visit", "c"), *(("p", minute, "buy", None) for minute in (3, 4, 5))]
    j = jn.Journeys.from_table(frame(log))
    every = j.attribution("buy", conversions="every").table
    assert every.select("campaign", "credit", "converted", "conversions", "influenced").rows() == [("c", 3.0, 1, 3, 3)]
    assert j.attribution("buy").table["credit"].to_list() == [1.0]
    since = j.attribution("buy", conversions="every since the one before")
    assert dict(since.table.select("campaign", "credit").rows()) == {"(none)": 2.0, "c": 1.0}
    assert since.settings["conversions counted"] == "every since the one before"
    assert since.table.equals(j.attribution("buy", conversions="since the one before").table)


def test_conversions_of_the_same_second_stay_separate_as_published():
    log = frame([("p", 0, "visit", "c"), ("p", 3, "buy", None), ("p", 3, "buy", None)])
    log = log.with_columns(amount=pl.Series([None, 100, 100]))
    table = jn.Journeys.from_table(log).attribution("buy", conversions="every", value="amount").table
    assert table.select("conversions", "value", "value_per_conversion").rows() == [(2, 200.0, 100.0)]


def test_leaving_out_direct_shares_its_credit_as_published():
    j = jn.Journeys.from_table(
        frame(
            [("p", 0, "visit", "paid"), ("p", 1, "visit", "Direct"), ("p", 2, "buy", None), ("q", 0, "visit", "Direct")]
        )
    )
    with_direct = j.attribution("buy", model="linear").table
    assert dict(with_direct.select("campaign", "credit").rows()) == {"paid": 0.5, "Direct": 0.5}
    without = j.attribution("buy", model="linear", leave_out=["Direct"]).table
    assert dict(without.select("campaign", "credit").rows()) == {"paid": 1.0}


def invoices(people: int = 60) -> jn.Journeys:
    found = []
    for n in range(people):
        found += [(f"p{n}", 0, "A", ["ads", "spring"][n % 3 == 0]), (f"p{n}", 1, "A", "mail"), (f"p{n}", 2, "X", None)]
    log = frame(found).with_columns(
        amount=pl.when(pl.col("event") == "X").then(pl.int_range(pl.len()) % 7 - 1).cast(pl.Float64),
        currency=pl.when(pl.col("event") == "X").then(pl.lit("eur")),
    )
    return jn.Journeys.from_table(log)


def test_models_are_compared_with_their_intervals():
    a = invoices().attribution("X", value="amount")
    compared = a.compare_models(draws=60, seed=1)
    assert compared.table["model"].n_unique() == 11
    for model in ("first", "markov", "time_decay"):
        single = invoices().attribution("X", model=model, value="amount").table.select("campaign", "credit", "value")
        own = compared.table.filter(pl.col("model") == model).select("campaign", "credit", "value")
        assert dict(own.select("campaign", "credit").rows()) == pytest.approx(
            dict(single.select("campaign", "credit").rows())
        )
        assert dict(own.select("campaign", "value").rows()) == pytest.approx(
            dict(single.select("campaign", "value").rows())
        )
    inside = (pl.col("ci_low") <= pl.col("share") + 1e-9) & (pl.col("share") <= pl.col("ci_high") + 1e-9)
    assert compared.table.select(inside.all()).item()
    assert compared.table.equals(a.compare_models(draws=60, seed=1).table)
    assert not compared.table.equals(a.compare_models(draws=60, seed=2).table)
    # a share of 40 among 60 people: the normal approximation is 2 * 1.96 * sqrt(2/3 * 1/3 / 60) wide
    low, high = a.compare_models(["first"], draws=2000).table.filter(campaign="ads").select("ci_low", "ci_high").row(0)
    assert high - low == pytest.approx(0.2386, rel=0.1)
    assert compared.finding.startswith('"mail" leads under')
    assert a.settings["currency"] == "EUR"
    assert "EUR" in a.plot().data[0].text[0]


def test_a_person_is_drawn_with_all_conversions():
    """With every conversion, one person of many conversions makes an interval as wide as that person weighs."""
    found = [("p", 0, "A", "ads"), *(("p", 1 + n, "X", None) for n in range(30))]
    found += [row for n in range(30) for row in ((f"q{n}", 0, "A", "mail"), (f"q{n}", 1, "X", None))]
    j = jn.Journeys.from_table(frame(found))
    table = j.attribution("X", conversions="every").compare_models(["last"], draws=400).table
    assert table.filter(campaign="ads").select("credit", "ci_low").row(0) == (30.0, 0.0)


def test_costs_give_the_return_on_ad_spend():
    costs = pl.DataFrame({"campaign": ["ads", "ads", "mail", "radio"], "spent": [10, 5, 0, 9]})
    a = invoices().attribution("X", model="first", value="amount").with_costs(costs, cost="spent")
    table = a.table.select("campaign", "credit", "cost", "cost_per_conversion", "roas")
    value = dict(a.table.select("campaign", "value").rows())
    assert table.filter(campaign="ads").row(0) == ("ads", 40.0, 15.0, 15 / 40, value["ads"] / 15)
    assert table.filter(campaign="radio").row(0) == ("radio", 0.0, 9.0, None, 0.0)
    assert table.filter(campaign="spring").row(0)[2:] == (None, None, None)
    assert table["cost"].sum() == costs["spent"].sum()
    figure = a.plot()
    assert "ROAS" in figure.data[0].text[0]
    assert "ROAS: value ÷ cost" in figure.layout.title.text.replace("<br>", " ")
    # what was paid for and brought nothing is drawn, too
    assert "radio" in figure.layout.yaxis.ticktext[-1]
    unvalued = invoices().attribution("X", model="first").with_costs(costs, cost="spent").plot()
    assert unvalued.data[0].text[-1] == "0 · 0% · cost 9.00"
    with pytest.raises(jn.ArgumentError, match=r"costs: 'costs.csv' is not a table; read it first"):
        a.with_costs("costs.csv")
    with pytest.raises(jn.ArgumentError, match="costs: 3 is not a table of 'campaign' and 'cost'"):
        a.with_costs(3)
    with pytest.raises(jn.ArgumentError, match="draws: 1000000000 must be a whole number from 1 to 1,000,000"):
        a.compare_models(draws=10**9)
    with pytest.raises(jn.UnknownNameError, match="costs: no column 'cost'"):
        a.with_costs(costs)
    with pytest.raises(jn.ArgumentError, match="must have a number of 0 or more"):
        a.with_costs(costs.with_columns(spent=-pl.col("spent")), cost="spent")


@given(found=rows(most=18))
def test_markov_equals_a_walk_through_the_chain(found):
    found = [*EVERY, *found]
    result = jn.Journeys.from_table(frame(found)).attribution("X", model="markov", lookback="9m")
    walks = twin.walks(in_order(found), conversion="X", lookback=9, collapse=True)
    effects = twin.removal(walks)
    won = sum(walk[3] for walk in walks if walk[1])
    total = sum(effects.values())
    for touch, credit in result.table.filter(pl.col("campaign") != "(none)").select("campaign", "credit").rows():
        assert credit == pytest.approx(won * effects[touch] / total if total else 0.0, abs=1e-6)


def test_values_are_shared_like_conversions():
    log = frame([("a", 0, "A", "ads"), ("a", 1, "A", "spring"), ("a", 2, "X", None), ("b", 0, "X", None)])
    log = log.with_columns(amount=pl.Series([None, None, 100.0, 7.0]))
    j = jn.Journeys.from_table(log)
    for model in ("linear", "markov", "shapley"):
        table = j.attribution("X", model=model, value="amount").table
        assert dict(table.select("campaign", "value").rows()) == {"ads": 50.0, "spring": 50.0, "(none)": 7.0}
    rates = dict(j.attribution("X").table.select("campaign", "conversion_rate").rows())
    assert rates == {"spring": 1.0, "ads": 1.0, "(none)": None}
    assert j.attribution("X", model="custom", weights=(1, 0, 0), value="amount").table["value"].sum() == 107.0


def test_last_non_direct_passes_over_direct_visits():
    log = frame([("a", 0, "A", "ads"), ("a", 1, "A", "Direct"), ("a", 2, "X", None), ("b", 1, "X", "(direct)")])
    table = jn.Journeys.from_table(log).attribution("X", model="last_non_direct").table
    assert table.filter(pl.col("credit") > 0).select("campaign", "credit").rows() == [("(direct)", 1.0), ("ads", 1.0)]


def test_nobody_converted_is_an_answer():
    log = frame([("a", 0, "A", "ads"), ("a", 1, "X", None)])
    j = jn.Journeys.from_table(log).where(pl.col("event") != "X")
    for model in ("markov", "linear", "shapley"):
        result = j.attribution("X", model=model)
        assert result.finding == 'No one did "X": there is no credit to share.'
        assert result.table.select("credit", "share").row(0) == (0.0, None)


def test_all_invalid_options_are_reported_together():
    j = jn.Journeys.from_table(frame(EVERY))
    with pytest.raises(jn.UnknownNameError, match="by: no column 'campain'; did you mean 'campaign'"):
        j.attribution("X", by="campain")
    with pytest.raises(jn.UnknownNameError, match="goal: no event 'Y'"):
        j.attribution("Y")
    with pytest.raises(jn.ArgumentError) as raised:
        j.attribution("X", model="marcov", repeats="drop", value="event", weights=[1])
    for part in ("did you mean 'markov'", "repeats: 'drop'", "value: column 'event'", "weights: [1] requires"):
        assert part in str(raised.value)
    with pytest.raises(jn.ArgumentError, match="weights: None must be three non-negative numbers"):
        j.attribution("X", model="custom")
    for weights in ([1, nan, 1], [1, inf, 1], [1e308] * 3, ["a", "b", "c"], 3, [0, 0, 0], [1, -1, 1]):
        with pytest.raises(jn.ArgumentError, match=r"weights: .* must be three non-negative numbers"):
            j.attribution("X", model="custom", weights=weights)
    with pytest.raises(jn.UnknownNameError, match="touch: no campaign 'spring'"):
        j.attribution("X").people("spring")


def test_published_weights():
    cases = [case for case in json.loads((PUBLISHED / "vendor_docs.json").read_text()) if case["kind"] == "attribution"]
    assert len(cases) >= 9
    for case in cases:
        model = case["config"]["model"].removeprefix("position_")
        if model == "time_decay":
            days = np.array(case["config"]["days_before"])
            got = weigh_by_age(days, np.array([0]), half_life=case["config"]["half_life_days"]).tolist()
        else:
            got = position_weights(model, touches=case["path"])
        assert got == pytest.approx(case["expected"]["weights"], abs=1e-12), case["name"]


@needs_shared
def test_published_last_touch_of_a_web_shop():
    folder = SHARED / "data/snowplow_fractribution/expected"
    won = pl.read_csv(folder / "snowplow_fractribution_paths_to_conversion_expected.csv")
    lost = pl.read_csv(folder / "snowplow_fractribution_paths_to_non_conversion_expected.csv")
    log = []
    for n, row in enumerate([*won.iter_rows(named=True), *lost.iter_rows(named=True)]):
        touches = row["transformed_path"].split(" > ")
        log += [(f"p{n}", k, "visit", touch) for k, touch in enumerate(touches)]
        if "revenue" in row:
            log.append((f"p{n}", len(touches), "buy", None))
    j = jn.Journeys.from_table(frame(log))
    table = j.attribution("buy", model="last", by="campaign").table
    report = pl.read_csv(folder / "snowplow_fractribution_report_table_expected.csv")
    published = report.filter(pl.col("ATTRIBUTION_TYPE") == "last_touch").select("CHANNEL", "CONVERSIONS")
    assert dict(table.select("campaign", "credit").rows()) == dict(published.rows())
    paths = {" > ".join(path): people for path, people in j.attribution("buy").paths.select("path", "people").rows()}
    summary = pl.read_csv(folder / "snowplow_fractribution_path_summary_expected.csv")
    expected = summary.select("transformed_path", pl.col("conversions") + pl.col("non_conversions"))
    assert paths == dict(expected.rows())


def test_a_touch_spelled_like_the_label_of_no_touch_stays_a_touch():
    log = frame([("a", 0, "A", "(none)"), ("a", 1, "X", None), ("b", 0, "X", None), ("c", 0, "A", "(none)")])
    for model in MODELS:
        result = jn.Journeys.from_table(log).attribution("X", model=model)
        assert dict(result.table.select("campaign", "credit").rows()) == {'"(none)"': 1.0, "(none)": 1.0}
        assert result.people('"(none)"').people["person"].to_list() == ["a", "c"]
        assert result.people("(none)").people["person"].to_list() == ["b"]


def test_values_that_look_like_quoted_labels_stay_apart():
    values = ["(none)", '"(none)"', "(other)", "ads"]
    log = frame([row for at, v in enumerate(values) for row in ((f"p{at}", 0, "A", v), (f"p{at}", 1, "X", None))])
    result = jn.Journeys.from_table(log).attribution("X", by="campaign")
    assert result.table["credit"].sum() == 4
    assert result.table["campaign"].n_unique() == 4
    found = {result.people(touch).people["person"].item() for touch in result.table["campaign"]}
    assert found == {"p0", "p1", "p2", "p3"}


def test_a_range_of_the_credit_leaves_out_full_credit_for_every_touchpoint():
    found = [(f"p{n}", minute, name, what) for n in range(60) for minute, name, what in
             ((0, "A", "ads"), (1, "A", "mail"), (2, "A", "ads"), (3, "X", None))]  # fmt: skip
    a = jn.Journeys.from_table(frame(found)).attribution("X")
    compared = a.compare_models(["linear", "participation"], draws=10)
    assert compared.finding == '"ads" leads under both models, with 67% of the credit.'
    alone = a.compare_models(["participation"], draws=10)
    assert alone.finding == '"ads" leads under 1 of 1 model, with a part in 100% of the conversions.'


def test_conversions_of_few_people_make_no_finding():
    rows = [("p", 0, "visit", "c"), *(("p", minute, "buy", None) for minute in range(1, 60))]
    a = jn.Journeys.from_table(frame(rows)).attribution("buy", conversions="every")
    assert a.settings["conversions"] == 59
    assert a.finding == 'Only 1 person converted to "buy": too few for a finding.'
