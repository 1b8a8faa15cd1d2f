"""CSV files → rows: dialect, types, and the lines that a plain parse would lose."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Literal, NamedTuple, TypedDict, Unpack

import polars as pl

from journeys.sources.reading.decompress import UnreadableError
from journeys.sources.reading.files import SourceFile, check_ratio, decode_text, is_utf16, read_chunks, read_first_lines
from journeys.sources.reading.json_column import JsonColumns
from journeys.sources.reading.json_schema import BIG, literal_name
from journeys.sources.reading.row_store import Reject, Rejects, SpillBuffer

Types = dict[str, pl.DataType | None]
"""Column → its type; None if it has no value at all. BIG: whole numbers that floats would round."""
INT, FLOAT, BOOL, TEXT = pl.Int64(), pl.Float64(), pl.Boolean(), pl.String()
CODE = r"^[+-]?0\d|^\+|^\s|\s$"
ROUNDED = r"|^-?(?:9\d{15}|\d{17,})$"


def guess_types(sample: pl.DataFrame, text_columns: Collection[str] | None) -> Types:
    """Guess types from the first rows; columns in `text_columns` (None: all) stay text."""
    types: Types = {}
    for name in sample.columns:
        if text_columns is None or name in text_columns:
            types[name] = TEXT
            continue
        values = sample[name].drop_nulls()
        fits = (
            dtype
            for dtype in (INT, FLOAT, BOOL)
            if not values.to_frame().select(_find_misfits(name, dtype).any()).item()
        )
        types[name] = next(fits, TEXT) if values.len() else None
    return types


def type_checks(guessed: Types) -> list[pl.Expr]:
    """Build the aggregates over all rows that `resolve_types` needs."""
    # Every column is asked for: Polars notices a line with too many fields only then.
    checks = [pl.col(name).null_count().alias(f"nulls {name}") for name in guessed] + [pl.len().alias("rows")]
    for name, guess in guessed.items():
        if guess in (INT, FLOAT, BOOL):
            candidates = [INT, FLOAT] if guess == INT else [guess or TEXT]
            checks += [_find_misfits(name, dtype).any().alias(f"{dtype} {name}") for dtype in candidates]
    return checks


def resolve_types(guessed: Types, answers: pl.DataFrame) -> Types:
    """Choose types that hold every value, given the results of `type_checks`, one row per batch.

    For example, a column guessed to be Int64::

        values              misfits of Int64    of Float64    type
        1, 2, 5.5           yes                 no            Float64
        1, 2, 2^60          no                  yes           BIG (Int64, or text beside floats)
        1, 5.5, 2^60        yes                 yes           String
    """
    found = answers.select(pl.col(pl.Boolean).any(), pl.exclude(pl.Boolean).sum()).row(0, named=True)
    types: Types = {}
    for name, guess in guessed.items():
        misfit = bool(found.get(f"{guess} {name}"))
        if guess is None:
            types[name] = None if found[f"nulls {name}"] == found["rows"] else TEXT
        elif guess == INT and misfit != found[f"{FLOAT} {name}"]:
            types[name] = FLOAT if misfit else BIG
        else:
            types[name] = TEXT if misfit else guess
    return types


def merge_types(types: Sequence[Types]) -> Types:
    """Find types that hold the values of several files."""
    merged: Types = {}
    for types_of_file in types:
        for name, dtype in types_of_file.items():
            known = merged.get(name)
            if known is None or dtype is None or known == dtype:
                merged[name] = known if dtype is None else dtype
            else:
                both = {known, dtype}
                merged[name] = FLOAT if both == {INT, FLOAT} else BIG if both == {INT, BIG} else TEXT
    return merged


def cast_columns(rows: pl.LazyFrame, types: Types) -> pl.LazyFrame:
    """Cast text columns to their types."""
    return rows.with_columns(
        (pl.col(name).str.to_lowercase() == "true").alias(name)
        if dtype == BOOL
        else pl.col(name).cast(INT if dtype == BIG else dtype)
        for name, dtype in types.items()
        if dtype is not None and dtype != TEXT
    )


def _find_misfits(name: str, dtype: pl.DataType) -> pl.Expr:
    """Find values that the type cannot hold without loss: "007" and "+49" are codes, not quantities."""
    value = pl.col(name)
    if dtype == BOOL:
        misfits = ~value.str.to_lowercase().is_in(["true", "false"])
    elif dtype == INT:
        misfits = value.cast(INT, strict=False).is_null() | value.str.contains(CODE)
    else:
        number = value.cast(FLOAT, strict=False)
        misfits = number.is_null() | ~number.is_finite() | value.str.contains(CODE + ROUNDED)
    return value.is_not_null() & misfits


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

    def split_line(self, line: str) -> list[str]:
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
    sound: list[Row] = []
    rejected: list[Reject] = []
    short = 0

    def flush_rows() -> None:
        rows.add_rows(pl.DataFrame(sound, schema=schema, orient="row"), mark="rows")
        rejects.add_rows(rejected)
        sound.clear()
        rejected.clear()

    limit = csv.field_size_limit(LONGEST_FIELD)
    try:
        for fields, number, last in _parse_rows(lines, dialect):
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
            sound += row
            rejected += broken
            if len(sound) + len(rejected) >= ROWS:
                flush_rows()
    finally:
        csv.field_size_limit(limit)
    flush_rows()
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
        self.lines = self._decode_lines()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self.lines)
        self.number += 1
        self.since_row.append(line)
        return line

    def _decode_lines(self) -> Iterator[str]:
        try:
            self.note = "UTF-16" if is_utf16(self.file) else None
            for chunk in read_chunks(self.file):
                text, note = decode_text(chunk)
                self.note = note or self.note
                text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
                self.ends_with_newline = text.endswith("\n")
                yield from (line + "\n" for line in text.removesuffix("\n").split("\n"))
        except UnreadableError as error:  # the lines before it count
            self.fault = error


def _parse_rows(lines: _Lines, dialect: Dialect) -> Iterator[tuple[list[str], int, list[str] | None]]:
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
    """Return whether a row ends inside a quoted field."""
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
    try:
        every, full, short = counts.collect().row(0)
    except pl.exceptions.ComputeError:  # only the header, which the scan of rows skips, is not UTF-8
        return 0
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
            frames.append(_scan_files(sound, dialect))
            types.append(profile.types)
            if profile.rows == 0 and len(dialect.names) == 1:
                notes += [f"{file.path.name} has no rows, only the line {dialect.names[0]!r}" for file in sound]
            # a caller who gives the names knows that lines may lack the last columns
            if dialect.has_header and profile.last_has_nulls and len(dialect.names) > 1:
                short[len(dialect.names)] += count_short_lines(sound, dialect, rows=profile.rows)
        read_whole, salvaged = set(sound), SpillBuffer[str]()
        for file in members:
            if file not in read_whole:
                lacking, note = salvage_rows(file, dialect, rows=salvaged, rejects=rejects)
                short[len(dialect.names)] += lacking
                notes += [f"{file.path.name} was read as {note}"] if note else []
        for _, rows in salvaged.list_tables():
            frames.append(rows)
            types.append(_profile_rows(rows, text_columns, reader).types)
    notes += [describe_short_lines(lines, width) for width, lines in short.items() if lines]
    if not frames:
        return None, notes
    if reader is not None:
        frames, more = reader.list_frames()
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
        return _profile_rows(_scan_files(files, dialect), text_columns, reader) if files else None
    except (pl.exceptions.PolarsError, OSError):
        return None


def _profile_rows(rows: pl.LazyFrame, text_columns: Collection[str] | None, reader: JsonColumns | None) -> _Profile:
    guessed = guess_types(rows.head(SAMPLE).collect(), text_columns)
    checks, batches = type_checks(guessed), []
    if reader is not None:
        reader.read_rows(rows, on_batch=lambda batch: batches.append(batch.select(checks)))
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


def _scan_files(files: list[SourceFile], dialect: Dialect) -> pl.LazyFrame:
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
    """Return whether an uncompressed file ends in the middle of its last line."""
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
        return len(dialect.split_line(last)) < len(dialect.names) or last.count('"') % 2 == 1
    except csv.Error:
        return True
