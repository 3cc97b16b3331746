"""What a wreck still holds, told by its shape and its checksums, and put into a new database."""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

import apsw
import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ochredb.local import catalog, log, pages, values
from ochredb.local.checksum import of_record
from ochredb.local.embeddings import DIMENSION, decoded, dimension
from ochredb.local.inventory import Inventory
from ochredb.local.log import Touched
from ochredb.local.pages import Cell
from ochredb.local.records import LABEL_BITS
from ochredb.local.wreck import Use, Wreck

PutAside: TypeAlias = Callable[[dict[str, Any]], None]
"""Keep, as a line of JSON, what has no place in a collection."""

_MASK = (1 << LABEL_BITS) - 1
_RECORD = ("id", "document", "metadata", "uri")
_REMOVED = "its removal is in the log"
_HALVES = (
    ("records", "vectors", "its embedding is lost"),
    ("vectors", "records", "its id, document and metadata are lost"),
)


class Remains(Struct, frozen=True):
    """What was found.

    Args:
        rows: Records that are whole.
        collections: How many there are now.
        lost: Records fewer than the collections said that they had.
        aside: Lines that were put aside.
        notes: What else should be known.
    """

    rows: int
    collections: int
    lost: int
    aside: int
    notes: tuple[str, ...]


def collect(wreck: Wreck, db: apsw.Connection, put_aside: PutAside) -> Remains:
    """Put into a new database what a wreck holds.

    Rows go in if they are as they were written, from pages in use first. A row that is damaged, doubtful, or has lost
    its other half is put aside.
    """
    return _Collector(wreck, db, put_aside).collect()


class _Collector:
    def __init__(self, wreck: Wreck, db: apsw.Connection, put_aside: PutAside) -> None:
        self._wreck = wreck
        self._db = db
        self._put_aside = put_aside
        self._aside = 0
        self._inventory = Inventory(db)
        self._next_labels: dict[int, int] = {}
        self._notes: list[str] = []
        self._guessed = 0

    def collect(self) -> Remains:
        uses = [(number, self._wreck.use(number)) for number in range(1, self._wreck.count + 1)]
        for wanted in Use:  # the best first: what comes later takes no place that is taken
            for number, use in uses:
                if use is wanted:
                    self._page(number, use)
        self._leave_removed()
        self._leave_halves()
        lost = sum(self._settle(number) for number in self._numbers())
        if self._guessed:
            self._notes.append(
                f"{self._guessed:,} rows are from pages of which nothing says whether they were in use: some may be of "
                "records that were removed or changed later"
            )
        rows: int = self._db.execute("SELECT count(*) FROM records").get
        collections: int = self._db.execute("SELECT count(*) FROM collections").get
        return Remains(rows, collections, lost, self._aside, tuple(self._inventory.notes + self._notes))

    def _page(self, number: int, use: Use) -> None:
        for cell in pages.cells(self._wreck.read, number, self._wreck.usable):
            if _is_record(cell):
                if use is not Use.FREE:
                    self._record(cell, use)
            elif _is_vector(cell):
                if use is not Use.FREE:
                    self._vector(cell, use)
            else:
                self._inventory.take(cell, use)

    def _record(self, cell: Cell, use: Use) -> None:
        rowid, (_, *row) = cell.rowid, cell.values
        fields = dict(zip(_RECORD, row[1:5], strict=True))
        if not _sound(cell):
            self._leave("it is not what was written", rowid, fields)
        elif use is Use.DOUBTFUL:
            self._leave("it is from a page that may have been free, or of an older state", rowid, fields)
        elif not self._insert("INSERT OR IGNORE INTO records VALUES (?, ?, ?, ?, ?, ?, ?)", (rowid, *row), use):
            self._leave("another version of it was found", rowid, fields)

    def _vector(self, cell: Cell, use: Use) -> None:
        rowid, (_, embedding, checksum) = cell.rowid, cell.values
        if next(values.faults([(rowid, embedding, checksum, None)]), None) is not None:
            return  # numbers that are not what was written are of no use to anybody
        if use is Use.DOUBTFUL:
            self._leave("it is from a page that may have been free, or of an older state", rowid, _vector(embedding))
        elif not self._insert("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?)", (rowid, embedding, checksum), use):
            self._leave("another version of it was found", rowid, _vector(embedding))

    def _insert(self, sql: str, row: tuple[Any, ...], use: Use) -> bool:
        """Put a row in, and tell whether it is in now, by this or an earlier call."""
        rowid = row[0]
        number, label = rowid >> LABEL_BITS, rowid & _MASK
        self._next_labels[number] = max(self._next_labels.get(number, 0), label + 1)
        self._db.execute(sql, row)
        if self._db.changes():
            self._guessed += use is Use.UNKNOWN
            return True
        table = "records" if len(row) > 3 else "vectors"
        return bool(self._db.execute(f"SELECT * FROM {table} WHERE rowid = ?", (rowid,)).fetchone() == row)

    def _leave_removed(self) -> None:
        """Take out what the log says was removed: labels are never given again."""
        for number, labels in self._inventory.removed:
            rowids = labels | np.int64(number << LABEL_BITS)
            self._take_out("records", "SELECT value FROM carray(?)", (apsw.carray(rowids),), _REMOVED)
            self._take_out("vectors", "SELECT value FROM carray(?)", (apsw.carray(rowids),), _REMOVED)

    def _leave_halves(self) -> None:
        """Take out records without embedding, and embeddings without record."""
        for one, other, why in _HALVES:
            sql = f"SELECT rowid FROM {one} WHERE rowid NOT IN (SELECT rowid FROM {other})"
            self._take_out(one, sql, (), why)

    def _take_out(self, table: str, chosen: str, bound: tuple[Any, ...], why: str) -> None:
        rows: Any = self._db.execute(f"SELECT * FROM {table} WHERE rowid IN ({chosen})", bound).fetchall()
        for row in rows:
            fields = _vector(row[1]) if table == "vectors" else dict(zip(_RECORD, row[2:6], strict=True))
            self._leave(why, row[0], fields)
        self._db.executemany(f"DELETE FROM {table} WHERE rowid = ?", ((row[0],) for row in rows))

    def _leave(self, why: str, rowid: int | None, fields: dict[str, Any]) -> None:
        place = {} if rowid is None else {"collection": rowid >> LABEL_BITS, "label": rowid & _MASK}
        self._put_aside({"why": why, **place, **{name: _plain(name, value) for name, value in fields.items()}})
        self._aside += 1

    def _numbers(self) -> list[int]:
        there: Any = self._db.execute(f"SELECT DISTINCT rowid >> {LABEL_BITS} FROM records").fetchall()
        return sorted({number for (number,) in there} | self._inventory.numbers)

    def _settle(self, number: int) -> int:
        """Bring a collection into the catalog, with the counts that it has now, and count the rows that it lost."""
        dimension = self._dimension(number)
        told = self._inventory.restore(number, dimension)
        rows: int = self._db.execute("SELECT count(*) FROM records WHERE collection = ?", (number,)).get
        next_label = max(told.next_label, self._next_labels.get(number, 0))
        now = replace(
            told,
            dimension=dimension,
            rows=rows,
            next_label=next_label,
            packed=next_label - rows,  # a new file has no room for what is gone
            moment=log.append(self._db, number, Touched(0)),
        )
        catalog.advance(self._db, now)
        return max(told.rows - rows, 0)

    def _dimension(self, number: int) -> int | None:
        """Give the dimension of a collection, and take out rows of any other."""
        span = catalog.span(number)
        told = self._inventory.dimension(number)
        if told is None:
            sql = f"SELECT {DIMENSION} FROM vectors WHERE rowid BETWEEN ? AND ?"
            found = Counter(dimension for (dimension,) in self._db.execute(sql, span))
            told = None if not found else int(found.most_common(1)[0][0])
        for table in ("records", "vectors"):
            chosen = f"SELECT rowid FROM vectors WHERE rowid BETWEEN ? AND ? AND {DIMENSION} <> ?"
            self._take_out(table, chosen, (*span, told or 0), "its embedding has another dimension")
        return told


def _is_record(cell: Cell) -> bool:
    return cell.rowid is not None and len(cell.values) == 7 and cell.values[0] is None


def _is_vector(cell: Cell) -> bool:
    return cell.rowid is not None and len(cell.values) == 3 and cell.values[0] is None


def _sound(cell: Cell) -> bool:
    """Tell whether a record is what was written."""
    number, id_, *texts, checksum = cell.values[1:]
    if cell.rowid is None or number != cell.rowid >> LABEL_BITS or not isinstance(id_, str):
        return False
    document, metadata, uri = (text if isinstance(text, str) else None for text in texts)
    if [document, metadata, uri] != texts:
        return False
    return checksum == of_record(cell.rowid, id_, document, metadata, uri)


def _vector(embedding: Any) -> dict[str, Any]:
    return {"embedding": decoded([embedding], dimension(embedding))[0].tolist()}


def _plain(name: str, value: Any) -> Any:
    """Give a value as JSON can hold it."""
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    if name == "metadata" and isinstance(text, str):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError:
            return text
    return text
