"""DuckDB on the same Parquet. Where two wordings are known, both are here: the usual one and the fastest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["correlation", "did", "exits", "flow", "funnel", "funnel_lists", "last_before", "retention", "trend"]

_DAY = 86_400_000_000


def _ask(query: str, *, events: Sequence[str] = ()) -> list[tuple[Any, ...]]:
    import duckdb

    with duckdb.connect() as connection:
        if events:
            listed = ", ".join(f"'{event}'" for event in events)
            connection.execute(f"create type event_name as enum ({listed})")
        return connection.execute(query).fetchall()


def funnel(plain: str, steps: Sequence[str], within: int) -> list[int]:
    """Count the people who reach each step (loose order, `within` microseconds): three window functions."""
    last = len(steps)
    listed = ", ".join(f"'{step}'" for step in steps)
    parts = [f"r1 as (select person, epoch_us(timestamp) t, event from '{plain}' where event in ({listed}))"]
    for k in range(2, last + 1):
        start = "t" if k == 2 else f"s{k - 1}"
        in_time = f"event = '{steps[k - 2]}'" + ("" if k == 2 else f" and t - s{k - 1} <= {within}")
        parts.append(
            f"r{k} as (select *, max(case when {in_time} then {start} end) over (partition by person order by t"
            f" rows unbounded preceding) s{k} from r{k - 1})"
        )
    reached = " ".join(f"when event = '{steps[k - 1]}' and t - s{k} <= {within} then {k}" for k in range(last, 1, -1))
    deepest = f"max(case {reached} when event = '{steps[0]}' then 1 else 0 end)"
    parts.append(f"deepest as (select {deepest} k from r{last} group by person)")
    counts = ", ".join(f"count(*) filter (k >= {k})" for k in range(1, last + 1))
    return list(_ask(f"with {', '.join(parts)} select {counts} from deepest")[0])


def funnel_lists(plain: str, steps: Sequence[str], within: int) -> list[int]:
    """Do the same with a list of times a step and person: the fastest wording, quadratic in one person's events."""
    listed = ", ".join(f"'{step}'" for step in steps)
    times = ", ".join(f"list(epoch_us(timestamp)) filter (event = '{step}') l{k}" for k, step in enumerate(steps, 1))
    parts = [
        f"g as (select {times} from '{plain}' where event in ({listed}) group by person)",
        "c1 as (select *, list_transform(l1, lambda x: {'t': x, 's': x}) r1 from g where l1 is not null)",
    ]
    for k in range(2, len(steps) + 1):
        starts = f"[b.s for b in r{k - 1} if b.t < a and a - b.s <= {within}]"
        parts.append(
            f"c{k} as (select *, list_filter(list_transform(l{k}, lambda a: {{'t': a, 's': list_max({starts})}}),"
            f" lambda a: a.s is not null) r{k} from c{k - 1})"
        )
    counts = ", ".join(f"count(*) filter (len(r{k}) > 0)" for k in range(1, len(steps) + 1))
    return list(_ask(f"with {', '.join(parts)} select {counts} from c{len(steps)}")[0])


def flow(plain: str, steps: int) -> list[tuple[int, str, str, int]]:
    """Count the links of the step-by-step flow from first touch, repeats collapsed."""
    end = steps - 1
    return _ask(f"""
        with seen as (
            select person, timestamp, event, lag(event) over (partition by person order by timestamp) before
            from '{plain}'
        ), placed as (
            select event, row_number() over journey - 1 as place, lead(event) over journey as next
            from seen where before is distinct from event
            window journey as (partition by person order by timestamp) qualify place < {steps}
        )
        select place, event,
               case when next is null then '(drop-off)' when place = {end} then '(continues)' else next end target,
               count(*) from placed group by all order by all""")


def correlation(plain: str, conversion: str, events: Sequence[str]) -> list[tuple[str, int, int]]:
    """Count for each behaviour who did it before converting, and who did it and never converted: one bit an event."""
    return _ask(
        f"""
        with converted as (
            select person, min(timestamp) moment from '{plain}' where event = '{conversion}' group by person
        ), did as (
            select e.person, bit_or(1::bigint << enum_code(event::event_name)::bigint) bits
            from '{plain}' e left join converted using (person)
            where event <> '{conversion}' and (moment is null or timestamp < moment) group by e.person
        ), counted as (
            select bits, moment is not null converts, count(*) people from did left join converted using (person)
            group by all
        ), names as (
            select unnest(range({len(events)})) code, unnest(enum_range(null::event_name))::varchar event
        )
        select event, sum(people) filter (converts and bits >> code & 1 = 1)::bigint,
               sum(people) filter (not converts and bits >> code & 1 = 1)::bigint
        from counted, names where event <> '{conversion}' group by event order by event""",
        events=events,
    )


def last_before(plain: str, goal: str, column: str, within: int) -> list[tuple[str | None, int]]:
    """Count each value of a column that came last before the first goal, at most `within` before; null for none."""
    return _ask(f"""
        with goals as (select person, min(timestamp) moment from '{plain}' where event = '{goal}' group by person),
        found as (
            select person, arg_max({column}, timestamp) as value from '{plain}' join goals using (person)
            where {column} is not null and timestamp < moment and timestamp >= moment - to_microseconds({within})
            group by person
        )
        select value, count(*) from goals left join found using (person) group by value
        order by value is null, count(*) desc, value""")


def exits(plain: str, steps: Sequence[str], within: int) -> list[tuple[int, str | None, int]]:
    """Count, of those whose deepest attempt ended before the last step, what they did next: by step and event."""
    last = len(steps)
    listed = ", ".join(f"'{step}'" for step in steps)
    parts = [f"r1 as (select person, epoch_us(timestamp) t, event from '{plain}' where event in ({listed}))"]
    for k in range(2, last + 1):
        start = "t" if k == 2 else f"s{k - 1}"
        in_time = f"event = '{steps[k - 2]}'" + ("" if k == 2 else f" and t - s{k - 1} <= {within}")
        parts.append(
            f"r{k} as (select *, max(case when {in_time} then {start} end) over (partition by person order by t"
            f" rows unbounded preceding) s{k} from r{k - 1})"
        )
    reached = " ".join(f"when event = '{steps[k - 1]}' and t - s{k} <= {within} then {k}" for k in range(last, 1, -1))
    depth = f"case {reached} when event = '{steps[0]}' then 1 else 0 end"
    later = f"select person, event, timestamp from '{plain}' join gone using (person) where epoch_us(timestamp) > t"
    parts += [
        f"depths as (select person, t, {depth} k from r{last})",
        "deepest as (select person, max({'k': k, 't': -t}) d from depths where k > 0 group by person)",
        f"gone as (select person, d.k k, -d.t t from deepest where d.k < {last})",
        f"following as (select person, arg_min(event, timestamp) as event from ({later}) group by person)",
    ]
    return _ask(
        f"with {', '.join(parts)} select k, event, count(*) from gone left join following using (person)"
        " group by all order by k, event nulls last"
    )


def did(plain: str, event: str, times: int, within: int) -> int:
    """Count the people who did an event at least so often within the last microseconds of the log."""
    return int(
        _ask(f"""
        select count(*) from (
            select person from '{plain}'
            where event = '{event}'
            and timestamp >= (select max(timestamp) from '{plain}') - to_microseconds({within})
            group by person having count(*) >= {times}
        )""")[0][0]
    )


def retention(plain: str, start: str, back: str | None, periods: int) -> list[tuple[int, int, int, int]]:
    """Count who comes back: week of the cohort (number since 1970, Mondays), its size, week since, people."""
    week = f"(epoch_us({{}}) + {3 * _DAY}) // {7 * _DAY}"
    event = "" if back is None else f"where event = '{back}'"
    return _ask(
        f"with first as (select person, min(timestamp) t from '{plain}' where event = '{start}' group by person),"
        f" entries as (select person, t, {week.format('t')} cohort from first),"
        f" events as (select person, timestamp from '{plain}' {event}),"
        f" cells as (select distinct e.person, cohort, {week.format('timestamp')} - cohort period"
        f" from events e join entries using (person) where e.timestamp > t),"
        " sizes as (select cohort, count(*) size from entries group by cohort),"
        f" counts as (select cohort, period, count(*) people from cells where period <= {periods} group by all)"
        " select cohort, size, period, people from counts join sizes using (cohort) order by cohort, period"
    )


def trend(plain: str, event: str) -> list[tuple[int, int, int]]:
    """Count people and events of one kind per day (number since 1970)."""
    return _ask(
        f"select epoch_us(timestamp) // {_DAY} as day, count(distinct person), count(*) from '{plain}'"
        f" where event = '{event}' group by day order by day"
    )
