"""The SQLite file as it lies in a folder: made as a whole or not at all, and refused if it is not ours to read."""

from pathlib import Path

import apsw

from ochredb.core.errors import CorruptError, FormatError, InternalError, OchreError
from ochredb.local.catalog import DEFAULTS
from ochredb.local.disk import RESERVED, connect, keeps_checksums
from ochredb.local.locks import file_lock, holders
from ochredb.local.snapshot import sync
from ochredb.local.wal import passed_over
from ochredb.version import __version__

FILE = "ochre.sqlite3"
CHROMA = "chroma.sqlite3"
NEW = ".ochre.new"
APPLICATION = 0x4F434852  # "OCHR", in the header of every file of ours
FORMAT = 2
"""1 has all embeddings in float32; 2 may have them in half precision."""
_MAGIC = b"SQLite format 3\0"
_HEADER = 21
"""Bytes of the file's header up to the one that says how many are reserved in each page."""

SCHEMA = f"""
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO about VALUES ('written by', 'ochredb {__version__}');
CREATE TABLE tenants (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE databases (
    id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (tenant, name)
) WITHOUT ROWID;
CREATE TABLE collections (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused, as it is the upper part of its records' rowids
    id TEXT NOT NULL UNIQUE, database TEXT NOT NULL, name TEXT NOT NULL,
    space TEXT NOT NULL, effort INTEGER NOT NULL, metadata TEXT, configuration TEXT NOT NULL, schema TEXT,
    dimension INTEGER, rows INTEGER NOT NULL DEFAULT 0, next_label INTEGER NOT NULL DEFAULT 0,
    seq INTEGER NOT NULL DEFAULT 0, token INTEGER NOT NULL DEFAULT 0,
    packed INTEGER NOT NULL DEFAULT 0, -- of the labels that are gone, those whose room was given back
    checksum INTEGER NOT NULL DEFAULT 0,
    UNIQUE (database, name)
);
CREATE TABLE records (
    rowid INTEGER PRIMARY KEY, collection INTEGER NOT NULL, id TEXT NOT NULL, document TEXT, metadata TEXT, uri TEXT,
    checksum INTEGER NOT NULL, UNIQUE (collection, id)
);
CREATE TABLE vectors (rowid INTEGER PRIMARY KEY, embedding BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, collection INTEGER NOT NULL, token INTEGER NOT NULL, fields INTEGER NOT NULL,
    upserted BLOB, removed BLOB
);
CREATE INDEX log_by_collection ON log (collection, seq);
{DEFAULTS}
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
"""


def absent(path: Path) -> bool:
    """Tell whether there is no database yet; SQLite makes one of an empty file, too."""
    return not path.exists() or (path.is_file() and not path.stat().st_size)


def create(folder: Path, wait: float) -> None:
    """Make the database under another name, and put it in its place as a whole: nobody sees half of one."""
    new, lock = folder / NEW, folder / ".ochre.create"
    lock.touch()  # where it cannot be made, the lock would be waited for
    with file_lock(lock, timeout=wait):
        if not absent(folder / FILE):
            return
        for left in folder.glob(f"{NEW}*"):
            left.unlink()
        db = connect(str(new), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        try:
            if keeps_checksums():
                db.reserve_bytes(reserve=RESERVED)
            # 8 KiB pages hold five embeddings of 384 floats with 6 % to spare, or ten of halves with 4; 4 KiB would
            # hold two of floats with 25 %.
            pragmas = "PRAGMA page_size = 8192; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL"
            db.execute(pragmas).fetchall()
            db.execute("BEGIN IMMEDIATE;" + SCHEMA + "COMMIT")
        finally:
            db.close()
        new.replace(folder / FILE)
        sync(folder)


def refuse_chroma(folder: Path) -> None:
    """Refuse a folder of Chroma's, whose records a new database of ours would only hide."""
    if not (folder / CHROMA).is_file():
        return
    from ochredb.transfer.chroma.folder import summary  # only who meets such a folder needs what reads it

    try:
        found = summary(folder)
    except OchreError as error:
        found = f"a database of Chroma's that cannot be read as it is ({error.message()})"
    raise FormatError(
        f"{folder} holds {found}. Ochre changes nothing in it: 'ochre import chroma {folder} NEW_FOLDER' "
        "copies what it holds into a new folder, to be opened instead"
    )


def refuse_other(path: Path) -> None:
    """Refuse a file that is not SQLite's; SQLite itself takes a very short one for empty, and writes over it."""
    try:
        # Through SQLite's own layer for files: to close a file that was opened in any other way takes away the
        # locks of every connection of this process (https://www.sqlite.org/howtocorrupt.html, 2.2).
        file = apsw.VFSFile("", str(path), [apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_MAIN_DB, 0])
        start = file.xRead(_HEADER, 0)
        file.xClose()
    except apsw.Error as error:
        raise InternalError(f"{path}: cannot read this file: {error}") from error
    if start[: len(_MAGIC)] != _MAGIC:
        raise CorruptError(f"{path} is damaged, or no SQLite file: it begins with {start[: len(_MAGIC)]!r}")
    if start[_HEADER - 1 :] == bytes([RESERVED]) and not keeps_checksums():
        raise InternalError(
            f"{path} has a checksum in each page, which this installation of APSW cannot keep: "
            "'pip install --force-reinstall apsw' brings one that can"
        )


def refuse_lost(path: Path) -> None:
    """Refuse to go on where SQLite would lose calls without a word, as it does behind a damaged frame of its log.

    While others have the database open they have read the log, and go on writing to it.
    """
    log, index = path.with_name(f"{FILE}-wal"), path.with_name(f"{FILE}-shm")
    if not log.exists() or not log.stat().st_size or (index.exists() and holders(index) != set()):
        return
    if found := passed_over(log):
        raise CorruptError(
            f"{log} is damaged at about frame {found[0]}: SQLite would pass over the {found[1]:,} frames after it, "
            "which are calls that were acknowledged; 'ochre repair --salvage' saves them"
        )


def refuse_stranger(db: apsw.Connection, path: Path) -> None:
    """Refuse a database of another program, or of a newer format."""
    application = db.pragma("application_id")
    if application != APPLICATION:
        raise CorruptError(
            f"{path} is an SQLite file of another program (application id {application:#x}); "
            "give a folder of its own to Ochre"
        )
    written = db.pragma("user_version")
    if written > FORMAT:
        by = db.execute("SELECT value FROM about WHERE key = 'written by'").get
        raise FormatError(
            f"{path} has format {written}, written by {by}; this is ochredb {__version__}, which reads "
            f"formats up to {FORMAT}: install a version from {by} on"
        )


def raise_format(db: apsw.Connection) -> None:
    """Mark a database, within a transaction, as one that an older version is to refuse."""
    if db.pragma("user_version") < FORMAT:
        db.pragma("user_version", FORMAT)
