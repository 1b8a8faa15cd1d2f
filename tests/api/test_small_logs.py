"""No people, one person, no conversions, names that look like code: an answer that says so, never a traceback."""

from collections.abc import Callable

import pytest

import journeys as jn
from journeys.analyses.result import JourneysResult
from tests.logs import Row, frame

LOGS: dict[str, list[Row]] = {
    "nobody": [],
    "one person, one event": [("a", 0, "A", None)],
    "one person": [("a", 0, "A", "ads"), ("a", 1, "B", None)],
    "all convert": [("a", 0, "A", "ads"), ("b", 0, "A", None), ("b", 0, "A", None)],
}
QUESTIONS: dict[str, Callable[[jn.Journeys], JourneysResult]] = {
    "funnel": lambda j: j.funnel(["A", "A"], within="1h"),
    "funnel by": lambda j: j.funnel(["A"], by="first_campaign"),
    "flow": lambda j: j.flow(),
    "flow to": lambda j: j.flow(end="A"),
    "flow between": lambda j: j.flow(start="A", end="A"),
    "correlation": lambda j: j.correlation("A"),
    "correlation, first days": lambda j: j.correlation("A", exposure="first 7d", min_people=0),
    "attribution": lambda j: j.attribution("A", model="markov"),
}


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("log", LOGS)
def test_small_logs_are_answered(log, question):
    result = QUESTIONS[question](jn.Journeys.from_table(frame(LOGS[log])))
    assert len(result.finding) > 10
    assert result.finding.endswith(".")
    assert result._repr_html_()
    assert result.plot().layout.template.layout.modebar.remove


def test_findings_of_an_empty_answer_say_so():
    j = jn.Journeys.from_table(frame([]))
    assert j.funnel(["A", "B"]).finding == 'No one reached the first step, "A".'
    assert j.funnel(["A", "B"]).table["people"].to_list() == [0, 0]
    assert j.correlation("A").finding == "There is no one to compare."
    assert j.attribution("A").table.height == 0


EVIL = "<script>alert('x')</script>"


@pytest.mark.parametrize("question", ["flow", "funnel", "correlation", "attribution"])
def test_names_are_never_markup(question):
    j = jn.Journeys.from_table(frame([("a", 0, EVIL, EVIL), ("a", 1, "B", None), ("b", 0, "B", EVIL)]))
    ask: dict[str, Callable[[], JourneysResult]] = {
        "flow": j.flow,
        "funnel": lambda: j.funnel([EVIL, "B"]),
        "correlation": lambda: j.correlation(EVIL, min_people=0),
        "attribution": lambda: j.attribution("B"),
    }
    result = ask[question]()
    assert "<script>" not in result._repr_html_()
    drawn = result.plot().to_plotly_json()
    drawn["layout"].pop("meta", None)  # never displayed
    assert "<script>" not in str(drawn)
