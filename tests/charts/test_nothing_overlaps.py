"""Words do not overlap words, titles do not reach into buttons, ticks are where the points are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import plotly.graph_objects as go
import polars as pl
import pytest

from journeys.charts import correlation, dropoff, funnel, paths, trend, volcano
from journeys.charts.text_width import measure_text
from journeys.charts.theme import apply_theme
from tests.charts import frames

BOLD = 1.12


def plain_width(text: str, size: int) -> float:
    lines = text.replace("<b>", "").replace("</b>", "").split("<br>")
    return max(measure_text(line, size) for line in lines)


@pytest.mark.parametrize("people", [1, 4_870, 1_234_567])
def test_the_counts_of_a_correlation_never_lie_on_each_other(people):
    table = frames.correlation([("Read Article, article: remote-standups", 0.1, 0.01)])
    table = table.with_columns(neither=pl.lit(people), behaviour_only=pl.lit(people), conversion_only=pl.lit(people))
    fig = correlation.draw_correlation(table, goal="Enabled Single Sign-On")
    columns = [a for a in fig.layout.annotations if a.x == 1 and a.xref == "paper"]
    rights = sorted({round(a.xshift, 3) for a in columns})
    assert len(rights) == 3
    for before, right in pairwise([0.0, *rights]):
        widest = max(plain_width(a.text, a.font.size) for a in columns if round(a.xshift, 3) == right)
        assert widest <= right - before
    # All of it lies in the margin, right of the scale, whatever the figure's width is.
    assert fig.layout.margin.r >= rights[-1]
    assert fig.layout.xaxis.domain is None


def test_a_title_ends_before_the_buttons():
    fig = apply_theme(go.Figure(), title="59% of those who entered in the week from 15 June 2026 converted; " * 3)
    lines = fig.layout.title.text.removeprefix("<b>").removesuffix("</b>").split("<br>")
    # Eight buttons are 210 pixels wide, six 150; a cell of a notebook is 900, a wide letter 11.3.
    assert max(len(line) for line in lines) * 11.3 < 900 - 150
    assert {"zoomIn2d", "zoomOut2d"} <= set(fig.layout.template.layout.modebar.remove)


def weeks(count: int, start: datetime = datetime(2026, 3, 2, tzinfo=UTC)) -> pl.DataFrame:
    periods = [start + timedelta(weeks=week) for week in range(count)]
    rates = {"rate": 0.2, "ci_low": 0.1, "ci_high": 0.3}
    return pl.DataFrame({"period": periods}).with_columns(
        entered=pl.lit(10), converted=pl.lit(2), complete=pl.lit(value=True), **{k: pl.lit(v) for k, v in rates.items()}
    )


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("count", [1, 4, 17, 120])
def test_a_trend_has_its_ticks_where_periods_begin(count, narrow):
    axis = trend.draw_trend(weeks(count), narrow=narrow).layout.xaxis
    assert set(axis.tickvals) <= set(weeks(count)["period"])
    assert 1 <= len(axis.tickvals) <= (4 if narrow else 9)
    assert axis.ticktext[0] == "2 March<br>2026"


def test_a_trend_names_a_year_where_it_begins():
    axis = trend.draw_trend(weeks(4, datetime(2025, 12, 22, tzinfo=UTC))).layout.xaxis
    assert list(axis.ticktext) == ["22 December<br>2025", "29 December", "5 January<br>2026", "12 January"]


def test_where_people_drop_off_the_longest_words_fit_a_cell_of_a_notebook():
    names, people = ["Unsubscribed from Messages", "Help"], [1_252, 3]
    table = pl.DataFrame({"event": names, "people": people, "passed": [9_000, 40]})
    table = table.with_columns(loss_rate=pl.lit(0.038), ci_low=pl.lit(0.028), ci_high=pl.lit(0.112))
    fig = dropoff.draw_dropoff(table)
    words = max(measure_text(text) for text in fig.data[0].text)
    left = max(measure_text(name) for name in names) + 25
    assert words < (900 - left) * (1 - max(people) / fig.layout.xaxis.range[1])


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("length", [2, 9])
def test_words_of_a_path_stay_in_their_chip_and_figures_in_the_picture(narrow, length):
    path = ["Viewed Template", "Received Announcement", *["Clicked MMMMMMMM Mail"] * (length - 2)]
    table = pl.DataFrame({"path": [path, path[:2]], "people": [12_345, 3], "passed": [23_456, 40]}).with_columns(
        conversion_rate=pl.lit(0.096), ci_low=pl.lit(0.087), ci_high=pl.lit(0.106)
    )
    fig = paths.draw_paths(table, narrow=narrow)
    low, high = fig.layout.xaxis.range
    unit = ((350 if narrow else 900) - fig.layout.margin.l - fig.layout.margin.r) / (high - low)
    chips = [a for a in fig.layout.annotations if a.xanchor == "left"]
    assert chips
    assert max(plain_width(a.text, a.font.size) for a in chips) <= 0.91 * unit
    assert max(a.text.count("<br>") for a in chips) == 1
    # What is short enough for two lines is whole.
    assert any(a.text.replace("<br>", " ") == "Viewed Template" for a in chips)
    figures = [a for a in fig.layout.annotations if a.xanchor == "right"]
    for one in figures:
        first, *rest = re.sub("</?b>|<span[^>]*>|</span>", "", one.text).split("<br>")
        assert measure_text(first) - one.xshift <= -low * unit
        assert max((measure_text(line, 10 if narrow else 11) for line in rest), default=0) - one.xshift <= -low * unit


LONG = ["Loaded a Page /blog/how-to-plan-a-launch-with-few-people", "お支払い方法を追加しました", "W" * 40]


@pytest.mark.parametrize("steps", [1, 2, 4])
@pytest.mark.parametrize("narrow", [False, True])
def test_titles_of_panels_stay_in_them(narrow, steps):
    table = frames.funnel(["Start", *(f"{LONG[n % 3]}{n}" for n in range(steps))], [900] * (steps + 1))
    table = pl.concat([table.with_columns(campaign=pl.lit(name)) for name in ("a", "a_very_long_campaign_name")])
    fig = funnel.draw_funnel(table, by="campaign", narrow=narrow)
    labels = max(map(measure_text, fig.layout.yaxis.ticktext))
    start, end = fig.layout.xaxis.domain
    panel = ((390 if narrow else 900) - labels - 30) * (end - start)
    titles = [note for note in fig.layout.annotations if note.text.startswith("<b>")]
    assert len(titles) == steps
    assert all(BOLD * plain_width(note.text, note.font.size) <= panel + 1 for note in titles)


@pytest.mark.parametrize("phi", [-0.29, 0.05, 0.19, 0.29, 0.9])
@pytest.mark.parametrize("narrow", [False, True])
def test_names_of_a_volcano_stay_in_the_picture(narrow, phi):
    fig = volcano.draw_volcano(frames.correlation([("W" * 40, phi, 1e-9)]), narrow=narrow)
    (name,) = [note for note in fig.layout.annotations if note.text.startswith("W")]
    low, high = fig.layout.xaxis.range
    pixels = (310 if narrow else 820) / (high - low)
    side = 1 if name.xanchor == "left" else -1
    edge = (name.x + side * measure_text(name.text) / pixels - low) * pixels + name.xshift
    assert -70 <= edge <= (high - low) * pixels + 16


def test_figures_of_paths_are_lower_than_their_rows_on_a_phone():
    rates = {"conversion_rate": [0.44] * 9, "ci_low": [0.32] * 9, "ci_high": [0.58] * 9, "passed": [52] * 9}
    table = pl.DataFrame({"path": [["A", f"B{n}"] for n in range(9)], "people": [23] * 9, **rates})
    for narrow in (False, True):
        fig = paths.draw_paths(table, narrow=narrow)
        high = fig.layout.height - fig.layout.margin.t - fig.layout.margin.b
        row = high / (fig.layout.yaxis.range[1] - fig.layout.yaxis.range[0])
        for note in fig.layout.annotations:
            first, *rest = note.text.split("<br>")
            assert 1.3 * (12 + sum(11 for _ in rest)) <= row + 1, first
