"""Odd logs and odd questions: what came last before, exits and segments give an answer, or an error that helps."""

from datetime import datetime, timedelta

import polars as pl
import pytest

import journeys as jn
from tests.logs import Row, frame

ROWS: list[Row] = [
    *[(f"p{at}", 0, "View", f"c{at}") for at in range(3_000)],
    *[(f"p{at}", 1, "Sign", None) for at in range(3_000)],
    ("alone", 0, "Sign", None),
    ("never", 0, "View", "c1"),
]


@pytest.fixture(scope="module")
def j() -> jn.Journeys:
    return jn.Journeys.from_table(frame(ROWS))


def with_future() -> jn.Journeys:
    late = pl.DataFrame({"person": ["f"], "timestamp": [datetime(2999, 1, 1)], "event": ["View"]})
    log = pl.concat([frame(ROWS).select(late.columns), late.cast({"timestamp": pl.Datetime("us", "UTC")})])
    return jn.Journeys.from_table(log)


CASES = {
    "nobody before": lambda j: j.only("alone").last_before("Sign", of="campaign"),
    "nobody did it": lambda j: j.only("never").last_before("Sign", of="campaign"),
    "the goal before itself": lambda j: j.last_before("Sign", of="event", occurrence="each", then="Sign"),
    "thousands of channels": lambda j: j.last_before("Sign", of="campaign"),
    "all of thousands": lambda j: j.last_before("Sign", of="campaign", top=None),
    "a window longer than the log": lambda j: j.last_before("Sign", of="campaign", within="9000d"),
    "nobody left": lambda j: j.only(["p1", "p2"]).funnel(["View", "Sign"]).exits(),
    "nobody entered": lambda j: j.only("alone").funnel(["View", "Sign"]).exits(),
    "the goal as every step": lambda j: j.funnel(["Sign", "Sign"]).exits(),
    "everything hidden": lambda j: j.funnel(["Sign", "View"]).exits(hide="*"),
    "the far future": lambda j: with_future().funnel(["View", "Sign"], within="1d").exits(),
    "overlapping segments": lambda j: jn.overlap({"A": j, "B": j.only(["p1", "p2"]), "C": j.only("p1")}),
    "segments of nobody": lambda j: jn.overlap({"A": j.only("p1") - j, "B": j - j}),
    "twelve segments": lambda j: jn.overlap({f"s{at}": j.only(f"p{at}") for at in range(12)}),
}


@pytest.mark.parametrize("name", CASES)
def test_there_is_an_answer(name, j):
    result = CASES[name](j)
    assert result.finding.endswith(".")
    assert "nan" not in result.finding.lower()
    for options in ({}, {"dark": True, "narrow": True}):
        assert result.plot(**options) is not None
    assert "<script" not in result._repr_html_()


def test_numbers_stay_whole(j):
    assert j.last_before("Sign", of="campaign").table["people"].sum() == 3_001
    assert j.last_before("Sign", of="campaign", top=None).table.height == 3_001
    assert with_future().funnel(["View", "Sign"], within="1d").exits().people(state="left").people.height == 1
    assert j.only(jn.did("Sign", since="2999-01-01")).size.people == 0
    assert j.only(jn.did("Sign", within=timedelta(days=60_000))).size.people == 3_001
    assert (j - j).funnel(["View", "Sign"]).exits().table.height == 0
