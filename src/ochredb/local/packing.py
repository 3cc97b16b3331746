"""Room that removed records leave within pages is given back: SQLite frees a page only once it is empty.

The records of a collection that has lost many are written anew, a thousand at a time, which fills their pages again:
after every second of 50,000 rows was removed, that freed half of the pages, where removing alone had freed none.
"""

from typing import Any, NamedTuple

import apsw
from msgspec.structs import replace

from ochredb.local import catalog
from ochredb.local.catalog import Head

ROWS = 1000
"""Written anew in one transaction: some 20 ms for which other writers wait."""
LEAST, SHARE = 256, 0.2
"""A collection is worth packing when it has lost so many records since it last was, and this share of what it has."""
_LOOSE = 1.1
"""Records whose labels span so many times their number have gaps between them."""


class Place(NamedTuple):
    """How far packing has come: the UUID of a collection, and a label up to which all is done."""

    collection: str
    after: int


def step(db: apsw.Connection, place: Place | None) -> Place | None:
    """Pack the next records, in a write transaction, and tell where to go on; None if nothing is left to do."""
    place = place or _due(db)
    if place is None:
        return None
    head = catalog.head(db, place.collection)
    first = catalog.span(head.number)[0]
    last = _pack(db, head, first + place.after + 1)
    if last is not None:
        return Place(place.collection, last - first)
    catalog.advance(db, replace(head, packed=head.next_label - head.rows))
    return _due(db)


def _due(db: apsw.Connection) -> Place | None:
    found: Any = db.execute(
        "SELECT id FROM collections WHERE next_label - rows - packed > max(?, rows * ?) LIMIT 1", (LEAST, SHARE)
    ).get
    return None if found is None else Place(found, -1)


def _pack(db: apsw.Connection, head: Head, start: int) -> int | None:
    """Write the next records from a rowid on anew, if there are gaps between them, and give the last one's rowid."""
    bound = start, catalog.span(head.number)[1], ROWS
    rowids = [
        rowid
        for (rowid,) in db.execute("SELECT rowid FROM records WHERE rowid BETWEEN ? AND ? ORDER BY 1 LIMIT ?", bound)
    ]
    if not rowids:
        return None
    first, last = rowids[0], rowids[-1]
    if last - first + 1 > _LOOSE * len(rowids):
        for table, columns in (("records", 7), ("vectors", 3)):
            rows: Any = db.execute(f"SELECT * FROM {table} WHERE rowid BETWEEN ? AND ?", (first, last)).fetchall()
            db.execute(f"DELETE FROM {table} WHERE rowid BETWEEN ? AND ?", (first, last))
            db.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
    return int(last)
