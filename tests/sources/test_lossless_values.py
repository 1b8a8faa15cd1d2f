"""What a value is stays what it is: a mark for nothing is nothing, and no digit of an identifier is lost."""

import json

import polars as pl
import pytest

import journeys as jn
from journeys.events.placeholder_values import PLACEHOLDER_IDS
from journeys.identity.rules import placeholder_reason
from journeys.sources.reading import files


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
def test_a_mark_for_nothing_is_no_identifier(mark):
    log = pl.DataFrame({"t": ["2026-03-01"] * 2, "e": ["A"] * 2, "user_id": [mark] * 2, "device": ["a", "b"]})
    journeys = jn.stitch(jn.read_table(log, timestamp="t", event="e", ids=["user_id", "device"]))
    assert journeys.people.height == 2


def test_every_pattern_of_the_rules_is_explained_in_words():
    assert [pattern for pattern in PLACEHOLDER_IDS if placeholder_reason(pattern).startswith("matches the rule")] == []


LONG, NEXT = 1234567890123456789, 1234567890123456788


@pytest.mark.parametrize("piece", [1 << 20, 16])
@pytest.mark.parametrize("order", [(LONG, NEXT, 5.5), (5.5, LONG, NEXT), (7, 5.5, LONG, NEXT), (LONG, 7, NEXT, 5.5)])
def test_a_fraction_among_long_numbers_costs_no_digit_wherever_pieces_are_cut(tmp_path, monkeypatch, piece, order):
    path = tmp_path / "calls.ndjson"
    path.write_text(ndjson(*(call(n, userId=user, properties={"order": user}) for n, user in enumerate(order))))
    monkeypatch.setattr(files, "CHUNK", piece)
    events = jn.read_segment(path)
    assert column(events, "user_id") == column(events, "order") == [str(user) for user in order]


def test_short_numbers_and_fractions_are_still_numbers(tmp_path):
    path = tmp_path / "calls.ndjson"
    path.write_text(ndjson(*(call(n, properties={"price": one, "n": LONG}) for n, one in enumerate((7, 5.5)))))
    events = jn.read_segment(path)
    assert column(events, "price") == [7.0, 5.5]
    assert column(events, "n") == [LONG, LONG]


def test_a_long_number_in_a_field_that_is_no_object_elsewhere_keeps_its_digits(tmp_path):
    path = tmp_path / "calls.ndjson"
    path.write_text(ndjson(call(0, properties="x"), call(1, properties={"n": LONG}), call(2, properties={"n": 5.5})))
    assert column(jn.read_segment(path), "n") == [None, str(LONG), "5.5"]


@pytest.mark.parametrize(
    "values", [["12345678901234567890", "7"], ["7", "12345678901234567890"], [str(LONG), "5.5"], ["5.5", str(LONG)]]
)
@pytest.mark.parametrize("files", [1, 2])
def test_whole_numbers_of_a_csv_that_a_float_would_round_stay_text(tmp_path, values, files):
    rows = [f"2026-03-01,A,1,{value}\n" for value in values]
    for n in range(files):
        (tmp_path / f"{n}.csv").write_text("t,e,u,order\n" + "".join(rows[n::files]))
    events = jn.read_table(tmp_path, timestamp="t", event="e", ids=["u"])
    assert column(events, "order") == values


def test_whole_numbers_that_fit_are_numbers(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(f"t,e,u,a,b\n2026-03-01,A,1,{LONG},7\n2026-03-01,A,1,{NEXT},5.5\n")
    events = jn.read_table(path, timestamp="t", event="e", ids=["u"])
    assert (column(events, "a"), column(events, "b")) == ([LONG, NEXT], [7.0, 5.5])


def test_files_of_whole_numbers_and_of_floats_agree_on_text_where_digits_would_be_lost(tmp_path):
    for n, (order, price) in enumerate([(LONG, 7), (5.5, 1.5)]):
        row = {"t": ["2026-03-01"], "e": ["A"], "u": [1], "order": [order], "price": [price]}
        pl.DataFrame(row).write_parquet(tmp_path / f"{n}.parquet")
    events = jn.read_table(tmp_path, timestamp="t", event="e", ids=["u"])
    assert (column(events, "order"), column(events, "price")) == ([str(LONG), "5.5"], [7.0, 1.5])


@pytest.mark.parametrize("piece", [1 << 20, 16])
def test_an_object_in_a_list_of_other_things_stays_an_object(tmp_path, monkeypatch, piece):
    path = tmp_path / "calls.ndjson"
    lists = [[1, 2, {"c": 3}], ["x", '{"y"}'], [], [[1], "z"]]
    path.write_text(ndjson(*(call(n, properties={"l": one}) for n, one in enumerate(lists))))
    monkeypatch.setattr(files, "CHUNK", piece)
    assert [json.loads(one) for one in column(jn.read_segment(path), "l")] == lists
