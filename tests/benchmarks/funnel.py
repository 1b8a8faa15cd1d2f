"""Funnels of every meaning: each option beside our loose time, and that beside rivals and one compiled pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.benchmarks.core import WEEK
from tests.benchmarks.data import FUNNEL, Data
from tests.benchmarks.harness import Question, Way
from tests.benchmarks.rivals import clickhouse, duck

__all__ = ["compiled", "ours", "questions"]

_OURS = ("journeys", "scipy.stats")
WITHIN = f"{WEEK}us"
OPTIONS: dict[str, dict[str, Any]] = {
    "strict": {"order": "strict"},
    "any order": {"order": "any"},
    "exclusion": {"exclude": "Opened Settings"},
    "windows of steps": {"gap_days": 2},
    "breakdown": {"by": "first_campaign"},
    "breakdown by property": {"by": "campaign"},
    "equal times": {"ties": "either"},
    "first entry": {"reentry": "first"},
}


IDLE, COLUMNS = 150 * 2**20, 4 + 8 + 1
"""Bytes of a process that has only opened the store; bytes a row of what a funnel reads: person, time and event."""


def questions(data: Data) -> list[Question]:
    """Return the loose funnel beside its rivals, and each option beside the loose funnel."""
    most = IDLE + 1.5 * COLUMNS * data.events
    base = {"store": data.store, "steps": FUNNEL}
    rival = {"plain": data.plain, "steps": FUNNEL, "within": WEEK}
    found = [
        Question(
            "funnel, loose",
            {
                "journeys": Way(ours, base, _OURS),
                "one compiled pass": Way(compiled, rival, ("numba", "polars")),
                "chdb": Way(clickhouse.funnel, rival, ("chdb",)),
                "DuckDB": Way(duck.funnel, rival, ("duckdb",)),
            },
            bars={"chdb": 3, "DuckDB": 8, "one compiled pass": 1 / 3},
            repeat=5,
        ),
        # asked once: what an allocator keeps of one answer is no part of the next
        Question("funnel, memory", {"journeys": Way(ours, base, _OURS)}, repeat=1, most_bytes=most),
    ]
    for name, options in OPTIONS.items():
        bar = 1 / 1.3 if name in {"strict", "any order"} else 1 / 2
        ways = {"journeys": Way(ours, {**base, "options": options}, _OURS), "journeys, loose": Way(ours, base, _OURS)}
        found.append(Question(f"funnel, {name}", ways, bars={"journeys, loose": bar}, repeat=5, compare=False))
    # the curve is a question of its own, asked of a funnel: the loose time once, and at most twice that again
    for name, further, bar in (("median times", times, 1 / 2), ("converted within", within, 1 / 3)):
        ways = {"journeys": Way(further, base, _OURS), "journeys, loose": Way(ours, base, _OURS)}
        found.append(Question(f"funnel, {name}", ways, bars={"journeys, loose": bar}, repeat=5, compare=False))
    return found


def times(store: str, steps: Sequence[str]) -> list[int]:
    """Ask the loose funnel, and then for the median and other quantiles of the time of each step."""
    import journeys as jn

    return list(jn.open(store).funnel(steps, within=WITHIN).times().table["people"].to_list())


def within(store: str, steps: Sequence[str]) -> list[int]:
    """Ask the loose funnel, and then for the curve of who has converted by when."""
    import journeys as jn

    return list(jn.open(store).funnel(steps, within=WITHIN).converted_within().table["converted"].to_list())


def ours(store: str, steps: Sequence[str], options: dict[str, Any] | None = None) -> list[int]:
    """Count the people who reach each step, times and intervals included."""
    import polars as pl

    import journeys as jn

    options = dict(options or {})
    days = options.pop("gap_days", None)
    asked = [jn.step(step, within=f"{days}d") if days and n else step for n, step in enumerate(steps)]
    table = jn.open(store).funnel(asked, within=WITHIN, **options).table
    return list(table.group_by("step").agg(pl.col("people").sum()).sort("step")["people"].to_list())


def compiled(plain: str, steps: Sequence[str], within: int) -> list[int]:
    """Count the same in a single pass over the sorted rows, compiled: the floor."""
    import numpy as np
    import polars as pl

    log = pl.scan_parquet(plain).filter(pl.col("event").is_in(list(steps)))
    step = pl.col("event").replace_strict(list(steps), list(range(len(steps))), return_dtype=pl.Int8)
    rows = log.select("person", pl.col("timestamp").to_physical(), step=step).collect()
    counts = _pass()(
        rows["person"].to_numpy(), rows["timestamp"].to_numpy(), rows["step"].to_numpy(), len(steps), within
    )
    return [int(count) for count in np.asarray(counts)]


_COMPILED: list[Any] = []


def _pass() -> Any:
    if not _COMPILED:
        import numba
        import numpy as np

        @numba.njit
        def walk(person: Any, time: Any, step: Any, width: int, within: int) -> Any:
            counts = np.zeros(width, np.int64)
            start = np.full(width, -1, np.int64)
            deepest = -1
            for row in range(len(person)):
                if row and person[row] != person[row - 1]:
                    counts[: deepest + 1] += 1
                    start[:] = -1
                    deepest = -1
                at = step[row]
                if at == 0:
                    start[0] = time[row]
                elif start[at - 1] >= 0 and time[row] - start[at - 1] <= within:
                    start[at] = start[at - 1]
                else:
                    continue
                deepest = max(deepest, at)
            counts[: deepest + 1] += 1
            return counts

        _COMPILED.append(walk)
    return _COMPILED[0]
