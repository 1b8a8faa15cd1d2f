"""What an alias names is found in the rows of all sources: how they are split over files decides nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import journeys as jn
from journeys.identity import IdentityRules

UUID = "A1B2C3D4-0000-4000-8000-1234567890AB"
Rows = list[dict[str, Any]]


def ways(rows: Rows) -> list[list[Rows]]:
    """Split rows over files: all in one, forwards and backwards, in two wherever one can cut, each for itself."""
    cuts = [[rows[:at], rows[at:]] for at in range(1, len(rows))]
    return [[rows], [rows[::-1]], *cuts, [[row] for row in rows]]


def people(
    reader: Callable[..., jn.Events], rows: Rows, folder: Path, *, rules: IdentityRules | None = None
) -> list[tuple[tuple[str, str], ...]]:
    """Return who is who, which must be the same for all splits."""
    tables = []
    for at, parts in enumerate(ways(rows)):
        events = []
        for number, part in enumerate(parts):
            path = folder / f"{at}-{number}.ndjson"
            path.write_text("".join(json.dumps(row) + "\n" for row in part))
            events.append(reader(path, name="web"))
        identity = jn.stitch(*events, rules=rules or IdentityRules()).identity
        tables.append((identity.table, identity.figures, identity.links.drop("source")))
    for same in zip(*tables, strict=True):
        assert all(one.equals(same[0]) for one in same)
    known = tables[0][0].group_by("person").agg(pl.struct("id_type", "id")).sort("person")
    return [tuple(tuple(one.values()) for one in ids) for ids in known["id_type"]]


def segment(minute: int, **call: Any) -> dict[str, Any]:
    return {"timestamp": f"2026-03-01T10:0{minute}:00Z", "messageId": f"{minute}", "event": "Visit"} | call


def test_a_value_of_both_types_is_a_user_id(tmp_path) -> None:
    visit, login = segment(1, type="track", anonymousId="x"), segment(2, type="track", userId="x")
    alias, paid = segment(3, type="alias", userId="ann", previousId="x"), segment(4, type="track", userId="ann")
    found = people(jn.read_segment, [visit, login, alias, paid], tmp_path)
    assert found == [(("anonymous_id", "x"),), (("user_id", "ann"), ("user_id", "x"))]
    found = people(jn.read_segment, [visit, alias, paid], tmp_path)
    assert found == [(("user_id", "ann"), ("anonymous_id", "x"))]


def test_values_are_compared_after_normalisation(tmp_path) -> None:
    visit, alias = (
        segment(1, type="track", anonymousId=UUID),
        segment(2, type="alias", userId="a", previousId=UUID.lower()),
    )
    assert people(jn.read_segment, [visit, alias], tmp_path) == [(("user_id", "a"), ("anonymous_id", UUID.lower()))]
    visit, alias = (
        segment(1, type="track", anonymousId="Cookie"),
        segment(2, type="alias", userId="a", previousId="cookie"),
    )
    assert len(people(jn.read_segment, [visit, alias], tmp_path)) == 2
    folds = IdentityRules(fold_case=("anonymous_id", "user_id"))
    assert people(jn.read_segment, [visit, alias], tmp_path, rules=folds) == [
        (("user_id", "a"), ("anonymous_id", "cookie"))
    ]


def mixpanel(event: str, second: int, **properties: Any) -> dict[str, Any]:
    return {"event": event, "properties": {"time": 1772530000 + second, "$insert_id": f"i{second}", **properties}}


@pytest.mark.parametrize("rules", [IdentityRules(), IdentityRules.mixpanel_original()])
@pytest.mark.parametrize(
    "call",
    [
        mixpanel("$create_alias", 5, distinct_id="dev-1", alias="u1"),
        mixpanel("$merge", 5, distinct_id="dev-1", **{"$distinct_ids": ["dev-1", "u1"]}),
        mixpanel("$merge", 5, distinct_id="dev-1", **{"$distinct_ids": ["$device:dev-1", "u1"]}),
    ],
)
def test_a_device_of_mixpanels_original_merge(tmp_path, rules, call) -> None:
    visit = mixpanel("Visit", 0, distinct_id="dev-1", **{"$device_id": "dev-1"})
    paid = mixpanel("Paid", 9, distinct_id="u1", **{"$user_id": "u1"})
    found = people(jn.read_mixpanel, [visit, call, paid], tmp_path, rules=rules)
    assert found == [(("user_id", "u1"), ("device_id", "dev-1"))]


def test_the_type_of_the_same_source_comes_first(tmp_path) -> None:
    web, app, calls = (tmp_path / f"{name}.ndjson" for name in ("web", "app", "calls"))
    web.write_text(json.dumps(segment(1, type="track", anonymousId="a")))
    app.write_text(json.dumps(mixpanel("Visit", 0, distinct_id="a", **{"$device_id": "a"})))
    calls.write_text(json.dumps(mixpanel("$create_alias", 5, distinct_id="a", alias="u1")))
    identity = jn.stitch(jn.read_segment(web), jn.read_mixpanel(app), jn.read_mixpanel(calls)).identity
    assert identity.table.select("id_type", "id", "person").sort("id_type").rows() == [
        ("anonymous_id", "a", 1),
        ("device_id", "a", 2),
        ("user_id", "u1", 2),
    ]


def posthog(event: str, distinct: str, minute: int, **properties: Any) -> dict[str, Any]:
    at = f"2026-03-01T10:0{minute}:00Z"
    return {"uuid": f"{minute}", "event": event, "timestamp": at, "distinct_id": distinct, "properties": properties}


@pytest.mark.parametrize("rules", [IdentityRules(), IdentityRules.posthog()])
def test_an_identify_call_says_which_visits_were_anonymous(tmp_path, rules) -> None:
    visit, identify = posthog("Visit", "v-1", 1), posthog("$identify", "u1", 2, **{"$anon_distinct_id": "v-1"})
    paid, again = posthog("Paid", "u1", 3), posthog("Visit", "v-1", 4)
    found = people(jn.read_posthog, [visit, identify, paid, again], tmp_path, rules=rules)
    assert found == [(("user_id", "u1"), ("anonymous_id", "v-1"))]
    # with a device in the same row, both are anonymous ids and belong together
    visit["properties"] = {"$device_id": "d"}
    found = people(jn.read_posthog, [visit, identify, paid, again], tmp_path, rules=rules)
    assert found == [(("user_id", "u1"), ("anonymous_id", "d"), ("anonymous_id", "v-1"))]


def test_an_identified_id_is_not_anonymous(tmp_path) -> None:
    first, other = (
        posthog("$identify", user, at, **{"$anon_distinct_id": was})
        for user, at, was in [("u1", 1, "v"), ("u2", 2, "u1")]
    )
    paid, again = posthog("Paid", "u1", 3), posthog("Paid", "u2", 4)
    found = people(jn.read_posthog, [first, other, paid, again], tmp_path)
    assert [("user_id", user) in ids for user, ids in zip(("u1", "u2"), found, strict=True)] == [True, True]


@pytest.mark.parametrize("call", [{"type": "alias", "userId": "u1", "previousId": "u1"}])
def test_a_link_to_itself_is_counted(tmp_path, call) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_text(json.dumps(segment(1, **call)))
    assert jn.stitch(jn.read_segment(path)).identity.figure("links from an identifier to itself") == 1
    path.write_text(json.dumps(mixpanel("$create_alias", 5, distinct_id="u1", alias="u1")))
    assert jn.stitch(jn.read_mixpanel(path)).identity.figure("links from an identifier to itself") == 1
    path.write_text(json.dumps(posthog("$create_alias", "u1", 5, alias="u1")))
    assert jn.stitch(jn.read_posthog(path)).identity.figure("links from an identifier to itself") == 1
    frame = pl.DataFrame({"at": ["2026-03-01"], "user_id": ["u1"], "was": ["u1"]})
    for how in ("alias", "merge"):
        events = jn.read_table(
            frame, timestamp="at", event=pl.lit("x"), ids=["user_id"], links={"was": ("user_id", how)}
        )
        assert jn.stitch(events).identity.figure("links from an identifier to itself") == 1


def read_people(rows: Rows, folder: Path, rules: IdentityRules) -> list[list[str]]:
    """List the ids of each person."""
    return sorted(sorted(value for _, value in ids) for ids in people(jn.read_posthog, rows, folder, rules=rules))


@pytest.mark.parametrize("rules", [IdentityRules(), IdentityRules.posthog()])
def test_posthogs_alias_merges_an_unidentified_id(rules, tmp_path) -> None:
    visits = [posthog("Visit", "v-1", 1), posthog("Visit", "v-2", 2)]
    call = posthog("$create_alias", "v-1", 3, alias="v-2")
    assert read_people([*visits, call], tmp_path, rules) == [["v-1", "v-2"]]
    known, call = posthog("$identify", "u1", 4, **{"$anon_distinct_id": "d-1"}), posthog("$create_alias", "u1", 5)
    call["properties"] = {"alias": "v-1"}
    assert read_people([visits[0], known, call], tmp_path, rules) == [["d-1", "u1", "v-1"]]


def test_posthogs_alias_does_not_merge_an_identified_id(tmp_path) -> None:
    known, visit = posthog("$identify", "u1", 1, **{"$anon_distinct_id": "d-1"}), posthog("Visit", "v-1", 2)
    rules = IdentityRules.posthog()
    alias, merge = (posthog(name, "v-1", 3, alias="u1") for name in ("$create_alias", "$merge_dangerously"))
    assert read_people([known, visit, alias], tmp_path, rules) == [["d-1", "u1"], ["v-1"]]
    assert read_people([known, visit, merge], tmp_path, rules) == [["d-1", "u1", "v-1"]]


@pytest.mark.parametrize("rules", [IdentityRules(), IdentityRules.mixpanel_original()])
def test_mixpanels_alias_joins_an_unidentified_visitor(rules, tmp_path) -> None:
    def row(event: str, distinct: str, day: int, **properties: str) -> dict[str, object]:
        return {
            "event": event,
            "properties": {"distinct_id": distinct, "time": 1_772_323_200 + 86_400 * day} | properties,
        }

    rows = [row("Visit", "v-1", 0), row("$create_alias", "v-1", 1, alias="u1"), row("Buy", "u1", 2)]
    assert sorted(len(ids) for ids in people(jn.read_mixpanel, rows, tmp_path, rules=rules)) == [2]
    known = row("$identify", "v-1", 1, **{"$identified_id": "v-1", "$anon_id": "d-1"})
    two = people(jn.read_mixpanel, [rows[0], known, *rows[1:]], tmp_path, rules=IdentityRules.mixpanel_original())
    assert sorted(len(ids) for ids in two) == [1, 2]
