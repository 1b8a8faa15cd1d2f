"""The bytes of a file, decompressed, as far as they can be read, and then the reason why no further."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import zstandard

__all__ = ["UnreadableError", "list_members", "read_blocks", "read_head"]

# Compressed bytes handed to a decompressor at once: few, because one call may return thousands of times as many.
STEP = 4096
CUT_SHORT = "cannot be unpacked to its end (it was cut short)"
ERRORS = (OSError, EOFError, RuntimeError, zlib.error, lzma.LZMAError, zstandard.ZstdError, zipfile.BadZipFile)
GZIP = 31  # zlib's window size that stands for "any window, with a gzip header"


class UnreadableError(Exception):
    """A file whose bytes cannot be read: the message says why. Never leaves this package."""


def read_blocks(path: Path, compression: str | None, *, archive: Path | None = None, size: int) -> Iterator[bytes]:
    """Yield a file's bytes, decompressed, in blocks of at least `size`; what comes before a fault is yielded first.

    Raises
    ------
    UnreadableError
        Nothing can be read beyond this point.
    """
    waiting: list[bytes] = []
    waiting_bytes = 0
    fault: UnreadableError | None = None
    try:
        with _open(path, archive) as file:
            for piece in _decompress(file, compression) if compression else iter(lambda: file.read(size), b""):
                waiting.append(piece)
                waiting_bytes += len(piece)
                if waiting_bytes >= size:
                    yield b"".join(waiting)
                    waiting, waiting_bytes = [], 0
    except UnreadableError as error:
        fault = error
    except ERRORS as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        fault = UnreadableError(f"cannot be unpacked ({reason})" if compression or archive else reason)
    if waiting:
        yield b"".join(waiting)
    if fault is not None:
        raise fault


def read_head(path: Path, compression: str | None = None, *, archive: Path | None = None, size: int = 4096) -> bytes:
    """Return the first bytes; none if they cannot be read."""
    try:
        return next(read_blocks(path, compression, archive=archive, size=size), b"")[:size]
    except UnreadableError:
        return b""


def list_members(archive: Path) -> dict[str, int]:
    """List the files in a zip archive with their sizes.

    Raises
    ------
    UnreadableError
        The file is not an archive, or a damaged one.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return {member.filename: member.file_size for member in opened.infolist() if not member.is_dir()}
    except (OSError, zipfile.BadZipFile) as error:
        raise UnreadableError(f"cannot be unpacked ({error})") from None


@contextmanager
def _open(path: Path, archive: Path | None) -> Iterator[IO[bytes]]:
    if archive is None:
        with path.open("rb") as file:
            yield file
        return
    with zipfile.ZipFile(archive) as opened, opened.open(path.relative_to(archive).as_posix()) as file:
        yield file


def _decompress(file: IO[bytes], compression: str) -> Iterator[bytes]:
    """Decompress gzip or zstd, also several streams one after another, up to where the data is damaged.

    For example, a file of two gzip streams, the second cut in half::

        stream 1    all of its bytes are yielded, `eof` is true, `unused_data` is the start of stream 2
        stream 2    what its first half decompresses to is yielded
        file ends   `eof` is false: UnreadableError
    """
    stream = _new_stream(compression)
    while compressed := file.read(STEP):
        while compressed:
            if stream.eof:  # another stream follows, or the zeros that fill up a tape's block
                compressed = compressed.lstrip(b"\x00")
                if not compressed:
                    break
                stream = _new_stream(compression)
            yield stream.decompress(compressed)
            compressed = stream.unused_data
    if not stream.eof:
        raise UnreadableError(CUT_SHORT)


def _new_stream(compression: str) -> zstandard.ZstdDecompressionObj | zlib._Decompress:
    return zlib.decompressobj(GZIP) if compression == "gzip" else zstandard.ZstdDecompressor().decompressobj()
