"""What a folder holds and what it takes on disk; looking makes no database and changes no record."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from ochredb.core.model import Space
from ochredb.local import catalog, views
from ochredb.local.database import FILE
from ochredb.local.folder import find, reading, size
from ochredb.local.views import ViewStats

_TEXT_BYTES = (
    "SELECT total(octet_length(id) + ifnull(octet_length(document), 0) + ifnull(octet_length(metadata), 0) "
    "+ ifnull(octet_length(uri), 0)) FROM records WHERE rowid BETWEEN ? AND ?"
)


class CollectionStats(Struct, frozen=True, kw_only=True):
    """One collection.

    Args:
        tenant: Its tenant.
        database: Its database.
        name: Its name.
        id: Its UUID.
        rows: Records.
        dimension: None before the first write.
        space: How distances are measured.
        bytes: Of its ids, documents, metadata, URIs and embeddings, before SQLite adds its own.
        log_calls: Its write calls that views can catch up on.
        views: Its views on disk.
    """

    tenant: str
    database: str
    name: str
    id: str
    rows: int
    dimension: int | None
    space: Space
    bytes: int
    log_calls: int
    views: tuple[ViewStats, ...]

    @property
    def indexed(self) -> int:
        """Rows that the vector index on disk covers; other rows are scanned exactly."""
        return sum(view.rows for view in self.views if view.name == "vectors")

    @property
    def tail(self) -> int:
        """Rows that the vector index on disk does not cover."""
        return self.rows - self.indexed

    @property
    def view_bytes(self) -> int:
        """Size of its views on disk."""
        return sum(view.bytes for view in self.views)


class Stats(Struct, frozen=True):
    """One database.

    Args:
        folder: Where it is; the URL, if a server told it.
        format: Of its file.
        database_bytes: Size of the SQLite file.
        free_bytes: What of it `compact` would give back.
        wal_bytes: Size of the write-ahead log beside it.
        log_calls: Write calls that views can catch up on.
        collections: By tenant, database and name.
    """

    folder: Path | str
    format: int
    database_bytes: int
    free_bytes: int
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
    folder = find(path)
    with reading(folder) as db:
        collections = tuple(_collections(db, folder))
        return Stats(
            folder,
            format=db.pragma("user_version"),
            database_bytes=size(folder / FILE),
            free_bytes=db.pragma("freelist_count") * db.pragma("page_size"),
            wal_bytes=size(folder / f"{FILE}-wal"),
            log_calls=db.execute("SELECT count(*) FROM log").get,
            collections=collections,
        )


def _collections(db: apsw.Connection, folder: Path) -> Iterator[CollectionStats]:
    rows: Any = db.execute(
        "SELECT d.tenant, d.name, c.name, c.id FROM collections c JOIN databases d ON d.id = c.database "
        "ORDER BY 1, 2, 3"
    ).fetchall()
    for tenant, database, name, collection in rows:
        head = catalog.head(db, collection)
        text_bytes: float = db.execute(_TEXT_BYTES, catalog.span(head.number)).get
        yield CollectionStats(
            tenant=tenant,
            database=database,
            name=name,
            id=collection,
            rows=head.rows,
            dimension=head.dimension,
            space=head.space,
            bytes=int(text_bytes) + head.rows * (head.dimension or 0) * 4,
            log_calls=db.execute("SELECT count(*) FROM log WHERE collection = ?", (head.number,)).get,
            views=tuple(views.look(db, head, folder / collection)),
        )
