"""The page: complete, closed to the network, and safe whatever the names are."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from hashlib import sha256

import polars as pl
import pytest

from journeys.charts import funnel
from journeys.errors import ArgumentError
from journeys.report import Finding, Picture, Report, Section
from journeys.report.page import _share_repeats
from tests.charts import frames

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


def evil_report() -> Report:
    names = [EVIL, "Signed Up"]
    figure = funnel.draw_funnel(frames.funnel(names, [100, 20]), title=EVIL)
    section = Section(
        name="funnel",
        question=EVIL,
        finding=EVIL,
        definition=EVIL,
        pictures=(Picture(figure),),
        reading=EVIL,
        limits=EVIL,
        table=pl.DataFrame({"name": names}),
        method=EVIL,
    )
    return Report(
        title=EVIL,
        period=EVIL,
        lead=EVIL,
        findings=(Finding(EVIL, "funnel"),),
        sections=(section,),
        settings={"by": EVIL},
    )


def test_untrusted_text_stays_text():
    page = evil_report().html()
    without_plotly = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "<img" not in without_plotly
    assert "alert(1)</script>" not in without_plotly
    assert without_plotly.count("<script") == 1, "the charts' data"


def test_the_charts_data_reads_back():
    page = evil_report().html()
    data = json.loads(re.search(r'<script type="application/json" id="charts">(.*?)</script>', page, re.DOTALL)[1])
    assert set(data["charts"]) == {"funnel-0"}
    assert data["charts"]["funnel-0"]["wide"]["data"][0]["y"] == [0, -1]
    assert "template" not in data["charts"]["funnel-0"]["wide"]["layout"]


def restore(value: object, shared: list[object], *, is_shared: bool = False) -> object:
    """Do as `restore` of charts.js does."""
    if isinstance(value, list):
        return [restore(one, shared) for one in value]
    if not isinstance(value, dict):
        return value
    if "shared" in value and not is_shared:
        return restore(shared[value["shared"]], shared, is_shared=True)
    return {key: restore(one, shared) for key, one in value.items()}


def test_what_figures_have_in_common_is_kept_once():
    texts = [f"{n} people went from here to there" for n in range(50)]
    wide = {"data": [{"x": [*range(100)], "text": texts}], "layout": {"width": 9}, "customdata": [{"shared": 0}]}
    charts = {"a": {"wide": wide, "narrow": wide | {"layout": {"width": 3}}}, "b": {"wide": {"data": [{"y": texts}]}}}
    kept = _share_repeats(charts)
    assert restore(kept["charts"], kept["shared"]) == charts
    assert len(json.dumps(kept)) < 1.3 * len(json.dumps(wide))


def test_the_policy_forbids_the_network_and_allows_exactly_the_pages_scripts():
    page = evil_report().html()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    assert "unsafe-inline" not in re.search(r"script-src[^;]*", policy)[0]
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    for script in scripts:
        assert b64encode(sha256(script.encode()).digest()).decode() in policy


def test_nothing_is_loaded_from_elsewhere():
    page = re.sub(r"<script>.*?</script>", "", evil_report().html(), flags=re.DOTALL)
    assert not re.search(r"<[^>]*(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)
    assert "@import" not in page
    assert "url(" not in page


def test_a_report_without_charts_has_no_script_at_all():
    page = Report(title="x", period="", lead="", findings=(), sections=()).html()
    assert "<script" not in page
    assert "script-src 'none'" in page


def test_writing_the_page_changes_no_figure():
    figure = funnel.draw_funnel(frames.funnel(["A", "B"], [10, 2]), title="A title")
    section = Section(name="a", question="?", finding="!", pictures=(Picture(figure),))
    Report(title="x", period="", lead="", findings=(), sections=(section,)).html()
    assert "A title" in figure.layout.title.text


def test_every_finding_links_to_its_section():
    page = evil_report().html()
    assert page.count('href="#funnel"') == 2, "once in the findings, once in the contents"
    assert 'id="funnel"' in page


def test_all_problems_are_named_at_once():
    sections = (Section(name="a b", question="", finding=""), Section(name="a b", question="", finding=""))
    with pytest.raises(ArgumentError) as problem:
        Report(title="x", period="", lead="", findings=(Finding("!", "c"),), sections=sections)
    assert str(problem.value).splitlines() == [
        "- sections: two are named 'a b'.",
        "- sections: 'a b' must be letters, digits and hyphens.",
        "- sections: 'a b' must be letters, digits and hyphens.",
        "- findings: no section 'c' to link to; there are 'a b', 'a b'.",
    ]


def test_where_it_cannot_be_written(tmp_path):
    report = Report(title="x", period="", lead="", findings=(), sections=())
    with pytest.raises(ArgumentError, match=r"is a folder; name a file in it\."):
        report.write(tmp_path)
    with pytest.raises(ArgumentError, match="there is no folder"):
        report.write(tmp_path / "missing" / "report.html")
    assert report.write(tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_in_a_notebook_it_is_a_card_without_scripts():
    shown = evil_report()._repr_html_()
    assert "<script" not in shown
    assert "<img" not in shown
    assert "Report: " in repr(evil_report())
