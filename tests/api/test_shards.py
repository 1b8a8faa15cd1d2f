"""Each public question gives equal tables in memory, on one shard and on three."""

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given

import journeys as jn
from tests.logs import frame, rows

Ask = Callable[[jn.Journeys], pl.DataFrame]

QUESTIONS: dict[str, Ask] = {
    "funnel": lambda j: j.funnel(["A", "B", "C"], within="4m").table,
    "funnel by campaign": lambda j: j.funnel(["A", "B"], by="campaign", top=1).table,
    "funnel by first campaign, strict": lambda j: j.funnel(["A", "B"], by="first_campaign", order="strict").table,
    "funnel trend": lambda j: j.funnel(["A", "B"]).trend(every="1d").table,
    "funnel times": lambda j: j.funnel(["A", "B"]).times().table,
    "funnel curve": lambda j: j.funnel(["A", "B"]).converted_within().table,
    "funnel drop-off": lambda j: j.funnel(["A", "B"], count="entries").next_after_drop(2).table,
    "funnel people": lambda j: j.funnel(["A", "B"], hold="campaign").dropped(after=1).people,
    "correlation": lambda j: j.correlation("X", behaviours=["events", "campaign"], since="A", min_people=0).table,
    "correlation, checked": lambda j: j.correlation("X", min_people=0).checks,
    "correlation, few people": lambda j: (
        j.correlation("X", min_people=0).permute(n_permutations=5, within="activity").table
    ),
    "correlation people": lambda j: j.correlation("X", min_people=0).people("A", did=None, converted=False).people,
    "people": lambda j: j.people,
    "events": lambda j: j.events.collect(),
    "attribution": lambda j: j.attribution("X", model="markov", lookback="9m").table,
    "attribution by time": lambda j: j.attribution("X", model="time_decay", lookback="9m").table,
    "selected people": lambda j: j.where(pl.col("event") != "X").only(pl.col("first_campaign") == "ads").people,
}


@pytest.mark.parametrize("question", QUESTIONS)
@given(found=rows(people="abcde", most=20))
def test_shards_change_no_answer(question, found, tmp_path_factory):
    every_name = [("a", 0, name, None) for name in "ABCX"]
    j = jn.Journeys.from_table(frame([*every_name, *found]))
    ask = QUESTIONS[question]
    expected = ask(j)
    for shards in (1, 3):
        stored = j.save(tmp_path_factory.mktemp("store"), shards=shards)
        assert ask(stored).equals(expected, null_equal=True)
