"""Files that are JSON arrays, element by element: one a line, whatever the array's size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from journeys.sources.reading.text import UnreadableError, decoded

__all__ = ["Elements", "spread"]

PIECE = 16 << 20
# An element that cannot be read with so much text after it is broken: more text would not help.
ENOUGH = 32 << 20
READ = json.JSONDecoder().raw_decode
OUTSIDE, INSIDE = re.compile(r"\s*"), re.compile(r"[\s,]*")


class Elements:
    r"""The elements of arrays as lines of text in UTF-8; what is no element is a line as it is.

    Examples
    --------
    >>> list(Elements(iter([b'[{"a":\n1}, {"a"', b':2}]\n', b'[{"a": 3}]'])))
    [b'{"a": 1}\n{"a":2}\n{"a": 3}\n']
    """

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self.blocks = _texts(blocks)
        self.text = ""
        self.place = 0
        self.damage: UnreadableError | None = None
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
        if self.damage is not None:
            raise self.damage

    def _lines(self) -> Iterator[str]:
        inside = False
        while self._at_text(INSIDE if inside else OUTSIDE):
            mark = self.text[self.place]
            if mark == ("]" if inside else "["):
                inside = not inside
                self.place += 1
                continue
            if inside or mark == "{":
                end, left = _end(self.text, self.place), len(self.text) - self.place
                if ((end is None and left < ENOUGH) or end == len(self.text)) and self._more():
                    continue
                if end is not None:
                    yield self.text[self.place : end].replace("\r", " ").replace("\n", " ") + "\n"
                    self.place = end
                    continue
            while (cut := self.text.find("\n", self.place)) < 0 and self._more():
                pass
            start, self.place = self.place, len(self.text) if cut < 0 else cut + 1
            yield self.text[start : self.place]

    def _at_text(self, between: re.Pattern[str]) -> bool:
        """Go on to the next thing that is more than what stands between elements; False at the end."""
        while True:
            found = between.match(self.text, self.place)
            self.place = found.end() if found else self.place
            if self.place < len(self.text):
                return True
            if not self._more():
                return False

    def _more(self) -> bool:
        try:
            more = next(self.blocks, None)
        except UnreadableError as error:  # what was read before stands: the end of it is the end of the file
            more, self.damage = None, error
        if more is None:
            return False
        text, note = more
        self.text, self.place = self.text[self.place :] + text, 0
        self.note = note or self.note
        return True


def spread(start: str) -> bool:
    r"""Tell by its start whether a file is not one object a line: an array, an object over lines, several in a line.

    Archives of streams write objects one after the other, without a line end.

    Examples
    --------
    >>> spread('[{"a": 1}]'), spread('{"a":\n1}'), spread('{"a": 1}{"a": 2}'), spread('{"a": 1}\n{"a": 2}')
    (True, True, True, False)
    """
    text = start.lstrip()
    if text[:1] != "{":
        return text[:1] == "["
    end = _end(text, 0)
    if end is None:
        return text.split("\n", 1)[0].strip() == "{"
    return "\n" in text[:end] or text[end:].lstrip(" \t\r")[:1] == "{"


def _end(text: str, place: int) -> int | None:
    """Find where the value that starts at a place ends; None when there is none."""
    try:
        return READ(text, place)[1]
    except (ValueError, RecursionError):
        return None


def _texts(blocks: Iterator[bytes]) -> Iterator[tuple[str, str | None]]:
    """Decode blocks; a character that a block's end cuts in two is left to the next."""
    rest = b""
    for block in blocks:
        data = rest + block
        cut = len(data)
        while cut and data[cut - 1] >= 0x80:
            cut -= 1
        rest = data[cut:]
        yield decoded(data[:cut])
    if rest:
        yield decoded(rest)
