"""Give free space in a folder back to the file system, while others use it."""

from pathlib import Path

from msgspec import Struct

from ochredb.core.errors import NotFoundError
from ochredb.local import catalog, packing, views
from ochredb.local.database import FILE
from ochredb.local.folder import find, size
from ochredb.local.store import Store

_PAGES = 2000
"""Pages a step: 16 MB, a few hundredths of a second during which writers wait."""


class Compacted(Struct, frozen=True):
    """What `compact` did.

    Args:
        folder: Where.
        before: Bytes of all files of the database.
        after: Likewise, afterwards; others may have written meanwhile.
    """

    folder: Path
    before: int
    after: int


def compact(path: Path) -> Compacted:
    """Give back the room of removed records, merge the write-ahead log, and remove views that nobody can use any more.

    It goes in steps, between which other writers write; a `VACUUM` in one piece would make them wait for all of it, and
    need the room of a second file.

    Args:
        path: The folder, or the SQLite file in it.

    Raises:
        NotFoundError: There is no database there; none is made.
        BusyError: Others held the write lock for longer than the usual wait.
        CorruptError: The file is damaged, or of another program.
    """
    folder = find(path)
    before = _bytes(folder)
    store = Store(folder)
    try:
        _pack(store)
        while store.vacuum(_PAGES):
            pass
        _drop_useless(store, folder)
    finally:
        store.close()
    return Compacted(folder, before, _bytes(folder))


def _pack(store: Store) -> None:
    """Fill half-empty pages; an engine does the same when all is quiet."""
    place, more = None, True
    while more:
        try:
            with store.writing("pack") as db:
                place = packing.step(db, place)
            more = place is not None
        except NotFoundError:  # the collection was removed between two steps
            place = None


def _drop_useless(store: Store, folder: Path) -> None:
    with store.reading() as db:
        ids = [str(id_) for (id_,) in db.execute("SELECT id FROM collections")]
    for place in [folder / id_ for id_ in ids]:
        # Under its lock no view is written, so none can be of a later moment than the transaction that judges it.
        with views.locked(place) as alone, store.reading() as db:
            found = list(views.look(db, catalog.head(db, place.name), place)) if alone else []
        for view in found:
            if not view.usable:
                views.remove(place, view.name)


def _bytes(folder: Path) -> int:
    database = sum(size(folder / f"{FILE}{suffix}") for suffix in ("", "-wal"))
    return database + sum(size(file) for place in views.folders(folder) for file in place.rglob("*"))
