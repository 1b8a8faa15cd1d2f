"""A step may use a column of people in every question; the answer is that of the same column beside the events."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import journeys as jn
from journeys.log import build_log

COUNTRY = pl.col("home") == "DE"
BOUGHT = jn.step("Bought at home", (pl.col("event") == "Buy") & COUNTRY)
QUESTIONS: dict[str, Callable[[jn.Journeys], Any]] = {
    "funnel": lambda j: j.funnel(["Visit", BOUGHT]),
    "funnel exclusion": lambda j: j.funnel(["Visit", "Buy"], exclude=[BOUGHT]),
    "flow to an end": lambda j: j.flow(end=BOUGHT, steps=3),
    "flow from a start": lambda j: j.flow(start=BOUGHT, steps=3),
    "flow by session": lambda j: j.flow(end=BOUGHT, steps=3, within="session"),
    "paths": lambda j: j.flow(end=BOUGHT).paths(5),
    "correlation": lambda j: j.correlation(BOUGHT, min_people=0),
    "correlation since": lambda j: j.correlation("Buy", since=jn.step("Visit at home", COUNTRY), min_people=0),
    "attribution": lambda j: j.attribution(BOUGHT, by="channel"),
}


def logs() -> tuple[jn.Journeys, jn.Journeys]:
    """Build the same log twice: the column with people only, and beside the events."""
    rows = [(f"p{n}", f"2026-03-0{day}", event) for n in range(6) for day, event in ((1, "Visit"), (2, "Read"))]
    rows += [(f"p{n}", "2026-03-03", "Buy") for n in range(4)]
    log = pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row")
    log = log.with_columns(channel=pl.when(pl.col("event") == "Visit").then(pl.lit("paid")))
    people = pl.DataFrame({"person": [f"p{n}" for n in range(6)], "home": ["DE", "DE", "FR", "FR", "DE", None]})
    beside = log.join(people, on="person", how="left", maintain_order="left")
    return jn.Journeys(build_log(log, people=people).log), jn.Journeys.from_table(beside)


@pytest.mark.parametrize("ask", QUESTIONS.values(), ids=QUESTIONS)
def test_a_step_may_use_a_column_of_people(ask: Callable[[jn.Journeys], Any]):
    with_people, with_events = logs()
    found, expected = ask(with_people), ask(with_events)
    found, expected = (one if isinstance(one, pl.DataFrame) else one.table for one in (found, expected))
    assert_frame_equal(found, expected)
