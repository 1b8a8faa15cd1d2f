"""Correlations as they are asked in earnest: thirty behaviours, ten thousand pages, equal time for everybody."""

from __future__ import annotations

from tests.benchmarks import ours
from tests.benchmarks.core import OURS
from tests.benchmarks.data import CONVERSION, EVENTS, Data
from tests.benchmarks.harness import Question, Way
from tests.benchmarks.rivals import clickhouse, duck

__all__ = ["pages", "pages_duck", "questions", "within"]


def pages(store: str, conversion: str) -> list[tuple[str, int, int]]:
    """Count for each page who saw it before converting, and who saw it and never converted."""
    import journeys as jn

    cells = jn.open(store).correlation(conversion, behaviours="page", min_people=0).table
    return cells.select("value", "both", "behaviour_only").sort("value").rows()


def pages_duck(plain: str, conversion: str) -> list[tuple[str, int, int]]:
    """Count the same with DuckDB: distinct pairs of person and page before the conversion."""
    import duckdb

    with duckdb.connect() as database:
        return database.execute(
            f"""
            with converted as (
                select person, min(timestamp) moment from '{plain}' where event = '{conversion}' group by person
            ), pairs as (
                select distinct person, page, moment is not null converts
                from '{plain}' left join converted using (person)
                where page is not null and (moment is null or timestamp < moment)
            ), every as (select distinct page from '{plain}' where page is not null)
            select page, count(*) filter (converts), count(*) filter (converts = false)
            from every left join pairs using (page) group by page order by page"""
        ).fetchall()


def within(store: str, conversion: str, exposure: str) -> int:
    """Ask with another exposure; the answer is how many people are compared."""
    import journeys as jn

    return jn.open(store).correlation(conversion, exposure=exposure)._counts.people


def questions(data: Data) -> list[Question]:
    """Return the questions about one log."""
    asked = {"conversion": CONVERSION}
    plain, store = asked | {"plain": data.plain}, asked | {"store": data.store}
    return [
        Question(
            "correlation, all rivals",
            {
                "journeys": Way(ours.correlation, store, OURS),
                "DuckDB": Way(duck.correlation, plain | {"events": EVENTS}, ("duckdb",)),
                "chdb": Way(clickhouse.correlation, plain, ("chdb",)),
            },
            bars={"DuckDB": 4, "chdb": 7},
        ),
        Question(
            "correlation, pages",
            {"journeys": Way(pages, store, OURS), "DuckDB": Way(pages_duck, plain, ("duckdb",))},
            most_seconds=5,
            most_bytes=2e9,
        ),
        Question(
            "correlation, exposure",
            {name: Way(within, store | {"exposure": name}, OURS) for name in ("before", "first 7d", "matched")},
            compare=False,
        ),
    ]
