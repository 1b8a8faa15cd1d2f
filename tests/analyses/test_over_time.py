"""What holds for all questions over time: breakdowns, clocks that jump, hostile arguments."""

from datetime import UTC, datetime

import polars as pl
import pytest

import journeys as jn

SCHEMA = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}


def make_journeys(rows):
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=SCHEMA, orient="row"))


def march(day, hour=0):
    return datetime(2026, 3, day, hour, tzinfo=UTC)


BREAKDOWNS = {
    "retention": lambda j, by: j.retention("Signed Up", every="1d", periods=1, cohorts="each", by=by),
    "sessions": lambda j, by: j.sessions(by=by),
    "trend": lambda j, by: j.trend("Signed Up", every="1d", by=by),
}


@pytest.mark.parametrize("question", BREAKDOWNS)
def test_a_first_campaign_counts_from_the_first_touch_on(question):
    j = make_journeys(
        [
            ("ann", march(1), "Signed Up", None),
            ("ann", march(2), "Visited", "spring"),
            ("ann", march(3), "Signed Up", None),
            ("bob", march(3), "Signed Up", None),
        ]
    )
    result = BREAKDOWNS[question](j, "first_campaign")
    if question == "retention":
        sizes = result.table.filter((pl.col("period") == 0) & (pl.col("size") > 0))
        found = {(row["cohort"].day, row["first_campaign"]): row["size"] for row in sizes.to_dicts()}
        assert found == {(1, "(none)"): 1, (3, "spring"): 1, (3, "(none)"): 1}
    elif question == "sessions":
        assert dict(result.summary.select("first_campaign", "sessions").iter_rows()) == {"spring": 2, "(none)": 2}
    else:
        rows = result.table.filter(pl.col("value") > 0).to_dicts()
        found = {(row["period"].day, row["first_campaign"]): row["value"] for row in rows}
        assert found == {(1, "(none)"): 1, (3, "spring"): 1, (3, "(none)"): 1}
    assert set(result.people(group="spring").people["person"]) == {"ann"}
    assert set(result.people(group="(none)").people["person"]) == {"ann", "bob"}


@pytest.mark.parametrize("question", BREAKDOWNS)
def test_breakdowns_are_checked_alike(question):
    j = make_journeys([("ann", march(1), "Signed Up", None), ("ann", march(9), "Signed Up", "spring")])
    with pytest.raises(jn.UnknownNameError, match=r"by: no column 'first_campain'; did you mean 'first_campaign'"):
        BREAKDOWNS[question](j, "first_campain")
    with pytest.raises(
        jn.UnknownNameError, match=r"group: no (campaign|first_campaign) 'sprin'; did you mean 'spring'"
    ):
        BREAKDOWNS[question](j, "campaign").people(group="sprin")
