"""Locks on files, and who holds one, where the system tells."""

from contextlib import AbstractContextManager
from pathlib import Path

_LOCKS = Path("/proc/locks")


def file_lock(file: Path, timeout: float) -> AbstractContextManager[object]:
    """Give a lock that processes share; to enter it waits so many seconds, then raises `TimeoutError`."""
    from filelock import FileLock  # 10 ms to load, and who only reads a folder has no use for it

    return FileLock(file, timeout=timeout)


def holders(file: Path, byte: int | None = None) -> set[int] | None:
    """Give the processes that hold a lock on a file, or on one byte of it; None where that cannot be known.

    Source: proc_locks(5), on Linux; processes of other containers are not seen.
    """
    try:
        rows = [line.split() for line in _LOCKS.read_text().splitlines()]
        inode = str(file.stat().st_ino)
    except OSError:
        return None
    held = [row for row in rows if "->" not in row and row[5].rpartition(":")[2] == inode]
    return {int(row[4]) for row in held if byte is None or row[6] == str(byte)}
