"""Results and tables as files: for spreadsheets, dashboards, documents and slides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from journeys.display import format_rows, neutralise_controls
from journeys.errors import ArgumentError, first_line, raise_all
from journeys.exports.cells import flatten_columns, write_csv
from journeys.exports.files import check_path, replace_file

IMAGES = (".png", ".svg", ".pdf", ".jpg", ".jpeg", ".webp")


def to_parquet(result: Any, *, path: str | Path) -> Path:
    """Write a result's table as Parquet, with every type as it is."""
    file, table = check_path(path), get_table(result)
    with replace_file(file) as place:
        table.write_parquet(place)
    return file


def to_csv(result: Any, *, path: str | Path) -> Path:
    """Write a result's table as CSV: times in UTC, durations in seconds, no cell that a spreadsheet would run."""
    file, table = check_path(path), get_table(result)
    with replace_file(file) as place:
        write_csv(table, place)
    return file


def to_markdown(result: Any, *, path: str | Path | None = None, rows: int = 100) -> str:
    r"""Write a result as Markdown: its finding and its table, formatted for reading.

    At most `rows` rows of the table are shown. The text is written to the file `path` as well.

    Examples
    --------
    >>> print(to_markdown(pl.DataFrame({"step": ["A|B"], "people": [1234]})))
    | step | people |
    | :--- | ---: |
    | A\|B | 1,234 |
    """
    table = get_table(result)
    is_right = [dtype.is_numeric() or dtype == pl.Duration for dtype in table.dtypes]
    lines = [[*map(_escape_markdown, table.columns)], ["---:" if right else ":---" for right in is_right]]
    lines += [[*map(_escape_markdown, row)] for row in format_rows(table.head(rows))]
    finding = getattr(result, "finding", None)
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = f"{_escape_markdown(finding)}\n\n{text}" if isinstance(finding, str) else text
    text += f"\n\nThe first {rows} of {table.height:,} rows." if table.height > rows else ""
    if path is not None:
        with replace_file(check_path(path)) as place:
            place.write_text(text + "\n", encoding="utf-8")
    return text


def to_image(
    result: Any, *, path: str | Path, width: int | None = None, height: int | None = None, dark: bool = False
) -> Path:
    """Draw a result as PNG, SVG, PDF, JPEG or WebP, by the ending. Needs the extra `images`.

    It is 1,080 pixels wide by default, or as wide as the drawing needs. A drawing of many columns keeps its proportions
    and is scaled as a whole, so that no name runs into another. Raise ArgumentError when the ending is another one, the
    result cannot be drawn, or kaleido or its browser is not installed.
    """
    file = check_path(path, endings=IMAGES)
    if isinstance(result, pl.DataFrame | pl.LazyFrame) or not (
        hasattr(result, "plot") or hasattr(result, "write_image")
    ):
        raise ArgumentError(f"result: {type(result).__name__} has no picture.")
    if find_spec("kaleido") is None:
        raise ArgumentError("to_image needs the package kaleido: pip install 'journeys[images]'.")
    figure = result.plot(dark=dark) if hasattr(result, "plot") else result
    size: dict[str, Any] = {"height": height} if height is not None else {}
    fixed_width = getattr(getattr(figure, "layout", None), "width", None)
    if fixed_width is None:
        size["width"] = width or 1080
    elif width is not None:
        scale = width / fixed_width
        size = {key: value / scale for key, value in size.items()} | {"scale": scale}
    try:
        with replace_file(file) as place:
            figure.write_image(place, **size)
    except RuntimeError as error:  # kaleido draws in a browser, which may be missing
        raise ArgumentError(f"to_image: kaleido cannot draw it: {' '.join(str(error).split())}") from error
    return file


def to_duckdb(results: Mapping[str, Any], *, path: str | Path) -> Path:
    """Write results as tables of a DuckDB file; tables of the same names are replaced, all in one transaction.

    Other tables of the file stay. Raise ArgumentError when a name is empty, two names differ only in case, the file is
    not a database, or DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise ArgumentError("to_duckdb needs the package duckdb: pip install duckdb.") from None
    problems = [] if all(name.strip() for name in results) else ["results: a table needs a name."]
    by_lower_case: dict[str, list[str]] = {}
    for name in results:
        by_lower_case.setdefault(name.lower(), []).append(name)
    problems += [
        f"results: {' and '.join(map(repr, same))} are one table for DuckDB, which ignores case."
        for same in by_lower_case.values()
        if len(same) > 1
    ]
    raise_all(problems)
    file = check_path(path)
    is_new = not file.exists()
    tables = {name: flatten_columns(get_table(result)).to_arrow() for name, result in results.items()}
    try:
        with duckdb.connect(str(file)) as database:
            database.begin()
            for name, table in tables.items():
                database.register("written_table", table)
                quoted = '"' + name.replace('"', '""') + '"'
                database.execute(f"create or replace table {quoted} as select * from written_table")
                database.unregister("written_table")
            database.commit()
        if is_new:
            file.chmod(0o600)
    except (duckdb.Error, OSError) as error:
        if is_new:
            file.unlink(missing_ok=True)
        raise ArgumentError(f"path: DuckDB cannot write {str(file)!r}: {first_line(error)}.") from error
    return file


def get_table(result: Any) -> pl.DataFrame:
    """Return the table of a result, or a DataFrame as it is."""
    table = result if isinstance(result, pl.DataFrame) else getattr(result, "table", None)
    if not isinstance(table, pl.DataFrame):
        raise ArgumentError(f"result: {type(result).__name__} has no table.")
    return table


def _escape_markdown(text: str) -> str:
    r"""Write text as one line of plain Markdown: no column, HTML, picture, link or code.

    Examples
    --------
    >>> print(_escape_markdown("![x](https://a.example/b.png) & `c`"))
    !\[x\](https\://a.example/b.png) &amp; \`c\`
    """
    plain = re.sub(r"([\\|`\[\]*])", r"\\\1", neutralise_controls(text).replace("&", "&amp;"))
    plain = plain.replace("<", "&lt;").replace(">", "&gt;")
    # Viewers turn bare addresses into links.
    plain = re.sub(r"(https?|ftp)(?=://)|(www)(?=\.)", r"\g<0>\\", plain, flags=re.IGNORECASE)
    return " ".join(plain.split())
