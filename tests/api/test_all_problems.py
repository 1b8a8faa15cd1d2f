"""All that is wrong with the arguments of a question is reported at once."""

from typing import Any

import pytest

import journeys as jn
from tests.every_result import as_accounts, every_log, valued

WRONG: dict[str, dict[str, Any]] = {
    "activity": {"active": "Nope", "days": 0, "fit": 3, "contact": "Nopa", "until": "q"},
    "attribution": {
        "goal": "Nope", "model": "q", "by": "nope", "lookback": "x", "conversions": "z", "value": "vv", "leave_out": 3,
        "half_life": "y", "time_zone": "Mars",
    },
    "dropoff": {"goal": "Nope", "hide": 3},
    "flow": {"start": "Nope", "end": "Nopa", "steps": 0, "top": 0, "within": "x", "gap": "y", "node": "zzz", "hide": 3},
    "last_before": {"goal": "Nope", "of": "nope", "within": "x", "top": 0, "then": "Nopa", "event": "Nopi"},
    "lifecycle": {"event": "Nope", "every": "x", "by": "nope", "top": 0, "time_zone": "Mars", "week_start": "x"},
    "messages": {"goal": "Nope", "by": "nope", "within": "x", "credit": "z", "value": "vv", "message": "mm"},
    "sessions": {"by": "nope", "top": 0, "goal": "Nope", "gap": "x", "page_view": "Nopa"},
    "stickiness": {"event": "Nope", "every": "x", "of": "y", "by": "nope", "top": 0, "time_zone": "Mars"},
    "transitions": {"top": 0, "count": "z", "gap": "x", "node": "zzz"},
    "value": {
        "column": "nope", "of": "Nope", "start": "Nopa", "every": "x", "by": "nopi", "top": 0, "draws": 0, "seed": -1,
        "periods": 0, "until": "q",
    },
}  # fmt: skip


@pytest.mark.parametrize("question", WRONG)
def test_all_problems_are_reported_together(question):
    j = valued(jn.Journeys.from_table(every_log([])))
    asked = getattr(as_accounts(j) if question == "activity" else j, question)
    with pytest.raises(jn.ArgumentError) as caught:
        asked(**WRONG[question])
    lines = str(caught.value).splitlines()
    for argument in WRONG[question]:
        assert [line for line in lines if line.startswith(f"- {argument}: ")], (argument, lines)
