"""CSV and its relatives: typed by looking at every value, ragged lines set aside.

A file is scanned lazily as text, and looked through once so that a column becomes a number only if each of its values
is one. A file that Polars refuses is read line by line in memory; lines with too many fields go aside with their place.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Sequence

import polars as pl

from journeys.sources.reading.find import Found
from journeys.sources.reading.ndjson import Broken
from journeys.sources.reading.text import UnreadableError, first_lines, read_text

__all__ = ["read_delimited"]

SEPARATORS = ",;\t|"
SAMPLE = 2000
WHOLE = r"^[+-]?(0|[1-9]\d*)$"
TRUTH = ("true", "false")


def read_delimited(
    files: Sequence[Found], *, header: Sequence[str] | None = None, text: Collection[str] | None = ()
) -> tuple[pl.LazyFrame | None, list[Broken], list[str]]:
    """Scan delimited files; columns that some files lack are null there.

    `header` names the columns of files that have no header line; columns in `text` (all, if None) are not typed.
    """
    groups: dict[tuple[tuple[str, ...], str], list[Found]] = {}
    broken: list[Broken] = []
    frames: list[pl.LazyFrame] = []
    notes: list[str] = []
    for found in files:
        try:
            names, separator = _header(found, header)
        except UnreadableError as error:
            broken.append((f"unreadable file: {error}"[:120], str(found.path), ""))
            continue
        if names:
            groups.setdefault((names, separator), []).append(found)
    for (names, separator), members in groups.items():
        whole, alone = _split(members, names, separator, header=header is None)
        if whole is not None:
            frames.append(whole)
        for found in alone:
            try:
                frame, bad, note = _slowly(found, names, separator, header=header is None)
            except UnreadableError as error:
                broken.append((f"unreadable file: {error}"[:120], str(found.path), ""))
                continue
            frames.append(frame.lazy())
            broken += bad
            notes += [f"{found.path.name} was read as {note}"] if note else []
    if not frames:
        return None, broken, notes
    rows = frames[0] if len(frames) == 1 else pl.concat(frames, how="diagonal")
    return (rows if text is None else _typed(rows, text)), broken, notes


def _header(found: Found, given: Sequence[str] | None) -> tuple[tuple[str, ...], str]:
    text = first_lines(found)
    line = text.split("\n", 1)[0]
    if not text.strip():
        return (), ","
    separator = max(SEPARATORS, key=line.count)
    if given is not None:
        return tuple(given), separator
    names = [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=separator), [])]
    seen: dict[str, int] = {}
    unique = []
    for name in (name or "unnamed" for name in names):
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return tuple(unique), separator


def _split(
    members: list[Found], names: tuple[str, ...], separator: str, *, header: bool
) -> tuple[pl.LazyFrame | None, list[Found]]:
    """Scan together what Polars reads whole; name the files that need the slow way."""
    fine = [found for found in members if not _cut_off(found, len(names), separator)]
    rows = _scan(fine, names, separator, header=header)
    if rows is not None and not _reads(rows):
        fine = [found for found in fine if _reads(_scan([found], names, separator, header=header))]
        rows = _scan(fine, names, separator, header=header)
    alone = [found for found in members if found not in fine]
    return rows, alone


def _scan(files: list[Found], names: tuple[str, ...], separator: str, *, header: bool) -> pl.LazyFrame | None:
    if not files:
        return None
    return pl.scan_csv(
        [found.path for found in files],
        has_header=header,
        schema=dict.fromkeys(names, pl.String()),
        separator=separator,
        empty_string_is_null=True,
        glob=False,
    )


def _reads(rows: pl.LazyFrame | None) -> bool:
    if rows is None:
        return False
    try:
        # Every column must be asked for: a line with too many fields is noticed only by a full reading.
        rows.select(pl.all().null_count()).collect()
    except pl.exceptions.PolarsError:
        return False
    return True


def _cut_off(found: Found, width: int, separator: str) -> bool:
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
        return len(next(csv.reader([last], delimiter=separator, strict=True), [])) < width
    except csv.Error:
        return True


def _slowly(
    found: Found, names: tuple[str, ...], separator: str, *, header: bool
) -> tuple[pl.DataFrame, list[Broken], str | None]:
    text, note = read_text(found)
    bad: list[Broken] = []
    rows: list[list[str | None]] = []
    complete = text.endswith("\n")
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    reader = csv.reader(io.StringIO(lines), delimiter=separator)
    limit = csv.field_size_limit(1 << 30)
    try:
        total = lines.count("\n") + (not complete)
        first = True
        for fields in reader:
            if first and header:
                first = False
                continue
            if not fields or (len(fields) == 1 and not fields[0].strip()):
                continue
            where = f"{found.path}:{reader.line_num}"
            shown = separator.join(fields)[:256]
            if len(fields) > len(names):
                bad.append((f"more than {len(names)} fields", where, shown))
            elif len(fields) < len(names) and not complete and reader.line_num >= total:
                bad.append(("half-written last line", where, shown))
            elif any("\n" in field and field.count(separator) >= len(names) - 1 for field in fields):
                # A quote that is never closed swallows the lines after it: each of them is a row not understood.
                swallowed = [line for line in shown.split("\n") if line.strip()]
                bad += [("a quote that is not closed", where, line) for line in swallowed]
            else:
                padded: list[str | None] = [field or None for field in fields]
                rows.append(padded + [None] * (len(names) - len(fields)))
    finally:
        csv.field_size_limit(limit)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String()), orient="row")
    return frame, bad, note


def _typed(rows: pl.LazyFrame, text: Collection[str]) -> pl.LazyFrame:
    """Type the columns all of whose values are whole numbers, numbers or truth values; the rest stays text."""
    sample = rows.head(SAMPLE).collect()
    tests: dict[str, tuple[pl.DataType, pl.Expr]] = {}
    for name in (name for name in sample.columns if name not in text):
        values = sample[name].drop_nulls()
        if values.is_empty():
            continue
        for dtype, test in _candidates(pl.col(name)):
            if not sample.select(test.any()).item():
                tests[name] = (dtype, test)
                break
    if not tests:
        return rows
    fails = rows.select(test.any().alias(name) for name, (_, test) in tests.items()).collect().row(0, named=True)
    casts = []
    for name, (dtype, _) in tests.items():
        if not fails[name]:
            casts.append(_cast(name, dtype))
        elif dtype == pl.Int64() and not _float_fails(rows, name):
            casts.append(_cast(name, pl.Float64()))
    return rows.with_columns(casts)


def _candidates(value: pl.Expr) -> list[tuple[pl.DataType, pl.Expr]]:
    """Pair each type with the test that finds values which it cannot hold without loss."""
    return [
        (pl.Int64(), value.is_not_null() & (value.cast(pl.Int64, strict=False).is_null() | _padded(value))),
        (pl.Float64(), _no_float(value)),
        (pl.Boolean(), value.is_not_null() & ~value.str.to_lowercase().is_in(TRUTH)),
    ]


def _padded(value: pl.Expr) -> pl.Expr:
    """Find numbers written with zeros in front or a plus: codes, not quantities."""
    return ((value.str.starts_with("0") | value.str.starts_with("-0")) & (value.str.len_bytes() > 1)) | (
        value.str.starts_with("+")
    )


def _no_float(value: pl.Expr) -> pl.Expr:
    padded = value.str.contains(r"^[+-]?0\d") | value.str.starts_with("+")
    number = value.cast(pl.Float64, strict=False)
    return value.is_not_null() & (number.is_null() | number.is_nan() | number.is_infinite() | padded)


def _float_fails(rows: pl.LazyFrame, name: str) -> bool:
    return bool(rows.select(_no_float(pl.col(name)).any()).collect().item())


def _cast(name: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Boolean():
        return pl.col(name).str.to_lowercase() == "true"
    return pl.col(name).cast(dtype)
