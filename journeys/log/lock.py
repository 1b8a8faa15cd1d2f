"""One writer per store: a lock that the operating system releases when its holder ends, however it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from journeys.errors import StoreError

LOCK = ".lock"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises
    ------
    StoreError
        When another process or thread holds it; the message says which, and since when.
    """
    path = os.fspath(folder)
    refusal = f"path: {path!r} is being written by {{holder}}; wait until it is done, or save to another folder."
    with lock_file(folder / LOCK, refusal=refusal):
        yield


@contextmanager
def lock_file(file: Path, *, refusal: str) -> Iterator[None]:
    """Hold a lock for which a file stands; the file is removed in the end.

    Parameters
    ----------
    file
        The file of the lock; its folder must exist.
    refusal
        What to say when another process or thread holds it; "{holder}" is replaced by which, and since when.

    Raises
    ------
    StoreError
        When another one holds it.
    """
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        if not _acquire(handle):
            holder = os.read(handle, 500).decode(errors="replace")
            os.close(handle)
            raise StoreError(refusal.replace("{holder}", holder or "another process"))
        # its last holder may have removed the file that was locked just now
        if _is_same_file(handle, file):
            break
        os.close(handle)
    try:
        started = datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        os.ftruncate(handle, 0)
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()} since {started}".encode())
        yield
    finally:
        file.unlink(missing_ok=True)
        os.close(handle)


def _acquire(handle: int) -> bool:
    """Try to lock an open file; True where the file system knows no locks."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _is_same_file(handle: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False
