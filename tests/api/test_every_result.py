"""What holds for every kind of answer: one table on any engine, a sentence, a picture, no markup out of names."""

import inspect
import json
import re

import polars as pl
import pytest
from hypothesis import given

import journeys as jn
from journeys.result import Result
from tests.every_result import CASES, IDENTITY_CASES, every_log, result_classes
from tests.logs import Row, rows
from tests.test_house import _modules

EVIL = "<img src=x onerror=alert(1)>"


def test_every_kind_of_answer_has_a_case():
    _modules()  # classes are known once their modules are imported
    assert {one.__name__ for one in result_classes()} - {"JourneysResult"} == {*CASES, *IDENTITY_CASES}


@pytest.fixture(scope="module")
def j() -> jn.Journeys:
    found = [(f"p{n}", n % 9, "ABCX"[n % 4], ["ads", "spring", None][n % 3]) for n in range(120)]
    found += [(f"p{n}", 9 + n % 5, "ABX"[n % 3], None) for n in range(120)]
    return jn.Journeys.from_table(every_log(found))


@pytest.mark.parametrize("name", CASES)
@given(found=rows(people="abcde", most=12))
def test_shards_change_no_answer(name, found, tmp_path_factory):
    whole = jn.Journeys.from_table(every_log(found))
    stored = whole.save(tmp_path_factory.mktemp("store"), shards=3)
    one, other = CASES[name](whole), CASES[name](stored)
    assert one.equals(other), (one.table, other.table)
    assert one.finding == other.finding


@pytest.mark.parametrize("name", CASES)
def test_an_answer_is_a_table_a_sentence_and_a_picture(name, j):
    result = CASES[name](j)
    assert type(result).__name__ == name
    assert result.finding.strip().endswith(".")
    assert "nan" not in result.finding.lower().split()
    assert isinstance(result.table, pl.DataFrame)
    assert not [kind for kind in result.table.dtypes if kind in (pl.UInt32, pl.Int32, pl.UInt64, pl.Int128)]
    assert {"people", "events"} <= set(result.settings) or name == "Timeline"
    assert result.finding.split(" ")[0] in result._repr_html_() or result._repr_html_()
    assert len(result.to_pandas()) == result.table.height
    check_picture(result)


def check_picture(result: Result) -> None:
    """Draw a result light and dark, and for a phone where the cell is that narrow."""
    for dark in (False, True):
        fig = result.plot(dark=dark)
        assert fig.layout.template.layout.modebar.remove
        paper = fig.layout.template.layout.paper_bgcolor
        assert (paper == "#ffffff") != dark
        assert not fig.layout.meta["narrow"]
    try:
        jn.options.width = 360
        assert result.plot().layout.meta["narrow"]
    finally:
        jn.options.width = None


@pytest.mark.parametrize("name", IDENTITY_CASES)
def test_what_stitching_shows_is_a_result_like_any_other(name, j):
    result = IDENTITY_CASES[name](j)
    assert type(result).__name__ == name
    assert result.finding.endswith(".")
    assert isinstance(result.table, pl.DataFrame)
    assert result.settings
    assert result.equals(IDENTITY_CASES[name](j))
    assert len(result.to_pandas()) == result.table.height
    assert "<script" not in result._repr_html_()
    check_picture(result)


@pytest.mark.parametrize("name", CASES)
def test_names_are_never_markup(name):
    found = [(f"p{n}", n % 9, "ABCX"[n % 4], ["ads", EVIL, None][n % 3]) for n in range(60)]
    campaign = pl.when(pl.col("campaign") == "spring").then(pl.lit(EVIL)).otherwise("campaign")
    log = every_log(found).with_columns(campaign.alias("campaign"))
    if "C" not in inspect.getsource(CASES[name]).split(":", 1)[1]:
        log = log.with_columns(pl.col("event").replace("C", EVIL))
    result = CASES[name](jn.Journeys.from_table(log))
    assert "<img" not in result._repr_html_()
    drawn = json.loads(result.plot().to_json())
    drawn["layout"].pop("meta", None)  # never displayed
    assert "<img" not in json.dumps(drawn)


@pytest.mark.parametrize("name", CASES)
def test_an_empty_selection_is_an_answer(name, j):
    nobody = j.where(pl.col("event") == "nothing has this name")
    try:
        result = CASES[name](nobody)
    except jn.JourneysError:
        return  # a question about variants or people who are not there is refused in words
    assert result.finding.endswith(".")
    assert result.plot() is not None


NOT_OF_PEOPLE = {"Timeline", "Dictionary", "Activity"}  # one person, names of events, a list of accounts


def make_few(people: int) -> jn.Journeys:
    """Make a log of few people who do much, with patterns that look strong, over three weeks."""
    names = ["a", "b", "c", "y", "z", *(f"p{number}" for number in range(people - 5))]
    found: list[Row] = []
    for place, person in enumerate(names):
        for day in range(21):
            seen = "ABCX" if place % 2 else "AC"
            campaign = "ads" if place % 2 else "spring"
            found += [(person, day * 1440 + minute, name, campaign) for minute, name in enumerate(seen)]
    return jn.Journeys.from_table(every_log(found))


def is_claim(sentence: str) -> bool:
    """Return whether a sentence says more than that there is nothing, or too little, to say."""
    is_refusal = sentence.startswith(("Only ", "No ")) and ": too few for a finding." in sentence
    is_nothing = sentence.startswith(("No ", "None ", "There is no", "There are no"))
    return not (is_refusal or is_nothing or sentence == '"A" and "X" can be compared in fewer than two groups.')


@pytest.mark.parametrize("people", [12, 29])
@pytest.mark.parametrize("name", sorted(set(CASES) - NOT_OF_PEOPLE))
def test_few_people_are_no_finding(name, people):
    few = make_few(people)
    assert few.size.people == people
    assert not is_claim(CASES[name](few).finding)


@pytest.mark.parametrize("count", ["sessions", "entries"])
def test_many_sessions_of_few_people_are_no_finding(count):
    funnel = make_few(12).funnel(["A", "C", "X"], count=count, within="1h")
    assert funnel.table[count][0] > 30
    answers = (
        funnel,
        funnel.compare(make_few(12)),
        funnel.trend(every="2w"),
        funnel.times(),
        funnel.time_to_convert(),
        funnel.converted_within(),
    )
    for result in answers:
        assert not is_claim(result.finding), result.finding
    assert funnel.worst_step is None
    assert funnel.largest_loss is None


@pytest.mark.parametrize("name", CASES)
def test_names_of_events_are_in_double_quotes(name, j):
    result = CASES[name](j)
    head = result.plot().layout.meta or {}
    for text in (result.finding, head.get("title", ""), head.get("subtitle", "")):
        assert not re.search(r'(?<!["\w])[BCX](?!["\w])', text.replace("A or B", "").replace("A / B", ""))
