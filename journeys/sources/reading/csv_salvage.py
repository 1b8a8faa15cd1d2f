"""Delimited files that Polars refuses, line by line: what is a row stays, what is none goes aside with its place."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Literal, NamedTuple

import polars as pl

from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.rejects import Broken, add_rejects
from journeys.sources.reading.spill import SpillBuffer
from journeys.sources.reading.text import UnreadableError, chunks, decoded, wide

__all__ = ["NULL", "Dialect", "Ragged", "read_ragged"]

ROWS = 50_000
SHOWN = 256
# A quote that is never closed would swallow the file: beyond this it is no field.
LONGEST = 1 << 27
# How Snowflake, PostgreSQL and MySQL write in a file that there is no value.
NULL = "\\N"

Row = list[str | None]


class Dialect(NamedTuple):
    """How a file is written: its columns, what stands between fields, whether there is a header line, and quotes.

    The first lines, as many as `skip`, are no part of the table.
    """

    names: tuple[str, ...]
    separator: str
    header: bool
    quoted: bool
    skip: int = 0

    def fields(self, line: str) -> list[str]:
        """Split one line."""
        return next(csv.reader([line], delimiter=self.separator, quoting=self.quoting), [])

    @property
    def quoting(self) -> Literal[0, 3]:
        """Give the csv module's word for whether quotes mean anything."""
        return csv.QUOTE_MINIMAL if self.quoted else csv.QUOTE_NONE


class Ragged(NamedTuple):
    """The rows of a file (None when there are none), what had to be assumed, and how many of them lack fields."""

    rows: pl.LazyFrame | None
    note: str | None
    short: int


def read_ragged(found: SourceFile, dialect: Dialect, *, rejects: SpillBuffer[str]) -> Ragged:
    """Read a file's rows as text."""
    rows: SpillBuffer[str] = SpillBuffer()
    lines = _Lines(found)
    schema = dict.fromkeys(dialect.names, pl.String())
    good: list[Row] = []
    bad: list[Broken] = []
    short = 0

    def put_by() -> None:
        rows.add(pl.DataFrame(good, schema=schema, orient="row"), mark="rows")
        add_rejects(rejects, bad)
        good.clear()
        bad.clear()

    limit = csv.field_size_limit(LONGEST)
    try:
        for fields, number, last in _delayed(lines, dialect):
            is_open = last is not None and dialect.quoted and _is_open(last, dialect)
            cut_off = last is not None and not lines.complete
            least = len(dialect.names) + (lines.damage is not None)  # of what was cut, the last field is no whole one
            if is_open:
                cut_off, least = cut_off and len(last or ()) == 1, len(fields) + 1
            row, broken = _judged(
                fields,
                f"{found.path}:{number}",
                dialect,
                least=least if cut_off else 0,
                is_open=is_open and not cut_off,
            )
            short += bool(row) and len(fields) < len(dialect.names)
            good += row
            bad += broken
            if len(good) + len(bad) >= ROWS:
                put_by()
    finally:
        csv.field_size_limit(limit)
    if lines.damage is not None:
        bad.append((f"unreadable file: {lines.damage}"[:120], str(found.path), ""))
    put_by()
    tables = rows.tables()
    return Ragged(tables[0][1] if tables else None, lines.note, short)


class _Lines:
    """A file's lines, decoded; those handed out since the last row are remembered."""

    def __init__(self, found: SourceFile) -> None:
        self.found = found
        self.note: str | None = None
        self.complete = True
        self.damage: UnreadableError | None = None
        self.number = 0
        self.since: list[str] = []
        self.lines = self._decoded()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        self.since.append(line)
        return line

    def _decoded(self) -> Iterator[str]:
        try:
            self.note = "UTF-16" if wide(self.found) else None
            for piece in chunks(self.found):
                text, note = decoded(piece)
                self.note = note or self.note
                text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
                self.complete = text.endswith("\n")
                yield from (line + "\n" for line in text.removesuffix("\n").split("\n"))
        except UnreadableError as error:  # the lines before it are lines
            self.damage = error


def _delayed(lines: _Lines, dialect: Dialect) -> Iterator[tuple[list[str], int, list[str] | None]]:
    """Yield each row's fields with the number of its last line; of the file's last row its lines, too."""
    held: tuple[list[str], int] | None = None
    written: list[str] = []
    for _ in range(dialect.skip):
        next(lines, None)
    lines.since = []
    reader = csv.reader(lines, delimiter=dialect.separator, quoting=dialect.quoting)
    skip = dialect.header
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            break
        except csv.Error:
            # Too long for a field: its lines are rows not understood, and reading goes on after them.
            fields = ["\n".join(lines.since) + dialect.separator * len(dialect.names)]
            reader = csv.reader(lines, delimiter=dialect.separator, quoting=dialect.quoting)
        since, lines.since = lines.since, []
        if skip:
            skip = False
            continue
        if not fields or (len(fields) == 1 and not fields[0].strip()):
            continue
        if held is not None:
            yield *held, None
        held, written = (fields, lines.number), since
    if held is not None:
        yield *held, written


def _is_open(lines: list[str], dialect: Dialect) -> bool:
    """Tell whether the last row ends inside of quotes."""
    try:
        for _ in csv.reader(lines, delimiter=dialect.separator, quoting=dialect.quoting, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end" in str(error)
    return False


def _judged(
    fields: list[str], where: str, dialect: Dialect, *, least: int, is_open: bool
) -> tuple[list[Row], list[Broken]]:
    """Tell rows from what is none; a row of fewer fields than `least` is only half there, and an open one is none."""
    width, separator = len(dialect.names), dialect.separator
    shown = separator.join(fields).rstrip("\n")
    if is_open or any("\n" in field and field.count(separator) >= width - 1 for field in fields):
        # A quote that is never closed swallows the lines after it: each of them is a row not understood.
        swallowed = [line for line in shown.split("\n") if line.strip(separator).strip()]
        return [], [("a quote that is not closed", where, line[:SHOWN]) for line in swallowed]
    if len(fields) > width:
        return [], [(f"more than {width} fields", where, shown[:SHOWN])]
    if len(fields) < least:
        return [], [("half-written last line", where, shown[:SHOWN])]
    return [[*(None if field in ("", NULL) else field for field in fields), *[None] * (width - len(fields))]], []
