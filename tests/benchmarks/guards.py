"""Questions whose time must grow about linearly with their input: each input is doubled, and the growth measured.

Run `python -m tests.benchmarks.guards`; `tests/test_guards.py` runs the same. To add one, write a function from a size
to what is to be timed, and list it in GUARDS.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl

import journeys as jn
from journeys.analyses.attribution.models import Path, markov

__all__ = ["GUARDS", "Guard"]


@dataclass(frozen=True)
class Guard:
    """A question whose time is guarded.

    Attributes
    ----------
    build
        Makes an input of a size, and returns the question to time.
    size
        The smaller of the two sizes.
    most
        By how much the time may grow when the size is doubled.
    """

    build: Callable[[int], Callable[[], object]]
    size: int
    most: float = 3.0

    def growth(self) -> float:
        """Return how many times as long twice the input takes; the best of three measurements each."""
        return _best_time(self.build(2 * self.size)) / max(_best_time(self.build(self.size)), 0.01)


def _best_time(question: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        question()
        times.append(time.process_time() - start)
    return min(times)


def _markov_channels(channels: int) -> Callable[[], object]:
    """Ask for the Markov credit of many channels; one inverse grows by 8, one per channel by 16."""
    random = Random(7)
    paths = [
        Path(tuple(f"c{random.randrange(channels)}" for _ in range(4)), number % 3 == 0, 1, (), ())
        for number in range(20 * channels)
    ]
    return lambda: markov(paths)


def _entries_of_one_person(entries: int) -> Callable[[], object]:
    """Count the entries of a single person."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = pl.datetime_range(start, start + timedelta(minutes=2 * entries - 1), "1m", time_zone="UTC", eager=True)
    log = pl.DataFrame({"person": "a", "timestamp": minutes, "event": ["A", "X"] * entries})
    journeys = jn.Journeys.from_table(log)
    return lambda: journeys.flow(start="A", end="X", count="entries", within="1h", times=False)


GUARDS: dict[str, Guard] = {
    "flow of 200,000 entries of one person": Guard(_entries_of_one_person, 100_000),
    "markov attribution of 800 channels": Guard(_markov_channels, 400, most=10.0),
}


if __name__ == "__main__":
    failed = False
    for name, guard in GUARDS.items():
        growth = guard.growth()
        failed |= growth > guard.most
        print(f"{name}: {growth:.1f} times as long for twice the input (at most {guard.most:g})")
    sys.exit(failed)
