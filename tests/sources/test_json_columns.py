"""JSON kept as text in a table is read once, in batches: where they are cut changes nothing, and nothing is lost."""

import csv
import io
import json

import polars as pl
import pytest

import journeys as jn
from journeys.sources.reading import RawTable, json_column, load_source, parse_json_columns, row_store

COLUMNS = ("uuid", "event", "timestamp", "distinct_id", "team_id", "properties", "set")
TEXTS = [
    "{}", "", '{"a": 1, "b": {"x": 1}}', '{"a": 2,\n "c": null}', "[]", '{"a": "code", "b": {"y": [1]}}', "oops",
    '{"a": 3, "e": NaN}', '{"a": 4,}', '{"b": "flat", "d": {}}', '{"a": 2.5}', "null", '{"e": 12345678901234567890}',
]  # fmt: skip


def table(path, texts, *, team=lambda number: 7, more=""):
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for number, text in enumerate(texts):
        writer.writerow([f"m{number}", "A", "2026-03-01T10:00:00Z", "u1", team(number), text, "{}"])
    path.write_text(out.getvalue() + more)
    return path


def cut(monkeypatch, rows):
    monkeypatch.setattr(json_column, "BATCH_ROWS", rows)
    monkeypatch.setattr(json_column, "BATCH_BYTES", 64)
    monkeypatch.setattr(row_store, "IN_MEMORY", 1)
    monkeypatch.setattr("journeys.sources.reading.SMALL", 0)


def seen(events):
    rows = events.table.sort("message_id").collect()
    notes = events.issues.table.filter(kind="note")["reason"].to_list()
    return [{key: value for key, value in row.items() if value is not None} for row in rows.to_dicts()], notes


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_batches_of_any_size_give_the_same(tmp_path, monkeypatch, rows):
    path = table(tmp_path / "events.csv", TEXTS)
    whole, notes = seen(jn.read_posthog(path))
    assert len(whole) == len(TEXTS)
    found = {row["message_id"]: row for row in whole}
    assert (found["m2"]["a"], found["m2"]["b_x"], found["m5"]["a"], found["m5"]["b_y"]) == ("1", 1, "code", "[1]")
    assert (found["m7"]["a"], found["m9"]["b"], found["m12"]["e"]) == ("3", "flat", "12345678901234567890")
    assert [found[key]["properties"] for key in ("m6", "m8")] == ["oops", '{"a": 4,}']
    assert notes == ["'properties' is not an object in 2 rows; its value there was kept as text"]
    assert not any("set" in row and row["set"] != "{}" for row in whole)  # a column of `{}` stays what it is
    cut(monkeypatch, rows)
    assert seen(jn.read_posthog(path)) == (whole, notes)
    frame = pl.read_csv(path, infer_schema=False)
    raw = parse_json_columns(RawTable(frame.lazy(), "table"), "properties").rows.collect()
    assert raw.height == len(TEXTS)
    assert raw["properties"].struct.field("a").to_list()[2:4] == ["1", "2"]


def test_a_csv_is_read_once_and_outlived(tmp_path, monkeypatch):
    cut(monkeypatch, 50)
    path = table(tmp_path / "events.csv", [json.dumps({"n": n, "b": f"t{n}"}) for n in range(300)])
    events = jn.read_posthog(path)
    path.unlink()
    assert events.table.select(pl.col("n").sum(), pl.col("team_id").sum()).collect().row(0) == (300 * 299 // 2, 7 * 300)
    assert events.table.collect()["b"].to_list() == [f"t{n}" for n in range(300)]


def test_types_are_inferred_from_every_batch(tmp_path, monkeypatch):
    cut(monkeypatch, 500)
    monkeypatch.setattr(json_column, "BATCH_BYTES", 1 << 20)
    texts = ['{"a": 1}'] * 2500
    late = table(tmp_path / "late.csv", texts, team=lambda number: "x" if number == 2400 else number)
    assert load_source(late, json_columns=["properties"]).schema["team_id"] == pl.String
    whole = table(tmp_path / "whole.csv", texts, team=lambda number: 0.5 if number == 2400 else number)
    assert load_source(whole, json_columns=["properties"]).schema["team_id"] == pl.Float64
    assert load_source(whole, json_columns=["properties"]).schema["properties"] == pl.Struct({"a": pl.Int64()})


def test_a_file_that_polars_refuses_is_read_beside_others(tmp_path, monkeypatch):
    cut(monkeypatch, 2)
    table(tmp_path / "a.csv", ['{"a": 1}'] * 3, more="too,many,fields,are,in,this,line,all,in,all\n")
    table(tmp_path / "b.csv", ['{"b": "x"}', "", "oops"])
    events = jn.read_posthog(tmp_path)
    assert (events.issues.read, events.issues.quarantined) == (7, 1)
    rows = parse_json_columns(load_source(tmp_path, json_columns=["properties"]), "properties").rows.collect()
    assert {"a", "b"} < set(rows.schema["properties"].to_schema())
    assert sorted(rows["properties"].struct.field("a").drop_nulls()) == [1, 1, 1]
    assert "'properties' is not an object in 1 row; its value there was kept as text" in events.issues.table["reason"]
