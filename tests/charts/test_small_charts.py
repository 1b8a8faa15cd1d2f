"""The smaller charts: words that neither touch nor leave the picture, and percents as the house writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest

from journeys.charts import (
    bars,
    cumulative_curve,
    difference_intervals,
    dropoff,
    flow_difference,
    paths,
    step_times,
    timeline,
    transitions,
    trend,
    volcano,
)
from journeys.charts.activity import draw_activity
from journeys.charts.theme import LIGHT, apply_theme
from journeys.charts.ticks import place_percent_ticks, place_point_ticks
from journeys.charts.value import draw_value
from tests.charts import frames

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("highest", [0.0, 1e-6, 0.004, 0.025, 0.07, 0.31, 0.999, 1.0])
def test_ticks_cover_what_is_drawn_and_write_percents(highest):
    ticks = place_percent_ticks([None, float("nan"), highest])
    assert ticks["tickvals"][0] == 0
    assert ticks["tickvals"][-1] >= highest - 1e-12
    assert 1 <= len(ticks["tickvals"]) <= 8
    assert all(text.endswith("%") for text in ticks["ticktext"])
    assert len(set(ticks["ticktext"])) == len(ticks["ticktext"])


def test_ticks_of_differences_have_their_sign():
    assert place_point_ticks([-0.3, 0.1], most=4)["ticktext"] == ["−40", "−20", "0", "+20"]


def test_no_axis_is_left_to_the_percent_sign_of_plotly():
    rates = {"rate": [0.02], "share": [0.02], "ci_low": [0.01], "ci_high": [0.04], "converted": [2]}
    over = trend.draw_trend(pl.DataFrame(rates | {"period": [START], "entered": [100], "complete": [True]}))
    by_time = cumulative_curve.draw_cumulative_curve(
        pl.DataFrame(rates | {"time": [timedelta(days=3)], "at_risk": [100]})
    )
    for fig in (over, by_time):
        assert fig.layout.yaxis.tickformat is None
        assert fig.layout.yaxis.ticktext[-1] == "4%"
    row = {"step": 2, "name": "Buy", "people": 9, "people_against": 3, "rate": 0.3, "rate_against": 0.1}
    row |= {"difference": 0.2, "ci_low": 0.05, "ci_high": 0.35, "q_value": 0.01}
    axis = difference_intervals.draw_difference_intervals(pl.DataFrame([row])).layout.xaxis
    assert (axis.tickformat, axis.title.text, axis.ticktext[-1]) == (None, "points", "+40")


def test_a_trend_is_dashed_at_both_ends_and_whole_between():
    complete = [False, True, True, True, False, False]
    rates = {"rate": [0.1] * 6, "ci_low": [0.05] * 6, "ci_high": [0.2] * 6, "converted": [20] * 6, "entered": [200] * 6}
    table = pl.DataFrame(rates | {"period": [START + timedelta(days=n) for n in range(6)], "complete": complete})
    dashed, line = trend.draw_trend(table).data[2:]
    assert (dashed.line.dash, line.line.dash) == ("dot", None)
    assert [y is not None for y in line.y] == complete
    assert [y is not None for y in dashed.y] == [True, True, False, True, True, True]


def test_curves_of_groups_say_which_is_which():
    times = [timedelta(days=1), timedelta(days=3)]
    table = pl.DataFrame({"plan": ["a", "b"], "time": times, "at_risk": [9, 9], "converted": [1, 2]})
    table = table.with_columns(share=pl.lit(0.2), ci_low=pl.lit(0.1), ci_high=pl.lit(0.3))
    fig = cumulative_curve.draw_cumulative_curve(table, by="plan")
    assert fig.layout.showlegend
    assert [trace.name for trace in fig.data if trace.showlegend] == ["a", "b"]
    assert not cumulative_curve.draw_cumulative_curve(table.filter(plan="a").drop("plan")).layout.showlegend


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
    fig = timeline.draw_timeline(table, narrow=narrow)
    left, right = fig.layout.xaxis.range
    pixels = ((fig.layout.width or (390 if narrow else 1080)) - 80) / (right - left)
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


def test_bridges_at_the_end_of_a_timeline_are_labelled_inside_it():
    table = long_timeline().head(40)
    fig = timeline.draw_timeline(
        table, identified=[(table["timestamp"][-1], "user_id"), (table["timestamp"][-1], "email")]
    )
    (known,) = [note for note in fig.layout.annotations if "known by" in note.text]
    assert known.text == "known by email, user_id"
    assert known.xanchor == "right"


def test_a_number_keeps_its_percent_sign_on_its_line():
    for length in range(20, 40):
        title = apply_theme(
            volcano.draw_volcano(frames.correlation([])), title="x" * length + " 2.9% of them", narrow=True
        )
        assert "2.9<br>%" not in title.layout.title.text
        assert "2.9%" in title.layout.title.text


def test_the_line_of_a_volcano_is_named_where_fewer_dots_lie():
    rows = [("Far", 0.6, 1e-90), *((f"b{i}", 0.1, 0.4) for i in range(4))]
    for sign, side in ((1, 0), (-1, 1)):
        fig = volcano.draw_volcano(frames.correlation([(name, sign * phi, q) for name, phi, q in rows]))
        (note,) = [note for note in fig.layout.annotations if "hollow" in note.text]
        assert note.x == side


def test_bars_leave_room_for_their_numbers_on_a_telephone():
    table = pl.DataFrame({"position": [1], "event": ["Help"], "people": [3117], "share": [0.83]})
    fig = bars.draw_next_events(table, narrow=True)
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
    fig = flow_difference.draw_flow_difference(table, narrow=narrow)
    said = [note.text for note in fig.layout.annotations]
    (key,) = [text for text in said if "■" in text]
    assert "more go this way here" in key
    assert "fewer here" in key
    assert LIGHT.better in key
    assert LIGHT.worse in key
    assert "pale" in key
    heads = ["First touch", *(f"Step {n + 2}" for n in range(columns))]
    assert [text for text in said if text in heads] == heads
    names = [note for note in fig.layout.annotations if note.hovertext]
    assert [note.hovertext for note in names] == [f"{long} {p}" for p in range(columns + 1)]
    sure = flow_difference.draw_flow_difference(table.with_columns(q_value=pl.lit(0.001)), narrow=narrow)
    assert not any("pale" in note.text for note in sure.layout.annotations)


def test_a_matrix_on_a_telephone_has_as_many_columns_as_names_fit():
    names = [f"Event {i}" for i in range(25)]
    matrix = pl.DataFrame({"source": names} | dict.fromkeys([*names, "(drop-off)"], [0.04] * 25))
    small, large = (transitions.draw_transitions(matrix, narrow=narrow) for narrow in (True, False))
    assert (len(small.layout.xaxis.ticktext), len(large.layout.xaxis.ticktext)) == (12, 26)
    assert small.layout.xaxis.ticktext[-1] == "(drop-off)"
    assert not small.layout.annotations


def compared(*, columns=5):
    """Write two groups' links, in which nodes are of every size and some have nothing that leads to them."""
    rows = [
        (p, f"Event {i}", "(drop-off)" if i % 3 == p % 3 else f"Event {(i + p) % 9}", 0.02 * (i + 1), 0.02 * (9 - i))
        for p in range(columns)
        for i in range(9)
    ]
    names = ["position", "source", "target", "share_of_start", "against_share_of_start"]
    table = pl.DataFrame(rows, schema=names, orient="row")
    return table.with_columns(difference=pl.col(names[3]) - pl.col(names[4]), q_value=pl.lit(0.2))


def test_nodes_of_a_difference_stand_apart_and_leaving_makes_no_column():
    fig = flow_difference.draw_flow_difference(compared())
    trace = fig.data[0]
    columns: dict[float, list[tuple[float, float]]] = {}
    inside, out = [0.0] * len(trace.node.label), [0.0] * len(trace.node.label)
    for source, target, value in zip(trace.link.source, trace.link.target, trace.link.value, strict=True):
        out[source] += value
        inside[target] += value
    size = [max(pair) for pair in zip(inside, out, strict=True)]
    depth = fig.layout.height - fig.layout.margin.t - fig.layout.margin.b
    domain = (trace.domain.y[1] - trace.domain.y[0]) * depth
    for n, name in enumerate(trace.node.label):
        if name not in {"(drop-off)", "(continues)"}:
            columns.setdefault(round(trace.node.x[n], 4), []).append((trace.node.y[n] * domain, size[n]))
    laid = flow_difference._lay_rows(compared().to_dicts(), "difference", sizes={}, narrow=False)
    for column in columns.values():
        column.sort()
        for (y, one), (below, other) in pairwise(column):
            assert below - y >= laid.scale * (one + other) / 2 + 5
    heads = [note.text for note in fig.layout.annotations if note.text.startswith(("First", "Step"))]
    assert heads == ["First touch", "Step 2", "Step 3", "Step 4", "Step 5", "Step 6"][: len(columns)]
    ends = compared(columns=1).with_columns(target=pl.lit("(drop-off)"))
    only = flow_difference.draw_flow_difference(ends)
    assert [note.text for note in only.layout.annotations if note.text.startswith(("First", "Step"))] == ["First touch"]


def test_two_flows_have_heads_people_and_a_way_each_and_their_words_stand_apart():
    fig = flow_difference.draw_both(
        compared(), sizes=(456, 710), paths=[(0, ("Event 0", "Event 3")), (0, ())], headings=["First touch"]
    )
    said = [note.text for note in fig.layout.annotations]
    assert [text for text in said if text.startswith("<b>")] == [
        "<b>Here</b>: 456 people",
        "<b>The others</b>: 710 people",
    ]
    assert said.count("First touch") == 2
    assert any(text.startswith("Event 8 ") and ">82<" in text for text in said)  # 0.18 of 456
    high = fig.layout.height - fig.layout.margin.t - fig.layout.margin.b
    columns: dict[float, list[float]] = {}
    for note in fig.layout.annotations:
        # heads stand on their line, names around it
        above = 6 if note.yanchor == "bottom" else 0
        columns.setdefault(round(note.x, 3), []).append((1 - note.y) * high - (note.yshift or 0) - above)
    for heights in columns.values():
        heights.sort()
        assert all(b - a >= 12 for a, b in pairwise(heights))
    for trace in fig.data[:2]:
        greys = [
            colour
            for colour, target in zip(trace.link.color, trace.link.target, strict=True)
            if trace.node.label[target] == "(drop-off)"
        ]
        assert greys
        assert all(colour.endswith("0.55)") for colour in greys)


def test_pictures_say_what_they_leave_out():
    names = [f"Event {i:02d}" for i in range(41)]
    matrix = pl.DataFrame({"source": names} | dict.fromkeys([*names, "(drop-off)"], [0.02] * 41))
    said = " ".join(transitions.draw_transitions(matrix, title="x").layout.title.text.replace("<br>", " ").split())
    assert "Drawn: the 25 largest of 41 rows and the 25 largest of 41 columns" in said
    assert (
        "Drawn"
        not in transitions.draw_transitions(matrix.head(3).select("source", *names[:3]), title="x").layout.title.text
    )
    cut = matrix.head(25).select("source", *names[:25], "(drop-off)")
    again = transitions.draw_transitions(cut, title="x", total=(10_000, 9_000)).layout.title.text
    assert "10,000 rows" in again.replace("<br>", " ")
    steps = pl.DataFrame({"node": [*names, "(reached)", "(drop-off)"], "1": [0.02] * 43})
    drawn = transitions.draw_steps(steps, title="x")
    assert list(drawn.layout.yaxis.ticktext[-2:]) == ["(reached)", "(drop-off)"]
    assert "the 25 largest of 41 nodes" in drawn.layout.title.text
    moves = [(a, b, 5, 0.4) for a in names[:20] for b in ("Event 01", "Event 02")] + [
        ("Event 01", "(drop-off)", 9, 0.2)
    ]
    table = pl.DataFrame(moves, schema=["source", "target", "moves", "share"], orient="row")
    graph = transitions.draw_graph(table, title="x").layout.title.text.replace("<br>", " ").replace("\u00a0", " ")
    assert "of 40 transitions between 14 of 20 events, each at least 10% of what follows" in graph


def lost(rows: int, passed: int) -> pl.DataFrame:
    return pl.DataFrame(
        {"event": [f"E{i}" for i in range(rows)], "people": [5] * rows, "passed": [passed] * rows}
    ).with_columns(loss_rate=pl.col("people") / pl.col("passed"), ci_low=pl.lit(0.02), ci_high=pl.lit(0.11))


def test_a_drop_off_has_its_interval_and_of_a_few_no_rate():
    fig = dropoff.draw_dropoff(lost(30, 100), subtitle="n = 7")
    assert fig.data[0].text[0] == "5 · 5.0% (2.0–11%) of those there"
    assert "the 12 of 30 events that lose most" in fig.layout.title.text
    few = dropoff.draw_dropoff(lost(3, 9), subtitle="n = 7")
    assert few.data[0].text[0] == "5 of 9 there"
    assert set(few.data[0].marker.color) == {LIGHT.paper}
    assert "hollow: fewer than 30 were there" in few.layout.title.text
    assert "lose most" not in few.layout.title.text


def said_of(text):
    return text.replace("\u00a0", " ").replace("<br>", " ")


def test_a_matrix_has_a_key_where_no_values_are_printed():
    names = [f"E{n:02d}" for n in range(25)]
    large = pl.DataFrame({"source": names, **{name: [0.04] * 25 for name in names}})
    trace = transitions.draw_transitions(large).data[0]
    assert trace.showscale
    assert list(trace.colorbar.ticktext) == ["0%", "2.0%", "4.0%"]
    assert not transitions.draw_transitions(large.head(3).select("source", *names[:3])).data[0].showscale
    assert transitions.draw_transitions(large.head(8).select("source", *names[:8]), narrow=True).data[0].showscale


def test_paths_have_the_interval_of_their_rate_and_a_name_for_what_has_none():
    row = {"path": ["", "Buy"], "people": 40, "conversion_rate": 0.0, "ci_low": 0.0, "ci_high": 0.09, "passed": 40}
    fig = paths.draw_paths(pl.DataFrame([row]))
    said = [re.sub("<span.*?>|</span>", "", note.text) for note in fig.layout.annotations]
    assert said == ["<b>40</b> of the 40 who went this way<br>of these 0% (0–9.0%) arrive", "(no name)", "Buy"]
    assert '40 took (no name) → "Buy"' in fig.data[0].hovertext[0]
    assert "0% (0–9.0%)" in fig.data[0].hovertext[0].replace("\u00a0", " ")
    # The rate is that of the way, whether it ended there or at the goal: those of this path are some of them.
    some = paths.draw_paths(pl.DataFrame([row | {"people": 11, "conversion_rate": 11 / 155, "passed": 155}]))
    assert some.layout.annotations[0].text.startswith("<b>11</b> of the 155 who went this way<br>")
    assert "of all 155 who went this way, the end itself aside, 7.1%" in said_of(some.data[0].hovertext[0])
    handful = paths.draw_paths(pl.DataFrame([row | {"passed": 9}]))
    assert handful.layout.annotations[0].text == "<b>40</b>"


def test_a_diamond_of_a_timeline_is_explained():
    table = pl.DataFrame({"timestamp": [START], "event": ["Visit"], "replay_url": ["https://rec.example/1"]})
    assert "A diamond: its session was recorded." in timeline.draw_timeline(table, title="x").layout.title.text
    assert "diamond" not in timeline.draw_timeline(table.drop("replay_url"), title="x").layout.title.text
    shades = timeline.draw_timeline(table, colour_of={"Visit": LIGHT.events[4]}).data[0].marker.color
    assert list(shades) == [LIGHT.events[4]]


def accounts_with(members: list[int], *, fit: list[bool | None], days: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "account": [f"account {at}" for at in range(len(members))],
            "members": members,
            "fit": fit,
            "active_days": days,
        }
    ).with_columns(
        active_members=pl.col("members"), events=pl.lit(3), silent_for=pl.lit(timedelta(days=1)), state=pl.lit("active")
    )


def test_no_account_hides_another_and_no_name_covers_another():
    table = accounts_with([2] * 40 + [3], fit=[True] * 5 + [False] * 35 + [None], days=[4] * 40 + [4])
    fig = draw_activity(table)
    assert [trace.name for trace in fig.data] == ["fit unknown", "not fit", "fit"]
    places = [x for trace in fig.data for x in trace.x]
    assert len(set(places)) == 41
    assert all(1.7 < x < 2.4 for trace in fig.data[1:] for x in trace.x)
    assert fig.data[0].x == (3.0,)
    named = sorted(x for trace in fig.data for x, text in zip(trace.x, trace.text, strict=True) if text)
    assert 1 <= len(named) < 20
    assert fig.layout.yaxis.range[0] < 0


def test_a_curve_of_value_ends_with_the_last_age_of_enough_people():
    table = pl.DataFrame(
        {"channel": ["ads"] * 2 + ["(other)"], "age": [0, 1, 0], "people": [40, 9, 12], "paying": [9, 9, 9]}
    ).with_columns(per_person=pl.lit(2.5), ci_low=pl.lit(1.0), ci_high=pl.lit(4.0))
    lines = [trace for trace in draw_value(table, by="channel", period_us=86_400_000_000).data if trace.name]
    assert [(trace.name, len(trace.x)) for trace in lines] == [("ads", 2)]
    few = [trace for trace in draw_value(table[1:], by="channel", period_us=86_400_000_000).data if trace.name]
    assert [trace.name for trace in few] == ["ads", "(other)"]


def test_minutes_and_days_are_both_legible_on_the_axis_of_step_times():
    times = {f"q{q}": [timedelta(minutes=m), timedelta(days=m)] for q, m in ((25, 1), (50, 2), (75, 9))}
    table = pl.DataFrame({"step": [2, 3], "name": ["A", "B"], "since": ["previous"] * 2, "people": [70, 60], **times})
    axis = step_times.draw_step_times(table).layout.xaxis
    assert axis.type == "log"
    assert axis.ticktext == ("1 minute", "10 minutes", "1 hour", "6 hours", "1 day", "7 days")


def test_a_curve_of_few_people_is_thin_and_sets_no_scale():
    days = [timedelta(days=1)] * 2
    table = pl.DataFrame({"group": ["a", "b"], "time": days, "at_risk": [90, 3], "converted": [9, 2]})
    table = table.with_columns(share=pl.col("converted") / pl.col("at_risk"), ci_low=0.05, ci_high=0.2)
    fig = cumulative_curve.draw_cumulative_curve(table, by="group")
    assert [trace.line.width for trace in fig.data if trace.showlegend] == [2, 1]
    assert fig.layout.yaxis.range[1] == pytest.approx(0.2)
