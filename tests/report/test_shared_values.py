"""What those who met trouble share: held against the others like for like, and silent when nothing stands out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl

import journeys as jn
from journeys.report import campaign_report
from journeys.report.shared_values import describe_shared_values


def story(
    unlucky_browser: str, codes: tuple[str, str] = ("E-1", "E-2"), *, library: str = "web", spread: int = 5
) -> jn.Journeys:
    """Tell of 200 people: 40 meet an error and stop, 20 meet another after going on; browsers alternate."""
    rows = []
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(200):
        stuck, later = number < 40, 40 <= number < 60
        at = start + timedelta(days=number * spread % 200, minutes=number)
        browser = unlucky_browser if stuck and unlucky_browser else ("Safari", "Chrome", "Edge", "Opera")[number % 4]
        about = {"person": number, "browser": browser, "sent_by": "web", "code": None}
        rows.append({**about, "timestamp": at, "event": "Signed Up"})
        if stuck:
            error = {"timestamp": at + timedelta(hours=1), "event": "Saw Error", "code": codes[0], "sent_by": library}
            rows.append({**about, **error})
            continue
        if number % 5 or later:
            rows.append({**about, "timestamp": at + timedelta(hours=2), "event": "Created Project"})
        if later:
            rows.append({**about, "timestamp": at + timedelta(hours=3), "event": "Saw Error", "code": codes[1]})
    schema = {"person": pl.Int64, "browser": pl.String, "sent_by": pl.String, "code": pl.String}
    frame = pl.DataFrame(rows, schema_overrides=schema)
    return jn.Journeys.from_table(frame)


def describe_example(journeys: jn.Journeys) -> str | None:
    found = journeys.correlation("Created Project", since="Signed Up", min_people=1)
    return describe_shared_values(found, "Saw Error", among=journeys, step="Signed Up")


def test_what_they_share_stands_beside_the_share_of_the_others():
    said = describe_example(story("Safari"))
    assert said == (
        'What these 40 have in common: code E-1 (all 40, but none of the 20 others with "Saw Error"); '
        'browser Safari (all 40, but 25% of the 160 others at "Signed Up").'
    )


def test_the_report_states_the_condition_and_the_shared_values():
    report = campaign_report(story("Safari"), goal="Created Project", steps=["Signed Up", "Created Project"])
    said = report.findings[0].sentence
    assert said.startswith('40 people hit "Saw Error" after "Signed Up": none of them went on to "Created Project"')
    assert "against 82% of the 160 others. What these 40 have in common: code E-1" in said


def test_values_that_everybody_has_are_left_out():
    assert describe_example(story("", ("E-1", "E-1"))) is None


def test_how_the_event_was_sent_is_not_held_against_how_another_was():
    assert "sent_by" not in (describe_example(story("Safari", library="server")) or "")


def test_a_short_period_is_mentioned():
    """Those who are stuck sign up within 40 days of 200."""
    assert (describe_example(story("Safari", spread=1)) or "").endswith("; the period 1 March to 9 April 2026.")


def test_too_few_have_nothing_in_common():
    few = story("Safari").only(pl.col("person") >= 30)
    assert describe_example(few) is None
