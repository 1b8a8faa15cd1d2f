"""One odd row changes nothing for the others: what is no object where objects belong is kept beside their fields."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.sources.column_mapping import Fields
from journeys.sources.reading import files, load_source


def call(number, **more):
    one = {"type": "track", "event": "Paid", "messageId": f"m{number}", "userId": f"u{number}"}
    return one | {"timestamp": "2026-03-01T10:00:00Z"} | more


def ndjson(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def notes(events):
    return events.issues.table.filter(kind="note")["reason"].to_list()


CONTEXT = {"campaign": {"source": "news", "medium": "email"}, "page": {"path": "/p", "url": "https://x.example/p"}}
GOOD = [call(n, properties={"plan": "pro", "n": n}, context=CONTEXT) for n in range(5)]


@pytest.mark.parametrize("field", ["properties", "context"])
@pytest.mark.parametrize("odd", ["x", 3, [{"a": 1}], [], ""])
@pytest.mark.parametrize("place", [0, 5])
def test_an_object_that_is_none_in_one_row_is_kept_for_the_others(tmp_path, field, odd, place):
    path = tmp_path / "calls.ndjson"
    rows = list(GOOD)
    rows.insert(place, call(9, properties={"plan": "free", "n": 9}, context=CONTEXT) | {field: odd})
    path.write_text(ndjson(*rows))
    events = jn.read_segment(path)
    table = events.table.filter(pl.col("user_id") != "u9").collect()
    assert table["plan"].to_list() == ["pro"] * 5
    assert table["n"].to_list() == [0, 1, 2, 3, 4]
    assert table["campaign_source"].to_list() == ["news"] * 5
    assert table["page_path"].to_list() == ["/p"] * 5
    mine = events.table.filter(user_id="u9").collect().to_dicts()[0]
    if odd in ("", None, []):
        assert notes(events) == []
        assert field not in table.columns
    else:
        assert mine[field] == (odd if odd == "x" else json.dumps(odd))
        assert notes(events) == [f"'{field}' is not an object in 1 row; its value there was kept as text"]


def test_an_object_deep_inside_that_is_none_in_one_row(tmp_path):
    path = tmp_path / "calls.ndjson"
    path.write_text(ndjson(*GOOD, call(9, context={"campaign": [], "page": "/p"})))
    events = jn.read_segment(path)
    assert events.table.collect()["campaign_source"].to_list() == ["news"] * 5 + [None]
    assert events.table.collect()["page_path"].to_list() == ["/p"] * 5 + [None]
    assert notes(events) == ["'context.page' is not an object in 1 row; its value there was kept as text"]


def test_traits_that_are_none_in_one_row(tmp_path):
    path = tmp_path / "calls.ndjson"
    one = call(1, type="identify", traits={"email": "a@x.example", "plan": "pro"})
    path.write_text(ndjson(one, one | {"messageId": "m2", "userId": "u2", "traits": "gold"}))
    facts = jn.read_segment(path).facts.collect()
    assert facts["plan"].to_list() == ["pro", None]
    assert facts["email"].to_list() == ["a@x.example", None]
    assert facts["traits"].to_list() == [None, "gold"]


def test_one_odd_row_of_customer_io_quarantines_no_other(tmp_path):
    path = tmp_path / "hooks.ndjson"
    row = {"object_type": "email", "metric": "sent", "timestamp": 1772530000}
    rows = [row | {"event_id": f"{n}", "data": {"customer_id": f"{n}"}} for n in range(3)]
    path.write_text(ndjson(*rows, row | {"event_id": "9", "data": "x"}))
    events = jn.read_customerio(path)
    assert events.table.collect()["user_id"].to_list() == ["0", "1", "2"]
    assert events.issues.quarantine["reason"].to_list() == ["no id at all"]


def test_odd_rows_in_later_pieces_and_other_files(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 256)
    folder = tmp_path / "calls"
    folder.mkdir()
    (folder / "a.ndjson").write_text(ndjson(*GOOD, call(9, properties="x"), *GOOD))
    pl.DataFrame([GOOD[0] | {"properties": {"plan": "basic", "seats": 3}}]).write_parquet(folder / "b.parquet")
    pl.DataFrame([GOOD[0] | {"properties": '{"plan": "team"}'}]).write_parquet(folder / "c.parquet")
    pl.DataFrame([GOOD[0] | {"properties": "free"}]).write_parquet(folder / "d.parquet")
    values = load_source(folder).rows.collect()["properties"].struct.unnest()
    assert values["plan"].to_list() == ["pro"] * 5 + [None] + ["pro"] * 5 + ["basic", "team", None]
    assert values["seats"].to_list() == [None] * 11 + [3, None, None]
    assert values["\0no object"].drop_nulls().to_list() == ["x", "free"]


def test_objects_kept_as_text_are_read_and_broken_ones_are_reported(tmp_path):
    path = tmp_path / "calls.parquet"
    texts = ['{"plan": "pro", "n": 1}', '{"plan": "pro"', "oops", None, "", '{"n": NaN, "plan": "x"}']
    pl.DataFrame([call(n, properties=text) for n, text in enumerate(texts)]).write_parquet(path)
    events = jn.read_segment(path)
    table = events.table.collect()
    assert table["plan"].to_list() == ["pro", None, None, None, None, "x"]
    assert table["properties"].to_list() == [None, '{"plan": "pro"', "oops", None, None, None]
    assert notes(events) == ["'properties' is not an object in 2 rows; its value there was kept as text"]


def test_broken_properties_of_posthog_are_reported(tmp_path):
    path = tmp_path / "events.ndjson"
    one = {"event": "Paid", "timestamp": "2026-03-01T10:00:00Z", "distinct_id": "u1"}
    path.write_text(ndjson(one | {"properties": '{"plan": "pro"}'}, one | {"properties": '{"plan": "pro'}))
    events = jn.read_posthog(path)
    assert events.table.collect()["plan"].to_list() == ["pro", None]
    assert events.table.collect()["properties"].to_list() == [None, '{"plan": "pro']
    assert notes(events) == ["'properties' is not an object in 1 row; its value there was kept as text"]


SCALAR = st.sampled_from([None, True, 3, "x", "", "{x}", '{"a": 9}', "[]"])
INSIDE = st.one_of(SCALAR, st.fixed_dictionaries({"c": SCALAR}))
VALUE = st.one_of(
    SCALAR,
    st.just([]),
    st.just([{"a": 1}]),
    st.just([3]),
    st.fixed_dictionaries({}, optional={"a": SCALAR, "b": INSIDE}),
)


def leaves(path, piece, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", piece)
    rows = load_source(path).rows.collect()
    fields = Fields(rows.schema)
    return {path: rows.select(expr.cast(pl.String)).to_series().to_list() for path, (expr, _) in fields.leaves.items()}


@given(st.lists(st.fixed_dictionaries({"n": st.integers(0, 9)}, optional={"p": VALUE}), min_size=1, max_size=8))
def test_each_object_keeps_its_fields_whatever_the_others_are(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("odd") / "rows.ndjson"
    path.write_text(ndjson(*rows))
    with pytest.MonkeyPatch.context() as patch:
        for found in (leaves(path, 1 << 20, patch), leaves(path, 16, patch)):
            for number, row in enumerate(rows):
                value = row.get("p")
                if isinstance(value, dict) and isinstance(value.get("a"), int):
                    place = ("p", "a") if ("p", "a") in found else ("p",)
                    assert json.dumps(value["a"]) in str(found[place][number])
                elif isinstance(value, list) and value:
                    assert found["p",][number] is not None
                elif isinstance(value, int):
                    assert found["p",][number] == json.dumps(value)
