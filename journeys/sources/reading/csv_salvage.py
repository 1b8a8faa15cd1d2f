"""Delimited files that Polars refuses, read line by line: well-formed rows are kept, the others rejected."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import polars as pl

from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.rejects import Reject, Rejects
from journeys.sources.reading.spill import SpillBuffer
from journeys.sources.reading.text import UnreadableError, decode, is_utf16, read_chunks

__all__ = ["NULL", "Dialect", "count_short_lines", "describe_short_lines", "salvage_rows"]

ROWS = 50_000
# A quote that is never closed would swallow the file: a longer field is an error.
LONGEST_FIELD = 1 << 27
# How Snowflake, PostgreSQL and MySQL write null in a file.
NULL = "\\N"

Row = list[str | None]


class Dialect(NamedTuple):
    """How a file is written: its columns, the separator, whether there is a header line, and whether quotes count.

    The first `skip` lines are not part of the table.
    """

    names: tuple[str, ...]
    separator: str
    has_header: bool
    quoted: bool
    skip: int = 0

    def split(self, line: str) -> list[str]:
        """Split one line into fields."""
        return next(csv.reader([line], delimiter=self.separator, quoting=self.quoting), [])

    @property
    def quoting(self) -> Literal[0, 3]:
        """The csv module's constant for whether quotes count."""
        return csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE


def salvage_rows(
    file: SourceFile, dialect: Dialect, *, rows: SpillBuffer[str], rejects: Rejects
) -> tuple[int, str | None]:
    """Read a file's rows as text; return how many of them lack fields, and the encoding if it is not UTF-8.

    For example, with the columns `time,event,user` and a file that ends without a line end::

        2026-03-01,A,1          a row
        2026-03-01,A,2,extra    rejected: more than 3 fields
        2026-03-01,B            rejected: half-written last line
    """
    lines = _Lines(file)
    schema = dict.fromkeys(dialect.names, pl.String())
    good: list[Row] = []
    bad: list[Reject] = []
    short = 0

    def flush() -> None:
        rows.add(pl.DataFrame(good, schema=schema, orient="row"), mark="rows")
        rejects.add(bad)
        good.clear()
        bad.clear()

    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        for fields, number, last in _parse(lines, dialect):
            is_open = last is not None and dialect.quoted and _ends_in_quotes(last, dialect)
            is_cut = last is not None and not lines.ends_with_newline
            # the last field of a file that cannot be decompressed to its end is not complete
            least = len(dialect.names) + (lines.fault is not None)
            if is_open:
                is_cut, least = is_cut and len(last or ()) == 1, len(fields) + 1
            row, broken = _check_fields(
                fields,
                f"{file.path}:{number}",
                dialect,
                least=least if is_cut else 0,
                is_open=is_open and not is_cut,
            )
            short += bool(row) and len(fields) < len(dialect.names)
            good += row
            bad += broken
            if len(good) + len(bad) >= ROWS:
                flush()
    finally:
        csv.field_size_limit(limit)
    flush()
    if lines.fault is not None:
        rejects.add_file(file.path, lines.fault)
    return short, lines.note


class _Lines:
    """The decoded lines of a file; those since the last complete row are remembered."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.note: str | None = None
        self.ends_with_newline = True
        self.fault: UnreadableError | None = None
        self.number = 0
        self.since_row: list[str] = []
        self.lines = self._decode()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        self.since_row.append(line)
        return line

    def _decode(self) -> Iterator[str]:
        try:
            self.note = "UTF-16" if is_utf16(self.file) else None
            for chunk in read_chunks(self.file):
                text, note = decode(chunk)
                self.note = note or self.note
                text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
                self.ends_with_newline = text.endswith("\n")
                yield from (line + "\n" for line in text.removesuffix("\n").split("\n"))
        except UnreadableError as error:  # the lines before it count
            self.fault = error


def _parse(lines: _Lines, dialect: Dialect) -> Iterator[tuple[list[str], int, list[str] | None]]:
    """Yield each row's fields and the number of its last line; for the last row of the file, its lines as well."""
    previous: tuple[list[str], int] | None = None
    written: list[str] = []
    for _ in range(dialect.skip):
        next(lines, None)
    lines.since_row = []
    reader = csv.reader(lines, delimiter=dialect.separator, quoting=dialect.quoting)
    is_header = dialect.has_header
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error:
            # The field is too long: its lines become one row with too many fields, and reading goes on after them.
            fields = ["\n".join(lines.since_row) + dialect.separator * len(dialect.names)]
            reader = csv.reader(lines, delimiter=dialect.separator, quoting=dialect.quoting)
        since_row, lines.since_row = lines.since_row, []
        if is_header:
            is_header = False
            continue
        if not fields or (len(fields) == 1 and not fields[0].strip()):
            continue
        if previous is not None:
            yield *previous, None
        previous, written = (fields, lines.number), since_row
    if previous is not None:
        yield *previous, written


def _ends_in_quotes(lines: list[str], dialect: Dialect) -> bool:
    """Tell whether a row ends inside a quoted field."""
    try:
        for _ in csv.reader(lines, delimiter=dialect.separator, quoting=dialect.quoting, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _check_fields(
    fields: list[str], place: str, dialect: Dialect, *, least: int, is_open: bool
) -> tuple[list[Row], list[Reject]]:
    """Return the fields as a row, or as rejects if there are too many, fewer than `least`, or a quote is open."""
    width, separator = len(dialect.names), dialect.separator
    text = separator.join(fields).rstrip("\n")
    if is_open or any("\n" in field and field.count(separator) >= width - 1 for field in fields):
        # A quote that is never closed swallows the lines after it: each of them is rejected.
        swallowed = [line for line in text.split("\n") if line.strip(separator).strip()]
        return [], [("a quote that is not closed", place, line) for line in swallowed]
    if len(fields) > width:
        return [], [(f"more than {width} fields", place, text)]
    if len(fields) < least:
        return [], [("half-written last line", place, text)]
    return [[*(None if field in ("", NULL) else field for field in fields), *[None] * (width - len(fields))]], []


def count_short_lines(files: Sequence[SourceFile], dialect: Dialect, *, rows: int) -> int:
    """Count the lines with too few fields, which Polars fills up with nulls without saying so.

    Separators inside quotes count as well, so that a few lines may be missed. Where a row may have several lines, short
    lines cannot be told from the others: the answer is 0.
    """
    line = pl.first()
    lines = pl.concat(pl.scan_lines(file.place, glob=False) for file in files)
    is_full = line.str.len_bytes() > 0
    is_short = line.str.count_matches(dialect.separator, literal=True) < len(dialect.names) - 1
    counts = lines.select(pl.len(), is_full.sum().alias("full"), (is_full & is_short).sum().alias("short"))
    every, full, short = counts.collect().row(0)
    without_rows = len(files) * (dialect.skip + dialect.has_header)
    # an empty line is a row of nulls between others, and none at the end
    return max(0, int(short) - len(files) * dialect.skip) if full <= rows + without_rows <= every else 0


def describe_short_lines(lines: int, width: int) -> str:
    """Say how many lines lack fields.

    Examples
    --------
    >>> describe_short_lines(1, 4), describe_short_lines(1200, 4)
    ('1 line has fewer than 4 fields; the missing ones were read as empty',
     '1,200 lines have fewer than 4 fields; the missing ones were read as empty')
    """
    have = "1 line has" if lines == 1 else f"{lines:,} lines have"
    return f"{have} fewer than {width} fields; the missing ones were read as empty"
