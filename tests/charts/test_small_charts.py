"""The smaller charts: words that neither touch nor leave the picture, and percents as the house writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from journeys.charts import curve, differences, flow_difference, next_events, timeline, transitions, trend, volcano
from journeys.charts.theme import LIGHT, finish
from journeys.charts.ticks import percent_ticks, point_ticks
from tests.charts import frames

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("highest", [0.0, 1e-6, 0.004, 0.025, 0.07, 0.31, 0.999, 1.0])
def test_ticks_cover_what_is_drawn_and_write_percents_with_a_space(highest):
    ticks = percent_ticks([None, float("nan"), highest])
    assert ticks["tickvals"][0] == 0
    assert ticks["tickvals"][-1] >= highest - 1e-12
    assert 1 <= len(ticks["tickvals"]) <= 8
    assert all(text.endswith(" %") for text in ticks["ticktext"])
    assert len(set(ticks["ticktext"])) == len(ticks["ticktext"])


def test_ticks_of_differences_have_their_sign():
    assert point_ticks([-0.3, 0.1], most=4)["ticktext"] == ["−40", "−20", "0", "+20"]


def test_no_axis_is_left_to_the_percent_sign_of_plotly():
    rates = {"rate": [0.02], "share": [0.02], "ci_low": [0.01], "ci_high": [0.04], "converted": [2]}
    over = trend.draw(pl.DataFrame(rates | {"period": [START], "entered": [100], "complete": [True]}))
    by_time = curve.draw(pl.DataFrame(rates | {"time": [timedelta(days=3)], "at_risk": [100]}))
    for fig in (over, by_time):
        assert fig.layout.yaxis.tickformat is None
        assert fig.layout.yaxis.ticktext[-1] == "4 %"
    row = {"step": 2, "name": "Buy", "people": 9, "people_against": 3, "rate": 0.3, "rate_against": 0.1}
    row |= {"difference": 0.2, "ci_low": 0.05, "ci_high": 0.35, "q_value": 0.01}
    axis = differences.draw(pl.DataFrame([row])).layout.xaxis
    assert (axis.tickformat, axis.title.text, axis.ticktext[-1]) == (None, "points", "+40")


def test_a_trend_is_dashed_at_both_ends_and_whole_between():
    complete = [False, True, True, True, False, False]
    rates = {"rate": [0.1] * 6, "ci_low": [0.05] * 6, "ci_high": [0.2] * 6, "converted": [2] * 6, "entered": [20] * 6}
    table = pl.DataFrame(rates | {"period": [START + timedelta(days=n) for n in range(6)], "complete": complete})
    dashed, line = trend.draw(table).data[2:]
    assert (dashed.line.dash, line.line.dash) == ("dot", None)
    assert [y is not None for y in line.y] == complete
    assert [y is not None for y in dashed.y] == [True, True, False, True, True, True]


def test_curves_of_groups_say_which_is_which():
    times = [timedelta(days=1), timedelta(days=3)]
    table = pl.DataFrame({"plan": ["a", "b"], "time": times, "at_risk": [9, 9], "converted": [1, 2]})
    table = table.with_columns(share=pl.lit(0.2), ci_low=pl.lit(0.1), ci_high=pl.lit(0.3))
    fig = curve.draw(table, by="plan")
    assert fig.layout.showlegend
    assert [trace.name for trace in fig.data if trace.showlegend] == ["a", "b"]
    assert not curve.draw(table.filter(plan="a").drop("plan")).layout.showlegend


def long_timeline() -> pl.DataFrame:
    """Hundred sessions of one to five events in two lanes, with long names to the very end."""
    rows = [
        (START + timedelta(days=session, minutes=i), f"Finished step {i} of {session}", session, "app" if i else "mail")
        for session in range(100)
        for i in range(1 + session % 5)
    ]
    return pl.DataFrame(rows, schema=["timestamp", "event", "session", "source"], orient="row")


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("sessions", [1, 2, 7, 100])
def test_words_of_a_timeline_neither_touch_nor_leave_it(narrow, sessions):
    table = long_timeline().filter(pl.col("session") < sessions)
    fig = timeline.draw(table, narrow=narrow)
    left, right = fig.layout.xaxis.range
    pixels = (390 - 80 if narrow else 1080 - 80) / (right - left)
    names = [note for note in fig.layout.annotations if note.textangle]
    assert names
    for lane in {note.y for note in names}:
        places = sorted(note.x for note in names if note.y == lane)
        assert all((b - a) * pixels >= 30 for a, b in pairwise(places))
    assert all((right - note.x) * pixels >= 4.8 * len(note.text) for note in names)
    pauses = sorted((note for note in fig.layout.annotations if not note.textangle), key=lambda note: note.x)
    for one, following in pairwise(pauses):
        assert (following.x - one.x) * pixels >= 5.8 * len(one.text)
    assert (right - pauses[-1].x) * pixels >= 5.8 * len(pauses[-1].text)


def test_bridges_at_the_end_of_a_timeline_are_said_inside_it():
    table = long_timeline().head(40)
    fig = timeline.draw(table, bridges=[(table["timestamp"][-1], "user_id"), (table["timestamp"][-1], "email")])
    (known,) = [note for note in fig.layout.annotations if "known by" in note.text]
    assert known.text == "known by email, user_id"
    assert known.xanchor == "right"


def test_a_number_keeps_its_percent_sign_on_its_line():
    for length in range(20, 40):
        title = finish(volcano.draw(frames.correlation([])), title="x" * length + " 2.9 % of them", narrow=True)
        assert "2.9<br>%" not in title.layout.title.text
        assert "2.9 %" in title.layout.title.text


def test_the_line_of_a_volcano_is_named_where_fewer_dots_lie():
    rows = [("Far", 0.6, 1e-90), *((f"b{i}", 0.1, 0.4) for i in range(4))]
    for sign, side in ((1, 0), (-1, 1)):
        fig = volcano.draw(frames.correlation([(name, sign * phi, q) for name, phi, q in rows]))
        (note,) = [note for note in fig.layout.annotations if "hollow" in note.text]
        assert note.x == side


def test_bars_leave_room_for_their_numbers_on_a_telephone():
    table = pl.DataFrame({"position": [1], "event": ["Help"], "people": [3117], "share": [0.83]})
    fig = next_events.draw(table, narrow=True)
    assert fig.layout.xaxis.range[1] >= 1.6 * 0.83


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("columns", [1, 3, 6, 12])
def test_a_difference_says_its_colours_and_its_names_end_before_the_next_column(narrow, columns):
    long = "Subscribed to the Newsletter of the House"
    rows = [
        {"position": p, "source": f"{long} {p}", "target": f"{long} {p + 1}", "difference": 0.1 * (-1) ** p}
        for p in range(columns)
    ]
    table = pl.DataFrame(rows).with_columns(
        share_of_start=pl.lit(0.5), against_share_of_start=pl.lit(0.4), q_value=pl.lit(0.5)
    )
    fig = flow_difference.draw(table, narrow=narrow)
    said = [note.text for note in fig.layout.annotations]
    (key,) = [text for text in said if "■" in text]
    assert "more go this way here" in key
    assert "fewer here" in key
    assert LIGHT.better in key
    assert LIGHT.worse in key
    assert "pale" in key
    assert [text for text in said if text != key] == ["First touch", *(f"Step {n + 2}" for n in range(columns))]
    node = fig.data[0].node
    apart = (node.x[1] - node.x[0]) * (760 if narrow else 1000)
    assert all(len(name) * 6 + 14 < apart for name in node.label)
    assert node.customdata[0] == f"{long} 0"
    sure = flow_difference.draw(table.with_columns(q_value=pl.lit(0.001)), narrow=narrow)
    assert not any("pale" in note.text for note in sure.layout.annotations)


def test_a_matrix_on_a_telephone_has_as_many_columns_as_names_fit():
    names = [f"Event {i}" for i in range(25)]
    matrix = pl.DataFrame({"source": names} | dict.fromkeys([*names, "(drop-off)"], [0.04] * 25))
    small, large = (transitions.draw(matrix, narrow=narrow) for narrow in (True, False))
    assert (len(small.layout.xaxis.ticktext), len(large.layout.xaxis.ticktext)) == (12, 26)
    assert small.layout.xaxis.ticktext[-1] == "(drop-off)"
    assert not small.layout.annotations
