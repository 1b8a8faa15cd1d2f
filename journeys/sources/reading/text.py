"""The bytes of a text file: unpacked, in UTF-8, cut at line ends."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import IO, cast

import polars as pl

from journeys.sources.reading.find import Found

__all__ = ["UnreadableError", "chunks", "first_lines", "read_text"]

CHUNK = 16 << 20


class UnreadableError(Exception):
    """A file whose bytes cannot be had: the message says why. Never leaves this package."""


def chunks(found: Found, *, size: int = CHUNK) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked, in pieces that end at a line end (a longer line is one piece)."""
    if found.compression == "zstd":
        yield from _zstd_chunks(found)
        return
    try:
        with _open(found) as file:
            rest: list[bytes] = []
            while block := file.read(size):
                cut = block.rfind(b"\n") + 1
                if cut:
                    yield b"".join([*rest, block[:cut]])
                    rest = [block[cut:]] if cut < len(block) else []
                else:
                    rest.append(block)
            if rest:
                yield b"".join(rest)
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"cannot be unpacked ({error})" if found.compression else str(error)) from None


def read_text(found: Found) -> tuple[str, str | None]:
    """Read a whole file as text, whatever its encoding, and say what had to be assumed.

    UTF-8 with or without mark, UTF-16 with mark; lines that are not UTF-8 are read as Windows-1252.
    """
    data = b"".join(chunks(found))
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace"), "UTF-16"
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        lines = data.split(b"\n")
        return "\n".join(_decode(line) for line in lines), "Windows-1252 in lines that are not UTF-8"


def first_lines(found: Found, *, size: int = 65536) -> str:
    """Read the start of a file as text, for sniffing."""
    if found.compression == "zstd":
        head = next(_zstd_chunks(found), b"")[:size]
    else:
        try:
            with _open(found) as file:
                head = file.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise UnreadableError(f"cannot be unpacked ({error})" if found.compression else str(error)) from None
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")


def _open(found: Found) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(found.path)) if found.compression == "gzip" else found.path.open("rb")


def _zstd_chunks(found: Found) -> Iterator[bytes]:
    # The standard library of Python 3.11 cannot unpack zstd; Polars can, line by line.
    try:
        for batch in pl.scan_lines(found.path).collect_batches(chunk_size=100_000, maintain_order=True):
            yield ("\n".join(batch["line"].to_list()) + "\n").encode()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableError(f"cannot be unpacked ({str(error).splitlines()[0]})") from None


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
