"""ClickHouse, through chdb, on the same Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["correlation", "flow", "funnel"]


def _ask(query: str) -> list[tuple[Any, ...]]:
    import chdb

    answer = chdb.query(query, "JSONCompactEachRow").bytes().decode()
    return [tuple(json.loads(line)) for line in answer.splitlines()]


def _log(plain: str) -> str:
    columns = "person Int64, timestamp DateTime64(6, \\'UTC\\'), event String"
    return f"file('{plain}', Parquet, '{columns}')"


def funnel(plain: str, steps: Sequence[str], within: int) -> list[int]:
    """Count the people who reach each step with `windowFunnel` (no two events of a person share a time)."""
    conditions = ", ".join(f"event = '{step}'" for step in steps)
    listed = ", ".join(f"'{step}'" for step in steps)
    counts = ", ".join(f"countIf(level >= {k})" for k in range(1, len(steps) + 1))
    rows = _ask(f"""
        select {counts} from (
            select windowFunnel({within})(toUInt64(toUnixTimestamp64Micro(timestamp)), {conditions}) level
            from {_log(plain)} where event in ({listed}) group by person
        )""")
    return [int(count) for count in rows[0]]


def flow(plain: str, steps: int) -> list[tuple[int, str, str, int]]:
    """Count the links of the step-by-step flow from first touch, repeats collapsed: one sorted array a person."""
    rows = _ask(f"""
        with journeys as (
            select arrayCompact(arrayMap(x -> x.2, arraySort(groupArray((timestamp, event))))) whole,
                   arraySlice(whole, 1, {steps + 1}) j
            from {_log(plain)} group by person
        )
        select place, j[place + 1] source,
               multiIf(length(j) = place + 1, '(drop-off)', place = {steps - 1}, '(continues)', j[place + 2]) target,
               count() from journeys array join range(toUInt8(least(length(j), {steps}))) as place
        group by 1, 2, 3 order by 1, 2, 3""")
    return [(int(place), source, target, int(people)) for place, source, target, people in rows]


def correlation(plain: str, conversion: str) -> list[tuple[str, int, int]]:
    """Count for each behaviour who did it before converting, and who did it and never converted."""
    rows = _ask(f"""
        with people as (
            select minIf(timestamp, event = '{conversion}') moment, countIf(event = '{conversion}') > 0 converts,
                   groupArray((event, timestamp)) log
            from {_log(plain)} group by person
        )
        select event, countIf(converts), countIf(not converts) from (
            select converts, arrayJoin(arrayDistinct(arrayMap(x -> x.1, arrayFilter(
                x -> x.1 != '{conversion}' and (not converts or x.2 < moment), log)))) event from people
        ) group by event order by event""")
    return [(event, int(both), int(only)) for event, both, only in rows]
