"""Every kind of answer becomes a section by itself, and every section reaches the page, the sheet and the paper."""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile

import plotly.graph_objects as go
import polars as pl
import pytest

import journeys as jn
from journeys.analyses.sample_size import NoFinding
from journeys.errors import ArgumentError, JourneysError
from journeys.report import Finding, Report, Section, make_section, text_section
from journeys.report.browser import find_browser
from journeys.report.markdown import render_markdown
from journeys.report.ranking import rank_findings, weigh_finding
from tests.every_result import CASES, IDENTITY_CASES, as_accounts, every_log

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def j() -> jn.Journeys:
    found = [(f"p{n}", n % 9, "ABCX"[n % 4], ["ads", "spring", None][n % 3]) for n in range(120)]
    found += [(f"p{n}", 9 + n % 5, "ABX"[n % 3], None) for n in range(120)]
    return jn.Journeys.from_table(every_log(found))


@pytest.mark.parametrize("name", CASES)
def test_every_kind_of_answer_is_a_section(name, j):
    result = CASES[name](j)
    section = make_section(result)
    assert section.question
    assert section.finding == result.finding
    assert section.definition
    assert "no events" not in section.definition
    assert section.table is not None
    assert set(section.columns) & set(section.table.columns) or not section.columns
    assert section.pictures[0].narrow is not None
    report = j.report(sections=[result])
    assert report.sections[0].name == f"{name.lower()}-1"
    page = report.html()
    assert f'id="{name.lower()}-1-0"' in page
    assert "How this report was made" in page


@pytest.mark.parametrize("name", IDENTITY_CASES)
def test_what_stitching_found_is_a_section(name, j):
    result = IDENTITY_CASES[name](j)
    section = make_section(result)
    assert section.question.endswith("?")
    assert section.finding == result.finding
    assert section.definition.endswith(".")
    assert section.reading
    assert section.limits
    assert section.method
    assert section.table is not None
    assert not {"id", "device"} & set(section.table.columns), "no list of everybody's identifiers"
    report = as_accounts(j).report(sections=[result])
    assert report.sections[0].name == f"{name.lower()}-1"
    assert report.sections[0].finding == result.finding, "identifiers belong to people, in a report about accounts too"
    assert report.sections[0].reading == section.reading
    assert f'id="{name.lower()}-1-0"' in report.html()


_OF_FEW = {
    # they say what there is, or that nothing stands out, which is true of few people, too
    *("Activity", "CorrelationComparison", "Correlations", "DifferenceExplanation", "Dictionary", "Resonance"),
    *("StepAssociations", "Stratified", "StratifiedCorrelations", "StratumTrend", "Timeline"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_finding_knows_that_it_rests_on_too_few_people(name):
    """No text is read to know it: 14 people, of whom some are called "too few for a finding."."""
    few = [(f"p{n}", n % 9, "ABCX"[n % 4], ["ads", "too few for a finding.", None][n % 3]) for n in range(9)]
    few += [(f"p{n}", 9 + n % 5, "ABX"[n % 3], None) for n in range(9)]
    j = jn.Journeys.from_table(every_log(few))
    result = CASES[name](j)
    assert isinstance(result.finding, NoFinding) == (name not in _OF_FEW)
    assert getattr(result.finding, "people", 0) < 30
    assert not j.report(sections=[result]).findings


def test_a_report_of_all_kinds_of_answers_can_be_sent_by_mail(j, tmp_path):
    """Nearly all of it is the library that draws the charts, 4.8 MB."""
    file = j.report(steps=["A", "B"], sections=[make(j) for make in CASES.values()]).write(tmp_path / "all.html")
    assert file.stat().st_size < 5_500_000


def test_the_analyst_chooses_orders_and_comments(j, tmp_path):
    figure = go.Figure(go.Bar(x=["a"], y=[1]))
    spent = pl.DataFrame({"week": ["=1+1", EVIL], "spent": [200, 300]})
    logo = tmp_path / "logo.svg"
    logo.write_text('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
    report = j.report(
        steps=["A", "B"],
        title="Ours",
        sections=[
            make_section(j.trend("A", every="1d"), name="visits", question="Who came?", comment="Only **web**."),
            "# What we did\nWe stopped the [giveaway](https://a.example).",
            make_section(spent, name="spent", question="What did we spend?"),
            figure,
            "funnel",
        ],
        names={"A": "Came <by>", "B": "Bought"},
        logo=logo,
        colours={"goal": "#7A1FA2"},
    )
    assert [one.name for one in report.sections] == ["visits", "text-2", "spent", "figure-4", "funnel"]
    page = report.html()
    own = re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)
    assert "Who came?" in own
    assert "<strong>web</strong>" in own
    assert "<h2>What we did</h2>" in own
    assert "Came &lt;by&gt;" in own
    assert '"A"' not in re.sub(r"<pre>.*?</pre>", "", own, flags=re.DOTALL).replace("&#34;", '"')
    assert "<img src=x" not in own
    assert own.count("<img ") == 1, "the logo, as an image, which runs no script"
    assert "--goal:#7a1fa2" in own
    assert '"#0b57d0":"#7a1fa2"' in page
    with zipfile.ZipFile(report.xlsx(tmp_path / "a.xlsx")) as book:
        texts = book.read("xl/sharedStrings.xml").decode()
    assert "Came &lt;by&gt;" in texts
    assert "<t>A</t>" not in texts


def test_text_is_never_a_formula(j, tmp_path):
    spent = pl.DataFrame({"week": ["=1+1"], "spent": [200]})
    path = j.report(sections=[make_section(spent, name="spent")]).xlsx(tmp_path / "a.xlsx")
    assert oct(path.stat().st_mode)[-3:] == "600"
    with zipfile.ZipFile(path) as book:
        sheets = "".join(book.read(name).decode() for name in book.namelist() if "worksheets" in name)
        assert "=1+1" in book.read("xl/sharedStrings.xml").decode()
    assert "<f>" not in sheets


@pytest.mark.skipif(find_browser() is None, reason="no browser is installed")
def test_it_prints(tmp_path):
    report = Report(title="x", period="", lead="", findings=(), sections=(text_section("Some *words*.", name="text"),))
    path = report.pdf(tmp_path / "a.pdf")
    assert path.read_bytes().startswith(b"%PDF")
    assert oct(path.stat().st_mode)[-3:] == "600"


def test_paper_has_what_can_be_used_on_paper(j):
    """Code to copy is for the screen; a table that is cut says so above, where no page can break in between."""
    page = j.report(steps=["A", "B"], sections=[j.transitions()]).html()
    assert '<details class="on-screen"><summary>The code that makes it again' in page
    assert ".on-screen{display:none}" in page
    assert '<summary>The numbers<span class="printed">: the first 12 rows; the page on a screen has more</span>' in page


@pytest.mark.skipif(find_browser() is None, reason="no browser is installed")
def test_a_browser_draws_the_page_under_its_own_policy(j, tmp_path):
    """The policy allows no request at all: what is drawn came with the file."""
    file = j.report(steps=["A", "B"], sections=["funnel"]).write(tmp_path / "a.html")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [find_browser(), *options, "--virtual-time-budget=3000", "--dump-dom", file.as_uri()]
    page = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert 'data-drawn="yes"' in page
    assert "main-svg" in page
    assert "default-src 'none'" in page
    addresses = set(
        re.findall(
            r"""(?:src|href|action)=["']?(https?:[^"' >]*)""", re.sub(r"<script.*?</script>", "", page, flags=re.S)
        )
    )
    assert not addresses


def test_without_a_browser_the_old_file_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr("journeys.report.browser._PLACES", ())
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    report = Report(title="x", period="", lead="", findings=(), sections=())
    old = tmp_path / "a.pdf"
    old.write_text("old")
    with pytest.raises(ArgumentError, match=r"pdf: printing needs Chromium, .*\.write\("):
        report.pdf(old)
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "nothing"))
    with pytest.raises(JourneysError, match="could not print the page"):
        report.pdf(old)
    assert old.read_text() == "old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.pdf"]


def test_what_cannot_be_used_is_refused(j, tmp_path):
    with pytest.raises(ArgumentError, match="steps: name the funnel's steps, a goal, or the sections"):
        j.report()
    with pytest.raises(ArgumentError, match="sections: 'funnel' needs steps="):
        j.report(sections=["funnel"])
    with pytest.raises(ArgumentError, match="sections: 'flow' needs goal=… or steps="):
        j.report(sections=["flow"])
    with pytest.raises(ArgumentError, match=r"goal: 'A' must be the last step, which is 'B'; add it to the steps\."):
        j.report(steps=["A", "B"], goal="A")
    with pytest.raises(ArgumentError, match="colours: no role 'gaol'; did you mean 'goal'"):
        j.report(steps=["A", "B"], colours={"gaol": "#000000", "worse": "red"})
    with pytest.raises(ArgumentError, match="logo: 'a.txt' must be a file that ends in"):
        j.report(steps=["A", "B"], logo=tmp_path / "a.txt")
    with pytest.raises(ArgumentError, match="cannot be read: No such file"):
        j.report(steps=["A", "B"], logo=tmp_path / "a.png")


def test_a_goal_alone_has_a_report(j):
    names = [one.name for one in j.report(goal="X").sections]
    assert names == ["attribution", "flow", "correlation"]


def test_two_selections_are_compared(j):
    ads = j.only(pl.col("first_campaign") == "ads")
    report = j.report(steps=["A", "B"], against=ads, sections=["comparison"])
    assert report.sections[0].question == "Did one side get further than the other?"
    names = [one.name for one in j.report(steps=["A", "B"], within="4m", entered=("2026-03-01", "2026-03-02")).sections]
    assert names[:2] == ["funnel", "comparison"]


def test_who_left_is_listed_without_what_names_them(j):
    section = j.report(steps=["A", "B"], sections=["exits"]).sections[0]
    assert section.columns[0] == "person"
    assert not {"email", "user_id"} & set(section.columns)


def test_the_report_says_what_it_was_made_of(j):
    one, other = (j.report(steps=["A", "B"], within="4m", sections=["funnel", j.trend("A")]) for _ in range(2))
    assert one.data == other.data
    assert one.data != j.where(pl.col("event") != "X").report(steps=["A", "B"], sections=["funnel"]).data
    assert "steps=['A', 'B']," in one.code
    assert "within='4m'," in one.code
    assert "sections=['funnel', trend]," in one.code


def test_numbers_that_seem_to_contradict_are_reconciled():
    rows = [(f"p{n}", "2026-03-01", "Visit") for n in range(90)]
    rows += [(f"p{n}", "2026-03-02" if n < 40 else "2026-02-01", "Buy") for n in range(60)]
    log = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    report = log.report(steps=["Visit", "Buy"])
    said = '60 people did "Buy" at some point, 40 of them after going through all earlier steps'
    assert said in report.lead
    assert said in report.sections[0].reading
    assert "at some point" not in log.between("2026-03-01", None).report(steps=["Visit", "Buy"]).lead


def test_findings_are_ranked_by_size_people_and_certainty():
    def finding(people: int, low: float | None, high: float | None) -> Finding:
        return Finding(f"{people} {low}", "a", people=people, low=low, high=high)

    large, many, chance, few = (
        finding(100, 0.4, 0.6),
        finding(1000, -0.2, -0.1),
        finding(9000, -0.1, 0.1),
        finding(29, 0.9, 1),
    )
    plain = Finding("It is so.", "a")
    assert rank_findings([plain, chance, few, large, many]) == [many, large, plain, chance]
    assert weigh_finding(many) == pytest.approx(100)
    # wider intervals, smaller effects and fewer people each weigh less
    assert weigh_finding(finding(100, 0.3, 0.7)) < weigh_finding(large)
    assert weigh_finding(finding(100, 0.3, 0.5)) < weigh_finding(large)
    assert weigh_finding(finding(90, 0.4, 0.6)) < weigh_finding(large)


def test_a_behaviour_that_every_converter_did_does_not_lead():
    rows = []
    for n in range(400):
        rows.append((f"p{n}", "2026-03-01T00:00", "Visit"))
        if n % 2:
            rows.append((f"p{n}", f"2026-03-01T0{n % 9}:30", "Open Cart"))
        if n % 4 == 1:
            rows.append((f"p{n}", "2026-03-02T00:00", "Buy"))
    log = jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))
    assert not [one for one in log.report(steps=["Visit", "Buy"]).findings if "Open Cart" in one.sentence]


def test_markdown_brings_no_markup_script_or_remote_picture():
    page = render_markdown(
        f"{EVIL} ![a](https://a.example/b.png) [b](javascript:alert(1)) ![c](data:image/svg+xml;base64,AA==)\n\n"
        "<script>alert(1)</script>\n\n![d](data:image/png;base64,AA==) [e](https://a.example)"
    )
    assert "<script" not in page
    assert page.count("<img") == 1
    assert "b.png" not in page
    assert "javascript" not in page
    assert '<a href="https://a.example">e</a>' in page


def test_an_empty_section_name_is_filled(j):
    report = j.report(sections=[Section(name="", question="?", finding="!")])
    assert report.sections[0].name == "section-1"


@pytest.mark.parametrize("ending", [".pdf", ".xlsx", ".PDF"])
def test_a_page_is_not_written_as_another_kind_of_file(ending, tmp_path):
    report = Report(title="x", period="", lead="", findings=(), sections=(text_section("Some *words*.", name="text"),))
    said = rf"path: 'a\{ending}' is no page; use \{ending.lower()}\(\.\.\.\) instead of \.write"
    with pytest.raises(jn.ArgumentError, match=said):
        report.write(tmp_path / f"a{ending}")
    assert not any(tmp_path.iterdir())
