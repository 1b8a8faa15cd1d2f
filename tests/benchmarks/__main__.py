"""Print our time and peak memory beside the rivals', answers asserted equal.

    python -m tests.benchmarks --events 2_000_000 --only funnel,flow,correlation

Every module of this folder with a function ``questions(data)`` takes part. ``scaling`` (a tenth of the events beside
all), ``shards`` (a store of many shards, memory bounded) and ``readers`` (each reader on files of `--events` rows) make
files of their own and run only when named.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import ours
from tests.benchmarks.data import Data, make
from tests.benchmarks.harness import Comparison, Question, Way, ask, measure, table
from tests.benchmarks.large import scaling, shards
from tests.benchmarks.readers import readers


def _found(data: Data) -> dict[str, list[Question]]:
    """Ask each module of this folder for its questions."""
    modules = sorted(file.stem for file in Path(__file__).parent.glob("*.py"))
    found = {}
    for name in modules:
        if name in {"__init__", "__main__", "harness", "data", "ours", "large", "readers", "exports", "guards"}:
            continue
        module = importlib.import_module(f"tests.benchmarks.{name}")
        if hasattr(module, "questions"):
            found[name] = module.questions(data)
    return found


def main() -> int:
    """Run what is asked; the exit code tells whether every answer agreed and every bar held."""
    parse = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parse.add_argument("--events", type=int, default=2_000_000)
    parse.add_argument("--only", default="", help="questions or modules, separated by commas; all by default")
    parse.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "journeys-benchmarks")
    parse.add_argument("--json", type=Path, help="where to write the figures")
    parse.add_argument("--no-bars", action="store_true", help="compare answers, but do not insist on ratios")
    asked = parse.parse_args()
    wanted = [name for name in asked.only.split(",") if name]

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    data = make(asked.data, events=asked.events)
    large_only = wanted and set(wanted) <= {"scaling", "shards"}  # they make stores of their own
    if not large_only and not Path(data.store).exists():
        say("saving the store …")
        measure(Way(ours.build, {"plain": data.plain, "store": data.store, "shards": 1}), repeat=1)
    comparisons: list[Comparison] = []
    failures: list[str] = []
    for module, questions in _found(data).items():
        for question in questions:
            if not wanted or module in wanted or question.name in wanted:
                comparisons.append(ask(question, say=say))
                failures += comparisons[-1].failures
    for name, large in {"scaling": scaling, "shards": shards, "readers": readers}.items():
        if name in wanted:
            more, failed = large(asked.data, events=asked.events, say=say)
            comparisons += more
            failures += failed
    if asked.no_bars:
        failures = [failure for failure in failures if "answers" in failure]
    print(f"{asked.events:,} events, {data.people:,} people, {os.cpu_count()} cores, {platform.machine()}\n")
    print(table(comparisons))
    print("\n" + ("\n".join(f"FAILED  {failure}" for failure in failures) or "Every answer agreed; every bar held."))
    if asked.json:
        rows = [row for comparison in comparisons for row in comparison.rows()]
        about = {"events": asked.events, "people": data.people, "cores": os.cpu_count(), "failures": failures}
        asked.json.write_text(json.dumps({**about, "rows": rows}, indent=1))
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
