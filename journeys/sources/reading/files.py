"""Which files a path stands for (or which lake), the format of each, and its text: in UTF-8, cut at line ends."""

from __future__ import annotations

import codecs
import os
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from glob import escape, glob, has_magic
from pathlib import Path, PurePath, PurePosixPath
from typing import IO

from journeys.errors import SourceError, find_closest
from journeys.sources.reading.decompress import (
    CHECKED,
    BombError,
    UnreadableError,
    detect_compression,
    detect_format,
    has_columns,
    is_json,
    is_markup,
    read_blocks,
    read_head,
    utf16_codec,
)

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
MAX_SHOWN = 120
# At least two letters, which is no drive of Windows; a Path has swallowed one of the slashes.
URL = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]+):/{1,2}")
EXCEL_MEMBER = "[Content_Types].xml"
LAKE_LIBRARIES = {"deltalake": "Delta", "pyiceberg": "Iceberg"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file: its path, its format (csv, ndjson, parquet, ipc) and its compression, if any.

    A file in a zip archive has a path below that of the archive. The archive stays open as long as its files are
    in use: opening it again for each file takes time that grows with the square of their number. `skipped`
    names files in the same folder that are not read; one file of each folder carries these names.
    """

    path: Path
    format: str
    compression: str | None = None
    archive: zipfile.ZipFile | None = None
    member: zipfile.ZipInfo | None = None
    skipped: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes on disk, or in the archive."""
        return self.path.stat().st_size if self.member is None else self.member.file_size

    @property
    def place(self) -> Path:
        """The absolute path: Polars mistakes a relative one such as `file:/log.csv` for a URL."""
        return self.path.absolute()

    def open(self) -> IO[bytes]:
        """Open the file for reading bytes."""
        return _open_file(self.path, self.archive, self.member)


def find_files(source: str | Path | Iterable[str | Path]) -> list[SourceFile]:
    """List the data files that a path, a glob, a folder or several of them stand for, sorted by name.

    Raises
    ------
    SourceError
        Nothing is there, or nothing in the folder is a table that can be read.
    """
    sources = [source] if isinstance(source, str | Path) else list(source)
    if not sources:
        raise SourceError("source: the list of files is empty.")
    for one in sources:
        check_path(one)
    return [file for one in sources for file in _find_one(one)]


def local_path(source: str | Path) -> Path:
    """Return a path on this machine: `~` is the home folder, unless there is a file or folder of that name.

    Examples
    --------
    >>> local_path("~nobody-of-this-name/log.csv").as_posix()
    '~nobody-of-this-name/log.csv'
    """
    path = Path(source)
    try:
        return path if path.parts and Path(path.parts[0]).exists() else path.expanduser()
    except (RuntimeError, OSError, ValueError):  # there is no such user, or this cannot be a name
        return path


def check_path(source: str | Path) -> None:
    """Refuse what is not a path on this machine: an empty text, or a URL.

    Examples
    --------
    >>> check_path("https://example.com/log.csv")
    Traceback (most recent call last):
    ...
    journeys.errors.SourceError: source: 'https://example.com/log.csv' is a URL, but only files on this machine are
    read. Download it first, or give the rows from pl.scan_parquet or pl.scan_csv, which read URLs.
    """
    text = str(source)
    if not text.strip():
        raise SourceError(f"source: {text!r} is not a path; the current folder is '.'.")
    url = URL.match(text)
    if url is None or Path(source).exists():
        return
    scheme = url[1].lower()
    if scheme == "file":
        raise SourceError(f"source: {text!r} is a URL; give the path alone.")
    raise SourceError(
        f"source: {f'{scheme}://{text[url.end() :]}'!r} is a URL, but only files on this machine are read. Download it "
        "first, or give the rows from pl.scan_parquet or pl.scan_csv, which read URLs."
    )


def is_lake(source: object) -> bool:
    """Return whether this is the folder or the object of a Delta or Iceberg table."""
    return find_lake(source) is not None


def find_lake(source: object) -> tuple[str, object] | None:
    """Find a Delta or Iceberg table, given as its folder or as its library's object: its kind, and what scans it.

    A folder of a lake also holds files that are no part of the table any more: read as mere files, rows that were
    overwritten or deleted would count.
    """
    library = type(source).__module__.partition(".")[0]
    if library in LAKE_LIBRARIES:
        return LAKE_LIBRARIES[library], source
    if not isinstance(source, str | Path):
        return None
    place = local_path(source).absolute()
    try:
        if (place / "_delta_log").is_dir():
            return "Delta", str(place)
        versions = sorted((place / "metadata").glob("*.metadata.json"), key=_metadata_version)
    except (OSError, ValueError):  # it is not a folder that can be listed
        return None
    return ("Iceberg", str(versions[-1])) if versions else None


def _metadata_version(metadata: Path) -> tuple[int, str]:
    number = re.match(r"v?(\d+)", metadata.name)
    return (int(number[1]) if number else -1, metadata.name)


def table_name(file: SourceFile) -> str:
    """Name the table in a file: its name without endings (`tracks.csv.gz` → `tracks`).

    Parts of a table that has a folder of its own (`tracks/part-0001.parquet`, `tracks/date=2026-03-01/0.parquet`) have
    the folder's name.
    """
    stem = file.path.name.split(".")[0].lower()
    is_part = stem.lstrip("0123456789-_").startswith("part") or stem.replace("-", "").replace("_", "").isdigit()
    if not is_part:
        return stem
    return next((folder.name.lower() for folder in file.path.parents if "=" not in folder.name), stem)


def partition_values(file: SourceFile) -> dict[str, str]:
    """Read the values of Hive partitions from the names of a file's folders.

    Examples
    --------
    >>> partition_values(SourceFile(Path("log/date=2026-03-01/country=DE/part-0.parquet"), "parquet"))
    {'date': '2026-03-01', 'country': 'DE'}
    """
    pairs = (folder.partition("=") for folder in file.path.parts[:-1])
    return {name: value for name, equals, value in pairs if equals and name}


def describe_skipped(names: Sequence[str]) -> str:
    """Say which files were skipped.

    Examples
    --------
    >>> describe_skipped(["c.log", "_old/a.csv"])
    "skipped 2 files that are not tables by name or content: 'c.log', '_old/a.csv'"
    """
    shown = ", ".join(map(repr, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
    files = "1 file that is not a table" if len(names) == 1 else f"{len(names)} files that are not tables"
    return f"skipped {files} by name or content: {shown}"


def _find_one(source: str | Path) -> list[SourceFile]:
    """Find the files of one path; errors of the operating system become SourceErrors."""
    try:
        return _find_files(local_path(source))
    except (OSError, ValueError) as error:
        if isinstance(error, SourceError):
            raise
        place = getattr(error, "filename", None) or str(source)
        reason = getattr(error, "strerror", None) or error
        raise SourceError(f"source: {_shorten_path(str(place))!r} cannot be read: {reason}.") from error


def _find_files(path: Path) -> list[SourceFile]:
    """Find the files of a folder, a file, an archive or a glob; where nothing is there, suggest the closest name."""
    if path.is_dir():
        return _find_in_folder(path)
    if path.exists():
        files = _inspect_file(path) if path.is_file() else "is not a file or folder but a pipe, a socket or a device"
        if isinstance(files, str):
            raise SourceError(f"source: {printable_path(path)!r} {files}.")
        return files
    if path.is_symlink():
        raise SourceError(f"source: {str(path)!r} is a link to {os.readlink(path)!r}, which does not exist.")  # noqa: PTH115
    if has_magic(str(path)):
        files, skipped = _inspect_all(_match_glob(path), strict=False)
        if files:
            return _attach_skipped(files, [Path(path.name) for path in skipped])
        if not skipped:
            raise SourceError(f"source: no file matches {str(path)!r}.")
        first, reason = next(iter(skipped.items()))
        raise SourceError(f"source: {printable_path(path)!r}: {printable_path(first)} {reason}.")
    near = find_closest(path.name, sorted(p.name for p in path.parent.iterdir())) if path.parent.is_dir() else []
    hint = f"; did you mean {' or '.join(repr(n) for n in near)}?" if near else "."
    raise SourceError(f"source: there is no file or folder {str(path)!r}{hint}")


def _match_glob(pattern: Path) -> list[Path]:
    """List the files that match a pattern; a folder such as `d[1]` that exists is taken literally."""
    literal = Path()
    for at, part in enumerate(pattern.parts):
        if not (literal / part).is_dir():
            rest = str(PurePath(*pattern.parts[at:]))
            matches = glob(str(PurePath(escape(str(literal)), rest)), recursive=True)  # noqa: PTH207
            return sorted(path for path in map(Path, matches) if path.is_file())
        literal /= part
    return []


def _list_folder(folder: Path) -> list[Path]:
    """List the files in a folder and the folders in it; a folder that cannot be listed is an error."""

    def refuse_error(error: OSError) -> None:
        raise error

    found = os.walk(folder, onerror=refuse_error)
    return sorted(path for place, _, names in found for path in (Path(place, name) for name in names) if path.is_file())


def _find_in_folder(folder: Path) -> list[SourceFile]:
    """List the tables in a folder; text without a known ending counts only if it certainly has columns."""
    visible = [p for p in _list_folder(folder) if not _has_prefix(p.relative_to(folder), ".")]
    public = [p for p in visible if not _has_prefix(p.relative_to(folder), "_")]
    # Archives of streams often have no ending: their first bytes show what they are.
    candidates = [p for p in public if _format_by_name(p) is not None or _has_vague_name(p)]
    files, skipped = _inspect_all(candidates, strict=True)
    if not files:
        files, skipped = _inspect_all(candidates, strict=False)
    if not files:
        endings = ", ".join(sorted({p.suffix or "files without an ending" for p in public})) or "nothing"
        why = "".join(f"; {printable_path(PurePath(path.name))} {reason}" for path, reason in list(skipped.items())[:1])
        raise SourceError(
            f"source: the folder {str(folder)!r} contains no CSV, NDJSON or Parquet files; it contains {endings}{why}."
        )
    read = {Path(str(file.archive.filename)) if file.archive else file.path for file in files}
    return _attach_skipped(files, [p.relative_to(folder) for p in visible if p not in read and p.stat().st_size])


def printable_path(path: PurePath) -> str:
    """Write a path so that it can be shown and stored, also if its name is not UTF-8."""
    return str(path).encode("utf-8", errors="replace").decode("utf-8")


def _inspect_all(paths: Iterable[Path], *, strict: bool) -> tuple[list[SourceFile], dict[Path, str]]:
    """Inspect files; those that are not tables are returned with the reason."""
    files: list[SourceFile] = []
    skipped: dict[Path, str] = {}
    for path in paths:
        inspected = _inspect_file(path, strict=strict)
        if isinstance(inspected, str):
            skipped[path] = inspected
        else:
            files += inspected
    return files, skipped


def _attach_skipped(files: list[SourceFile], skipped: Sequence[PurePath]) -> list[SourceFile]:
    if skipped:
        first = next((n for n, file in enumerate(files) if file.size), 0)
        names = (*files[first].skipped, *(printable_path(PurePosixPath(path)) for path in skipped))
        files[first] = replace(files[first], skipped=names)
    return files


def _shorten_path(text: str) -> str:
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def _has_prefix(path: PurePath, prefix: str) -> bool:
    return any(part.startswith(prefix) for part in path.parts)


def _has_vague_name(path: PurePath) -> bool:
    """Return whether a name does not show the format: no ending, a number, or only a compression."""
    ending = path.suffix.lower()
    return ending in ("", ".zip", *COMPRESSIONS) or ending[1:].isdigit()


def _format_by_name(path: PurePath) -> str | None:
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in COMPRESSIONS:
        endings.pop()
    return FORMATS.get(endings[-1]) if endings else None


def _open_file(path: Path, archive: zipfile.ZipFile | None, member: zipfile.ZipInfo | None) -> IO[bytes]:
    return path.open("rb") if archive is None or member is None else archive.open(member)


def _inspect_file(
    path: Path,
    *,
    archive: zipfile.ZipFile | None = None,
    member: zipfile.ZipInfo | None = None,
    strict: bool = False,
) -> list[SourceFile] | str:
    """Find the format of a file, or why it is not a table; if `strict`, text must certainly have columns."""
    if printable_path(path) != str(path):
        return "has a name that is not UTF-8: rename it"
    named = _format_by_name(path)
    if named in ("parquet", "ipc") and archive is None:
        return [SourceFile(path, named)]
    head = read_head(lambda: _open_file(path, archive, member))
    compression = detect_compression(head)
    if compression == "zip":
        return _inspect_archive(path) if archive is None else "is a zip archive inside another one: unzip it"
    if compression is not None:
        head = read_head(lambda: _open_file(path, archive, member), compression)
    found = detect_format(head)
    if found in ("parquet", "ipc"):
        return [SourceFile(path, found)] if archive is None else "can only be read after it is unzipped"
    if found is None:
        return "is not a table: its bytes are not text"
    if strict and named in ("csv", None) and found == "csv" and _lacks_columns(path, head):
        return "is not a table: it has no columns"
    if named is None or (named == "csv" and is_json(head)):
        named = found
    return [SourceFile(path, named, compression, archive, member)]


def _lacks_columns(path: PurePath, head: bytes) -> bool:
    """Return whether text beside tables is not a table: a readme, or a server's error message in place of a file."""
    if _format_by_name(path) is None or ".txt" in path.suffixes:
        return not has_columns(head)
    return is_markup(head)


def _inspect_archive(archive: Path) -> list[SourceFile] | str:
    """List the tables in a zip archive, or say why there are none."""
    try:
        opened = zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        return f"cannot be unpacked ({error})"
    members = [one for one in opened.infolist() if one.filename and not one.filename.endswith("/")]
    members.sort(key=lambda one: one.filename)
    if any(one.filename == EXCEL_MEMBER for one in members):
        return "is an Excel workbook: save the sheet as CSV, or read it with pl.read_excel and pass the DataFrame"
    files: list[SourceFile] = []
    skipped: list[PurePath] = []
    for member in members:
        # names such as /log.csv, ./log.csv and ../log.csv are read as well: nothing is written to the disk
        parts = [part for part in PurePosixPath(member.filename).parts if part not in ("/", "//", "..")]
        name = PurePath(*parts)
        if _has_prefix(name, ".") or _has_prefix(name, "_"):
            continue
        named = _format_by_name(name) is not None or _has_vague_name(name)
        inspected = _inspect_file(archive / name, archive=opened, member=member, strict=True) if named else ""
        if isinstance(inspected, str):
            skipped.append(PurePath(archive.name, name))
        else:
            files += inspected
    if not files:
        shown = ", ".join(member.filename for member in members[:SHOWN]) or "nothing"
        return f"contains no CSV or NDJSON files; it contains {shown}: unzip it"
    return _attach_skipped(files, skipped)


CHUNK = 8 << 20
# A longer line is not text.
LONGEST_LINE = 1 << 30
UTF8_MARK = b"\xef\xbb\xbf"
GUESSED = "Windows-1252 in lines that are not UTF-8"


def read_chunks(file: SourceFile) -> Iterator[bytes]:
    """Yield a file's text in chunks that end at a line end; a line longer than a chunk comes whole.

    UTF-16 is re-encoded as UTF-8 and the byte order mark is removed; bytes that are not UTF-8 stay as they are.
    """
    rest: list[bytes] = []
    rest_bytes = 0
    fault: UnreadableError | None = None
    try:
        for block in read_text(file):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield b"".join([*rest, block[:cut]])
                rest, rest_bytes = [block[cut:]] if cut < len(block) else [], len(block) - cut
            else:
                rest.append(block)
                rest_bytes += len(block)
                if rest_bytes > LONGEST_LINE:
                    raise UnreadableError(f"has a line of more than {LONGEST_LINE >> 20:,} MB")
    except UnreadableError as error:
        fault = error
    if rest:
        yield b"".join(rest)
    if fault is not None:
        raise fault


def read_text(file: SourceFile) -> Iterator[bytes]:
    """Yield a file's text as `read_chunks` does, but cut anywhere."""
    blocks = _read_file_blocks(file, CHUNK)
    first = next(blocks, b"")
    codec = utf16_codec(first)
    if codec is None:
        yield first.removeprefix(UTF8_MARK)
        yield from blocks
        return
    decoder = codecs.getincrementaldecoder(codec)(errors="replace")
    yield decoder.decode(first).encode(errors="replace")
    yield from (decoder.decode(block).encode(errors="replace") for block in blocks)
    yield decoder.decode(b"", final=True).encode()


def is_utf16(file: SourceFile) -> bool:
    """Return whether a file is UTF-16."""
    return utf16_codec(next(_read_file_blocks(file, 64), b"")) is not None


def decode_text(piece: bytes) -> tuple[str, str | None]:
    """Decode a piece of text and name the assumption, if any: lines that are not UTF-8 are read as Windows-1252."""
    try:
        return piece.decode("utf-8"), None
    except UnicodeDecodeError:
        return "\n".join(_decode_line(line) for line in piece.split(b"\n")), GUESSED


def read_first_lines(file: SourceFile) -> str:
    """Read the start of a file as text, to detect its dialect."""
    head = next(_read_file_blocks(file, 65536), b"")[:65536]
    if codec := utf16_codec(head):
        return head[: len(head) // 2 * 2].decode(codec, errors="replace")
    return decode_text(head.removeprefix(UTF8_MARK))[0]


def measure_content(file: SourceFile, *, most: int) -> int:
    """Measure the size of a file's content, up to about `most`; of a damaged file, what can be read of it."""
    if file.compression is None:
        return file.size
    size = 0
    try:
        for block in _read_file_blocks(file, 1 << 20):
            size += len(block)
            if size > most:
                break
    except UnreadableError:
        pass
    return size


def check_ratio(file: SourceFile) -> None:
    """Refuse a decompression bomb; damage of another kind is left to the reader.

    Raises
    ------
    UnreadableError
        The start of the file decompresses to far too much.
    """
    if file.compression is None:
        return
    try:
        for _ in read_blocks(file.open, file.compression, size=1 << 20, limit=CHECKED):
            pass
    except BombError:
        raise
    except UnreadableError:
        pass


def _read_file_blocks(file: SourceFile, size: int) -> Iterator[bytes]:
    packed_size = file.member.compress_size if file.member else None
    return read_blocks(file.open, file.compression, size=size, packed_size=packed_size)


def _decode_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", errors="replace")
