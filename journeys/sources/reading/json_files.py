"""JSON files → rows: lines, one array or objects on several lines, read in batches; rows that fail are salvaged."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence

import polars as pl

from journeys.sources.reading.decompress import UnreadableError
from journeys.sources.reading.files import SourceFile, decode_text, is_utf16, read_chunks, read_first_lines, read_text
from journeys.sources.reading.json_rows import (
    FieldPath,
    count_non_objects_by_field,
    count_read_keys,
    count_written_keys,
    describe_non_objects,
    drop_empty_objects,
    drop_repeated_keys,
    drop_unused_non_object,
    measure_nesting,
    parse_lines,
    preserve_digits,
    readable_schema,
    rename_pattern_keys,
    replace_half_characters,
    simplify_value,
)
from journeys.sources.reading.json_schema import (
    MAX_NESTING,
    NON_OBJECT,
    DType,
    Schema,
    can_widen,
    dtype_of_value,
    fields_of,
    has_pattern_name,
    is_deep,
    merge_dtypes,
    merge_schemas,
)
from journeys.sources.reading.row_store import Reject, Rejects, SpillBuffer, convert_rows

PIECE = 16 << 20
# An element that cannot be parsed with so much text after it is broken: more text would not help.
LONGEST_ELEMENT = 32 << 20
OUTSIDE, INSIDE = re.compile(r"\s*"), re.compile(r"[\s,]*")


class ArrayElements:
    r"""The elements of arrays as lines of text in UTF-8; what is not an element is a line as it stands.

    Examples
    --------
    >>> list(ArrayElements(iter([b'[{"a":\n1}, {"a"', b':2}]\n', b'[{"a": 3}]'])))
    [b'{"a": 1}\n{"a":2}\n{"a": 3}\n']
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks = _decode_blocks(blocks)
        self.text = ""
        self.position = 0
        self.fault: UnreadableError | None = None
        self.note: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        """Yield pieces of whole lines."""
        lines: list[str] = []
        size = 0
        for line in self._element_lines():
            lines.append(line)
            size += len(line)
            if size >= PIECE:
                yield "".join(lines).encode(errors="replace")
                lines, size = [], 0
        if lines:
            yield "".join(lines).encode(errors="replace")
        if self.fault is not None:
            raise self.fault

    def _element_lines(self) -> Iterator[str]:
        """Yield each element on one line; text that cannot be parsed as an element comes line by line."""
        inside = False
        while self._skip_separators(INSIDE if inside else OUTSIDE):
            mark = self.text[self.position]
            if mark == ("]" if inside else "["):
                inside = not inside
                self.position += 1
                continue
            if inside or mark == "{":
                end, left = _end_of_value(self.text, self.position), len(self.text) - self.position
                if ((end is None and left < LONGEST_ELEMENT) or end == len(self.text)) and self._read_more(left):
                    continue
                if end is not None:
                    yield self.text[self.position : end].replace("\r", " ").replace("\n", " ") + "\n"
                    self.position = end
                    continue
            yield self._take_line()

    def _take_line(self) -> str:
        """Return the text up to the next line end, however far away it is."""
        parts: list[str] = []
        while (cut := self.text.find("\n", self.position)) < 0:
            parts.append(self.text[self.position :])
            self.text, self.position = "", 0
            if not self._read_more():
                return "".join(parts)
        start, self.position = self.position, cut + 1
        return "".join([*parts, self.text[start : cut + 1]])

    def _skip_separators(self, between: re.Pattern[str]) -> bool:
        """Go to the next character that does not merely separate elements; False at the end."""
        while True:
            found = between.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return True
            if not self._read_more():
                return False

    def _read_more(self, at_least: int = 1) -> bool:
        """Read so many characters more; text that is parsed again doubles each time, so that the work stays linear."""
        texts: list[str] = []
        missing = at_least
        try:
            while missing > 0 and (more := next(self.blocks, None)) is not None:
                texts.append(more[0])
                missing -= len(more[0])
                self.note = more[1] or self.note
        except UnreadableError as error:  # what was read before it counts
            self.fault = error
        if texts:
            self.text, self.position = "".join([self.text[self.position :], *texts]), 0
        return bool(texts)


def needs_splitting(start: str) -> bool:
    r"""Return whether a file, by its start, is not one object per line: an array, or objects over or beside each other.

    Archives of streams write objects one after another, without a line end.

    Examples
    --------
    >>> [needs_splitting(start) for start in ('[{"a": 1}]', '{"a":\n1}', '{"a": 1}{"a": 2}', '{"a": 1}\n{"a": 2}')]
    [True, True, True, False]
    """
    text = start.lstrip()
    if text[:1] != "{":
        return text[:1] == "["
    end = _end_of_value(text, 0)
    if end is None:
        return text.split("\n", 1)[0].strip() == "{"
    return "\n" in text[:end] or text[end:].lstrip(" \t\r")[:1] == "{"


def _end_of_value(text: str, position: int) -> int | None:
    """Find the end of the value that starts at a position; None if there is no complete value."""
    try:
        return PARSE(text, position)[1]
    except (ValueError, RecursionError):
        return None


def _decode_blocks(blocks: Iterator[bytes]) -> Iterator[tuple[str, str | None]]:
    """Decode blocks; a character that the end of a block cuts in two is left to the next."""
    rest = b""
    for block in blocks:
        data = rest + block
        cut = len(data)
        while cut and data[cut - 1] >= 0x80:
            cut -= 1
        rest = data[cut:]
        yield decode_text(data[:cut])
    if rest:
        yield decode_text(rest)


HEAD = 1 << 19


def read_batch(
    piece: bytes, known: Schema, *, lines: int | None = None, has_unique_keys: bool = False
) -> tuple[pl.DataFrame, Schema] | None:
    """Read lines of JSON objects, and return them with the types of all fields seen so far; None if a line is broken.

    For example, with {"a": Int64} known, three batches::

        {"a": 1}             as many keys read as written: done
        {"a": 1, "b": 2}     fewer keys read than written: infer the types, merge them with the known ones, read again
        {"a": 1, "a": 2}     still fewer: an object may have a key twice, so the last one is kept and all is read again
    """
    if not piece[:64].strip() and not piece.strip():
        return pl.DataFrame(), known
    piece = replace_half_characters(piece)
    if lines is None:
        lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
    if not known and len(piece) > HEAD:
        # the first lines are usually like the others; where they are not, counting keys shows it
        head = piece[: piece.rfind(b"\n", 0, HEAD) + 1]
        known = (_infer_schema(head) or {}) if measure_nesting(head) <= MAX_NESTING else {}
        known = {} if is_deep(known) or has_pattern_name(known) else known
    written = count_written_keys(piece)
    frame = parse_lines(piece, known, lines=lines) if known else None
    if frame is not None and written is not None and written == count_read_keys(frame, known):
        return _finish_piece(piece, frame, known, lines=lines)
    if measure_nesting(piece) > MAX_NESTING:  # the time to infer such a schema grows with the square of the depth
        return None
    for find_schema in (_infer_schema, _infer_schema_by_value):
        found = find_schema(piece)
        if found is None:
            continue
        if is_deep(found):
            return None
        if has_pattern_name(found):
            renamed = rename_pattern_keys(piece)
            return None if renamed == piece else read_batch(renamed, known, lines=lines)
        types = merge_schemas([known, found])
        frame = parse_lines(piece, types, lines=lines)
        if frame is None:
            continue
        read = count_read_keys(frame, types)
        if find_schema is _infer_schema and written != read and _hides_objects(frame, types):
            continue
        if written is not None and (read or 0) < written and not has_unique_keys:
            unique = drop_repeated_keys(piece)
            if unique != piece:
                return read_batch(unique, known, lines=lines, has_unique_keys=True)
        # Polars reads 0 in one line and {} in the next as an object without fields: then look at every value
        if count_read_keys(frame, types, allow_text=True) is not None:
            return _finish_piece(piece, frame, types, lines=lines)
    return None


def is_readable(line: bytes) -> bool:
    """Return whether a line is a JSON object that can be read."""
    return read_batch(line, {}) is not None


def _finish_piece(piece: bytes, frame: pl.DataFrame, types: Schema, *, lines: int) -> tuple[pl.DataFrame, Schema]:
    frame, types = preserve_digits(piece, frame, types, lines=lines)
    return drop_empty_objects(frame, types), types


def _infer_schema(piece: bytes) -> Schema | None:
    """Infer the schema by Polars, which is fast; it may be wrong where a field is a number here and an object there."""
    try:
        return dict(pl.scan_ndjson(piece, infer_schema_length=None).collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        return None


def _infer_schema_by_value(piece: bytes) -> Schema | None:
    """Infer the schema value by value, which is slow and always right."""
    found: Schema = {}
    try:
        for line in piece.splitlines():
            value = json.loads(line) if line.strip() else {}
            if not isinstance(value, dict):
                return None
            for name, inner in value.items():
                dtype = dtype_of_value(inner)
                found[name] = merge_dtypes(found[name], dtype) if name in found else dtype
    except (ValueError, RecursionError):
        return None
    return found


def _hides_objects(frame: pl.DataFrame, types: Schema) -> bool:
    """Return whether a field that Polars inferred to be text is an object in some line."""
    return any(_hides_object(frame.get_column(name), dtype) for name, dtype in types.items())


def _hides_object(values: pl.Series, dtype: DType) -> bool:
    if isinstance(dtype, pl.Struct) and isinstance(values.dtype, pl.Struct):
        inside = fields_of(dtype)
        return NON_OBJECT in inside or any(_hides_object(part, inside[part.name]) for part in values.struct.unnest())
    return dtype == pl.String() and bool(values.str.contains(r"^\{.+\}$").any())


PARSE = json.JSONDecoder().raw_decode
TOO_DEEP = "JSON nested too deeply"


def read_json_files(files: Sequence[SourceFile], *, rejects: Rejects) -> tuple[pl.LazyFrame | None, list[str]]:
    """Read NDJSON files, or files that are JSON arrays, with one schema for all; broken lines are rejected.

    Every piece is read with the types known so far. If a later piece has a type to which the rows before it cannot be
    converted, such as text where numbers were, all files are read again with the types that are known by then.
    """
    reader = _Reader({}, rejects)
    for file in files:
        reader.read_file(file)
    if not reader.is_convertible:
        reader = _Reader(reader.types, Rejects())
        for file in files:
            reader.read_file(file)
    tables = reader.rows.list_tables()
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

    def read_file(self, file: SourceFile) -> None:
        """Read one file, piece by piece."""
        line, note = 1, None
        try:
            note = "UTF-16" if is_utf16(file) else None
            elements = ArrayElements(read_text(file))
            for piece in elements if needs_splitting(read_first_lines(file)) else read_chunks(file):
                lines = piece.count(b"\n") + (not piece.endswith(b"\n"))
                if not self._keep_rows(piece, lines=lines):
                    note = self._salvage_lines(piece, file, line) or note
                line += lines
            note = note or elements.note
        except UnreadableError as error:
            self.rejects.add_file(file.path, error)
            return
        if note:
            self.notes.append(f"{file.path.name} was read as {note}")

    def _keep_rows(self, piece: bytes, *, lines: int | None = None) -> bool:
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
        self.rows.add_rows(frame, mark=len(self.schemas) - 1)
        return True

    def _salvage_lines(self, piece: bytes, file: SourceFile, first_line: int) -> str | None:
        """Read a piece line by line: the good lines are kept, the others rejected with reason and place."""
        text, note = decode_text(piece)
        objects: list[tuple[bytes, str]] = []
        rejected: list[Reject] = []
        for number, line, problem in _split_lines(text):
            place = f"{file.path}:{first_line + number - 1}"
            if problem is None:
                objects.append((line.encode(errors="replace"), place))
            else:
                rejected.append((problem, place, line))
        if objects and not self._keep_rows(_join_lines(objects)):
            # the two parsers differ in rare cases: NaN, very large numbers, very deep nesting
            plain: list[tuple[bytes, str]] = []
            for written, place in objects:
                try:
                    plain.append((json.dumps(simplify_value(json.loads(written))).encode(), place))
                except RecursionError:
                    rejected.append((TOO_DEEP, place, written.decode()))
            if not self._keep_rows(_join_lines(plain)):
                readable = [is_readable(written) for written, _ in plain]
                for (written, place), is_good in zip(plain, readable, strict=True):
                    rejected += [] if is_good else [("JSON that cannot be read", place, written.decode())]
                self._keep_rows(_join_lines([row for row, is_good in zip(plain, readable, strict=True) if is_good]))
        self.rejects.add_rows(rejected)
        return note


def _join_lines(lines: Sequence[tuple[bytes, str]]) -> bytes:
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
