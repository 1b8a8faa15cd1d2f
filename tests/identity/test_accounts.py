"""Accounts: one written in several ways is one."""

import polars as pl
import pytest

import journeys as jn
from journeys.errors import ArgumentError


def read(name, groups, **more):
    days = [f"2026-03-{at + 1:02}" for at in range(len(groups))]
    users = [f"{name}{at}" for at in range(len(groups))]
    frame = pl.DataFrame({"at": days, "user_id": users, "group_id": groups, **more})
    return jn.read_table(frame, timestamp="at", event=pl.lit("Paid"), ids=["user_id"], name=name)


def test_one_account_written_in_several_ways():
    uuid = "A1B2C3D4-0000-4000-8000-1234567890AB"
    sources = [
        read("a", [42.0, None]),
        read("b", [42, 43]),
        read("c", ["42", " 42 ", "42.0", "null", uuid, uuid.lower()]),
    ]
    accounts = jn.stitch(*sources).by_account()
    assert accounts.people.select("person", "members").rows() == [("42", 5), ("43", 1), (uuid.lower(), 2)]
    assert accounts.unusual_rows["of people without an account, left out"] == 2


def test_facts_of_an_account_are_listed_once(tmp_path):
    from journeys.events import build_events

    frame = pl.DataFrame(
        {
            "timestamp": [0, 1, 2], "event": [None, None, "Paid"], "_kind": ["group", "group", None],
            "user_id": ["u", "v", "v"], "group_id": ["42", " 42 ", None], "trait:group_size": ["9", None, None],
        }
    ).with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))  # fmt: skip
    accounts = jn.stitch(build_events(frame.lazy(), ids=["user_id"], name="app")).by_account()
    assert accounts.people.select("person", "members", "group_size").rows() == [("42", 1, "9")]


def test_the_latest_trait_counts_however_its_account_was_written():
    from journeys.events import build_events

    frame = pl.DataFrame(
        {
            "timestamp": [0, 1, 2, 3], "event": [None, None, None, "Paid"], "_kind": ["group", "group", "group", None],
            "user_id": ["u", "u", "v", "u"], "group_id": ["42.0", "42", "null", None],
            "trait:plan": ["b", "a", "c", None],
        }
    ).with_columns(pl.col("timestamp").cast(pl.Datetime("us", "UTC")))  # fmt: skip
    j = jn.stitch(build_events(frame.lazy(), ids=["user_id"], name="app"))
    assert j.identity.accounts.select("group_id", "plan").rows() == [("42", "a")]
    assert j.identity.memberships["group_id"].to_list() == ["42", "42"]
    assert j.by_account().people.select("person", "members", "plan").rows() == [("42", 1, "a")]


def test_a_property_called_member_is_kept_under_another_name():
    plain = read("a", ["x", "x"], member=["gold", "silver"])
    accounts = jn.stitch(plain).by_account()
    events = accounts.events.collect()
    assert events["property_member"].to_list() == ["gold", "silver"]
    assert events["member"].n_unique() == 2
    assert accounts.people.select("person", "members").rows() == [("x", 2)]
    both = jn.stitch(read("a", ["x"], member=["gold"], property_member=["own"])).by_account().events.collect()
    assert both.select("property_member", "property_property_member").row(0) == ("own", "gold")


def test_placeholder_values_are_no_accounts():
    with pytest.raises(ArgumentError, match="nothing names an account"):
        jn.stitch(read("a", ["null", "undefined"])).by_account()


def test_a_tag_without_a_name_before_it_stays():
    emails = ["+a@x.org", "a+b+c@x.org", "Ann+q@X.org", "noat+x"]
    frame = pl.DataFrame({"at": ["2026-03-01"] * 4, "email": emails})
    events = jn.read_table(frame, timestamp="at", event=pl.lit("Paid"), ids=["email"])
    identity = jn.stitch(events, rules=jn.IdentityRules(plus_tags="drop")).identity
    assert sorted(identity.table["id"]) == ["+a@x.org", "a@x.org", "ann@x.org", "noat+x"]
