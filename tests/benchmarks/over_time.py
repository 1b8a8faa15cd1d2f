"""Retention by weekly cohorts, and daily trends: beside DuckDB."""

from __future__ import annotations

from tests.benchmarks import ours
from tests.benchmarks.core import OURS
from tests.benchmarks.data import Data
from tests.benchmarks.harness import Question, Way
from tests.benchmarks.rivals import duck

__all__ = ["questions"]

START, BACK = "Signed Up", "Completed Task"
PERIODS = 12


def questions(data: Data) -> list[Question]:
    """Return the questions about people over time."""
    asked = {"start": START, "periods": PERIODS}
    return [
        Question(
            "retention",
            {
                "journeys": Way(ours.retention, {"store": data.store, **asked, "back": BACK}, OURS),
                "DuckDB": Way(duck.retention, {"plain": data.plain, **asked, "back": BACK}, ("duckdb",)),
            },
            most_seconds=1.0,
        ),
        Question(
            "retention, any event",
            {
                "journeys": Way(ours.retention, {"store": data.store, **asked, "back": None}, OURS),
                "DuckDB": Way(duck.retention, {"plain": data.plain, **asked, "back": None}, ("duckdb",)),
            },
        ),
        Question(
            "trend",
            {
                "journeys": Way(ours.trend, {"store": data.store, "event": BACK}, OURS),
                "DuckDB": Way(duck.trend, {"plain": data.plain, "event": BACK}, ("duckdb",)),
            },
            most_seconds=1.0,
        ),
    ]
