"""Files that are JSON arrays, or objects that do not have a line each: element by element, whatever the file's size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from journeys.sources.reading.text import UnreadableError, decode

__all__ = ["ArrayElements", "needs_splitting"]

PIECE = 16 << 20
# An element that cannot be parsed with so much text after it is broken: more text would not help.
LONGEST_ELEMENT = 32 << 20
PARSE = json.JSONDecoder().raw_decode
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
        for line in self._lines():
            lines.append(line)
            size += len(line)
            if size >= PIECE:
                yield "".join(lines).encode(errors="replace")
                lines, size = [], 0
        if lines:
            yield "".join(lines).encode(errors="replace")
        if self.fault is not None:
            raise self.fault

    def _lines(self) -> Iterator[str]:
        """Yield each element on one line; text that cannot be parsed as an element comes line by line."""
        inside = False
        while self._skip(INSIDE if inside else OUTSIDE):
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

    def _skip(self, between: re.Pattern[str]) -> bool:
        """Go to the next character that does not merely separate elements; False at the end."""
        while True:
            found = between.match(self.text, self.position)
            self.position = found.end() if found else self.position
            if self.position < len(self.text):
                return True
            if not self._read_more():
                return False

    def _read_more(self, at_least: int = 1) -> bool:
        """Read so many characters more; what is parsed again is doubled each time, so that the work stays linear."""
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
    r"""Tell by its start whether a file is not one object per line: an array, an object over lines, several in a line.

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
        yield decode(data[:cut])
    if rest:
        yield decode(rest)
