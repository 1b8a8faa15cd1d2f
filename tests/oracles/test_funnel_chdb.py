"""ClickHouse itself, through chdb, on random logs: its modes that have a meaning here give our numbers."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeys as jn
from tests import logs

chdb = pytest.importorskip("chdb")


def depths(rows: list[logs.Row], steps: list[str], *, within: int, modes: str) -> list[int]:
    """Reached steps of each person, by windowFunnel; seconds stand for minutes."""
    conditions = ", ".join(f"event = '{step}'" for step in steps)
    values = ", ".join(f"('{person}', {minute}, '{event}')" for person, minute, event, _ in rows)
    found = chdb.query(
        f"SELECT person, windowFunnel({within}{modes})(toDateTime(minute), {conditions}) AS depth "
        f"FROM values('person String, minute UInt32, event String', {values}) GROUP BY person ORDER BY person",
        "JSONCompactEachRow",
    )
    return [int(line.strip("[]").split(",")[1]) for line in str(found).strip().splitlines()]


def people(found: list[int], width: int) -> list[int]:
    return [sum(depth >= step for depth in found) for step in range(1, width + 1)]


def ours(rows: list[logs.Row], steps: list[str], **options: Any) -> list[int]:
    known = [("zz", 0, name, None) for name in "ABC"]
    j = jn.Journeys.from_table(logs.frame([*rows, *known])).where(pl.col("person") != "zz")
    return list(j.funnel(steps, **options).table["people"].to_list())


ROWS = logs.rows(events="ABC", span=9, most=12).filter(bool)
STEPS = st.lists(st.sampled_from("ABC"), min_size=2, max_size=4)


@given(ROWS, STEPS, st.integers(1, 6))
@settings(max_examples=25)
def test_default_mode(rows: list[logs.Row], steps: list[str], within: int) -> None:
    found = depths(rows, steps, within=within, modes="")
    assert ours(rows, steps, within=f"{within}m", semantics="clickhouse") == people(found, len(steps))


@given(ROWS, STEPS, st.integers(1, 6))
@settings(max_examples=25)
def test_each_event_once(rows: list[logs.Row], steps: list[str], within: int) -> None:
    apart = [(person, 0, event, campaign) for person, _, event, campaign in rows]
    apart = [(person, place, event, campaign) for place, (person, _, event, campaign) in enumerate(apart)]
    found = depths(apart, steps, within=within, modes=", 'strict_once'")
    assert ours(apart, steps, within=f"{within}m") == people(found, len(steps))


@given(ROWS, st.permutations("ABC"), st.integers(1, 6))
@settings(max_examples=25)
def test_rising_times(rows: list[logs.Row], steps: list[str], within: int) -> None:
    found = depths(rows, steps, within=within, modes=", 'strict_increase'")
    assert ours(rows, steps, within=f"{within}m", ties="rising") == people(found, len(steps))
