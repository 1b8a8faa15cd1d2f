"""Files of a stored log: their lock, and errors in reading them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from journeys.errors import StoreError

LOCK = ".lock"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raise StoreError when another process or thread holds it; the message says which, and since when.
    """
    path = os.fspath(folder)
    refusal = f"path: {path!r} is being written by {{holder}}; wait until it is done, or save to another folder."
    with lock_file(folder / LOCK, refusal=refusal):
        yield


@contextmanager
def lock_file(file: Path, *, refusal: str) -> Iterator[None]:
    """Hold a lock, represented by a file, which is removed in the end.

    Raise StoreError when another one holds it.

    Parameters
    ----------
    file
        The file of the lock; its folder must exist.
    refusal
        What to say when another process or thread holds it; "{holder}" is replaced by which, and since when.
    """
    while True:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        if not _acquire_lock(handle):
            holder = _read_holder(handle)
            os.close(handle)
            raise StoreError(refusal.replace("{holder}", holder))
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


def _acquire_lock(handle: int) -> bool:
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


def _read_holder(handle: int) -> str:
    """Read who holds a lock; its holder writes a line just after taking it, so an empty file is read again."""
    for _ in range(100):
        os.lseek(handle, 0, os.SEEK_SET)
        if holder := os.read(handle, 500).decode(errors="replace"):
            return holder
        time.sleep(0.01)
    return "another process"


def _is_same_file(handle: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), file.stat())
    except FileNotFoundError:
        return False


_verified: set[tuple[str, int, int, int]] = set()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store, and what it held when it was written.

    Attributes
    ----------
    path : Path
        Where it is.
    size : int
        Its bytes.
    checksum : str
        Its checksum, as `compute_checksum` returns it.
    """

    path: Path
    size: int
    checksum: str

    def check_content(self, *, again: bool = False) -> None:
        """Check that the file is what was written; its bytes are read once per process, or `again`.

        Raise StoreError when it is missing, cannot be read, or holds something else.
        """
        reopen = "the store was saved again, moved or changed since it was opened; open it again"
        try:
            status = self.path.stat()
            key = (os.fspath(self.path), status.st_size, status.st_mtime_ns, status.st_ino)
            if key in _verified and not again:
                return
            is_intact = status.st_size == self.size and _compute_checksum(self.path) == self.checksum
        except FileNotFoundError as error:
            raise StoreError(f"path: {os.fspath(self.path)!r} is missing: {reopen}.") from error
        except OSError as error:
            raise StoreError(f"path: {os.fspath(self.path)!r} could not be read: {error}.") from error
        if not is_intact:
            raise StoreError(
                f"path: {os.fspath(self.path)!r} is damaged: it does not hold what was saved. Restore it from a "
                "copy, or save the journeys again."
            )
        _verified.add(key)


def _compute_checksum(path: Path) -> str:
    from journeys.log.checksum import compute_checksum

    return compute_checksum(path)


def seal_file(path: Path) -> StoredFile:
    """Make a written file readable by its owner alone, flush it to the disk, and take its checksum."""
    path.chmod(0o600)
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return StoredFile(path, path.stat().st_size, _compute_checksum(path))


def sync_folder(folder: Path) -> None:
    """Flush the names of a folder's files to the disk, where the system allows it."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
