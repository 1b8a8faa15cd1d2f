"""What the first bytes of a file tell: its compression, the encoding of its text, its format."""

from __future__ import annotations

import re

__all__ = ["detect_compression", "detect_format", "has_columns", "is_json", "is_markup", "utf16_codec"]

MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"))
BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")
# An object with a key, or a list of objects: no delimited table starts like this.
JSON = re.compile(r'\ufeff?\s*(?:\[\s*)*(?:\{\s*["}]|\[\s*\])')
CONTROL_CHARACTERS = bytes(byte for byte in range(32) if byte not in (9, 10, 11, 12, 13, 27))
SEPARATORS = ",;\t|"


def detect_compression(head: bytes) -> str | None:
    """Name the compression: gzip, zstd, zip or none."""
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


def utf16_codec(head: bytes) -> str | None:
    r"""Name the codec of UTF-16 text, by its byte order mark or because every second byte of Latin text is zero.

    Examples
    --------
    >>> utf16_codec("a,b".encode("utf-16-le")), utf16_codec("a,b".encode("utf-16")), utf16_codec(b"a,b\x00")
    ('utf-16-le', 'utf-16', None)
    """
    if head[:2] in BYTE_ORDER_MARKS:
        return "utf-16"
    start = head[:64]
    start = start[: len(start) // 2 * 2]
    even, odd = start[::2], start[1::2]
    if len(start) >= 4 and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(start) >= 4 and not any(even) and all(odd) else None


def detect_format(head: bytes) -> str | None:
    r"""Name the format of decompressed bytes: parquet, ipc, ndjson or csv; None if they are not text.

    Examples
    --------
    >>> [detect_format(head) for head in (b'{"a": 1}', b"[{\n", b"a,b\n1,2", b"PAR1", bytes(range(64)))]
    ['ndjson', 'ndjson', 'csv', 'parquet', None]
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1"):
        return "ipc"
    odd = len(head) - len(head.translate(None, CONTROL_CHARACTERS))
    if utf16_codec(head) is None and (head.startswith(b"%PDF") or 20 * odd > len(head)):
        return None
    return "ndjson" if _decode(head).lstrip("\ufeff\t\r\n ")[:1] in ("{", "[") else "csv"


def is_json(head: bytes) -> bool:
    """Tell whether text is JSON, whatever the name of its file."""
    return JSON.match(_decode(head)) is not None


def is_markup(head: bytes) -> bool:
    r"""Tell whether text is XML or HTML: what a server answers when a file is missing.

    Examples
    --------
    >>> is_markup(b"<?xml version='1.0'?>\n<Error>"), is_markup(b"<5,b\n1,2")
    (True, False)
    """
    return re.match(r"\ufeff?\s*<[?!A-Za-z]", _decode(head)) is not None


def has_columns(head: bytes) -> bool:
    """Tell whether text is certainly a table: a separator occurs equally often in its first two lines."""
    lines = [line for line in _decode(head).split("\n")[:2] if line.strip()]
    counts = [[line.count(separator) for line in lines] for separator in SEPARATORS]
    return any(count[0] > 0 and len(set(count)) == 1 for count in counts if count)


def _decode(head: bytes) -> str:
    codec = utf16_codec(head)
    return head[: len(head) // 2 * 2].decode(codec, errors="replace") if codec else head.decode(errors="replace")
