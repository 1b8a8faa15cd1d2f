"""JSON files, read once: types from every line, broken lines rejected, a few pieces in memory at a time."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from journeys.sources.reading.concat import convert_rows
from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.json_array import ArrayElements, needs_splitting
from journeys.sources.reading.json_batch import is_readable, read_batch
from journeys.sources.reading.json_repair import simplify
from journeys.sources.reading.json_rows import (
    FieldPath,
    count_non_objects_by_field,
    describe_non_objects,
    drop_unused_non_object,
    readable_schema,
)
from journeys.sources.reading.json_schema import Schema, can_widen
from journeys.sources.reading.rejects import Reject, Rejects
from journeys.sources.reading.spill import SpillBuffer
from journeys.sources.reading.text import (
    UnreadableError,
    decode,
    is_utf16,
    read_chunks,
    read_first_lines,
    read_text,
)

__all__ = ["read_json_files"]

PARSE = json.JSONDecoder().raw_decode
TOO_DEEP = "JSON nested too deeply"


def read_json_files(files: Sequence[SourceFile], *, rejects: Rejects) -> tuple[pl.LazyFrame | None, list[str]]:
    """Read NDJSON files, or files that are JSON arrays, with one schema for all; broken lines are rejected.

    Every piece is read with the types known so far. If a later piece has a type to which the rows before it cannot be
    converted, such as text where numbers were, all files are read again with the types that are known by then.
    """
    reader = _Reader({}, rejects)
    for file in files:
        reader.read(file)
    if not reader.is_convertible:
        reader = _Reader(reader.types, Rejects())
        for file in files:
            reader.read(file)
    tables = reader.rows.tables()
    if not tables:
        return None, reader.notes
    mixed = {path: rows for path, rows in reader.non_objects.items() if rows}
    reader.notes += [describe_non_objects(path, rows) for path, rows in mixed.items()]
    wanted = readable_schema(drop_unused_non_object(reader.types, mixed))
    return pl.concat([convert_rows(rows, wanted) for _, rows in tables]), reader.notes


class _Reader:
    """The rows read so far, each with the number of the schema that was known when it was read."""

    def __init__(self, types: Schema, rejects: Rejects) -> None:
        self.types, self.rejects = types, rejects
        self.schemas: list[Schema] = [types]
        self.rows: SpillBuffer[int] = SpillBuffer()
        self.notes: list[str] = []
        self.is_convertible = True
        self.non_objects: Counter[FieldPath] = Counter()

    def read(self, file: SourceFile) -> None:
        """Read one file, piece by piece."""
        line, note = 1, None
        try:
            note = "UTF-16" if is_utf16(file) else None
            elements = ArrayElements(read_text(file))
            for piece in elements if needs_splitting(read_first_lines(file)) else read_chunks(file):
                lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
                if not self._keep(piece, lines=lines):
                    note = self._salvage(piece, file, line) or note
                line += lines
            note = note or elements.note
        except UnreadableError as error:
            self.rejects.add_file(file.path, error)
            return
        if note:
            self.notes.append(f"{file.path.name} was read as {note}")

    def _keep(self, piece: bytes, *, lines: int | None = None) -> bool:
        """Read a piece and keep its rows; False if a line of it is broken."""
        read = read_batch(piece, self.types, lines=lines)
        if read is None:
            return False
        frame, types = read
        if types != self.types:
            self.is_convertible &= all(can_widen(old, types[name]) for name, old in self.types.items())
            self.types = types
            self.schemas.append(types)
        self.non_objects.update(count_non_objects_by_field(frame))
        self.rows.add(frame, mark=len(self.schemas) - 1)
        return True

    def _salvage(self, piece: bytes, file: SourceFile, first_line: int) -> str | None:
        """Read a piece line by line: the good lines are kept, the others rejected with reason and place."""
        text, note = decode(piece)
        good: list[tuple[bytes, str]] = []
        bad: list[Reject] = []
        for number, line, problem in _split_lines(text):
            place = f"{file.path}:{first_line + number - 1}"
            if problem is None:
                good.append((line.encode(errors="replace"), place))
            else:
                bad.append((problem, place, line))
        if good and not self._keep(_join(good)):
            # the two parsers differ in rare cases: NaN, very large numbers, very deep nesting
            plain: list[tuple[bytes, str]] = []
            for written, place in good:
                try:
                    plain.append((json.dumps(simplify(json.loads(written))).encode(), place))
                except RecursionError:
                    bad.append((TOO_DEEP, place, written.decode()))
            if not self._keep(_join(plain)):
                readable = [is_readable(written) for written, _ in plain]
                for (written, place), is_good in zip(plain, readable, strict=True):
                    bad += [] if is_good else [("JSON that cannot be read", place, written.decode())]
                self._keep(_join([row for row, is_good in zip(plain, readable, strict=True) if is_good]))
        self.rejects.add(bad)
        return note


def _join(lines: Sequence[tuple[bytes, str]]) -> bytes:
    return b"\n".join(line for line, _ in lines) + b"\n"


def _split_lines(text: str) -> Iterator[tuple[int, str, str | None]]:
    """Yield (line number, text, None or the problem) for each JSON object in a text.

    For example::

        {"a": 1}            an object
        {"a": 1}{"a": 2}    two objects
        [{"a": 1}, 7]       an object (webhooks arrive in batches), and a value that is "JSON, but not an object"
        {"a":               "broken JSON"
    """
    lines = text.split("\n")
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line:
            continue
        try:
            values, rest = _split_line(line)
        except RecursionError:
            yield number, line, TOO_DEEP
            continue
        for written, is_object in values:
            yield number, written, None if is_object else "JSON, but not an object"
        if rest:
            yield number, rest, "half-written last line" if number == len(lines) else "broken JSON"


def _split_line(line: str) -> tuple[list[tuple[str, bool]], str]:
    """Split the values in a line, each with whether it is an object; what cannot be parsed is returned as it is."""
    try:
        value = json.loads(line)
    except ValueError:
        objects, rest = _split_objects(line)
        return [(json.dumps(one), True) for one in objects], rest
    if isinstance(value, list):
        return [(json.dumps(one), isinstance(one, dict)) for one in value], ""
    return [(line, isinstance(value, dict))], ""


def _split_objects(line: str) -> tuple[list[object], str]:
    """Split objects that follow each other in a line; what cannot be parsed is returned as it is."""
    found: list[object] = []
    position = 0
    while line.startswith("{", position):
        try:
            value, position = PARSE(line, position)
        except (ValueError, RecursionError):
            break
        found.append(value)
        while line[position : position + 1].isspace():
            position += 1
    return found, line[position:]
