"""What the command line does to a folder, as functions: look, mend, make small, back up; a server can be looked at."""

from os import PathLike
from pathlib import Path
from typing import Literal, overload

from ochredb.client import watch as _watch
from ochredb.client.chroma import Imported, import_chroma
from ochredb.client.documents import Filed, ingest_files
from ochredb.client.transfer import Part, copy, export
from ochredb.client.transfer import copy as import_
from ochredb.local import backup as _backup
from ochredb.local import check as _check
from ochredb.local import compact as _compact
from ochredb.local import repair as _repair
from ochredb.local import salvage as _salvage
from ochredb.local import stats as _stats
from ochredb.local.archive import Backup, Kept, Listing
from ochredb.local.backup import Progress
from ochredb.local.compact import Compacted
from ochredb.local.problem import Problem, Report
from ochredb.local.repair import Repaired
from ochredb.local.salvage import Salvaged
from ochredb.local.stats import CollectionStats, Stats
from ochredb.local.views import ViewStats
from ochredb.transfer.moved import Moved, Transfer

__all__ = [
    "Backup",
    "CollectionStats",
    "Compacted",
    "Filed",
    "Imported",
    "Kept",
    "Listing",
    "Moved",
    "Part",
    "Problem",
    "Progress",
    "Repaired",
    "Report",
    "Salvaged",
    "Stats",
    "Transfer",
    "ViewStats",
    "backup",
    "backups",
    "check",
    "compact",
    "copy",
    "export",
    "import_",
    "import_chroma",
    "ingest_files",
    "repair",
    "restore",
    "stats",
]


def check(path: str | PathLike[str], deep: bool = False) -> Report:
    """Look at the database in a folder and say what is wrong; it may be in use, and nothing is changed.

    Args:
        path: The folder.
        deep: Look at every row and every view, not only at counts and references.

    Raises:
        NotFoundError: There is no database there; none is made.
        FormatError: A newer Ochre wrote it.
    """
    return _check.check(Path(path), deep)


@overload
def repair(path: str | PathLike[str], salvage: Literal[False] = False) -> Repaired: ...


@overload
def repair(path: str | PathLike[str], salvage: Literal[True]) -> Salvaged: ...


def repair(path: str | PathLike[str], salvage: bool = False) -> Repaired | Salvaged:
    """Mend the database in a folder.

    Args:
        path: The folder.
        salvage: False mends what can be made anew from the records, and the database may be in use. True reads the
            records out of a damaged SQLite file into a new one, which takes its place; nobody may have it open.

    Raises:
        NotFoundError: There is no database there.
        CorruptError: Records are damaged, and `salvage` is False; or nothing could be saved. Nothing was changed.
        BusyError: Others have it open, or held the write lock for too long.
    """
    return _salvage.salvage(Path(path)) if salvage else _repair.repair(Path(path))


def compact(path: str | PathLike[str]) -> Compacted:
    """Give free space in a folder back to the file system; the database may be in use.

    Raises:
        NotFoundError: There is no database there.
        BusyError: Others held the write lock for too long.
    """
    return _compact.compact(Path(path))


def stats(path: str | PathLike[str], token: str | None = None) -> Stats:
    """Give rows, bytes, log, tail and the lag of each view of a database, which may be in use.

    Args:
        path: The folder, or the `http:` or `https:` URL of a server of ours.
        token: A key to the server that is good for all its tenants.

    Raises:
        NotFoundError: There is no database there; none is made.
        CorruptError: The file is damaged, or of another program.
        UnreachableError: No server answers there.
        ChromaAuthError: The server wants a key, or another one.
    """
    if isinstance(path, str) and _watch.is_url(path):
        return _watch.stats(path, token)
    return _stats.stats(Path(path))


def backup(
    path: str | PathLike[str],
    dest: str | PathLike[str],
    keep: int | None = None,
    moved: bool = False,
    progress: Progress | None = None,
) -> Backup:
    """Add a backup of the database in a folder to a folder of backups; others may go on writing.

    Args:
        path: The folder of the database.
        dest: The folder of its backups, made where absent.
        keep: Remove all backups but the newest so many afterwards.
        moved: The database was at another path when it was last backed up to `dest`.
        progress: Is told what is being done, the bytes that are done, and those that are to be done.

    Raises:
        NotFoundError: There is no database there.
        InvalidArgumentError: `dest` is inside `path`, holds other files, or backups of another database.
        BusyError: Another backup is being written to `dest`.
        CorruptError: The database is damaged, and was not backed up; or a manifest is, and nothing was pruned.
        InternalError: The disk is full, say. Earlier backups are as they were.
    """
    return _backup.backup(Path(path), Path(dest), keep, moved, progress)


def backups(dest: str | PathLike[str]) -> Listing:
    """Tell which backups a folder holds, oldest first; their blocks are not read.

    Raises:
        NotFoundError: There is no such folder.
    """
    return _backup.backups(Path(dest))


def restore(
    dest: str | PathLike[str],
    path: str | PathLike[str],
    which: int | None = None,
    replace: bool = False,
    progress: Progress | None = None,
) -> Backup:
    """Put the database of a backup into a folder, after every checksum was compared.

    Args:
        dest: The folder of backups.
        path: An absent or empty folder.
        which: The number of the backup; the newest if None.
        replace: Put the database that is in `path` aside, into a folder within it.
        progress: Is told what is being done, the bytes that are done, and those that are to be done.

    Raises:
        NotFoundError: There is no such backup.
        InvalidArgumentError: `path` is not empty, or is inside `dest`.
        BusyError: The database in `path` is in use.
        CorruptError: The backup is damaged; the text names the file. Nothing was put in place.
        FormatError: A newer Ochre made it.
        InternalError: The disk is full, say.
    """
    return _backup.restore(Path(dest), Path(path), which, replace, progress)
