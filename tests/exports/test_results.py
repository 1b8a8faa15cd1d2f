"""Results as files: read back by the programs that are meant to read them."""

import zipfile
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import polars as pl
import pytest

import journeys as jn
from journeys import exports


class Answer:
    finding = "Half of them <b>left</b> | or so"
    settings: ClassVar = {"within": "14d", "people": 4, "events": 9, "first": None, "last": None}

    def __init__(self, table):
        self.table = table


@pytest.fixture
def answer():
    table = pl.DataFrame(
        {
            "step": ["Signed Up", "=1+1"],
            "people": [12345, 2],
            "rate": [1.0, None],
            "took": [timedelta(hours=30), None],
            "at": [datetime(2026, 3, 1, 10, tzinfo=UTC), None],
            "path": [["A", "B"], None],
            "yes": [True, None],
            "day": [datetime(2026, 3, 1).date(), None],
        }
    )
    return Answer(table.with_columns(pl.col("step").cast(pl.Enum(["Signed Up", "=1+1"])).alias("kind")))


def test_parquet_keeps_every_type(answer, tmp_path):
    assert pl.read_parquet(exports.to_parquet(answer, path=tmp_path / "a.parquet")).equals(answer.table)


def test_csv_has_seconds_and_nothing_that_runs(answer, tmp_path):
    text = exports.to_csv(answer, path=tmp_path / "a.csv").read_text().splitlines()
    assert text[0] == "step,people,rate,took_seconds,at,path,yes,day,kind"
    assert text[1] == "Signed Up,12345,1.0,108000.0,2026-03-01T10:00:00.000000Z,A › B,true,2026-03-01,Signed Up"
    assert text[2].startswith("'=1+1,2,")


def test_markdown_is_escaped_and_said_as_people_do(answer, tmp_path):
    text = exports.to_markdown(answer, path=tmp_path / "a.md", rows=1)
    assert "Half of them &lt;b&gt;left&lt;/b&gt; \\| or so" in text
    assert "| 12,345 |" in text
    assert text.endswith("The first 1 of 2 rows.")
    assert (tmp_path / "a.md").read_text() == text + "\n"


def test_duckdb_tables_are_replaced_and_others_left_alone(answer, tmp_path):
    duckdb = pytest.importorskip("duckdb")
    path = tmp_path / "board.duckdb"
    exports.to_duckdb({'the "funnel"': answer, "other": answer.table.head(1)}, path=path)
    exports.to_duckdb({'the "funnel"': answer.table.head(1)}, path=path)
    with duckdb.connect(str(path)) as database:
        assert database.execute('select people, took_seconds, path from "the ""funnel"""').fetchall() == [
            (12345, 108000.0, "A › B")
        ]
        assert database.execute("select count(*) from other").fetchone() == (1,)
    with pytest.raises(jn.ArgumentError, match="a table needs a name"):
        exports.to_duckdb({" ": answer}, path=path)


def test_excel_is_one_workbook_without_formulas(answer, tmp_path):
    pytest.importorskip("xlsxwriter")
    path = exports.to_excel(
        {"Funnel: who / how": answer, "funnel  who   how": answer.table, "x" * 40: answer.table},
        path=tmp_path / "a.xlsx",
    )
    with zipfile.ZipFile(path) as book:
        names = book.namelist()
        sheets = [book.read(name).decode() for name in names if name.startswith("xl/worksheets/sheet")]
        strings = book.read("xl/sharedStrings.xml").decode()
        listed = book.read("xl/workbook.xml").decode()
    assert len(sheets) == 4
    assert not any("<f>" in sheet or "hyperlink" in sheet for sheet in sheets)
    assert "=1+1" in strings
    assert "within 14d" in strings
    assert 'name="Funnel  who   how"' in listed
    assert f'name="{"x" * 31}"' in listed
    with pytest.raises(jn.ArgumentError, match="nothing to write"):
        exports.to_excel({}, path=tmp_path / "a.xlsx")


def test_what_has_no_table_or_picture_is_refused(tmp_path):
    with pytest.raises(jn.ArgumentError, match="result: int has no table"):
        exports.to_csv(7, path=tmp_path / "a.csv")
    with pytest.raises(jn.ArgumentError, match="result: int has no picture"):
        exports.to_image(7, path=tmp_path / "a.png")
    with pytest.raises(jn.ArgumentError, match=r"path: 'a.bmp' ends in none of '.png'"):
        exports.to_image(7, path=tmp_path / "a.bmp")
