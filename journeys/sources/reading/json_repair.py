"""JSON that parsers disagree about, written so that all read the same: half characters, and keys that come twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

__all__ = ["once_each", "whole_characters"]

ESCAPE = rb"(?<!\\)\\u[dD]"
HIGH, LOW = rb"[89abAB][0-9a-fA-F]{2}", rb"[c-fC-F][0-9a-fA-F]{2}"
HALF = re.compile(rb"%b(?:%b(?!\\u[dD]%b)|(?<!\\u[dD]%b\\u[dD])%b)" % (ESCAPE, HIGH, LOW, HIGH, LOW))
SURROGATE = re.compile("[\ud800-\udfff]")


def whole_characters(piece: bytes) -> bytes:
    r"""Put U+FFFD in the place of an escaped half of a character, which would become a zero byte or an error.

    Examples
    --------
    >>> whole_characters(rb'{"a": "\ud83d"}'), whole_characters(rb'{"a": "\ud83d\ude00"}')
    (b'{"a": "\xef\xbf\xbd"}', b'{"a": "\\ud83d\\ude00"}')
    """
    if b"\\ud" not in piece and b"\\uD" not in piece:
        return piece
    return _each_line(piece, lambda line: HALF.search(line) is not None) if HALF.search(piece) else piece


def once_each(piece: bytes) -> bytes:
    """Keep of keys that an object has twice the last one, as most parsers do.

    Examples
    --------
    >>> once_each(b'{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}')
    b'{"a": 4, "b": {"c": 3}}'
    """
    return _each_line(piece, _repeats)


def _each_line(piece: bytes, odd: Callable[[bytes], bool]) -> bytes:
    return b"\n".join(_rewritten(line) if odd(line) else line for line in piece.split(b"\n"))


def _rewritten(line: bytes) -> bytes:
    try:
        return SURROGATE.sub("\ufffd", json.dumps(json.loads(line), ensure_ascii=False)).encode()
    except (ValueError, RecursionError):
        return line


def _repeats(line: bytes) -> bool:
    seen = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal seen
        seen = seen or len({key for key, _ in pairs}) < len(pairs)

    try:
        json.loads(line, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return False
    return seen
