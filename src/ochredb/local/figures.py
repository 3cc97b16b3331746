"""What a database holds, counted in milliseconds: what is known anyway, and nothing that must be read through."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import apsw

from ochredb.core.figures import Figures
from ochredb.local.collection import Collection
from ochredb.local.database import FILE
from ochredb.local.folder import size
from ochredb.local.vectors import INDEXED_FROM
from ochredb.local.views import is_uuid


def figures(db: apsw.Connection, folder: Path | None, views: Iterable[Collection]) -> Figures:
    """Count what there is as of a read transaction.

    Args:
        db: In a transaction.
        folder: Of the database; None for one in memory.
        views: Those of this process.
    """
    collections, rows = db.execute("SELECT count(*), ifnull(sum(rows), 0) FROM collections").fetchone() or (0, 0)
    used = list(views)
    file = None if folder is None else folder / FILE
    return Figures(
        collections=collections,
        rows=rows,
        tail_rows=sum(_tail(db, view) for view in used),
        calls_behind=sum(_behind(db, view) for view in used),
        database_bytes=db.pragma("page_count") * db.pragma("page_size"),
        wal_bytes=0 if file is None else size(file.with_name(f"{FILE}-wal")),
        view_bytes=0 if folder is None else _view_bytes(folder),
        view_memory_bytes=sum(view.nbytes for view in used),
    )


def _tail(db: apsw.Connection, view: Collection) -> int:
    rows: Any = db.execute("SELECT rows FROM collections WHERE id = ?", (view.id,)).get
    vectors, roster = view.vectors, view.roster  # others may put new ones in their places meanwhile
    if rows is None or vectors is None or rows < INDEXED_FROM:
        return 0
    indexed = int(roster.alive[: vectors.frontier].sum()) - len(vectors.dirty)
    return max(0, int(rows) - indexed)


def _behind(db: apsw.Connection, view: Collection) -> int:
    moment = view.moment
    if moment is None:  # nothing is in memory
        return 0
    count: int = db.execute(
        "SELECT count(*) FROM log WHERE collection = (SELECT number FROM collections WHERE id = ?) AND seq > ?",
        (view.id, moment.seq),
    ).get
    return count


def _view_bytes(folder: Path) -> int:
    with os.scandir(folder) as entries:
        places = [entry.path for entry in entries if is_uuid(entry.name)]
    return sum(size(Path(place, name)) for place in places for name in _names(place))


def _names(place: str) -> list[str]:
    try:
        return os.listdir(place)
    except FileNotFoundError:  # the collection was removed just now
        return []
