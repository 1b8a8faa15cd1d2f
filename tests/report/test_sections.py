"""Which sections a report has, in which order, and what it refuses."""

from __future__ import annotations

import polars as pl
import pytest

import journeys as jn
from journeys.errors import ArgumentError
from journeys.report import Section


@pytest.fixture(scope="module")
def log() -> jn.Journeys:
    rows = [(f"p{n}", f"2026-03-{n % 20 + 1:02}", "Visit") for n in range(90)]
    rows += [(f"p{n}", f"2026-03-{n % 20 + 2:02}", "Buy") for n in range(30)]
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))


def test_sections_come_in_the_order_given(log):
    own = Section(name="own", question="What next?", finding="We try two things.")
    retention = log.retention(start="Visit", every="1w")
    report = log.report(steps=["Visit", "Buy"], sections=["flow", retention, own, "funnel"])
    assert [section.name for section in report.sections] == ["flow", "retention-2", "own", "funnel"]
    assert report.sections[1].finding == retention.finding
    assert report.sections[1].definition
    assert {finding.section for finding in report.findings} <= {"flow", "funnel", "retention-2"}
    page = report.html()
    assert 'id="retention-2-0"' in page
    assert "We try two things." in page


def test_a_named_section_that_the_journeys_cannot_have_is_left_out(log):
    assert [s.name for s in log.report(steps=["Visit", "Buy"], sections=["campaigns", "funnel"]).sections] == ["funnel"]


def test_the_report_says_which_sections_have_no_answer(log):
    asked = ["campaigns", "comparison", "attribution", "identity", "funnel"]
    report = log.report(steps=["Visit", "Buy"], sections=asked)
    assert report.left_out == (
        'Not in this report: "campaigns", since no one has a first campaign; "comparison", since neither other people '
        'nor a period with a start and an end are given to compare with; "attribution", since the data has no '
        'campaigns; "identity", since person ids were known from the start.'
    )
    page = report.html()
    assert "since no one has a first campaign" in page
    rows = log.events.collect().with_columns(campaign=pl.lit("ads"))
    one = jn.Journeys.from_table(rows).report(steps=["Visit", "Buy"], sections=["campaigns"])
    assert one.left_out.endswith('"campaigns", since everyone in the funnel has the same first campaign.')
    # what was not asked for is not missed
    assert not log.report(steps=["Visit", "Buy"]).left_out
    assert "Not in this report" not in log.report(steps=["Visit", "Buy"]).html()


def test_what_cannot_be_a_section_or_goal_is_refused(log):
    with pytest.raises(ArgumentError, match="sections: no section 'funel'; did you mean 'funnel'"):
        log.report(steps=["Visit", "Buy"], sections=["funel"])
    with pytest.raises(ArgumentError, match=r"sections: int must be a name, a result, a Section, a figure"):
        log.report(steps=["Visit", "Buy"], sections=[7])
    with pytest.raises(ArgumentError, match="goal: 'Visit' must be the last step, which is 'Buy'"):
        log.report(steps=["Visit", "Buy"], goal="Visit")


def test_the_funnels_own_steps_are_no_finding():
    rows = []
    for n in range(400):
        rows.append((f"p{n}", "2026-03-01T00:00", "Visit"))
        if n % 2:
            rows.append((f"p{n}", f"2026-03-01T0{n % 9}:30", "Open Cart"))
        if n % 4 == 1:
            rows.append((f"p{n}", "2026-03-02T00:00", "Buy"))
    log = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    report = log.report(steps=["Visit", "Open Cart", "Buy"])
    assert not any(finding.section == "correlation" for finding in report.findings)
    assert '"Open Cart" goes with' in log.correlation("Buy").finding
    heading = log.report(goal="Buy", sections=["correlation"]).sections[0].finding
    assert heading.startswith('No one reached "Buy" without "Open Cart"; apart from such steps')
