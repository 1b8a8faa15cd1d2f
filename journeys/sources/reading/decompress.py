"""The bytes of a file: its compression and format by the first of them, and its content decompressed."""

from __future__ import annotations

import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO

import zstandard

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
    return "ndjson" if _decode_head(head).lstrip("\ufeff\t\r\n ")[:1] in ("{", "[") else "csv"


def is_json(head: bytes) -> bool:
    """Return whether text is JSON, whatever the name of its file."""
    return JSON.match(_decode_head(head)) is not None


def is_markup(head: bytes) -> bool:
    r"""Return whether text is XML or HTML: what a server answers when a file is missing.

    Examples
    --------
    >>> is_markup(b"<?xml version='1.0'?>\n<Error>"), is_markup(b"<5,b\n1,2")
    (True, False)
    """
    return re.match(r"\ufeff?\s*<[?!A-Za-z]", _decode_head(head)) is not None


def has_columns(head: bytes) -> bool:
    """Return whether text is certainly a table: a separator occurs equally often in its first two lines."""
    lines = [line for line in _decode_head(head).split("\n")[:2] if line.strip()]
    counts = [[line.count(separator) for line in lines] for separator in SEPARATORS]
    return any(count[0] > 0 and len(set(count)) == 1 for count in counts if count)


def _decode_head(head: bytes) -> str:
    codec = utf16_codec(head)
    return head[: len(head) // 2 * 2].decode(codec, errors="replace") if codec else head.decode(errors="replace")


# Compressed bytes handed to a decompressor at once: few, because one call may return thousands of times as many.
STEP = 4096
CUT_SHORT = "cannot be unpacked to its end (it was cut short)"
ERRORS = (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile)
GZIP = 31  # zlib's window size that stands for "any window, with a gzip header"
# Text of events becomes about 10 times as large, very repetitive text 100 times; a decompression bomb, 1,000 times.
MAX_RATIO = 250
# Below this size the ratio does not matter.
HARMLESS = 256 << 20
# How much of a compressed file is looked at before it is handed to Polars, which sets no limit.
CHECKED = 64 << 20

Open = Callable[[], IO[bytes]]


class UnreadableError(Exception):
    """A file whose bytes cannot be read: the message says why. Never leaves this package."""


class BombError(UnreadableError):
    """A file that decompresses to far too much."""


def read_blocks(
    open_file: Open, compression: str | None, *, size: int, packed_size: int | None = None, limit: int | None = None
) -> Iterator[bytes]:
    """Yield a file's bytes, decompressed, in blocks of at least `size`; what comes before a fault is yielded first.

    Parameters
    ----------
    open_file
        Opens the file for reading bytes.
    compression
        "gzip", "zstd" or None.
    size
        The size of a block; the last one may be shorter.
    packed_size
        The size of the file in its archive, if it is in one.
    limit
        Read so many compressed bytes and stop.

    Raises
    ------
    UnreadableError
        Nothing can be read beyond this point, or it is a decompression bomb.
    """
    waiting: list[bytes] = []
    waiting_bytes = produced = 0
    fault: UnreadableError | None = None
    try:
        with open_file() as file:
            pieces = _decompress_blocks(file, compression, limit) if compression else iter(lambda: file.read(size), b"")
            for piece in pieces:
                waiting.append(piece)
                waiting_bytes += len(piece)
                produced += len(piece)
                if packed_size is not None:
                    check_growth(produced, packed_size)
                if waiting_bytes >= size:
                    yield b"".join(waiting)
                    waiting, waiting_bytes = [], 0
    except UnreadableError as error:
        fault = error
    except ERRORS as error:
        reason = (str(getattr(error, "strerror", None) or error).strip() or type(error).__name__).splitlines()[0]
        is_packed = compression or not isinstance(error, OSError)
        fault = UnreadableError(f"cannot be unpacked ({reason})" if is_packed else reason)
    if waiting:
        yield b"".join(waiting)
    if fault is not None:
        raise fault


def read_head(open_file: Open, compression: str | None = None) -> bytes:
    """Return the first bytes; none if they cannot be read."""
    try:
        return next(read_blocks(open_file, compression, size=4096), b"")[:4096]
    except UnreadableError:
        return b""


def check_growth(produced: int, consumed: int) -> None:
    """Refuse to decompress any further when few bytes have become far too many."""
    if produced > HARMLESS and produced > MAX_RATIO * consumed:
        raise BombError(f"decompresses to over {MAX_RATIO} times its size: refused as a decompression bomb")


def _decompress_blocks(file: IO[bytes], compression: str, limit: int | None) -> Iterator[bytes]:
    """Decompress gzip or zstd, also several streams one after another, up to where the data is damaged.

    For example, a file of two gzip streams, the second cut in half::

        stream 1    all of its bytes are yielded, `eof` is true, `unused_data` is the start of stream 2
        stream 2    what its first half decompresses to is yielded
        file ends   `eof` is false: UnreadableError
    """
    stream = _new_stream(compression)
    consumed = produced = 0
    while compressed := file.read(STEP):
        consumed += len(compressed)
        while compressed:
            if stream.eof:  # another stream follows, or the zeros that fill up a tape's block
                compressed = compressed.lstrip(b"\x00")
                if not compressed:
                    break
                stream = _new_stream(compression)
            piece = stream.decompress(compressed)
            produced += len(piece)
            check_growth(produced, consumed)
            yield piece
            compressed = stream.unused_data
        if limit is not None and consumed >= limit:
            return
    if not stream.eof:
        raise UnreadableError(CUT_SHORT)


def _new_stream(compression: str) -> zstandard.ZstdDecompressionObj | zlib._Decompress:
    return zlib.decompressobj(GZIP) if compression == "gzip" else zstandard.ZstdDecompressor().decompressobj()
