"""A log on disk: shards of Parquet behind one manifest, which is swapped in as the last act."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl

from journeys.errors import ArgumentError, StoreError
from journeys.log.core import Log, Size, View

__all__ = [
    "VERSION",
    "commit",
    "cuts",
    "drafting",
    "find_log",
    "open_log",
    "save_log",
    "shard_files",
    "write_events",
]

VERSION = 2
ROW_GROUP = 1_000_000
# read at every question, written once: lz4 takes 1.4 times the room of zstd and under half the time to read
COMPRESSION: Literal["lz4"] = "lz4"
_MANIFEST = "manifest.json"
# beside the events, the numbers of their names as they lie in memory: who counts names only has nothing to read
_NUMBER = pl.col("event").to_physical()


def save_log(
    log: Log,
    path: str | Path,
    *,
    shards: int = 1,
    frames: Mapping[str, pl.DataFrame] | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Log:
    """Write a log as a store, and return it as opened from there.

    Whoever reads the folder sees the old store or the new one, never a mixture: the new files lie in a
    folder of their own, and the manifest that points at them is renamed into place when all are written.

    Parameters
    ----------
    log : Log
        The log to write; it may itself lie in the same folder.
    path : str or Path
        The folder.
    shards : int
        How many shards of about the same number of events; no person is split.
    frames : mapping of str to pl.DataFrame, optional
        Further tables to keep beside the log (identities, quarantine).
    notes : mapping, optional
        Anything small that JSON can hold.

    Returns
    -------
    Log

    Raises
    ------
    ArgumentError
        When `shards` is below 1, or the folder holds something that is no store.
    """
    with drafting(path, shards=shards) as data, ThreadPoolExecutor(1) as beside:
        kept = beside.submit(write_frames, frames or {}, data=data)
        counted = pl.concat([view.people.select("event_count") for view in log.shards]).collect()["event_count"]
        counts = counted.fill_null(0).to_numpy()
        ends = np.append(0, np.cumsum(counts))
        files = [
            _write_shard(log, data, number=number, low=low, high=high, rows=(int(ends[low]), int(ends[high])))
            for number, (low, high) in enumerate(cuts(counts, shards=shards))
        ]
        commit(data, log=log, files=files, frames=kept.result(), notes=notes or {})
    return find_log(path)[0]


@contextmanager
def drafting(path: str | Path, *, shards: int) -> Iterator[Path]:
    """Make a folder for the files of a new store beside the old one's; it goes again when writing fails."""
    if shards < 1:
        raise ArgumentError(f"shards: {shards!r} must be at least 1.")
    folder = Path(path)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir()) and not (folder / _MANIFEST).is_file()):
        raise ArgumentError(f"path: {str(path)!r} exists and is no store; choose another or an empty folder.")
    data = folder / f"data-{uuid.uuid4().hex[:12]}"
    data.mkdir(parents=True)
    try:
        yield data
    except BaseException:
        shutil.rmtree(data, ignore_errors=True)
        raise


def write_frames(frames: Mapping[str, pl.DataFrame], *, data: Path) -> list[str]:
    """Write the tables that are kept beside a log, and return their names."""
    for name, frame in frames.items():
        frame.write_parquet(data / f"{name}.parquet", compression=COMPRESSION)
    return sorted(frames)


def commit(
    data: Path,
    *,
    log: Log,
    files: Sequence[Mapping[str, Any]],
    frames: Sequence[str],
    notes: Mapping[str, Any],
) -> None:
    """Swap in the manifest that points at the new files, then let the old files go."""
    folder = data.parent
    manifest = {
        "format": "journeys",
        "version": VERSION,
        "data": data.name,
        "shards": files,
        "frames": list(frames),
        "names": log.names,
        "ranked": log.ranked,
        "people": log.size.people,
        "events": log.size.events,
        "first": log.size.first and log.size.first.isoformat(),
        "last": log.size.last and log.size.last.isoformat(),
        "notes": dict(notes),
    }
    draft = folder / f"{_MANIFEST}.{data.name}"
    draft.write_text(json.dumps(manifest, ensure_ascii=False, indent=1), encoding="utf-8")
    draft.replace(folder / _MANIFEST)
    # the log in hand may still read its old files: only what no open log of ours needs goes
    for old in folder.glob("data-*"):
        if old not in (data, log.path):
            shutil.rmtree(old, ignore_errors=True)


def cuts(counts: np.ndarray, *, shards: int) -> list[tuple[int, int]]:
    """Cut people, given their events, into runs of codes [low, high) with about equally many events each."""
    edges = np.linspace(0, counts.sum(), shards + 1)[1:-1]
    inner = np.searchsorted(np.cumsum(counts), edges, side="left") + 1
    bounds = [0, *np.minimum(inner, counts.size).tolist(), counts.size]
    return list(pairwise(bounds))


def shard_files(number: int, *, low: int, high: int) -> dict[str, Any]:
    """Name the files of a shard and the person codes in it."""
    return {
        "events": f"events-{number:05d}.parquet",
        "codes": f"codes-{number:05d}.npy",
        "people": f"people-{number:05d}.parquet",
        "low": low,
        "high": high,
    }


def _write_shard(log: Log, data: Path, *, number: int, low: int, high: int, rows: tuple[int, int]) -> dict[str, Any]:
    files = shard_files(number, low=low, high=high)
    if len(log.shards) == 1:
        # rows and people lie in the order of the codes, so that a shard is a piece of them
        view = log.shards[0]
        events, people = view.events.slice(rows[0], rows[1] - rows[0]), view.people.slice(low, high - low)
    else:
        inside = (pl.col("person") >= low) & (pl.col("person") < high)
        within = (pl.col("code") >= low) & (pl.col("code") < high)
        events = pl.concat([view.events.filter(inside) for view in log.shards])
        people = pl.concat([view.people.filter(within) for view in log.shards])
    events.sink_parquet(
        data / files["events"], compression=COMPRESSION, maintain_order=True, row_group_size=ROW_GROUP, mkdir=True
    )
    np.save(data / files["codes"], events.select(_NUMBER).collect().to_series().to_numpy(), allow_pickle=False)
    people.sink_parquet(data / files["people"], compression=COMPRESSION, maintain_order=True)
    return files


def write_events(events: pl.DataFrame, data: Path, *, files: Mapping[str, Any]) -> None:
    """Write the sorted events of a shard."""
    events.write_parquet(data / files["events"], compression=COMPRESSION, row_group_size=ROW_GROUP)
    np.save(data / files["codes"], events.select(_NUMBER).to_series().to_numpy(), allow_pickle=False)


def open_log(path: str | Path) -> tuple[Log, dict[str, pl.DataFrame], dict[str, Any]]:
    """Open a store: the log (lazily), the tables kept beside it, and the notes.

    Raises
    ------
    StoreError
        When there is no store, it is of another version, or files are missing.
    """
    log, files, notes = find_log(path)
    return log, {name: pl.read_parquet(file) for name, file in files.items()}, notes


def find_log(path: str | Path) -> tuple[Log, dict[str, Path], dict[str, Any]]:
    """Find what `open_log` opens without reading it: the log, the files of the tables beside it, and the notes."""
    folder = Path(path)
    manifest_file = folder / _MANIFEST
    if not manifest_file.is_file():
        near = sorted(found.parent.name for found in folder.parent.glob(f"*/{_MANIFEST}")) if folder.name else []
        there = f" Stores beside it: {', '.join(map(repr, near))}." if near else ""
        raise StoreError(f"path: {str(path)!r} holds no store (no {_MANIFEST}).{there}")
    try:
        manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
        version = manifest["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"path: the manifest of {str(path)!r} cannot be read ({error}).") from error
    if version != VERSION:
        raise StoreError(f"path: {str(path)!r} is a store of version {version}; this library reads version {VERSION}.")
    data = folder / manifest["data"]
    frame_files = {name: data / f"{name}.parquet" for name in manifest["frames"]}
    kinds = ("events", "people", "codes")
    shards = [[data / shard[kind] for kind in kinds] for shard in manifest["shards"]]
    wanted = [file for files in shards for file in files] + list(frame_files.values())
    missing = [os.fspath(file.relative_to(folder)) for file in wanted if not file.is_file()]
    if missing:
        raise StoreError(f"path: {str(path)!r} is incomplete, missing: {', '.join(missing)}.")
    views = tuple(
        View(pl.scan_parquet(events), pl.scan_parquet(people), whole=True, codes=codes)
        for events, people, codes in shards
    )
    span = [datetime.fromisoformat(text) if text else None for text in (manifest["first"], manifest["last"])]
    size = Size(manifest["people"], manifest["events"], span[0], span[1])
    log = Log(views, tuple(manifest["names"]), tuple(manifest["ranked"]), size, path=data)
    return log, frame_files, manifest["notes"]
