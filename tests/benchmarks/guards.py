"""Questions whose time must grow about linearly with their input: each input is doubled, and the growth measured.

Run `python -m tests.benchmarks.guards`. To add one, write a function from a size
to what is to be timed, and list it in GUARDS.
"""

from __future__ import annotations

import atexit
import json
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import journeys as jn
from journeys.analyses.attribution import markov
from journeys.sources.reading import files, load_source

__all__ = ["GUARDS", "Guard"]

CSV = "at,what,u\n2026-03-01 10:00:00Z,A,1\n"


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
    moves = np.random.default_rng(7).integers(0, 2, (1, channels + 1, channels + 3)).astype(float)
    return lambda: markov.removal_shares(moves)


def _read(path: Path) -> Callable[[], object]:
    def read() -> object:
        return load_source(path).rows.collect()

    return read


def _temporary(name: str) -> Path:
    folder = tempfile.mkdtemp(prefix="journeys-guard-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder, name)


def _row(number: int) -> str:
    return json.dumps({"at": "2026-03-01 10:00:00", "what": "A", "u": number})


def _zip_of_many_files(count: int) -> Callable[[], object]:
    """Read an archive of many files, which must not be opened anew for each of them."""
    path = _temporary("log.zip")
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{number}.{'json' if number % 2 else 'csv'}", _row(number) if number % 2 else CSV)
    return _read(path)


def _folder_of_many_files(count: int) -> Callable[[], object]:
    """Read a folder of many files, half of which are malformed."""
    folder = _temporary("log")
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.csv").write_text(CSV + "1,2,3,4\n" * (number % 2))
    return _read(folder)


def _deep_lists(depth: int) -> Callable[[], object]:
    """Read JSON that is nested deeply, in 20 rows."""
    path = _temporary("log.json")
    path.write_text(f'{_row(1)[:-1]}, "deep": {"[" * depth}1{"]" * depth}}}\n' * 20)
    return _read(path)


def _deep_objects(rows: int) -> Callable[[], object]:
    """Read many rows of objects that are nested too deeply for types."""
    path = _temporary("log.json")
    path.write_text(f"""{_row(1)[:-1]}, "deep": {'{"a":' * 80}1{"}" * 80}}}\n""" * rows)
    return _read(path)


def _array_on_one_line(rows: int) -> Callable[[], object]:
    """Read a JSON array on one line whose first element is broken, block by block."""
    path = _temporary("log.json")
    path.write_text('[{"a": oops},' + ",".join(map(_row, range(rows))) + "]")

    def read() -> object:
        usual, files.CHUNK = files.CHUNK, 1 << 12
        try:
            return load_source(path).rows.collect()
        except jn.SourceError:
            return None
        finally:
            files.CHUNK = usual

    return read


def _open_quote(rows: int) -> Callable[[], object]:
    """Read a CSV with a quote that is never closed."""
    path = _temporary("log.csv")
    path.write_text(CSV + "2026-03-01,A,1\n" * rows + '2026-03-01,"A,1\n' + "2026-03-01,A,1\n" * rows)
    return _read(path)


def _entries_of_one_person(entries: int) -> Callable[[], object]:
    """Count the entries of a single person."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    minutes = pl.datetime_range(start, start + timedelta(minutes=2 * entries - 1), "1m", time_zone="UTC", eager=True)
    log = pl.DataFrame({"person": "a", "timestamp": minutes, "event": ["A", "X"] * entries})
    journeys = jn.Journeys.from_table(log)
    return lambda: journeys.flow(start="A", end="X", count="entries", within="1h", times=False)


def _funnel(
    steps: list[Any], events: list[str], *, every: timedelta, **options: Any
) -> Callable[[int], Callable[[], object]]:
    """Ask a funnel of one person who does some events over and over."""

    def build(size: int) -> Callable[[], object]:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        times = [start + number * every for number in range(size) for _ in events]
        log = pl.DataFrame({"person": "a", "timestamp": times, "event": events * size})
        journeys = jn.Journeys.from_table(log)
        return lambda: journeys.funnel(steps, **options)

    return build


_DAY, _MINUTE, _NO_TIME = timedelta(days=1), timedelta(minutes=1), timedelta(0)
_BUYS = ["Buy"] * 4

GUARDS: dict[str, Guard] = {
    "funnel of 4 equal steps, 20,000 events at one moment": Guard(
        _funnel(_BUYS, ["Buy"], every=_NO_TIME, within="30d", semantics="posthog"), 10_000
    ),
    "funnel of 4 equal steps, pairs of events on 1,000 days": Guard(
        _funnel(_BUYS, ["Buy", "Buy"], every=_DAY, semantics="posthog"), 500
    ),
    "funnel of 4 equal steps, pairs of events on 2,000 days, no window": Guard(
        _funnel(_BUYS, ["Buy", "Buy"], every=_DAY, ties="either"), 1_000
    ),
    "funnel entries of one person": Guard(
        _funnel(["A", "B"], ["A", "B"], every=_MINUTE, within="1h", count="entries"), 1_000
    ),
    "funnel entries of one person, no window": Guard(
        _funnel(["A", "B", "C"], ["A", "B", "C"], every=_MINUTE, count="entries"), 2_000
    ),
    "funnel with a run of five": Guard(
        _funnel([jn.any_order("A", "B", "C", "D", "E"), "F"], list("ABCDEF"), every=_MINUTE, within="1h"), 5_000
    ),
    "funnel of 100 steps": Guard(_funnel(["A", "B"] * 50, ["A", "B"], every=_MINUTE, within="7d"), 20_000),
    "funnel with ties of 2 seconds": Guard(
        _funnel(["A", "A", "B"], ["A", "B"], every=_MINUTE, ties="2s", within="1h"), 10_000
    ),
    "flow of 200,000 entries of one person": Guard(_entries_of_one_person, 100_000),
    "archive of 400 files": Guard(_zip_of_many_files, 200),
    "folder of 400 files, half of them malformed": Guard(_folder_of_many_files, 200),
    "JSON lists nested 400 deep": Guard(_deep_lists, 200),
    "JSON objects nested 80 deep in 2,000 rows": Guard(_deep_objects, 1000),
    "broken JSON array of 40,000 rows on one line": Guard(_array_on_one_line, 20_000),
    "open quote before 40,000 rows of a CSV": Guard(_open_quote, 20_000),
    "markov attribution of 800 channels": Guard(_markov_channels, 400, most=10.0),
}


if __name__ == "__main__":
    failed = False
    for name, guard in GUARDS.items():
        growth = guard.growth()
        failed |= growth > guard.most
        print(f"{name}: {growth:.1f} times as long for twice the input (at most {guard.most:g})")
    sys.exit(failed)
