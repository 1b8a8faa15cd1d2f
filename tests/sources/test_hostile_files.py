"""Whatever a file, a path or a disk does, the reader reads it, rejects it with a reason, or refuses in one sentence."""

import gzip
import io
import json
import os
import resource
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

import journeys as jn
from journeys.events.batches import iterate_batches
from journeys.sources.reading import decompress, files

TABLE = {"timestamp": "at", "event": "what", "ids": ["u"]}
CSV = "at,what,u\n2026-03-01 10:00:00Z,A,1\n2026-03-01 10:00:01Z,B,2\n"
FRAME = pl.read_csv(CSV.encode())


def call(number, **more):
    one = {"type": "track", "event": "Signed Up", "messageId": f"m{number}", "userId": f"u{number}"}
    return one | {"timestamp": "2026-03-01T10:00:00Z"} | more


def ndjson(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def adds_up(events):
    found = events.issues
    assert found.read == found.kept + found.facts + found.duplicates + found.quarantined
    return found


# paths


@pytest.mark.parametrize(
    "name", ["d[1]", "~x", "~", "file:", "https:", "ü ö", "a b", "x*y", "q?z", "a\nb", "_x", "%41"]
)
@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_a_folder_of_any_name_is_read_by_any_path(tmp_path, monkeypatch, name, ending):
    folder = tmp_path / name
    folder.mkdir()
    write = {"csv": FRAME.write_csv, "parquet": FRAME.write_parquet, "json": FRAME.write_ndjson}[ending]
    with (folder / f"a.{ending}").open("wb") as file:
        write(file)
    monkeypatch.chdir(tmp_path)
    for source in (folder, str(folder), Path(name), f"{name}/a.{ending}", [f"{name}/a.{ending}"], str(folder / "*")):
        assert jn.read_table(source, **TABLE).issues.kept == 2


def test_a_tilde_stands_for_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "log.csv").write_text(CSV)
    assert jn.read_table("~/log.csv", **TABLE).issues.kept == 2


def test_paths_that_cannot_be_read_are_refused_in_words(tmp_path):
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "plain.csv").write_text(CSV)
    os.mkfifo(tmp_path / "pipe.csv")
    for source, said in (
        ("a" * 5000 + ".csv", r"source: 'aaa.*…' cannot be read: File name too long\."),
        ("a\0b.csv", "there is no file or folder"),
        ("~no-such-user/x.csv", r"there is no file or folder '~no-such-user/x\.csv'"),
        (tmp_path / "dangling.csv", r"is a link to '.*gone\.csv', which does not exist\."),
        (tmp_path / "plain.csv" / "x.csv", "there is no file or folder"),
        (tmp_path / "pipe.csv", "is not a file or folder but a pipe"),
        (os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv"), "there is no file or folder|is not UTF-8"),
        ([], r"source: the list of files is empty\."),
    ):
        with pytest.raises(jn.SourceError, match=said):
            jn.read_table(source, **TABLE)


def test_a_name_that_is_not_utf_8_is_skipped_and_reported(tmp_path):
    (tmp_path / "a.csv").write_text(CSV)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).write_text(CSV)
    events = jn.read_table(tmp_path, **TABLE)
    assert events.issues.kept == 2
    assert "skipped 1 file" in " ".join(events.issues.table.filter(kind="note")["reason"])


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.parquet", "z.zip", "d", "e", "mixed"])
def test_permission_denied_names_the_place(tmp_path, monkeypatch, name):
    place = tmp_path / ("mixed/no.csv" if name == "mixed" else name)
    real_open, real_walk = Path.open, os.walk

    def refuse(path, *arguments, **options):
        if Path(path) == place:
            raise PermissionError(13, "Permission denied", str(path))
        return real_open(path, *arguments, **options)

    def walk(top, onerror=None, **options):
        if name in ("d", "e"):
            onerror(PermissionError(13, "Permission denied", str(place)))
        return real_walk(top, onerror=onerror, **options)

    (tmp_path / "mixed").mkdir()
    (tmp_path / "mixed/ok.csv").write_text(CSV)
    if name in ("d", "e"):
        place.mkdir()
    else:
        place.write_bytes({"z.zip": b"PK\x03\x04", "a.parquet": b"PAR1"}.get(name, CSV.encode()))
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(files.os, "walk", walk)
    if name == "z.zip":
        monkeypatch.setattr(files.zipfile, "ZipFile", refuse)
    elif name == "a.parquet":
        monkeypatch.setattr(pl, "scan_parquet", lambda *_, **__: refuse(place))
    if name != "mixed":
        with pytest.raises(jn.SourceError, match="Permission denied"):
            jn.read_table(place, **TABLE)
        return
    found = adds_up(jn.read_table(tmp_path / "mixed", **TABLE))
    assert (found.kept, found.quarantine["reason"].to_list()) == (2, ["unreadable file: Permission denied"])


# names of columns


NAMES = st.sampled_from(
    ["*", "^a.*$", "^$", "^(", "(*)", "", ".", " ", '"', "\0", "a\nb", "$", "~", "\u202e", "u0", "`"]
)


@given(st.lists(NAMES, min_size=1, max_size=4, unique=True))
@example(["*", "^a.*$"])
def test_a_column_may_have_any_name(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names")
    rows = [call(n, properties=dict.fromkeys(names, n) | {"deep": dict.fromkeys(names, n)}) for n in range(3)]
    (folder / "a.json").write_text(ndjson(*rows))
    events = jn.read_segment(folder / "a.json")
    assert adds_up(events).kept == events.table.collect().height == 3
    table = FRAME.with_columns(pl.lit(7).alias(name) for name in names)
    for write, ending in ((table.write_csv, "csv"), (table.write_parquet, "parquet"), (table.write_ndjson, "json")):
        write(folder / f"b.{ending}")
        events = jn.read_table(folder / f"b.{ending}", **TABLE)
        assert adds_up(events).kept == events.table.collect().height == 2
    events = jn.read_table(table, **TABLE)
    assert adds_up(events).kept == events.table.collect().height == 2
    assert events.table.collect().width == 4 + len(names)


# nesting


@pytest.mark.parametrize("depth", [5, 59, 61, 300, 990, 1000, 20_000])
@pytest.mark.parametrize(("opening", "closing"), [('{"n":', "}"), ("[", "]"), ('[{"n":', "}]")])
def test_json_of_any_depth_costs_no_other_row(tmp_path, depth, opening, closing):
    deep = opening * depth + "1" + closing * depth
    path = tmp_path / "deep.json"
    line = json.dumps(call(2))[:-1] + f', "properties": {{"d": {deep}}}}}\n'
    path.write_text(ndjson(call(1, properties={"d": 5, "plan": "pro"})) + line + ndjson(call(3)))
    events = jn.read_segment(path)
    found = adds_up(events)
    assert found.read == 3
    assert found.kept in (2, 3)
    if found.kept == 2:
        assert depth > 300
        assert found.quarantine.select("reason", "place").row(0) == ("JSON nested too deeply", f"{path}:2")
    assert events.table.filter(user_id="u1").collect()["plan"].to_list() == ["pro"]
    path.write_text(deep + "\n")
    with pytest.raises(jn.JourneysError):
        jn.read_segment(path)
    text = deep.replace('"', '""')
    table = tmp_path / "deep.csv"
    table.write_text(f'event,timestamp,distinct_id,uuid,properties\nA,2026-03-01T10:00:00Z,u,1,"{text}"\n')
    assert adds_up(jn.read_posthog(table)).kept == 1


# archives


@pytest.mark.parametrize(
    "name", ["/etc/log.csv", "../../log.csv", "a//log.csv", "./log.csv", "a\\log.csv", " log .csv"]
)
def test_a_member_of_an_archive_may_have_any_name(tmp_path, name):
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), CSV)
        archive.writestr(zipfile.ZipInfo("b.csv"), CSV + "1,2,3,4,5\n")
    found = adds_up(jn.read_table(path, **TABLE))
    assert (found.kept, found.quarantine["place"].to_list()) == (4, [f"{path}/b.csv:4"])


def test_members_without_a_name_or_of_the_same_name_are_no_trouble(tmp_path):
    path = tmp_path / "log.zip"
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name in ("", "a.csv", "a.csv", "d/"):
            archive.writestr(zipfile.ZipInfo(name), CSV)
    assert jn.read_table(path, **TABLE).issues.kept == 4


BOMB = "unreadable file: decompresses to over 250 times its size: refused as a decompression bomb"


@pytest.mark.parametrize("unit", ["0", "\n", " ", "[", '{"a": 1}\n', "2026-03-01 10:00:00Z,A,1\n"])
@pytest.mark.parametrize("ending", ["csv.gz", "json.gz", "csv.zst", "json.zst", "zip"])
def test_a_decompression_bomb_is_refused_before_it_takes_memory(tmp_path, monkeypatch, unit, ending):
    monkeypatch.setattr(decompress, "HARMLESS", 1 << 20)
    monkeypatch.setattr(files, "CHUNK", 1 << 16)
    start = (CSV if "csv" in ending or ending == "zip" else ndjson({"at": "2026-03-01", "what": "A", "u": 1})).encode()
    content = start + (unit * ((6 << 20) // len(unit))).encode()
    path = tmp_path / f"bomb.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", content)
    else:
        path.write_bytes(gzip.compress(content) if ending.endswith("gz") else zstandard.compress(content))
    read = []
    with pytest.raises(decompress.BombError):
        read.extend(len(block) for block in files.read_text(files.find_files(path)[0]))
    assert sum(read) < len(content)
    try:
        reasons = jn.read_table(path, **TABLE).issues.quarantine["reason"].to_list()
    except jn.SourceError as error:
        reasons = [str(error)]
    assert any(BOMB in reason for reason in reasons)


def test_text_that_is_merely_repetitive_is_no_bomb(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress((CSV + CSV.split("\n", 1)[1] * 20_000).encode()))
    assert jn.read_table(tmp_path, **TABLE).issues.kept == 40_002


# files that change, or end, at any point


@pytest.fixture(scope="module")
def originals():
    rows = pl.DataFrame({"at": ["2026-03-01 10:00:00Z"] * 400, "what": "A", "u": [f"{n}" for n in range(400)]})
    found = {}
    for ending, write in (("csv", rows.write_csv), ("json", rows.write_ndjson), ("parquet", rows.write_parquet)):
        write(data := io.BytesIO())
        found[ending] = data.getvalue()
    rows.write_ipc(data := io.BytesIO())
    found["arrow"] = data.getvalue()
    for ending in ("csv", "json"):
        found[f"{ending}.gz"] = gzip.compress(found[ending])
        found[f"{ending}.zst"] = zstandard.compress(found[ending])
    with zipfile.ZipFile(data := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", found["csv"])
        archive.writestr("b.json", found["json"])
    return found | {"zip": data.getvalue()}


@pytest.mark.parametrize(
    "ending", ["csv", "json", "parquet", "arrow", "csv.gz", "json.gz", "csv.zst", "json.zst", "zip"]
)
@given(data=st.data())
def test_a_file_cut_or_damaged_anywhere_is_read_or_refused_in_words(tmp_path_factory, originals, ending, data):
    content = originals[ending]
    cut = data.draw(st.integers(0, len(content)))
    damage = data.draw(st.binary(max_size=8))
    at = data.draw(st.integers(0, len(content)))
    path = tmp_path_factory.mktemp("cut") / f"a.{ending}"
    path.write_bytes((content[:at] + damage + content[at + len(damage) :])[: cut or None])
    try:
        events = jn.read_table(path, **TABLE)
        found = adds_up(events)
    except jn.JourneysError:
        return
    assert events.table.collect().height == found.kept


@pytest.mark.parametrize("harm", ["gone", "cut", "garbage"])
@pytest.mark.parametrize("ending", ["parquet", "arrow", "csv"])
def test_a_file_that_changes_after_it_was_opened_is_an_error_in_words(tmp_path, monkeypatch, ending, harm):
    monkeypatch.setattr("journeys.sources.reading.SMALL", 0)
    path = tmp_path / f"a.{ending}"
    rows = pl.DataFrame({"at": ["2026-03-01 10:00:00Z"] * 9000, "what": "A", "u": [f"{n}" for n in range(1, 9001)]})
    {"parquet": rows.write_parquet, "arrow": rows.write_ipc, "csv": rows.write_csv}[ending](path)
    content = path.read_bytes()

    def use(ask):
        path.write_bytes(content)
        events = jn.read_table(path, **TABLE)
        if harm == "gone":
            path.unlink()
        else:
            path.write_bytes(content[: len(content) // 3] + (b"\xff" * len(content) if harm == "garbage" else b""))
        return ask(events)

    for ask in (
        lambda events: events.issues.kept,
        repr,
        lambda events: jn.stitch(events).people.height,
        lambda events: jn.Journeys.from_table(events, person="u").people.height,
        lambda events: jn.Journeys.from_table(events, person="u", store=tmp_path / "store").people.height,
    ):
        try:
            answer = use(ask)
        except jn.JourneysError:
            continue
        # a CSV that became shorter is a shorter CSV; an Arrow file may be mapped into memory
        assert (ending == "csv" and harm == "cut") or answer == 9000 or isinstance(answer, str), answer


def test_batches_do_not_end_early_without_a_word(tmp_path):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"n": range(50_000)}).write_parquet(path, row_group_size=5000)
    rows = pl.scan_parquet(path)
    rows.collect_schema()
    assert sum(batch.height for batch in iterate_batches(rows, size=7000)) == 50_000
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(Exception, match="damaged|PAR1"):
        sum(batch.height for batch in iterate_batches(rows, size=7000))


def test_more_files_than_may_be_open_lose_no_row(tmp_path):
    for kind, write in (("csv", FRAME.write_csv), ("parquet", FRAME.write_parquet), ("json", FRAME.write_ndjson)):
        (tmp_path / kind).mkdir()
        for number in range(60):
            write(tmp_path / kind / f"{number}.{kind}")
    code = (
        "import resource, sys, journeys as jn, journeys.sources.check\n"
        "first = jn.read_table(sys.argv[1] + '/csv/1.csv', timestamp='at', event='what', ids=['u']).issues.kept\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (16, {resource.getrlimit(resource.RLIMIT_NOFILE)[1]}))\n"
        "for kind in ('csv', 'json', 'parquet'):\n"
        "    try:\n"
        "        print(jn.read_table(f'{sys.argv[1]}/{kind}', timestamp='at', event='what', ids=['u']).issues.kept)\n"
        "    except jn.SourceError as error:\n"
        "        print('SourceError', 'Too many open files' in str(error))\n"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False)
    assert set(run.stdout.splitlines()) <= {"120", "SourceError True"}, run.stderr
    assert run.stdout.splitlines()[:2] == ["120", "120"]
