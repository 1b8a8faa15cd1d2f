"""What a funnel may be broken down by: values of every kind, and columns of every name."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

import journeys as jn


def log(**columns: Any) -> jn.Journeys:
    """Three people who take A and B, and whatever else is to be known of the six events."""
    hours = [datetime(2026, 3, 1, hour, tzinfo=UTC) for hour in range(6)]
    rows = pl.DataFrame({"person": list("aabbcc"), "timestamp": hours, "event": ["A", "B"] * 3})
    return jn.Journeys.from_table(rows.with_columns(pl.Series(name, values) for name, values in columns.items()))


def entered(j: jn.Journeys, name: str, *, shown: str | None = None) -> dict[str, int]:
    table = j.funnel(["A", "B"], by=name).table.filter(pl.col("step") == 1)
    return dict(table.select(shown or name, "people").rows())


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ([float("nan")] * 6, {"NaN": 3}),
        ([1.5, 1.5, float("nan"), float("nan"), 1.5, 1.5], {"1.5": 2, "NaN": 1}),
        ([0.0, 0.0, -0.0, -0.0, None, None], {"0.0": 2, "(none)": 1}),
        ([True, None, False, None, None, False], {"false": 2, "true": 1}),
        ([date(2026, 1, 1)] * 6, {"2026-01-01": 3}),
        ([timedelta(hours=1)] * 6, {"1h": 3}),
        (pl.Series(["x", "x", "y", "y", "x", "x"], dtype=pl.Enum(["y", "x"])), {"x": 2, "y": 1}),
    ],
)
def test_values_of_every_kind(values: Any, groups: dict[str, int]):
    j = log(value=values)
    assert entered(j, "value") == groups
    funnel = j.funnel(["A", "B"], by="value")
    for group, people in groups.items():
        assert funnel.converted(1, value=group).people.height == people


@pytest.mark.parametrize("values", [[[1, 2]] * 6, [{"a": 1}] * 6, [b"x"] * 6])
def test_values_that_make_no_groups(values: list[Any]):
    with pytest.raises(jn.JourneysError, match="by: column 'value' holds .*, which makes no groups"):
        log(value=values).funnel(["A", "B"], by="value")


@pytest.mark.parametrize("name", ["name", "step", "people", "time", "share", "known", "q50", "_last", "after", ""])
def test_columns_that_are_called_like_ours(name: str):
    j = log(**{name: ["x", "x", "y", "y", "x", "x"]})
    shown = f"by_{name}"
    assert entered(j, name, shown=shown) == {"x": 2, "y": 1}
    funnel = j.funnel(["A", "B"], by=name)
    assert funnel.dropped(**{shown: "x"}).people.height == 0
    for table in (
        funnel.times().table,
        funnel.time_to_convert().table,
        funnel.converted_within().table,
        funnel.compare().table,
    ):
        assert table.columns[0] == shown
    assert entered(log(plan=["x"] * 6), "plan") == {"x": 3}


@pytest.mark.parametrize("name", ["_place", "_session", "_day", "_event", "_by0", "_is0", "_hold0"])
def test_columns_that_are_called_like_those_of_a_reading(name: str):
    values = ["x", "x", "y", "y", "x", "z"]
    ours, plain = log(**{name: values}), log(plan=values)
    for asked in ({"order": "strict"}, {"count": "sessions"}, {"within": "same day"}, {"hold": True}):
        tables = []
        for j, column in ((ours, name), (plain, "plan")):
            options = {"hold": column} if "hold" in asked else asked
            step = jn.step("B not z", (pl.col("event") == "B") & (pl.col(column) != "z"))
            tables.append(j.funnel(["A", step], by=column, **options).table)
        shown = [table.rename({table.columns[0]: "by"}) for table in tables]
        assert shown[0].equals(shown[1], null_equal=True)
    drops = [j.funnel(["A", "B"], by=column).next_after_drop(1).table for j, column in ((ours, name), (plain, "plan"))]
    assert drops[0].rename({f"by_{name}": "plan"}).equals(drops[1])


def visits(*rows: tuple[int, int, str, str]) -> jn.Journeys:
    """One person's events: day, hour, event, product; the campaign is always the same."""
    table = [("a", datetime(2026, 3, day, hour, tzinfo=UTC), event, item, "s") for day, hour, event, item in rows]
    return jn.Journeys.from_table(
        pl.DataFrame(table, schema=["person", "timestamp", "event", "product", "campaign"], orient="row")
    )


TWO_DAYS = [(1, 1, "A", "p"), (2, 1, "A", "q"), (2, 2, "B", "q")]


@pytest.mark.parametrize("options", [{"within": "same day"}, {"hold": "product"}])
def test_a_person_counts_once_in_each_group(options: dict[str, Any]):
    table = visits(*TWO_DAYS).funnel(["A", "B"], by="campaign", by_at="all", **options).table
    assert table["people"].to_list() == [1, 1]


@pytest.mark.parametrize("options", [{"within": "same day"}, {"hold": "product"}])
def test_the_first_entry_is_that_of_the_person(options: dict[str, Any]):
    funnel = visits(*TWO_DAYS).funnel(["A", "B"], reentry="first", **options)
    assert funnel.table["people"].to_list() == [1, 0]
    assert funnel.trend(every="1d").table["entered"].to_list() == [1, 0]


def test_removal_on_one_day_covers_unconverted_attempts_on_other_days():
    j = visits((1, 1, "A", "p"), (1, 2, "X", "p"), (2, 1, "A", "p"), (3, 1, "B", "p"))
    options: dict[str, Any] = {"within": "same day", "exclude": "X", "on_exclusion": "removed"}
    assert j.funnel(["A", "B"], **options).table["people"].to_list() == [0, 0]
    later = visits((1, 1, "A", "p"), (1, 2, "X", "p"), (2, 1, "A", "p"), (2, 2, "B", "p"))
    assert later.funnel(["A", "B"], **options).table["people"].to_list() == [1, 1]


def test_observation_ends_at_a_cut_in_time():
    whole = visits((1, 1, "A", "p"), (1, 2, "B", "p"), (2, 1, "A", "p"), (20, 1, "B", "p"))
    j = whole.between("2026-03-02", "2026-03-05")
    steps = [pl.col("event") == "A", pl.col("event") == "B"]
    funnel = j.funnel(steps, within="30d")
    assert funnel.converted_within().censored == 1
    assert funnel.trend(every="1d").table["complete"].to_list() == [False]
    assert funnel.stalled(after=1, at_least="7d").people.height == 0
    assert whole.where(pl.col("event") == "A").funnel(steps).stalled(after=1, at_least="7d").people.height == 1


def test_a_trend_marks_periods_that_the_log_holds_a_part_of():
    # Sunday 1 March to Monday 16 March: one whole week between two that are cut
    days = [(day, 9, event, "p") for day in (1, 3, 10, 16) for event in ("A", "B")]
    funnel = visits(*days).funnel(["A", "B"], count="entries", within="1d")
    trend = funnel.trend(every="1w")
    assert trend.table.select(pl.col("period").dt.day(), "complete").rows() == [
        (23, False),
        (2, True),
        (9, False),
        (16, False),
    ]
    assert trend.finding == "Only 1 person entered in the complete period with most: too few for a finding."
    assert funnel.trend(every="1d").table["complete"].to_list() == [True] * 14 + [False] * 2


def test_the_mean_of_times_is_exact():
    took, begin = timedelta(microseconds=10**15 + 1), datetime(1970, 1, 1, tzinfo=UTC)
    rows = pl.DataFrame({"person": range(13)}).join(pl.DataFrame({"event": ["A", "B"]}), how="cross")
    rows = rows.with_columns(timestamp=pl.when(pl.col("event") == "A").then(begin).otherwise(begin + took))
    times = jn.Journeys.from_table(rows).funnel(["A", "B"]).times().table
    assert times.select("people", "mean").rows() == [(13, took)]
