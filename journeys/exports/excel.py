"""Results as one Excel workbook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.display import apply_display_names
from journeys.errors import ArgumentError, raise_all
from journeys.exports.cells import flatten_columns
from journeys.exports.files import check_path, replace_file
from journeys.exports.results import get_table

if TYPE_CHECKING:
    import xlsxwriter


# What one sheet holds: rows, columns, characters of a cell and of its name.
MAX_ROWS, MAX_COLUMNS, MAX_TEXT, MAX_NAME = 1_048_576, 16_384, 32_767, 31
_FORMATS = {"time": "yyyy-mm-dd hh:mm:ss", "day": "yyyy-mm-dd", "duration": "[h]:mm:ss", "count": "#,##0"}


def to_excel(results: Mapping[str, Any], *, path: str | Path) -> Path:
    """Write results as one workbook: a sheet of contents with findings and settings, then one sheet per table.

    Text is written as text, so that no cell is a formula or a link. Times are UTC. Needs the extra `excel`.

    Raises
    ------
    ArgumentError
        There is nothing to write, more than a sheet or a cell of Excel holds, or xlsxwriter is not installed.
    """
    try:
        import xlsxwriter
    except ImportError:
        raise ArgumentError("to_excel needs the package xlsxwriter: pip install 'journeys[excel]'.") from None
    if not results:
        raise ArgumentError("results: nothing to write.")
    file = check_path(path, endings=[".xlsx"])
    tables = {name: flatten_columns(get_table(result), durations=False) for name, result in results.items()}
    raise_all([problem for name, table in tables.items() for problem in _list_excesses(name, table)])
    options = {"strings_to_formulas": False, "strings_to_urls": False, "nan_inf_to_errors": True}
    buffer = BytesIO()
    with xlsxwriter.Workbook(buffer, options | {"remove_timezone": True, "in_memory": True}) as book:
        bold, wrap = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
        contents = book.add_worksheet("Contents")
        contents.set_column(0, 0, 24)
        contents.set_column(1, 2, 70)
        for column, head in enumerate(("Sheet", "Finding", "Settings")):
            contents.write_string(0, column, head, bold)
        taken = {"contents"}
        for row, (name, result) in enumerate(results.items(), start=1):
            sheet = _make_sheet_name(name, taken)
            for column, text in enumerate((sheet, str(getattr(result, "finding", "")), _describe_settings(result))):
                contents.write_string(row, column, apply_display_names(text), wrap)
            _write_sheet(book, sheet, tables[name])
    with replace_file(file) as place:
        place.write_bytes(buffer.getvalue())
    return file


def _list_excesses(name: str, table: pl.DataFrame) -> list[str]:
    """List what of a table Excel would cut off."""
    problems = []
    if table.height >= MAX_ROWS:
        problems.append(f"{table.height:,} rows; a sheet of Excel holds {MAX_ROWS - 1:,} below its head")
    if table.width > MAX_COLUMNS:
        problems.append(f"{table.width:,} columns; a sheet of Excel holds {MAX_COLUMNS:,}")
    longest = table.select(pl.col(pl.String).str.len_chars().max())
    problems += [
        f"a text of {length:,} characters in the column {column!r}; a cell of Excel holds {MAX_TEXT:,}"
        for column, length in (longest.row(0, named=True) if longest.width else {}).items()
        if length is not None and length > MAX_TEXT
    ]
    return [f"results: {name!r} has {problem}: write it with to_csv or to_parquet." for problem in problems]


def _write_sheet(book: xlsxwriter.Workbook, name: str, table: pl.DataFrame) -> None:
    """Write a table to a sheet, each value as the type that a spreadsheet calculates with."""
    page = book.add_worksheet(name)
    bold = book.add_format({"bold": True, "bottom": 1})
    formats = {kind: book.add_format({"num_format": pattern}) for kind, pattern in _FORMATS.items()}
    page.freeze_panes(1, 0)
    for column, (title, dtype) in enumerate(table.schema.items()):
        page.write_string(0, column, title, bold)
        page.set_column(column, column, min(40, max(12, len(title) + 2)))
        for row, value in enumerate(table.get_column(title), start=1):
            if value is None:
                continue
            if dtype == pl.Boolean:
                page.write_boolean(row, column, value)
            elif dtype == pl.Duration:
                page.write_number(row, column, value.total_seconds() / 86400, formats["duration"])
            elif dtype.is_integer() and abs(value) < 2**53:
                page.write_number(row, column, value, formats["count"])
            elif dtype.is_float():
                page.write_number(row, column, value)
            elif isinstance(dtype, pl.Datetime):
                instant = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
                page.write_datetime(row, column, instant, formats["time"])
            elif dtype == pl.Date:
                page.write_datetime(row, column, value, formats["day"])
            else:
                page.write_string(row, column, apply_display_names(str(value)))
    if table.width:
        page.autofilter(0, 0, max(table.height, 1), table.width - 1)


def _make_sheet_name(name: str, taken: set[str]) -> str:
    plain = re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", name).strip(" '")[:MAX_NAME] or "Table"
    chosen, number = plain, 2
    while chosen.lower() in taken:
        chosen = f"{plain[: MAX_NAME - 4]} {number}"
        number += 1
    taken.add(chosen.lower())
    return chosen


def _describe_settings(result: Any) -> str:
    from journeys.display import describe_settings

    settings = getattr(result, "settings", None)
    return describe_settings(settings) if isinstance(settings, Mapping) else ""
