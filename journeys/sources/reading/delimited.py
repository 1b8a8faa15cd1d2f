"""CSV and its relatives: typed by looking at every value, ragged lines set aside.

A file is scanned lazily as text, and looked through once so that a column becomes a number only if each of its values
is one. A file that Polars refuses is read line by line (`ragged`).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple

import polars as pl

from journeys.sources.reading.aside import set_aside
from journeys.sources.reading.embedded import Embedded
from journeys.sources.reading.find import Found
from journeys.sources.reading.ragged import NULL, Dialect, read_ragged
from journeys.sources.reading.short import said_short, short_lines
from journeys.sources.reading.spool import Spool
from journeys.sources.reading.text import UnreadableError, first_lines, wide
from journeys.sources.reading.types import Types, agreed, cast, checks, judged, sniff

__all__ = ["read_delimited"]

SEPARATORS = ",;\t|"
# The first line of what Excel is to open tells it what stands between fields.
SAID = re.compile(r'"?sep=([\x21\x23-\x7e\t])"?')


def read_delimited(
    files: Sequence[Found],
    *,
    header: Sequence[str] | None = None,
    text: Collection[str] | None = (),
    quoted: bool = True,
    objects: Collection[str] = (),
    aside: Spool[str],
) -> tuple[pl.LazyFrame | None, list[str]]:
    """Scan delimited files; columns that some files lack are null there; lines that cannot be read go aside.

    `header` names the columns of files that have no header line; columns in `text` (all, if None) are not typed. Where
    JSON is to be expected in columns (`objects`), the files are read once, and so are the objects.
    """
    groups: dict[Dialect, list[Found]] = {}
    frames: list[pl.LazyFrame] = []
    types: list[Types] = []
    notes: list[str] = []
    short: Counter[int] = Counter()
    for found in files:
        try:
            dialect = _dialect(found, header, quoted=quoted)
        except UnreadableError as error:
            set_aside(aside, [(f"unreadable file: {error}"[:120], str(found.path), "")])
            continue
        if dialect.names:
            groups.setdefault(dialect, []).append(found)
    expected = [column for column in objects if any(column in dialect.names for dialect in groups)]
    reader = Embedded(expected) if expected else None
    for dialect, members in groups.items():
        alone = [found for found in members if found.archive is not None or wide(found) or _cut_off(found, dialect)]
        fine = [found for found in members if found not in alone]
        if fine:
            seen = _look(fine, dialect, text, reader)
            if seen is None:
                bad_ones = [found for found in fine if _look([found], dialect, text) is None]
                fine = [found for found in fine if found not in bad_ones]
                alone += bad_ones
                seen = _look(fine, dialect, text, reader) if fine else None
            if seen is not None:
                frames.append(_scan(fine, dialect))
                types.append(seen.types)
                if seen.rows == 0 and len(dialect.names) == 1:
                    notes += [f"{found.path.name} has no rows, only the line {dialect.names[0]!r}" for found in fine]
                # who gives the names knows which of them every line has
                if dialect.header and seen.gaps and len(dialect.names) > 1:
                    short[len(dialect.names)] += short_lines(fine, dialect, rows=seen.rows)
        for found in alone:
            read = read_ragged(found, dialect, aside=aside)
            if read.rows is None:
                continue
            frames.append(read.rows)
            types.append(_types(read.rows, text, reader).types)
            short[len(dialect.names)] += read.short
            notes += [f"{found.path.name} was read as {read.note}"] if read.note else []
    notes += [said_short(lines, width) for width, lines in short.items() if lines]
    if not frames:
        return None, notes
    if reader is not None:
        frames, said = reader.frames()
        notes += said
    rows = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")
    return cast(rows, agreed(types)), notes


class _Seen(NamedTuple):
    """What a look through rows told: types, their number, and whether the last column has gaps."""

    types: Types
    rows: int
    gaps: bool


def _look(
    files: list[Found], dialect: Dialect, text: Collection[str] | None, reader: Embedded | None = None
) -> _Seen | None:
    """Read the files through once: which types hold every value? None when Polars cannot read them whole."""
    try:
        return _types(_scan(files, dialect), text, reader)
    except (pl.exceptions.PolarsError, OSError):
        return None


def _types(rows: pl.LazyFrame, text: Collection[str] | None, reader: Embedded | None) -> _Seen:
    guessed = sniff(rows.head(2000).collect(), text)
    asked, batches = checks(guessed), []
    if reader is not None:
        reader.read(rows, look=lambda batch: batches.append(batch.select(asked)))
    answers = pl.concat(batches) if batches else rows.select(asked).collect()
    gaps = int(answers[f"nulls {list(guessed)[-1]}"].sum())
    return _Seen(judged(guessed, answers), int(answers["rows"].sum()), gaps > 0)


def _dialect(found: Found, given: Sequence[str] | None, *, quoted: bool) -> Dialect:
    start = first_lines(found)
    if not start.strip():
        return Dialect((), ",", header=given is None, quoted=quoted)
    line, _, rest = start.partition("\n")
    said, skip = SAID.fullmatch(line.strip("\r")), 0
    if said and rest.strip():
        start, skip, line = rest, 1, rest.split("\n", 1)[0]
    separator = said[1] if said and skip else max(SEPARATORS, key=line.count)
    if given is not None:
        if not (said and skip):  # what parts as many fields as there are names; texts are full of commas
            separator = max(SEPARATORS, key=lambda one: _parts_into(start, one, fields=len(given)))
        return Dialect(tuple(given), separator, header=False, quoted=quoted, skip=skip)
    try:
        names = [name.strip() for name in next(csv.reader(io.StringIO(start), delimiter=separator), [])]
    except csv.Error:
        names = line.split(separator)
    seen: dict[str, int] = {}
    unique = []
    for name in (name or "unnamed" for name in names):
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return Dialect(tuple(unique), separator, header=True, quoted=quoted, skip=skip)


def _parts_into(start: str, separator: str, *, fields: int) -> tuple[int, int]:
    lines = start.split("\n")
    return sum(line.count(separator) == fields - 1 for line in lines), lines[0].count(separator)


def _scan(files: list[Found], dialect: Dialect) -> pl.LazyFrame:
    return pl.scan_csv(
        [found.path for found in files],
        has_header=dialect.header,
        skip_lines=dialect.skip,
        schema=dict.fromkeys(dialect.names, pl.String()),
        separator=dialect.separator,
        quote_char='"' if dialect.quoted else None,
        empty_string_is_null=True,
        null_values=NULL,
        glob=False,
    )


def _cut_off(found: Found, dialect: Dialect) -> bool:
    """Tell whether a plain file stops in the middle of its last line."""
    if found.compression is not None:
        return False
    with found.path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - 65536))
        tail = file.read()
    if not tail or tail.endswith(b"\n"):
        return False
    last = tail.rsplit(b"\n", 1)[-1].decode("utf-8", errors="replace")
    try:
        return len(dialect.fields(last)) < len(dialect.names) or last.count('"') % 2 == 1
    except csv.Error:
        return True
