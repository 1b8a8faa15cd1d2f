"""Funnels that would not end are refused with a sentence before they start; all others stay fast."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

import journeys as jn


def one_person(events: list[str], *, apart: timedelta) -> jn.Journeys:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    times = [start + number * apart for number in range(len(events))]
    return jn.Journeys.from_table(pl.DataFrame({"person": "p", "timestamp": times, "event": events}))


@pytest.mark.parametrize("semantics", ["posthog", "mixpanel", "amplitude"])
@pytest.mark.parametrize("steps", [3, 5, 9])
def test_repeated_steps_at_one_moment(steps: int, semantics: Any):
    for events in (2, 4, 160, 2_000):
        j = one_person(["Buy"] * events, apart=timedelta(0))
        people = j.funnel(["Buy"] * steps, within="30d", semantics=semantics).table["people"].to_list()
        assert people == [int(step < events) for step in range(steps)]


def test_entries_of_a_busy_person():
    j = one_person(["A", "B"] * 2_000, apart=timedelta(minutes=1))
    assert j.funnel(["A", "B"], count="entries", within="1d").table["entries"].to_list() == [2_000, 2_000]
    waiting = one_person(["A", *["X"] * 500, "B"] * 3, apart=timedelta(minutes=1))
    assert waiting.funnel(["A", "B"], count="entries", within="1d").table["entries"].to_list() == [3, 3]
    assert waiting.funnel(["A", "B"], count="entries", within="1h").table["entries"].to_list() == [3, 0]
    assert waiting.funnel(["A", "B"], count="entries", exclude="X").table["entries"].to_list() == [3, 0]
    assert waiting.funnel(["A", "A"], count="entries").table["entries"].to_list() == [2, 1]


@pytest.mark.parametrize(
    ("steps", "options", "words"),
    [
        (
            ["A", "B"],
            {"ties": "30d"},
            "ties: '30d' is too long, at most a day is valid: events of different days are not simultaneous.",
        ),
        (["A", "A", "B"], {"ties": "1d"}, "so close in time that any of them may come first"),
        (["A", "B"] * 51, {}, "steps: at most 100 steps can be asked for, got 102."),
        ([jn.any_order(*"ABABA"), jn.any_order(*"ABABA")], {}, "can come in 14,400 orders"),
        (["A", ["A", "B"]] * 6, {"order": "any"}, "more than 10 steps in any order can be served by the same events"),
    ],
)
def test_what_would_not_end_is_refused(steps: list[Any], options: dict[str, Any], words: str):
    j = one_person(["A", "B"] * 5_000, apart=timedelta(seconds=20))
    with pytest.raises(jn.ArgumentError, match=words):
        j.funnel(steps, **options)
