"""The systems' own cases: what each preset answers, and where it knowingly differs."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

import journeys as jn
from journeys.identity import IdentityRules, Stitched, stitch_events
from tests.shared import PUBLISHED, SHARED, needs_shared
from tests.twins.identity import Alias, Row, as_events

PRESETS = {
    "amplitude": IdentityRules.amplitude(),
    "mixpanel simplified": IdentityRules.mixpanel(),
    "posthog": IdentityRules.posthog(),
    "segment unify": IdentityRules.segment(),
    "snowplow unified": IdentityRules.snowplow(),
    "graph": IdentityRules(),
}
DIFFERENT = {
    "alias: may merge an already identified person (2022)": (
        "PostHog has refused this since; the preset follows today's PostHog, where only a merge joins two known people"
    ),
}
UNSAID = {"two users, one device without reset (rule, not an example)": {3: "U1"}}


IDENTITY = PUBLISHED / "identity.json"
"""Cases restated from the systems' public documentation and tests: events in, people out, each with its source."""


def cases() -> list[Any]:
    return json.loads(IDENTITY.read_text(encoding="utf-8"))


def typed(value: str) -> tuple[str, str]:
    return ("user_id" if value.startswith("u") else "anonymous_id"), value


def stitch_case(case: dict[str, Any], *, rules: IdentityRules) -> Stitched:
    rows, aliases = [], []
    for time, event in enumerate(case["events"]):
        if isinstance(event, str):
            a, b = event.split("-")
            aliases.append(Alias(("id", a), ("id", b), time))
        elif "device" in event:
            rows.append(Row(time, {"anonymous_id": event["device"], "user_id": event["user"]}))
        elif event["call"] == "event":
            rows.append(Row(time, dict([typed(event["id"])])))
        elif event["call"] == "identify":
            rows.append(Row(time, {"anonymous_id": event["anon"], "user_id": event["user"]}, kind="identify"))
        else:
            aliases.append(Alias(typed(event["distinct_id"]), typed(event["alias"]), time))
    types = ("id",) if case["system"] == "graph" else ("user_id", "anonymous_id")
    return stitch_events([as_events(rows, aliases=aliases, types=types)], rules=rules)


def groups(stitched: Stitched) -> list[list[str]]:
    found = stitched.identity.table.group_by("person").agg(pl.col("id").sort())
    return sorted(found["id"].to_list())


def partition(labels: list[Any]) -> list[int]:
    return [labels.index(label) for label in labels]


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case['system']}: {case['name']}")
def test_published_case(case: dict[str, Any]) -> None:
    rules = PRESETS[case["system"]]
    expected = case["expected"]
    if "limits" in expected:
        assert all(rules.limit(name) == limit for name, limit in expected["limits"].items() if name != "*")
        assert rules.limit("anonymous_id") == expected["limits"]["*"]
        assert list(rules.priority) == expected["priority"][:2]
        return
    if "blocked" in expected:
        assert {pattern.replace("\\", "") for pattern in rules.junk} == {
            "^[0-]*$" if "regex" in value else f"^{value}$" for value in expected["blocked"]
        }
        return
    stitched = stitch_case(case, rules=rules)
    if case["name"] in DIFFERENT:
        assert groups(stitched) == [["a1", "u1"], ["u2"]]
        assert groups(stitch_case(case, rules=IdentityRules())) == expected["groups"]
    elif "groups" in expected:
        assert groups(stitched) == sorted(sorted(group) for group in expected["groups"])
    elif "merged" in expected:
        assert groups(stitched) == [["a1"]]
        assert stitched.identity.junk.height == 1
    elif "stitched_user_id" in expected:
        users = dict(stitched.people.select("person", "user_id").iter_rows())
        assert [users[person] for person in stitched.table["person"]] == expected["stitched_user_id"]
    else:
        persons = list(expected["persons"])
        for at, label in UNSAID.get(case["name"], {}).items():
            assert persons[at] is None
            persons[at] = label
        assert partition(stitched.table["person"].to_list()) == partition(persons)


@needs_shared
def test_snowplow_sessions() -> None:
    folder = SHARED / "data" / "snowplow_web"
    # two users of that data are called by their case, so nothing is junk here
    events = jn.read_table(
        folder / "events.csv",
        timestamp="collector_tstamp",
        event="event",
        ids={"user_id": "user_id", "domain_userid": "domain_userid"},
        properties=["domain_sessionid"],
        name="snowplow",
    )
    stitched = stitch_events([events], rules=IdentityRules.snowplow())
    users = stitched.people.select("person", "user_id")
    ours = (
        stitched.table.join(users, on="person", how="left")
        .group_by("domain_sessionid")
        .agg(pl.col("user_id").unique().sort())
    )
    expected = pl.read_csv(folder / "expected" / "snowplow_web_sessions_expected.csv", infer_schema=False)
    # a session without a device stays unstitched there, and with the user that it names here
    expected = expected.filter(pl.col("domain_userid").is_not_null())
    both = (
        expected.select("domain_sessionid", "stitched_user_id").unique().join(ours, on="domain_sessionid", how="left")
    )
    assert both.height >= 15
    wrong = both.filter(pl.col("user_id").list.join("|") != pl.col("stitched_user_id"))
    assert wrong.height == 0, wrong
