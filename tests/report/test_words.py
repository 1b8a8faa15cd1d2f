"""What a report says: about whom, in words for its readers, and the same everywhere on the page."""

from __future__ import annotations

import inspect
import re

import polars as pl
import pytest

import journeys as jn
from journeys.cli import questions
from journeys.report import make_section
from journeys.report.explanations import explain_result
from tests.every_result import CASES, as_accounts, every_log


@pytest.fixture(scope="module")
def everything() -> jn.Journeys:
    found = [(f"p{n}", n % 9, "ABCX"[n % 4], ["ads", "spring", None][n % 3]) for n in range(120)]
    return jn.Journeys.from_table(every_log(found))


@pytest.fixture(scope="module")
def shop() -> jn.Journeys:
    """Return 200 people: half see the shop in April and half in May; fewer buy in May, most of those from ads."""
    rows = []
    for n in range(200):
        month, campaign = ("04" if n < 100 else "05"), ("ads" if n % 4 else "mail")
        name = "April" if n < 100 else "May"
        rows.append((f"p{n}", f"2026-{month}-{n % 27 + 1:02}T08:00", "Visit", campaign, name))
        if n % 10 < (8 if n < 100 else 3):
            rows.append((f"p{n}", f"2026-{month}-{n % 27 + 1:02}T09:00", "Buy", None, name))
    columns = ["person", "timestamp", "event", "campaign", "month"]
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=columns, orient="row"))


def visible(page: str) -> str:
    """Return the words of a page, without scripts, styles and the code that makes it again."""
    return re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|pre).*?</\1>", "", page, flags=re.DOTALL))


@pytest.mark.parametrize("name", CASES)
def test_each_kind_of_answer_has_words_of_its_own(name, everything):
    words = explain_result(CASES[name](everything))
    assert words.question.endswith("?")
    assert words.reading
    assert words.limits
    assert not re.search(r"\b[a-z]+=", words.reading + words.limits + words.method), "code is for notebooks"


def test_two_periods_are_compared_with_their_people_and_dates(shop):
    report = shop.report(steps=["Visit", "Buy"], within="5d", entered=("2026-05-01", "2026-06-01"))
    finding = next(one for one in report.findings if one.section == "comparison")
    assert finding.sentence.startswith(
        '31% of the 80 people who entered from 1 to 31 May 2026 reached "Buy", against 80% of the 100 who entered '
        "from 1 to 30 April 2026: −48.8 points ("
    )
    assert finding.sentence.endswith(" 20 entered too late to be followed as long, and are left out.")
    assert finding.people == 80
    section = next(one for one in report.sections if one.name == "comparison")
    assert finding.sentence.startswith(section.finding)
    assert section.reading.endswith(" 20 entered too late to be followed as long, and are left out.")
    assert report.lead.startswith("30 of 100 people (30%) who entered from 1 to 31 May 2026 went from")
    assert (
        ", 30 of them after going through all earlier steps, each step within 5 days of the first and entering"
        in report.lead
    )
    funnel = next(one for one in report.sections if one.name == "funnel")
    assert funnel.definition.endswith("people who entered from 1 to 31 May 2026.")
    for one in report.findings:
        if one.section in {"funnel", "campaigns"}:
            assert "Counted: who entered from 1 to 31 May 2026." in one.sentence


def test_two_selections_are_compared_with_the_people_of_both(shop):
    mail, ads = (shop.only(pl.col("first_campaign") == name) for name in ("mail", "ads"))
    report = mail.between("2026-05-01", None).report(steps=["Visit", "Buy"], against=ads, sections=["comparison"])
    assert report.findings[0].sentence == "Only 25 people on the smaller side: too few for a finding."
    report = shop.between("2026-05-01", None).report(
        steps=["Visit", "Buy"], against=shop.between(None, "2026-05-01"), sections=["comparison"]
    )
    assert report.findings[0].sentence.startswith(
        '30% of the 100 people in this report reached "Buy", against 80% of the 100 with whom they are compared: −50.0'
    )
    assert "# against: 100 people, 180 events" in report.code


@pytest.mark.parametrize("sides", [("Ads", "Mail"), ("Ads",), "Ads", (1, 2)])
def test_names_of_sides_are_two_and_need_a_comparison(shop, sides):
    with pytest.raises(jn.ArgumentError, match="sides: "):
        shop.report(steps=["Visit", "Buy"], sides=sides)


def test_a_condition_splits_the_people_of_a_report_and_both_sides_have_names(shop):
    is_mail = pl.col("first_campaign") == "mail"
    options = {"steps": ["Visit", "Buy"], "sections": ["funnel", "comparison"]}
    split = shop.report(**options, against=is_mail, sides=("Ads", "Mail"))
    chosen = shop.only(~is_mail).report(**options, against=shop.only(is_mail))
    for one, other in zip(split.sections, chosen.sections, strict=True):
        assert one.table.equals(other.table)
    assert '"Ads" minus "Mail", in points' in split.sections[1].definition
    with pytest.raises(jn.UnknownNameError, match="against: no column 'first_campain'"):
        shop.report(**options, against=pl.col("first_campain") == "mail")


def test_a_comparison_of_groups_names_the_group(shop):
    ads = shop.report(sections=[shop.funnel(["Visit", "Buy"], by="first_campaign").compare()]).findings[0].sentence
    assert ads == "No rate differs beyond chance."
    found = shop.report(sections=[shop.funnel(["Visit", "Buy"], by="month").compare()]).findings[0]
    assert found.sentence.startswith(
        '80% of the 100 people in "April" reached "Buy", against 30% of the 100 others: +50'
    )
    assert found.people == 100


def test_accounts_are_never_called_people():
    rows = [(f"p{n}", n % 9, name, ["ads", "spring"][n % 2]) for n in range(90) for name in ("A", "B")[: 1 + n % 2]]
    accounts = as_accounts(jn.Journeys.from_table(every_log(rows)))
    every = [make(accounts) for name, make in CASES.items() if name in {"Trend", "Lifecycle", "Stickiness", "Dropoff"}]
    report = accounts.report(steps=["A", "B"], within="1h", sections=["funnel", "exits", "campaigns", "flow", *every])
    words = visible(report.html())
    assert "accounts" in words
    assert not re.findall(r"[^.]*\b(?:people|person|persons|everyone|somebody)\b[^.]*", words)
    assert "an accounts" not in words
    assert "accounts who " not in words


def test_findings_on_a_page_name_no_options():
    """A reader cannot ask again: advice on what to type is for whoever asks, in a notebook."""
    rows = [(f"p{n}", day, event) for n in range(60) for day, event in ((1, "Visit"), (2, "Buy"))]
    log = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row").select(
        "person", "event", timestamp=pl.lit("2026-03-0") + pl.col("day").cast(pl.String), page=pl.lit("/buy")
    )
    found = jn.Journeys.from_table(log).last_before("Buy", of="page")
    assert "skip=" in found.finding
    section = make_section(found)
    assert section.finding
    assert "=" not in section.finding


def test_the_code_keeps_the_names_of_the_log(shop):
    page = shop.report(steps=["Visit", "Buy"], names={"Buy": "Bought"}, title="T", colours={"goal": "#7a1fa2"}).html()
    code = re.search(r"<pre>(.*?)</pre>", page, re.DOTALL)[1].replace("&#39;", "'")
    assert "steps=['Visit', 'Buy']," in code
    assert "names={'Buy': 'Bought'}," in code
    assert "colours={'goal': '#7a1fa2'}," in code


def test_what_is_asked_twice_has_two_names(shop):
    code = shop.report(sections=[shop.trend("Visit"), shop.trend("Buy"), "# A text\nOf ours."]).code
    assert "sections=[trend, trend_2, " in code


def test_one_rule_says_which_step_is_the_worst(shop):
    """The report, the chart and the command ask the funnel; none of them has a rule of its own."""
    counts = (400, 200, 90, 50)
    rows = [(f"p{n}", f"2026-03-01T0{k}:00", "ABCD"[k]) for k in range(4) for n in range(counts[k])]
    log = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    funnel = log.funnel([*"ABCD"])
    assert funnel.worst_step == 2
    assert funnel.largest_loss == '55% of people who reached "B" did not go on to "C": 110 of 200.'
    assert log.funnel([*"ABCD"], within="1d").largest_loss == (
        '55% of people who reached "B" did not go on to "C" within 1 day: 110 of 200.'
    )
    report = log.report(steps=[*"ABCD"], sections=["funnel"])
    assert report.sections[0].finding == funnel.largest_loss
    losses = [str(text) for trace in funnel.plot().data for text in trace.text or () if " lost" in str(text)]
    assert [text for text in losses if "<b>" in text] == [losses[1]]
    assert "110 lost" in losses[1]
    assert "largest_loss" in inspect.getsource(questions)


def test_a_page_about_a_part_says_that_more_was_read():
    seen = pl.DataFrame(
        {"at": ["2026-03-01", "2026-03-02", "2026-03-03"], "user_id": ["ann", "ann", "bob"], "event": ["A", "B", "A"]}
    )
    j = jn.stitch(jn.read_table(seen, timestamp="at", event="event", ids=["user_id"], name="web"))
    whole, part = (one.report(steps=["A", "B"]).sections[-1] for one in (j, j.only(jn.did("B"))))
    assert "the report is about" not in whole.definition
    assert part.definition.endswith("the report is about 1 person and 2 events of it.")
    assert "user_id" not in "".join((whole.finding, whole.definition, whole.reading, whole.method))


def test_a_report_of_few_people_claims_nothing():
    found = [(f"p{n}", f"2026-03-{n + 1:02}T0{k}:00", "ABC"[k]) for n in range(12) for k in range(3) if n % (2**k) == 0]
    j = jn.Journeys.from_table(pl.DataFrame(found, schema=["person", "timestamp", "event"], orient="row"))
    sections = ["funnel", "comparison", "exits", "campaigns", "flow", "correlation", "retention"]
    report = j.report(steps=["A", "B", "C"], within="7d", sections=sections, entered=("2026-03-07", "2026-03-13"))
    assert report.lead.startswith('Only 6 people entered at "A": too few for a finding.')
    assert [one.section for one in report.findings] == ["funnel", "comparison"]
    assert report.findings[1].sentence.startswith(
        "There is nothing to compare: on one side, the data ends before anyone had the whole time to convert."
    )
    assert "largest loss" not in visible(report.html())
    assert all(one.finding.startswith(("Only", "There is nothing")) for one in report.sections)
    without_steps = j.report(goal="C")
    assert without_steps.findings == ()
    assert [one.name for one in without_steps.sections] == ["flow", "correlation"]
