"""Whether the tables of the SQLite file agree with each other: schema, counts, references, log.

Counting reads the pages of the vectors, about a second a gigabyte; no value is looked at.
"""

from collections.abc import Iterator
from typing import Any

import apsw
import msgspec

from ochredb.local import catalog
from ochredb.local.log import KEPT
from ochredb.local.problem import Problem, derived, lost
from ochredb.local.records import LABEL_BITS
from ochredb.local.store import Store

_COLUMNS = (
    "SELECT m.name || '.' || c.name, c.type FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
    "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_stat%'"
)
_NAME = 3
_INDEXES = "SELECT name, 'index' FROM sqlite_schema WHERE type = 'index'"
_DANGLING = (
    "SELECT count(*), min(rowid) FROM {one} o WHERE rowid BETWEEN ? AND ? "
    "AND NOT EXISTS (SELECT 1 FROM {other} t WHERE t.rowid = o.rowid)"
)


class Counted(msgspec.Struct, frozen=True):
    """A collection's row beside what the tables say.

    Args:
        number: The upper part of its rowids.
        name: Its name.
        rows: Records, by its row.
        next_label: The label to come, by its row.
        records: Rows of `records`.
        vectors: Rows of `vectors`.
        last: The highest label of either table, or -1.
    """

    number: int
    name: str
    rows: int
    next_label: int
    records: int
    vectors: int
    last: int


def schema(db: apsw.Connection) -> Iterator[Problem]:
    """Look for tables, columns and indexes as a new file would have them."""
    with Store(None).reading() as fresh:
        for sql, kind in ((_COLUMNS, "column"), (_INDEXES, "index")):
            there: dict[Any, Any] = dict(db.execute(sql).fetchall())  # type: ignore[arg-type]
            for name, type_ in sorted(fresh.execute(sql)):
                if name not in there:
                    yield lost("schema", f"{kind} {name} is missing")
                elif there[name] != type_:
                    yield lost("schema", f"{kind} {name} is of type {there[name]!r} instead of {type_!r}")


def collections(db: apsw.Connection) -> Iterator[Problem]:
    """Look at the descriptions of collections."""
    rows: Any = db.execute(
        "SELECT c.*, d.id FROM collections c LEFT JOIN databases d ON d.id = c.database ORDER BY c.number"
    )
    for *row, database in rows:
        place = called(row[_NAME])
        if row[-1] != catalog.checksum_of(row):
            yield lost(place, "its description is not what was written: its checksum is another")
        elif database is None:
            yield lost(place, "its database is missing")


def count(db: apsw.Connection, by_index: bool) -> Iterator[Counted]:
    """Count the rows of each collection, records by the index of their ids, which is far smaller, or one by one."""
    counting = "records WHERE collection = ?1" if by_index else "records NOT INDEXED WHERE rowid BETWEEN ?2 AND ?3"
    rows: Any = db.execute("SELECT number, name, rows, next_label FROM collections ORDER BY number").fetchall()
    for number, name, told, next_label in rows:
        span = catalog.span(number)
        records = db.execute(f"SELECT count(*) FROM {counting}", (number, *span)[: 1 if by_index else 3]).get
        vectors = db.execute("SELECT count(*) FROM vectors WHERE rowid BETWEEN ? AND ?", span).get
        tables = (f"SELECT max(rowid) FROM {table} WHERE rowid BETWEEN ? AND ?" for table in ("records", "vectors"))
        highest = [found - span[0] for sql in tables if (found := db.execute(sql, span).get) is not None]
        yield Counted(number, name, told, next_label, records, vectors, max(highest, default=-1))


def compare(db: apsw.Connection, counted: Counted, deep: bool) -> Iterator[Problem]:
    """Look at one collection's counts; `deep` looks for rows without their other half though the counts agree."""
    place = called(counted.name)
    if counted.rows != counted.records:
        told = f"it says that it has {counted.rows:,} rows, and {counted.records:,} are there"
        yield lost(place, told) if counted.records < counted.rows else derived(place, told)
    if counted.next_label <= counted.last:
        yield derived(place, f"its next label is {counted.next_label}, and label {counted.last} is in use")
    if deep or counted.records != counted.vectors:
        yield from dangling(db, counted)


def dangling(db: apsw.Connection, counted: Counted) -> Iterator[Problem]:
    """Look for records without embedding, and embeddings without record."""
    for one, other, missing in (("records", "vectors", "embedding"), ("vectors", "records", "record")):
        row: Any = db.execute(_DANGLING.format(one=one, other=other), catalog.span(counted.number)).fetchone()
        found, first = row
        if found:
            label = first & ((1 << LABEL_BITS) - 1)
            yield lost(called(counted.name), f"{found:,} rows of {one} have no {missing}, the first has label {label}")


def unknown(db: apsw.Connection) -> Iterator[Problem]:
    """Look for rows of collections that there are not."""
    known = {number for (number,) in db.execute("SELECT number FROM collections")}
    for table in ("records", "vectors"):
        for number in numbers(db, table):
            if number not in known:
                yield lost(f"table {table}", f"it has rows of collection {number}, which is not in the catalog")
    stray: int = db.execute("SELECT count(*) FROM log WHERE collection NOT IN (SELECT number FROM collections)").get
    if stray:
        yield derived("table log", f"{stray:,} calls are of collections that are not in the catalog")


def numbers(db: apsw.Connection, table: str) -> Iterator[int]:
    """Give the numbers of the collections that have rows in a table, by one look-up each."""
    last = -(1 << 63)
    while (found := db.execute(f"SELECT min(rowid) FROM {table} WHERE rowid > ?", (last,)).get) is not None:
        yield found >> LABEL_BITS
        last = catalog.span(found >> LABEL_BITS)[1]


def log(db: apsw.Connection) -> Iterator[Problem]:
    """Compare each collection's moment with the log."""
    newest: int = db.execute("SELECT max(seq) FROM log").get or 0
    rows: Any = db.execute(
        "SELECT c.name, c.seq, c.number, c.token, l.collection, l.token, "
        "(SELECT max(seq) FROM log WHERE collection = c.number) "
        "FROM collections c LEFT JOIN log l ON l.seq = c.seq WHERE c.seq > 0 ORDER BY c.number"
    ).fetchall()
    for name, seq, number, token, logged_number, logged_token, latest in rows:
        trimmed = logged_number is None and seq <= newest - KEPT
        if not trimmed and (logged_number, logged_token) != (number, token):
            yield derived(called(name), f"its last write is call {seq}, which the log does not know")
        elif latest is not None and latest > seq:
            yield derived(called(name), f"its last write is call {seq}, and the log has its call {latest}")


def called(name: str) -> str:
    """Name a collection as a place."""
    return f"collection {name!r}"
