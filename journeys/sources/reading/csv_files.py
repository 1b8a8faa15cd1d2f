"""CSV files and their relatives, with types that hold every value and malformed lines set aside.

Files are scanned lazily as text, and read once in advance so that a column becomes a number only if each of its values
is one. A file that Polars refuses is read line by line (`csv_salvage`).
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import NamedTuple, TypedDict, Unpack

import polars as pl

from journeys.sources.reading.csv_salvage import NULL, Dialect, count_short_lines, describe_short_lines, salvage_rows
from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.infer_types import (
    Types,
    cast_columns,
    guess_types,
    merge_types,
    resolve_types,
    type_checks,
)
from journeys.sources.reading.json_column import JsonColumns
from journeys.sources.reading.literal_names import literal_name
from journeys.sources.reading.rejects import Rejects
from journeys.sources.reading.spill import SpillBuffer
from journeys.sources.reading.text import UnreadableError, check_ratio, is_utf16, read_first_lines

__all__ = ["CsvOptions", "read_csv_files"]

SEPARATORS = ",;\t|"
# A first line such as "sep=;" tells Excel the separator.
SEPARATOR_LINE = re.compile(r'"?sep=([\x21\x23-\x7e\t])"?')
SAMPLE = 2000


class CsvOptions(TypedDict, total=False):
    """How to read delimited files.

    `column_names` names the columns of files without a header line; `text_columns` (None: all) stay text; `quoted` says
    whether quotes count; the objects in `json_columns` are parsed in the same pass.
    """

    column_names: Sequence[str]
    text_columns: Collection[str] | None
    quoted: bool
    json_columns: Collection[str]


def read_csv_files(
    files: Sequence[SourceFile], *, rejects: Rejects, **options: Unpack[CsvOptions]
) -> tuple[pl.LazyFrame | None, list[str]]:
    """Scan delimited files; columns that some files lack are null there; lines that cannot be read are rejected."""
    text_columns = options.get("text_columns", ())
    groups: dict[Dialect, list[SourceFile]] = {}
    for file in files:
        try:
            check_ratio(file)
            dialect = _detect_dialect(file, options.get("column_names"), quoted=options.get("quoted", True))
        except UnreadableError as error:
            rejects.add_file(file.path, error)
            continue
        if dialect.names:
            groups.setdefault(dialect, []).append(file)
    present = {name for dialect in groups for name in dialect.names}
    expected = [column for column in options.get("json_columns", ()) if column in present]
    reader = JsonColumns(expected) if expected else None
    frames: list[pl.LazyFrame] = []
    types: list[Types] = []
    notes: list[str] = []
    short: Counter[int] = Counter()
    for dialect, members in groups.items():
        sound = [f for f in members if f.archive is None and not is_utf16(f) and not _is_cut_off(f, dialect)]
        profile = _profile_files(sound, dialect, text_columns, reader)
        if sound and profile is None:
            sound = [file for file in sound if _profile_files([file], dialect, text_columns) is not None]
            profile = _profile_files(sound, dialect, text_columns, reader)
            if profile is None:  # each can be scanned, but not all at once: there are more than may be open
                sound = []
        if profile is not None:
            frames.append(_scan(sound, dialect))
            types.append(profile.types)
            if profile.rows == 0 and len(dialect.names) == 1:
                notes += [f"{file.path.name} has no rows, only the line {dialect.names[0]!r}" for file in sound]
            # whoever gives the names knows that lines may lack the last columns
            if dialect.has_header and profile.last_has_nulls and len(dialect.names) > 1:
                short[len(dialect.names)] += count_short_lines(sound, dialect, rows=profile.rows)
        read_whole, salvaged = set(sound), SpillBuffer[str]()
        for file in members:
            if file not in read_whole:
                lacking, note = salvage_rows(file, dialect, rows=salvaged, rejects=rejects)
                short[len(dialect.names)] += lacking
                notes += [f"{file.path.name} was read as {note}"] if note else []
        for _, rows in salvaged.tables():
            frames.append(rows)
            types.append(_profile(rows, text_columns, reader).types)
    notes += [describe_short_lines(lines, width) for width, lines in short.items() if lines]
    if not frames:
        return None, notes
    if reader is not None:
        frames, more = reader.frames()
        notes += more
    merged = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")
    return cast_columns(merged, merge_types(types)), notes


class _Profile(NamedTuple):
    """What one pass over rows found: types, the number of rows, and whether the last column has nulls."""

    types: Types
    rows: int
    last_has_nulls: bool


def _profile_files(
    files: list[SourceFile], dialect: Dialect, text_columns: Collection[str] | None, reader: JsonColumns | None = None
) -> _Profile | None:
    """Profile files; None if there are none, or Polars cannot read them whole."""
    try:
        return _profile(_scan(files, dialect), text_columns, reader) if files else None
    except (pl.exceptions.PolarsError, OSError):
        return None


def _profile(rows: pl.LazyFrame, text_columns: Collection[str] | None, reader: JsonColumns | None) -> _Profile:
    guessed = guess_types(rows.head(SAMPLE).collect(), text_columns)
    checks, batches = type_checks(guessed), []
    if reader is not None:
        reader.read(rows, on_batch=lambda batch: batches.append(batch.select(checks)))
    answers = pl.concat(batches) if batches else rows.select(checks).collect()
    nulls = int(answers[f"nulls {list(guessed)[-1]}"].sum())
    return _Profile(resolve_types(guessed, answers), int(answers["rows"].sum()), nulls > 0)


def _detect_dialect(file: SourceFile, column_names: Sequence[str] | None, *, quoted: bool) -> Dialect:
    """Detect the separator and the columns of a file by its first lines; a repeated column name gets a number."""
    start = read_first_lines(file)
    has_header = column_names is None
    if not start.strip():
        return Dialect((), ",", has_header=has_header, quoted=quoted)
    line, _, rest = start.partition("\n")
    stated, skip = SEPARATOR_LINE.fullmatch(line.strip("\r")), 0
    if stated and rest.strip():
        start, skip, line = rest, 1, rest.split("\n", 1)[0]
    if stated and skip:
        separator = stated[1]
    elif column_names is None:
        separator = max(SEPARATORS, key=line.count)
    else:  # texts are full of commas: prefer what gives as many fields as there are names
        width, lines = len(column_names), start.split("\n")
        separator = max(SEPARATORS, key=lambda s: (sum(one.count(s) == width - 1 for one in lines), line.count(s)))
    if column_names is not None:
        return Dialect(tuple(column_names), separator, has_header=False, quoted=quoted, skip=skip)
    try:
        names = [literal_name(name.strip()) for name in next(csv.reader(io.StringIO(start), delimiter=separator), [])]
    except csv.Error:
        names = line.split(separator)
    seen: Counter[str] = Counter()
    unique = []
    for name in (name or "unnamed" for name in names):
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return Dialect(tuple(unique), separator, has_header=True, quoted=quoted, skip=skip)


def _scan(files: list[SourceFile], dialect: Dialect) -> pl.LazyFrame:
    return pl.scan_csv(
        [file.place for file in files],
        has_header=dialect.has_header,
        skip_lines=dialect.skip,
        schema=dict.fromkeys(dialect.names, pl.String()),
        separator=dialect.separator,
        quote_char='"' if dialect.quoted else None,
        empty_string_is_null=True,
        null_values=NULL,
        glob=False,
    )


def _is_cut_off(file: SourceFile, dialect: Dialect) -> bool:
    """Tell whether an uncompressed file ends in the middle of its last line."""
    if file.compression is not None:
        return False
    with file.open() as opened:
        size = opened.seek(0, io.SEEK_END)
        opened.seek(max(0, size - 65536))
        tail = opened.read()
    if not tail or tail.endswith(b"\n"):
        return False
    last = tail.rsplit(b"\n", 1)[-1].decode("utf-8", errors="replace")
    try:
        return len(dialect.split(last)) < len(dialect.names) or last.count('"') % 2 == 1
    except csv.Error:
        return True
