"""The questions that every release is held to: funnel, flow, correlation, build, scaling, shards."""

from __future__ import annotations

from tests.benchmarks import ours
from tests.benchmarks.data import CONVERSION, EVENTS, FUNNEL, Data
from tests.benchmarks.harness import Question, Way
from tests.benchmarks.rivals import clickhouse, duck

__all__ = ["COLUMNS", "OURS", "WEEK", "questions"]

WEEK = 7 * 86_400 * 1_000_000
COLUMNS = 6
# loaded long before an analyst's second question; the first call still pays for what it alone needs
OURS = ("journeys", "scipy.stats")


def questions(data: Data) -> list[Question]:
    """Return the questions about one log, ours beside DuckDB's and ClickHouse's answers."""
    funnel = {"steps": FUNNEL, "within": WEEK}
    return [
        Question(
            "build",
            {"journeys": Way(ours.build, {"plain": data.plain, "store": f"{data.store}.again", "shards": 1}, OURS)},
            repeat=1,
        ),
        Question(
            "funnel",
            {
                "journeys": Way(ours.funnel, {"store": data.store, **funnel}, OURS),
                "DuckDB": Way(duck.funnel, {"plain": data.plain, **funnel}, ("duckdb",)),
                "DuckDB, lists": Way(duck.funnel_lists, {"plain": data.plain, **funnel}, ("duckdb",)),
                "chdb": Way(clickhouse.funnel, {"plain": data.plain, **funnel}, ("chdb",)),
            },
            bars={"chdb": 2.5},
        ),
        Question(
            "flow",
            {
                "journeys": Way(ours.flow, {"store": data.store, "steps": COLUMNS, "events": len(EVENTS)}, OURS),
                "DuckDB": Way(duck.flow, {"plain": data.plain, "steps": COLUMNS}, ("duckdb",)),
                "chdb": Way(clickhouse.flow, {"plain": data.plain, "steps": COLUMNS}, ("chdb",)),
            },
            bars={"DuckDB": 20, "chdb": 20},
        ),
        Question(
            "correlation",
            {
                "journeys": Way(ours.correlation, {"store": data.store, "conversion": CONVERSION}, OURS),
                "DuckDB": Way(
                    duck.correlation,
                    {"plain": data.plain, "conversion": CONVERSION, "events": EVENTS},
                    ("duckdb",),
                ),
                "chdb": Way(clickhouse.correlation, {"plain": data.plain, "conversion": CONVERSION}, ("chdb",)),
            },
            bars={"DuckDB": 3.5},
        ),
    ]
