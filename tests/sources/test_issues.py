"""What is said of the rows that were read: whatever their columns are called."""

from datetime import date, timedelta

import polars as pl
import pytest

import journeys as jn


def log(**columns):
    size = max(len(values) for values in columns.values())
    base = {"at": ["2026-03-01 10:00:00"] * size, "what": ["Signed Up"] * size, "user_id": ["1"] * size}
    return jn.read_table(pl.DataFrame(base | columns), timestamp="at", event="what", ids=["user_id"], name="app")


@pytest.mark.parametrize("name", ["reason", "place", "text", "property_reason"])
def test_a_property_may_have_any_name(tmp_path, name):
    events = log(**{"what": ["Left", None], "reason": ["a", "b"], name: ["too dear", "none"]})
    assert "1 event of 2 rows (1 in quarantine)" in repr(events)
    assert "1 in quarantine" in repr(events.issues)
    assert events._repr_html_()
    assert events.issues.quarantine["reason"].to_list() == ["no event name"]
    assert "none" in events.issues.examples.row(0)
    assert jn.check(events).table.filter(kind="quarantined")["rows"].to_list() == [1, 1]


def test_names_of_issues_do_not_clash_with_columns_of_the_source(tmp_path):
    path = tmp_path / "log.ndjson"
    row = '{"at":"2026-03-01T10:00:00Z","what":"Left","user_id":"1","text":"t","place":"p","reason":"r"}\n'
    path.write_text(row + row.replace("Left", "") + "{oops\n")
    events = jn.read_table(path, timestamp="at", event="what", ids=["user_id"])
    quarantine = events.issues.quarantine
    assert sorted(quarantine["reason"]) == ["broken JSON", "no event name"]
    assert quarantine["text"].drop_nulls().to_list() == ["{oops"]
    assert quarantine["property_text"].drop_nulls().to_list() == ["t"]
    assert quarantine["property_place"].drop_nulls().to_list() == ["p"]
    assert quarantine["property_reason"].drop_nulls().to_list() == ["r"]
    assert events.table.collect()["reason"].to_list() == ["r"]


def test_the_first_days_without_events_are_named():
    days = [date(2026, 3, 1), date(2026, 3, 3), date(2026, 3, 4)]
    table = log(at=days).issues.table
    assert table.filter(kind="noticed", reason="days without any event between the first and the last")["rows"][0] == 1
    assert "days without any event: 2 March 2026" in table["reason"].to_list()
    many = log(at=[date(2026, 3, 1), date(2026, 3, 1) + timedelta(days=1_300)]).issues.table["reason"].to_list()
    assert (
        "days without any event: 2 March 2026, 3 March 2026, 4 March 2026, 5 March 2026, 6 March 2026 and 1,294 more"
        in many
    )


ROBOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (compatible; bingbot/2.0)",
    "facebookexternalhit/1.1", "WhatsApp/2.23.20.0", "Go-http-client/1.1", "axios/1.6.0", "node-fetch/1.0",
    "Java/1.8.0",
    "Mozilla/5.0 (compatible; Google-InspectionTool/1.0)", "APIs-Google (+https://developers.google.com)",
    "Mediapartners-Google", "robot", "Slackbot 1.0",
]  # fmt: skip
PEOPLE = [
    "Mozilla/5.0 (Linux; Android 11; CUBOT X30) AppleWebKit/537.36", "Mozilla/5.0 (Linux; Android 9; CUBOT_P40)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) [WhatsApp]", "okhttp/4.12.0", None,
]  # fmt: skip


@pytest.mark.parametrize("column", ["context_user_agent", "raw_user_agent"])
def test_robots_are_known_by_their_user_agents(column):
    noticed = log(**{column: ROBOTS + PEOPLE}).issues.table.filter(reason="user agent of a robot")
    assert noticed["rows"].to_list() == [len(ROBOTS)]
    assert log(**{column: PEOPLE}).issues.table.filter(reason="user agent of a robot").is_empty()


def test_the_user_agent_of_posthog():
    rows = {"event": ["A"], "timestamp": ["2026-03-01T10:00:00Z"], "distinct_id": ["u"]}
    properties = [{"$raw_user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1)"}]
    events = jn.read_posthog(pl.DataFrame(rows | {"properties": properties}))
    assert "user agent of a robot" in events.issues.table["reason"].to_list()
