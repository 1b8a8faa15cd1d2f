"""The bytes of a text file: unpacked, in UTF-8, cut at line ends, a piece at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from journeys.sources.reading.decompress import UnreadableError, unpacked
from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.sniff import utf16

__all__ = ["UnreadableError", "blocks", "chunks", "decoded", "first_lines", "wide"]

CHUNK = 8 << 20
MARK = b"\xef\xbb\xbf"
GUESSED = "Windows-1252 in lines that are not UTF-8"


def chunks(found: SourceFile) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked, in pieces that end at a line end (a longer line is one piece).

    UTF-16 is written as UTF-8 and the mark at the start is taken away; bytes that are no UTF-8 stay as they are.
    """
    rest: list[bytes] = []
    damage: UnreadableError | None = None
    try:
        for block in blocks(found):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield b"".join([*rest, block[:cut]])
                rest = [block[cut:]] if cut < len(block) else []
            else:
                rest.append(block)
    except UnreadableError as error:
        damage = error
    if rest:
        yield b"".join(rest)
    if damage is not None:
        raise damage


def blocks(found: SourceFile) -> Iterator[bytes]:
    """Yield a file's bytes as `chunks` does, cut anywhere."""
    return _in_utf8(_blocks(found, CHUNK))


def wide(found: SourceFile) -> bool:
    """Tell whether a file is written in UTF-16."""
    return utf16(next(_blocks(found, 64), b"")) is not None


def decoded(piece: bytes) -> tuple[str, str | None]:
    """Decode a piece, and say what had to be assumed: lines that are not UTF-8 are read as Windows-1252."""
    try:
        return piece.decode("utf-8"), None
    except UnicodeDecodeError:
        return "\n".join(_decode(line) for line in piece.split(b"\n")), GUESSED


def first_lines(found: SourceFile, *, size: int = 65536) -> str:
    """Read the start of a file as text, for sniffing."""
    head = next(_blocks(found, size), b"")[:size]
    if codec := utf16(head):
        return head[: len(head) // 2 * 2].decode(codec, errors="replace")
    return head.removeprefix(MARK).decode("utf-8", errors="replace")


def _blocks(found: SourceFile, size: int) -> Iterator[bytes]:
    return unpacked(found.path, found.compression, archive=found.archive, size=size)


def _in_utf8(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    if codec := utf16(first):
        decoder = codecs.getincrementaldecoder(codec)(errors="replace")
        yield decoder.decode(first).encode(errors="replace")
        yield from (decoder.decode(block).encode(errors="replace") for block in blocks)
        yield decoder.decode(b"", final=True).encode()
    else:
        yield first.removeprefix(MARK)
        yield from blocks


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
