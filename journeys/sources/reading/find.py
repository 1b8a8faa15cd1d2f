"""Which files are meant by a path, and what each is: by its ending, else by its first bytes."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from journeys.errors import SourceError, closest

__all__ = ["Found", "find_files", "table_name"]

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".json": "ndjson",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "ipc",
    ".feather": "ipc",
    ".ipc": "ipc",
}
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
MAGIC = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))


@dataclass(frozen=True, slots=True)
class Found:
    """One file: where it is, its format (csv, ndjson, parquet, ipc) and its compression, if any."""

    path: Path
    format: str
    compression: str | None = None

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size


def find_files(source: str | Path | Iterable[str | Path]) -> list[Found]:
    """List the data files that a path, a glob, a folder or several of them mean, sorted by name.

    Raises
    ------
    SourceError
        Nothing is there, or nothing in the folder is a table that can be read.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise SourceError("source: no files were given")
    found: list[Found] = []
    for one in sources:
        paths = _paths(Path(one).expanduser())
        found += [_describe(path) for path in paths]
    return found


def table_name(found: Found) -> str:
    """Name the table a file holds: its stem without endings (`tracks.csv.gz` → `tracks`).

    Parts of a table that lies in a folder of its own (`tracks/part-0001.parquet`) have the folder's name.
    """
    stem = found.path.name.split(".")[0].lower()
    parted = stem.lstrip("0123456789-_").startswith("part") or stem.replace("-", "").replace("_", "").isdigit()
    return found.path.parent.name.lower() if parted else stem


def _paths(path: Path) -> list[Path]:
    if path.is_dir():
        inside = sorted(p for p in path.rglob("*") if p.is_file() and not _hidden(p.relative_to(path)))
        known = [p for p in inside if _format_by_name(p) is not None]
        if known:
            return known
        # Archives often write objects without any ending: their first bytes say what they are.
        nameless = [p for p in inside if "." not in p.name]
        if nameless:
            return nameless
        endings = ", ".join(sorted({p.suffix or "no ending" for p in inside})) or "nothing"
        raise SourceError(f"source: the folder {str(path)!r} holds no CSV, NDJSON or Parquet files; it holds {endings}")
    if path.exists():
        return [path]
    if has_magic(str(path)):
        matched = sorted(Path(p) for p in glob(str(path), recursive=True) if Path(p).is_file())  # noqa: PTH207
        if matched:
            return matched
        raise SourceError(f"source: no file matches {str(path)!r}")
    near = closest(path.name, [p.name for p in path.parent.iterdir()]) if path.parent.is_dir() else []
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    raise SourceError(f"source: there is no file or folder {str(path)!r}{hint}")


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def _format_by_name(path: Path) -> tuple[str, str | None] | None:
    endings = [ending.lower() for ending in path.suffixes]
    compression = None
    if endings and endings[-1] in COMPRESSIONS:
        compression = COMPRESSIONS[endings.pop()]
    if endings and endings[-1] in FORMATS:
        return FORMATS[endings[-1]], compression
    return None


def _describe(path: Path) -> Found:
    named = _format_by_name(path)
    with path.open("rb") as file:
        head = file.read(4096)
    compression = next((name for magic, name in MAGIC if head.startswith(magic)), None)
    if named is not None and named[0] in ("parquet", "ipc"):
        return Found(path, named[0])
    if head.startswith(b"PAR1"):
        return Found(path, "parquet")
    if head.startswith(b"ARROW1"):
        return Found(path, "ipc")
    if named is not None:
        return Found(path, named[0], compression)
    if compression == "gzip":
        try:
            with gzip.open(path) as unzipped:
                head = unzipped.read(4096)
        except (OSError, EOFError):
            head = b""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    return Found(path, "ndjson" if start in (b"{", b"[") else "csv", compression)
