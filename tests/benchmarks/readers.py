"""Every reader beside bare Polars scans of the same file: text → rows in an Arrow file.

Two bare scans: one as Polars does it by itself, types guessed from the first 100 lines (rows that disagree are an
error), and one that takes the types from every line as the readers do. Neither parses a time, tells events from facts
or duplicates, finds a campaign or sets a broken line aside. A bar holds for a reader if it reaches 300 MB/s of CSV or
150 MB/s of NDJSON, or takes at most 1.5 times as long as a bare scan that knows as much of the types.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

import journeys as jn
from tests.benchmarks.exports import FILES, write
from tests.benchmarks.harness import Comparison, Question, Way, ask

__all__ = ["readers", "store"]

FASTEST = {"csv": 300, "tsv": 300, "ndjson": 150}
SLOWEST = 1.5
GROWS = 1.25
LEAST = 1_200_000  # fewer rows do not fill what is under way at once
READ: dict[str, Callable[[str], jn.Events]] = {
    "segment": jn.read_segment,
    "segment warehouse": jn.read_segment,
    "ga4": jn.read_ga4,
    "mixpanel": jn.read_mixpanel,
    "amplitude": jn.read_amplitude,
    "posthog": jn.read_posthog,
    "posthog table": jn.read_posthog,
    "snowplow": jn.read_snowplow,
    "customer.io": jn.read_customerio,
    "hubspot": jn.read_hubspot,
    "table": lambda path: jn.read_table(path, timestamp="at", event="what", ids=["user_id", "device"], message_id="id"),
}


# each with message ids: told apart in a file, not in memory
STORED = ("segment", "segment warehouse", "posthog table")
SHARD = 100_000


def readers(folder: Path, *, events: int, say: Callable[[str], None]) -> tuple[list[Comparison], list[str]]:
    """Measure each reader on a file of so many rows."""
    comparisons, failures = [], []
    folder.mkdir(parents=True, exist_ok=True)
    for system, (ending, _) in FILES.items():
        path = write(system, folder=folder, rows=events)
        size = path.stat().st_size
        asked = {"path": str(path)}
        ways = {
            "journeys": Way(ours, {**asked, "system": system}),
            "scan": Way(bare, {**asked, "every": False}),
            "scan, every line": Way(bare, {**asked, "every": True}),
        }
        found = ask(Question(f"read {system}", ways, repeat=3), say=say)
        own, _, sound = (measured.seconds for measured in found.measured.values())
        speed = size / own / 1e6
        say(f"{system}: {size / 1e6:,.0f} MB, {speed:,.0f} MB/s, {own / sound:.2f} times the scan of every line")
        if speed < FASTEST[ending] and own > SLOWEST * sound:
            failures.append(
                f"read {system}: {speed:,.0f} MB/s, not {FASTEST[ending]}, and {own / sound:.2f} times the bare scan"
            )
        comparisons.append(found)
        failures += found.failures
    least = max(events, LEAST)
    for system in STORED:
        one, four = (_stored(system, folder=folder, rows=rows) for rows in (least, 4 * least))
        question = Question(f"store {system}", {"four times": four, "journeys": one}, repeat=1, compare=False)
        found = ask(question, say=say)
        large, small = (measured.peak for measured in found.measured.values())
        say(f"{system} to a store: four times the rows take {large / small:.2f} times the memory")
        if large > GROWS * small:
            failures.append(f"store {system}: four times the rows take {large / small:.2f} times the memory")
        comparisons.append(found)
        failures += found.failures
    return comparisons, failures


def _stored(system: str, *, folder: Path, rows: int) -> Way:
    path = write(system, folder=folder, rows=rows)
    shards = max(1, rows // SHARD)
    return Way(store, {"path": str(path), "system": system, "shards": shards})


def store(path: str, system: str, shards: int) -> int:
    """Write what is read to a store."""
    with tempfile.TemporaryDirectory() as folder:
        # which every row has: rows set apart are kept in memory
        made = jn.Journeys.from_table(READ[system](path), person="anonymous_id", store=folder, shards=shards)
        return made.size.events + made.quarantine.height


def ours(path: str, system: str) -> int:
    """Read with the system's reader."""
    return _written(READ[system](path).table)


def bare(path: str, *, every: bool) -> int:
    """Read with a scan."""
    lines = None if every else 100
    if path.endswith(".ndjson"):
        return _written(pl.scan_ndjson(path, infer_schema_length=lines))
    tsv: dict[str, Any] = {"separator": "\t", "has_header": False, "quote_char": None} if path.endswith(".tsv") else {}
    return _written(pl.scan_csv(path, infer_schema_length=lines, **tsv))


def _written(rows: pl.LazyFrame) -> int:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "rows.arrow"
        rows.sink_ipc(target)
        return int(pl.scan_ipc(target).select(pl.len()).collect().item())
