"""The bytes of a text file: unpacked, in UTF-8, cut at line ends, a piece at a time."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from typing import IO, cast

import polars as pl

from journeys.sources.reading.find import Found

__all__ = ["UnreadableError", "blocks", "chunks", "decoded", "first_lines", "wide"]

CHUNK = 8 << 20
WIDE = (b"\xff\xfe", b"\xfe\xff")
MARK = b"\xef\xbb\xbf"
GUESSED = "Windows-1252 in lines that are not UTF-8"


class UnreadableError(Exception):
    """A file whose bytes cannot be had: the message says why. Never leaves this package."""


def chunks(found: Found) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked, in pieces that end at a line end (a longer line is one piece).

    UTF-16 is written as UTF-8 and the mark at the start is taken away; bytes that are no UTF-8 stay as they are.
    """
    rest: list[bytes] = []
    for block in blocks(found):
        cut = block.rfind(b"\n") + 1
        if cut:
            yield b"".join([*rest, block[:cut]])
            rest = [block[cut:]] if cut < len(block) else []
        else:
            rest.append(block)
    if rest:
        yield b"".join(rest)


def blocks(found: Found) -> Iterator[bytes]:
    """Yield a file's bytes as `chunks` does, cut anywhere."""
    return _in_utf8(_blocks(found, CHUNK))


def wide(found: Found) -> bool:
    """Tell whether a file is written in UTF-16, as its mark says."""
    return next(_blocks(found, 16), b"")[:2] in WIDE


def decoded(piece: bytes) -> tuple[str, str | None]:
    """Decode a piece, and say what had to be assumed: lines that are not UTF-8 are read as Windows-1252."""
    try:
        return piece.decode("utf-8"), None
    except UnicodeDecodeError:
        return "\n".join(_decode(line) for line in piece.split(b"\n")), GUESSED


def first_lines(found: Found, *, size: int = 65536) -> str:
    """Read the start of a file as text, for sniffing."""
    head = next(_blocks(found, size), b"")[:size]
    if head[:2] in WIDE:
        return head[: len(head) // 2 * 2].decode("utf-16", errors="replace")
    return head.removeprefix(MARK).decode("utf-8", errors="replace")


def _blocks(found: Found, size: int) -> Iterator[bytes]:
    if found.compression == "zstd":
        yield from _zstd_blocks(found)
        return
    try:
        with _open(found) as file:
            while block := file.read(size):
                yield block
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableError(f"cannot be unpacked ({error})" if found.compression else str(error)) from None


def _in_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    if first[:2] in WIDE:
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        yield decoder.decode(first).encode(errors="replace")
        yield from (decoder.decode(block).encode(errors="replace") for block in blocks)
        yield decoder.decode(b"", final=True).encode()
    else:
        yield first.removeprefix(MARK)
        yield from blocks


def _open(found: Found) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(found.path)) if found.compression == "gzip" else found.path.open("rb")


def _zstd_blocks(found: Found) -> Iterator[bytes]:
    # The standard library of Python 3.11 cannot unpack zstd; Polars can, line by line.
    try:
        for batch in pl.scan_lines(found.path).collect_batches(chunk_size=50_000, maintain_order=True):
            yield (str(batch.to_series().str.join("\n").item()) + "\n").encode()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableError(f"cannot be unpacked ({str(error).splitlines()[0]})") from None


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
