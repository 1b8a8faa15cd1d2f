"""Files that exports and reports write: checked before, replaced whole, readable by their owner only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkstemp

import polars as pl

from journeys.errors import ArgumentError, JourneysError


def check_path(
    path: str | Path, *, endings: Sequence[str] = (), argument: str = "path", is_replaced: bool = True
) -> Path:
    """Return a path that can be written to; a file that is replaced needs a folder that can be.

    Raises
    ------
    ArgumentError
        The ending is another one, the path is a folder, or its folder does not exist or is read-only.

    Examples
    --------
    >>> check_path("people.xls", endings=[".csv", ".parquet"])
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: path: 'people.xls' must end in '.csv' or '.parquet'.
    """
    file = Path(path).expanduser()
    if endings and file.suffix.lower() not in endings:
        *others, last = map(repr, endings)
        known = f"{', '.join(others)} or {last}" if others else last
        raise ArgumentError(f"{argument}: {file.name!r} must end in {known}.")
    try:
        if file.is_dir():
            raise ArgumentError(f"{argument}: {str(file)!r} is a folder; name a file in it.")
        if not file.parent.is_dir():
            raise ArgumentError(f"{argument}: there is no folder {str(file.parent)!r}; create it first.")
        if is_replaced and (file.is_file() or not file.exists()):  # no device, which is written to directly
            check_writable(file.resolve().parent, path=file, argument=argument)
    except OSError as error:  # a name that is too long, a folder that may not be entered
        raise ArgumentError(f"{argument}: {str(file)!r} cannot be used: {error.strerror}.") from error
    return file


def check_writable(folder: Path, *, path: Path, argument: str = "path") -> None:
    """Refuse a path whose folder, or the nearest one above it that exists, cannot be written to."""
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK):
        raise ArgumentError(f"{argument}: {str(path)!r} cannot be written; the folder {str(folder)!r} is read-only.")


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Give a temporary file to write to, which replaces `path` when all is written; on failure `path` stays as it was.

    The file is readable by its owner only, since it holds personal data. A device or pipe is written to directly.

    Raises
    ------
    JourneysError
        The disk is full, the folder read-only, or another system error.
    """
    if path.exists() and not path.is_file():
        yield path
        return
    target = path.resolve()  # a symbolic link stays one
    try:
        handle, name = mkstemp(dir=target.parent, prefix=".", suffix=target.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise JourneysError(f"path: {str(path)!r} could not be written: {reason}.") from error
