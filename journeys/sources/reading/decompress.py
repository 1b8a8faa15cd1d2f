"""The bytes of files, packed or not: up to where they can be had, and then why no further."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import polars as pl

from journeys.sources.reading.zstd import whole_until, zstd_blocks

__all__ = ["UnreadableError", "head_of", "members", "unpacked"]

PACKED = 1 << 17
CUT = "cannot be unpacked to its end (it was cut short)"
GZIP = 31  # zlib's word for a gzip header with any window


class UnreadableError(Exception):
    """A file whose bytes cannot be had: the message says why. Never leaves this package."""


def unpacked(path: Path, compression: str | None, *, archive: Path | None = None, size: int) -> Iterator[bytes]:
    """Yield a file's bytes unpacked, about `size` at a time; what comes before a damage is yielded.

    Raises
    ------
    UnreadableError
        From here on nothing can be had.
    """
    try:
        if compression == "zstd":
            yield from zstd_blocks(path)
            if whole_until(path) is not None:
                raise UnreadableError(CUT)
            return
        with _opened(path, archive) as file:
            if compression == "gzip":
                yield from _gunzipped(file, size)
                return
            while block := file.read(size):
                yield block
    except (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnreadableError(f"cannot be unpacked ({said})" if compression or archive else said) from None


def head_of(path: Path, compression: str | None = None, *, archive: Path | None = None, size: int = 4096) -> bytes:
    """Give the first bytes; none where they cannot be had."""
    try:
        if compression == "zstd":
            try:
                return "\n".join(pl.scan_lines(path, glob=False).head(4).collect().to_series().to_list()).encode()
            except (OSError, pl.exceptions.PolarsError):  # it may be cut short: what is whole of it says enough
                return next(filter(None, zstd_blocks(path)), b"")[:size]
        return next(unpacked(path, compression, archive=archive, size=size), b"")[:size]
    except (UnreadableError, OSError, pl.exceptions.PolarsError):
        return b""


def members(archive: Path) -> dict[str, int]:
    """List the files in a zip archive with their sizes.

    Raises
    ------
    UnreadableError
        It is no archive, or a damaged one.
    """
    try:
        with zipfile.ZipFile(archive) as packed:
            return {one.filename: one.file_size for one in packed.infolist() if not one.is_dir()}
    except (OSError, zipfile.BadZipFile) as error:
        raise UnreadableError(f"cannot be unpacked ({error})") from None


@contextmanager
def _opened(path: Path, archive: Path | None) -> Iterator[IO[bytes]]:
    if archive is None:
        with path.open("rb") as file:
            yield file
        return
    with zipfile.ZipFile(archive) as packed, packed.open(path.relative_to(archive).as_posix()) as file:
        yield file


def _gunzipped(file: IO[bytes], size: int) -> Iterator[bytes]:
    """Unpack gzip, also several put together: the module gzip keeps back what comes before a damage."""
    unpack = zlib.decompressobj(GZIP)
    packed = file.read(PACKED)
    while packed:
        if unpack.eof:  # another one follows, or zeros that fill up a block
            packed = packed.lstrip(b"\x00")
            unpack = zlib.decompressobj(GZIP) if packed else unpack
        if packed and (block := unpack.decompress(packed, size)):
            yield block
        packed = unpack.unconsumed_tail or (packed and unpack.unused_data) or file.read(PACKED)
    if rest := unpack.flush():
        yield rest
    if not unpack.eof:
        raise UnreadableError(CUT)
