"""Newline-delimited JSON: types from every line, broken lines set aside, nothing held that need not be.

Files that parse are scanned lazily. A file with a broken line is cleaned once, in memory, line by line; its broken
lines become rows of their own with the reason and the place.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from journeys.sources.reading.dtypes import merge_schemas
from journeys.sources.reading.find import Found
from journeys.sources.reading.schemas import Schema, readable_schema, sound_schema
from journeys.sources.reading.text import UnreadableError, chunks, first_lines, read_text

__all__ = ["Broken", "read_ndjson"]

LARGEST = 1 << 63
DEEPEST = 60
SHOWN = 256
PIECE = 50_000

Broken = tuple[str, str, str]
"""A row that could not be read: reason, place, the text itself (cut)."""


def read_ndjson(files: Sequence[Found]) -> tuple[pl.LazyFrame | None, list[Broken], list[str]]:
    """Scan NDJSON files (or files that are one JSON array) with one schema for all of them."""
    schemas: list[Schema] = []
    parts: list[Found | bytes] = []
    broken: list[Broken] = []
    notes: list[str] = []
    for found in files:
        schema = _schema(found)
        if schema is None:
            try:
                clean, bad, note = _clean(found)
            except UnreadableError as error:
                broken.append((f"unreadable file: {error}"[:120], str(found.path), ""))
                continue
            broken += bad
            notes += [f"{found.path.name} was read as {note}"] if note else []
            schemas += [schema for _, schema in clean]
            parts += [piece for piece, _ in clean]
        elif schema:
            schemas.append(schema)
            parts.append(found)
    if not parts:
        return None, broken, notes
    schema = readable_schema(merge_schemas(schemas))
    return pl.concat([_scan(part, schema) for part in _runs(parts)]), broken, notes


def _runs(parts: Sequence[Found | bytes]) -> Iterator[list[Found] | bytes]:
    """Join neighbouring files to one scan: a thousand small scans cost more than one of a thousand files."""
    run: list[Found] = []
    for part in parts:
        if isinstance(part, bytes):
            if run:
                yield run
                run = []
            yield part
        else:
            run.append(part)
    if run:
        yield run


def _scan(part: list[Found] | bytes, schema: Schema) -> pl.LazyFrame:
    source = part if isinstance(part, bytes) else [found.path for found in part]
    return pl.scan_ndjson(source, schema=schema)


def _schema(found: Found) -> Schema | None:
    """Find the schema of a whole file; None when any line of it is broken."""
    try:
        if first_lines(found, size=4096).lstrip()[:1] == "[":
            return None
        with ThreadPoolExecutor(max_workers=4) as pool:
            schemas: list[Schema | None] = []
            pending = []
            for chunk in chunks(found):
                pending.append(pool.submit(sound_schema, chunk))
                if len(pending) >= 4:  # few pieces at a time: the memory stays that of four pieces
                    schemas.append(pending.pop(0).result())
                    if schemas[-1] is None:
                        return None
            schemas += [job.result() for job in pending]
    except UnreadableError:
        return None
    whole = [schema for schema in schemas if schema is not None]
    return merge_schemas(whole) if len(whole) == len(schemas) else None


def _clean(found: Found) -> tuple[list[tuple[bytes, Schema]], list[Broken], str | None]:
    """Read a file line by line: the good lines in pieces with their schemas, the bad ones with reason and place."""
    text, note = read_text(found)
    good: list[str] = []
    bad: list[Broken] = []
    for number, line, item in _items(text):
        where = f"{found.path}:{number}"
        if isinstance(item, _Unreadable):
            bad.append((item.reason, where, line[:SHOWN]))
        elif not isinstance(item, dict):
            bad.append(("JSON, but not an object", where, line[:SHOWN]))
        else:
            good.append(line)
    kept: list[tuple[bytes, Schema]] = []
    for start in range(0, len(good), PIECE):
        lines = [line.encode(errors="replace") for line in good[start : start + PIECE]]
        if not _keep(lines, kept):
            # The two parsers differ in rare corners: NaN, numbers without end, bottomless nesting.
            lines = [json.dumps(_tame(json.loads(line), 0)).encode() for line in lines]
            if not _keep(lines, kept):
                fine = [sound_schema(line) is not None for line in lines]
                aside = [line for line, is_fine in zip(lines, fine, strict=True) if not is_fine]
                bad += [("JSON that cannot be read", str(found.path), line[:SHOWN].decode()) for line in aside]
                _keep([line for line, is_fine in zip(lines, fine, strict=True) if is_fine], kept)
    return kept, bad, note


def _keep(lines: list[bytes], kept: list[tuple[bytes, Schema]]) -> bool:
    piece = b"\n".join(lines) + b"\n"
    schema = sound_schema(piece)
    if schema:
        kept.append((piece, schema))
    return schema is not None


class _Unreadable:
    def __init__(self, reason: str) -> None:
        self.reason = reason


def _items(text: str) -> Iterator[tuple[int, str, object]]:
    """Yield (line number, text, parsed value or why not) for each line, or for each element of JSON arrays."""
    if text.lstrip()[:1] == "[":
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError):
            pass
        else:
            yield from ((place, json.dumps(item), item) for place, item in enumerate(whole, start=1))
            return
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
            yield number, stripped, _Unreadable("half-written last line" if number == len(lines) else "broken JSON")
        else:
            # Webhooks arrive in batches: one array of calls a line.
            if isinstance(value, list):
                yield from ((number, json.dumps(one), one) for one in value)
            else:
                yield number, stripped, value


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
