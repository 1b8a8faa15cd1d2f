"""Newline-delimited JSON, read once: types from every line, broken lines set aside, memory that of a few pieces."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.json_array import Elements, spread
from journeys.sources.reading.json_batch import read_piece, widened, widens
from journeys.sources.reading.json_rows import Path, Schema, beside, no_object, readable_schema, without_rest
from journeys.sources.reading.rejects import Broken, add_rejects
from journeys.sources.reading.spill import SpillBuffer
from journeys.sources.reading.text import UnreadableError, blocks, chunks, decoded, first_lines, wide

__all__ = ["read_ndjson"]

READ = json.JSONDecoder().raw_decode
LARGEST = 1 << 63
DEEPEST = 60
SHOWN = 256


def read_ndjson(files: Sequence[SourceFile], *, rejects: SpillBuffer[str]) -> tuple[pl.LazyFrame | None, list[str]]:
    """Read NDJSON files (or files that are JSON arrays) with one schema for all; broken lines go aside.

    Every piece is read with the types known so far. Where a later one teaches a type that the rows before it cannot be
    turned into, such as text where numbers were, all is read again with the types that are known by then.
    """
    reader = _Reader({}, rejects)
    for found in files:
        reader.read(found)
    if not reader.wide_enough:
        again = _Reader(reader.types, SpillBuffer())
        for found in files:
            again.read(found)
        reader = again
    tables = reader.rows.tables()
    if not tables:
        return None, reader.notes
    reader.notes += [no_object(path, rows) for path, rows in reader.beside.items() if rows]
    final = without_rest(reader.types, [path for path, rows in reader.beside.items() if rows])
    return pl.concat([_as_wanted(rows, reader.known[number], final) for number, rows in tables]), reader.notes


def _as_wanted(rows: pl.LazyFrame, types: Schema, final: Schema) -> pl.LazyFrame:
    wanted = readable_schema(final)
    if readable_schema(types) == wanted:
        return rows.select(list(wanted))
    new = [widened(pl.col(name), types.get(name), final[name]).alias(name) for name in wanted if name in final]
    return rows.with_columns(new).select(list(wanted))


class _Reader:
    """Rows read so far, with the types that were known when they were."""

    def __init__(self, types: Schema, rejects: SpillBuffer[str]) -> None:
        self.types, self.rejects = types, rejects
        self.known: list[Schema] = [types]
        self.rows: SpillBuffer[int] = SpillBuffer()
        self.notes: list[str] = []
        self.wide_enough = True
        self.beside: Counter[Path] = Counter()

    def read(self, found: SourceFile) -> None:
        """Read one file, piece by piece."""
        line, note = 1, None
        try:
            note = "UTF-16" if wide(found) else None
            elements = Elements(blocks(found))
            for piece in elements if spread(first_lines(found)) else chunks(found):
                lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
                if not self._keep(piece, lines=lines):
                    note = self._clean(piece, found, line) or note
                line += lines
            note = note or elements.note
        except UnreadableError as error:
            add_rejects(self.rejects, [(f"unreadable file: {error}"[:120], str(found.path), "")])
            return
        if note:
            self.notes.append(f"{found.path.name} was read as {note}")

    def _keep(self, piece: bytes, *, lines: int | None = None) -> bool:
        read = read_piece(piece, self.types, lines=lines)
        if read is None:
            return False
        frame, types = read
        if types != self.types:
            self.wide_enough &= all(widens(old, types[name]) for name, old in self.types.items())
            self.types = types
            self.known.append(types)
        self.beside.update(beside(frame))
        self.rows.add(frame, mark=len(self.known) - 1)
        return True

    def _clean(self, piece: bytes, found: SourceFile, first: int) -> str | None:
        """Read a piece line by line: the good lines are kept, the bad ones go aside with reason and place."""
        text, note = decoded(piece)
        good: list[str] = []
        bad: list[Broken] = []
        for number, line, item in _items(text):
            where = f"{found.path}:{first + number - 1}"
            if isinstance(item, _Unreadable):
                bad.append((item.reason, where, line[:SHOWN]))
            elif not isinstance(item, dict):
                bad.append(("JSON, but not an object", where, line[:SHOWN]))
            else:
                good.append(line)
        lines = [line.encode(errors="replace") for line in good]
        if lines and not self._keep(_joined(lines)):
            # The two parsers differ in rare corners: NaN, numbers without end, bottomless nesting.
            lines = [json.dumps(_tame(json.loads(line), 0)).encode() for line in lines]
            if not self._keep(_joined(lines)):
                fine = [read_piece(line, {}) is not None for line in lines]
                aside = [line for line, is_fine in zip(lines, fine, strict=True) if not is_fine]
                bad += [("JSON that cannot be read", str(found.path), line[:SHOWN].decode()) for line in aside]
                self._keep(_joined([line for line, is_fine in zip(lines, fine, strict=True) if is_fine]))
        add_rejects(self.rejects, bad)
        return note


def _joined(lines: Sequence[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


class _Unreadable:
    def __init__(self, reason: str) -> None:
        self.reason = reason


def _items(text: str) -> Iterator[tuple[int, str, object]]:
    """Yield (line number, text, parsed value or why not) for each line."""
    lines = text.split("\n")
    for number, line in enumerate(lines, start=1):
        stripped = line.strip()
        if not stripped:
            continue
        try:
            value = json.loads(stripped)
        except RecursionError:
            yield number, stripped, _Unreadable("JSON nested too deeply")
        except ValueError:
            several, rest = _several(stripped)
            yield from ((number, json.dumps(one), one) for one in several)
            if rest:
                yield number, rest, _Unreadable("half-written last line" if number == len(lines) else "broken JSON")
        else:
            # Webhooks arrive in batches: one array of calls a line.
            if isinstance(value, list):
                yield from ((number, json.dumps(one), one) for one in value)
            else:
                yield number, stripped, value


def _several(line: str) -> tuple[list[object], str]:
    """Take apart objects that follow each other in a line; what is left of it is broken."""
    found: list[object] = []
    place = 0
    while line.startswith("{", place):
        try:
            value, place = READ(line, place)
        except (ValueError, RecursionError):
            break
        found.append(value)
        while line[place : place + 1].isspace():
            place += 1
    return found, line[place:]


def _tame(value: object, depth: int) -> object:
    """Make a value readable for any JSON parser: no NaN, no number beyond 64 bits, no bottomless nesting."""
    if isinstance(value, dict):
        if depth > DEEPEST:
            return json.dumps(value)
        return {key: _tame(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return json.dumps(value) if depth > DEEPEST else [_tame(inner, depth + 1) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and not -LARGEST <= value < LARGEST:
        return str(value)
    return value
