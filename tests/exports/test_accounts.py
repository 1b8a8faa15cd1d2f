"""Accounts are exported as their members, whom systems know by their own identifiers."""

import polars as pl
import pytest

import journeys as jn
from journeys import exports


@pytest.fixture(scope="module")
def accounts():
    rows = [
        ("ann", "ann@x.example", "acme", "2026-03-01"),
        ("bob", "bob@x.example", "acme", "2026-03-02"),
        ("cat", None, "tiny", "2026-03-03"),
        ("ann", None, "tiny", "2026-03-04"),
    ]
    table = pl.DataFrame(rows, schema=["user_id", "email", "group_id", "at"], orient="row")
    read = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=["user_id", "email"], name="app")
    return jn.stitch(read).by_account()


def test_every_member_is_written_with_the_account_of_their_last_event(accounts, tmp_path):
    written = accounts.to_customerio(tmp_path / "c.csv", traits=["members"])
    assert (written.people, written.left_out) == (3, 0)
    assert pl.read_csv(tmp_path / "c.csv").rows() == [
        ("ann", "ann@x.example", "tiny", 2), ("bob", "bob@x.example", "acme", 2), ("cat", None, "tiny", 2),
    ]  # fmt: skip
    assert accounts.to_hubspot(tmp_path / "h.csv").people == 2
    assert accounts.to_segment(tmp_path / "s.ndjson").people == 3


def test_a_selection_of_accounts_writes_its_members_only(accounts, tmp_path):
    acme = accounts.only(pl.col("person") == "acme")
    assert acme.to_people(tmp_path / "p.parquet").people == 2
    assert pl.read_parquet(tmp_path / "p.parquet")["user_id"].to_list() == ["ann", "bob"]


def test_traits_of_accounts_come_with_their_members(accounts, tmp_path):
    extra = pl.DataFrame({"person": ["acme"], "plan": ["gold"]})
    accounts.to_people(tmp_path / "p.parquet", traits=[], extra=extra)
    table = pl.read_parquet(tmp_path / "p.parquet")
    assert dict(table.select("user_id", "plan").iter_rows()) == {"ann": None, "bob": "gold", "cat": None}


def test_accounts_from_a_store_know_their_members(accounts, tmp_path):
    accounts.save(tmp_path / "store")
    assert jn.open(tmp_path / "store").to_people(tmp_path / "p.csv").people == 3


def test_another_identifier_is_written_where_it_is_asked_for(accounts, tmp_path):
    accounts.to_segment(tmp_path / "s.ndjson", traits=["members"])
    rows = [("u1", "a@x.example", "d1", "2026-03-01")]
    table = pl.DataFrame(rows, schema=["user_id", "email", "device", "at"], orient="row")
    read = jn.read_table(table, timestamp="at", event=pl.lit("A"), ids=["user_id", "email", "device"], name="app")
    people = jn.stitch(read)
    exports.to_customerio(people, path=tmp_path / "c.csv", traits=["device"])
    assert pl.read_csv(tmp_path / "c.csv").rows() == [("u1", "a@x.example", "d1")]
    exports.to_customerio(people, path=tmp_path / "c.csv", traits=[])
    assert pl.read_csv(tmp_path / "c.csv").columns == ["id", "email"]
