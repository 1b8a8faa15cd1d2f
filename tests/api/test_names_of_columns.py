"""What is no name of a column is refused with the argument's name, in every question that takes one."""

import polars as pl
import pytest

import journeys as jn

LOG = pl.DataFrame(
    {
        "person": ["a", "a", "b"],
        "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03"],
        "event": ["A", "B", "A"],
        "plan": ["x", "y", "z"],
    }
)
QUESTIONS = {
    "funnel": lambda j, name: j.funnel(["A", "B"], by=name),
    "funnel's hold": lambda j, name: j.funnel(["A", "B"], hold=name),
    "trend": lambda j, name: j.trend("A", by=name),
    "retention": lambda j, name: j.retention("A", by=name),
    "lifecycle": lambda j, name: j.lifecycle("A", by=name),
    "stickiness": lambda j, name: j.stickiness("A", by=name),
    "correlation": lambda j, name: j.correlation("B", min_people=1).by(name),
    "messages": lambda j, name: j.messages(goal="B", by=name),
    "value": lambda j, name: j.value("plan", of="A", by=name),
    "attribution": lambda j, name: j.attribution("B", by=name),
    "attribution's value": lambda j, name: j.attribution("B", by="plan", value=name),
    "report": lambda j, name: j.report(steps=["A", "B"], by=name),
}


WRONG = {
    "expression": pl.col("plan"),
    "expressions": [pl.col("plan")],
    "number": 3,
    "mixed": ["plan", 3],
    "mapping": {"a": 1},
    "bytes": b"x",
}


@pytest.mark.parametrize("name", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("question", QUESTIONS)
def test_what_is_no_name_is_refused(question, name):
    with pytest.raises(jn.JourneysError) as error:
        QUESTIONS[question](jn.Journeys.from_table(LOG), name)
    assert any(f"{argument}: " in str(error.value) for argument in ("by", "hold", "value", "of"))
