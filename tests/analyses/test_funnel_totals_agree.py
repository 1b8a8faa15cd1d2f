"""Whatever is asked of a funnel adds up: groups, periods and people behind a number give the undivided number."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests import logs

STEPS = st.lists(st.sampled_from(["A", "B", "C", ["A", "B"]]), min_size=1, max_size=3)
OPTIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "within": st.sampled_from([None, "8h", "30h", "same day", "session"]),
        "order": st.sampled_from(["loose", "strict", "any"]),
        "exclude": st.sampled_from([None, "X"]),
        "on_exclusion": st.sampled_from(["drops", "removed"]),
        "reentry": st.sampled_from([None, "first"]),
        "ties": st.sampled_from([None, "either", "2h"]),
        "hold": st.sampled_from([None, None, "campaign"]),
        "entry": st.sampled_from(["first", "first", "any"]),
        "count": st.sampled_from(["people", "people", "sessions", "entries"]),
    }
)
BY = st.sampled_from([{"by": "campaign"}, {"by": "campaign", "by_at": "last"}, {"by": "first_campaign"}])


def spread(rows: list[logs.Row]) -> jn.Journeys:
    """Spread minutes over three days; every name is known to the log."""
    rows = [(person, 8 * 60 * minute, event, campaign) for person, minute, event, campaign in rows]
    known = [("zz", 0, name, None) for name in "ABCX"]
    return jn.Journeys.from_table(logs.frame([*rows, *known])).where(pl.col("person") != "zz")


def ask(j: jn.Journeys, steps: list[Any], options: dict[str, Any], **more: Any) -> Any:
    """Ask a funnel; questions that contradict themselves are refused, and are not what is tested here."""
    try:
        return j.funnel(steps, **options, **more)
    except jn.ArgumentError:
        return None


def counted(funnel: Any) -> list[int]:
    """How many entered, and how many reached each step."""
    name = funnel.settings.get("count", "people")
    steps = funnel.table.group_by("step").agg(pl.col(name).sum()).sort("step")[name].to_list()
    # a breakdown of nobody has no groups, and no rows
    return [int(funnel._counts.filter(pl.col("step") == 1)["entered"].sum()), *(steps or [0] * funnel._spec.step_count)]


def test_random_questions_are_mostly_valid():
    j = spread([("a", 0, "A", "spring")])
    assert ask(j, ["A", "B"], {"order": "strict", "exclude": "X", "on_exclusion": "removed"}) is not None


@given(logs.rows(most=10), STEPS, OPTIONS, BY)
def test_groups_add_up(rows: list[logs.Row], steps: list[Any], options: dict[str, Any], by: dict[str, Any]):
    j = spread(rows)
    whole, grouped = ask(j, steps, options), ask(j, steps, options, **by)
    if whole is None or grouped is None:
        return
    assert counted(grouped) == counted(whole)
    assert grouped.table["dropped"].sum() == whole.table["dropped"].sum()
    for rates in (whole.table, grouped.table):
        for name in ("rate_from_start", "rate_from_previous", "ci_low", "ci_high"):
            assert rates.filter(~pl.col(name).is_between(0, 1)).is_empty()
    trend, parts = whole.trend(every="1d").table, grouped.trend(every="1d").table
    # a person may enter several times in a period, with another value of the event each time, but counts once
    summed = parts.group_by("period").agg(pl.col("entered", "converted").sum()).sort("period")
    if by["by"] == "first_campaign" and whole.settings.get("reentry") == "first":
        # where nobody enters, there are periods but no groups
        assert summed.rows() == (trend.select("period", "entered", "converted").rows() if parts.height else [])
        assert parts.height or not trend["entered"].sum()
    drops, dropped = (one.next_after_drop(2).table for one in (whole, grouped))
    if options["count"] == "people":
        for position in (1, 2):
            here, there = (one.filter(pl.col("position") == position)["people"].sum() for one in (drops, dropped))
            assert here == there == (whole.table["dropped"][0] if whole.table.height > 1 else here)


@given(logs.rows(most=10), STEPS, OPTIONS)
def test_people_behind_a_number_are_as_many(rows: list[logs.Row], steps: list[Any], options: dict[str, Any]):
    funnel = ask(spread(rows), steps, options | {"count": "people"})
    if funnel is None:
        return
    for step, people, dropped in funnel.table.select("step", "people", "dropped").rows():
        assert funnel.converted(step).people.height == people
        if step < funnel.table.height:
            assert funnel.dropped(step).people.height == dropped


@given(logs.rows(most=10), STEPS, OPTIONS, st.sampled_from([{}, *[{"by": "campaign"}, {"by": "first_campaign"}]]))
def test_a_period_of_the_trend_is_the_funnel_of_those_who_enter_in_it(
    rows: list[logs.Row], steps: list[Any], options: dict[str, Any], by: dict[str, Any]
):
    j = spread(rows)
    whole = ask(j, steps, options, **by)
    if whole is None:
        return
    yearly = whole.trend(every="1y").table
    entered, *reached = counted(whole)
    assert (yearly["entered"].sum(), yearly["converted"].sum()) == (entered, reached[-1])
    trend = whole.trend(every="1d").table
    if options["count"] != "people" or options["reentry"] == "first":
        assert (trend["entered"].sum(), trend["converted"].sum()) == (entered, reached[-1])
        return
    for day, rows_of_day in trend.group_by("period", maintain_order=True):
        of_day = ask(j, steps, options, **by, entered=(day[0], day[0] + timedelta(days=1)))
        entered, *reached = counted(of_day)
        assert (rows_of_day["entered"].sum(), rows_of_day["converted"].sum()) == (entered, reached[-1])


@pytest.mark.parametrize("order", ["loose", "strict"])
def test_the_trend_leaves_out_people_that_the_funnel_removed(order: Any):
    rows: list[logs.Row] = [("p", 420, "A", None), ("p", 480, "X", None), ("p", 540, "A", None)]
    rows += [("q", 420, "A", None), ("z", 60, "B", None)]
    j = jn.Journeys.from_table(logs.frame(rows))
    funnel = j.funnel(["A", "B"], exclude="X", on_exclusion="removed", order=order)
    assert funnel.table["people"].to_list() == [1, 0]
    assert funnel.trend(every="1y").table["entered"].to_list() == [1]


@pytest.mark.parametrize(
    ("zone", "day"),
    [("Africa/Cairo", (2024, 4, 26)), ("America/Santiago", (2025, 9, 7)), ("Europe/Berlin", (2025, 3, 30))],
)
@pytest.mark.parametrize("every", ["1d", "1w", "1mo", "1q", "1y", "3d"])
def test_no_period_loses_people_on_days_without_a_midnight(zone: str, day: tuple[int, int, int], every: str):
    start = pl.datetime(*day, time_zone="UTC") - timedelta(hours=30)
    hours = pl.DataFrame({"person": range(80)})
    log = hours.select("person", timestamp=start + pl.duration(hours="person"), event=pl.lit("A"))
    funnel = jn.Journeys.from_table(log).funnel(["A"], time_zone=zone)
    table = funnel.trend(every=every).table
    assert table["entered"].sum() == 80
    assert table.schema["period"] == pl.Date
    within = jn.Journeys.from_table(log).funnel(["A"], within="same day", time_zone=zone)
    assert within.table["people"].to_list() == [80]
    assert within.trend(every=every).table["entered"].sum() == 80


def test_a_day_that_a_country_skipped_is_no_period():
    start = pl.datetime(2011, 12, 29, time_zone="UTC")
    log = pl.DataFrame({"person": range(72)}).select(
        "person", timestamp=start + pl.duration(hours="person"), event=pl.lit("A")
    )
    table = jn.Journeys.from_table(log).funnel(["A"], time_zone="Pacific/Apia").trend(every="1d").table
    assert table["entered"].sum() == 72
    assert date(2011, 12, 30) not in table["period"].to_list()
    assert table["period"].is_sorted()
