"""A session means the same in flows and in funnels, and a million entries of one person are counted in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
from hypothesis import given

import journeys as jn
from tests.analyses.test_flow import EPOCH, MINUTE, journeys_of, log_of, logs
from tests.twins import flow as twin


def is_event(name: str) -> Callable[[twin.Event], bool]:
    return lambda event: event.event == name


def test_a_session_is_cut_by_every_campaign_column() -> None:
    rows = [("p", 0, "A", "google", None), ("p", 5, "B", "bing", None), ("p", 6, "C", None, None)]
    j = log_of(rows, "campaign_source", "campaign")
    funnel = j.funnel([pl.col("event").is_not_null()], count="sessions", campaign_cuts=True)
    flow = j.flow(count="sessions", campaign_cuts=True, steps=3)
    assert flow.table.filter(position=0)["sessions"].sum() == flow.journey_count == 2
    assert funnel.table["sessions"].to_list() == [2]


@given(people=logs)
def test_each_entry_begins_where_the_one_before_is_over(people: Any) -> None:
    j, own = journeys_of(people)
    flow = j.flow(start="A", end="X", count="entries", who="all", top=None, gap="30m", steps=3)
    found = twin.journeys(
        own,
        start=lambda e: e.event == "A",
        end=lambda e: e.event == "X",
        occurrence="each",
        start_name="A",
        end_name="X",
    )
    assert (flow.journey_count, flow.reached) == (len(found), sum(journey.converted for journey in found))


def test_many_entries_of_one_person() -> None:
    log = pl.DataFrame({"minute": range(6000)}).select(
        person=pl.lit("a"),
        timestamp=pl.lit(EPOCH) + pl.duration(microseconds=pl.col("minute") * MINUTE),
        event=pl.when(pl.col("minute") % 3 == 2).then(pl.lit("X")).otherwise(pl.lit("A")),
    )
    flow = jn.Journeys.from_table(log).flow(start="A", end="X", count="entries")
    assert (flow.journey_count, flow.reached) == (2000, 2000)
