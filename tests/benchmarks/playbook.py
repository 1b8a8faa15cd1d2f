"""What came last before a goal, who left a funnel, and who did something often enough; sets of people."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from tests.benchmarks.core import OURS, WEEK
from tests.benchmarks.data import BEHAVIOURS, FUNNEL, Data
from tests.benchmarks.harness import Question, Way
from tests.benchmarks.rivals import duck

MONTH = 30 * 86_400 * 1_000_000


def questions(data: Data) -> list[Question]:
    """Return the questions about one log, ours beside DuckDB's answers; each takes at most three loose funnels.

    Two of them are bound by reading. Of 20 million events, in seconds of one thread: "did" takes 0.17, and filtering
    the rows by event while reading persons and times 0.12 to 0.18 (the event names alone 0.10); "last before" takes
    0.71, reading pages and times 0.17 to 0.26, and reading the pages as categories instead of text 0.46 to 0.57.
    """
    before = {"goal": "Signed Up", "column": "page", "within": WEEK}
    left = {"steps": FUNNEL, "within": WEEK}
    often = {"event": "Read Article", "times": 3, "within": MONTH}
    members = {"store": data.store, "events": BEHAVIOURS[:12]}
    return [
        Question(
            "last before",
            {
                "journeys": Way(last_before, {"store": data.store, **before}, OURS),
                "DuckDB": Way(duck.last_before, {"plain": data.plain, **before}, ("duckdb",)),
                "a loose funnel": Way(one_funnel, {"store": data.store}, OURS),
            },
            bars={"DuckDB": 4, "a loose funnel": 1 / 3},
            not_compared=("a loose funnel",),
        ),
        Question(
            "exits",
            {
                "journeys": Way(exits, {"store": data.store, **left}, OURS),
                "DuckDB": Way(duck.exits, {"plain": data.plain, **left}, ("duckdb",)),
                "a loose funnel": Way(one_funnel, {"store": data.store}, OURS),
            },
            bars={"DuckDB": 4, "a loose funnel": 1 / 3},
            not_compared=("a loose funnel",),
        ),
        Question(
            "did",
            {
                "journeys": Way(did, {"store": data.store, **often}, OURS),
                "DuckDB": Way(duck.did, {"plain": data.plain, **often}, ("duckdb",)),
                "a loose funnel": Way(one_funnel, {"store": data.store}, OURS),
            },
            bars={"DuckDB": 4, "a loose funnel": 1 / 3},
            not_compared=("a loose funnel",),
        ),
        Question(
            "twelve sets",
            {"journeys": Way(set_expression, members, OURS), "its parts": Way(set_members, members, OURS)},
            bars={"its parts": 1},
            compare=False,
        ),
    ]


def one_funnel(store: str) -> list[int]:
    """Count a loose funnel of four steps, the yardstick."""
    from tests.benchmarks.ours import funnel

    return funnel(store, FUNNEL, WEEK)


def last_before(store: str, goal: str, column: str, within: int) -> list[tuple[str | None, int]]:
    """Count each value that came last before the first goal, null for none."""
    from datetime import timedelta

    import polars as pl

    import journeys as jn

    found = jn.open(store).last_before(goal, of=column, within=timedelta(microseconds=within), top=None).table
    values = pl.when(pl.col(column) != "(none)").then(column)
    sorted_rows = found.select(values, "people").sort(pl.col(column).is_null(), -pl.col("people"), column)
    return sorted_rows.rows()


def exits(store: str, steps: Sequence[str], within: int) -> list[tuple[int, str | None, int]]:
    """List who left where, and count what they did next."""
    from datetime import timedelta

    import journeys as jn

    found = jn.open(store).funnel(list(steps), within=timedelta(microseconds=within)).exits().table
    return found.group_by("step", "next_event").len().sort("step", "next_event", nulls_last=True).rows()


def did(store: str, event: str, times: int, within: int) -> int:
    """Count the people who did an event often enough lately."""
    from datetime import timedelta

    import journeys as jn

    j = jn.open(store)
    return j.only(jn.did(event, times=times, within=timedelta(microseconds=within))).people.height


def set_expression(store: str, events: Sequence[str]) -> int:
    """Count the people of one expression over as many segments as there are events."""
    import journeys as jn

    j = jn.open(store)
    parts = [j.only(jn.did(event, times=2)) for event in events]
    half = len(parts) // 2
    either = reduce(lambda one, other: one | other, parts[:half])
    return (either - reduce(lambda one, other: one & other, parts[half:])).people.height


def set_members(store: str, events: Sequence[str]) -> list[int]:
    """Count the people of each of these segments alone."""
    import journeys as jn

    j = jn.open(store)
    return [j.only(jn.did(event, times=2)).people.height for event in events]
