"""Attribution against plain loops, published weights and a published data set."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.analyses.attribution.models import decay_weights, position_weights
from tests.logs import frame, in_order, rows
from tests.shared import SHARED, needs_shared
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
    for touch, people, converted in result.table.select("campaign", "touched", "converted").rows():
        have = [walk for walk in walks if touch in walk[1] or (touch == "(none)" and not walk[1] and walk[3])]
        assert people == len(have)
        assert converted == sum(walk[3] for walk in have)
        assert set(result.people(touch, converted=True).people["person"]) == {walk[0] for walk in have if walk[3]}
    if model != "participation":
        assert result.table["credit"].sum() == pytest.approx(result.settings["conversions"])
    assert result.paths["people"].sum() == len(walks)


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
        assert result.finding == "Nobody did X: there is no credit to share."
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
    with pytest.raises(jn.UnknownNameError, match="touch: no campaign 'spring'"):
        j.attribution("X").people("spring")


@needs_shared
def test_published_weights():
    cases = [
        case for case in json.loads((SHARED / "oracles/vendor_docs.json").read_text()) if case["kind"] == "attribution"
    ]
    assert len(cases) >= 9
    for case in cases:
        model = case["config"]["model"].removeprefix("position_")
        if model == "time_decay":
            got = decay_weights(case["config"]["days_before"], half_life=case["config"]["half_life_days"])
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
