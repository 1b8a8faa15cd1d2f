"""Measure a function in a process of its own, beside its rivals, and insist that they agree.

A benchmark module has one function ``questions(data) -> list[Question]``. A question has a name, the ways to answer it
(the first is ours), and the ratio to each rival that has to be held::

    def questions(data: Data) -> list[Question]:
        ways = {"journeys": Way(ours, {"store": data.store}), "DuckDB": Way(duck, {"plain": data.plain})}
        return [Question("funnel", ways, bars={"DuckDB": 8.0})]

Ways are plain functions at the top level of a module; what they are given and what they return is picklable and small.
Every way runs in a fresh process: imports are not timed, the call is timed `repeat` times and the best counts (the
first, cold call is kept beside it), and the peak is the highest resident memory of that process, interpreter and all.
"""

from __future__ import annotations

import importlib
import math
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Comparison", "Measured", "Question", "Way", "ask", "measure", "peak_bytes", "same", "table"]


@dataclass(frozen=True)
class Way:
    """One way to answer a question: a top-level function, its keyword arguments, and what to load before the clock."""

    function: Callable[..., Any]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """What is asked; the first way is ours. `bars`: how many times faster ours has to be.

    `not_compared` are ways that answer something else, as a yardstick; `most_…` are bounds of our own.
    """

    name: str
    ways: Mapping[str, Way]
    bars: Mapping[str, float] = field(default_factory=dict)
    repeat: int = 3
    compare: bool = True
    not_compared: tuple[str, ...] = ()
    most_seconds: float | None = None
    most_bytes: float | None = None


@dataclass(frozen=True)
class Measured:
    """One way, measured: best seconds, the first (cold) call, the peak of the process, the answer."""

    seconds: float
    first: float
    peak: int
    answer: Any


@dataclass(frozen=True)
class Comparison:
    """A question, its measurements by way, and what did not hold."""

    question: Question
    measured: Mapping[str, Measured]
    failures: tuple[str, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one plain row a way: ready for JSON and for the table."""
        ours = next(iter(self.measured.values()))
        return [
            {
                "question": self.question.name,
                "way": way,
                "seconds": m.seconds,
                "first_seconds": m.first,
                "peak_bytes": m.peak,
                "ratio": m.seconds / ours.seconds,
                "bar": self.question.bars.get(way),
            }
            for way, m in self.measured.items()
        ]


def peak_bytes() -> int:
    """Return the highest resident memory of this process so far.

    ``VmHWM`` starts anew with each process; ``ru_maxrss`` would carry the parent's peak over and is only the fallback.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure(way: Way | Callable[..., Any], *, repeat: int = 3) -> Measured:
    """Run a way in a fresh process and return its best time, its peak and its answer."""
    way = way if isinstance(way, Way) else Way(way)
    job = {
        "module": way.function.__module__,
        "function": way.function.__qualname__,
        "arguments": dict(way.arguments),
        "imports": way.imports,
        "repeat": repeat,
    }
    with tempfile.TemporaryDirectory() as folder:
        ask_file, answer_file = Path(folder, "ask"), Path(folder, "answer")
        ask_file.write_bytes(pickle.dumps(job))
        root = str(Path(__file__).parents[2])
        path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
        run = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.harness", str(ask_file), str(answer_file)],
            env={**os.environ, **way.environment, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(f"{job['module']}.{job['function']} failed:\n{run.stderr[-4000:]}")
        return Measured(**pickle.loads(answer_file.read_bytes()))  # noqa: S301  # our own child wrote it


def same(a: Any, b: Any) -> bool:
    """Tell whether two answers are equal, floats to one part in a billion."""
    if isinstance(a, float) and isinstance(b, float):
        return a == b or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(a) and math.isnan(b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def ask(question: Question, *, say: Callable[[str], None] = lambda _: None) -> Comparison:
    """Measure every way of a question; answers that differ and bars that do not hold are its failures."""
    measured: dict[str, Measured] = {}
    failures = []
    for name, way in question.ways.items():
        say(f"{question.name}: {name} …")
        measured[name] = measure(way, repeat=question.repeat)
    ours_name, ours = next(iter(measured.items()))
    for name, m in measured.items():
        if question.compare and name not in question.not_compared and not same(ours.answer, m.answer):
            failures.append(f"{question.name}: {name} answers {m.answer!r:.300}, {ours_name} {ours.answer!r:.300}")
        bar = question.bars.get(name)
        if bar is not None and m.seconds < bar * ours.seconds:
            failures.append(f"{question.name}: {m.seconds / ours.seconds:.2f} times {name}, not {bar:g}")
    if question.most_seconds is not None and ours.seconds > question.most_seconds:
        failures.append(f"{question.name}: {ours.seconds:.2f} s, at most {question.most_seconds:.2f} s")
    if question.most_bytes is not None and ours.peak > question.most_bytes:
        failures.append(
            f"{question.name}: peak {ours.peak / 2**20:,.0f} MiB, at most {question.most_bytes / 2**20:,.0f} MiB"
        )
    return Comparison(question, measured, tuple(failures))


def table(comparisons: list[Comparison]) -> str:
    """Lay measurements out as text: one line a way, its ratio to ours, and whether the bar holds."""
    head = f"{'question':<32}{'way':<20}{'best s':>9}{'first s':>9}{'peak MiB':>10}{'ratio':>8}{'bar':>7}"
    lines = [head, "-" * len(head)]
    for comparison in comparisons:
        for row in comparison.rows():
            bar = "" if row["bar"] is None else f"{row['bar']:.3g}"
            lines.append(
                f"{row['question']:<32}{row['way']:<20}{row['seconds']:>9.3f}{row['first_seconds']:>9.3f}"
                f"{row['peak_bytes'] / 2**20:>10,.0f}{row['ratio']:>8.2f}{bar:>7}"
            )
    return "\n".join(lines)


def _child(ask_file: str, answer_file: str) -> None:
    job = pickle.loads(Path(ask_file).read_bytes())  # noqa: S301  # our own parent wrote it
    for name in job["imports"]:
        importlib.import_module(name)
    function = importlib.import_module(job["module"])
    for part in job["function"].split("."):
        function = getattr(function, part)
    times = []
    answer = None
    for _ in range(job["repeat"]):
        start = time.perf_counter()
        answer = function(**job["arguments"])
        times.append(time.perf_counter() - start)
    result = {"seconds": min(times), "first": times[0], "peak": peak_bytes(), "answer": answer}
    Path(answer_file).write_bytes(pickle.dumps(result))


if __name__ == "__main__":
    _child(*sys.argv[1:])
