"""Which files are meant by a path, and what each is: by its ending, else by its first bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from glob import glob, has_magic
from pathlib import Path

from journeys.errors import SourceError, closest
from journeys.sources.reading.decompress import UnreadableError, head_of, members
from journeys.sources.reading.sniff import delimited, kind_of, markup, packing, surely_json

__all__ = ["SourceFile", "check_place", "find_files", "partition", "passed_over", "table_name"]

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
SHOWN = 5
# Not a drive's letter; a Path has swallowed one slash.
ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):/{1,2}")
EXCEL = "[Content_Types].xml"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: where it is, its format (csv, ndjson, parquet, ipc) and its compression, if any.

    A file inside of a zip archive lies in it as in a folder, and has `length` bytes there. `beside` names the files of
    its folder that were passed over: one file of each folder says so.
    """

    path: Path
    format: str
    compression: str | None = None
    archive: Path | None = None
    length: int = 0
    beside: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self.path.stat().st_size if self.archive is None else self.length


def find_files(source: str | Path | Iterable[str | Path]) -> list[SourceFile]:
    """List the data files that a path, a glob, a folder or several of them mean, sorted by name.

    Raises
    ------
    SourceError
        Nothing is there, or nothing in the folder is a table that can be read.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise SourceError("source: no files were given")
    for one in sources:
        check_place(one)
    return [found for one in sources for found in _found(Path(one).expanduser())]


def check_place(place: str | Path) -> None:
    """Refuse what is no path on this machine: nothing at all, or an address in the network.

    Examples
    --------
    >>> check_place("https://example.com/log.csv")
    Traceback (most recent call last):
    ...
    journeys.errors.SourceError: source: 'https://example.com/log.csv' is an address, and only files of this machine are
    read: fetch it first, or give the rows that pl.scan_parquet or pl.scan_csv read from there
    """
    shown = str(place)
    if not shown.strip():
        raise SourceError(f"source: {shown!r} is no path; the folder that you are in is '.'")
    address = ADDRESS.match(shown)
    if address is None or Path(place).exists():
        return
    scheme = address[1].lower()
    if scheme == "file":
        raise SourceError(f"source: {shown!r} is an address; give the path by itself")
    raise SourceError(
        f"source: {f'{scheme}://{shown[address.end() :]}'!r} is an address, and only files of this machine are read: "
        "fetch it first, or give the rows that pl.scan_parquet or pl.scan_csv read from there"
    )


def table_name(found: SourceFile) -> str:
    """Name the table a file holds: its stem without endings (`tracks.csv.gz` → `tracks`).

    Parts of a table that lies in a folder of its own (`tracks/part-0001.parquet`, `tracks/date=2026-03-01/0.parquet`)
    have the folder's name.
    """
    stem = found.path.name.split(".")[0].lower()
    parted = stem.lstrip("0123456789-_").startswith("part") or stem.replace("-", "").replace("_", "").isdigit()
    if not parted:
        return stem
    return next((folder.name.lower() for folder in found.path.parents if "=" not in folder.name), stem)


def partition(found: SourceFile) -> dict[str, str]:
    """Read what the names of a file's folders say of its rows: `date=2026-03-01/part-0.parquet` of them all.

    Examples
    --------
    >>> partition(SourceFile(Path("log/date=2026-03-01/country=DE/part-0.parquet"), "parquet"))
    {'date': '2026-03-01', 'country': 'DE'}
    """
    said = (folder.partition("=") for folder in found.path.parts[:-1])
    return {name: value for name, equals, value in said if equals and name}


def passed_over(names: Sequence[str]) -> str:
    """Say which files were passed over.

    Examples
    --------
    >>> passed_over(["c.log", "_old/a.csv"])
    "2 files passed over, which are no tables by name or content: 'c.log', '_old/a.csv'"
    """
    shown = ", ".join(map(repr, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    files = (
        "1 file passed over, which is no table"
        if len(names) == 1
        else f"{len(names)} files passed over, which are no tables"
    )
    return f"{files} by name or content: {shown}"


def _found(path: Path) -> list[SourceFile]:
    if path.is_dir():
        return _in_folder(path)
    if path.exists():
        found = _describe(path)
        if isinstance(found, str):
            raise SourceError(f"source: {str(path)!r} {found}")
        return found
    if has_magic(str(path)):
        matched = sorted(Path(p) for p in glob(str(path), recursive=True) if Path(p).is_file())  # noqa: PTH207
        read, over = _described(matched, sure=False)
        if read:
            return _with_note(read, [Path(path.name) for path in over])
        reason = f": {next(iter(over))} {next(iter(over.values()))}" if over else ""
        raise SourceError(f"source: no file matches {str(path)!r}" if not over else f"source: {str(path)!r}{reason}")
    near = closest(path.name, sorted(p.name for p in path.parent.iterdir())) if path.parent.is_dir() else []
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    raise SourceError(f"source: there is no file or folder {str(path)!r}{hint}")


def _in_folder(folder: Path) -> list[SourceFile]:
    inside = sorted(p for p in folder.rglob("*") if p.is_file() and not _starts(p.relative_to(folder), "."))
    shown = [p for p in inside if not _starts(p.relative_to(folder), "_")]
    known = [p for p in shown if _format_by_name(p) is not None]
    # Archives often write objects without any ending: their first bytes say what they are.
    unnamed = [p for p in shown if _format_by_name(p) is None and _says_nothing(p)]
    read, over = _described(sorted([*known, *unnamed]), sure=True)
    if not read:
        read, over = _described(sorted([*known, *unnamed]), sure=False)
    if not read:
        endings = ", ".join(sorted({p.suffix or "no ending" for p in shown})) or "nothing"
        why = "".join(f"; {path.name} {reason}" for path, reason in list(over.items())[:1])
        raise SourceError(
            f"source: the folder {str(folder)!r} holds no CSV, NDJSON or Parquet files; it holds {endings}{why}"
        )
    taken = {one.archive or one.path for one in read}
    return _with_note(read, [p.relative_to(folder) for p in inside if p not in taken and p.stat().st_size])


def _described(paths: Iterable[Path], *, sure: bool) -> tuple[list[SourceFile], dict[Path, str]]:
    """Describe files, and say of those that are no tables why not."""
    read: list[SourceFile] = []
    over: dict[Path, str] = {}
    for path in paths:
        found = _describe(path, sure=sure)
        if isinstance(found, str):
            over[path] = found
        else:
            read += found
    return read, over


def _with_note(read: list[SourceFile], over: list[Path]) -> list[SourceFile]:
    if over:
        first = next((n for n, one in enumerate(read) if one.size), 0)
        names = (*read[first].beside, *(path.as_posix() for path in over))
        read[first] = replace(read[first], beside=names)
    return read


def _starts(path: Path, mark: str) -> bool:
    return any(part.startswith(mark) for part in path.parts)


def _says_nothing(path: Path) -> bool:
    """Tell whether a name leaves open what the file is: no ending, a number, or only what it is packed in."""
    ending = path.suffix.lower()
    return ending in ("", ".zip", *COMPRESSIONS) or ending[1:].isdigit()


def _format_by_name(path: Path) -> str | None:
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in COMPRESSIONS:
        endings.pop()
    return FORMATS.get(endings[-1]) if endings else None


def _describe(path: Path, *, archive: Path | None = None, sure: bool = False) -> list[SourceFile] | str:
    """Say what a file is, or why it is no table; `sure`: text is one only if it looks like one."""
    named = _format_by_name(path)
    if named in ("parquet", "ipc") and archive is None:
        return [SourceFile(path, named)]
    head = head_of(path, archive=archive)
    compression = packing(head)
    if compression == "zip":
        return _in_archive(path) if archive is None else "is a zip archive in another one: unzip it"
    if compression == "gzip" or (compression is not None and archive is None):
        head = head_of(path, compression, archive=archive)
    kind = kind_of(head)
    if kind in ("parquet", "ipc"):
        return [SourceFile(path, kind)] if archive is None else "can only be read when it is unzipped"
    if kind is None:
        return "is no table: its bytes are no text"
    if sure and named in ("csv", None) and kind == "csv" and _no_columns(path, head):
        return "is no table: it has no columns"
    if named is None or (named == "csv" and surely_json(head)):
        named = kind
    return [SourceFile(path, str(named), compression, archive)]


def _no_columns(path: Path, head: bytes) -> bool:
    """Tell whether text is no table although others are beside it: a word to the reader, an error instead of a file."""
    if _format_by_name(path) is None or ".txt" in path.suffixes:
        return not delimited(head)
    return markup(head)


def _in_archive(archive: Path) -> list[SourceFile] | str:
    try:
        inside = members(archive)
    except UnreadableError as error:
        return str(error)
    if EXCEL in inside:
        return "is a workbook of Excel: save the sheet as CSV, or read it with pl.read_excel and give the frame"
    read: list[SourceFile] = []
    over: list[Path] = []
    for name, length in sorted(inside.items()):
        path = archive / name
        if _starts(Path(name), ".") or _starts(Path(name), "_"):
            continue
        if _format_by_name(path) is None and not _says_nothing(path):
            over.append(Path(archive.name, name))
            continue
        found = _describe(path, archive=archive, sure=True)
        if isinstance(found, str):
            over.append(Path(archive.name, name))
        else:
            read += [replace(one, length=length) for one in found]
    if not read:
        return f"holds no CSV or NDJSON files; it holds {', '.join(sorted(inside)[:5]) or 'nothing'}: unzip it"
    return _with_note(read, over)
