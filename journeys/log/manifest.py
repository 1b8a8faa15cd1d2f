"""The manifest of a store: its files, and what the log in them is. Writing it is the last step of a save."""

from __future__ import annotations

import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from journeys.errors import StoreError
from journeys.log.log import Size
from journeys.log.stored_files import StoredFile, sync_folder

_VERSION = 3
MANIFEST = "manifest.json"
_KINDS = ("events", "people", "codes")
_FILE_NAME = re.compile(r"\w[\w.-]*")
_DATA_NAME = re.compile(r"data-[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class StoredShard:
    """The files of a shard by kind (`_KINDS`), and the range of its person codes."""

    files: Mapping[str, StoredFile]
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a store.

    Attributes
    ----------
    data : Path
        The folder of the files.
    shards : tuple of StoredShard
        The shards, in the order of their person codes.
    frames : mapping of str to StoredFile
        The tables that are kept beside the log.
    names, ranked : tuple of str
        As in `Log`.
    size : Size
        As in `Log`.
    notes : mapping
        Small facts, as JSON.
    """

    data: Path
    shards: tuple[StoredShard, ...]
    frames: Mapping[str, StoredFile]
    names: tuple[str, ...]
    ranked: tuple[str, ...]
    size: Size
    notes: Mapping[str, Any]


def write_manifest(manifest: Manifest) -> None:
    """Swap in a manifest, when everything that it names is on the disk."""
    folder, size = manifest.data.parent, manifest.size
    content = {
        "format": "journeys",
        "version": _VERSION,
        "data": manifest.data.name,
        "shards": [
            {**{kind: _describe_file(file) for kind, file in shard.files.items()}, "low": shard.low, "high": shard.high}
            for shard in manifest.shards
        ],
        "frames": {name: _describe_file(file) for name, file in manifest.frames.items()},
        "names": manifest.names,
        "ranked": manifest.ranked,
        "people": size.people,
        "events": size.events,
        "first": size.first and size.first.isoformat(),
        "last": size.last and size.last.isoformat(),
        "notes": dict(manifest.notes),
    }
    draft = folder / f"{MANIFEST}.{manifest.data.name}"
    sync_folder(manifest.data)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({**content, "checksum": _content_checksum(content)}, file, ensure_ascii=False, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / MANIFEST)
    sync_folder(folder)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a store, and refuse one that is not whole.

    Raise StoreError when it cannot be read, is of another version, was changed, or names files outside its folder.
    """
    shown = os.fspath(folder)
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version = content["version"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StoreError(f"path: the manifest of {shown!r} cannot be read: {error!r}.") from error
    if version != _VERSION:
        raise StoreError(
            f"path: {shown!r} is a store of version {version}; this library reads version {_VERSION}. Build it again "
            "from its sources, or open it with the library that wrote it."
        )
    try:
        if content.pop("checksum") != _content_checksum(content):
            raise ValueError("its checksum does not match")
        return _parse_manifest(folder, content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise StoreError(
            f"path: the manifest of {shown!r} is damaged: {what}. Restore it from a copy, or save the journeys again."
        ) from error


def data_folder_in_use(folder: Path) -> str | None:
    """Return the name of the data folder that the present manifest names, of whatever version; None without one."""
    try:
        return str(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["data"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _describe_file(file: StoredFile) -> dict[str, Any]:
    return {"name": file.path.name, "size": file.size, "checksum": file.checksum}


def _content_checksum(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f"{zlib.crc32(text.encode(errors='surrogatepass')):08x}"


def _parse_manifest(folder: Path, content: dict[str, Any]) -> Manifest:
    """Check every field of a manifest; raise ValueError, KeyError or TypeError for one that does not fit."""
    data = folder / _check_name(content["data"], _DATA_NAME)

    def parse_file(described: Any) -> StoredFile:
        size = _check_number(described["size"])
        return StoredFile(data / _check_name(described["name"], _FILE_NAME), size, str(described["checksum"]))

    shards = tuple(
        StoredShard(
            {kind: parse_file(shard[kind]) for kind in _KINDS},
            _check_number(shard["low"]),
            _check_number(shard["high"]),
        )
        for shard in content["shards"]
    )
    people = _check_number(content["people"])
    bounds = [0, *(code for shard in shards for code in (shard.low, shard.high)), people]
    if not shards or any(one != other for one, other in list(pairwise(bounds))[::2]):
        raise ValueError("its shards do not hold all people")
    frames = {_check_name(name, _FILE_NAME): parse_file(described) for name, described in content["frames"].items()}
    span = [datetime.fromisoformat(text) if text else None for text in (content["first"], content["last"])]
    names, ranked = (tuple(map(str, content[name])) for name in ("names", "ranked"))
    if sorted(names) != sorted(ranked):
        raise ValueError("its lists of event names differ")
    size = Size(people, _check_number(content["events"]), span[0], span[1])
    return Manifest(data, shards, frames, names, ranked, size, dict(content["notes"]))


def _check_name(name: Any, pattern: re.Pattern[str]) -> str:
    """Refuse what is not the plain name of a file, so that nothing outside the folder is read."""
    if not isinstance(name, str) or not pattern.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of one of its files")
    return name


def _check_number(number: Any) -> int:
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"{number!r} is not a count")
    return number
