"""The campaign report: the planted findings of the sample data are stated, and thin logs get an answer too."""

from __future__ import annotations

import re

import plotly.graph_objects as go
import polars as pl
import pytest

import journeys as jn
from journeys import samples
from journeys.display import render_html_table
from journeys.errors import ArgumentError, UnknownNameError
from journeys.report import campaign_report

STEPS = ["Loaded a Page", "Signed Up", "Created Project", "Upgraded Plan"]


@pytest.fixture(scope="module")
def report():
    return campaign_report(samples.load_journeys(), goal=STEPS[-1], steps=STEPS, within="30d", title="Tidy Boards")


def test_the_planted_findings_are_reported(report):
    stated = [one.sentence for one in report.findings]
    assert 3 <= len(stated) <= 5
    campaign, behaviour, around, stopped = stated[:4]
    assert "spring_giveaway" in campaign
    assert '11% went on to "Created Project"' in campaign
    assert '50 people hit "Saw Error" after "Signed Up": none of them went on to "Created Project"' in stopped
    assert "error_code PROJECT-500 (all 50, but none of" in stopped
    assert "browser Safari (all 50, but" in stopped
    assert "the period 4 to 24 May 2026" in stopped
    assert behaviour.startswith('"Connected Calendar" goes with reaching "Upgraded Plan": 76% of the 122 people')
    assert "35 of the 149 people" in around
    assert "Viewed Template" in around


def test_known_means_the_same_everywhere(report):
    who = report.sections[-1]
    assert "1,217 of them known by their user id" in who.finding
    assert "1,217 of the 5,024 people (24%) are known by their user id" in who.reading
    assert "1,507 have an email address" in who.reading
    written = samples.sample_path("README.md").read_text(encoding="utf-8")
    assert "1,217 of them have a `user_id` (the library calls these known), 1,507 an email address" in written


def test_rates_of_groups_are_all_percents(report):
    campaigns = next(section for section in report.sections if section.name == "campaigns")
    shown = render_html_table(campaigns.table.filter(pl.col("step") > 1))
    assert "0." not in re.sub("<[^>]*>|[0-9.]+%|[0-9.]+ (hours|days|minutes)", " ", shown)


def test_what_a_chart_says_in_its_subtitle_is_not_lost_with_it(report):
    campaigns = next(section for section in report.sections if section.name == "campaigns")
    assert campaigns.reading.endswith("in brackets, how many entered. Grey, hollow: fewer than 30 people.")


def test_each_rate_of_the_numbers_has_its_interval_beside_it(report):
    campaigns = next(section for section in report.sections if section.name == "campaigns")
    page = render_html_table(campaigns.table, columns=campaigns.columns, style=False)
    heads = re.findall(r"<th[^>]*>([^<]*)</th>", page)
    assert heads[0] == "first campaign"
    assert heads[5:11] == ["rate from start", "ci low", "ci high", "rate from previous", "rate low", "rate high"]


def test_figures_that_need_it_are_explained_beside_their_table(report):
    counted = {section.name: section.method for section in report.sections}
    assert "position 0 is the first column" in counted["flow"]
    assert "the conversion rate is that of all people who took the link" in counted["flow"]
    assert "a did both, b only the behaviour, c only converted, d neither" in counted["correlation"]


def test_a_picture_is_printed_as_wide_as_its_words_need(report):
    page = report.html()
    assert "layout.width=Math.max(onPaper?A4:room,form.least||0);" in page
    assert 'box.style.zoom=onPaper?ZOOM*A4/layout.width:"";' in page


def test_the_columns_of_a_correlation_leave_room_for_its_scale(report):
    picture = next(section for section in report.sections if section.name == "correlation").pictures[0]
    assert picture.least - picture.wide.layout.margin.r > 400


def test_an_event_has_one_colour_in_the_report_and_out_of_it(report):
    def painted(figure: go.Figure) -> dict[str, str]:
        nodes = figure.data[0].node
        names = (str(label).rsplit("<br>", 1)[0] for label in nodes.label)
        return dict(zip(names, nodes.color, strict=True))

    section = next(section for section in report.sections if section.name == "flow")
    alone = samples.load_journeys().flow(end=STEPS[-1]).plot()
    assert painted(section.pictures[0].wide) == painted(alone)


def test_apparent_findings_are_not_reported(report):
    stated = " ".join(one.sentence for one in report.findings)
    assert "Single Sign-On" not in stated
    assert "Became Customer" not in stated
    assert "Received Announcement" not in stated


def test_each_question_has_its_section(report):
    assert [s.name for s in report.sections] == [
        "funnel",
        "campaigns",
        "attribution",
        "flow",
        "correlation",
        "identity",
    ]
    assert "exposure=" not in " ".join(section.reading for section in report.sections), "code is for notebooks"
    for section in report.sections:
        assert section.pictures
        assert section.finding
        assert section.reading
        assert section.limits
        assert section.table is not None


def test_no_word_of_causes(report):
    page = report.html().split("<script")[0].lower()
    assert " causes" not in page
    assert " drives" not in page


def log(*rows: tuple[str, int, str]) -> jn.Journeys:
    frame = pl.DataFrame(
        {
            "person": [r[0] for r in rows],
            "timestamp": [f"2026-03-{r[1]:02}" for r in rows],
            "event": [r[2] for r in rows],
        },
        schema={"person": pl.String, "timestamp": pl.String, "event": pl.String},
    )
    return jn.Journeys.from_table(frame)


@pytest.mark.parametrize(
    "rows",
    [
        [("a", 1, "Visit"), ("a", 2, "Buy")],
        [("a", 1, "Visit"), ("b", 1, "Visit"), ("b", 2, "Buy")],
        [("a", 1, "Buy"), ("b", 1, "Visit")],
        [("a", 1, "Buy" * 200), ("a", 2, "Visit"), ("a", 3, "Buy")],
        [],
    ],
)
def test_a_thin_log_has_a_report(rows):
    report = campaign_report(log(*rows), goal="Buy", steps=["Visit", "Buy"])
    assert report.findings
    assert "</html>" in report.html()


def test_names_that_look_like_markup_stay_text():
    evil = "<img src=x>"
    report = campaign_report(log(("a", 1, evil), ("a", 2, "Buy"), ("b", 1, evil)), goal="Buy", steps=[evil, "Buy"])
    assert "<img" not in report.html().split("<script>")[0]


def test_an_unknown_step_gets_the_closest_name():
    with pytest.raises(UnknownNameError, match="did you mean 'Visit'"):
        campaign_report(log(("a", 1, "Visit"), ("a", 2, "Buy")), goal="Buy", steps=["Visitt", "Buy"])
    with pytest.raises(ArgumentError, match="steps: a funnel needs at least two steps, got \\['Buy'\\]"):
        campaign_report(log(("a", 1, "Buy")), goal="Buy", steps=["Buy"])


def test_a_value_shows_what_campaigns_are_worth():
    rows = [(f"p{n}", day, event) for n in range(40) for day, event in ((1, "Visit"), (2, "Paid"))]
    log = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row").select(
        "person",
        "event",
        timestamp=pl.lit("2026-03-0") + pl.col("day").cast(pl.String),
        campaign=pl.when(pl.col("event") == "Visit").then(pl.lit("spring")),
        amount=pl.when(pl.col("event") == "Paid").then(25),
    )
    report = jn.Journeys.from_table(log).report(steps=["Visit", "Paid"], value="amount", sections=["attribution"])
    assert report.sections[0].finding.endswith("worth 1,000.")


def test_attribution_without_campaigns_says_so_in_one_sentence():
    """No table of "(none)": 60 people convert, and no event names a campaign, or only one long before."""
    rows = [(f"p{n}", day, event) for n in range(60) for day, event in ((1, "Visit"), (2, "Buy"))]
    base = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row").select(
        "person", "event", timestamp=pl.lit("2026-03-0") + pl.col("day").cast(pl.String)
    )
    without = jn.Journeys.from_table(base.with_columns(campaign=pl.lit(None, pl.String)))
    early = pl.DataFrame({"person": ["p1"], "event": ["Visit"], "timestamp": ["2025-03-01"], "campaign": ["old"]})
    long_before = jn.Journeys.from_table(pl.concat([base, early], how="diagonal"))
    for journeys, why in (
        (without, "the data names no campaign"),
        (long_before, 'none was touched in the 30 days before the 60 conversions to "Buy"'),
    ):
        report = journeys.report(steps=["Visit", "Buy"])
        section = next(one for one in report.sections if one.name == "attribution")
        assert section.finding == f"No campaign gets credit: {why}."
        assert section.table is None
        assert not section.pictures
