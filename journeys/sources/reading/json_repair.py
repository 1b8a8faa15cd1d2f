"""JSON on which parsers disagree, rewritten so that all agree: half characters, and keys that occur twice."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

__all__ = ["drop_repeated_keys", "replace_half_characters"]

# The two halves of a surrogate pair are written as \ud83d\ude00; either one alone is half a character.
ESCAPE = rb"(?<!\\)\\u[dD]"
HIGH, LOW = rb"[89abAB][0-9a-fA-F]{2}", rb"[c-fC-F][0-9a-fA-F]{2}"
HALF = re.compile(rb"%b(?:%b(?!\\u[dD]%b)|(?<!\\u[dD]%b\\u[dD])%b)" % (ESCAPE, HIGH, LOW, HIGH, LOW))
SURROGATE = re.compile("[\ud800-\udfff]")


def replace_half_characters(piece: bytes) -> bytes:
    r"""Replace an escaped half of a character by U+FFFD; it would become a zero byte or an error.

    Examples
    --------
    >>> replace_half_characters(rb'{"a": "\ud83d"}'), replace_half_characters(rb'{"a": "\ud83d\ude00"}')
    (b'{"a": "\xef\xbf\xbd"}', b'{"a": "\\ud83d\\ude00"}')
    """
    if b"\\ud" not in piece and b"\\uD" not in piece:
        return piece
    return _rewrite_lines(piece, lambda line: HALF.search(line) is not None) if HALF.search(piece) else piece


def drop_repeated_keys(piece: bytes) -> bytes:
    """Keep the last one of the keys that an object has twice, as most parsers do.

    Examples
    --------
    >>> drop_repeated_keys(b'{"a": 1, "b": {"c": 2, "c": 3}, "a": 4}')
    b'{"a": 4, "b": {"c": 3}}'
    """
    return _rewrite_lines(piece, _has_repeated_key)


def _rewrite_lines(piece: bytes, needs_repair: Callable[[bytes], bool]) -> bytes:
    return b"\n".join(_rewrite(line) if needs_repair(line) else line for line in piece.split(b"\n"))


def _rewrite(line: bytes) -> bytes:
    try:
        return SURROGATE.sub("\ufffd", json.dumps(json.loads(line), ensure_ascii=False)).encode()
    except (ValueError, RecursionError):
        return line


def _has_repeated_key(line: bytes) -> bool:
    found = False

    def check(pairs: list[tuple[str, object]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) < len(pairs)

    try:
        json.loads(line, object_pairs_hook=check)
    except (ValueError, RecursionError):
        return False
    return found
