"""Having the SQLite file of a folder to oneself, to put another one in its place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ochredb.core.errors import BusyError
from ochredb.local.database import FILE
from ochredb.local.folder import translated
from ochredb.local.locks import holders

_SHARED_BYTE = (1 << 30) + 2
"""Where SQLite's readers lock a file."""


@contextmanager
def alone(folder: Path) -> Iterator[apsw.VFSFile]:
    """Open the file through SQLite's own layer for files, and lock it as SQLite would, whatever is in it.

    Opening it in any other way would, on being closed, take away the locks of every connection of this process.

    Raises:
        BusyError: Somebody has it open; the text says who, where the system tells.
    """
    path = folder / FILE
    with translated(path):
        file = apsw.VFSFile("", str(path), [apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_MAIN_DB, 0])
    try:
        try:
            for level in (apsw.SQLITE_LOCK_SHARED, apsw.SQLITE_LOCK_RESERVED, apsw.SQLITE_LOCK_EXCLUSIVE):
                file.xLock(level)
        except apsw.BusyError as error:
            file.xUnlock(apsw.SQLITE_LOCK_NONE)  # so that the locks that are left are those of others
            raise BusyError(
                f"{folder} is open in {_holder(path)}; close it there: another file is to be put in its place"
            ) from error
        yield file
    finally:
        file.xUnlock(apsw.SQLITE_LOCK_NONE)
        file.xClose()


def _holder(path: Path) -> str:
    """Name the processes that have a file open as readers of SQLite's do."""
    found = holders(path, _SHARED_BYTE)
    if found is None:
        return "another process, or in this one"
    if os.getpid() in found:
        return "this process"
    return "process " + " and ".join(map(str, sorted(found))) if found else "another process"
