"""Chroma's SQLite file opened for reading, with nothing written beside it, in whatever state it was left."""

import shutil
from pathlib import Path
from typing import NamedTuple

import apsw

from ochredb.transfer.chroma import rescue
from ochredb.transfer.chroma.rescue import WAIT_MS
from ochredb.transfer.source import Loss

_PAGE = 4096
_READ_VERSION_AT = 19
_WAL = 2
_HEADER = {
    0: b"SQLite format 3\0" + _PAGE.to_bytes(2, "big") + bytes([1, 1, 0, 64, 32, 32]),
    44: (4).to_bytes(4, "big"),
    56: (1).to_bytes(4, "big"),
}
"""By their place: magic, page size, rollback journal, no reserved bytes, fractions; format of the schema; UTF-8."""


class Opened(NamedTuple):
    """A file that can be read.

    Args:
        db: A connection to it, or where it is damaged to a file with all that can be read.
        damaged: The names of tables that are.
        losses: What is damaged.
    """

    db: apsw.Connection
    damaged: frozenset[str]
    losses: list[Loss]


def opened(file: Path, scratch: Path, check: bool) -> Opened:
    """Open the file where it lies, or a copy where SQLite could not read it without writing, or not at all.

    Args:
        file: It; others may have it open.
        scratch: A folder for copies.
        check: Look at every page first, and let nothing be read that is damaged.

    Raises:
        apsw.Error: It cannot be read at all.
    """
    try:
        address = _address(file) or _copied(file, scratch)
        db = _connect(address)
    except apsw.ReadOnlyError:  # a writer died, and left a journal that has to be rolled back first
        address = _copied(file, scratch)
        db = _connect(address)
    except (apsw.NotADBError, apsw.CorruptError):
        address = _mended(file, scratch)
        db = _connect(address)
    faults = rescue.faults(db) if check else {}
    if not faults:
        return Opened(db, frozenset(), [])
    db.close()
    if file.stat().st_size % _PAGE:  # SQLite would read what is missing of the last page as zeros
        address = _mended(file, scratch)
    new = scratch / "rescued.sqlite3"
    losses = [Loss(f"{file}, table {table}", fault) for table, fault in faults.items()]
    losses += [Loss(f"{file}, table {table}", told) for table, told in rescue.rescue(address, new)]
    return Opened(_connect(new.as_uri()), frozenset(faults), losses)


def _address(file: Path) -> str | None:
    """Give the URI to read a file by; None if it has a log that only a writer could read."""
    address = f"{file.absolute().as_uri()}?mode=ro"
    with file.open("rb") as begun:
        header = begun.read(_READ_VERSION_AT + 1)
    if header[_READ_VERSION_AT:] != bytes([_WAL]):
        return address
    log = _beside(file, "-wal")
    if not log.exists() or not log.stat().st_size:
        return f"{address}&immutable=1"  # else SQLite would make a log
    return f"{address}&readonly_shm=1" if _beside(file, "-shm").exists() else None


def _copied(file: Path, scratch: Path) -> str:
    """Copy a file with its logs, and give the URI of the copy, which SQLite may write to."""
    for one in (file, _beside(file, "-wal"), _beside(file, "-journal")):
        if one.exists():
            shutil.copyfile(one, scratch / one.name)
    return (scratch / file.name).as_uri()


def _mended(file: Path, scratch: Path) -> str:
    """Copy a file as whole pages, with a header as all files of Chroma's have it, and give the URI of the copy."""
    address = _copied(file, scratch)
    with (scratch / file.name).open("r+b") as copy:
        copy.truncate(file.stat().st_size // _PAGE * _PAGE)
        for place, content in _HEADER.items():
            copy.seek(place)
            copy.write(content)
    return address


def _beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}{suffix}")


def _connect(address: str) -> apsw.Connection:
    """Open a file by its URI, which says whether it may be written to."""
    db = apsw.Connection(address, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI)
    try:
        db.set_busy_timeout(WAIT_MS)
        # Nothing is written; but only so will SQLite read a file that breaks off, or whose schema is damaged in part.
        db.execute("PRAGMA writable_schema = ON; PRAGMA cache_size = -16000; SELECT 1 FROM sqlite_schema").fetchone()
    except BaseException:
        db.close()
        raise
    return db
