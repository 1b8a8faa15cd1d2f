"""A store survives writers, readers and damage: the answer is right, or a StoreError says what is wrong and where."""

import json
import multiprocessing
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import polars as pl
import pytest

import journeys as jn
from journeys.log import checksum, manifest, stored_files
from journeys.log.stored_files import lock_folder


def log(people=20, prefix="p"):
    rows = [(f"{prefix}{n:03d}", "2026-03-01", "Visit") for n in range(people)]
    rows += [(f"{prefix}{n:03d}", "2026-03-02", "Buy") for n in range(people // 3)]
    return jn.Journeys.from_table(pl.DataFrame(rows, schema=["person", "timestamp", "event"], orient="row"))


def funnel(j):
    return j.funnel(["Visit", "Buy"]).table["people"].to_list()


def files(folder):
    return sorted(path for path in Path(folder).glob("data-*/*") if path.is_file())


# -- several writers --------------------------------------------------------------------------


def _save(prefix, store, barrier):
    j = log(300, prefix)
    barrier.wait()
    try:
        j.save(store, shards=4)
    except jn.StoreError as error:
        assert "is being written by process" in str(error)  # noqa: PT017  # in a process of its own
        sys.exit(3)


def test_of_two_writers_one_store_is_left(tmp_path):
    store = tmp_path / "store"
    log(3, "old").save(store)
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    writers = [spawn.Process(target=_save, args=(name, store, barrier)) for name in "ab"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(writer.exitcode for writer in writers) in ([0, 0], [0, 3])
    left = jn.open(store).people["person"]
    assert left.str.head(1).n_unique() == 1
    assert left.len() == 300


def test_a_second_writer_learns_which_process_holds_the_store(tmp_path):
    store = tmp_path / "store"
    j = log().save(store)
    with (
        lock_folder(store),
        pytest.raises(jn.StoreError, match=rf"is being written by process {os.getpid()} on .* since"),
    ):
        j.save(store)
    j.save(store)
    assert not (store / stored_files.LOCK).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="no fcntl")
def test_a_writer_that_has_just_taken_the_lock_is_named(tmp_path):
    import fcntl

    with (tmp_path / stored_files.LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        name = threading.Timer(0.05, lambda: (held.write("process 7"), held.flush()))
        name.start()
        with pytest.raises(jn.StoreError, match="is being written by process 7;"), lock_folder(tmp_path):
            pass
        name.join()


@pytest.mark.skipif(sys.platform == "win32", reason="no fcntl")
def test_the_lock_of_a_dead_writer_is_free(tmp_path):
    store = tmp_path / "store"
    code = f"""
        import os, signal, pathlib, journeys.log.stored_files as stored_files
        folder = pathlib.Path({os.fspath(store)!r})
        folder.mkdir()
        with stored_files.lock_folder(folder):
            (folder / "data-0123456789ab").mkdir()
            os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=False)
    assert run.returncode == -signal.SIGKILL
    assert (store / stored_files.LOCK).exists()
    with pytest.raises(jn.StoreError, match="is not a store"):
        jn.open(store)
    # what a first save left that was killed does not block the next
    assert funnel(log().save(store)) == [20, 6]
    assert len(list(store.glob("data-*"))) == 1


# -- readers and overwriting ------------------------------------------------------------------


def test_a_reader_goes_on_while_the_store_is_overwritten(tmp_path):
    store = tmp_path / "store"
    log().save(store)
    reader = jn.open(store)
    log(30).save(store, shards=3)
    assert funnel(reader) == [20, 6]
    assert funnel(jn.open(store)) == [30, 10]
    log(40).save(store)
    with pytest.raises(jn.StoreError, match=r"(is missing|could not be read).*open it again"):
        funnel(reader)
    with pytest.raises(jn.StoreError, match="open it again"):
        _ = reader.people
    assert len(list(store.glob("data-*"))) == 2


def test_a_selection_is_saved_onto_its_own_store(tmp_path):
    store = tmp_path / "store"
    whole = log().save(store, shards=3)
    buyers = whole.only(pl.col("event_count") > 1)
    saved = buyers.save(store, shards=2)
    assert funnel(saved) == funnel(jn.open(store)) == [6, 6]
    assert funnel(whole) == [20, 6]
    assert funnel(buyers) == [6, 6]


@pytest.mark.parametrize("shards", [1, 2, 7])
@pytest.mark.parametrize("before", [1, 3, 30])
def test_a_store_is_copied_shard_by_shard(before, shards, tmp_path):
    j = log()
    stored = j.save(tmp_path / "one", shards=before)
    copy = stored.save(tmp_path / "two", shards=shards)
    assert copy.events.collect().equals(j.events.collect())
    assert copy.people.equals(j.people)
    assert len(copy._log.shards) == shards


# -- damage -----------------------------------------------------------------------------------


def flip(path, at=-1):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("kind", ["codes", "events", "people", "quarantine"])
def test_a_flipped_bit_is_noticed(kind, tmp_path):
    log(100).save(tmp_path)
    (file,) = (path for path in files(tmp_path) if path.name.startswith(kind))
    for at in (-1, len(file.read_bytes()) // 2):
        flip(file, at)
        with pytest.raises(jn.StoreError, match=rf"{file.name}' is damaged: it does not hold what was saved"):
            _ask_everything(jn.open(tmp_path))
        flip(file, at)
    _ask_everything(jn.open(tmp_path))


def _ask_everything(j):
    j.correlation("Buy", min_people=0)
    funnel(j)
    _ = j.people


def test_a_file_that_changes_after_it_was_read_is_noticed(tmp_path):
    j = log(100).save(tmp_path)
    funnel(j)
    flip(next(path for path in files(tmp_path) if path.name.startswith("events")))
    with pytest.raises(jn.StoreError, match="is damaged"):
        funnel(j)


@pytest.mark.parametrize("kind", ["codes", "events", "people"])
@pytest.mark.parametrize("harm", ["remove", "truncate", "empty"])
def test_a_missing_or_shortened_file_is_noticed(kind, harm, tmp_path):
    log().save(tmp_path)
    opened = jn.open(tmp_path)
    (file,) = (path for path in files(tmp_path) if path.name.startswith(kind))
    if harm == "remove":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[: -10 if harm == "truncate" else 0])
    with pytest.raises(jn.StoreError, match=file.name):
        _ask_everything(opened)
    with pytest.raises(jn.StoreError, match=file.name):
        _ask_everything(jn.open(tmp_path))


def _signed(content):
    content.pop("checksum", None)
    return {**content, "checksum": manifest._content_checksum(content)}


MANIFESTS = {
    "a file outside the folder": lambda c: c["shards"][0]["events"].update(name="../../secret.parquet"),
    "an absolute file": lambda c: c["shards"][0]["events"].update(name="/etc/passwd"),
    "a data folder outside": lambda c: c.update(data="../other"),
    "a missing shard": lambda c: c["shards"].pop(0),
    "no shard": lambda c: c["shards"].clear(),
    "a missing field": lambda c: c.pop("ranked"),
    "a wrong type": lambda c: c.update(people="many"),
    "a wrong number": lambda c: c.update(events=-1),
    "a wrong time": lambda c: c.update(first="yesterday"),
    "a list for an object": lambda c: c.update(frames=[1]),
    "nothing for a list": lambda c: c.update(shards=None),
    "names that differ": lambda c: c.update(names=["Visit"]),
}


@pytest.mark.parametrize("change", MANIFESTS.values(), ids=MANIFESTS)
def test_a_manifest_that_does_not_fit_is_refused(change, tmp_path):
    log().save(tmp_path, shards=2)
    file = tmp_path / "manifest.json"
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(_signed(content)))
    with pytest.raises(jn.StoreError, match="the manifest of .* is damaged"):
        jn.open(tmp_path)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "3", "[]", "null", '"x"', "{}", "\ud800".encode("utf-8", "surrogatepass")]
)
def test_a_manifest_that_is_no_manifest_is_refused(text, tmp_path):
    log().save(tmp_path)
    (tmp_path / "manifest.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(jn.StoreError, match="cannot be read"):
        jn.open(tmp_path)


def test_any_changed_digit_of_a_manifest_is_noticed(tmp_path):
    log().save(tmp_path)
    file = tmp_path / "manifest.json"
    file.write_text(file.read_text().replace('"people": 20', '"people": 21'))
    with pytest.raises(jn.StoreError, match="its checksum does not match"):
        jn.open(tmp_path)


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 8 * checksum._BLOCK, 8 * checksum._BLOCK + 3, 300_000])
def test_a_checksum_shows_any_single_change(size, tmp_path, monkeypatch):
    monkeypatch.setattr(checksum, "_PART", 1 << 18)
    file = tmp_path / "file"
    file.write_bytes(bytes(k % 251 for k in range(size)))
    good = checksum.compute_checksum(file)
    assert checksum.compute_checksum(file) == good
    for at in {0, size // 2, size - 1} if size else ():
        flip(file, at)
        assert checksum.compute_checksum(file) != good
        flip(file, at)
    file.write_bytes(file.read_bytes() + b"\0")
    assert checksum.compute_checksum(file) != good


# -- names, permissions, full disks -----------------------------------------------------------


@pytest.mark.parametrize("name", ["a[1]", "~", "file:", "with blanks", "Übergröße", "a*b?", "x=1", "#1%20"])
def test_folders_of_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (name, tmp_path / f"{name} 2"):
        j = log().save(path, shards=2)
        assert funnel(j) == funnel(jn.open(path)) == [20, 6]
        assert jn.open(path).people.height == 20


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_a_store_is_readable_by_its_owner_only(tmp_path):
    for name, make in (
        ("saved", lambda path: log().save(path, shards=2)),
        ("streamed", lambda path: jn.Journeys.from_table(log().events, store=path, shards=2)),
    ):
        make(tmp_path / name)
        for path in ((tmp_path / name), *(tmp_path / name).rglob("*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.mark.parametrize("shards", [2.5, "2", None, True, 0, -1, 10**9])
def test_shards_are_a_positive_whole_number(shards, tmp_path):
    with pytest.raises(jn.ArgumentError, match="shards: "):
        log().save(tmp_path / "store", shards=shards)
    assert not (tmp_path / "store").exists()


def test_a_full_disk_raises_an_error_and_leaves_the_old_store(tmp_path, monkeypatch):
    j = log().save(tmp_path / "store")

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", fail)
    with pytest.raises(jn.StoreError, match=r"path: '.*store' could not be written: .*No space left on device"):
        j.save(tmp_path / "store")
    monkeypatch.undo()
    assert funnel(jn.open(tmp_path / "store")) == [20, 6]
    assert len(list((tmp_path / "store").glob("data-*"))) == 1


def test_a_folder_that_cannot_be_made_raises_an_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(jn.JourneysError, match="file"):
        log().save(tmp_path / "file" / "store")
    with pytest.raises(jn.StoreError, match="path: "):
        jn.open(tmp_path / "file" / "store")


@pytest.mark.parametrize("path", [None, 3, "a\0b"])
def test_a_path_is_the_name_of_a_folder(path):
    with pytest.raises(jn.ArgumentError, match="path: .* is not the name of a folder"):
        jn.open(path)
    with pytest.raises(jn.ArgumentError, match="path: .* is not the name of a folder"):
        log().save(path)


def test_too_many_open_files_are_an_error_of_ours(tmp_path, monkeypatch):
    j = log().save(tmp_path)

    def fail(*_, **__):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(pl.LazyFrame, "collect", fail)
    with pytest.raises(jn.StoreError, match="The log could not be read: .*Too many open files"):
        funnel(j)


def test_a_store_can_be_moved(tmp_path):
    log().save(tmp_path / "one", shards=2)
    shutil.move(tmp_path / "one", tmp_path / "two")
    assert funnel(jn.open(tmp_path / "two")) == [20, 6]


def test_a_condition_that_does_not_fit_is_an_error_of_ours():
    j = log()
    with pytest.raises(jn.ArgumentError, match="A condition cannot be evaluated on the columns of this log"):
        j.where(pl.col("event").cast(pl.String).str.to_datetime() > pl.datetime(2026, 1, 1)).flow()


@pytest.mark.parametrize("in_store", [False, True])
def test_a_table_that_cannot_be_read_is_an_error_of_ours(in_store, tmp_path):
    store = tmp_path / "store" if in_store else None
    schema = dict.fromkeys(["person", "timestamp", "event"], pl.String)
    with pytest.raises(jn.SourceError, match="source: a file of 'table' no longer exists"):
        jn.Journeys.from_table(pl.scan_csv(tmp_path / "missing.csv", schema=schema), store=store)
    (tmp_path / "damaged.parquet").write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    with pytest.raises(jn.SourceError, match="source: the rows of 'table' cannot be read"):
        jn.Journeys.from_table(pl.scan_parquet(tmp_path / "damaged.parquet"), store=store)
    wrong = log().events.with_columns(n=pl.col("event").cast(pl.String).str.to_integer())
    with pytest.raises(jn.SourceError, match="source: the rows of 'table' cannot be read"):
        jn.Journeys.from_table(wrong, store=store)
    assert store is None or not (store / "manifest.json").exists()
