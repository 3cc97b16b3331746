"""Backups of a database while it is in use, and their restoration.

A backup is of one moment: SQLite's backup API copies the pages that a read transaction sees, whatever is committed
meanwhile. The copy is checked, cut into blocks, and only the blocks that no earlier backup has are kept. Views are not
backed up, as they are made from the records.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import apsw
from filelock import FileLock, Timeout
from msgspec.structs import replace as changed

from ochredb.core.errors import BadValue, BusyError, CorruptError, FormatError, InternalError, NotFoundError
from ochredb.local.alone import alone
from ochredb.local.archive import BLOCK, Archive, Backup, Kept, Listing
from ochredb.local.database import FILE, FORMAT
from ochredb.local.disk import connect, is_damage
from ochredb.local.folder import find, reading
from ochredb.local.snapshot import sync
from ochredb.version import __version__

Progress = Callable[[str, int, int], None]
"""Is told what is being done, the bytes that are done, and those that are to be done."""

_LOCK = ".ochre.restore"
_RESTORING = f"{FILE}.restoring"
_STEP = 8 << 20
# What a folder may hold and still count as empty: locks of ours, and what file systems put into their top folder.
_NOTHING = {_LOCK, _RESTORING, ".ochre.create", ".ochre.writer", "lost+found"}


def backup(
    folder: Path, dest: Path, keep: int | None = None, moved: bool = False, progress: Progress | None = None
) -> Backup:
    """Add a backup of the database in a folder to a folder of backups; other processes may go on writing.

    While it runs, `dest` needs room for a copy of the database, and the write-ahead log of the database grows.

    Args:
        folder: Of the database.
        dest: Made where absent. It holds any number of backups of one database.
        keep: Remove all but the newest so many afterwards.
        moved: The database was at another path when it was last backed up to `dest`.
        progress: Called now and then.

    Raises:
        NotFoundError: There is no database in `folder`.
        BadValue: `dest` is inside `folder`, holds other files, or backups of a database at another path.
        BusyError: Another backup is being written to `dest`.
        CorruptError: The database is damaged, and was not backed up; or a manifest is, and nothing was pruned.
        InternalError: The disk is full, say. Earlier backups are as they were.
    """
    folder, dest = find(folder).resolve(), dest.resolve()
    if keep is not None and keep < 1:
        raise BadValue(f"keep={keep}: at least one backup is kept")
    _refuse_inside(dest, folder)
    archive = Archive(dest)
    with _translated(dest), archive.writing() as image:
        number = _next(archive, folder, moved)
        seen = _copy(folder, image, progress)
        _check(folder, image)
        made = _cut(archive, image, changed(seen, number=number), progress)
        archive.write(made)
        if keep is not None:
            archive.prune(keep)
    return made


def backups(dest: Path) -> Listing:
    """Tell which backups a folder holds, without reading their blocks.

    Raises:
        NotFoundError: There is no such folder.
    """
    return Archive(dest.resolve()).listing()


def restore(
    dest: Path, folder: Path, which: int | None = None, replace: bool = False, progress: Progress | None = None
) -> Backup:
    """Put the database of a backup into a folder; nothing is put in place before every checksum was compared.

    Args:
        dest: The folder of backups.
        folder: Made where absent.
        which: The number of the backup; the newest if None.
        replace: Put the database that is in `folder` aside, into a folder within it.
        progress: Called now and then.

    Raises:
        NotFoundError: There is no such backup.
        BadValue: `folder` is not empty, or is inside `dest`.
        BusyError: The database in `folder` is in use.
        CorruptError: The backup is damaged; the text names the file.
        FormatError: A newer Ochre made it.
        InternalError: The disk is full, say.
    """
    dest, folder = dest.resolve(), folder.resolve()
    _refuse_inside(folder, dest)
    archive = Archive(dest)
    chosen = archive.read(_number(archive, which))
    if chosen.database_format > FORMAT:
        raise FormatError(
            f"backup {chosen.number} in {dest} has a database of format {chosen.database_format}, and this version "
            f"reads formats up to {FORMAT}: install a version from ochredb {chosen.ochredb} on"
        )
    with _translated(folder), _restoring(folder, replace) as image:
        _assemble(archive, chosen, image, progress)
        if replace and (folder / FILE).exists():
            _put_aside(folder, image)
        else:
            _put(folder, image)
        sync(folder)
    return chosen


# Steps of a backup


def _refuse_inside(inner: Path, outer: Path) -> None:
    if inner.is_relative_to(outer):
        raise BadValue(f"{inner} is inside {outer}: a database and its backups need folders apart")


def _next(archive: Archive, folder: Path, moved: bool) -> int:
    """Give the number of the next backup; a folder of backups is for one database, or `keep` would remove another's."""
    known = archive.listing().backups
    if known and known[-1].source != str(folder) and not moved:
        raise BadValue(
            f"{archive.folder} holds backups of {known[-1].source}, and this database is {folder}: "
            "give it a folder of its own, or, if it was moved there, say moved=True (--moved)"
        )
    return max(archive.numbers(), default=0) + 1


def _copy(folder: Path, image: Path, progress: Progress | None) -> Backup:
    """Copy the database as of one moment, and tell what it holds; blocks and number are yet to come."""
    with reading(folder) as db:
        kept = _collections(db)
        size = db.pragma("page_size")
        _copy_pages(db, image, size, progress)
        return Backup(
            number=1,
            made=datetime.now(UTC),
            ochredb=__version__,
            source=str(folder),
            database_format=db.pragma("user_version"),
            page_size=size,
            page_count=image.stat().st_size // size,
            added_bytes=0,
            collections=kept,
            block_bytes=BLOCK,
            blocks=(),
        )


def _collections(db: apsw.Connection) -> tuple[Kept, ...]:
    rows = db.execute(
        "SELECT d.tenant, d.name, c.name, c.rows, c.dimension FROM collections c "
        "JOIN databases d ON d.id = c.database ORDER BY 1, 2, 3"
    )
    return tuple(Kept(*row) for row in rows)


def _copy_pages(db: apsw.Connection, image: Path, size: int, progress: Progress | None) -> None:
    target = connect(str(image), apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
    try:
        # Nobody else sees this file, and after a crash it is thrown away.
        target.execute("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").fetchall()
        with target.backup("main", db, "main") as copy:
            while not copy.done:
                copy.step(_STEP // size)
                if progress is not None:
                    progress("copied", (copy.page_count - copy.remaining) * size, copy.page_count * size)
    except (apsw.FullError, apsw.IOError, apsw.CantOpenError) as error:
        if is_damage(error):
            raise
        raise InternalError(f"{image.parent}: SQLite could not copy {db.filename} here: {error}") from error
    finally:
        target.close()


def _check(folder: Path, image: Path) -> None:
    """Refuse to back up a damaged database: night after night, it would push out the backups of a sound one."""
    try:
        # Immutable, as a copy of a file in write-ahead mode would otherwise get a log of its own.
        db = connect(f"{image.as_uri()}?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        try:
            found = db.execute("PRAGMA quick_check(1)").get
        finally:
            db.close()
    except apsw.Error as error:
        if not is_damage(error):
            raise
        found = str(error)
    if found != "ok":
        raise CorruptError(f"{folder / FILE} is damaged, and was not backed up; earlier backups are kept: {found}")


def _cut(archive: Archive, image: Path, made: Backup, progress: Progress | None) -> Backup:
    """Keep the blocks of a copy, and read each new one back."""
    names, added, total = [], {}, made.bytes
    with image.open("rb") as file:
        while block := file.read(made.block_bytes):
            name, more = archive.put(block)
            names.append(name)
            if more:
                added[name] = more
            if progress is not None:
                progress("stored", min(len(names) * made.block_bytes, total), total)
    for name, length in added.items():
        archive.get(name, length)
    return changed(made, blocks=tuple(names), added_bytes=sum(added.values()))


# Steps of a restoration


def _number(archive: Archive, which: int | None) -> int:
    there = archive.numbers()
    if not there:
        raise NotFoundError(f"{archive.folder} holds no backups")
    if which is None:
        return there[-1]
    if which not in there:
        raise NotFoundError(f"{archive.folder} holds no backup {which}; it holds {', '.join(map(str, there))}")
    return which


@contextmanager
def _restoring(folder: Path, replace: bool) -> Iterator[Path]:
    """Keep other restorations out, and give the path of the file in the making; an error leaves nothing of it."""
    made = not folder.exists()
    if not made:
        _refuse_taken(folder, replace)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise BusyError(f"{folder}: another restoration is under way here; try again later") from error
    image = folder / _RESTORING
    try:
        yield image
    finally:
        image.unlink(missing_ok=True)
        lock.release()
        if made and not (folder / FILE).exists():
            (folder / _LOCK).unlink(missing_ok=True)
            folder.rmdir()


def _refuse_taken(folder: Path, replace: bool) -> None:
    if not folder.is_dir():
        raise BadValue(f"{folder} is a file; an absent or empty folder is wanted")
    names = set(os.listdir(folder)) - _NOTHING
    if not names:
        return
    if not replace:
        raise BadValue(f"{folder} is not empty: give an absent or empty folder, or say replace=True (--replace)")
    if FILE not in names:
        raise BadValue(f"{folder} holds other files and no {FILE} to replace: move them away, or give another folder")
    with alone(folder):
        pass


def _assemble(archive: Archive, chosen: Backup, image: Path, progress: Progress | None) -> None:
    done = 0
    with image.open("wb") as file:
        for name, length in chosen.pieces():
            file.write(archive.get(name, length))
            done += length
            if progress is not None:
                progress("restored", done, chosen.bytes)
        file.flush()
        os.fsync(file.fileno())


def _put(folder: Path, image: Path) -> None:
    """Give the file its name, unless there is one of this name by now."""
    with FileLock(folder / ".ochre.create"):  # whoever makes a database here holds it
        if (folder / FILE).exists():
            raise BusyError(f"{folder}: a database was made here during the restoration; it was left alone")
        image.rename(folder / FILE)


def _put_aside(folder: Path, image: Path) -> None:
    """Put the present database into a folder within its folder, and the restored one into its place.

    Views stay: each knows the moment that it was made at, and is made anew if the restored database has not seen it.
    """
    aside = folder / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    _merge_log(folder)
    with alone(folder):
        aside.mkdir()
        for name in (f"{FILE}-wal", f"{FILE}-shm"):  # SQLite would take them for the restored file's
            with suppress(FileNotFoundError):
                (folder / name).rename(aside / name)
        # A second name and then a swap: at no moment is there no database, which somebody else could make anew.
        os.link(folder / FILE, aside / FILE)
        sync(aside)
        image.replace(folder / FILE)


def _merge_log(folder: Path) -> None:
    """Move the write-ahead log into the database, unless it is a ruin, which then keeps its log beside it."""
    with suppress(apsw.CorruptError, apsw.NotADBError):
        db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE, verify=False)
        try:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            db.close()


@contextmanager
def _translated(folder: Path) -> Iterator[None]:
    """Say in our own errors what the system says in its."""
    try:
        yield
    except apsw.Error as error:
        raise InternalError(f"{folder}: SQLite could not go on: {error}") from error
    except OSError as error:
        raise InternalError(f"{error.filename or folder}: {error.strerror or error}") from error
