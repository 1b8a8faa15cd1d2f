"""zstd, which Python 3.11 cannot unpack and Polars can: line by line, and what was cut short up to where it was cut.

Polars gives up a file that ends too early. Its blocks say how long they are, so that those which are whole can be
copied, the last one marked as such, and read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl

__all__ = ["whole_until", "zstd_blocks"]

MAGIC, SKIPPED = b"\x28\xb5\x2f\xfd", range(0x184D2A50, 0x184D2A60)
LAST, RAW, REPEATED = 1, 0, 1
MARK = "\x00"
# A frame of one byte more: after it, one sees whether the text before ended with a line.
MARKED = MAGIC + b"\x00\x00" + (LAST | RAW << 1 | 1 << 3).to_bytes(3, "little") + MARK.encode()


class Cut(NamedTuple):
    """Where a file is cut off: the end of what is whole, and the frame that is begun there with its last whole block.

    Without such a block, all is whole frames.
    """

    end: int
    frame: int
    block: int | None


def zstd_blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked, in pieces of whole lines; of a file that is cut short, those that can be had."""
    cut = whole_until(path)
    if cut is None:
        yield from _lines(path)
        return
    with tempfile.TemporaryDirectory(prefix="journeys-") as folder:
        mended = Path(folder, "mended.zst")
        with path.open("rb") as file, mended.open("wb") as copy:
            _mend(file, copy, cut)
        before: list[bytes] = []
        for piece in _lines(mended):
            yield from before
            before = [piece]
        yield before[0].removesuffix(f"{MARK}\n".encode())


def whole_until(path: Path) -> Cut | None:
    """Find where a file is cut off; None where it is whole, or no zstd."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        place = file.seek(0)
        while place < size:
            frame, block = place, None
            head = _header(file, size)
            if head is None:
                return Cut(frame, frame, None)
            if head < 0:
                return None
            place = file.tell()
            is_last = False
            while head and not is_last:
                word = file.read(3)
                header = int.from_bytes(word, "little")
                length = 1 if header >> 1 & 3 == REPEATED else header >> 3
                if len(word) < 3 or place + 3 + length > size:
                    return Cut(place if block is not None else frame, frame, block)
                is_last = bool(header & LAST)
                block, place = place, file.seek(place + 3 + length)
            if head == 2:  # its sum is at the end
                if place + 4 > size:
                    return Cut(place, frame, block)
                place = file.seek(place + 4)
    return None


def _header(file: IO[bytes], size: int) -> int | None:
    """Pass over a frame's header: 1, or 2 if a sum follows the blocks; 0 for one to be skipped; None if it is cut off.

    Less than 0: this is none.
    """
    magic = file.read(4)
    if len(magic) < 4:
        return None
    if int.from_bytes(magic, "little") in SKIPPED:
        length = file.read(4)
        end = file.tell() + int.from_bytes(length, "little")
        if len(length) < 4 or end > size:
            return None
        file.seek(end)
        return 0
    if magic != MAGIC:
        return -1
    flags = file.read(1)
    if not flags:
        return None
    window, _, content = _parts(flags[0])
    end = file.tell() + window + _dictionary(flags[0]) + content
    if end > size:
        return None
    file.seek(end)
    return 2 if flags[0] & 4 else 1


def _parts(flags: int) -> tuple[int, bool, int]:
    """Tell how many bytes of a header say how far back to look, whether all at once, and how many how much there is."""
    is_single = bool(flags & 32)
    content = (1 if is_single else 0, 2, 4, 8)[flags >> 6]
    return (0 if is_single else 1), is_single, content


def _dictionary(flags: int) -> int:
    return (0, 1, 2, 4)[flags & 3]


def _mend(file: IO[bytes], copy: IO[bytes], cut: Cut) -> None:
    """Copy what is whole: the frame that was begun says no more how much it holds, and ends with a whole block."""
    _copy(file, copy, cut.frame)
    if cut.block is not None:
        flags = file.read(5)[4]
        window, is_single, content = _parts(flags)
        back, dictionary = file.read(window), file.read(_dictionary(flags))
        held = int.from_bytes(file.read(content), "little") + (256 if content == 2 else 0)
        if is_single:  # it may look back over all of it
            back = bytes([max(0, (max(1, held) - 1).bit_length() - 10) << 3])
        copy.write(MAGIC + bytes([flags & 3]) + back + dictionary)
        _copy(file, copy, cut.block - file.tell())
        header = int.from_bytes(file.read(3), "little") | LAST
        copy.write(header.to_bytes(3, "little"))
        _copy(file, copy, cut.end - file.tell())
    copy.write(MARKED)


def _copy(file: IO[bytes], copy: IO[bytes], length: int) -> None:
    while length > 0 and (piece := file.read(min(length, 1 << 20))):
        copy.write(piece)
        length -= len(piece)


def _lines(path: Path) -> Iterator[bytes]:
    for batch in pl.scan_lines(path, glob=False).collect_batches(chunk_size=50_000, maintain_order=True):
        yield (str(batch.to_series().str.join("\n").item()) + "\n").encode()
