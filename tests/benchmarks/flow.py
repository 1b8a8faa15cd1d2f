"""Flows beside `core`'s: with times where a rival works them out too, many pages, whole paths, transitions."""

from __future__ import annotations

from typing import Any

from tests.benchmarks.core import COLUMNS, OURS
from tests.benchmarks.data import BEHAVIOURS, EVENTS, Data
from tests.benchmarks.harness import Question, Way

__all__ = ["duck_paths", "duck_times", "duck_transitions", "links", "pages", "paths", "questions", "transitions"]

GB = 2**30
SHOWN = 50


def questions(data: Data) -> list[Question]:
    """Return the flow's questions; answers are compared wherever a rival gives one."""
    store, plain, size = {"store": data.store}, {"plain": data.plain}, data.events / 20_000_000
    columns = {"steps": COLUMNS}
    people = Way(links, {**store, **columns}, OURS)
    return [
        Question(
            "flow, with times",
            {
                "journeys": Way(links, {**store, **columns, "times": True}, OURS),
                "DuckDB": Way(duck_times, {**plain, **columns}, ("duckdb",)),
            },
        ),
        # four times the flow's own time: it is the second way that must not be more than so much faster
        Question(
            "flow, 10,000 pages",
            {"journeys": Way(pages, {**store, "steps": 2 * COLUMNS}, OURS), "flow, people": people},
            bars={"flow, people": 1 / 4},
            compare=False,
        ),
        Question(
            "flow, whole paths",
            {
                "journeys": Way(paths, store, OURS),
                "DuckDB": Way(duck_paths, plain, ("duckdb",)),
            },
            most_seconds=2 * max(size, 0.1),
            most_bytes=1.5 * GB,
        ),
        Question(
            "flow, transitions",
            {
                "journeys": Way(transitions, store, OURS),
                "DuckDB": Way(duck_transitions, plain, ("duckdb",)),
            },
            most_seconds=0.4 * max(size, 0.1),
        ),
    ]


def links(store: str, steps: int, *, times: bool = False) -> list[tuple[Any, ...]]:
    """Count the links of the flow from first touch, nothing folded; with times also their medians in microseconds."""
    import polars as pl

    import journeys as jn

    table = jn.open(store).flow(steps=steps, top=len(EVENTS), times=times).table
    took = [pl.col("median_time").cast(pl.Int64)] if times else []
    return table.select("position", "source", "target", "people", *took).sort("position", "source", "target").rows()


def pages(store: str, steps: int) -> int:
    """Count a flow whose page views are a node a page."""
    import journeys as jn

    flow = jn.open(store).flow(steps=steps, expand={BEHAVIOURS[0]: "page"}, times=False)
    return int(flow.nodes.filter(position=0)["people"].sum())


def paths(store: str) -> list[int]:
    """Count the people on the most travelled whole paths."""
    import journeys as jn

    return jn.open(store).flow(times=False).paths(SHOWN).table["people"].to_list()


def transitions(store: str) -> list[tuple[str, str, int]]:
    """Count what follows directly on what, repeats being one."""
    import journeys as jn

    return jn.open(store).transitions().table.select("source", "target", "moves").sort("source", "target").rows()


_KEPT = """
    with seen as (
        select person, timestamp, event, lag(event) over (partition by person order by timestamp) before from '{plain}'
    )
"""


def _duck(query: str) -> list[tuple[Any, ...]]:
    import duckdb

    return duckdb.connect().execute(query).fetchall()


def duck_times(plain: str, steps: int) -> list[tuple[Any, ...]]:
    """Ask DuckDB for the links and their median times."""
    end = steps - 1
    rows = _duck(f"""{_KEPT.format(plain=plain)}, placed as (
            select event, row_number() over journey - 1 as place, lead(event) over journey as next,
                   epoch_us(lead(timestamp) over journey) - epoch_us(timestamp) took
            from seen where before is distinct from event
            window journey as (partition by person order by timestamp) qualify place < {steps}
        )
        select place, event,
               case when next is null then '(drop-off)' when place = {end} then '(continues)' else next end target,
               count(*), median(took) from placed group by all order by all""")
    stops = ("(drop-off)", "(continues)")
    return [(p, s, t, n, None if t in stops else round(m)) for p, s, t, n, m in rows]


def duck_paths(plain: str) -> list[int]:
    """Ask DuckDB for the most travelled whole paths."""
    rows = _duck(f"""{_KEPT.format(plain=plain)}, paths as (
            select list(event order by timestamp) path from seen where before is distinct from event group by person
        )
        select count(*) people from paths group by path order by people desc limit {SHOWN}""")
    return [people for (people,) in rows]


def duck_transitions(plain: str) -> list[tuple[str, str, int]]:
    """Ask DuckDB for what follows directly on what."""
    return _duck(f"""{_KEPT.format(plain=plain)}, moves as (
            select event, coalesce(lead(event) over (partition by person order by timestamp), '(drop-off)') next
            from seen where before is distinct from event
        )
        select event, next, count(*) from moves group by all order by all""")
