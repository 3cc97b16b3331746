"""Connections to SQLite files whose every page has a checksum, kept and compared by SQLite's own checksum VFS.

The extension comes with APSW. It uses the last 8 bytes of each page; a file says in its header that it has them
(https://www.sqlite.org/cksumvfs.html).
"""

from functools import cache
from pathlib import Path

import apsw

from ochredb.core.errors import CorruptError

RESERVED = 8
"""Bytes at the end of a page that hold its checksum."""
_EXTENSION, _VFS = "cksumvfs", "cksmvfs"
_DAMAGED = apsw.SQLITE_IOERR_DATA


def connect(path: str, flags: int, verify: bool = True) -> apsw.Connection:
    """Open a file.

    Args:
        path: Or a URI, if the flags say so.
        flags: SQLite's.
        verify: Compare the checksum of each page that is read. They are written in any case.
    """
    db = apsw.Connection(path, flags, vfs=_VFS) if keeps_checksums() else apsw.Connection(path, flags)
    if not verify:
        db.execute("PRAGMA checksum_verification = OFF").fetchall()
    return db


@cache
def keeps_checksums() -> bool:
    """Whether this installation of APSW brings the extension, which is loaded once a process."""
    import apsw.sqlite_extra

    if apsw.sqlite_extra.has(_EXTENSION) is None:
        return False
    usual = apsw.vfs_names()[0]
    db = apsw.Connection(":memory:")
    try:
        apsw.sqlite_extra.load(db, _EXTENSION)
    finally:
        db.close()
    apsw.set_default_vfs(usual)  # loading made the new one the default of all that use APSW in this process
    return True


def is_damage(error: BaseException) -> bool:
    """Whether an error says that what was read is not what was written."""
    if isinstance(error, apsw.IOError):
        return bool(getattr(error, "extendedresult", None) == _DAMAGED)  # APSW's stubs do not know it
    return isinstance(error, apsw.CorruptError | apsw.NotADBError | UnicodeDecodeError)


def damaged_file(place: Path | str, error: BaseException) -> CorruptError:
    """Give the error for a file in which `is_damage` was met."""
    what = "a page of it is not what was written" if isinstance(error, apsw.IOError) else str(error)
    return CorruptError(
        f"{place} is damaged or none of Ochre's: {what}; 'ochre check --deep' lists the damage, "
        "'ochre repair' mends what it can"
    )
