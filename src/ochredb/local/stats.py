"""What a folder holds and what it takes on disk; looking makes no database and changes no record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
from msgspec import Struct

from ochredb.core.errors import CorruptError, FormatError, InternalError, NotFoundError
from ochredb.core.model import Labels, Space
from ochredb.local import catalog, log, snapshot
from ochredb.local.catalog import Head
from ochredb.local.log import VECTORS, Moment
from ochredb.local.store import APPLICATION, FILE, FORMAT, WAIT_SECONDS


class CollectionStats(Struct, frozen=True):
    """One collection.

    Args:
        tenant: Its tenant.
        database: Its database.
        name: Its name.
        id: Its UUID.
        rows: Records.
        dimension: None before the first write.
        space: How distances are measured.
        indexed: Rows that the vector index on disk covers; other rows are scanned exactly.
        view_bytes: Size of its views on disk.
    """

    tenant: str
    database: str
    name: str
    id: str
    rows: int
    dimension: int | None
    space: Space
    indexed: int
    view_bytes: int

    @property
    def tail(self) -> int:
        """Rows that the vector index on disk does not cover."""
        return self.rows - self.indexed


class Stats(Struct, frozen=True):
    """One database.

    Args:
        folder: Where it is.
        format: Of its file.
        database_bytes: Size of the SQLite file.
        wal_bytes: Size of the write-ahead log beside it.
        log_calls: Write calls that views can catch up on.
        collections: By tenant, database and name.
    """

    folder: Path
    format: int
    database_bytes: int
    wal_bytes: int
    log_calls: int
    collections: tuple[CollectionStats, ...]

    @property
    def view_bytes(self) -> int:
        """Size of all views on disk."""
        return sum(collection.view_bytes for collection in self.collections)


def stats(path: Path) -> Stats:
    """Look into the database in a folder, as of one moment; other processes may be writing to it.

    Args:
        path: The folder, or the SQLite file in it.

    Raises:
        NotFoundError: There is no database there; none is made.
        CorruptError: The file is damaged, or of another program.
        FormatError: A newer Ochre wrote it.
        InternalError: It cannot be read.
    """
    folder = _folder(path)
    file = folder / FILE
    try:
        # Not READONLY, which would leave the files of a WAL behind; this falls back to it where nothing can be written.
        db = apsw.Connection(str(file), apsw.SQLITE_OPEN_READWRITE)
        try:
            db.set_busy_timeout(round(WAIT_SECONDS * 1000))
            db.execute("BEGIN")
            written = _format(db, file)
            collections = tuple(_collections(db, folder))
            calls: int = db.execute("SELECT count(*) FROM log").get
            sizes = _size(file), _size(folder / f"{FILE}-wal")  # before closing, which may move one into the other
        finally:
            db.close()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise CorruptError(f"{file}: the database file is damaged or none of Ochre's: {error}") from error
    except apsw.Error as error:
        raise InternalError(f"{file}: SQLite could not read it: {error}") from error
    return Stats(folder, written, *sizes, calls, collections)


def _folder(path: Path) -> Path:
    folder = path.parent if path.name == FILE else path
    if not folder.exists():
        raise NotFoundError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is a file; the folder of a database is wanted")
    if not (folder / FILE).is_file():
        hint = "; it is a database of Chroma's" if (folder / "chroma.sqlite3").exists() else ""
        raise NotFoundError(f"{folder} holds no database of Ochre's: there is no {FILE} in it{hint}")
    return folder


def _format(db: apsw.Connection, file: Path) -> int:
    application = db.pragma("application_id")
    if application != APPLICATION:
        raise CorruptError(f"{file} is an SQLite file of another program (application id {application:#x})")
    written: int = db.pragma("user_version")
    if written > FORMAT:
        raise FormatError(f"{file} has format {written}, and this version reads formats up to {FORMAT}")
    return written


def _collections(db: apsw.Connection, folder: Path) -> Iterator[CollectionStats]:
    rows: Any = db.execute(
        "SELECT d.tenant, d.name, c.name, c.id FROM collections c JOIN databases d ON d.id = c.database "
        "ORDER BY 1, 2, 3"
    ).fetchall()
    for tenant, database, name, collection in rows:
        head, views = catalog.head(db, collection), folder / collection
        yield CollectionStats(
            tenant=tenant,
            database=database,
            name=name,
            id=collection,
            rows=head.rows,
            dimension=head.dimension,
            space=head.space,
            indexed=len(_indexed(db, head, views)),
            view_bytes=sum(_size(file) for file in views.rglob("*")),
        )


def _indexed(db: apsw.Connection, head: Head, views: Path) -> Labels:
    """Give the labels of the rows whose present vector is in the index on disk."""
    manifest = snapshot.read(views, "vectors")
    changes = None if manifest is None else log.since(db, head.number, Moment(*manifest.details["moment"]), head.moment)
    if manifest is None or changes is None:
        return _NO_LABELS
    try:
        labels = np.fromfile(views / manifest.files["labels"].name, "<i8")[: manifest.details["frontier"]]
    except FileNotFoundError:  # a newer snapshot has just taken its place
        return _NO_LABELS
    covered = labels >= 0  # the label of a dead slot is written as its complement
    covered[np.array(manifest.details["dirty"], np.int64)] = False
    labels = labels[covered]
    for touched in changes:
        changed = touched.upserted if touched.fields & VECTORS else _NO_LABELS
        labels = np.setdiff1d(labels, np.concatenate((changed, touched.removed)), assume_unique=True)
    return labels


_NO_LABELS = np.empty(0, np.int64)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size if file.is_file() else 0
    except FileNotFoundError:  # between the two questions a snapshot may be replaced
        return 0
