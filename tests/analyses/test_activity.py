"""Accounts: their activity against plain loops and a published case, and the people behind them."""

import math
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.events import build_events
from tests.twins import activity as twin

START = datetime(2026, 3, 1, tzinfo=UTC)
ROW = st.tuples(
    st.sampled_from(["acme", "tiny"]),
    st.sampled_from(["ann", "bob", "cat"]),
    st.integers(0, 60),
    st.sampled_from("ABC"),
)


def accounts_of(found: list[tuple[str, str, int, str]], **traits: object) -> jn.Journeys:
    """Stitch (account, person, days after the start, event) rows and combine them into accounts."""
    rows = [(account, person, START + timedelta(days=day), event) for account, person, day, event in found]
    table = pl.DataFrame(rows, schema=["group_id", "user_id", "at", "event"], orient="row")
    read = jn.read_table(table, timestamp="at", event="event", ids=["user_id"], name="app")
    return jn.stitch(read).by_account()


@given(found=st.lists(ROW, min_size=1, max_size=30), until=st.integers(5, 60), window=st.integers(1, 20))
def test_activity_equals_its_twin(found, until, window):
    names = ["A", "B"]
    found = [*found, ("acme", "ann", 0, "A"), ("acme", "ann", 0, "B"), *[("tiny", "bob", 3, "A")] * 10]
    a = accounts_of(found).activity(active=names, days=window, until=START + timedelta(days=until))
    expected = twin.describe(found, active=names, until=until, window=window)
    assert sorted(a.table["account"]) == sorted(expected)
    for row in a.table.to_dicts():
        own = expected[row["account"]]
        for name in ("members", "active_members", "events", "breadth", "trend", "state"):
            assert row[name] == own[name], name
        assert (row["silent_for"] and row["silent_for"].days) == own["silent"] or own["silent"] == 0


def test_activity_as_published():
    """Arjun0606/smolanalytics, internal/groups/groups_test.go (MIT): two accounts, one of them active within a week."""
    as_of = datetime(2026, 6, 30, 12, tzinfo=UTC)
    rows = [("u1", "acme", 1), ("u2", "acme", 1), ("u1", "acme", 2), ("u3", "globex", 20), ("u4", None, 0)]
    table = pl.DataFrame(
        [(user, account, as_of - timedelta(days=ago)) for user, account, ago in rows],
        schema=["user_id", "group_id", "at"],
        orient="row",
    )
    read = jn.read_table(table, timestamp="at", event=pl.lit("visit"), ids=["user_id"], name="app")
    accounts = jn.stitch(read).by_account()
    week = accounts.activity(days=7, until=as_of).table
    month = accounts.activity(days=30, until=as_of).table
    assert week.height == 2
    assert (week["events"] > 0).sum() == 1
    assert (month["events"] > 0).sum() == 2
    assert month.select("account", "events", "members").row(0) == ("acme", 3, 2)


@pytest.fixture(scope="module")
def accounts() -> jn.Journeys:
    """Make large and small accounts, active and silent ones, of which sales have talked to some."""
    people, events = [], []
    for n in range(12):
        for member in range(6 if n % 2 else 2):
            person = f"p{n}-{member}"
            people.append((person, f"{person}@x.example", ["owner", "viewer"][member % 2]))
            days = range(30) if n < 8 else range(3)
            events += [(f"a{n:02}", person, day, "Completed Task") for day in days]
        if n % 4 == 1:
            events.append((f"a{n:02}", f"p{n}-0", 29, "Talked to Sales"))
    rows = [(account, person, START + timedelta(days=day), event) for account, person, day, event in events]
    table = pl.DataFrame(rows, schema=["group_id", "user_id", "at", "event"], orient="row")
    read = jn.read_table(table, timestamp="at", event="event", ids=["user_id"], name="app")
    facts = pl.DataFrame(people, schema=["user_id", "email", "trait:role"], orient="row").with_columns(
        timestamp=pl.lit(START), event=pl.lit(None, dtype=pl.String), _kind=pl.lit("identify")
    )
    crm = build_events(facts.lazy(), ids=["user_id", "email"], name="crm")
    return jn.stitch(read, crm).by_account()


def test_large_fit_and_active_accounts_that_nobody_has_talked_to_are_one_line(accounts, tmp_path):
    a = accounts.activity(active="Completed Task", days=7, fit=pl.col("members") >= 5, contact="Talked to Sales")
    vip = a.people(pl.col("fit") & (pl.col("active_members") >= 3) & pl.col("last_contact").is_null())
    assert vip.people["person"].to_list() == ["a03", "a07"]
    written = vip.contacts(role="owner", per_account=2).to_customerio(tmp_path / "white_glove.csv")
    assert written.people == 4
    table = pl.read_csv(tmp_path / "white_glove.csv")
    assert table.select("id", "account").rows() == [("p3-0", "a03"), ("p3-2", "a03"), ("p7-0", "a07"), ("p7-2", "a07")]
    assert (
        a.finding
        == "4 of 12 accounts are fit and had active events in the 7 days before the end; none of them is waning."
    )
    assert vip.finding.startswith("2 accounts,")


def test_a_fit_that_is_nan_has_no_score(accounts):
    fit = pl.when(pl.col("account") == accounts.activity(days=7).table["account"][0]).then(math.nan).otherwise(1.0)
    table = accounts.activity(days=7, fit=fit, score={"fit": 1}).table
    assert table["score"].null_count() == 1
    assert table["score"].drop_nulls().unique().to_list() == [0.5]


def test_a_score_is_shown_with_its_parts(accounts):
    table = accounts.activity(days=7, score={"active_share": 2, "events": 1}).table
    parts = (2 * table["score_active_share"] + table["score_events"]) / 3
    assert table["score"].to_list() == pytest.approx(parts.to_list())
    assert table["score"].is_sorted(descending=True)
    assert table["score_events"].mean() == pytest.approx(0.5)


def test_contacts_are_people_with_their_latest_account():
    j = accounts_of([("a", "ann", 0, "A"), ("a", "bob", 1, "A"), ("b", "ann", 2, "A"), ("b", "cat", 5, "A")])
    people = j.contacts()
    assert dict(people.people.select("user_id", "account").rows()) == {"ann": "b", "bob": "a", "cat": "b"}
    assert people.only(pl.col("account") == "b").size.people == 2
    assert j.contacts(per_account=1).people["user_id"].to_list() == ["bob", "cat"]
    assert j.only(pl.col("person") == "a").contacts().size.people == 2
    assert people.funnel(["A"]).table["people"].item() == 3


def test_fit_may_name_every_column_of_the_accounts():
    j = accounts_of([("a", "ann", 0, "A"), ("a", "ann", 3, "A"), ("b", "bob", 0, "A")])
    for fit in (pl.col("account") == "a", pl.col("person") == "a", pl.col("event_count") > 1):
        assert j.activity(fit=fit).table.select("account", "fit").rows() == [("a", True), ("b", False)]
    assert j.activity(fit=pl.col("last_seen") > pl.col("first_seen")).table["fit"].to_list() == [True, False]


def test_a_column_named_like_a_count_stands_beside_it():
    j = accounts_of([("a", "ann", 0, "A"), ("a", "ann", 3, "A"), ("b", "bob", 0, "A")])
    j = j.label({"left": j.only(pl.col("account") == "a")}, name="events")
    table = j.activity(days=7, fit=pl.col("events") == "left").table
    assert table.select("account", "events", "trait_events", "fit").rows() == [
        ("a", 2, "left", True), ("b", 1, None, None),
    ]  # fmt: skip


def test_what_accounts_cannot_be_asked(accounts, tmp_path):
    people = accounts.contacts()
    for ask in (people.activity, people.contacts):
        with pytest.raises(jn.ArgumentError, match="these are journeys of people"):
            ask()
    with pytest.raises(jn.ArgumentError, match="days: 0 must be a whole number"):
        accounts.activity(days=0)
    with pytest.raises(jn.UnknownNameError, match="fit: no column 'member'; did you mean 'members'"):
        accounts.activity(fit=pl.col("member") > 1)
    with pytest.raises(jn.UnknownNameError, match="score: no column 'fit'"):
        accounts.activity(score={"fit": 1})
    for weight in (math.nan, math.inf):
        with pytest.raises(jn.ArgumentError, match=r"must be numbers above 0, and finite."):
            accounts.activity(score={"events": weight, "breadth": 1})
    with pytest.raises(jn.ArgumentError, match="the weights {'events': 0} must be numbers above 0"):
        accounts.activity(score={"events": 0})
    with pytest.raises(jn.UnknownNameError, match="condition: no column 'fitt'; did you mean 'fit'"):
        accounts.activity().people(pl.col("fitt"))
    with pytest.raises(jn.UnknownNameError, match="role: no role 'boss'"):
        accounts.contacts(role="boss")
    with pytest.raises(jn.UnknownNameError, match="column: no column 'title'"):
        accounts.contacts(role="boss", column="title")
    with pytest.raises(jn.ArgumentError, match="per_account: 0 must be"):
        accounts.contacts(per_account=0)
    stored = accounts.save(tmp_path / "store")
    assert jn.open(tmp_path / "store").activity().table.equals(stored.activity().table)
    with pytest.raises(jn.StoreError, match="accounts from a store"):
        jn.open(tmp_path / "store").contacts()
    for fit, part in (("large", "fit: 'large' is not a Polars expression"), (pl.col("account"), "fit: .* String")):
        with pytest.raises(jn.ArgumentError, match=part):
            accounts.activity(fit=fit)
    for score, part in (("events", "score: 'events' must be a mapping"), ({"events": "2"}, "must be numbers above 0")):
        with pytest.raises(jn.ArgumentError, match=part):
            accounts.activity(score=score)
    with pytest.raises(jn.ArgumentError, match="days: 1000000 must be a whole number from 1 to 36,500"):
        accounts.activity(days=1_000_000)


def test_a_window_after_the_last_event_is_said_to_be_empty(accounts):
    a = accounts.activity(days=7, until="2030-01-01")
    assert a.finding == "No event was observed in the 7 days before the end; the last one is from 30 March 2026."
    assert a.table["state"].unique().to_list() == ["silent"]
    late = accounts.activity(days=7, until="2026-04-05")
    assert late.finding == "9 of 12 accounts had active events in the 7 days before the end; 8 of them are waning."
    assert late.table.filter(pl.col("active_members") > 0).height == 9
    assert late.table.filter(state="active").height == 1


def test_members_of_later_events_do_not_count():
    j = accounts_of([("acme", "ann", 0, "A"), ("acme", "bob", 19, "A"), ("tiny", "cat", 8, "A")])
    a = j.activity(days=7, until=START + timedelta(days=9), fit=pl.col("members") > 1)
    assert a.table.select("account", "members", "active_share", "fit", "state").rows() == [
        ("tiny", 1, 1.0, False, "new"), ("acme", 1, 0.0, False, "silent"),
    ]  # fmt: skip
    assert j.activity(days=7, until=START + timedelta(days=9)).finding == (
        "1 of 2 accounts had active events in the 7 days before the end; none of them is waning."
    )
    assert j.activity(days=60).table["members"].to_list() == [2, 1]
