"""Text that stands for no value, as an identifier, a campaign or a medium, and real values that look like it."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.events.placeholder_values import PLACEHOLDER_IDS, is_placeholder, null_if_placeholder
from journeys.identity.rules import placeholder_reason

NULL_WORDS = [
    "", "NULL", "(null)", "<null>", "\\N", "None", "(not set)", "Not Set", "undefined", "[undefined]", "nan", "#N/A",
    "-", "(not provided)", "{{user_id}}", "{{ user.id }}", "${user.id}", "%USER_ID%", "%%email%%", "<user id>",
    "{userId}", "*|EMAIL|*", "__CAMPAIGN_NAME__", "%7B%7Bcampaign.name%7D%7D", "[object Object]", "[object Undefined]",
    "<%= id %>",
]  # fmt: skip
NOBODY = [
    "logged out", "LoggedOut", "LOGGED_OUT", "not_logged_in", "Not Logged In", "not-logged-in", "notLoggedIn",
    "signed out", "test", "TEST", "(test)", "anonymous", "[Anonymous]", "Guest", "guest_user", "0", "0000-0000", "-1",
    "user_id", "userId", "anonymousId", "distinct_id", "id", "email", "[user_id]", "user-{{id}}", "true", "1.5E+12",
    "test@x.org",
]  # fmt: skip
IDENTIFIERS = [
    "ann", "u1", "test1", "john.guest", "guestbook", "null42", "ff", "1", "10", "nancy", "ID42", "user", "idea",
    "anon42", "190b6d25-anon", "<3", "{", "100%", "50%off%", "none-of-it@x.org",
]  # fmt: skip


def flagged(values: list[str], kind: str) -> list[str]:
    return pl.DataFrame({"value": values}).filter(is_placeholder(pl.col("value"), kind=kind))["value"].to_list()


def test_null_words_and_unfilled_templates_are_no_value_in_any_column() -> None:
    for kind in ("id", "campaign", "medium", "text"):
        assert flagged(NULL_WORDS, kind) == NULL_WORDS
        assert flagged([f" {word.upper()} " for word in NULL_WORDS if word.isalpha()], kind) != []


def test_words_for_visitors_without_an_account_identify_nobody() -> None:
    assert flagged(NOBODY, "id") == NOBODY
    assert flagged(IDENTIFIERS, "id") == []


WORDS = ["null", "undefined", "not set", "logged out", "not logged in", "signed out", "anonymous user", "guest", "test"]


@given(
    word=st.sampled_from(WORDS),
    case=st.sampled_from([str.lower, str.upper, str.title]),
    between=st.sampled_from([" ", "_", "-"]),
    around=st.sampled_from(["", "()", "[]", "<>", "{}", '""', "''"]),
)
def test_words_in_every_spelling_and_brackets_identify_nobody(word, case, between, around) -> None:
    text = case(word).replace(" ", between)
    written = f" {around[:1]}{text}{around[1:]}"
    assert flagged([written], "id") == [written]


def test_campaigns_keep_what_only_an_identifier_cannot_be() -> None:
    kept = ["email", "test", "guest", "0", "true", "demo", "spring_{{adset.name}}", "[Brand]", "direct"]
    for kind in ("campaign", "medium", "text"):
        assert flagged(kept, kind) == []


def test_the_medium_of_direct_traffic_is_a_medium_and_no_campaign() -> None:
    marked = ["(none)", "(direct)", "(organic)", "(referral)"]
    assert flagged(marked, "campaign") == marked
    assert flagged(marked, "medium") == []
    assert flagged(marked, "text") == ["(none)"]
    rows = pl.DataFrame({"medium": [None, "(none)", "none", "cpc"]}, schema={"medium": pl.String})
    kept = rows.select(null_if_placeholder(pl.col("medium"), kind="medium"))["medium"].to_list()
    assert kept == [None, "(none)", None, "cpc"]


def test_every_pattern_has_a_reason_in_words() -> None:
    assert [pattern for pattern in PLACEHOLDER_IDS if pattern in placeholder_reason(pattern)] == []


@pytest.mark.parametrize(
    "word", ["null", "{{user_id}}", "not_logged_in", "${user.id}", "Logged Out", "<user id>", "test"]
)
def test_devices_with_a_placeholder_as_user_stay_people_of_their_own(word: str) -> None:
    rows = [
        {"type": "track", "messageId": f"{i}", "anonymousId": f"a{i}", "userId": word, "event": "X",
         "timestamp": "2026-01-01T10:01:00Z"}
        for i in range(40)
    ]  # fmt: skip
    assert jn.stitch(jn.read_segment(pl.DataFrame(rows))).people.height == 40
