"""Worked funnel examples from the documentation of Mixpanel and Amplitude: passed, or why not."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

import journeys as jn
from tests.oracles.funnel_cases import Case, journeys, vendor_docs

DIFFERS = {
    "amplitude: first-touch breakdown, not held constant": "of equal attempts the first counts there; here the last",
    "mixpanel: breakdown by step-1 value": "a person counts in two groups there; here in one",
    "amplitude any order: without the first-listed event there is no entry": "any step is an entry here",
    "amplitude hold constant with an array property: each item is a value": "a list is one value here",
    "amplitude: held constant by session, two sessions": "a person counts once here, with the better session",
}


def asked(case: Case) -> dict[str, Any]:
    config, vendor = case["config"], case["name"].split(":", maxsplit=1)[0].split()[0]
    out: dict[str, Any] = {"steps": config["steps"], "semantics": vendor, "within": f"{config['window_seconds']}s"}
    out["order"] = {"exact": "strict", "unordered": "any"}.get(config.get("order", ""), "loose")
    if config.get("reentry") == "optimized":
        out["reentry"] = "best"
    if config.get("counting") == "totals":
        out["count"] = "entries"
        out["reentry"] = "each" if config.get("reentry") == "optimized" else "best"
    out["exclude"] = [
        jn.never(one["event"], after=one["from_step"] + 1, before=one["to_step"] + 1)
        for one in config.get("exclusions", [])
    ]
    if "breakdown" in config:
        out["by"] = config["breakdown"]
    if "hold_constant" in config:
        out["hold"] = config["hold_constant"]
    return out


def check(case: Case) -> None:
    expected = case["expected"]
    assert "counts_for_value" not in expected
    funnel = journeys(case).funnel(**asked(case))
    people = funnel.table[funnel.settings.get("count", "people")].to_list()
    if "counts" in expected:
        assert people == expected["counts"]
    for step in expected.get("steps_reached", {}).values():
        assert [n for n in people if n] == [1] * step
    if "entries" in expected:
        assert (people[0], people[-1]) == (expected["entries"], expected["conversions"])
    if "time_to_convert_seconds" in expected:
        took = timedelta(seconds=expected["time_to_convert_seconds"])
        assert funnel.table["median_time_from_start"][-1] == took
    for value, figures in expected.get("by_breakdown", {}).items():
        assert funnel.table.filter(pl.col(case["config"]["breakdown"]) == value)["people"].to_list() == figures
    if "by_period" in expected:
        trend = funnel.trend(every="1d").table.filter(pl.col("entered") > 0)
        found = {f"{at:%Y-%m-%d}": [entered, converted] for at, entered, converted, *_ in trend.iter_rows()}
        assert found == expected["by_period"]
        assert people == expected["overall"]


CASES = vendor_docs()


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: Case) -> None:
    if case["name"] in DIFFERS:
        with pytest.raises(AssertionError):
            check(case)
        return
    check(case)


def test_all_differences_are_of_cases() -> None:
    assert set(DIFFERS) <= {case["name"] for case in CASES}
