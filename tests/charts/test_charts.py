"""Every chart: what it draws is what the table says, for few and many, tiny and huge, trusted and not."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import polars as pl
import pytest

from journeys.charts import correlation, funnel, identity, sankey
from journeys.charts.theme import DARK, LIGHT
from tests.charts import frames

SIZES = [[5013, 1052, 578, 86], [10**9, 10**8, 7, 0], [3, 3, 3, 3], [1, 0, 0, 0]]
STEPS = ["Loaded a Page", "Signed Up", "Created Project", "Upgraded Plan"]


def words(fig) -> str:
    texts = [a.text for a in fig.layout.annotations]
    for trace in fig.data:
        if trace.type != "sankey" and trace.text is not None:
            texts += [trace.text] if isinstance(trace.text, str) else list(trace.text)
    return " | ".join(str(t) for t in texts)


def everything(fig) -> str:
    return fig.to_json()


@pytest.mark.parametrize("people", SIZES)
@pytest.mark.parametrize("narrow", [False, True])
def test_funnel_bars_are_the_people(people, narrow):
    fig = funnel.draw_funnel(frames.funnel(STEPS, people), narrow=narrow)
    assert list(fig.data[0].x) == people
    said = words(fig)
    for here, following in pairwise(people):
        assert f"{here - following:,} lost" in said


def test_funnel_has_one_accent_the_goal():
    fig = funnel.draw_funnel(frames.funnel(STEPS, SIZES[0]))
    assert [colour == LIGHT.goal for colour in fig.data[0].marker.color] == [False, False, False, True]
    dark = funnel.draw_funnel(frames.funnel(STEPS, SIZES[0]), dark=True)
    assert dark.data[0].marker.color[-1] == DARK.goal


def test_funnel_sets_off_the_loss_that_was_asked_for():
    said = words(funnel.draw_funnel(frames.funnel(STEPS, SIZES[0]), loudest=1))
    assert "<b>474 lost</b>" in said
    assert "<b>3,961 lost</b>" not in said


def test_funnel_of_nobody_says_so():
    assert "No one" in words(funnel.draw_funnel(frames.funnel(STEPS, [0, 0, 0, 0])))
    assert "no steps" in words(funnel.draw_funnel(frames.funnel([], [])))


def test_groups_have_a_dot_each_and_few_are_hollow():
    big, few = frames.funnel(STEPS, [1000, 200, 100, 50]), frames.funnel(STEPS, [12, 6, 3, 0])
    table = pl.concat([t.select(pl.lit(name).alias("by"), pl.all()) for name, t in (("Big", big), ("Few", few))])
    fig = funnel.draw_funnel(table, by="by")
    dots = [trace for trace in fig.data if trace.mode == "markers+text"]
    ends = [axis.range[1] for axis in (fig.layout.xaxis, fig.layout.xaxis2)]
    assert [list(trace.x) for trace in dots] == [[0.2, ends[0]], [0.1, ends[1]], [0.05, 0.0]]
    assert all(trace.marker.color[1] == LIGHT.paper != trace.marker.color[0] for trace in dots)


def test_many_small_groups_stay_in_the_table():
    table = pl.concat(
        frames.funnel(STEPS, [people, 1, 1, 0]).select(pl.lit(name).alias("by"), pl.all())
        for name, people in [("A", 900), ("B", 800), *((f"small {i}", 2) for i in range(20))]
    )
    fig = funnel.draw_funnel(table, by="by", title="x")
    assert "20 groups of fewer than 30 people" in fig.layout.title.text
    assert len(fig.layout.yaxis.tickvals) == 2


FLOW = [
    (0, "Visit", "Sign up", 60),
    (0, "Visit", "Read", 30),
    (0, "Visit", "(drop-off)", 10),
    (1, "Sign up", "Upgrade", 20),
    (1, "Sign up", "(drop-off)", 40),
    (1, "Read", "Upgrade", 5),
    (1, "Read", "(continues)", 25),
]


def test_sankey_nodes_stand_in_the_columns_of_their_positions():
    fig = sankey.draw_sankey(frames.links(FLOW), goal="Upgrade")
    trace = fig.data[0]
    where = dict(zip(trace.node.label, trace.node.x, strict=True))
    assert where["Visit"] < where["Sign up"] == where["Read"] < where["Upgrade"]
    assert all(0 < x < 1 for x in trace.node.x), "Plotly takes 0 for missing"
    assert all(y > 0 for y in trace.node.y)


def test_sankey_draws_each_link_once_with_its_people():
    trace = sankey.draw_sankey(frames.links(FLOW), goal="Upgrade").data[0]
    names = trace.node.label
    drawn = [
        (names[s], names[t], v) for s, t, v in zip(trace.link.source, trace.link.target, trace.link.value, strict=True)
    ]
    assert sorted(drawn) == sorted((source, target, people) for _, source, target, people in FLOW)


def test_sankey_nodes_of_a_column_never_touch_and_labels_have_room():
    rows = [(p, f"E{i}", f"E{(i * 7 + p) % 25}", 1 + (i * 13 + p) % 40) for p in range(11) for i in range(25)]
    for narrow in (False, True):
        fig = sankey.draw_sankey(frames.links(rows), narrow=narrow)
        columns: dict[float, list[float]] = {}
        for note in fig.layout.annotations[:-12]:
            columns.setdefault(round(note.x, 4), []).append(note.y * (fig.layout.height - fig.layout.margin.t - 10))
        for heights in columns.values():
            heights.sort()
            assert all(b - a >= 12 for a, b in pairwise(heights))


def test_sankey_is_the_same_whatever_the_order_of_rows():
    table = frames.links(FLOW)
    one, other = (sankey.draw_sankey(t, goal="Upgrade").data[0] for t in (table, table.reverse()))
    assert one.node.to_plotly_json() == other.node.to_plotly_json()
    assert one.link.to_plotly_json() == other.link.to_plotly_json()


def loud(fig):
    trace = fig.data[0]
    names = trace.node.label
    return {
        (names[s], names[t])
        for s, t, colour in zip(trace.link.source, trace.link.target, trace.link.color, strict=True)
        if colour.endswith("0.85)")
    }


def test_sankey_sets_off_the_way_that_is_given_and_makes_none_up():
    assert loud(sankey.draw_sankey(frames.links(FLOW), goal="Upgrade")) == set()
    given = sankey.draw_sankey(frames.links(FLOW), goal="Upgrade", path=["Visit", "Read", "Upgrade"])
    assert loud(given) == {("Visit", "Read"), ("Read", "Upgrade")}
    late = sankey.draw_sankey(frames.links(FLOW), goal="Upgrade", path=["Read", "Upgrade"], begins=1)
    assert loud(late) == {("Read", "Upgrade")}


def test_sankey_folds_the_smallest_links_and_says_so():
    many = [(0, "Visit", f"Page {n:02d}", 100 if n < 30 else 1) for n in range(50)]
    many += [(1, f"Page {n:02d}", "Upgrade", 1) for n in range(50)]
    fig = sankey.draw_sankey(frames.links(many), title="Many", goal="Upgrade", path=["Visit", "Page 40", "Upgrade"])
    clear = [
        n for n, colour in zip(fig.data[0].link.value, fig.data[0].link.color, strict=True) if colour.endswith(",0)")
    ]
    assert clear == [1] * 68  # of 70; two are the way that is set off
    assert "68 links of at most 1, 2.2% of all steps, not drawn." in fig.layout.title.text
    assert sum(fig.data[0].link.value) == 3070
    few = sankey.draw_sankey(frames.links(many[:45]), title="Few", goal="Upgrade")
    assert "undrawn" not in few.layout.title.text
    assert (
        "undrawn"
        not in sankey.draw_sankey(frames.links(many), title="All", goal="Upgrade", smallest=0.0).layout.title.text
    )


def test_sankey_of_very_many_nodes_draws_the_largest_and_says_so():
    many = [(0, f"Start {n}", f"Page {n}", 1 + n % 7) for n in range(500)]
    many += [(0, "Start 3", "Upgrade", 1), (0, "Start 4", "(drop-off)", 2)]
    fig = sankey.draw_sankey(frames.links(many), title="Many", goal="Upgrade", path=["Start 3", "Upgrade"])
    names = list(fig.data[0].node.label)
    assert {"Start 3", "Upgrade", "(other)", "(drop-off)"} <= set(names)
    assert len(names) == 2 * 51 + 1 + names.count("(drop-off)")
    assert sum(fig.data[0].link.value) == sum(people for *_, people in many)
    assert '900 smaller nodes drawn as "(other)"' in fig.layout.title.text


def said_of_links(rows, **columns):
    table = frames.links(rows).with_columns(**{name: pl.lit(value) for name, value in columns.items()})
    fig = sankey.draw_sankey(table, goal="Upgrade", unit=columns.pop("unit", "person"))
    return " ".join(fig.data[0].link.customdata).replace("<br>", " ").replace("\u00a0", " ")


def test_sankey_hover_says_sentences():
    said = said_of_links(FLOW)
    assert '60 people went from "Visit" to "Sign up": 60% of those at "Visit"' in said
    assert '; 9.0% of all who go this way reached "Upgrade"; median 4 minutes.' in said
    assert '10 people left after "Visit": 10% of those there' in said
    assert '25 people went on from "Read", beyond the columns shown' in said


def test_sankey_names_the_base_and_the_interval_of_a_rate():
    sure = {"conversion_rate": 0.26, "ci_low": 0.2, "ci_high": 0.33, "converted": 38}
    others = said_of_links([(0, "A", "B", 38)], passed=149, **sure)
    assert '38 people went from "A" to "B": 100% of those at "A"' in others
    assert '; 26% (20–33%) of all 149 who go this way, shown or not, reached "Upgrade"' in others
    everyone = said_of_links([(0, "A", "B", 149)], passed=149, **sure)
    assert '; 26% (20–33%) of them reached "Upgrade"' in everyone
    few = said_of_links([(0, "A", "B", 3)], passed=4, converted=3, conversion_rate=0.75, ci_low=0.3, ci_high=0.95)
    assert '; 3 of all 4 who go this way, shown or not, reached "Upgrade": too few for a rate' in few
    assert "75%" not in few


def test_sankey_hover_calls_what_is_counted_by_its_name():
    for unit, words in (("session", "60 sessions went"), ("entry", "60 entries went")):
        trace = sankey.draw_sankey(frames.links(FLOW), goal="Upgrade", unit=unit).data[0]
        said = " ".join([*trace.link.customdata, *trace.node.customdata])
        assert words in said
        assert "people" not in said
        assert "person" not in said


def test_sankey_names_what_has_no_name():
    trace = sankey.draw_sankey(frames.links([(0, "", "  ", 3), (0, "", "B", 2)])).data[0]
    assert set(trace.node.label) == {"(no name)", "B", "(blank)"}
    assert any("from (no name) to (blank): 60" in said.replace("<br>", " ") for said in trace.link.customdata)


def test_sankey_colours_by_the_goal_only_where_enough_pass():
    table = frames.links([(0, "A", "B", 40), (0, "C", "B", 9)]).with_columns(phi=0.5, passed=pl.col("people"))
    nodes = pl.DataFrame({"position": [0, 0, 1], "node": ["A", "C", "B"], "phi": [0.5] * 3, "passed": [40, 9, 49]})
    trace = sankey.draw_sankey(table, goal="Upgrade", nodes=nodes, colour="goal").data[0]
    shade = dict(zip(trace.node.label, trace.node.color, strict=True))
    assert (shade["A"], shade["C"]) == (LIGHT.better, LIGHT.other)


def test_leaving_is_grey_whatever_an_event_is_called():
    colour_of = {"Visit": LIGHT.events[0], "(drop-off)": LIGHT.events[1], "(other)": LIGHT.events[2]}
    table = frames.links([*FLOW, (1, "Read", "(other)", 3)])
    trace = sankey.draw_sankey(table, goal="Upgrade", colour_of=colour_of).data[0]
    shades = set(zip(trace.node.label, trace.node.color, strict=True))
    assert {shade for name, shade in shades if name == "(drop-off)"} == {LIGHT.drop}
    assert {shade for name, shade in shades if name == "(other)"} == {LIGHT.other}


def boxes(fig):
    """Return where names stand on a telephone: left, right, top, foot, in pixels."""
    wide, high = 374, fig.layout.height - fig.layout.margin.t - fig.layout.margin.b
    for note in fig.layout.annotations:
        lines = note.text.split("<span")[0].removesuffix("<br>").split("<br>")
        left, foot = note.x * wide, (1 - note.y) * high - (note.yshift or 0)
        tall = 13.5 * (note.text.count("<br>") + 1)
        yield left, left + 5.6 * max(map(len, lines)), foot - tall, foot


@pytest.mark.parametrize("steps", [1, 5, 11])
def test_sankey_reads_downwards_on_a_telephone_with_names_apart(steps):
    rows = [(p, f"A rather long event {i}", f"A rather long event {(i * 7 + p) % 25}", 1 + (i * 13 + p) % 40)
            for p in range(steps) for i in range(25)]  # fmt: skip
    rows += [(p, "A rather long event 3", "(drop-off)", 5) for p in range(steps)]
    fig = sankey.draw_sankey(frames.links(rows), narrow=True, goal="A rather long event 3")
    placed = list(boxes(fig))
    assert len(placed) <= 6 * (steps + 1)
    for n, (left, right, top, foot) in enumerate(placed):
        assert 0 <= left
        assert right <= 382
        for other_left, other_right, other_top, other_foot in placed[:n]:
            apart = right <= other_left or other_right <= left or foot <= other_top + 1 or other_foot <= top + 1
            assert apart, (fig.layout.annotations[n].text, n)
    assert {trace.type for trace in fig.data} == {"scatter"}
    assert any("(other)" in note.text for note in fig.layout.annotations)


def test_sankey_gives_a_name_the_free_room_that_is_there():
    rows = [(p, "Loaded a Page", "Created Task", 50) for p in range(11)]
    rows += [(p, "Created Task", "Loaded a Page", 50) for p in range(11)]
    said = {
        note.text.split(" <span")[0].replace("<br>", " ")
        for note in sankey.draw_sankey(frames.links(rows)).layout.annotations
    }
    assert {"Loaded a Page", "Created Task"} <= said
    assert not any("…" in name for name in said)


def test_sankey_draws_a_person_equally_high_in_every_column():
    from journeys.charts.sankey.layout import lay_out

    laid = lay_out([*FLOW, (3, "Late start", "Upgrade", 70)], goal="Upgrade")
    heights = {round(one.height / one.people, 9) for one in laid.nodes if one.height > 0.5}
    assert len(heights) == 1
    assert laid.height >= laid.scaled


def test_sankey_without_links_and_with_one():
    assert "No journeys" in words(sankey.draw_sankey(frames.links([])))
    assert list(sankey.draw_sankey(frames.links([(0, "A", "(drop-off)", 1)])).data[0].link.value) == [1]


def test_correlation_dots_are_phi_and_what_does_not_hold_is_hollow():
    table = frames.correlation(
        [("Invited", 0.5, 0.001), ("Read", 0.05, 0.4), ("Left", -0.3, 0.01), ("All", None, None)]
    )
    fig = correlation.draw_correlation(table, goal="Upgraded Plan", set_apart=[("Saw Invoice", "only after it")])
    dots = fig.data[-1]
    assert list(dots.x) == [0.5, 0.05, -0.3]
    assert [colour == LIGHT.paper for colour in dots.marker.color] == [False, True, False]
    said = words(fig)
    assert "30 of 100  <b>30%</b>" in said
    assert "10 of 900  <b>1.1%</b>" in said
    assert "Saw Invoice – only after it" in said
    assert "All – undefined" in said
    assert "cause" not in everything(fig)
    assert "drive" not in everything(fig)


def test_correlation_counts_what_it_does_not_show():
    table = frames.correlation([(f"B{i}", 0.9 - i / 100, 0.001) for i in range(60)])
    assert "… and 40 more behaviours" in words(correlation.draw_correlation(table))
    assert "No behaviour can be compared" in words(correlation.draw_correlation(table.clear()))


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("narrow", [False, True])
def test_untrusted_names_never_reach_a_chart_as_markup(dark, narrow):
    names = frames.NASTY
    flow = [(p, a, b, 3) for p in range(2) for a, b in pairwise(names)]
    figures = [
        funnel.draw_funnel(frames.funnel(names, [50, 40, 30, 20, 10]), title=names[0], dark=dark, narrow=narrow),
        sankey.draw_sankey(frames.links(flow), goal=names[1], title=names[0], dark=dark, narrow=narrow),
        correlation.draw_correlation(
            frames.correlation([(n, 0.2, 0.01) for n in names]),
            goal=names[0],
            set_apart=[(names[0], names[1])],
            dark=dark,
            narrow=narrow,
        ),
    ]
    for fig in figures:
        text = everything(fig)
        assert "<b>Signed Up" not in text
        assert "&lt;b&gt;" in text or "\\u0026lt;b" in text
        assert "$a$" not in text
        assert "x" * 161 not in text


def test_identity_pictures():
    names = ["events", "anonymous events", "of these linked to a known person"]
    fig = identity.draw_linked_events(pl.DataFrame({"measure": names, "count": [1000, 600, 200]}))
    assert [bar.x[0] for bar in fig.data] == [400, 200, 400]
    assert "no events" in words(identity.draw_linked_events(pl.DataFrame({"measure": names, "count": [0, 0, 0]})))
    sizes = pl.DataFrame({"identifiers": range(1, 200), "people": range(1, 200)})
    assert len(identity.draw_identifier_counts(sizes, narrow=True).layout.xaxis.tickvals) <= 8
    link = {"id_type_a": "user_id", "id_a": "<u1>", "id_type_b": "email", "id_b": "a@b.example", "kind": "row"}
    more = {"first_seen": datetime(2026, 3, 1), "rows": 2, "source": "segment", "event": None, "reason": "two user_ids"}
    chain = identity.draw_evidence_chain(pl.DataFrame([link | more]))
    assert chain.data[0].line.dash == "dot"
    assert "refused: two user_ids" in words(chain)
    assert "<u1>" not in everything(chain)
