"""Results and tables as files: for spreadsheets, dashboards, documents and slides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.errors import ArgumentError, raise_all
from journeys.exports.places import place_for
from journeys.exports.safe import flat, write_csv

if TYPE_CHECKING:
    import xlsxwriter

__all__ = ["to_csv", "to_duckdb", "to_excel", "to_image", "to_markdown", "to_parquet"]

IMAGES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")
SHEET = 31
ROWS, COLUMNS, CELL = 1_048_576, 16_384, 32_767  # what a sheet of Excel holds


def to_parquet(result: Any, *, path: str | Path) -> Path:
    """Write a result's table as Parquet: every type as it is."""
    place = place_for(path)
    _table(result).write_parquet(place)
    return place


def to_csv(result: Any, *, path: str | Path) -> Path:
    """Write a result's table as CSV: times in UTC, durations in seconds, no cell that a spreadsheet would run."""
    place = place_for(path)
    write_csv(_table(result), path=place)
    return place


def to_markdown(result: Any, *, path: str | Path | None = None, rows: int = 100) -> str:
    r"""Write a result as Markdown: its finding and its table, in the words of people; returned, and kept in a file.

    Examples
    --------
    >>> print(to_markdown(pl.DataFrame({"step": ["A|B"], "people": [1234]})))
    | step | people |
    | :--- | ---: |
    | A\|B | 1,234 |
    """
    from journeys.display.tables import form_of

    table = _table(result)
    forms = {name: form_of(name, dtype, beside=table.columns) for name, dtype in table.schema.items()}
    right = [dtype.is_numeric() or dtype == pl.Duration for dtype in table.dtypes]
    lines = [
        "| " + " | ".join(_cell(name) for name in table.columns) + " |",
        "| " + " | ".join("---:" if one else ":---" for one in right) + " |",
    ]
    for row in table.head(rows).iter_rows():
        cells = [
            forms[name](value) if value is not None else "–" for name, value in zip(table.columns, row, strict=True)
        ]
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    if table.height > rows:
        lines += ["", f"The first {rows} of {table.height:,} rows."]
    finding = getattr(result, "finding", None)
    text = "\n".join([*([_cell(finding), ""] if isinstance(finding, str) else []), *lines])
    if path is not None:
        place_for(path).write_text(text + "\n", encoding="utf-8")
    return text


def to_image(
    result: Any, *, path: str | Path, width: int | None = None, height: int | None = None, dark: bool = False
) -> Path:
    """Draw a result into a picture: PNG, SVG or PDF, by the ending. Needs the extra `images`.

    Parameters
    ----------
    result
        What has a picture, or a figure.
    path
        The file.
    width, height
        In pixels; else 1,080 wide, or as wide as what is drawn needs. A drawing of many columns keeps its proportions
        and becomes smaller, or larger, as a whole, so that no name runs into another.
    dark
        For a dark page.

    Raises
    ------
    ArgumentError
        Another ending, something that cannot be drawn, or what draws pictures is not installed.
    """
    place = place_for(path, endings=IMAGES)
    if isinstance(result, pl.DataFrame | pl.LazyFrame) or not (
        hasattr(result, "plot") or hasattr(result, "write_image")
    ):
        raise ArgumentError(f"result: {type(result).__name__} has no picture")
    if find_spec("kaleido") is None:
        raise ArgumentError("to_image needs the package kaleido: pip install 'journeys[images]'")
    figure = result.plot(dark=dark) if hasattr(result, "plot") else result
    size: dict[str, Any] = {"height": height} if height is not None else {}
    needed = getattr(getattr(figure, "layout", None), "width", None)
    if needed is None:
        size["width"] = width or 1080
    elif width is not None:
        size = {key: value * needed / width for key, value in size.items()} | {"scale": width / needed}
    try:
        figure.write_image(place, **size)
    except RuntimeError as error:  # kaleido draws in a browser, which may be missing
        raise ArgumentError(f"to_image: kaleido cannot draw it: {' '.join(str(error).split())}") from error
    return place


def to_duckdb(results: Mapping[str, Any], *, path: str | Path) -> Path:
    """Write results as tables of a DuckDB file for a dashboard; tables of the same names are replaced.

    Parameters
    ----------
    results
        Name of the table → result or DataFrame.
    path
        The database file; its other tables are left alone.

    Raises
    ------
    ArgumentError
        A name is empty, or twice there for DuckDB, which does not tell case apart; the file is no database; or DuckDB
        is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise ArgumentError("to_duckdb needs the package duckdb: pip install duckdb") from None
    problems = [] if all(name.strip() for name in results) else ["results: a table needs a name"]
    names: dict[str, list[str]] = {}
    for name in results:
        names.setdefault(name.lower(), []).append(name)
    problems += [
        f"results: {' and '.join(map(repr, same))} are one table for DuckDB, which does not tell case apart"
        for same in names.values()
        if len(same) > 1
    ]
    raise_all(problems)
    place = place_for(path)
    tables = {name: flat(_table(result)).to_arrow() for name, result in results.items()}
    try:
        database = duckdb.connect(str(place))
    except duckdb.Error as error:
        raise ArgumentError(f"path: DuckDB cannot open {str(place)!r}: {str(error).splitlines()[0]}") from error
    with database:
        database.begin()
        for name, frame in tables.items():
            database.register("written_table", frame)
            quoted = '"' + name.replace('"', '""') + '"'
            database.execute(f"create or replace table {quoted} as select * from written_table")
            database.unregister("written_table")
        database.commit()
    return place


def to_excel(results: Mapping[str, Any], *, path: str | Path) -> Path:
    """Write results as one workbook: a sheet of contents with findings and settings, then a sheet for each table.

    Text is written as text, so that no cell is a formula or a link. Times are UTC. Needs the extra `excel`.

    Raises
    ------
    ArgumentError
        There is nothing to write, more than a sheet or a cell of Excel holds, or xlsxwriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise ArgumentError("to_excel needs the package xlsxwriter: pip install 'journeys[excel]'") from None
    if not results:
        raise ArgumentError("results: nothing to write")
    place = place_for(path, endings=[".xlsx"])
    tables = {name: flat(_table(result), durations=False) for name, result in results.items()}
    raise_all([problem for name, table in tables.items() for problem in _too_much(name, table)])
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "nan_inf_to_errors": True,
        "remove_timezone": True,
    }
    with xlsxwriter.Workbook(str(place), options) as book:
        bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        contents = book.add_worksheet("Contents")
        contents.set_column(0, 0, 24)
        contents.set_column(1, 2, 70)
        for column, head in enumerate(("Sheet", "Finding", "What was asked")):
            contents.write_string(0, column, head, bold)
        taken = {"contents"}
        for row, (name, result) in enumerate(results.items(), start=1):
            sheet = _sheet_name(name, taken)
            contents.write_string(row, 0, sheet, wrap)
            contents.write_string(row, 1, str(getattr(result, "finding", "")), wrap)
            contents.write_string(row, 2, _asked(result), wrap)
            _sheet(book, sheet, tables[name])
    return place


def _too_much(name: str, table: pl.DataFrame) -> list[str]:
    """Say what of a table Excel would cut off."""
    problems = []
    if table.height >= ROWS:
        problems.append(f"{table.height:,} rows; a sheet of Excel holds {ROWS - 1:,} below its head")
    if table.width > COLUMNS:
        problems.append(f"{table.width:,} columns; a sheet of Excel holds {COLUMNS:,}")
    texts = [column for column, dtype in table.schema.items() if dtype == pl.String]
    longest = table.select(pl.col(texts).str.len_chars().max()).row(0, named=True) if texts else {}
    problems += [
        f"a text of {length:,} characters in the column {column!r}; a cell of Excel holds {CELL:,}"
        for column, length in longest.items()
        if length is not None and length > CELL
    ]
    return [f"results: {name!r} has {problem}: write it with to_csv or to_parquet" for problem in problems]


def _sheet(book: xlsxwriter.Workbook, name: str, table: pl.DataFrame) -> None:
    page = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bottom": 1})
    forms = {
        kind: book.add_format({"num_format": pattern})
        for kind, pattern in (
            ("time", "yyyy-mm-dd hh:mm:ss"),
            ("day", "yyyy-mm-dd"),
            ("long", "[h]:mm:ss"),
            ("count", "#,##0"),
        )
    }
    page.freeze_panes(1, 0)
    for column, (title, dtype) in enumerate(table.schema.items()):
        shown = table.get_column(title)
        page.write_string(0, column, title, bold)
        page.set_column(column, column, min(40, max(12, len(title) + 2)))
        for row, value in enumerate(shown, start=1):
            if value is None:
                continue
            if dtype == pl.Boolean:
                page.write_boolean(row, column, value)
            elif dtype == pl.Duration:
                page.write_number(row, column, value.total_seconds() / 86400, forms["long"])
            elif dtype.is_integer() and abs(value) < 2**53:
                page.write_number(row, column, value, forms["count"])
            elif dtype.is_float():
                page.write_number(row, column, value)
            elif isinstance(dtype, pl.Datetime):
                instant = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
                page.write_datetime(row, column, instant, forms["time"])
            elif dtype == pl.Date:
                page.write_datetime(row, column, value, forms["day"])
            else:
                page.write_string(row, column, str(value))
    if table.width:
        page.autofilter(0, 0, max(table.height, 1), table.width - 1)


def _sheet_name(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", name).strip(" '")[:SHEET] or "Table"
    chosen, number = plain, 2
    while chosen.lower() in taken:
        chosen = f"{plain[: SHEET - 4]} {number}"
        number += 1
    taken.add(chosen.lower())
    return chosen


def _asked(result: Any) -> str:
    from journeys.display import settings_words

    settings = getattr(result, "settings", None)
    return settings_words(settings) if isinstance(settings, Mapping) else ""


def _table(result: Any) -> pl.DataFrame:
    table = result if isinstance(result, pl.DataFrame) else getattr(result, "table", None)
    if not isinstance(table, pl.DataFrame):
        raise ArgumentError(f"result: {type(result).__name__} has no table")
    return table


def _cell(text: str) -> str:
    """Write text into a cell of Markdown: no new column, no new line, no HTML."""
    plain = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(plain.split())
