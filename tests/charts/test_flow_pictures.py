"""What the pictures of flows are drawn with: ways that somebody went, colours of the log, heads that hold."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest

import journeys as jn
from journeys.charts.theme import LIGHT

START = datetime(2026, 3, 1)


def log(*journeys, **columns):
    """Write a log: each journey is a text of events, one letter each, and is gone by so many people."""
    rows = []
    for number, (events, people) in enumerate(journeys):
        for person in range(people):
            for place, event in enumerate(events):
                rows.append((f"{number}-{person}", START + timedelta(hours=place), event))
    frame = pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row")
    return jn.Journeys.from_table(frame.with_columns(**columns))


WIDE = log(("ABX", 10), ("ACX", 9), ("ABC", 30), ("DBX", 4), ("DEBX", 11))


def shades(fig):
    trace = fig.data[0]
    return dict(zip(trace.node.label, trace.node.color, strict=True))


def test_the_way_that_is_set_off_is_one_that_people_went():
    # The widest links, A → B (40) and B → X (14), are of different people for the most part.
    flow = WIDE.flow(end="X", who="all")
    assert flow.most_travelled() == (0, ("D", "E", "B", "X"), 11)
    assert WIDE.flow(end="X", who="all", steps=3).most_travelled() == (0, ("A", "B", "X"), 10)
    gone = flow.people(path=["D", "E", "B", "X"]).people.height
    assert gone == 11
    trace = flow.plot().data[0]
    bright = {
        (trace.node.label[s], trace.node.label[t])
        for s, t, colour in zip(trace.link.source, trace.link.target, trace.link.color, strict=True)
        if colour.endswith("0.85)")
    }
    assert bright == {("D", "E"), ("E", "B"), ("B", "X")}
    assert "The most-travelled complete path is highlighted:<br>11 people" in flow.plot().layout.title.text.replace(
        "\u00a0", " "
    )


def test_the_way_begins_where_columns_count_back_from_the_end():
    flow = WIDE.flow(end="X", align="end", steps=6)
    assert flow.most_travelled() == (2, ("D", "E", "B", "X"), 11)
    assert WIDE.flow(end="X", align="end", steps=2).most_travelled() == (0, ("B", "X"), 25)


def test_a_way_of_named_nodes_is_preferred_and_none_is_made_up():
    many = log(("ABX", 5), *((f"A{letter}X", 4) for letter in "CDEFGHIJKLMN"))
    assert many.flow(end="X", top=1).most_travelled() == (0, ("A", "B", "X"), 5)
    assert WIDE.flow(end="X", who="dropped").most_travelled() is None
    assert WIDE.flow().most_travelled() is None
    assert log(("X", 3)).flow(end="X").most_travelled() is None


def test_shards_find_the_same_way(tmp_path):
    WIDE.save(tmp_path / "store", shards=3)
    there = jn.open(tmp_path / "store")
    for options in ({}, {"align": "end"}, {"who": "all", "steps": 3}):
        assert there.flow(end="X", **options).most_travelled() == WIDE.flow(end="X", **options).most_travelled()


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({}, "First touch"),
        ({"end": "X"}, "First touch"),
        ({"start": "B"}, "B"),
        ({"end": "X", "within": "7d"}, "Step 1"),
        ({"count": "sessions"}, "Session begins"),
        ({"end": "X", "occurrence": "each"}, "Step 1"),
        ({"end": "X", "align": "end", "steps": 3}, "2 before"),
    ],
)
def test_the_first_column_is_a_first_touch_only_where_it_is_one(options, first):
    said = [note.text for note in WIDE.flow(**options).plot().layout.annotations]
    assert first in said
    assert ("First touch" in said) == (first == "First touch")


def test_hover_of_a_flow_counts_what_was_counted():
    trace = WIDE.flow(count="sessions").plot().data[0]
    assert not any("people" in said for said in [*trace.link.customdata, *trace.node.customdata])


def test_an_event_has_the_colour_of_its_rank_in_every_picture_of_a_log():
    pages = log(("LRLX", 20), ("LLTR", 9), ("ML", 7))
    ranked = pages._log.ranked
    wanted = {name: LIGHT.events[rank] for rank, name in enumerate(ranked)}
    drawn = [
        shades(pages.flow().plot()),
        shades(pages.flow(end="X", who="all").plot()),
        shades(pages.flow(start="R").plot()),
        shades(pages.flow(against=pages.only(["0-1", "1-1"])).plot(kind="both")),
    ]
    graph = pages.transitions().plot_graph(min_share=0).data[0]
    drawn.append(dict(zip(graph.text, graph.marker.color, strict=True)))
    line = pages.timeline("1-1")
    drawn.append(dict(zip(line.table["event"], line.plot().data[0].marker.color, strict=True)))
    for found in drawn:
        for name, shade in found.items():
            if name in wanted and shade != LIGHT.goal:
                assert shade == wanted[name], name


def test_an_event_with_a_value_has_the_colour_of_the_event_and_a_group_that_of_its_first():
    pages = log(("LRLX", 20), ("LLTR", 9), page=pl.lit("/a"))
    ranked = pages._log.ranked
    found = shades(pages.flow(expand={"R": "page"}).plot())
    assert found["R: /a"] == LIGHT.events[ranked.index("R")]
    assert found["L"] == LIGHT.events[ranked.index("L")]
    grouped = shades(pages.flow(groups={"Both": ["R", "T"]}).plot())
    assert grouped["Both"] == LIGHT.events[ranked.index("R")]


def test_other_is_grey_in_the_graph_and_an_event_called_drop_off_paints_no_stub():
    many = log(*((f"A{letter}A", 3) for letter in "BCDEFGHIJ"))
    graph = many.transitions(top=2).plot_graph(min_share=0).data[0]
    assert dict(zip(graph.text, graph.marker.color, strict=True))["(other)"] == LIGHT.other
    frame = pl.DataFrame(
        {"person": ["a", "a", "b"], "event": ["(drop-off)", "V", "(drop-off)"], "timestamp": [START] * 3}
    )
    trace = jn.Journeys.from_table(frame).flow().plot().data[0]
    found = set(zip(trace.node.label, trace.node.color, strict=True))
    assert {shade for name, shade in found if name == "(drop-off)"} == {LIGHT.drop}
    assert {shade for name, shade in found if name == '"(drop-off)"'} == {LIGHT.events[0]}


def test_a_matrix_of_very_many_events_is_drawn_from_its_largest_part():
    people = 600
    frame = pl.DataFrame(
        {
            "person": [person for person in range(people) for _ in range(5)],
            "timestamp": [START + timedelta(minutes=n) for n in range(5 * people)],
            "event": [f"Event {(7 * n * n + n) % 2500:04d}" for n in range(5 * people)],
        }
    )
    found = jn.Journeys.from_table(frame).transitions()
    fig = found.plot()
    assert len(fig.data[0].z) == 25
    assert len(fig.data[0].z[0]) == 26
    there = found.table["source"].n_unique()
    assert f"of {there:,} rows" in fig.layout.title.text.replace("<br>", " ")


def test_the_matrix_has_what_the_table_has():
    found = log(("ABX", 3), ("BA", 2)).transitions()
    matrix = found.matrix()
    assert matrix.columns == ["source", "B", "A", "X", "(drop-off)"]
    assert matrix.rows() == [("B", 0, 0.4, 0.6, 0), ("A", 0.6, 0, 0, 0.4), ("X", 0, 0, 0, 1)]


def test_the_names_drawn_are_those_with_most_moves_between_names():
    found = log(*((f"{chr(256 + number)}", 9) for number in range(40)), ("AB", 2)).transitions()
    assert found.matrix().columns[1:3] == ["A", "B"]
    assert max(map(max, found.plot().data[0].z)) == 1
    assert found.plot().data[0].z[0][1] == 1


def test_a_replay_is_a_link_only_where_it_is_a_web_address():
    urls = ["https://rec.example/s/1?a=1&b=2", "javascript:alert(1)", 'https://x"><script>', "ftp://x", None]
    frame = pl.DataFrame({"person": "a", "event": "V", "timestamp": [START] * 5, "replay_url": urls})
    text = jn.Journeys.from_table(frame).timeline("a")._repr_html_()
    assert text.count("<a ") == 1
    assert '<a href="https://rec.example/s/1?a=1&amp;b=2" rel="noopener noreferrer">' in text
    assert "<script" not in text


@pytest.mark.parametrize("narrow", [False, True])
def test_every_picture_of_a_flow_has_a_form_for_a_telephone(narrow):
    against = WIDE.flow(end="X", who="all", against=WIDE.only(["0-1", "1-1", "3-2"]))
    flow = WIDE.flow(end="X", who="all")
    figures = [against.plot(kind=kind, narrow=narrow) for kind in ("difference", "both", "resonance")]
    figures += [draw(narrow=narrow) for draw in (flow.plot, flow.plot_steps, flow.plot_paths)]
    figures += [draw(narrow=narrow) for draw in (WIDE.transitions().plot, WIDE.transitions().plot_graph)]
    figures += [WIDE.dropoff("X").plot(narrow=narrow), WIDE.timeline("0-1").plot(narrow=narrow)]
    assert {fig.layout.title.font.size for fig in figures} == {16 if narrow else 18}
