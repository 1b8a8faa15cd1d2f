"""What a picture of a flow shows of a column adds up to the people of that column, with and without ribbons."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import polars as pl
import pytest

import journeys as jn
from journeys.charts import flow_difference, sankey
from journeys.charts.theme import LIGHT

START = datetime(2026, 1, 1)


def log(*journeys):
    """Write a log: each journey is a text of events, one letter each."""
    rows = [
        (f"{number:03d}", START + timedelta(days=place), event)
        for number, events in enumerate(journeys)
        for place, event in enumerate(events)
    ]
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))


FEW = log("B", "B", "VB", "V")
MANY = log(*(["B"] * 40 + ["VB"] * 9 + ["VRB"] * 7 + ["RB", "RVR", "V", "LB", "LVB", "MB", "MV", "N", "NB"] * 3))


def drawn(fig, which=0):
    """Add up how high the bars of a lying Sankey are, in people, a column's place on the paper."""
    trace = fig.data[which]
    into, out = Counter(), Counter()
    for source, target, value in zip(trace.link.source, trace.link.target, trace.link.value, strict=True):
        out[source] += value
        into[target] += value
    seen = [n for n, colour in enumerate(trace.node.color) if colour != "rgba(0,0,0,0)"]
    sums = Counter()
    for n in seen:
        if trace.node.label[n] not in {"(drop-off)", "(continues)"}:
            sums[round(trace.node.x[n], 6)] += max(into[n], out[n])
    return [sums[x] for x in sorted(sums)]


def written(fig):
    """Add up the numbers beside the names, a column's place on the paper."""
    sums = Counter()
    for note in fig.layout.annotations:
        if "<span" in note.text:
            number = note.text.split("<span")[1].split(">")[1].split("<")[0]
            sums[round(note.x if note.xref == "paper" else 0, 6)] += int(number.replace(",", ""))
    return [sums[x] for x in sorted(sums)]


def sankeys(fig):
    """List the drawn flows, without the entries of the legend."""
    return [trace for trace in fig.data if trace.type == "sankey"]


OPTIONS = [
    {"end": "B", "who": "all"},
    {"end": "B"},
    {"end": "B", "align": "end"},
    {"end": "B", "who": "all", "top": 1},
    {"end": "B", "who": "all", "steps": 2},
    {"end": "B", "occurrence": "each", "who": "all"},
    {"start": "V"},
    {},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("of", [FEW, MANY])
def test_each_column_of_the_picture_is_all_who_are_there(of, options):
    flow = of.flow(**options)
    count = next(name for name in ("people", "sessions", "entries") if name in flow.nodes.columns)
    there = [n for _, n in flow.nodes.group_by("position").agg(pl.col(count).sum()).sort("position").rows()]
    fig = flow.plot()
    assert drawn(fig) == there
    assert written(fig) == there
    upright = flow.plot(narrow=True)
    numbers = [note.text.split("<span")[1] for note in upright.layout.annotations if "<span" in note.text]
    assert sum(int(said.split(">")[1].split("<")[0]) for said in numbers) == sum(there)


def test_a_path_that_starts_at_the_goal_is_drawn_as_one_node():
    said = [note.text for note in log("B", "B").flow(end="B").plot().layout.annotations]
    assert [text.split(" <")[0] for text in said] == ["B", "First touch"]
    fig = FEW.flow(end="B", who="all").plot()
    trace = fig.data[0]
    # The bar and its twin, by which it is as high as its people, stand in one place and say the same.
    unseen = trace.node.color.index("rgba(0,0,0,0)")
    real = next(n for n, name in enumerate(trace.node.label) if name == "B" and trace.node.x[n] == trace.node.x[unseen])
    assert trace.node.y[real] == pytest.approx(trace.node.y[unseen])
    assert trace.node.customdata[real] == trace.node.customdata[unseen] == '2 people entered "B", step 1.'
    assert trace.link.color[-1] == "rgba(0,0,0,0)"


def test_a_head_belongs_to_its_position_where_the_first_columns_are_empty():
    said = [note.text for note in FEW.flow(end="B", align="end").plot().layout.annotations]
    assert said[-2:] == ["Just before", "<b>B</b>"]


def test_a_fold_keeps_those_who_have_no_ribbon():
    table = pl.DataFrame({"position": [0] * 3, "source": list("ACD"), "target": ["B"] * 3, "people": [9, 2, 1]})
    nodes = pl.DataFrame({"position": [0] * 5 + [1], "node": [*"ABCDE", "B"], "people": [9, 4, 2, 1, 5, 12]})
    fig = sankey.draw_sankey(table, nodes=nodes, goal="B", most=1)
    assert drawn(fig) == written(fig) == [21, 12]
    assert '3 smaller nodes drawn as "(other)".' in fig.layout.title.text


def shares(nodes, part):
    table = nodes.group_by("position").agg(pl.col(part).sum()).sort("position")
    return [share for _, share in table.rows() if share > 0]


@pytest.mark.parametrize("narrow", [False, True])
def test_both_flows_show_everybody_who_is_there(narrow):
    flow = MANY.flow(end="B", who="all", against=MANY.only([f"{n:03d}" for n in range(0, 83, 3)]))
    sizes = flow.journey_count, flow.other.journey_count
    fig = flow_difference.draw_both(flow.table, nodes=flow.nodes, goal="B", sizes=sizes, narrow=narrow)
    numbers = [int(note.text.split("<span")[1].split(">")[1].split("<")[0]) for note in fig.layout.annotations
               if "<span" in note.text]  # fmt: skip
    assert sum(numbers) == flow.nodes["people"].sum() + flow.nodes["against_people"].sum()
    if not narrow:
        for which, part in enumerate(("share_of_start", "against_share_of_start")):
            assert drawn(fig, which) == pytest.approx(shares(flow.nodes, part))


ROWS = [(0, "V", "B", 0.3, 0.5, -0.2, 0.001), (0, "V", "R", 0.4, 0.3, 0.1, 0.01), (1, "R", "B", 0.1, 0.15, -0.05, 0.4)]
MOVES = pl.DataFrame(ROWS, schema=["position", "source", "target", *flow_difference.SHARES, "q_value"], orient="row")
PLACES = pl.DataFrame(
    [(0, "B", 0.25, 0.1, 0.15), (0, "V", 0.75, 0.9, -0.15), (1, "B", 0.3, 0.5, -0.2), (1, "R", 0.4, 0.3, 0.1),
     (2, "B", 0.1, 0.15, -0.05)],
    schema=["position", "node", *flow_difference.SHARES], orient="row",
)  # fmt: skip


@pytest.mark.parametrize("narrow", [False, True])
def test_a_difference_is_shown_by_signed_numbers_at_nodes(narrow):
    fig = flow_difference.draw_flow_difference(MOVES, nodes=PLACES, goal="B", narrow=narrow)
    beside = [note.text.split("<span")[1].split(">")[1].split("<")[0] for note in fig.layout.annotations[:-1]
              if "<span" in note.text]  # fmt: skip
    assert sorted(beside) == sorted(["+15.0", "−15.0", "−20.0", "+10.0", "−5.0"])
    # Without nodes they are counted from the links.
    counted = flow_difference.draw_flow_difference(MOVES, goal="B", narrow=narrow).layout.annotations
    assert any("−20.0" in note.text for note in counted)
    assert any("+10.0" in note.text for note in counted)
    assert "numbers: points of all who start" in fig.layout.annotations[-1].text


def test_a_difference_has_its_numbers_on_wide_ribbons_and_none_on_a_name():
    fig = flow_difference.draw_flow_difference(MOVES, nodes=PLACES, goal="B")
    on_ribbons = [note.text for note in fig.layout.annotations if note.xanchor == "right"]
    assert on_ribbons == ["−20.0", "+10.0", "−5.0"]


def test_fewer_is_hollow_and_more_is_filled_so_that_greys_tell_them_apart():
    fig = flow_difference.draw_flow_difference(MOVES, nodes=PLACES, goal="B")
    fill = {round(n, 2): float(shade.rstrip(")").split(",")[-1])
            for n, shade in zip(fig.data[0].link.value, fig.data[0].link.color, strict=True)}  # fmt: skip
    assert fill[0.1] == 0.75
    assert fill[0.2] < 0.2
    assert fill[0.05] < fill[0.2]
    assert [shape.line.color.split(",")[-1] for shape in fig.layout.shapes] == ["1)", "0.5)"]
    upright = flow_difference.draw_flow_difference(MOVES, nodes=PLACES, goal="B", narrow=True)
    assert sorted(trace.line.width for trace in upright.data if "→" in (trace.text or "")) == [0, 1.2, 1.2]


WIDE = pl.DataFrame(
    [(0, "V", "R", 80), (0, "V", "L", 20), (0, "N", "R", 10), (1, "R", "B", 60), (1, "R", "L", 30), (1, "L", "B", 5)],
    schema=["position", "source", "target", "people"], orient="row",
)  # fmt: skip


def test_of_a_way_only_those_are_set_off_who_went_all_of_it():
    fig = sankey.draw_sankey(WIDE, goal="B", path=["V", "R", "B"], path_people=35)
    link = fig.data[0].link
    bright = [n for n, shade in zip(link.value, link.color, strict=True) if shade.endswith(",0.85)")]
    assert bright == [35, 35]
    assert sum(link.value) == 205, "the two parts of a ribbon are all of it"
    assert [sum(drawn(fig)[:1]), len(link.value)] == [110, 8]
    said = [" ".join(text.split("<br>")).replace("\u00a0", " ") for text in link.customdata]
    both = [text for text in said if text.startswith('80 people went from "V" to "R"')]
    assert len(both) == 2
    assert len(set(both)) == 1
    assert both[0].endswith("; highlighted: the 35 who took the complete path.")
    upright = sankey.draw_sankey(WIDE, goal="B", path=["V", "R", "B"], path_people=35, narrow=True)
    assert sum(str(trace.fillcolor).endswith(",0.85)") for trace in upright.data) == 2
    assert len(sankey.draw_sankey(WIDE, goal="B", path=["V", "R", "B"], path_people=80).data[0].link.value) == 6


@pytest.mark.parametrize("narrow", [False, True])
def test_the_greys_of_two_flows_are_explained_and_differ_without_colour(narrow):
    flow = MANY.flow(end="B", who="all", steps=2, against=MANY.only([f"{n:03d}" for n in range(0, 83, 3)]))
    for kind, first, more in (
        ("both", "B", ["(other): small ones together"] * narrow),
        ("difference", "node: its size is what differs there", []),
    ):
        fig = flow.plot(kind=kind, narrow=narrow)
        entries = [trace for trace in fig.data if trace.type == "scatter" and trace.showlegend]
        ends = ["stub: dropped off", "stub: went on beyond the last column"]
        assert [trace.name for trace in entries] == [first, *ends, *more]
        assert [bool(trace.marker.line.width) for trace in entries] == [False, False, True, *(True for _ in more)]
        assert fig.layout.showlegend
        hollow = {(trace.node.label[n], colour) for trace in sankeys(fig) for n, colour in enumerate(trace.node.color)}
        assert narrow or ("(continues)", LIGHT.paper) in hollow
        outlines = [shape for shape in fig.layout.shapes if shape.type == "rect"]
        assert narrow or outlines


def test_of_two_flows_each_has_its_own_share_set_off():
    table = pl.DataFrame([(0, "V", "B", 0.8, 0.5, 0.3), (0, "V", "R", 0.2, 0.5, -0.3), (1, "R", "B", 0.1, 0.5, -0.4)],
                         schema=["position", "source", "target", *flow_difference.SHARES], orient="row")  # fmt: skip
    paths = [(0, ["V", "B"]), (0, ["V", "R", "B"])]
    fig = flow_difference.draw_both(table, goal="B", paths=paths, path_people=[60, 10], sizes=[100, 40])
    bright = [
        [n for n, shade in zip(one.link.value, one.link.color, strict=True) if shade.endswith(",0.85)")]
        for one in sankeys(fig)
    ]
    assert bright == [[0.6], [0.25, 0.25]]
