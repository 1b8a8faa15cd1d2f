"""JSON on which parsers disagree, rewritten so that all agree: half characters, repeated keys, extreme values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

from journeys.sources.reading.json_schema import INT64_LIMIT, MAX_NESTING
from journeys.sources.reading.literal_names import literal_name

__all__ = ["drop_repeated_keys", "rename_pattern_keys", "replace_half_characters", "simplify"]

# The two halves of a surrogate pair are written as \ud83d\ude00; either one alone is half a character.
ESCAPE = rb"(?<!\\)\\u[dD]"
HIGH, LOW = rb"[89abAB][0-9a-fA-F]{2}", rb"[c-fC-F][0-9a-fA-F]{2}"
HALF = re.compile(rb"%b(?:%b(?!\\u[dD]%b)|(?<!\\u[dD]%b\\u[dD])%b)" % (ESCAPE, HIGH, LOW, HIGH, LOW))
# A key that starts like a pattern, also with escaped characters.
PATTERN_KEY = re.compile(rb'"(?:\*|\^|\\u00)')
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


def rename_pattern_keys(piece: bytes) -> bytes:
    """Rename keys that Polars would take for patterns of column names.

    Examples
    --------
    >>> rename_pattern_keys(b'{"*": 1, "a": {"^b$": 2}}')
    b'{"(*)": 1, "a": {"(^b$)": 2}}'
    """

    def rename(pairs: list[tuple[str, object]]) -> dict[str, object]:
        return {literal_name(key): value for key, value in pairs}

    return _rewrite_lines(piece, lambda line: PATTERN_KEY.search(line) is not None, hook=rename)


def simplify(value: object, *, depth: int = 0) -> object:
    """Make a value readable for any JSON parser: no NaN, no number beyond 64 bits, no very deep nesting.

    Examples
    --------
    >>> simplify({"a": float("nan"), "b": [2**64, 1]})
    {'a': None, 'b': ['18446744073709551616', 1]}
    """
    if isinstance(value, dict | list) and depth > MAX_NESTING // 2:
        return json.dumps(value)
    if isinstance(value, dict):
        return {key: simplify(inner, depth=depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        return [simplify(inner, depth=depth + 1) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and not -INT64_LIMIT <= value < INT64_LIMIT:
        return str(value)
    return value


Hook = Callable[[list[tuple[str, object]]], object]


def _rewrite_lines(piece: bytes, needs_repair: Callable[[bytes], bool], *, hook: Hook | None = None) -> bytes:
    return b"\n".join(_rewrite(line, hook) if needs_repair(line) else line for line in piece.split(b"\n"))


def _rewrite(line: bytes, hook: Hook | None) -> bytes:
    try:
        value = json.loads(line, object_pairs_hook=hook)
        return SURROGATE.sub("\ufffd", json.dumps(value, ensure_ascii=False)).encode()
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
