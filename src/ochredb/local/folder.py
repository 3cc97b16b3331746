"""A folder as the tools see it: the database in it is found and looked at as of one moment, and never made."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from ochredb.core.errors import BusyError, CorruptError, FormatError, InternalError, NotFoundError
from ochredb.local.database import APPLICATION, CHROMA, FILE, FORMAT
from ochredb.local.disk import connect, damaged_file, is_damage
from ochredb.local.store import WAIT_SECONDS
from ochredb.local.wal import passed_over

SCRATCH = ".ochre.salvage"
"""Where a new file is made that is to take the place of a damaged one."""


def find(path: Path) -> Path:
    """Give the folder of a database by its path, or by that of the SQLite file in it.

    Raises:
        NotFoundError: There is no database there; none is made.
    """
    folder = path.parent if path.name == FILE else path
    if not folder.exists():
        raise NotFoundError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is a file; the folder of a database is wanted")
    if not (folder / FILE).is_file():
        command = f"'ochre import chroma {folder} NEW_FOLDER'"
        hint = f"; it is a database of Chroma's: {command} copies it" if (folder / CHROMA).exists() else ""
        raise NotFoundError(f"{folder} holds no database of Ochre's: there is no {FILE} in it{hint}")
    return folder


@contextmanager
def reading(folder: Path, verify: bool = True) -> Iterator[apsw.Connection]:
    """Give a connection in a read transaction; other processes may be writing.

    Args:
        folder: Of the database.
        verify: Refuse pages that are not what was written.

    Raises:
        CorruptError: The file is damaged, or of another program.
        FormatError: A newer Ochre wrote it.
        InternalError: It cannot be read.
    """
    file = folder / FILE
    with translated(file):
        # Not READONLY, which would leave the files of a WAL behind; this falls back to it where nothing can be written.
        db = connect(str(file), apsw.SQLITE_OPEN_READWRITE, verify)
        try:
            if passed_over(file.with_name(f"{FILE}-wal")):  # closing would remove what can still be saved
                db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
            db.set_busy_timeout(round(WAIT_SECONDS * 1000))
            db.execute("BEGIN")
            _refuse_other(db, file)
            yield db
        finally:
            db.close()


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """Say in our own errors what SQLite says in its."""
    try:
        yield
    except apsw.BusyError as error:
        raise BusyError(f"{file}: another process held the write lock for more than {WAIT_SECONDS:g} s") from error
    except (apsw.Error, UnicodeDecodeError) as error:
        if is_damage(error):
            raise damaged_file(file, error) from error
        raise InternalError(f"{file}: SQLite could not read it: {error}") from error


def size(file: Path) -> int:
    """Give the bytes of a file, 0 if it is none or has gone."""
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:  # between the two questions a snapshot may be replaced
        return 0


def _refuse_other(db: apsw.Connection, file: Path) -> None:
    application = db.pragma("application_id")
    if application != APPLICATION:
        raise CorruptError(f"{file} is an SQLite file of another program (application id {application:#x})")
    written = db.pragma("user_version")
    if written > FORMAT:
        raise FormatError(f"{file} has format {written}, and this version reads formats up to {FORMAT}")
