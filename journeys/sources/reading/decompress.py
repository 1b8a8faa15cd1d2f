"""The bytes of a file, decompressed, as far as they can be read, and then the reason why no further."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO

import zstandard

__all__ = ["CHECKED", "BombError", "UnreadableError", "read_blocks", "read_head"]

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
            pieces = _decompress(file, compression, limit) if compression else iter(lambda: file.read(size), b"")
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


def read_head(open_file: Open, compression: str | None = None, *, size: int = 4096) -> bytes:
    """Return the first bytes; none if they cannot be read."""
    try:
        return next(read_blocks(open_file, compression, size=size), b"")[:size]
    except UnreadableError:
        return b""


def check_growth(produced: int, consumed: int) -> None:
    """Refuse to decompress any further when few bytes have become far too many."""
    if produced > HARMLESS and produced > MAX_RATIO * consumed:
        raise BombError(f"decompresses to over {MAX_RATIO} times its size: refused as a decompression bomb")


def _decompress(file: IO[bytes], compression: str, limit: int | None) -> Iterator[bytes]:
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
