"""A log on disk: shards of Parquet in a folder of their own, and one manifest that names them.

A reader of a store sees the old one or the new one, never a mixture: new files are written into a new folder
`data-*`, and the manifest that names them is renamed into place when all of them are on the disk. The files of the
store before it stay until the next save, for readers that have them open.
"""

from __future__ import annotations

import os
import shutil
import uuid
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import polars as pl

from journeys.errors import ArgumentError, StoreError
from journeys.log.log import Log, View
from journeys.log.manifest import (
    MANIFEST,
    Manifest,
    StoredShard,
    data_folder_in_use,
    read_manifest,
    write_manifest,
)
from journeys.log.stored_files import LOCK, StoredFile, lock_folder, seal_file

_MOST_SHARDS = 100_000
_ROW_GROUP = 1_000_000
# read at every question, written once: lz4 takes 1.4 times the space of zstd and under half the time to read
_COMPRESSION: Literal["lz4"] = "lz4"


def save_log(
    log: Log,
    path: str | Path,
    *,
    shards: int = 1,
    frames: Mapping[str, pl.DataFrame] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Log:
    """Write a log as a store, and return it as opened from there.

    The log may itself be in the same folder. Shards have about the same number of events each; no person is split.
    Further tables (identities, quarantine) and small facts that JSON can hold are kept beside the log.

    Raise ArgumentError when `shards` is not a positive whole number, or the folder holds something other than a store.
    Raise StoreError when another process is writing the store, or the disk is full or read-only.
    """
    with draft_store(path, shards=shards) as data, ThreadPoolExecutor(1) as executor:
        kept = executor.submit(write_frames, frames or {}, data=data)
        sources = _list_sources(log)
        counts = np.concatenate([source.counts for source in sources])
        written = [
            _write_from(sources, data, number=number, low=low, high=high)
            for number, (low, high) in enumerate(cut_people(counts, shards=shards))
        ]
        commit_store(data, log=log, shards=written, frames=kept.result(), notes=notes or {})
    return find_log(path)[0]


@contextmanager
def draft_store(path: str | Path, *, shards: int) -> Iterator[Path]:
    """Make a folder for the files of a new store beside those of the old one; it is removed when writing fails."""
    if not isinstance(shards, int) or isinstance(shards, bool):
        raise ArgumentError(f"shards: {shards!r} is not a whole number.")
    if not 1 <= shards <= _MOST_SHARDS:
        raise ArgumentError(f"shards: {shards!r} must be at least 1 and at most {_MOST_SHARDS:,}.")
    folder = _as_folder(path)
    try:
        if folder.is_file() or (folder.is_dir() and not _is_store_or_empty(folder)):
            raise ArgumentError(f"path: {str(path)!r} exists and is not a store; choose another or an empty folder.")
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with lock_folder(folder):
            data = folder / f"data-{uuid.uuid4().hex[:12]}"
            data.mkdir(mode=0o700)
            try:
                yield data
            except BaseException:
                shutil.rmtree(data, ignore_errors=True)
                raise
    except OSError as error:
        raise StoreError(f"path: {str(path)!r} could not be written: {error.strerror or error}.") from error


def _as_folder(path: str | Path) -> Path:
    """Return an absolute path, in which "~" or "file:" at its beginning have no other meaning."""
    if not isinstance(path, str | os.PathLike) or "\0" in os.fspath(path):
        raise ArgumentError(f"path: {path!r} is not the name of a folder.")
    return Path(path).absolute()


def _is_store_or_empty(folder: Path) -> bool:
    """Return whether a folder has a store, nothing, or the remains of a first save that was killed."""
    if (folder / MANIFEST).is_file():
        return True
    return all(
        one.name == LOCK or one.name.startswith(f"{MANIFEST}.data-") or (one.name.startswith("data-") and one.is_dir())
        for one in folder.iterdir()
    )


def write_frames(frames: Mapping[str, pl.DataFrame], *, data: Path) -> dict[str, StoredFile]:
    """Write the tables that are kept beside a log."""
    written = {}
    for name, frame in frames.items():
        file = data / f"{name}.parquet"
        frame.write_parquet(file, compression=_COMPRESSION)
        written[name] = seal_file(file)
    return dict(sorted(written.items()))


def commit_store(
    data: Path,
    *,
    log: Log,
    shards: Sequence[StoredShard],
    frames: Mapping[str, StoredFile],
    notes: Mapping[str, Any],
) -> None:
    """Swap in the manifest of the new files, then remove those that no reader of the store before it needs."""
    folder = data.parent
    kept = {data.name, data_folder_in_use(folder), log.path.name if log.path else None}
    write_manifest(Manifest(data, tuple(shards), frames, log.names, log.ranked, log.size, notes))
    for old in folder.glob("data-*"):
        if old.name not in kept:
            shutil.rmtree(old, ignore_errors=True)
    for draft in folder.glob(f"{MANIFEST}.data-*"):
        draft.unlink(missing_ok=True)


def cut_people(counts: np.ndarray, *, shards: int) -> list[tuple[int, int]]:
    """Cut people, given their numbers of events, into ranges of codes [low, high) with about equally many events.

    Examples
    --------
    >>> cut_people(np.array([5, 1, 4]), shards=2)
    [(0, 1), (1, 3)]
    """
    edges = np.linspace(0, counts.sum(), shards + 1)[1:-1]
    inner = np.searchsorted(np.cumsum(counts), edges, side="left") + 1
    bounds = [0, *np.minimum(inner, counts.size).tolist(), counts.size]
    return list(pairwise(bounds))


class _Source(NamedTuple):
    """A shard that is copied: its people have the codes from `first` on, and `counts` events each."""

    view: View
    first: int
    counts: np.ndarray
    ends: np.ndarray


def _first_code(source: _Source) -> int:
    return source.first


def _list_sources(log: Log) -> list[_Source]:
    sources, first = [], 0
    for view in log.shards:
        counts = view.people.select(pl.col("event_count").fill_null(0)).collect().to_series().to_numpy()
        sources.append(_Source(view, first, counts, np.append(0, np.cumsum(counts))))
        first += counts.size
    return sources


def _write_from(sources: Sequence[_Source], data: Path, *, number: int, low: int, high: int) -> StoredShard:
    """Write the shard of the codes from `low` to before `high`, copied from the shards that hold them.

    Rows and people are in the order of the codes, so that each part is a slice: of shards with the codes 0-4 and 5-9,
    the new shard 3-6 takes the last two people of the first and the first two of the second.
    """
    begin = max(bisect_right(sources, low, key=_first_code) - 1, 0)
    end = max(bisect_left(sources, high, key=_first_code), begin + 1)  # one at least, for the columns
    events, people = [], []
    for source in sources[begin:end]:
        start, stop = (min(max(code - source.first, 0), source.counts.size) for code in (low, high))
        row, last = int(source.ends[start]), int(source.ends[stop])
        events.append(source.view.events.slice(row, last - row))
        people.append(source.view.people.slice(start, stop - start))
    return write_shard(pl.concat(events), pl.concat(people), data, number=number, low=low, high=high)


def write_shard(
    events: pl.LazyFrame, people: pl.LazyFrame, data: Path, *, number: int, low: int, high: int
) -> StoredShard:
    """Write the sorted events and the people of a shard, and the codes of the events' names for NumPy."""
    files = {kind: data / f"{kind}-{number:05d}.parquet" for kind in ("events", "people")}
    files["codes"] = data / f"codes-{number:05d}.npy"
    events.sink_parquet(
        files["events"], compression=_COMPRESSION, maintain_order=True, row_group_size=_ROW_GROUP, mkdir=True
    )
    codes = events.select(pl.col("event").to_physical()).collect().to_series().to_numpy()
    np.save(files["codes"], codes, allow_pickle=False)
    people.sink_parquet(files["people"], compression=_COMPRESSION, maintain_order=True)
    return StoredShard({kind: seal_file(file) for kind, file in files.items()}, low, high)


def open_log(path: str | Path) -> tuple[Log, dict[str, pl.DataFrame], dict[str, Any]]:
    """Open a store: the log (lazily), the tables kept beside it, and the notes.

    Raise StoreError when there is no store, it is of another version, or it is damaged.
    """
    log, files, notes = find_log(path)
    frames = {}
    for name, file in files.items():
        file.check_content()
        frames[name] = pl.read_parquet(file.path, glob=False, hive_partitioning=False)
    return log, frames, notes


def find_log(path: str | Path) -> tuple[Log, dict[str, StoredFile], dict[str, Any]]:
    """Find what `open_log` opens without reading it: the log, the files of the tables beside it, and the notes."""
    folder = _as_folder(path)
    try:
        if not (folder / MANIFEST).is_file():
            near = sorted(found.parent.name for found in folder.parent.glob(f"*/{MANIFEST}")) if folder.name else []
            nearby = f" Stores beside it: {', '.join(map(repr, near))}." if near else ""
            raise StoreError(f"path: {str(path)!r} is not a store (it has no {MANIFEST}).{nearby}")
    except OSError as error:
        raise StoreError(f"path: {str(path)!r} could not be read: {error}.") from error
    manifest = read_manifest(folder)
    files = [*(file for shard in manifest.shards for file in shard.files.values()), *manifest.frames.values()]
    missing = [os.fspath(file.path.relative_to(folder)) for file in files if not file.path.is_file()]
    if missing:
        if data_folder_in_use(folder) != manifest.data.name:
            return find_log(path)  # the store was saved again in between
        raise StoreError(f"path: {str(path)!r} is incomplete, missing: {', '.join(missing)}.")
    views = tuple(_open_shard(**shard.files) for shard in manifest.shards)
    log = Log(views, manifest.names, manifest.ranked, manifest.size, path=manifest.data)
    return log, dict(manifest.frames), dict(manifest.notes)


def _open_shard(events: StoredFile, people: StoredFile, codes: StoredFile) -> View:
    frames = [pl.scan_parquet(file.path, glob=False, hive_partitioning=False) for file in (events, people)]
    return View(*frames, whole=True, codes=codes, event_files=(events,), people_files=(people,))
