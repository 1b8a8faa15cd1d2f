"""A zstd file that was cut short is read up to that point, like gzip, and the cut is reported."""

import json
import random

import polars as pl
import pytest

import journeys as jn
from journeys.sources.reading.decompress import UnreadableError
from journeys.sources.reading.files import SourceFile, read_text

ROWS = 30_000
CUT = "unreadable file: cannot be unpacked to its end (it was cut short)"


def rows(start=0):
    number = random.Random(start)
    return pl.DataFrame(
        {
            "t": ["2026-03-01T10:00:00Z"] * ROWS,
            "e": ["Paid"] * ROWS,
            "u": range(start, start + ROWS),
            "price": [f"{number.random()} EUR" for _ in range(ROWS)],
        }
    )


def packed(path, *, kind, parts=1):
    """Write frames one after the other."""
    data = b""
    for part in range(parts):
        frame = rows(part * ROWS).lazy()
        if kind == "csv":
            frame.sink_csv(path, compression="zstd", include_header=part == 0)
        else:
            frame.sink_ndjson(path, compression="zstd")
        data += path.read_bytes()
    return data


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.999])
@pytest.mark.parametrize("parts", [1, 2])
def test_complete_rows_are_read_and_the_cut_is_reported(tmp_path, kind, share, parts):
    path = tmp_path / f"log.{kind}.zst"
    data = packed(path, kind=kind, parts=parts)
    path.write_bytes(data[: int(len(data) * share)])
    events = jn.read_table(path, timestamp="t", event="e", ids=["u"])
    found = events.issues
    assert CUT in found.table["reason"].to_list()
    assert found.quarantined <= 2
    assert found.kept > ROWS * parts * share * 0.6
    assert events.table.collect()["u"].to_list() == [f"{n}" for n in range(found.kept)]


def content(path):
    return b"".join(read_text(SourceFile(path, "csv", "zstd")))


def test_wherever_it_is_cut_what_comes_out_is_a_beginning(tmp_path):
    path = tmp_path / "log.csv.zst"
    data = packed(path, kind="csv", parts=2)
    path.write_bytes(data)
    whole = content(path)
    frame = len(data) // 2
    near = [at + step for at in (0, frame, len(data)) for step in range(-12, 12)]
    ends = [0, *(at for at in near if 0 < at < len(data)), *range(1000, len(data), len(data) // 23)]
    cuts = 0
    for end in ends:
        path.write_bytes(data[:end])
        read, error = [], ""
        try:
            read.extend(read_text(SourceFile(path, "csv", "zstd")))
        except UnreadableError as raised:
            error = str(raised)
        cuts += "cut short" in error
        assert whole.startswith(b"".join(read))
        assert len(b"".join(read)) >= (end / len(data) - 0.35) * len(whole)
    assert cuts >= len(ends) - 1  # one end may be that of the first frame


@pytest.mark.parametrize("single", [True, False])
def test_a_frame_that_states_its_length_and_one_to_be_skipped_are_understood(tmp_path, single):
    lines = "".join(json.dumps({"t": "2026-03-01", "e": "A", "u": n}) + "\n" for n in range(20)).encode()
    half = len(lines) // 2
    magic = b"\x28\xb5\x2f\xfd"
    one_byte = magic + b"\x00\x00" + (1 | 1 << 3).to_bytes(3, "little") + b"\x00"
    flags = (1 << 6) | (32 if single else 0) | 4
    head = magic + bytes([flags]) + (b"" if single else b"\x38") + (len(lines) - 256).to_bytes(2, "little")
    blocks = [(part, last) for part, last in ((lines[:half], 0), (lines[half:], 1))]
    body = [(last | len(part) << 3).to_bytes(3, "little") + part for part, last in blocks]
    skipped = (0x184D2A51).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"abc"
    path = tmp_path / "log.json.zst"
    whole = head + body[0] + body[1] + b"abcd"
    for cut, expected in ((whole[:-5], lines[:-1]), (whole[:-1], lines)):
        path.write_bytes(one_byte + skipped + cut)
        read = []
        with pytest.raises(UnreadableError, match="cut short"):
            read.extend(read_text(SourceFile(path, "csv", "zstd")))
        assert b"".join(read) == b"\x00" + expected
