"""What the folders of a partitioned table say of its rows is told by their names only: it is a column."""

import polars as pl
import pytest

import journeys as jn
from journeys.sources import reading


def write(path, kind, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = pl.DataFrame({"t": ["2026-03-01"], "e": ["A"], "u": [1]} | columns)
    if kind == "ndjson":
        frame.write_ndjson(path)
    else:
        (frame.write_parquet if kind == "parquet" else frame.write_ipc)(path)


def read(folder):
    return jn.read_table(folder, timestamp="t", event="e", ids=["u"])


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
@pytest.mark.parametrize("small", [64 << 20, 0])
def test_the_partition_of_a_folder_is_a_property(tmp_path, monkeypatch, kind, small):
    monkeypatch.setattr(reading, "SMALL", small)
    for month in ("01", "02"):
        write(tmp_path / f"log/year=2026/month={month}/part-0.{kind}", kind)
    found = read(tmp_path / "log").table.select("year", "month").collect()
    assert found.rows() == [("2026", "01"), ("2026", "02")]


@pytest.mark.parametrize("small", [64 << 20, 0])
def test_a_column_of_the_file_itself_stands(tmp_path, monkeypatch, small):
    monkeypatch.setattr(reading, "SMALL", small)
    for country in ("DE", "FR"):
        write(tmp_path / f"day=1/country={country}/part-0.parquet", "parquet", day=[7])
    assert read(tmp_path).table.select("day", "country").collect().rows() == [(7, "DE"), (7, "FR")]


def test_partition_folders_of_other_formats_are_noted(tmp_path):
    write(tmp_path / "day=1/log.ndjson", "ndjson")
    notes = read(tmp_path).issues.table.filter(kind="note")["reason"].to_list()
    assert "the names of folders ('day') become columns for Parquet and Arrow files only" in notes


def test_a_partitioned_table_is_called_like_its_folder(tmp_path):
    path = tmp_path / "tracks/day=1/part-0.parquet"
    path.parent.mkdir(parents=True)
    row = {"id": ["1"], "anonymous_id": ["a"], "timestamp": ["2026-03-01 10:00:00"], "event": ["paid"]}
    pl.DataFrame(row).write_parquet(path)
    assert jn.read_segment(tmp_path).issues.kept == 1
