"""What a node is called, against plain loops: values, expansion, cleaning, groups, hidden names; the goal's colours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.charts.theme import LIGHT
from tests.twins import flow as twin

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = 60_000_000
PATHS = [None, "/", "/p/12/?tab=1", "/p/77", "/p/12/x#top", "/deadbeef9/", "/P", "(other)", "", "/p//"]
EVENTS = ["Read A", "Read B", "Buy", "(other)", "(reached)"]

logs = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(EVENTS), st.sampled_from(PATHS)), max_size=8),
    min_size=1,
    max_size=5,
)
words = st.fixed_dictionaries(
    {},
    optional={
        "node": st.sampled_from(["event", "event", "page_path", "title"]),
        "expand": st.sampled_from([None, {"Read A": "page_path"}, {"Read A": "page_path", "Buy": "title"}]),
        "groups": st.sampled_from([None, {"Reading": ["Read *"]}, {"(other)": ["Bu?"], "Reading": ["Read A*", "Buy"]}]),
        "hide": st.sampled_from([[], ["Buy"], ["Read ?"], ["*A*"]]),
        "clean": st.sampled_from([None, True, False, [("p", "q"), ("q", "r")]]),
    },
)


def made(people: list[list[tuple[int, str, str | None]]]) -> tuple[jn.Journeys, dict[int, list[twin.Event]]]:
    """Make the log, and the same events person by person; one more person has every event."""
    people = [*people, [(0, event, None) for event in EVENTS]]
    rows = [
        {"person": person, "timestamp": EPOCH + timedelta(minutes=minute), "event": event, "page_path": path}
        for person, events in enumerate(people)
        for minute, event, path in events
    ]
    table = pl.DataFrame(rows, schema_overrides={"page_path": pl.String}).with_columns(title=pl.col("page_path"))
    own = {
        person: [
            twin.Event(m * MINUTE, e, {"page_path": p, "title": p}) for m, e, p in sorted(events, key=lambda e: e[0])
        ]
        for person, events in enumerate(people)
        if events
    }
    return jn.Journeys.from_table(table), own


@given(people=logs, asked=words, end=st.sampled_from([None, "Buy"]))
def test_names_of_nodes_agree_with_plain_loops(people: Any, asked: dict[str, Any], end: str | None) -> None:
    if asked.get("node", "event") != "event":
        asked = {**asked, "expand": None}
    j, own = made(people)
    found = twin.journeys(
        own,
        node=lambda event: twin.named(event, **asked),
        end=None if end is None else (lambda event: event.event == end),
        end_name=end or "",
    )
    expected = twin.links(found, top=None, who="all")
    wanted = {(r["position"], r["source"], r["target"]): r["people"] for r in expected if r["target"] is not None}
    table = j.flow(**asked, end=end, who="all", top=None).table
    assert {(p, s, t): n for p, s, t, n in table.select("position", "source", "target", "people").rows()} == wanted


EXPRESSIONS = [
    (pl.col("page_path"), lambda event: event.properties["page_path"]),
    (
        pl.when(pl.col("event").cast(pl.String) == "Buy").then(pl.lit("Money")).otherwise(pl.col("page_path")),
        lambda event: "Money" if event.event == "Buy" else event.properties["page_path"],
    ),
    (pl.col("timestamp").dt.minute() % 3, lambda event: str(event.time // MINUTE % 3)),
    (pl.col("event").cast(pl.String) + ":", lambda event: event.event + ":"),
    (pl.lit(None, dtype=pl.String), lambda event: None),
]


@given(
    people=logs,
    number=st.integers(0, len(EXPRESSIONS) - 1),
    hide=st.sampled_from([[], ["/p*"], ["Buy"]]),
    groups=st.sampled_from([None, {"Pages": ["/*"]}]),
    end=st.sampled_from([None, "Buy"]),
    top=st.sampled_from([None, 1]),
)
def test_nodes_from_expressions_agree_with_plain_loops(
    *, people: Any, number: int, hide: list[str], groups: Any, end: str | None, top: int | None
) -> None:
    expression, name = EXPRESSIONS[number]
    j, own = made(people)

    def named(event: twin.Event) -> str | None:
        label = name(event)
        if label is None or any(twin.fits(p, event.event) or twin.fits(p, label) for p in hide):
            return None
        if groups and any(twin.fits(p, event.event) or twin.fits(p, label) for p in groups["Pages"]):
            label = "Pages"
        return f'"{label}"' if label in (twin.DROP, twin.OTHER, twin.CONTINUES, twin.REACHED) else label

    is_end = None if end is None else (lambda event: event.event == end)
    every = [event for events in own.values() for event in events]
    there = {*j._log.names} | {name(event) for event in every} - {None}
    asked = {"node": expression, "hide": hide, "groups": groups, "end": end, "who": "all", "top": top}
    if not all(any(twin.fits(p, one) for one in there) for p in (*hide, *(["/*"] if groups else []))):
        with pytest.raises(jn.UnknownNameError, match="(hide|groups): no event or node "):
            j.flow(**asked)
        return
    found = twin.journeys(own, node=named, end=is_end, end_name=end or "")
    expected = twin.links(found, top=top, who="all")
    wanted = {(r["position"], r["source"], r["target"]): r["people"] for r in expected if r["target"] is not None}
    table = j.flow(**asked).table
    assert {(p, s, t): n for p, s, t, n in table.select("position", "source", "target", "people").rows()} == wanted


@given(people=logs, steps=st.integers(1, 5), collapse=st.booleans(), top=st.sampled_from([None, 1]), some=st.booleans())
def test_people_alone_are_counted_as_with_times(people: Any, steps: int, collapse: bool, top: int, some: bool) -> None:
    j, own = made(people)
    j = j.where(pl.col("event") != "(other)") if not some else j.only([p for p in own if p % 2 == 0])
    kept = {
        p: [e for e in events if some or e.event != "(other)"] for p, events in own.items() if not some or p % 2 == 0
    }
    quoted = {p: [twin.Event(e.time, twin.named(e) or "", {}) for e in events] for p, events in kept.items() if events}
    expected = twin.links(twin.journeys(quoted, collapse=collapse), steps=steps, top=top)
    asked: dict[str, Any] = {"steps": steps, "collapse": collapse, "top": top}
    columns = ["position", "source", "target", "people"]
    bare, timed = (j.flow(**asked, times=times).table.select(columns).sort(columns) for times in (False, True))
    wanted = [(r["position"], r["source"], r["target"], r["people"]) for r in expected if r["target"]]
    assert bare.rows() == timed.rows() == sorted(wanted)


@pytest.mark.parametrize("shards", [1, 2])
def test_people_alone_of_a_plain_log(shards: int, tmp_path: Any) -> None:
    rows = [(p, m, e) for p, way in enumerate(["AAAB", "B", "BA" * 30, "A" * 40 + "C"]) for m, e in enumerate(way)]
    table = pl.DataFrame(rows, schema=["person", "minute", "event"], orient="row")
    stamp = pl.lit(EPOCH) + pl.duration(minutes="minute")
    j = jn.Journeys.from_table(table.select("person", "event", timestamp=stamp))
    j.save(tmp_path / "store", shards=shards)
    j = jn.open(tmp_path / "store")
    for asked in (j, j.only([0, 3]), j.where(pl.col("event") != "B"), j.only([])):
        for collapse in (True, False):
            bare, timed = (asked.flow(steps=4, collapse=collapse, times=times).table for times in (False, True))
            columns = ["position", "source", "target", "people", "share"]
            assert bare.select(columns).rows() == timed.select(columns).rows()
    expected = [(0, "A", "B", 1), (0, "A", "C", 1), (0, "B", "(drop-off)", 1), (0, "B", "A", 1)]
    first = j.flow(steps=4, times=False).table.filter(position=0).select("position", "source", "target", "people")
    assert sorted(first.rows()) == expected


def goals() -> Any:
    """A flow where Good goes with the goal, Bad with not, and Even with neither."""
    ways = [("Good", "Goal")] * 30 + [("Bad", "End")] * 30 + [("Even", "Goal")] * 20 + [("Even", "End")] * 20
    rows = [(p, m, e) for p, way in enumerate(ways) for m, e in enumerate(way)]
    table = pl.DataFrame(rows, schema=["person", "minute", "event"], orient="row")
    stamp = pl.lit(EPOCH) + pl.duration(minutes="minute")
    return jn.Journeys.from_table(table.select("person", "event", timestamp=stamp))


def test_colours_say_what_goes_with_the_goal() -> None:
    flow = goals().flow(end="Goal", who="all")
    drawn = flow.plot(colour="goal").data[0].node
    shade = dict(zip(drawn.label, drawn.color, strict=True))
    assert (shade["Good"], shade["Bad"], shade["Even"], shade["Goal"]) == (
        LIGHT.better, LIGHT.worse, LIGHT.other, LIGHT.goal,
    )  # fmt: skip
    said = dict(zip(drawn.label, drawn.customdata, strict=True))
    assert "50%" in said["Even"]
    assert 'reached "Goal"' in said["Even"].replace("<br>", " ")
    assert flow.plot().data[0].node.color != drawn.color


def test_the_range_of_phi_is_that_of_what_is_coloured() -> None:
    flow = goals().flow(end="Goal", who="all")
    # the goal itself has no colour of how it goes with itself
    good, end = (flow.nodes.filter(node=name)["phi"].item() for name in ("Good", "End"))
    assert flow.nodes.filter(node="Goal")["phi"].item() == pytest.approx(1.0)
    stated = flow.plot(colour="goal").layout.title.text.replace("<br>", " ")
    assert f"(phi −{-end:.2f} to {good:.2f})." in stated
    few = goals().only(list(range(20))).flow(end="Goal", who="all").plot(colour="goal").layout.title.text
    assert "fewer than 30 people." in few.replace("<br>", " ")


def test_colours_by_a_goal_need_one() -> None:
    with pytest.raises(jn.JourneysError, match="colour: this flow has no end to relate to"):
        goals().flow().plot(colour="goal")
    with pytest.raises(jn.JourneysError, match="colour: 'phi' is none of 'event', 'goal'"):
        goals().flow(end="Goal").plot(colour="phi")


def test_touch_points_resonate_with_an_end_only() -> None:
    half = goals().only(list(range(0, 100, 2)))
    with pytest.raises(jn.JourneysError, match="resonance: this flow has no end to reach"):
        half.flow(against=goals()).resonance()
    assert half.flow(end="Goal", who="all", against=goals()).resonance().table["node"].to_list()
