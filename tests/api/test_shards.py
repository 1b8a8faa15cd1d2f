"""Each public question gives equal tables in memory, on one shard and on three."""

import random
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given

import journeys as jn
from tests.logs import START, frame, rows

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

LATE = ("2026-03-03", "2026-03-05")


def _compare_two_periods(j: jn.Journeys) -> pl.DataFrame:
    late = j.funnel(["A", "B"], within="1d", entered=LATE)
    return late.compare(late.previous()).table


OVER_TIME: dict[str, Ask] = {
    "lifecycle": lambda j: j.lifecycle("A", every="1d", by="campaign", top=1).table,
    "lifecycle, cut in time": lambda j: j.between("2026-03-03").lifecycle("A", every="1d").table,
    "stickiness": lambda j: j.stickiness("A", by="campaign").table,
    "sessions": lambda j: j.sessions(by="campaign", goal="X", gap="1d").table,
    "sessions, summed up": lambda j: j.sessions(by="first_campaign", goal="X", gap="1d", top=1).summary,
    "impact": lambda j: j.impact("B", on="X", periods=1, against="anyone").table,
    "impact, summed up": lambda j: j.impact("B", on="X", periods=1).summary,
    "retention": lambda j: j.retention("A", back="X", every="1d").table,
    "experiment": lambda j: j.experiment("first_campaign", goal="X", within="1d").table,
    "funnel of two periods": _compare_two_periods,
    "trend of two periods": lambda j: j.trend("A", every="1d", by="campaign", compare="previous").table,
    "attribution of two periods": lambda j: j.attribution("X", converted=LATE).compare().table,
}


def make_days() -> jn.Journeys:
    """Make a log of twenty days, with something to count for each question about time."""
    dice = random.Random(4)
    campaigns = ["spring", "ads", None]
    found = [
        (f"p{dice.randrange(25)}", dice.randrange(40), dice.choice("ABCX"), dice.choice(campaigns)) for _ in range(300)
    ]
    return jn.Journeys.from_table(frame(found).with_columns(timestamp=START + (pl.col("timestamp") - START) * 720))


def test_shards_change_no_answer_over_time(tmp_path):
    j = make_days()
    stored = j.save(tmp_path, shards=3)
    for question, ask in OVER_TIME.items():
        expected = ask(j)
        assert expected.height, question
        assert ask(stored).equals(expected, null_equal=True), question


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
