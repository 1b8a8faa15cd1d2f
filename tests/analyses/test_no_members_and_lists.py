"""Accounts without members, and people who are in several segments at once: an answer, or an error that helps."""

import polars as pl
import pytest

import journeys as jn
from journeys.events import build_events
from tests.api.test_accounts_are_said import by_accounts
from tests.logs import Row, frame

LOG: list[Row] = [("acme", 0, "A", "ads"), ("acme", 1, "B", None), ("tiny", 2, "A", "mail"), ("tiny", 3, "X", None)]


def test_an_account_that_nobody_joined_or_acted_for_is_not_counted():
    """Two accounts have facts; only "full" has a member who did anything."""
    at = pl.Series([0, 1, 2, 3]).cast(pl.Datetime("us", "UTC"))
    facts = pl.DataFrame(
        {
            "timestamp": at, "event": [None, None, "Paid", None], "_kind": ["group", "group", None, "group"],
            "user_id": ["u", "v", "u", None], "group_id": ["full", "idle", None, "empty"],
            "trait:size": ["9", "5", None, "7"],
        }
    )  # fmt: skip
    j = jn.stitch(build_events(facts.lazy(), ids=["user_id"], name="app"))
    accounts = j.by_account()
    assert accounts.people["account"].to_list() == ["full"]
    assert accounts.activity().table["account"].to_list() == ["full"]
    assert accounts.contacts().people["user_id"].to_list() == ["u"]


def test_no_accounts_have_no_contacts(tmp_path):
    none = by_accounts(frame(LOG)).only(pl.col("members") > 9)
    assert none.contacts().size.people == 0
    assert none.contacts(per_account=2).people.height == 0
    assert none.activity().finding == "There are no accounts."
    assert none.activity().people().contacts().size.people == 0
    assert none.to_people(tmp_path / "none.csv").people == 0
    assert none.to_customerio(tmp_path / "none2.csv").people == 0


def test_what_is_unknown_of_accounts_is_called_an_account():
    table = frame([("ann", 0, "A", None)]).rename({"person": "user_id", "campaign": "group_id"})
    read = jn.read_table(
        table.with_columns(group_id=pl.lit("acme")), timestamp="timestamp", event="event", ids=["user_id"], name="app"
    )
    accounts = jn.stitch(read).by_account()
    with pytest.raises(jn.UnknownNameError, match="people: no account 'acmee'; did you mean 'acme'"):
        accounts.only("acmee")
    with pytest.raises(jn.UnknownNameError, match="person: no account 'acmee'; did you mean 'acme'"):
        accounts.timeline("acmee")


def test_a_list_of_segments_makes_no_groups():
    j = jn.Journeys.from_table(frame(LOG))
    segments = {"A": j.only(jn.did("A")), "B": j.only(jn.did("B"))}
    several = j.label(segments, name="in", several="all")
    for ask in (
        lambda: several.funnel(["A", "B"], by="in"),
        lambda: several.trend("A", by="in"),
        lambda: several.sessions(by="in"),
        lambda: several.correlation("X", min_people=0).by("in"),
    ):
        with pytest.raises(jn.ArgumentError, match=r"by: column 'in' holds List.*label\(…, several=\"first\"\)"):
            ask()
    with pytest.raises(jn.ArgumentError, match="variant: column 'in' holds List"):
        several.experiment("in", goal="X")
    one = j.label(segments, name="in").funnel(["A", "B"], by="in").table
    assert one["in"].unique().to_list() == ["A"]
    assert several.only(pl.col("in").list.contains("B")).people["person"].to_list() == ["acme"]
