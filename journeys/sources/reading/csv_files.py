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

from journeys.sources.reading.csv_salvage import NULL, Dialect, read_ragged
from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.infer_types import Types, agreed, cast, checks, judged, sniff
from journeys.sources.reading.json_column import JsonColumns
from journeys.sources.reading.rejects import add_rejects
from journeys.sources.reading.short import said_short, short_lines
from journeys.sources.reading.spill import SpillBuffer
from journeys.sources.reading.text import UnreadableError, first_lines, wide

__all__ = ["read_delimited"]

SEPARATORS = ",;\t|"
# The first line of what Excel is to open tells it what stands between fields.
SAID = re.compile(r'"?sep=([\x21\x23-\x7e\t])"?')


def read_delimited(
    files: Sequence[SourceFile],
    *,
    column_names: Sequence[str] | None = None,
    text_columns: Collection[str] | None = (),
    quoted: bool = True,
    json_columns: Collection[str] = (),
    rejects: SpillBuffer[str],
) -> tuple[pl.LazyFrame | None, list[str]]:
    """Scan delimited files; columns that some files lack are null there; lines that cannot be read go aside.

    `column_names` names the columns of files without a header line; `text_columns` (None: all) are not typed; where
    there are `json_columns`, the files and the objects in these columns are read in one pass.
    """
    groups: dict[Dialect, list[SourceFile]] = {}
    frames: list[pl.LazyFrame] = []
    types: list[Types] = []
    notes: list[str] = []
    short: Counter[int] = Counter()
    for found in files:
        try:
            dialect = _dialect(found, column_names, quoted=quoted)
        except UnreadableError as error:
            add_rejects(rejects, [(f"unreadable file: {error}"[:120], str(found.path), "")])
            continue
        if dialect.names:
            groups.setdefault(dialect, []).append(found)
    expected = [column for column in json_columns if any(column in dialect.names for dialect in groups)]
    reader = JsonColumns(expected) if expected else None
    for dialect, members in groups.items():
        alone = [found for found in members if found.archive is not None or wide(found) or _cut_off(found, dialect)]
        fine = [found for found in members if found not in alone]
        if fine:
            seen = _look(fine, dialect, text_columns, reader)
            if seen is None:
                bad_ones = [found for found in fine if _look([found], dialect, text_columns) is None]
                fine = [found for found in fine if found not in bad_ones]
                alone += bad_ones
                seen = _look(fine, dialect, text_columns, reader) if fine else None
            if seen is not None:
                frames.append(_scan(fine, dialect))
                types.append(seen.types)
                if seen.rows == 0 and len(dialect.names) == 1:
                    notes += [f"{found.path.name} has no rows, only the line {dialect.names[0]!r}" for found in fine]
                # who gives the names knows which of them every line has
                if dialect.header and seen.gaps and len(dialect.names) > 1:
                    short[len(dialect.names)] += short_lines(fine, dialect, rows=seen.rows)
        for found in alone:
            read = read_ragged(found, dialect, rejects=rejects)
            if read.rows is None:
                continue
            frames.append(read.rows)
            types.append(_types(read.rows, text_columns, reader).types)
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
    files: list[SourceFile], dialect: Dialect, text: Collection[str] | None, reader: JsonColumns | None = None
) -> _Seen | None:
    """Read the files through once: which types hold every value? None when Polars cannot read them whole."""
    try:
        return _types(_scan(files, dialect), text, reader)
    except (pl.exceptions.PolarsError, OSError):
        return None


def _types(rows: pl.LazyFrame, text: Collection[str] | None, reader: JsonColumns | None) -> _Seen:
    guessed = sniff(rows.head(2000).collect(), text)
    asked, batches = checks(guessed), []
    if reader is not None:
        reader.read(rows, look=lambda batch: batches.append(batch.select(asked)))
    answers = pl.concat(batches) if batches else rows.select(asked).collect()
    gaps = int(answers[f"nulls {list(guessed)[-1]}"].sum())
    return _Seen(judged(guessed, answers), int(answers["rows"].sum()), gaps > 0)


def _dialect(found: SourceFile, given: Sequence[str] | None, *, quoted: bool) -> Dialect:
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


def _scan(files: list[SourceFile], dialect: Dialect) -> pl.LazyFrame:
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


def _cut_off(found: SourceFile, dialect: Dialect) -> bool:
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
