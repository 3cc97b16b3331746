"""Whether every value in the SQLite file is what was written: pages, checksums, UTF-8, JSON, dimensions."""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

import apsw
import numpy as np

from ochredb.core.model import Floats, Labels
from ochredb.local import embeddings, log
from ochredb.local.checksum import of_record, of_vectors
from ochredb.local.counts import called
from ochredb.local.problem import Problem, derived, lost
from ochredb.local.records import LABEL_BITS

_MESSAGES = 100
_NAMED = 10
"""So many damaged rows of a collection are named; the others are counted."""
_CHUNK = 4096
_TREE = re.compile(r"Tree (\d+) ")
_INDEX = re.compile(r"(?:missing from|in) index (\S+)")
_FREE = re.compile(r"Freelist|never used|ptr ?map|pointer map", re.IGNORECASE)
_RECORDS = (
    "SELECT rowid, collection, CAST(id AS BLOB), CAST(document AS BLOB), CAST(metadata AS BLOB), CAST(uri AS BLOB), "
    "checksum, typeof(id) = 'text' AND typeof(document) IN ('text', 'null') AND typeof(metadata) IN ('text', 'null') "
    "AND typeof(uri) IN ('text', 'null') FROM records"
)
_VECTORS = (
    "SELECT v.rowid, v.embedding, v.checksum, c.dimension FROM vectors v "
    f"LEFT JOIN collections c ON c.number = v.rowid >> {LABEL_BITS}"
)


def structure(db: apsw.Connection) -> Iterator[Problem]:
    """Let SQLite look at every page; indexes and the lists of free pages are derived."""
    trees: Any = db.execute("SELECT rootpage, name FROM sqlite_schema WHERE type = 'index'").fetchall()
    roots: dict[int, str] = dict(trees)
    told = False
    try:
        for (message,) in db.execute(f"PRAGMA integrity_check({_MESSAGES})"):
            if message == "ok":
                return
            text = " ".join(str(message).replace("*** in database main ***", "").split())
            named, tree = _INDEX.search(text), _TREE.search(text)
            index = named[1] if named else roots.get(int(tree[1])) if tree else None
            if index is not None:
                yield derived(f"index {index}", text)
            else:
                yield derived("free pages", text) if _FREE.search(text) else lost("SQLite file", text)
            told = True
    except apsw.CorruptError:
        if not told:  # else it has said why it cannot go on
            raise


def records(db: apsw.Connection) -> Iterator[Problem]:
    """Compare every row of `records` with its checksum."""
    bad = ((row[0], told) for row in db.execute(_RECORDS) if (told := fault(row)) is not None)
    return _named(db, "records", bad)


def fault(row: tuple[Any, ...]) -> str | None:
    """Say what is wrong with a row: rowid, collection, id, document, metadata and URI as bytes, checksum, types."""
    rowid, collection, id_, document, metadata, uri, checksum, typed = row
    if collection != rowid >> LABEL_BITS:
        return f"it says that it is of collection {collection}"
    if not typed:
        return "a column has another type than text"
    try:
        texts = [None if text is None else text.decode() for text in (id_, document, metadata, uri)]
    except UnicodeDecodeError:
        return "a text is not UTF-8"
    if texts[0] is None or checksum != of_record(rowid, texts[0], *texts[1:]):
        return "it is not what was written: its checksum is another"
    return None


def vectors(db: apsw.Connection) -> Iterator[Problem]:
    """Compare every row of `vectors` with its checksum."""
    return _named(db, "vectors", chain.from_iterable(map(faults, _chunks(db.execute(_VECTORS)))))


def faults(rows: list[tuple[Any, ...]]) -> Iterator[tuple[int, str]]:
    """Say what is wrong with rows (rowid, embedding, checksum, dimension)."""
    alike: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        rowid, embedding, checksum, dimension = row
        if not embeddings.is_embedding(embedding) or type(checksum) is not int:
            yield rowid, "it holds no embedding"
            continue
        came = embeddings.dimension(embedding)
        if dimension not in (None, came):
            yield rowid, f"its embedding has dimension {came} in a collection of {dimension}"
        else:
            alike.setdefault(came, []).append(row)
    for dimension, some in alike.items():
        matrix = embeddings.decoded([row[1] for row in some], dimension)
        yield from _wrong(np.array([row[0] for row in some], np.int64), matrix, [row[2] for row in some])


def calls(db: apsw.Connection) -> Iterator[Problem]:
    """Compare every call in the log with its checksum, which its token holds."""
    rows: Any = db.execute(
        "SELECT c.name, l.seq, l.collection, l.token, l.fields, l.upserted, l.removed "
        "FROM log l JOIN collections c ON c.number = l.collection"
    )
    for name, seq, *call in rows:
        if not log.sound(*call):
            yield derived(called(name), f"call {seq} in its log is not what was written")


def _wrong(rowids: Labels, matrix: Floats, checksums: list[int]) -> Iterator[tuple[int, str]]:
    same = of_vectors(rowids, matrix) == np.array(checksums, np.int64)
    for rowid in rowids[~same].tolist():
        yield rowid, "it is not what was written: its checksum is another"
    for rowid in rowids[same & ~np.isfinite(matrix).all(axis=1)].tolist():
        yield rowid, "its embedding holds NaN or infinity"


def _named(db: apsw.Connection, table: str, bad: Iterator[tuple[int, str]]) -> Iterator[Problem]:
    """Name the first bad rows of each collection, and count the others."""
    names: dict[int, str] = dict(db.execute("SELECT number, name FROM collections").fetchall())  # type: ignore[arg-type]
    more: dict[str, int] = {}
    for rowid, told in bad:
        number = rowid >> LABEL_BITS
        place = called(names[number]) if number in names else f"collection number {number}"
        more[place] = more.get(place, 0) + 1
        if more[place] <= _NAMED:
            yield lost(place, f"row {rowid & ((1 << LABEL_BITS) - 1)} of {table}: {told}")
    for place, count in more.items():
        if count > _NAMED:
            yield lost(place, f"{count - _NAMED:,} more rows of {table} are damaged")


def _chunks(rows: Any) -> Iterator[list[tuple[Any, ...]]]:
    chunk: list[tuple[Any, ...]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    yield chunk
