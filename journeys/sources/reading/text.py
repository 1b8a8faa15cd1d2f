"""The text of a file: decompressed, in UTF-8, cut at line ends, a few megabytes at a time."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from journeys.sources.reading.decompress import CHECKED, BombError, UnreadableError, read_blocks
from journeys.sources.reading.files import SourceFile
from journeys.sources.reading.sniff import utf16_codec

__all__ = [
    "UnreadableError",
    "check_ratio",
    "decode",
    "is_utf16",
    "measure_content",
    "read_chunks",
    "read_first_lines",
    "read_text",
]

CHUNK = 8 << 20
# A longer line is not text.
LONGEST_LINE = 1 << 30
UTF8_MARK = b"\xef\xbb\xbf"
GUESSED = "Windows-1252 in lines that are not UTF-8"


def read_chunks(file: SourceFile) -> Iterator[bytes]:
    """Yield a file's text in chunks that end at a line end; a line longer than a chunk comes whole.

    UTF-16 is re-encoded as UTF-8 and the byte order mark is removed; bytes that are not UTF-8 stay as they are.
    """
    rest: list[bytes] = []
    rest_bytes = 0
    fault: UnreadableError | None = None
    try:
        for block in read_text(file):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield b"".join([*rest, block[:cut]])
                rest, rest_bytes = [block[cut:]] if cut < len(block) else [], len(block) - cut
            else:
                rest.append(block)
                rest_bytes += len(block)
                if rest_bytes > LONGEST_LINE:
                    raise UnreadableError(f"has a line of more than {LONGEST_LINE >> 20:,} MB")
    except UnreadableError as error:
        fault = error
    if rest:
        yield b"".join(rest)
    if fault is not None:
        raise fault


def read_text(file: SourceFile) -> Iterator[bytes]:
    """Yield a file's text as `read_chunks` does, but cut anywhere."""
    blocks = _blocks(file, CHUNK)
    first = next(blocks, b"")
    codec = utf16_codec(first)
    if codec is None:
        yield first.removeprefix(UTF8_MARK)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(codec)(errors="replace")
    yield decoder.decode(first).encode(errors="replace")
    yield from (decoder.decode(block).encode(errors="replace") for block in blocks)
    yield decoder.decode(b"", final=True).encode()


def is_utf16(file: SourceFile) -> bool:
    """Tell whether a file is UTF-16."""
    return utf16_codec(next(_blocks(file, 64), b"")) is not None


def decode(piece: bytes) -> tuple[str, str | None]:
    """Decode a piece of text and name the assumption, if any: lines that are not UTF-8 are read as Windows-1252."""
    try:
        return piece.decode("utf-8"), None
    except UnicodeDecodeError:
        return "\n".join(_decode_line(line) for line in piece.split(b"\n")), GUESSED


def read_first_lines(file: SourceFile, *, size: int = 65536) -> str:
    """Read the start of a file as text, to detect its dialect."""
    head = next(_blocks(file, size), b"")[:size]
    if codec := utf16_codec(head):
        return head[: len(head) // 2 * 2].decode(codec, errors="replace")
    return head.removeprefix(UTF8_MARK).decode("utf-8", errors="replace")


def measure_content(file: SourceFile, *, most: int) -> int:
    """Measure the size of a file's content, up to about `most`; of a damaged file, what can be read of it."""
    if file.compression is None:
        return file.size
    size = 0
    try:
        for block in _blocks(file, 1 << 20):
            size += len(block)
            if size > most:
                break
    except UnreadableError:
        pass
    return size


def check_ratio(file: SourceFile) -> None:
    """Refuse a decompression bomb; damage of another kind is left to the reader.

    Raises
    ------
    UnreadableError
        The start of the file decompresses to far too much.
    """
    if file.compression is None:
        return
    try:
        for _ in read_blocks(file.open, file.compression, size=1 << 20, limit=CHECKED):
            pass
    except BombError:
        raise
    except UnreadableError:
        pass


def _blocks(file: SourceFile, size: int) -> Iterator[bytes]:
    packed_size = file.member.compress_size if file.member else None
    return read_blocks(file.open, file.compression, size=size, packed_size=packed_size)


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
