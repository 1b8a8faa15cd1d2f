"""Groups of a breakdown keep their people apart, and say when a group is known only by how far it came."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests import logs
from tests.twins import funnel as twin

LABELS = ["(none)", "(other)", '"(none)"', '"(other)"', '""(none)""', "spring", None]


@given(st.lists(st.sampled_from(LABELS), min_size=1, max_size=12), st.sampled_from([1, 2, None]))
def test_values_that_are_spelled_like_labels_stay_apart(values: list[str | None], top: int | None):
    rows: list[logs.Row] = [(f"p{at}", 0, "A", value) for at, value in enumerate(values)]
    funnel = jn.Journeys.from_table(logs.frame(rows)).funnel(["A"], by="campaign", top=top)
    assert funnel.table["people"].sum() == len(values)
    shown = funnel.table["campaign"].to_list()
    assert len(set(shown)) == len(shown)
    if top is None:
        assert len(shown) == len(set(values))
    for label, people in funnel.table.select("campaign", "people").rows():
        selected = funnel.converted(1, campaign=label).people["person"].to_list()
        assert len(selected) == people
        behind = {values[int(person[1:])] for person in selected}
        assert behind == {None} if label == "(none)" else label == "(other)" or None not in behind
        assert label == "(other)" or len(behind) == 1


@given(logs.rows(most=12), st.sampled_from(["best", "first"]))
def test_a_campaign_met_after_the_entry_does_not_count(rows: list[logs.Row], reentry: Any):
    known = [("zz", 0, name, None) for name in "ABCX"]
    j = jn.Journeys.from_table(logs.frame([*rows, *known])).where(pl.col("person") != "zz")
    asked = twin.Asked([lambda e: e["event"] == "A", lambda e: e["event"] == "B"], reentry=reentry)
    expected: dict[str, int] = {}
    people: dict[str, list[twin.Event]] = {}
    for person, minute, event, campaign in logs.in_order(rows):
        people.setdefault(person, []).append({"t": minute, "event": event, "campaign": campaign})
    for events in people.values():
        attempt = twin.counted(events, asked)
        if attempt is not None:
            value = twin.first_touch(events, attempt, "campaign") or "(none)"
            expected[value] = expected.get(value, 0) + 1
    funnel = j.funnel(["A", "B"], by="first_campaign", reentry=reentry)
    first = funnel.table.filter(pl.col("step") == 1)
    assert dict(first.select("first_campaign", "people").rows()) == expected
    for campaign, count in expected.items():
        assert funnel.people(1, first_campaign=campaign).people.height == count


def test_onboarding_mails_earn_no_sign_ups():
    # a mail that is sent because somebody signed up was met after the entry
    rows: list[logs.Row] = [(f"p{at}", 0, "Visit", None) for at in range(40)]
    rows += [(f"p{at}", 1, "Sign up", None) for at in range(10)]
    rows += [(f"p{at}", 2, "Open mail", "onboarding") for at in range(10)]
    table = jn.Journeys.from_table(logs.frame(rows)).funnel(["Visit", "Sign up"], by="first_campaign").table
    assert table.select("first_campaign", "people").rows() == [("(none)", 40), ("(none)", 10)]


def test_a_property_that_only_a_later_step_has_is_pointed_out():
    log = pl.DataFrame(
        {
            "person": [*range(40), *range(10)],
            "timestamp": [datetime(2026, 1, 1, 10, tzinfo=UTC)] * 40 + [datetime(2026, 1, 1, 11, tzinfo=UTC)] * 10,
            "event": ["view"] * 40 + ["buy"] * 10,
            "plan": [None] * 40 + ["pro"] * 10,
        }
    )
    j = jn.Journeys.from_table(log)
    funnel = j.funnel(["view", "buy"], by="plan")
    said = "100% of those with a plan have it only from a later step"
    assert said in funnel.cautions[0]
    assert said in funnel._repr_html_()
    assert said in repr(funnel)
    at_entry = j.funnel(["view", "buy"], by="plan", by_at=1)
    assert at_entry.table["plan"].unique().to_list() == ["(none)"]
    assert at_entry.cautions == ()
    everywhere = log.with_columns(plan=pl.lit("pro"))
    assert jn.Journeys.from_table(everywhere).funnel(["view", "buy"], by="plan").cautions == ()


def test_what_has_groups_answers_by_group():
    rows: list[logs.Row] = [(f"p{at}", 0, "A", "ads" if at % 2 else None) for at in range(80)]
    rows += [(f"p{at}", 5, "X" if at % 4 else "B", None) for at in range(80)]
    funnel = jn.Journeys.from_table(logs.frame(rows)).funnel(["A", "B"], by="campaign")
    for table in (
        funnel.trend(every="1d").table,
        funnel.next_after_drop().table,
        funnel.times().table,
        funnel.time_to_convert().table,
        funnel.converted_within().table,
        funnel.compare().table,
    ):
        assert table.columns[0] == "campaign"
        assert set(table["campaign"]) <= {"ads", "(none)"}
    assert funnel.trend(every="1d").table.select("campaign", "entered", "converted").rows() == [
        ("ads", 40, 0),
        ("(none)", 40, 20),
    ]
    assert len([line for line in funnel.trend(every="1d").plot().data if line.showlegend]) == 2
    with pytest.raises(jn.ArgumentError, match="this funnel has groups, which a correlation does not"):
        funnel.correlation()


def test_sessions_and_entries_are_named_as_what_they_are():
    rows: list[logs.Row] = [("a", 0, "A", None), ("a", 1, "B", None), ("a", 90, "A", None)]
    j = jn.Journeys.from_table(logs.frame(rows))
    for count in ("sessions", "entries"):
        funnel = j.funnel(["A", "B"], count=count)
        assert funnel.table[count].to_list() == [2, 1]
        assert count in funnel.times().table.columns
        assert count in funnel.time_to_convert().table.columns
        assert funnel.plot().data
        assert funnel.time_to_convert().plot().data
        assert funnel.times().plot().data
        assert "people" not in funnel.table.columns
    # everyone who entered took the first step: there is nothing to estimate
    assert j.funnel(["A", "B"]).table["ci_low"].is_null().to_list() == [True, False]
