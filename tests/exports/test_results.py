"""Results as files: read back by the programs that are meant to read them."""

import importlib.util
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
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


def test_markdown_is_escaped_and_formatted(answer, tmp_path):
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
    with pytest.raises(jn.ArgumentError, match=r"path: 'a.bmp' must end in '.png'"):
        exports.to_image(7, path=tmp_path / "a.bmp")


def test_times_of_any_zone_are_written_in_utc(tmp_path):
    noon = pl.Series([datetime(2026, 7, 1, 12, tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin")
    table = pl.DataFrame({"there": noon, "nowhere": [datetime(2026, 7, 1, 12)]})
    text = exports.to_csv(table, path=tmp_path / "a.csv").read_text().splitlines()[1]
    assert text == "2026-07-01T12:00:00.000000Z,2026-07-01T12:00:00.000000"
    pytest.importorskip("xlsxwriter")
    with zipfile.ZipFile(exports.to_excel({"t": table}, path=tmp_path / "a.xlsx")) as book:
        cells = book.read("xl/worksheets/sheet2.xml").decode()
    assert cells.count("<v>46204.5</v>") == 2


def test_every_type_has_a_cell_and_every_column_a_name(tmp_path):
    table = pl.DataFrame(
        {
            "bytes": [b"\x01\xff"],
            "pair": pl.Series([[1, 2]], dtype=pl.Array(pl.Int64, 2)),
            "nested": [[["a"], ["b", None]]],
            "rows": [[{"a": 1, "b": Decimal("1.50")}]],
            "raw": [[b"\x02"]],
            "thing": pl.Series([{1}], dtype=pl.Object),
            "d": [timedelta(seconds=3)],
            "d_seconds": [7],
            "=a": [1],
            "'=a": [2],
        }
    )
    head, row = exports.to_csv(table, path=tmp_path / "a.csv").read_text().splitlines()
    assert head == "bytes,pair,nested,rows,raw,thing,d_seconds,d_seconds_2,'=a,''=a"
    assert row == ('01ff,1 › 2,"[[""a""],[""b"",null]]","[{""a"":1,""b"":""1.50""}]","[""02""]",{1},3.0,7,1,2')
    duckdb = pytest.importorskip("duckdb")
    exports.to_duckdb({"t": table}, path=tmp_path / "a.duckdb")
    with duckdb.connect(str(tmp_path / "a.duckdb")) as database:
        assert database.execute("select nested, raw from t").fetchall() == [('[["a"],["b",null]]', '["02"]')]


def test_names_that_are_one_for_duckdb_are_refused(answer, tmp_path):
    pytest.importorskip("duckdb")
    path = tmp_path / "board.duckdb"
    with pytest.raises(jn.ArgumentError) as caught:
        exports.to_duckdb({"Funnel": answer, "funnel": answer, " ": answer}, path=path)
    assert "results: 'Funnel' and 'funnel' are one table for DuckDB, which ignores case" in str(caught.value)
    assert "a table needs a name" in str(caught.value)
    assert not path.exists()
    path.write_text("no database" * 99)
    with pytest.raises(jn.ArgumentError, match=r"path: DuckDB cannot write '.*board\.duckdb': .*not a valid DuckDB"):
        exports.to_duckdb({"funnel": answer}, path=path)


def test_more_than_excel_holds_is_refused_with_numbers(tmp_path):
    pytest.importorskip("xlsxwriter")
    path = tmp_path / "a.xlsx"
    tables = {
        "wide": pl.DataFrame([pl.Series(f"c{n}", [1]) for n in range(16_400)]),
        "text": pl.DataFrame({"a": ["x" * 40_000], "b": ["y" * 32_767], "c": [["z" * 20_000] * 2]}),
        "long": pl.DataFrame({"a": pl.int_range(1_048_576, eager=True)}),
    }
    with pytest.raises(jn.ArgumentError) as caught:
        exports.to_excel(tables, path=path)
    said = str(caught.value)
    for part in (
        "'wide' has 16,400 columns; a sheet of Excel holds 16,384",
        "'text' has a text of 40,000 characters in the column 'a'; a cell of Excel holds 32,767",
        "'text' has a text of 40,003 characters in the column 'c'",
        "'long' has 1,048,576 rows; a sheet of Excel holds 1,048,575 below its head",
    ):
        assert part in said
    assert "'b'" not in said
    assert not path.exists()
    exports.to_excel({"text": tables["text"].select("b")}, path=path)
    with zipfile.ZipFile(path) as book:
        assert "y" * 32_767 in book.read("xl/sharedStrings.xml").decode()


def test_places_that_cannot_be_written_to(answer, tmp_path):
    pytest.importorskip("duckdb")
    nowhere = tmp_path / "none"
    for write, name in (
        (exports.to_csv, "a.csv"), (exports.to_parquet, "a.parquet"), (exports.to_markdown, "a.md"),
    ):  # fmt: skip
        with pytest.raises(jn.ArgumentError, match=r"path: there is no folder '.*none'; create it first"):
            write(answer, path=nowhere / name)
    with pytest.raises(jn.ArgumentError, match="path: there is no folder"):
        exports.to_duckdb({"a": answer}, path=nowhere / "a.duckdb")
    with pytest.raises(jn.ArgumentError, match="is a folder; name a file in it"):
        exports.to_csv(answer, path=tmp_path)
    with pytest.raises(jn.ArgumentError, match="path: 'a.xls' must end in '.xlsx'"):
        exports.to_excel({"a": answer}, path=tmp_path / "a.xls")


class Picture:
    def __init__(self, said):
        self.said = said

    def write_image(self, place, **size):
        raise RuntimeError(self.said)


def test_a_picture_that_cannot_be_drawn(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    with pytest.raises(jn.ArgumentError, match="result: DataFrame has no picture"):
        exports.to_image(pl.DataFrame(), path=path)
    monkeypatch.setattr("journeys.exports.results.find_spec", lambda name: None)
    with pytest.raises(jn.ArgumentError, match=r"needs the package kaleido: pip install 'journeys\[images\]'"):
        exports.to_image(Picture(""), path=path)
    monkeypatch.setattr("journeys.exports.results.find_spec", lambda name: importlib.util.find_spec("json"))
    with pytest.raises(jn.ArgumentError, match="to_image: kaleido cannot draw it: no browser is here"):
        exports.to_image(Picture("no browser\n is here"), path=path)
