"""What a flow says in words: the finding names something, and the definition says what is shown and what is not."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys.analyses.flow.text import label_columns
from tests.analyses.test_flow import ask, in_loops, journeys_of, log_of, logs, options
from tests.twins import flow as twin

ROWS = [
    ("a", 0, "Visit", "/a"), ("a", 1, "Read", "/b"), ("a", 90, "Help", None), ("a", 91, "Buy", None),
    ("b", 0, "Visit", "/a"), ("b", 1, "Read", "/b"), ("b", 2, "Buy", None), ("b", 3, "Buy", None),
    ("c", 0, "Read", "/a"), ("c", 1, "Visit", "/c"),
]  # fmt: skip


def repeat(rows: list[Any], times: int = 30) -> list[Any]:
    """Let as many people more do what each person does."""
    return [(f"{person}{number}", *rest) for number in range(times) for person, *rest in rows]


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ({}, "From first touch on, all who enter; n"),
        ({"within": "1h"}, "From first touch on, all who enter, within 1 hour; n"),
        ({"end": "Buy"}, 'From first touch to "Buy", those who get there; n'),
        ({"end": "Buy", "occurrence": "last"}, 'From first touch to the last "Buy", those who get there; n'),
        ({"end": "Buy", "within": "7d"}, 'At most 7 days before "Buy", those who get there; n'),
        ({"end": "Buy", "within": "session"}, 'The session up to "Buy", those who get there; n'),
        ({"end": "Buy", "count": "sessions"}, 'From the start of each session to "Buy", those who get there; n'),
        (
            {"end": "Buy", "occurrence": "each"},
            'From first touch or the "Buy" before to each "Buy", those who get there; n',
        ),
        ({"start": "Visit"}, 'From "Visit" on, all who enter; n'),
        ({"start": "Visit", "occurrence": "last"}, 'From the last "Visit" on, all who enter; n'),
        ({"start": "Visit", "end": "Buy", "count": "entries"}, 'From each "Visit" to "Buy", all who enter; n'),
        ({"collapse": "loops"}, "From first touch on, all who enter; each node at its first visit only; n"),
        ({"collapse": False}, "From first touch on, all who enter; repeats are shown; n"),
        ({"collapse": "5m"}, "From first touch on, all who enter; repeats at most 5 minutes apart are merged; n"),
        ({"hide": ["Help", "Re*"]}, 'From first touch on, all who enter; without "Help", "Re*"; n'),
        (
            {"hide": ["Help", "Read", "Buy", "V*"]},
            'From first touch on, all who enter; without "Help", "Read", "Buy" and 1 more',
        ),
        ({"groups": {"Own": ["Help"]}}, 'From first touch on, all who enter; merged: "Own"; n'),
        ({"expand": {"Visit": "page_path"}}, 'From first touch on, all who enter; "Visit" by page_path; n'),
        ({"node": "page_path"}, "From first touch on, all who enter; nodes are values of page_path; n"),
    ],
)
def test_the_definition_says_what_is_shown(words: dict[str, Any], begins: str) -> None:
    flow = log_of(ROWS, "page_path").flow(**words)
    assert flow.definition.startswith(begins)
    # "First touch" stands over the first column just where all journeys begin with it
    touched = begins.startswith(("From first touch on", "From first touch to"))
    assert (label_columns(flow._spec)[0] == "First touch") == touched


def test_transitions_and_drop_offs_say_what_is_left_out() -> None:
    j = log_of(ROWS, "page_path")
    moves = j.transitions(hide="Help", count="sessions").plot().layout.title.text.replace("<br>", " ")
    assert '; inside a session; without "Help"; ' in moves
    assert '; without "Help"; n = 1' in j.dropoff("Buy", hide="Help").plot().layout.title.text


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        (
            {"end": "Buy", "align": "end"},
            'The most-travelled path to "Buy" is "Visit" → "Read" → "Help" → "Buy": 50% of 60 people.',
        ),
        ({"end": "Buy", "align": "end", "steps": 1}, '60 people on the way to "Buy": nothing is shown before it.'),
        ({"end": "Buy", "align": "end", "who": "dropped"}, '100% of 30 people who never reach "Buy" end with "Visit".'),
        ({"start": "Visit", "align": "end"}, '67% of 90 people end with "Buy".'),
        (
            {"start": "Visit", "end": "Buy", "who": "converted"},
            'The most-travelled path to "Buy" is "Visit" → "Read" → "Buy": 50% of 60 people.',
        ),
        ({"end": "Buy"}, 'The most-travelled path to "Buy" is "Visit" → "Read" → "Buy": 50% of 60 people.'),
        ({"end": "Buy", "who": "dropped"}, '100% of 30 people who never reach "Buy" leave after "Visit".'),
    ],
)
def test_a_finding_finds_something(words: dict[str, Any], finding: str) -> None:
    assert log_of(repeat(ROWS), "page_path").flow(**words).finding == finding


def test_findings_prefer_nodes_with_a_name() -> None:
    rows = [(f"p{n}", 0, f"e{n}") for n in range(6)] + [(f"p{n}", 1, f"f{n}") for n in range(6)]
    rows += [("y", 0, "Visit"), ("y", 1, "Read"), ("z", 0, "Visit"), ("z", 1, "Read")]
    j = log_of(repeat(rows))
    assert j.flow(top=1).table["source"][0] == "(other)"
    assert j.flow(top=1).finding == '25% of 240 people begin with "Visit" and then go to "Read".'
    assert j.transitions(top=2).table["source"][0] == "(other)"
    assert j.transitions(top=2).finding == '"Read" follows "Visit" 60 times: 100% of what comes after "Visit".'
    # where no link has a name at both ends, the largest is said
    crossed = log_of(repeat([("a", 0, "e0"), ("a", 1, "f1"), ("b", 0, "e1"), ("b", 1, "f0")]))
    assert crossed.flow(top=1).finding == '50% of 60 people begin with (other) and then go to "f0".'


def test_a_finding_says_why_nothing_is_shown() -> None:
    j = log_of([("a", 0, "Visit"), ("b", 0, "Visit"), ("b", 1, "Sign Up"), ("a", 2, "Sign Up"), ("a", 3, "Buy")])
    why = "there is no journey to show."
    for words, finding in (
        ({"end": "Visit", "who": "dropped"}, 'All 2 people reach "Visit": there is no other journey to show.'),
        ({"start": "Buy", "end": "Visit", "who": "converted"}, f'No one did "Visit" after "Buy": {why}'),
        (
            {"start": "Visit", "end": "Buy", "who": "converted", "within": "1m"},
            f'No one did "Buy" after "Visit" within 1 minute: {why}',
        ),
        (
            {"start": "Visit", "end": "Buy", "who": "converted", "count": "sessions", "gap": "1m"},
            f'No one did "Buy" after "Visit" within a session: {why}',
        ),
        (
            {"start": "Buy", "end": "Sign Up", "who": "dropped", "within": "9m"},
            'Only 1 person never reached "Sign Up": too few for a finding.',
        ),
    ):
        assert j.flow(**words).finding == finding  # type: ignore[arg-type]
    few = j.only(["b"])
    assert few.flow(start="Buy").finding == f'No one did "Buy": {why}'
    assert few.flow(start="Buy", end="Visit", who="dropped").finding == f'No one did "Buy": {why}'
    assert few.flow(start="Visit", end="Sign Up", who="dropped", within="2m").finding == (
        'The only person reaches "Sign Up" within 2 minutes: there is no other journey to show.'
    )


def test_an_expression_is_called_the_end_and_put_down_as_it_is() -> None:
    j = log_of(repeat(ROWS), "page_path")
    visit, buy = pl.col("event") == "Visit", pl.col("event") == "Buy"
    flow = j.flow(start=visit, end=buy)
    assert flow.finding == "67% of 90 people reach the end."
    assert flow.definition == "From the start to the end, all who enter; n = 90 people."
    assert flow.settings["end"] == str(buy)
    assert label_columns(flow._spec) == ["The start"]
    assert label_columns(j.flow(end=buy, align="end", steps=2)._spec) == ["Just before", "The end"]
    found = j.dropoff(buy)
    assert found.finding.startswith("100% of the 30 who never reach the goal end")
    assert found.settings["goal"] == str(buy)


def test_an_event_called_the_end_is_quoted() -> None:
    j = log_of(repeat([("a", 0, "the start"), ("a", 1, "the end"), ("b", 0, "the start")]))
    flow = j.flow(start="the start", end="the end", who="all")
    assert flow.finding == '50% of 60 people reach "the end".'
    assert flow.definition == 'From "the start" to "the end", all who enter; n = 60 people.'
    assert label_columns(flow._spec) == ["the start"]
    assert label_columns(j.flow(end="the end", align="end", steps=2)._spec) == ["Just before", "the end"]


def test_an_empty_group_is_said_to_be_empty() -> None:
    j = log_of(ROWS, "page_path")
    nobody = j.only([])
    assert j.flow(against=nobody).finding == "There is nothing to compare: the others have no journey that is shown."
    assert nobody.flow(against=j).finding == "There is nothing to compare: this group has no journey that is shown."


def test_the_best_and_worst_ways_agree_with_plain_loops() -> None:
    @given(people=logs, asked=options, end=st.sampled_from(["X", "A"]), best=st.booleans())
    def agree(people: Any, asked: dict[str, Any], end: str, *, best: bool) -> None:
        asked = {**asked, "end": end}
        j, own = journeys_of(people)
        table = ask(j, asked).paths(1000, rank="best" if best else "worst", min_people=1).table
        found, shown = in_loops(own, asked)
        overall = sum(journey.converted for journey in found) / len(found) if found else 0.0
        ways: dict[tuple[str, ...], list[twin.Journey]] = {}
        for journey in found:
            names = tuple(name for name, _ in journey.nodes)
            ways.setdefault(names[:-1] if journey.converted else names, []).append(journey)
        rows = {(tuple(row["path"]), row["reached"]): row for row in table.to_dicts()}
        expected = {}
        for way in ways.values():
            rate = sum(journey.converted for journey in way) / len(way)
            there = [journey for journey in way if twin.belongs(journey, shown["who"])]
            if there and (rate > overall if best else rate < overall):
                # an end that is hidden is named after its step, so that several paths may stand for one way
                reached = any(journey.converted == best for journey in there) == best
                stands = {tuple(n for n, _ in journey.nodes) for journey in there if journey.converted == reached}
                (path,) = stands & {shown for shown, converted in rows if converted == reached}
                expected[path, reached] = (len(way), pytest.approx(rate))
        assert len(rows) == table.height
        assert {key: (row["passed"], row["conversion_rate"]) for key, row in rows.items()} == expected
        bounds = table["ci_low" if best else "ci_high"].to_list()
        assert bounds == sorted(bounds, reverse=best)

    agree()


def test_a_headline_is_the_path_where_it_is_known_and_rests_on_thirty_people() -> None:
    rows = [(f"p{n:02d}", minute, event) for n in range(40) for minute, event in enumerate(["Visit", "Read", "Buy"])]
    assert log_of(rows).flow(end="Buy").finding == (
        'The most-travelled path to "Buy" is "Visit" → "Read" → "Buy": 100% of 40 people.'
    )
    few = log_of(rows[: 29 * 3])
    for found in (few.flow(end="Buy"), few.flow(), few.dropoff("Buy"), few.flow(end="Buy", who="all")):
        assert "%" not in found.finding
    lost = log_of([row for row in rows if row[2] != "Buy" or row[0] < "p20"])
    assert lost.dropoff("Buy").finding == 'Only 20 people never reached "Buy": too few for a finding.'
    assert "%" not in few.transitions().finding
    groups = lost.flow(end="Buy", who="all", against=lost.only([f"p{n:02d}" for n in range(20)]))
    assert groups.finding == "Only 20 people in the smaller group: too few for a finding."


def test_a_path_in_a_headline_has_thirty_people_itself() -> None:
    # 36 people buy after six different second pages, 6 by each
    rows = [
        (f"p{n:02d}", minute, event) for n in range(36) for minute, event in enumerate(["Visit", f"/{n % 6}", "Buy"])
    ]
    j = log_of(rows)
    assert j.flow(end="Buy").most_travelled().people == 6  # type: ignore[union-attr]
    assert j.flow(end="Buy").finding == '100% of 36 people on the way to "Buy" begin with "Visit".'
    assert j.flow(end="Buy", align="end").finding == (
        'Only 6 people passed "/0" just before the end: too few for a finding.'
    )
    assert j.flow(start="Visit").finding == '100% of 36 people begin with "Visit".'
    lost = log_of(rows + [(f"q{n:02d}", 0, f"/{n % 6}") for n in range(30)])
    assert lost.flow(end="Buy", who="dropped").finding == 'Only 5 people began with "/0": too few for a finding.'


def test_a_link_in_a_headline_has_thirty_people_in_one_of_the_groups() -> None:
    def find(few: int) -> str:
        rows = [(f"p{n:03d}", 0, "Visit") for n in range(400)]
        rows += [(f"p{n:03d}", 1, "/few" if n < few else ("Home", "Blog")[n % 2]) for n in range(400)]
        j = log_of(rows)
        here, there = (j.only([f"p{n:03d}" for n in numbers]) for numbers in (range(200), range(200, 400)))
        return here.flow(against=there).finding

    assert find(30).startswith('15% go "Visit" → "/few" at step 1, 0% of the others')
    assert '"Visit" → "/few"' not in find(29)


def test_controls_of_direction_turn_no_number_round() -> None:
    j = log_of(
        [(f"p{n:03d}", minute, event) for n in range(100) for minute, event in enumerate(["Visit", "\u202eBuy"])]
    )
    for finding in (j.flow(end="\u202eBuy").finding, j.dropoff("Visit").finding, j.transitions().finding):
        assert "\u202e" not in finding
    for figure in (j.flow().plot(), j.flow().plot_paths(), j.transitions().plot(), j.timeline("p000").plot()):
        assert "\\u202e" not in figure.to_json()


def test_the_most_travelled_path_is_found_once_and_only_when_it_is_asked_for(monkeypatch) -> None:
    from journeys.analyses.flow import result

    searches = []

    def search(*given: Any, **words: Any) -> Any:
        searches.append(given)
        return find(*given, **words)

    find = result.find_top_path
    monkeypatch.setattr(result, "find_top_path", search)
    flow = log_of(repeat(ROWS), "page_path").flow(end="Buy")
    assert (flow.table.height > 0, searches) == (True, [])
    assert flow.most_travelled() is flow.most_travelled()
    assert "The most-travelled path" in flow.finding
    assert flow.plot() is not None
    assert len(searches) == 1


@pytest.mark.parametrize("shards", [1, 3])
def test_the_most_frequent_transition_of_a_few_people_is_no_finding(tmp_path, shards: int) -> None:
    rows = [(f"p{n:02d}", minute, event) for n in range(40) for minute, event in enumerate(["Visit", f"page {n}"])]
    busy = [(person, 100 + n, ("Poll", "Answer")[n % 2]) for person in ("p07", "p08") for n in range(100)]
    j = log_of(rows + busy).save(tmp_path / "store", shards=shards)
    found = j.transitions()
    assert found.table.row(0)[:3] == ("Poll", "Answer", 100)
    assert found.finding == (
        'Only 2 people with the most frequent transition, "Poll" → "Answer": too few for a finding.'
    )
    spread = [(f"p{n:02d}", 100 + at, event) for n in range(10, 40) for at, event in enumerate(["Poll", "Answer"])]
    assert log_of(rows + busy + spread).transitions().finding.startswith('"Answer" follows "Poll" 130 times: ')
