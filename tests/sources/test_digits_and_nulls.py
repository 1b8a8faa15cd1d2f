"""What a value is stays what it is: a mark for nothing is nothing, and no digit of an identifier is lost."""

import json

import polars as pl
import pytest

import journeys as jn
from journeys.identity.nobody import why_nobody
from journeys.identity.rules import JUNK


def call(number, **more):
    one = {"type": "track", "event": "Paid", "messageId": f"m{number}", "userId": f"u{number}"}
    return one | {"timestamp": "2026-03-01T10:00:00Z"} | more


def ndjson(*rows):
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def column(events, name):
    return events.table.collect()[name].to_list()


@pytest.mark.parametrize("end", ["\n", ""])
def test_the_null_of_a_databases_unload_is_none(tmp_path, end):
    path = tmp_path / "unload.csv"
    rows = "".join(f'2026-03-01 10:00:0{n},A,\\N,d{n},"\\N"\n' for n in range(3))
    path.write_text("t,e,user_id,device,n\n" + rows + f"2026-03-01 10:00:09,A,u,\\N,7{end}")
    events = jn.read_table(path, timestamp="t", event="e", ids=["user_id", "device"])
    assert column(events, "user_id") == [None, None, None, "u"]
    assert column(events, "n") == [None, None, None, 7]
    assert jn.stitch(events).people.height == 4
    path.write_text("t,e,user_id,device,n\n" + rows + "2026-03-01 10:00:09,A,u,\\N,7,more\n")
    ragged = jn.read_table(path, timestamp="t", event="e", ids=["user_id", "device"])
    assert column(ragged, "user_id") == [None, None, None]


@pytest.mark.parametrize("mark", ["\\N", "<null>", "<NULL>"])
def test_a_mark_for_nothing_is_nobodys_identifier(mark):
    log = pl.DataFrame({"t": ["2026-03-01"] * 2, "e": ["A"] * 2, "user_id": [mark] * 2, "device": ["a", "b"]})
    journeys = jn.stitch(jn.read_table(log, timestamp="t", event="e", ids=["user_id", "device"]))
    assert journeys.people.height == 2


def test_every_pattern_of_the_rules_is_told_in_words():
    assert [pattern for pattern in JUNK if why_nobody(pattern).startswith("by the rule")] == []
