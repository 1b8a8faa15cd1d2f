"""What a picture of a flow shows of a column adds up to the people of that column, with and without ribbons."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import polars as pl
import pytest

import journeys as jn
from journeys.charts import sankey

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


def drawn(fig):
    """Add up how high the bars of a lying Sankey are, in people, a column's place on the paper."""
    trace = fig.data[0]
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
    there = [n for _, n in flow.nodes.group_by("position").agg(pl.col("people").sum()).sort("position").rows()]
    fig = flow.plot()
    assert drawn(fig) == there
    assert written(fig) == there
    upright = flow.plot(narrow=True)
    numbers = [note.text.split("<span")[1] for note in upright.layout.annotations if "<span" in note.text]
    assert sum(int(said.split(">")[1].split("<")[0]) for said in numbers) == sum(there)


def test_who_begins_and_ends_at_the_goal_is_in_the_picture_alone_or_not():
    said = [note.text for note in log("B", "B").flow(end="B").plot().layout.annotations]
    assert [text.split(" <")[0] for text in said] == ["B", "First touch"]
    fig = FEW.flow(end="B", who="all").plot()
    trace = fig.data[0]
    # The bar and its twin, by which it is as high as its people, stand in one place and say the same.
    unseen = trace.node.color.index("rgba(0,0,0,0)")
    real = next(n for n, name in enumerate(trace.node.label) if name == "B" and trace.node.x[n] == trace.node.x[unseen])
    assert trace.node.y[real] == pytest.approx(trace.node.y[unseen])
    assert trace.node.customdata[real] == trace.node.customdata[unseen] == "2 people at B, step 1."
    assert trace.link.color[-1] == "rgba(0,0,0,0)"


def test_a_head_belongs_to_its_position_where_the_first_columns_are_empty():
    said = [note.text for note in FEW.flow(end="B", align="end").plot().layout.annotations]
    assert said[-2:] == ["Just before", "<b>B</b>"]


def test_a_fold_keeps_those_who_have_no_ribbon():
    table = pl.DataFrame({"position": [0] * 3, "source": list("ACD"), "target": ["B"] * 3, "people": [9, 2, 1]})
    nodes = pl.DataFrame({"position": [0] * 5 + [1], "node": [*"ABCDE", "B"], "people": [9, 4, 2, 1, 5, 12]})
    fig = sankey.draw(table, nodes=nodes, goal="B", most=1)
    assert drawn(fig) == written(fig) == [21, 12]
    assert "3 smaller nodes drawn as “(other)”." in fig.layout.title.text
