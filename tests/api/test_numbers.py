"""Every argument that is a number: what it cannot be is refused by name, whichever question takes it."""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import journeys as jn
from tests.every_result import CASES, as_accounts, every_log, valued

WRONG: tuple[Any, ...] = (
    -1, 0, 1.5, 10**9, 10**30, True, "3", float("nan"), float("inf"), [1], [0.5, "x"], [None], {}, None, np.int64(2),
)  # fmt: skip

# what a question needs beside the number
NEEDED: dict[str, dict[str, Any]] = {
    "Journeys.attribution": {"goal": "X", "model": "custom", "lookback": "9m"},
    "Journeys.correlation": {"goal": "X"},
    "Journeys.correlations": {"goals": ["X", "B"]},
    "Journeys.experiment": {"variant": "campaign", "goal": "X"},
    "Journeys.impact": {"of": "X", "on": "B"},
    "Journeys.funnel": {"steps": ["A", "B"]},
    "Journeys.last_before": {"goal": "X", "of": "campaign"},
    "Journeys.lifecycle": {"event": "A"},
    "Journeys.retention": {"start": "A", "by": "campaign"},
    "Journeys.stickiness": {"event": "A", "by": "campaign"},
    "Journeys.trend": {"events": "A", "by": "campaign"},
    "Journeys.value": {"column": "amount", "of": "X", "every": "1m", "by": "campaign"},
    "Dropoff.examples": {"event": "A"},
    "Stickiness.people": {"period": "2026-02-23", "group": "ads"},
}
BROKEN_DOWN = {
    "Stickiness": lambda j: j.stickiness("A", by="campaign"),
    "Funnel": lambda j: j.funnel(["A", "B", "X"]),
}
NOT_ASKED = frozenset({"only", "from_table", "save", "contacts", "to_customerio", "to_hubspot"})


def list_numbers(function: Callable[..., Any]) -> list[str]:
    """Name the arguments of a function that are numbers, or hold some."""
    given = inspect.signature(function).parameters.values()
    return [one.name for one in given if any(kind in str(one.annotation) for kind in ("int", "float"))]


@pytest.fixture(scope="module")
def j() -> jn.Journeys:
    return valued(jn.Journeys.from_table(every_log([])))


@pytest.mark.parametrize("name", ["Journeys", *CASES])
def test_numbers_that_make_no_sense_are_refused_by_name(j, name):
    asked = {"Journeys": lambda j: j, **CASES, **BROKEN_DOWN}
    owner = asked[name](j)
    problems = []
    for method in sorted(set(dir(owner)) - NOT_ASKED):
        if method.startswith("_") or not callable(found := getattr(type(owner), method, None)):
            continue
        for argument in list_numbers(found):
            asked_of = as_accounts(j) if method == "activity" else owner
            problems += describe_crashes(asked_of, method, argument, NEEDED.get(f"{name}.{method}", {}))
    assert not problems, "\n".join(problems)


def describe_crashes(owner: Any, method: str, argument: str, needed: dict[str, Any]) -> list[str]:
    """Ask a question with numbers that it cannot take: it has to answer, or to name the argument."""
    problems = []
    for wrong in WRONG:
        try:
            found = getattr(owner, method)(**{**needed, argument: wrong})
            assert not hasattr(found, "finding") or found.finding
        except jn.JourneysError as error:
            if argument not in str(error) or not str(error).endswith("."):
                problems.append(f"{method}({argument}={wrong!r}) says {error}")
        except Exception as error:  # noqa: BLE001  # whatever else is raised is what the test looks for
            problems.append(f"{method}({argument}={wrong!r}) raises {error!r}")
    return problems


def test_more_draws_than_can_be_made_are_refused(j, monkeypatch):
    asked = {"of": "X", "start": "A", "every": "1m", "draws": 60}
    assert j.value("amount", **asked).table.height
    compared = j.attribution("X", lookback="9m").compare_models(["last"], draws=60)
    assert compared.table.height
    monkeypatch.setattr("journeys.stats.bootstrap._MOST_DRAWN", 100)
    with pytest.raises(jn.ArgumentError, match=r"draws: 60 are too many here: at most \d+, usually 200\."):
        j.value("amount", **asked)
    with pytest.raises(jn.ArgumentError, match=r"draws: 60 are too many here: at most \d+, usually 200\."):
        j.attribution("X", lookback="9m").compare_models(["last"], draws=60)
