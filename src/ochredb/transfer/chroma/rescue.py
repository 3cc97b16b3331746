"""What can be read of damaged tables, copied into sound ones, from which everything else then reads."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw

WAIT_MS = 10_000
"""How long a Chroma that is writing is waited for."""

TABLES = (
    "migrations", "tenants", "databases", "collections", "collection_metadata", "segments", "segment_metadata",
    "max_seq_id", "embeddings", "embedding_metadata", "embedding_metadata_array", "embeddings_queue",
)  # fmt: skip
"""All that are read, and that have to be sound."""

_LATER = ("tenants", "databases", "embedding_metadata_array")
"""Those that not every release has."""

_KEYS = {"embeddings": "id", "embeddings_queue": "seq_id"}
"""The columns that are the rowids of their tables."""

_INDEXED = ("embedding_metadata", "embedding_metadata_array")
_AT_ONCE = 4096
_END = 2**62


def faults(db: apsw.Connection) -> dict[str, str]:
    """Let SQLite look at every page of the tables, and of their indexes, and give what it says is wrong, by table."""
    found = {}
    for name in TABLES:
        try:
            told = [str(text) for (text,) in db.execute(f"PRAGMA integrity_check({name})")]
        except apsw.SQLError as error:
            told = ["ok" if name in _LATER else str(error)]
        except apsw.CorruptError as error:
            told = [str(error)]
        if told != ["ok"]:
            first = told[0].replace("*** in database main ***", "").strip().splitlines()[0]
            more = f", and {len(told) - 1} more" if len(told) > 1 else ""
            found[name] = f"{first}{more}"
    return found


def rescue(address: str, scratch: Path) -> list[tuple[str, str]]:
    """Copy all rows that can be read into a new file, and tell which cannot, by table.

    Args:
        address: Of the damaged file, as a URI for reading.
        scratch: Where the new file is made.

    Raises:
        apsw.CorruptError: Not even the names of the tables can be read.
    """
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI
    db = apsw.Connection(str(scratch), flags)
    try:
        db.set_busy_timeout(WAIT_MS)
        db.execute(
            "PRAGMA writable_schema = ON; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; ATTACH ? AS old",
            (address,),
        ).fetchall()
        return [(name, told) for name in TABLES for told in _copy(db, name)]
    finally:
        db.close()


def _copy(db: apsw.Connection, table: str) -> Iterator[str]:
    """Copy a table, and tell which rows cannot be read."""
    columns = [str(name) for (name,) in db.execute("SELECT name FROM pragma_table_info(?, 'old')", (table,))]
    if not columns:
        return
    key = _KEYS.get(table)
    made = ", ".join(f"{name} INTEGER PRIMARY KEY" if name == key else name for name in columns)
    db.execute(f"CREATE TABLE main.{table} ({made})")
    names = ", ".join(name for name in columns if name != key)
    # An index might lead elsewhere than the table; and in a damaged table rows need not come in order.
    chosen = f"FROM old.{table} NOT INDEXED WHERE rowid >= ?1 AND +rowid >= ?1 ORDER BY rowid LIMIT ?2"
    copying = f"INSERT OR IGNORE INTO main.{table} (rowid, {names}) SELECT rowid, {names} {chosen}"
    counting = f"SELECT count(*), max(rowid) FROM (SELECT rowid {chosen})"

    def take(first: int, count: int) -> int | None:
        db.execute(copying, (first, count))
        row: Any = db.execute(counting, (first, count)).fetchone()
        found, last = row
        return max(first, last) + 1 if found == count else None

    yield from _around(take)
    if table in _INDEXED:
        db.execute(f"CREATE INDEX main.{table}_by_record ON {table} (id)")


def _around(take: Callable[[int, int], int | None]) -> Iterator[str]:
    """Take all rows that can be taken, and tell which cannot.

    Args:
        take: Takes so many rows from a rowid on, all of them or none, perhaps not for the first time; and gives the
            rowid to go on at, None at the end.
    """
    place, count = 0, _AT_ONCE
    while place < _END:
        try:
            following = take(place, count)
            place, count = _END if following is None else following, min(_AT_ONCE, 2 * count)
        except apsw.CorruptError:
            if count > 1:
                count = max(1, count // 8)
                continue
            beyond = _beyond(take, place)
            yield (
                f"rows from {place} to {beyond - 1} are damaged"
                if beyond < _END
                else f"rows from {place} on are damaged"
            )
            place = beyond


def _beyond(take: Callable[[int, int], int | None], bad: int) -> int:
    """Give the first rowid after a bad one from which a row can be read; `_END` if there is none."""
    step = 1
    while bad + step < _END and not _is_readable(take, bad + step):
        step *= 2
    low, high = bad + step // 2, min(bad + step, _END)
    while high < _END and high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_readable(take, middle) else (middle, high)
    return high


def _is_readable(take: Callable[[int, int], int | None], place: int) -> bool:
    try:
        take(place, 1)
    except apsw.CorruptError:
        return False
    return True
