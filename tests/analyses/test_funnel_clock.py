"""Times of a funnel start at the first entry, not at a moment that was chosen by knowing how it ended."""

import numpy as np
import polars as pl
import pytest

import journeys as jn
from tests import logs


def daily_visitors() -> tuple[jn.Journeys, float]:
    """People visit daily and buy at random, after 20 days on average; the true share who buy within a day."""
    random = np.random.default_rng(1)
    bought = random.exponential(20, 400)
    rows = []
    for person, day in enumerate(bought):
        rows += [(person, visit + random.random() * 0.01, "Visit") for visit in range(60) if visit < day]
        rows += [(person, max(day, 0.02), "Buy")] if day < 60 else []
    table = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row")
    timestamp = (pl.col("day") * 86_400_000_000 + 1.767e15).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    return jn.Journeys.from_table(table.select("person", "event", timestamp=timestamp)), float(np.mean(bought <= 1))


def test_the_clock_starts_at_the_first_entry():
    j, within_a_day = daily_visitors()
    funnel = j.funnel(["Visit", "Buy"], within="30d")
    curve = funnel.converted_within().table.filter(pl.col("time") <= pl.duration(days=1))
    assert curve["share"][-1] == pytest.approx(within_a_day, abs=0.02)
    assert funnel.times().table.filter(pl.col("step") == 2)["q50"][0].days >= 5
    histogram = funnel.time_to_convert().table
    assert histogram["to"].max().days >= 20
    # it is the same as asking for the first entry, and another clock can be asked for
    first = j.funnel(["Visit", "Buy"], within="30d", reentry="first")
    assert first.converted_within().table.equals(funnel.converted_within().table)
    best = j.funnel(["Visit", "Buy"], within="30d", reentry="best")
    assert best.converted_within().table.filter(pl.col("time") <= pl.duration(days=1))["share"][-1] > 0.5
    assert best.table.equals(funnel.table)


@pytest.mark.parametrize(
    "exclude",
    [
        "X",
        jn.step("X"),
        jn.step("X", pl.col("event") == "X"),
        pl.col("event") == "X",
        jn.never("X"),
        jn.never("X", after=1, before=2),
        ["X"],
        [pl.col("event") == "X", jn.never("C")],
        (jn.never(pl.col("event") == "X"),),
    ],
)
def test_every_documented_form_of_an_exclusion(exclude: object):
    rows: list[logs.Row] = [("a", 0, "A", None), ("a", 1, "X", None), ("a", 2, "B", None)]
    rows += [("b", 0, "A", None), ("b", 1, "C", None), ("b", 2, "B", None)]
    funnel = jn.Journeys.from_table(logs.frame(rows)).funnel(["A", "B"], exclude=exclude)  # type: ignore[arg-type]
    assert funnel.table["people"].to_list() == [2, 0 if isinstance(exclude, list) and len(exclude) > 1 else 1]
    assert "exclude" in funnel.settings
    assert funnel._repr_html_()
