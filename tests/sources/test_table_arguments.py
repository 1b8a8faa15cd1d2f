"""What `read_table` refuses before it reads a row: what names no columns, types that are called like its own."""

from __future__ import annotations

import re

import polars as pl
import pytest

import journeys as jn
from journeys.errors import ArgumentError

ROWS = pl.DataFrame({"at": ["2026-03-01", "2026-03-02", "2026-03-03"], "user_id": ["u"] * 3, "device": ["d", "d", "e"]})


def read(table: pl.DataFrame = ROWS, **more) -> jn.Events:
    given = {"ids": ["user_id"], "name": "app", **more}
    return jn.read_table(table, timestamp="at", event=pl.lit("Visit"), **given)


@pytest.mark.parametrize(
    ("kind", "apart"),
    [
        ("message_id", "own_message_id"), ("person", "person_id"), ("channel", "channel_id"),
        ("page_url", "page_url_id"), ("_status", "status_id"), ("_kind", "kind_id"), ("_link_0", "link_0_id"),
    ],
)  # fmt: skip
def test_a_type_is_not_called_like_a_column_of_the_log(kind, apart) -> None:
    with pytest.raises(ArgumentError, match=rf"^ids: '{kind}' is a column of the log .*: ids={{'{apart}': 'device', …"):
        read(ids={"user_id": "user_id", kind: "device"})


def test_nor_is_that_of_an_explicit_link() -> None:
    stated = r"^links\['device'\]: '{0}' is a column of the log itself; choose another name for the type: '{0}_id'\.$"
    with pytest.raises(ArgumentError, match=stated.format("person")):
        read(links={"device": "person"})
    with pytest.raises(ArgumentError, match=stated.format("source")):
        read(links={"device": ("source", "merge")})


def test_all_that_are_called_so_are_reported_together() -> None:
    with pytest.raises(ArgumentError, match=r"(?s)^- ids: 'event' .*- links\['device'\]: 'timestamp'"):
        read(ids={"event": "user_id"}, links={"device": "timestamp"})


def test_accounts_are_not_taken_for_identifiers_of_their_name() -> None:
    table = ROWS.with_columns(group_id=pl.lit("g"))
    with pytest.raises(ArgumentError, match="ids: 'group_id' is the column 'device', but .* names accounts"):
        read(table, ids={"user_id": "user_id", "group_id": "device"})
    assert read(table, ids=["group_id"]).ids == ("group_id",)
    assert read(ids={"group_id": "device"}).ids == ("group_id",)


def test_a_type_may_begin_as_hidden_columns_do() -> None:
    assert read(ids={"_id": "device"}).ids == ("_id",)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ids": "user_id"}, "ids: expected a sequence or mapping of columns, got 'user_id'; write ids=['user_id']."),
        ({"ids": ""}, "ids: expected a sequence or mapping of columns, got ''; write ids=['user_id']."),
        ({"ids": None}, "ids: expected a sequence or mapping of columns, got None; write ids=['user_id']."),
        ({"ids": [1, 2]}, "ids: expected names, got 1, 2."),
        ({"ids": {"user_id": None}}, "ids['user_id']: expected the name of a column, got None."),
        ({"ids": {1: "user_id"}}, "ids: expected names, got 1."),
        ({"ids": {}}, "ids: no identifier column was named; without one an event belongs to nobody."),
        ({"links": {1: "device"}}, "links: expected names of columns, got 1."),
        ({"links": ["device"]}, "links: expected a mapping from column to identifier type, got ['device']."),
        (
            {"properties": "plan"},
            "properties: expected a sequence or mapping of columns, got 'plan'; write properties=['plan'].",
        ),
        ({"properties": [3]}, "properties: expected names, got 3."),
        ({"name": 5}, "name: expected a text, got 5."),
        ({"message_id": 5}, "message_id: expected the name of a column, got 5."),
    ],
)
def test_what_names_no_column(given, said) -> None:
    with pytest.raises(ArgumentError, match=f"^{re.escape(said)}$"):
        read(**given)


def test_all_that_names_no_column_is_reported_together() -> None:
    with pytest.raises(ArgumentError) as stated:
        jn.read_table(ROWS, timestamp=1, event=2, ids={"user_id": None}, links={"device": 3}, name=4)  # type: ignore
    assert [line.split(":")[0] for line in str(stated.value).splitlines()] == [
        "- timestamp", "- event", "- name", "- ids['user_id']", "- links['device']",
    ]  # fmt: skip


@pytest.mark.parametrize("ids", [("user_id",), {"user_id": None}.keys(), pl.Series(["user_id"])])
def test_columns_are_named_by_whatever_lists_them(ids) -> None:
    assert read(ids=ids).ids == ("user_id",)
