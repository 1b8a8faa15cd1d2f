"""What needs logs of its own: ten times the events, and a log far larger than the memory it may use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import ours
from tests.benchmarks.core import COLUMNS, WEEK
from tests.benchmarks.data import CONVERSION, EVENTS, FUNNEL, Data, make
from tests.benchmarks.harness import Comparison, Question, Way, ask, measure

__all__ = ["scaling", "shards"]

SHARD = 2_000_000
MOST_MEMORY = 1_000_000_000
Found = tuple[list[Comparison], list[str]]


def _asked(store: str) -> dict[str, Way]:
    libraries = ("journeys", "scipy.stats")
    return {
        "funnel": Way(ours.funnel, {"store": store, "steps": FUNNEL, "within": WEEK}, libraries),
        "flow": Way(ours.flow, {"store": store, "steps": COLUMNS, "events": len(EVENTS)}, libraries),
        "correlation": Way(ours.correlation, {"store": store, "conversion": CONVERSION}, libraries),
    }


def _stored(folder: Path, *, events: int) -> Data:
    data = make(folder, events=events)
    if not Path(data.store).exists():
        measure(Way(ours.build, {"plain": data.plain, "store": data.store, "shards": 1}), repeat=1)
    return data


def scaling(folder: Path, *, events: int, say: Callable[[str], None]) -> Found:
    """Ask a log and one with ten times its events: the large one may cost eleven times the time."""
    small, large = _stored(folder, events=events // 10), _stored(folder, events=events)
    comparisons, failures = [], []
    for name, way in _asked(large.store).items():
        question = Question(
            f"{name}, a tenth",
            {"all": way, "a tenth": _asked(small.store)[name]},
            compare=False,
        )
        comparisons.append(ask(question, say=say))
        whole, tenth = (measured.seconds for measured in comparisons[-1].measured.values())
        if whole > 11 * tenth:
            failures.append(f"{name}: ten times the events cost {whole / tenth:.1f} times the time, at most 11")
    return comparisons, failures


def shards(folder: Path, *, events: int, say: Callable[[str], None]) -> Found:
    """Ask a store of many shards, written shard by shard: memory stays that of one, whatever the log holds."""
    data = make(folder, events=events)
    store = data.folder / "shards"
    count = max(1, events // SHARD)
    build = Way(ours.build_streamed, {"plain": data.plain, "store": str(store), "shards": count})
    comparisons, failures = [], []
    for name, way in {"build": build, **_asked(str(store))}.items():
        question = Question(f"{name}, {count} shards", {"journeys": way}, most_bytes=MOST_MEMORY, repeat=1)
        comparisons.append(ask(question, say=say))
        failures += comparisons[-1].failures
    return comparisons, failures
