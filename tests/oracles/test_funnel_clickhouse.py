"""What ClickHouse's windowFunnel answered, recorded: its default mode, and its modes that have a meaning here."""

from typing import Any

import polars as pl
import pytest

import journeys as jn
from tests.oracles.funnel_cases import Case, clickhouse

DEDUPLICATION = "strict_deduplication stops at a repeated step; no choice here does"
ORDER = "strict_order looks only at events that are steps, and never starts again; ours looks at the whole log"
OURS: dict[tuple[str, ...], dict[str, Any] | str] = {
    (): {"semantics": "clickhouse"},
    ("strict_once",): {"ties": "either"},
    ("strict_increase",): {"ties": "rising"},
    ("strict_deduplication",): DEDUPLICATION,
    ("strict_deduplication", "strict_order"): DEDUPLICATION,
    ("strict_order",): ORDER,
    ("strict_order", "allow_reentry"): ORDER,
}


def depth(case: Case, **options: Any) -> int:
    rows = [{"person": "p", "timestamp": second, "event": event} for second, event in case["events"]]
    rows += [{"person": "q", "timestamp": 0, "event": event} for event in case["steps"]]
    frame = pl.DataFrame(rows).with_columns(pl.from_epoch("timestamp", time_unit="s"))
    funnel = jn.Journeys.from_table(frame).only(["p"]).funnel(case["steps"], within=f"{case['window']}s", **options)
    return int(funnel.table["people"].sum())


CASES = clickhouse()
COMPARED = [case for case in CASES if not isinstance(OURS[tuple(case["modes"])], str)]


@pytest.mark.parametrize("case", COMPARED, ids=[case["name"] for case in COMPARED])
def test_case(case: Case) -> None:
    options = OURS[tuple(case["modes"])]
    assert isinstance(options, dict)
    if case["name"] == "repeated step two events strict_increase":
        # steps a > a > a: its mode takes every event for all three steps at once, and then none may follow another
        assert (depth(case, **options), case["expected"]) == (2, 1)
        return
    assert depth(case, **options) == case["expected"]


def test_every_mode_is_decided() -> None:
    assert {tuple(case["modes"]) for case in CASES} == set(OURS)
