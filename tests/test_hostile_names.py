"""Names that try to reorder, load, run or stretch what surrounds them."""

import re

import polars as pl
import pytest

import journeys as jn
from journeys import exports
from journeys.charts.labels import wrap_sentence, write_full_name, write_label, write_sentence
from journeys.display import escape_html, neutralise_controls, render_card, render_html_table, render_text_table
from journeys.report import campaign_report

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def log(*steps: str) -> jn.Journeys:
    rows = [(f"p{n}", f"2026-03-0{day + 1}", name) for day, name in enumerate(steps) for n in range(100 - 40 * day)]
    table = pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row")
    return jn.Journeys.from_table(table.with_columns(campaign=pl.lit(f"spring{steps[-1]}")))


@pytest.mark.parametrize("control", BIDI)
def test_no_control_that_reorders_text_reaches_a_reader(control):
    name = f"{control}Buy"
    table = pl.DataFrame({name: [name], "path": [[name]]})
    for shown in (
        neutralise_controls(name),
        escape_html(name),
        escape_html(name, sentence=True),
        render_html_table(table, style=False),
        render_card(name, sentence=name, settings={"goal": name}, table=table),
        render_text_table(table),
        exports.to_markdown(table),
    ):
        assert not re.search(f"[{BIDI}]", shown)
    for shown in (write_label(name), write_sentence(name), write_full_name(name), wrap_sentence(name, 20)):
        assert control not in shown
    assert neutralise_controls(name) == f"[U+{ord(control):04X}]Buy"


def test_the_report_has_no_control_that_reorders_text():
    page = campaign_report(log("Visit", "\u202eBuy"), goal="\u202eBuy", steps=["Visit", "\u202eBuy"]).html()
    assert "\u202e" not in page
    assert "[U+202E]Buy" in page


def test_a_right_to_left_name_is_isolated_in_charts():
    assert write_label("تم") == "\u2068تم\u2069"


def test_markdown_shows_names_as_text():
    names = [
        "![x](https://evil.example/a.png)",
        "[log in](https://evil.example)",
        "`a`",
        "&lt;b&gt;",
        "www.evil.example",
    ]
    text = exports.to_markdown(pl.DataFrame({"name": names}))
    cells = [line.removeprefix("| ").removesuffix(" |") for line in text.splitlines()[2:]]
    assert cells == [
        r"!\[x\](https\://evil.example/a.png)",
        r"\[log in\](https\://evil.example)",
        r"\`a\`",
        "&amp;lt;b&amp;gt;",
        r"www\.evil.example",
    ]


def test_a_long_name_is_cut_wherever_it_is_shown():
    steps = [f"{name} {'x' * 10_000}" for name in ("Visit", "Sign up", "Buy")]
    page = campaign_report(log(*steps), goal=steps[-1], steps=steps).html()
    words = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL).split()
    assert max(map(len, words)) <= 90
