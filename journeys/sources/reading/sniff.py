"""The first bytes of a file: what it is packed in, how its text is written, what kind of table it is."""

from __future__ import annotations

import re

__all__ = ["delimited", "kind_of", "markup", "packing", "surely_json", "utf16"]

MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"))
MARKS = (b"\xff\xfe", b"\xfe\xff")
# An object with a name, or a list of them: no table with separators starts so.
JSON = re.compile(r'\ufeff?\s*(?:\[\s*)*(?:\{\s*["}]|\[\s*\])')
# Bytes that text does not have.
ODD = bytes(byte for byte in range(32) if byte not in (9, 10, 11, 12, 13, 27))
SEPARATORS = ",;\t|"


def packing(head: bytes) -> str | None:
    """Name what a file is packed in: gzip, zstd, zip or nothing."""
    return next((name for magic, name in MAGIC if head.startswith(magic)), None)


def utf16(head: bytes) -> str | None:
    r"""Name the codec of text in UTF-16: its mark tells, else that every second byte of Latin text is zero.

    Examples
    --------
    >>> utf16("a,b".encode("utf-16-le")), utf16("a,b".encode("utf-16")), utf16(b"a,b\x00")
    ('utf-16-le', 'utf-16', None)
    """
    if head[:2] in MARKS:
        return "utf-16"
    start = head[:64]
    start = start[: len(start) // 2 * 2]
    even, odd = start[::2], start[1::2]
    if len(start) >= 4 and not any(odd) and all(even):
        return "utf-16-le"
    return "utf-16-be" if len(start) >= 4 and not any(even) and all(odd) else None


def kind_of(head: bytes) -> str | None:
    r"""Tell what unpacked bytes are: parquet, ipc, ndjson or csv; None when they are no text.

    Examples
    --------
    >>> kind_of(b'{"a": 1}'), kind_of(b"[{\\n"), kind_of(b"a,b\\n1,2"), kind_of(b"PAR1"), kind_of(bytes(range(64)))
    ('ndjson', 'ndjson', 'csv', 'parquet', None)
    """
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"ARROW1"):
        return "ipc"
    codec = utf16(head)
    if codec is None and (head.startswith(b"%PDF") or 20 * (len(head) - len(head.translate(None, ODD))) > len(head)):
        return None
    return "ndjson" if _text(head, codec).lstrip("\ufeff\t\r\n ")[:1] in ("{", "[") else "csv"


def surely_json(head: bytes) -> bool:
    """Tell whether text is JSON whatever the file is called."""
    return JSON.match(_text(head, utf16(head))) is not None


def markup(head: bytes) -> bool:
    r"""Tell whether text is XML or HTML: what a server answers where there is no file.

    Examples
    --------
    >>> markup(b"<?xml version='1.0'?>\n<Error>"), markup(b"<5,b\n1,2")
    (True, False)
    """
    return re.match(r"\ufeff?\s*<[?!A-Za-z]", _text(head, utf16(head))) is not None


def delimited(head: bytes) -> bool:
    """Tell whether text is a table for certain: one separator, as often in the second line as in the first."""
    lines = [line for line in _text(head, utf16(head)).split("\n")[:2] if line.strip()]
    counts = [[line.count(separator) for line in lines] for separator in SEPARATORS]
    return any(count[0] > 0 and len(set(count)) == 1 for count in counts if count)


def _text(head: bytes, codec: str | None) -> str:
    return head[: len(head) // 2 * 2].decode(codec, errors="replace") if codec else head.decode(errors="replace")
