"""Aliases and merges that a table states in a column."""

from __future__ import annotations

import polars as pl
import pytest

import journeys as jn
from journeys.errors import ArgumentError, UnknownNameError

ROWS = {
    "at": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"],
    "what": ["Visit", "Buy", None, "Buy"],
    "user": [None, 7, 7, 8],
    "cookie": ["c", None, None, None],
    "previous": [None, None, "c", None],
    "merged": [None, None, None, 7.0],
}


def read(**more) -> jn.Events:
    ids = {"user_id": "user", "anonymous_id": "cookie"}
    return jn.read_table(pl.DataFrame(ROWS), timestamp="at", event="what", ids=ids, name="app", **more)


def test_a_column_states_an_alias_and_a_row_without_event_only_links() -> None:
    events = read(links={"previous": "anonymous_id"})
    assert events.issues.facts == 1
    assert events.links.collect().drop("timestamp").rows() == [("user_id", "7", "anonymous_id", "c", "app", "alias")]
    j = jn.stitch(events)
    assert j.events.select("person", "event").collect().rows() == [(1, "Visit"), (1, "Buy"), (2, "Buy")]
    assert "by alias of app" in repr(j.identity.explain("c", 7))
    assert "previous" not in events.schema
    assert read().issues.quarantined == 1
    assert jn.stitch(read()).size.people == 3


def test_a_merge_joins_two_known_people() -> None:
    links = {"previous": "anonymous_id", "merged": ("user_id", "merge")}
    merged = jn.stitch(read(links=links), rules=jn.IdentityRules(joins_known=("merge",)))
    assert merged.size.people == 1
    assert merged.identity.explain(7, 8).table["kind"].to_list() == ["merge"]
    alias = jn.stitch(read(links=links | {"merged": "user_id"}), rules=jn.IdentityRules(joins_known=("merge",)))
    assert alias.size.people == 2


def test_a_column_of_links_read_from_a_file(tmp_path) -> None:
    pl.DataFrame({"at": ["2026-03-01"], "user": ["u"], "old": ["007"]}).write_csv(tmp_path / "merges.csv")
    events = jn.read_table(
        tmp_path / "merges.csv", timestamp="at", event=pl.lit(None), ids={"user_id": "user"}, links={"old": "user_id"}
    )
    assert events.links.collect()["id_b"].to_list() == ["007"]
    assert events.issues.facts == 1


def test_invalid_links_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="links: no column 'previus'; did you mean 'previous'"):
        read(links={"previus": "anonymous_id"})
    with pytest.raises(
        ArgumentError, match=r"(?s)links\['previous'\]: 3 is neither .*links\['merged'\]: \('user_id', 'x'\)"
    ):
        read(links={"previous": 3, "merged": ("user_id", "x")})
    with pytest.raises(ArgumentError, match="links: expected a mapping from column to identifier type, got 'previous'"):
        read(links="previous")
