"""Numbers and tables in words, for a person to read and nobody to misuse."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.display import (
    describe_settings,
    format_duration,
    format_interval,
    format_number,
    format_p_value,
    format_percent,
    format_period,
    format_points,
    format_ratio,
    render_card,
    render_html_table,
    render_text_table,
    shorten_name,
)

NASTY = ['<script>alert("1")</script>', "a & b", "تم الإنشاء", "\x1b[31mred", "=cmd|' /C calc'!A0", "", "x" * 300]


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (0, "0%"),
        (0.0, "0%"),
        (1.0, "100%"),
        (0.034, "3.4%"),
        (0.0994, "9.9%"),
        (0.0996, "10%"),
        (0.381, "38%"),
        (0.9949, "99%"),
        (0.9951, "> 99%"),
        (0.0004, "< 0.1%"),
        (12.5, "1,250%"),
        (-0.031, "−3.1%"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_rates_have_one_decimal_below_ten_percent_and_are_never_rounded_to_nothing_or_all(rate, words):
    assert format_percent(rate) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (timedelta(microseconds=1), "1 microsecond"),
        (timedelta(milliseconds=12), "12 milliseconds"),
        (timedelta(seconds=59), "59 seconds"),
        (timedelta(seconds=60), "1 minute"),
        (timedelta(seconds=59.7), "1 minute"),
        (timedelta(seconds=-59.7), "−1 minute"),
        (timedelta(minutes=59.4), "59 minutes"),
        (timedelta(minutes=4), "4 minutes"),
        (timedelta(hours=23), "23 hours"),
        (timedelta(days=2, hours=2), "2.1 days"),
        (timedelta(days=120), "120 days"),
        (timedelta(days=1461), "4 years"),
        (timedelta(days=-3), "−3 days"),
        (0, "0 seconds"),
    ],
)
def test_durations_are_written_in_the_largest_unit_that_they_fill(value, words):
    assert format_duration(value) == words


def test_counts_have_no_decimals_whatever_their_size():
    assert [format_number(n) for n in (0, 999, 1e15)] == ["0", "999", "1,000,000,000,000,000"]


def test_differences_keep_their_sign_and_interval():
    assert format_points(0.042, 0.011, 0.073) == "+4.2 points (1.1 to 7.3)"
    assert format_points(-0.465, -0.511, -0.406) == "−46.5 points (−51.1 to −40.6)"
    assert format_points(0.0) == "0.0 points"
    assert format_interval(0.28, 0.34) == "28–34%"
    assert format_interval(None, 0.2) == ""
    assert format_ratio(float("inf")) == "∞"
    assert format_p_value(0.0009) == "< 0.001"


@given(st.dates(date(2000, 1, 1), date(2099, 1, 1)), st.integers(0, 900))
def test_a_span_names_both_ends(first, days):
    last = first + timedelta(days=days)
    words = format_period(first, last)
    assert words.endswith(str(last.year))
    assert words.startswith(str(first.day))


@given(st.text(max_size=80), st.integers(1, 40))
def test_a_shortened_name_fits(text, width):
    assert len(shorten_name(text, width)) <= width


class Reader(HTMLParser):
    """Collects the elements of a page and the words between them."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)

    def handle_data(self, data):
        self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


@given(st.lists(st.one_of(st.sampled_from(NASTY), st.text(max_size=20)), max_size=4))
def test_no_name_becomes_an_element_of_the_page(names):
    schema = {"name": pl.String, "path": pl.List(pl.String)}
    df = pl.DataFrame({"name": names, "path": [names] * len(names)}, schema=schema)
    page = render_card("Funnel", sentence=" ".join(names), settings={"steps": tuple(names)}, table=df)
    assert set(read(page).seen) <= {"style", "div", "h4", "p", "table", "thead", "tbody", "tr", "th", "td", "bdi"}


def test_a_table_says_what_it_leaves_out_and_that_it_is_empty():
    df = pl.DataFrame({"people": range(143)})
    assert "… and 123 more rows" in render_html_table(df)
    assert "… and 1 more row<" in render_html_table(df.head(21))
    assert "No rows." in render_html_table(df.clear())
    assert "… and 123 more row" in render_text_table(df)


def test_columns_are_described_by_what_they_hold():
    df = pl.DataFrame(
        {
            "person": [12345],
            "people": [12345],
            "rate_from_start": [0.034],
            "ci_low": [0.03],
            "median_time": [timedelta(minutes=4)],
            "timestamp": [datetime(2026, 3, 1, 9, 5, tzinfo=UTC)],
            "q_value": [1e-9],
            "path": [["A", "B"]],
            "known": [True],
            "nothing": pl.Series([None], dtype=pl.String),
        }
    )
    words = read(render_html_table(df, style=False)).words
    said = ["12345", "12,345", "3.4%", "3.0%", "4 minutes", "1 March 2026, 09:05", "< 0.001", "A → B", "yes", "–"]
    assert words[df.width :] == said


def test_a_correlation_interval_is_no_percentage():
    assert "0.45" in render_html_table(pl.DataFrame({"phi": [0.5], "ci_low": [0.4501], "rate_with": [0.1]}))


def test_an_interval_is_formatted_like_the_figure_before_it():
    df = pl.DataFrame({"phi": [0.5], "conversion_rate": [0.1], "ci_low": [0.0523]})
    assert "5.2%" in render_html_table(df)
    assert "0.05" in render_html_table(df.select("conversion_rate", "phi", "ci_low"))


def test_a_long_cell_is_cut_and_whole_when_pointed_at():
    page = render_html_table(pl.DataFrame({"name": ['"<' + "x" * 200]}), style=False)
    assert 'title="&quot;&lt;xxx' in page
    assert page.count("x" * 200) == 1


def test_settings_leave_out_what_was_not_asked():
    words = describe_settings({"within": timedelta(days=14), "by": None, "ties": False, "people": 1, "events": 2})
    assert words == "within 14 days · ties no · 1 person, 2 events"


def test_a_terminal_gets_no_escape_sequences_and_columns_in_line():
    text = render_text_table(pl.DataFrame({"name": NASTY, "people": range(len(NASTY))}))
    assert "\x1b" not in text
    assert len({len(line) for line in text.splitlines()}) == 1


def test_the_card_has_no_script_and_one_style_sheet():
    page = render_card("Funnel", sentence="38% go on", table=pl.DataFrame({"a": [1]}))
    assert len(re.findall("<style", page)) == 1
    assert "<script" not in page


def test_text_cells_are_set_left_even_where_the_style_sheet_is_taken_away():
    table = pl.DataFrame({"name": ["a"], "people": [3], "day": [date(2026, 3, 1)]})
    html = render_html_table(table, style=False)
    assert html.count("text-align:left") == 4
    assert '<td class="r">3</td>' in html


def test_a_sentence_in_a_cell_keeps_its_middle():
    stated = "days without any event: 13 March 2026, 14 March 2026, 16 March 2026, 19 March 2026 and 14 more"
    page = render_html_table(pl.DataFrame({"reason": [stated], "event": [stated]}))
    assert page.count(f">{stated}</td>") == 1
    assert "…" in render_html_table(pl.DataFrame({"reason": ["x" * 1000]}))


def test_a_number_behind_a_right_to_left_name_stays_behind_it():
    page = render_card("Curve", sentence="Of <تم إنشاء> 23% converted, of تم 46%.", settings="by تم · 3 people")
    assert "Of &lt;<bdi>تم إنشاء</bdi>&gt; 23% converted, of <bdi>تم</bdi> 46%." in page
    assert "by <bdi>تم</bdi> · 3 people" in page


def test_a_column_of_credit_has_one_number_of_decimals():
    page = render_html_table(pl.DataFrame({"campaign": ["a", "b", "c"], "credit": [1072.0, 17.5, 9.0]}), style=False)
    assert re.findall(r'class="r">([^<]*)</td>', page) == ["1,072.0", "17.5", "9.0"]


def test_every_p_value_is_written_as_one():
    names = ["p_value", "q_value", "q_equal_time", "p_permuted", "p_family", "q_within"]
    assert render_html_table(pl.DataFrame({name: [1e-9] for name in names}), style=False).count("&lt; 0.001") == len(
        names
    )
