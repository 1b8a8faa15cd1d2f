"""Drop-offs, transitions, timelines and two flows side by side, against plain loops."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.analyses.test_flow import (
    EPOCH,
    MINUTE,
    ask,
    in_loops,
    journeys_of,
    log_of,
    logs,
    nodes_agree,
    options,
    unit_of,
)
from tests.twins import flow as twin


def is_goal(event: twin.Event) -> bool:
    return event.event == "X"


def test_drop_offs_agree_with_plain_loops() -> None:
    @given(people=logs, quiet=st.sampled_from([None, 1, 3]), hide=st.sampled_from([None, "B"]))
    def agree(people: list[list[tuple[int, str, str | None]]], quiet: int | None, hide: str | None) -> None:
        j, own = journeys_of(people)
        words: dict[str, Any] = {} if quiet is None else {"quiet": timedelta(minutes=quiet)}
        found = j.dropoff("X", hide=hide, **words)
        last = max(event.time for events in own.values() for event in events)
        since = None if quiet is None else last - quiet * MINUTE
        shown = twin.journeys(own, node=lambda e: None if e.event == hide else e.event, end=is_goal)
        expected = twin.drop_offs(shown, own, quiet_since=since)
        endings = {tuple(steps): people for _, steps, people in found.endings.rows()}
        assert endings == expected["endings"]
        assert {(a, b): (n, c) for a, b, n, c, _ in found.onward.rows()} == expected["onward"]
        by_event: Counter[str] = Counter()
        for steps, count in expected["endings"].items():
            by_event[steps[-1]] += count
        rows = {row["event"]: row for row in found.table.to_dicts()}
        assert {event: row["people"] for event, row in rows.items()} == by_event
        assert all(row["passed"] == expected["passed"][event] for event, row in rows.items())
        assert found.lost == sum(by_event.values())
        everybody = found.lost + found.reached + found.pending
        assert everybody == len(shown)
        for event, row in list(rows.items())[:2]:
            assert found.people(event).people.height == row["people"]

    agree()


def test_drop_off_shows_what_the_others_did() -> None:
    rows = [("a", 0, "Visit"), ("a", 1, "Help"), ("b", 0, "Visit"), ("b", 1, "Buy"), ("c", 0, "Visit")]
    found = log_of(rows).dropoff("Buy")
    assert found.table.select("event", "people", "passed", "last_steps", "instead").rows() == [
        ("Help", 1, 1, ["Visit", "Help"], None),
        ("Visit", 1, 3, ["Visit"], "Buy"),
    ]
    assert found.finding == 'Only 2 people never reached "Buy": too few for a finding.'
    (only,) = found.examples("Help")
    assert only.table["event"].to_list() == ["Visit", "Help"]
    assert "Help" in found._repr_html_()
    with pytest.raises(jn.UnknownNameError, match="event: no event 'Hlp'; did you mean 'Help'"):
        found.people("Hlp")
    assert [trace.type for trace in found.plot().data] == ["bar"]


def test_who_may_yet_go_on_is_in_no_rate() -> None:
    day = 24 * 60
    rows = [(name, minute, "V") for name, minute in (("a", 0), ("b", 0), ("c", 99 * day), ("d", 99 * day))]
    found = log_of([*rows, ("z", 100 * day, "Buy")]).dropoff("Buy", quiet="7d")
    assert (found.lost, found.pending, found.reached) == (2, 2, 1)
    assert found.table.select("event", "people", "passed", "loss_rate").rows() == [("V", 2, 2, 1.0)]
    assert found.finding == 'Only 2 people never reached "Buy": too few for a finding.'
    assert log_of(rows).dropoff("V", quiet="7d").table.is_empty()


def test_silence_is_that_of_the_last_event_whatever_it_is() -> None:
    day = 24 * 60
    # the last event repeats the first: its node has the time of the first
    repeated = log_of([("a", 0, "V"), ("a", 29 * day, "V"), ("b", 0, "V"), ("b", 30 * day, "Buy")])
    found = repeated.dropoff("Buy", quiet="14d")
    assert (found.lost, found.pending, found.reached) == (0, 1, 1)
    hidden = [("a", 0, "V"), ("a", 28 * day, "Read"), ("a", 29 * day, "Ping"), ("b", 30 * day, "Buy")]
    found = log_of(hidden).dropoff("Buy", quiet="36h", hide="Ping")
    assert (found.lost, found.pending, found.reached) == (0, 1, 1)
    # what the selection has cut away is not known of
    found = log_of(hidden).where(pl.col("event") != "Ping").dropoff("Buy", quiet="36h")
    assert (found.lost, found.pending, found.reached) == (1, 0, 1)
    assert found.people("Read").people["person"].to_list() == ["a"]


def test_transitions_agree_with_plain_loops() -> None:
    @given(people=logs, collapse=st.booleans(), times=st.booleans(), hide=st.sampled_from([None, "B"]))
    def agree(
        people: list[list[tuple[int, str, str | None]]], *, collapse: bool, times: bool, hide: str | None
    ) -> None:
        j, own = journeys_of(people)
        found = j.transitions(collapse=collapse, times=times, hide=hide)
        shown = {person: [e for e in events if e.event != hide] for person, events in own.items()}
        expected = dict(twin.transitions(shown, collapse=collapse))
        moves = {(a, b): n for a, b, n in found.table.select("source", "target", "moves").rows()}
        stops = Counter({name: n for (name, target), n in moves.items() if target == "(drop-off)"})
        assert {key: n for key, n in moves.items() if key[1] != "(drop-off)"} == expected
        assert stops == Counter(events[-1].event for events in shown.values() if events)
        sums = found.table.group_by("source").agg(pl.col("share").sum())["share"]
        assert sums.to_list() == pytest.approx([1.0] * sums.len())
        assert ("median_time" in found.table.columns) == times

    agree()


def test_the_matrix_has_every_share() -> None:
    found = log_of([("a", 0, "x"), ("a", 1, "y"), ("a", 2, "x"), ("b", 0, "z")]).transitions()
    matrix = found.matrix()
    assert matrix.columns == ["source", "x", "y", "z", "(drop-off)"]
    assert matrix.rows() == [
        ("x", 0.0, 0.5, 0.0, 0.5),
        ("y", 1.0, 0.0, 0.0, 0.0),
        ("z", 0.0, 0.0, 0.0, 1.0),
    ]
    few = log_of([("a", 0, "x"), ("a", 1, "y"), ("a", 2, "x"), ("b", 0, "z")]).transitions(top=1)
    assert set(few.table["source"]) == {"x", "(other)"}
    assert found.plot().data[0].type == "heatmap"
    assert found.plot_graph().data[0].type == "scatter"


def test_the_step_matrix_adds_up() -> None:
    flow = log_of([("a", 0, "x"), ("a", 1, "y"), ("b", 0, "x"), ("c", 0, "z"), ("c", 1, "y")]).flow(steps=3)
    matrix = flow.step_matrix()
    assert matrix.columns == ["node", "1", "2", "3"]
    # people who are nowhere have left before
    assert [matrix[column].sum() for column in ("1", "2", "3")] == pytest.approx([1.0, 1.0, 1.0])
    assert flow.plot_steps().data[0].type == "heatmap"
    j = log_of(
        [("a", 0, "V"), ("a", 1, "Buy"), ("b", 0, "V"), ("b", 1, "R"), ("c", 0, "V"), ("c", 1, "R"), ("c", 2, "Q")]
    )
    third = pytest.approx(1 / 3)
    assert j.flow(end="Buy", who="all", steps=4).step_matrix().rows() == [
        ("V", 1.0, 0.0, 0.0, 0.0),
        ("R", 0.0, pytest.approx(2 / 3), 0.0, 0.0),
        ("Buy", 0.0, third, 0.0, 0.0),
        ("Q", 0.0, 0.0, third, 0.0),
        # people who have arrived are still counted
        ("(reached)", 0.0, 0.0, third, third),
        ("(drop-off)", 0.0, 0.0, third, pytest.approx(2 / 3)),
    ]


@given(people=logs, who=st.sampled_from(["all", "converted", "dropped"]), steps=st.integers(1, 5))
def test_everybody_is_somewhere_in_the_step_matrix(people: Any, who: Any, steps: int) -> None:
    flow = journeys_of(people)[0].flow(end="X", who=who, steps=steps, top=2)
    matrix = flow.step_matrix().drop("node")
    assert matrix.sum().row(0) == pytest.approx([1.0 if flow.journey_count else 0.0] * steps)


def test_a_node_has_its_share_in_every_column_of_the_step_matrix() -> None:
    rows = [(f"p{n}", 0, "A" if n < 10 else "B") for n in range(14)]
    rows += [(f"p{n}", 1, "B" if n < 6 else "C") for n in range(10)]
    flow = log_of(rows).flow(steps=2, top=1)
    # B is of "(other)" in the first column of the flow
    assert flow.nodes.select("position", "node").rows() == [(0, "A"), (0, "(other)"), (1, "B"), (1, "(other)")]
    assert [(name, *map(pytest.approx, shares)) for name, *shares in flow.step_matrix().rows()] == [
        ("A", 10 / 14, 0.0),
        ("B", 4 / 14, 6 / 14),
        ("(other)", 0.0, 4 / 14),
        ("(drop-off)", 0.0, 4 / 14),
    ]


@given(people=logs, asked=options)
def test_the_step_matrix_agrees_with_plain_loops(people: Any, asked: dict[str, Any]) -> None:
    j, own = journeys_of(people)
    matrix = {row[0]: row[1:] for row in ask(j, asked).step_matrix().rows()}
    found, shown = in_loops(own, asked)
    steps, align, who = shown["steps"], shown["align"], shown["who"]
    names = set().union(*twin.shown_nodes(found, **shown).values())
    there = [journey for journey in found if twin.belongs(journey, who)]
    for position in range(steps):
        at = Counter(
            source if source in names else "(other)"
            for journey in there
            for (place, source, _), _ in twin.passed(journey, steps=steps, align=align)
            if place == position
        )
        for name in matrix.keys() - {"(reached)", "(drop-off)"}:
            assert matrix[name][position] == pytest.approx(at.pop(name, 0) / len(there))
        assert not at


def test_an_event_called_like_one_of_ours_still_follows() -> None:
    j = log_of([("a", 0, "x"), ("a", 1, "(reached)"), ("a", 2, "x"), ("a", 3, "(drop-off)")])
    assert j.transitions().table.select("source", "target", "moves").rows() == [
        ('"(drop-off)"', "(drop-off)", 1),
        ('"(reached)"', "x", 1),
        ("x", '"(drop-off)"', 1),
        ("x", '"(reached)"', 1),
    ]


def test_a_timeline_has_every_event_and_its_session() -> None:
    table = pl.DataFrame(
        {
            "person": ["a", "a", "a", "b"],
            "timestamp": [EPOCH, EPOCH + timedelta(minutes=10), EPOCH + timedelta(hours=5), EPOCH],
            "event": ["Visit", "Sign up", "Open", "Visit"],
            "source": ["web", "web", "mail", "web"],
            "plan": [None, "free", None, "pro"],
            "empty": [None, None, None, "x"],
            "replay_url": [None, "https://replay.example/1", None, None],
        }
    )
    line = jn.Journeys.from_table(table).timeline("a")
    assert line.table["session"].to_list() == [1, 1, 2]
    assert line.table.columns == ["timestamp", "event", "since_previous", "session", "source", "replay_url", "plan"]
    assert line.table["since_previous"].to_list() == [None, timedelta(minutes=10), timedelta(minutes=290)]
    assert line.finding == "Person a: 3 events in 2 sessions over 5 hours."
    figure = line.plot()
    assert len(figure.data[0].x) == 3
    assert "replay.example" in figure.data[0].hovertext[1]
    with pytest.raises(jn.UnknownNameError, match="person: no person 'zz'"):
        jn.Journeys.from_table(table).timeline("zz")


def two_groups() -> jn.Journeys:
    rows: list[tuple[Any, ...]] = []
    for i in range(200):
        spring = i % 2 == 0
        second = "Help" if (i // 2) % (2 if spring else 10) == 0 else "Read"
        rows += [(f"p{i:03d}", 0, "Visit", "spring" if spring else "ads"), (f"p{i:03d}", 1, second, None)]
        if second == "Read" and i % 3:
            rows.append((f"p{i:03d}", 2, "Buy", None))
    return log_of(rows, "campaign")


def test_two_flows_have_the_same_nodes_and_exact_differences() -> None:
    j = two_groups()
    spring, ads = (j.only(pl.col("first_campaign") == name) for name in ("spring", "ads"))
    both = spring.flow(end="Buy", who="all", against=ads)
    one, other = spring.flow(end="Buy", who="all"), ads.flow(end="Buy", who="all")
    for row in both.table.to_dicts():
        key = {name: row[name] for name in ("position", "source", "target")}
        here = one.table.filter(**key)["people"].sum()
        there = other.table.filter(**key)["people"].sum()
        assert (row["people"], row["against_people"]) == (here, there)
        assert row["difference"] == pytest.approx(here / 100 - there / 100)
    top = both.table.filter(position=0, target="Help").row(0, named=True)
    assert (top["people"], top["against_people"]) == (50, 10)
    assert top["q_value"] < 0.001
    assert top["difference_low"] < 0.4 < top["difference_high"]
    assert both.finding.startswith('50% go "Visit" → "Help" at step 1, 10% of the others: +40.0 points')
    assert both.resonance().table["node"].to_list()[0] == "Visit"
    assert both.people(link=(0, "Visit", "Help")).people.height == 50
    for kind, flows in (("difference", 1), ("both", 2)):
        drawn = both.plot(kind=kind).data
        # only the entries of the legend follow
        assert [trace.type for trace in drawn[:flows]] == ["sankey"] * flows
        assert all(trace.x == (None,) for trace in drawn[flows:])
    swapped = j.flow(end="Buy", who="all", against=pl.col("first_campaign") == "ads")
    assert swapped.table.equals(both.table)
    same = spring.flow(against=spring)
    assert same.table["difference"].abs().max() == 0
    assert same.finding == "No link differs between the two groups by more than chance."


def test_pictures_of_a_comparison_draw_the_difference_or_say_whose_paths_they_show() -> None:
    j = two_groups()
    spring, ads = (j.only(pl.col("first_campaign") == name) for name in ("spring", "ads"))
    flow = spring.flow(end="Buy", who="all", against=ads)
    figure = flow.plot_steps()
    matrices = [side.step_matrix() for side in (flow, flow.other)]
    here, there = ({row[0]: row[1:] for row in matrix.rows()} for matrix in matrices)
    names = list(figure.layout.yaxis.ticktext)
    assert set(names) == set(here) | set(there)
    columns = len(matrices[0].columns) - 1
    for name, line in zip(names, figure.data[0].z, strict=True):
        pairs = zip(here.get(name, [0] * columns), there.get(name, [0] * columns), strict=True)
        assert list(line) == pytest.approx([mine - other for mine, other in pairs])
    assert figure.data[0].zmin == -figure.data[0].zmax
    assert {note.text[0] for note in figure.layout.annotations} == {"+", "−"}
    assert "Positive: more here. Numbers: percentage points" in words_of(figure)
    assert "points" in figure.data[0].hovertext[0][0]
    said = words_of(flow.plot_paths())
    assert "This group only" in said
    assert "Positive" not in said
    assert "against" not in said


def words_of(figure: Any) -> str:
    return " ".join(figure.layout.title.text.replace("<br>", " ").split())


def test_the_overlap_of_both_groups_is_reported() -> None:
    j = two_groups()
    spring = j.only(pl.col("first_campaign") == "spring")
    apart = j.flow(against=pl.col("first_campaign") == "spring")
    assert apart.shared == 0
    assert apart.definition.endswith("against 100. Positive: more here.")
    said = "are in both; intervals and p-values allow for it."
    assert spring.flow(against=j).definition.endswith(f"Positive: more here. 100 people {said}")
    # in the selections all are in both, but only some have a journey in both flows
    first, later = (j.between(*days) for days in ((None, EPOCH + timedelta(minutes=1)), (EPOCH, None)))
    assert first.flow(against=later).shared == 200
    bought = j.flow(end="Buy").journey_count
    assert later.flow(start="Buy", against=j).shared == bought
    assert first.flow(start="Visit", against=j.where(pl.col("event") != "Visit")).shared == 0


def test_a_first_touch_of_a_period_is_called_so() -> None:
    j = log_of([("a", 0, "Visit"), ("a", 5, "Read"), ("b", 5, "Visit"), ("b", 9, "Read")])
    late, early = j.between(EPOCH + timedelta(minutes=3)), j.between(None, EPOCH + timedelta(minutes=6))
    for flow, head in ((late.flow(), "First touch in the period"), (early.flow(), "First touch"), (j.flow(), None)):
        stated = (head or "First touch").replace("First", "first")
        assert flow.definition.startswith(f"From {stated} on, ")
        heads = [note.text.replace("<br>", " ") for note in flow.plot().layout.annotations]
        assert any(head or "First touch" in one for one in heads)
        assert any("in the period" in one for one in heads) == (head == "First touch in the period")
    assert early.flow(against=late).definition.startswith("From first touch in the period on, ")
    assert "in the period" not in late.flow(start="Visit").definition


def test_compared_flows_agree_with_plain_loops() -> None:
    @given(people=logs, others=logs, asked=options)
    def agree(people: Any, others: Any, asked: dict[str, Any]) -> None:
        (j, own), (k, theirs) = journeys_of(people), journeys_of(others)
        both = ask(j, {**asked, "against": k})
        unit = unit_of(both)
        found, shown = in_loops(own, asked)
        against, _ = in_loops(theirs, asked)
        kept = twin.shown_nodes([*found, *against], **shown)
        here, there = (twin.nodes(side, **shown, kept=kept) for side in (found, against))
        nobody = {"people": 0, "passed": 0, "converted": 0, "phi": None}
        keys = {key for side in (here, there) for key, node in side.items() if node["people"]}
        nodes_agree(both.nodes, {key: here.get(key, nobody) for key in keys}, related=bool(asked.get("end")), unit=unit)
        rows = {(row["position"], row["node"]): row for row in both.nodes.to_dicts()}
        for key in keys:
            one, other = here.get(key, nobody), there.get(key, nobody)
            assert rows[key][f"against_{unit}"] == other["people"]
            if asked.get("end"):
                assert (rows[key]["against_passed"], rows[key]["against_converted"]) == (
                    other["passed"], other["converted"],
                )  # fmt: skip
                gap = None
                if one["passed"] and other["passed"]:
                    gap = pytest.approx(one["converted"] / one["passed"] - other["converted"] / other["passed"])
                assert rows[key]["rate_difference"] == gap
        links = [{(r["position"], r["source"], r["target"]): r for r in twin.links(side, **shown, kept=kept)}
                 for side in (found, against)]  # fmt: skip
        moves = {(row["position"], row["source"], row["target"]): row for row in both.table.to_dicts()}
        for key in {key for side in links for key, link in side.items() if key[2] is not None and link["people"]}:
            row, one, other = moves.pop(key), *(side.get(key, nobody) for side in links)
            assert (row[unit], row[f"against_{unit}"]) == (one["people"], other["people"])
            if asked.get("end"):
                assert (row["passed"], row["converted"]) == (one["passed"], one["converted"])
        assert not moves
        assert both.other.table.equals(ask(k, asked).table) or asked.get("top", 10) is not None
        assert (both.other.nodes[unit] > 0).all()

    agree()


def test_who_leaves_counts_against_a_touch_point() -> None:
    ways = {
        "a": [("Ad", "Demo")] * 50 + [("Ad", "Buy")] * 20,
        "b": [("Ad", "Demo", "Buy")] * 40 + [("Ad", "Demo")] * 10,
    }
    rows = [
        (f"{group}{number}", place, name)
        for group, found in ways.items()
        for number, way in enumerate(found)
        for place, name in enumerate(way)
    ]
    j = log_of(rows)
    both = j.only(pl.col("person").str.starts_with("a")).flow(
        end="Buy", against=j.only(pl.col("person").str.starts_with("b"))
    )
    table = both.resonance().table
    for node, rate, gap in (("Ad", 20 / 70, 20 / 70 - 0.8), ("Demo", 0.0, -0.8)):
        row = both.nodes.filter(node=node).row(0, named=True)
        assert (row["conversion_rate"], row["rate_difference"]) == (pytest.approx(rate), pytest.approx(gap))
        # the two tables of one comparison agree
        assert table.filter(node=node)["rate_difference"].item() == pytest.approx(gap)
    assert both.nodes.filter(node="Demo").select("people", "passed", "against_people", "against_passed").rows() == [
        (0, 50, 40, 50)
    ]


def test_resonance_agrees_with_plain_loops() -> None:
    ends = st.sampled_from(["X", "A", ["X", "C"]])
    grouped = st.sampled_from([None, {"G": ["B", "X"]}, {"X": ["X", "B"]}])

    @given(people=logs, others=logs, count=st.sampled_from(["people", "entries"]), end=ends, groups=grouped)
    def agree(people: Any, others: Any, count: str, end: Any, groups: Any) -> None:
        (j, own), (k, theirs) = journeys_of(people), journeys_of(others)
        asked: dict[str, Any] = {"end": end, "who": "all", "groups": groups} | (
            {"count": count, "start": "A"} if count != "people" else {}
        )
        words: dict[str, Any] = {
            "end": lambda event: event.event in end,
            "node": lambda event: twin.named(event, groups=groups),
        }
        if count != "people":
            words |= {"start": lambda event: event.event == "A", "start_name": "A", "occurrence": "each"}
            asked["occurrence"] = "each"
        both = j.flow(**asked, against=k)
        sides = []
        for side in (own, theirs):
            passed: Counter[str] = Counter()
            converted: Counter[str] = Counter()
            for journey in twin.journeys(side, **words):
                # where the end is reached is no touch point, whatever it is called
                for name in {name for name, _ in journey.nodes[: -1 if journey.converted else None]}:
                    passed[name] += 1
                    converted[name] += journey.converted
            sides.append((passed, converted))
        rows = both.resonance(min_people=0).table.to_dicts()
        assert {row["node"] for row in rows} == sides[0][0].keys() | sides[1][0].keys()
        for row in rows:
            for prefix, (passed, converted) in zip(("", "against_"), sides, strict=True):
                n = passed[row["node"]]
                assert row[f"{prefix}{count}"] == n
                rate = pytest.approx(converted[row["node"]] / n) if n else None
                assert row[f"{prefix}conversion_rate"] == rate

    agree()


def test_what_goes_with_the_end_is_counted_before_it() -> None:
    @given(people=logs, asked=options, end=st.sampled_from(["X", "A", ["X", "C"]]), links=st.booleans())
    def agree(people: Any, asked: dict[str, Any], end: Any, *, links: bool) -> None:
        asked = {name: word for name, word in {**asked, "end": end}.items() if name != "occurrence"}
        j, own = journeys_of(people)
        found, shown = in_loops(own, asked)
        flow = ask(j, asked)
        kept = twin.shown_nodes(found, **{**shown, "who": "all"})
        passed: Counter[Any] = Counter()
        converted: Counter[Any] = Counter()
        for journey in found:
            steps = [link for link, _ in twin.passed(journey, steps=shown["steps"], align=shown["align"])]
            for number, (position, source, target) in enumerate(steps):
                if target is None and journey.converted:
                    continue
                # the last move, where all of the journey is shown, leads to the end
                if links and number + 1 < len(steps) and steps[number + 1][2] is None and journey.converted:
                    continue
                key: tuple[Any, ...] = (position, twin.folded(kept, position, source))
                key += (twin.folded(kept, position + 1, target),) if links else ()
                passed[key] += 1
                converted[key] += journey.converted
        table = flow.correlation(of="links" if links else "nodes", min_people=0).table
        keys = ["position", "source", *(["target"] if links else [])]
        rows = {row[:-2]: row[-2:] for row in table.select(*keys, "both", "behaviour_only").rows()}
        assert rows == {key: (converted[key], passed[key] - converted[key]) for key in passed}

    agree()


def test_no_end_is_a_touch_point_whatever_it_is_called() -> None:
    rows: list[tuple[Any, ...]] = []
    for name in (f"{group}{n}" for group in "ab" for n in range(40)):
        number = int(name[1:])
        rows += [(name, 0, "Visit", "none")]
        rows += [(name, 1, "Read", "none")] * (number % 2 == 0)
        rows += [(name, 2, "Buy", "big" if number % 4 else "small")] * (number % 3 == 0)
    j = log_of(rows, "size")
    for words in (
        {"end": "Buy"},
        {"end": jn.step("Purchased", pl.col("event") == "Buy")},
        {"end": ["Buy"]},
        {"end": "Buy", "expand": {"Buy": "size"}},
        {"end": "Buy", "groups": {"Money": ["Buy"]}},
        {"end": "Buy", "groups": {"Step": ["Buy", "Read"]}},
        {"end": "Buy", "occurrence": "last"},
    ):
        names = {"Visit", "Step" if "Step" in words.get("groups", {}) else "Read"}
        both = j.flow(**words, against=pl.col("person").str.starts_with("b"))
        assert set(both.resonance().table["node"]) == names
        assert both.resonance().table["people"].sort().to_list() == [20, 40]
        assert set(j.flow(**words).correlation(min_people=0).table["source"]) == names
    # of a start that is an end as well, only the first is passed before it
    again = log_of([("a", 0, "A"), ("a", 1, "B"), ("a", 2, "A"), ("b", 0, "A")]).flow(start="A", end="A")
    found = (
        again.correlation(min_people=0).table.select("position", "source", "both", "behaviour_only").sort("position")
    )
    assert found.rows() == [(0, "A", 1, 1), (1, "B", 1, 0)]
    # only one group passes Read: there is nothing to compare, and it is shown where that was asked for
    rows = [("a", 0, "Visit"), ("a", 1, "Read"), ("b", 0, "Visit"), ("b", 1, "Buy")]
    one = log_of(rows).flow(end="Buy", against=pl.col("person") == "b")
    assert one.resonance().table["node"].to_list() == ["Visit"]
    shown = one.resonance(min_people=0).table.filter(node="Read").row(0, named=True)
    assert (shown["people"], shown["against_people"], shown["rate_difference"]) == (1, 0, None)


def test_touch_points_that_do_not_resonate_are_drawn() -> None:
    j = two_groups()
    both = j.flow(end="Buy", who="all", against=pl.col("first_campaign") == "ads")
    table = both.resonance().table
    help_, read, visit = (table.filter(node=name).row(0, named=True) for name in ("Help", "Read", "Visit"))
    assert (help_["people"], help_["conversion_rate"], help_["rate_difference"]) == (50, 0.0, 0.0)
    # passed once each, however often they come by
    assert (visit["people"], visit["against_people"]) == (100, 100)
    assert read["rate_low"] < read["rate_difference"] < read["rate_high"]
    assert table["q_value"].to_list() >= table["p_value"].to_list()
    figure = both.plot(kind="resonance")
    assert figure.layout.title.text.startswith('<b>"Visit" resonates least: ')
    assert [trace.type for trace in figure.data] == ["scatter"]
    with pytest.raises(jn.ArgumentError, match="kind: 'differnce' is none of 'difference', 'both', 'resonance'"):
        both.plot(kind="differnce")  # type: ignore[arg-type]


def test_flow_figures_say_what_they_count() -> None:
    flow = two_groups().flow(end="Buy", who="all")
    assert flow.finding == '46% of 200 people reach "Buy".'
    node = flow.nodes.filter(position=1, node="Read").row(0, named=True)
    assert node["conversion_rate"] == node["converted"] / node["passed"]
    assert node["ci_low"] < node["conversion_rate"] < node["ci_high"]
    behind = flow.people(node=(1, "Read")).people["person"]
    bought = set(flow.people(converted=True).people["person"])
    a, b = len(bought & set(behind)), len(set(behind) - bought)
    c, d = len(bought - set(behind)), 200 - len(bought | set(behind))
    phi = (a * d - b * c) / ((a + b) * (c + d) * (a + c) * (b + d)) ** 0.5
    assert node["phi"] == pytest.approx(phi)
    assert len(flow.plot_paths(5).layout.shapes) >= 2
    assert flow.plot(dark=True).data[0].type == "sankey"


def pulls_of(sides: list[tuple[list[twin.Journey], Any]], shown: dict[str, Any]) -> dict[Any, float]:
    """Work out in loops how much each person pulls the difference of each link's shares, and what follows from it."""
    counts: list[tuple[Counter[int], dict[Any, Counter[int]]]] = []
    for found, _ in sides:
        starts: Counter[int] = Counter()
        passing: dict[Any, Counter[int]] = {}
        for journey in found:
            if not twin.belongs(journey, shown["who"]):
                continue
            starts[journey.person] += 1
            for (position, source, target), _ in twin.passed(journey, steps=shown["steps"], align=shown["align"]):
                if target is not None:
                    passing.setdefault((position, source, target), Counter())[journey.person] += 1
        counts.append((starts, passing))
    (m, x), (k, y) = counts
    n, total = sum(m.values()), sum(k.values())
    errors = {}
    for key in {*x, *y}:
        here, there = x.get(key, Counter()), y.get(key, Counter())
        p, q = sum(here.values()) / n, sum(there.values()) / total
        pulls = [(here[i] - p * m[i]) / n - (there[i] - q * k[i]) / total for i in {*m, *k}]
        errors[key] = sum(pull**2 for pull in pulls) ** 0.5
    return errors


def test_people_in_both_groups_are_clusters() -> None:
    @given(people=logs, count=st.sampled_from(["people", "sessions"]), end=st.sampled_from([None, "X"]))
    def agree(people: Any, count: str, end: str | None) -> None:
        j, own = journeys_of(people)
        asked: dict[str, Any] = {"count": count, "end": end, "who": "all", "top": None, "gap": 2, "steps": 3}
        less = {person: [e for e in events if e.event != "B"] for person, events in own.items()}
        both = ask(j, {**asked, "against": j.where(pl.col("event") != "B")})
        (found, shown), (against, _) = (in_loops(side, asked) for side in (own, {p: e for p, e in less.items() if e}))
        expected = pulls_of([(found, None), (against, None)], shown)
        for row in both.table.to_dicts():
            error = expected[row["position"], row["source"], row["target"]]
            low, high = row["difference"] - 1.959964 * error, row["difference"] + 1.959964 * error
            assert (row["difference_low"], row["difference_high"]) == pytest.approx(
                (max(low, -1), min(high, 1)), abs=1e-6
            )

    agree()


def test_the_same_people_against_themselves_do_not_differ() -> None:
    j = two_groups()
    same = j.flow(end="Buy", who="all", against=j)
    assert same.shared == same.journey_count == 200
    assert (same.table["p_value"] == 1).all()
    assert (same.nodes["rate_p_value"] == 1).all()
    assert (same.table["difference_low"] == 0).all()
    assert same.finding == "No link differs between the two groups by more than chance."


def test_sessions_of_one_person_are_one_cluster_of_a_touchpoint() -> None:
    # 40 people of each side with 25 sessions that all convert or all do not: no more than 40 observations
    rows: list[Any] = []
    for at in range(80):
        converts = at % 2 == 0 if at < 40 else at % 4 == 0
        for session in range(25):
            rows += [(f"p{at:02d}", session * 100, "Visit"), (f"p{at:02d}", session * 100 + 1, "Read")]
            rows += [(f"p{at:02d}", session * 100 + 2, "Buy")] * converts
    j = log_of(rows)
    here, there = (j.only([f"p{at:02d}" for at in side]) for side in (range(40), range(40, 80)))
    sessions = here.flow(end="Buy", who="all", count="sessions", against=there).resonance()
    assert sessions.table["sessions"].to_list() == [1000, 1000]
    people = here.flow(end="Buy", who="all", against=there).resonance().table.filter(node="Read")
    row = sessions.table.filter(node="Read")
    assert row["rate_difference"][0] == pytest.approx(people["rate_difference"][0]) == 0.25
    assert row["p_value"][0] == pytest.approx(people["p_value"][0], abs=0.01)
    # people on both sides are no evidence for a difference
    same = here.flow(end="Buy", who="all", against=here).resonance().table
    assert same["p_value"].to_list() == [1.0, 1.0]
    assert same.select(pl.col("rate_low", "rate_high").abs().max() < 1e-9).row(0) == (True, True)
