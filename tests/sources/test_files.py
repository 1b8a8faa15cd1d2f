"""Which files are read, what they are whatever they are called, and what is said of those that are not read."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import polars as pl
import pytest

import journeys as jn
from journeys.cli import main
from journeys.sources import reading
from journeys.sources.reading import files
from journeys.sources.reading.files import find_files

TABLE = {"timestamp": "at", "event": "what", "ids": ["u"]}
CSV = "at,what,u\n2026-03-01 10:00:00Z,é,1\n2026-03-01 10:00:01Z,B,2\n"


def call(number, **more):
    one = {"type": "track", "event": "Signed Up", "messageId": f"m{number}", "userId": f"u{number}"}
    return one | {"timestamp": f"2026-03-01T10:00:{number % 60:02d}Z"} | more


def lines(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def notes(events):
    return events.issues.table.filter(pl.col("kind") == "note")["reason"].to_list()


def quarantined(events):
    found = events.issues
    assert found.read == found.kept + found.facts + found.duplicates + found.quarantined
    return dict(found.table.filter(pl.col("kind") == "quarantined").select("reason", "rows").iter_rows())


@pytest.mark.parametrize(
    "name",
    ["logs/1772323200000/1772323200000.1772326800000.23.gz", "1772323200000.gz", "b3d1-4f.abcdef.1.0.0.gz", "x.log.gz"],
)
def test_packed_files_without_an_inner_ending_are_looked_into(tmp_path, name):
    put(tmp_path / name, gzip.compress(lines(call(1), call(2))))
    assert jn.read_segment(tmp_path).issues.kept == 2


def test_a_packed_table_without_an_inner_ending_is_looked_into(tmp_path):
    put(tmp_path / "2026.1.gz", gzip.compress(CSV.encode()))
    assert jn.read_table(tmp_path, **TABLE).issues.kept == 2
    pl.DataFrame({"line": CSV.splitlines()}).lazy().sink_csv(
        tmp_path / "2026.2.zst", compression="zstd", include_header=False, quote_style="never"
    )
    assert jn.read_table(tmp_path / "2026.2.zst", **TABLE).issues.kept == 2
    assert jn.read_table(tmp_path, **TABLE).issues.kept == 4


def test_files_without_ending_are_read_and_skipped_files_are_listed(tmp_path):
    put(tmp_path / "a.json.gz", gzip.compress(lines(call(1))))
    put(tmp_path / "000000000001", gzip.compress(lines(call(2))))
    put(tmp_path / "c.log", lines(call(3)))
    put(tmp_path / "LICENSE", b"Free for all\n\nCopyright, me\n")
    put(tmp_path / "_2026/b.ndjson", lines(call(4)))
    put(tmp_path / "_SUCCESS", b"")
    put(tmp_path / ".hidden.json", b"nonsense")
    events = jn.read_segment(tmp_path)
    assert events.table.collect()["user_id"].sort().to_list() == ["u1", "u2"]
    assert notes(events) == [
        "skipped 3 files that are not tables by name or content: 'LICENSE', '_2026/b.ndjson', 'c.log'"
    ]


def test_a_glob_skips_binary_files_and_lists_them(tmp_path):
    put(tmp_path / "a.csv", CSV.encode())
    put(tmp_path / "b.pdf", b"%PDF-1.4\n1 0 obj")
    events = jn.read_table(str(tmp_path / "*"), **TABLE)
    assert events.issues.kept == 2
    assert notes(events) == ["skipped 1 file that is not a table by name or content: 'b.pdf'"]
    put(tmp_path / "c.csv", bytes(range(256)) * 9)
    for source in (tmp_path / "b.pdf", str(tmp_path / "*.pdf"), tmp_path / "c.csv"):
        with pytest.raises(jn.SourceError, match="is not a table: its bytes are not text"):
            jn.read_table(source, **TABLE)


def archive(path, **files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as box:
        for name, data in files.items():
            box.writestr(name, data)
    return put(path, packed.getvalue())


def test_what_is_in_a_zip_archive_is_read(tmp_path):
    row = {"event_type": "Open", "event_time": "2026-03-01 10:00:00", "device_id": "d", "uuid": "u1"}
    files = {
        "1/1_2026-03-01_10#0.json.gz": gzip.compress(lines(row) + b"{broken}\n"),
        "1/more.csv": "event_type,event_time,device_id,uuid\nClose,2026-03-01 11:00:00,d,u2\n",
        "1/photo.png": b"\x89PNG",
    }
    path = archive(tmp_path / "export.zip", **files)
    for source in (path, tmp_path):
        events = jn.read_amplitude(source)
        assert events.table.collect()["event"].sort().to_list() == ["Close", "Open"]
        assert quarantined(events) == {"broken JSON": 1}
        assert events.issues.quarantine["place"].to_list() == [f"{path}/1/1_2026-03-01_10#0.json.gz:2"]
        assert notes(events) == ["skipped 1 file that is not a table by name or content: 'export.zip/1/photo.png'"]
    assert [found.size for found in find_files(path)] == [len(data) for data in list(files.values())[:2]]


def test_archives_that_hold_nothing_to_read_are_refused_in_words(tmp_path):
    frame = io.BytesIO()
    pl.DataFrame({"a": [1]}).write_parquet(frame)
    for name, members, said in (
        ("book.xlsx", {"[Content_Types].xml": "x"}, "is an Excel workbook: save the sheet as CSV"),
        (
            "a.zip",
            {"x.parquet": frame.getvalue()},
            r"contains no CSV or NDJSON files; it contains x\.parquet: unzip it",
        ),
    ):
        path = archive(tmp_path / name, **members)
        with pytest.raises(jn.SourceError, match=said):
            jn.read_table(path, **TABLE)
    put(tmp_path / "b.zip", b"PK\x03\x04abcdef")
    with pytest.raises(jn.SourceError, match=r"b\.zip' cannot be unpacked \(File is not a zip file\)"):
        jn.read_table(tmp_path / "b.zip", **TABLE)


@pytest.mark.parametrize("chunk", [1000, 8 << 20])
@pytest.mark.parametrize("form", ["lines", "array", "csv"])
def test_what_comes_before_the_cut_of_a_packed_file_is_kept(tmp_path, monkeypatch, form, chunk):
    monkeypatch.setattr(files, "CHUNK", chunk)
    rows = [call(n, properties={"n": n * n % 9973}) for n in range(2000)]
    if form == "csv":
        data = (CSV.splitlines()[0] + "\n").encode()
        data += b"".join(b"2026-03-01 10:00:00,A,%d\n" % (n * n) for n in range(2000))
    else:
        data = lines(*rows) if form == "lines" else json.dumps(rows).encode()
    packed = gzip.compress(data)
    path = put(tmp_path / ("a.csv.gz" if form == "csv" else "a.json.gz"), packed[: len(packed) * 9 // 10])
    events = jn.read_table(path, **TABLE) if form == "csv" else jn.read_segment(path)
    assert 1500 < events.issues.kept < 2000
    cut = "unreadable file: cannot be unpacked to its end (it was cut short)"
    assert quarantined(events) == {"half-written last line": 1, cut: 1}


def test_packed_files_put_together_are_read_to_the_end(tmp_path):
    path = tmp_path / "a.json.gz"
    parts = [gzip.compress(lines(call(n))) for n in range(3)]
    put(path, b"".join(parts) + b"\x00" * 100)
    events = jn.read_segment(path)
    assert (events.issues.kept, events.issues.quarantined) == (3, 0)
    put(path, b"".join(parts) + b"what is this")
    events = jn.read_segment(path)
    assert (events.issues.kept, events.issues.quarantined) == (3, 1)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_text_without_a_mark(tmp_path, encoding):
    events = jn.read_table(put(tmp_path / "a.csv", CSV.encode(encoding)), **TABLE)
    assert events.table.collect()["event"].to_list() == ["é", "B"]
    assert notes(events) == ["a.csv was read as UTF-16"]
    events = jn.read_segment(put(tmp_path / "a.json", lines(call(1)).decode().encode(encoding)))
    assert events.issues.kept == 1


def test_json_is_known_whatever_its_name_and_over_how_many_lines_it_goes(tmp_path):
    rows = [{"at": "2026-03-01 10:00:00", "what": "A", "u": 1}, {"at": "2026-03-01 10:00:01", "what": "B", "u": 2}]
    put(tmp_path / "lines.csv", lines(*rows))
    put(tmp_path / "pretty.json", json.dumps(rows[0], indent=2).encode())
    put(tmp_path / "both.json", "\n".join(json.dumps(row, indent=2) for row in rows).encode())
    put(tmp_path / "list.csv", json.dumps(rows, indent=2).encode())
    for name, kept in (("lines.csv", 2), ("pretty.json", 1), ("both.json", 2), ("list.csv", 2)):
        assert jn.read_table(tmp_path / name, **TABLE).issues.kept == kept


@pytest.mark.parametrize("size", [reading.SMALL, 0])
def test_brackets_in_a_path_are_no_pattern(tmp_path, monkeypatch, size):
    monkeypatch.setattr(reading, "SMALL", size)
    folder = tmp_path / "d[1]"
    path = put(folder / "a.csv", CSV.encode())
    frame = pl.read_csv(path, glob=False)
    frame.write_parquet(folder / "a.parquet")
    frame.write_ipc(folder / "a.arrow")
    frame.write_ndjson(folder / "a.json")
    frame.lazy().sink_ndjson(folder / "a.json.zst", compression="zstd")
    for ending in ("csv", "parquet", "arrow", "json", "json.zst"):
        assert jn.read_table(folder / f"a.{ending}", **TABLE).issues.kept == 2


def test_a_damage_inside_one_of_many_tables_costs_that_table(tmp_path):
    for number in range(4):
        frame = pl.DataFrame({"at": ["2026-03-01"] * 50, "what": "A", "u": [f"{n * n}" for n in range(50)]})
        frame.write_parquet(tmp_path / f"{number}.parquet")
    data = (tmp_path / "3.parquet").read_bytes()
    put(tmp_path / "3.parquet", data[:10] + b"\x00" * 40 + data[50:])
    events = jn.read_table(tmp_path, **TABLE)
    assert (events.issues.kept, events.issues.quarantined) == (150, 1)
    assert events.issues.quarantine["place"].to_list() == [str(tmp_path / "3.parquet")]
    assert events.issues.quarantine["reason"][0].startswith("unreadable file: ")


def test_files_that_are_not_tables_are_skipped_and_listed(tmp_path):
    put(tmp_path / "1.json", lines(call(1)))
    put(tmp_path / "readme.txt", b"hello")
    put(tmp_path / "error.csv", b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code></Error>\n')
    events = jn.read_segment(tmp_path)
    assert events.issues.kept == 1
    said = "skipped 2 files that are not tables by name or content: 'error.csv', 'readme.txt'"
    assert said in notes(events)


def test_a_file_of_one_line_and_no_rows_is_named(tmp_path):
    put(tmp_path / "a.csv", CSV.encode())
    put(tmp_path / "b.csv", b"AccessDenied\n")
    put(tmp_path / "c.csv", b"<Error>AccessDenied</Error>\n")
    events = jn.read_table(tmp_path, **TABLE)
    assert events.issues.kept == 2
    assert "b.csv has no rows, only the line 'AccessDenied'" in notes(events)
    assert "skipped 1 file that is not a table by name or content: 'c.csv'" in notes(events)


def test_a_text_file_that_is_a_table_is_read(tmp_path):
    put(tmp_path / "a.txt", CSV.encode())
    put(tmp_path / "b.csv", b"at,what,u\n")
    assert jn.read_table(tmp_path, **TABLE).issues.kept == 2


@pytest.mark.parametrize("place", ["", "  "])
def test_no_path_is_refused(place):
    with pytest.raises(jn.SourceError, match=f"source: '{place}' is not a path; the current folder is '.'"):
        jn.read_table(place, **TABLE)
    with pytest.raises(jn.SourceError, match="is not a path"):
        jn.read_segment([place])


@pytest.mark.parametrize("address", ["https://x.example/a.csv?b=c", "s3://bucket/log", "file:///tmp/a.csv"])
def test_an_address_is_refused_in_words(address, capsys):
    with pytest.raises(jn.SourceError, match=f"source: '{address[:6]}.* is a URL"):
        jn.read_table(address, **TABLE)
    assert main(["check", address]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"journeys: FILES: {address!r} is a URL")


def test_of_files_that_differ_only_in_case_the_first_by_name_is_read(tmp_path, monkeypatch):
    files = [tmp_path / name for name in ("calls.csv", "Calls.csv", "CALLS.csv")]
    for turned in (files, files[::-1]):
        monkeypatch.setattr(Path, "iterdir", lambda _, listed=turned: iter(listed))
        with pytest.raises(jn.SourceError, match=r"did you mean 'CALLS\.csv'\?$"):
            find_files(tmp_path / "cals.csv")
