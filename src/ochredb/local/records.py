"""Records in SQL: labels, rows in, rows out.

A record's label is its integer within its collection: given at insertion, never reused, the order in which `get` lists.
Its rowid is `collection number << 40 | label`, so that a collection's rows lie together.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import apsw
import msgspec
import numpy as np
from msgspec.structs import replace

from ochredb.core.errors import BadType, InvalidArgumentError
from ochredb.core.model import Fields, Floats, Labels, Metadata, Mode, Records, Write, refuse_infinite
from ochredb.local import catalog, log
from ochredb.local.catalog import Head
from ochredb.local.log import DOCUMENTS, METADATA, VECTORS, Touched

LABEL_BITS = 40
_LABEL_MASK = (1 << LABEL_BITS) - 1
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode


def write(db: apsw.Connection, collection: str, write: Write) -> Head:
    """Carry out one add, upsert or update, and give the collection's head as it then is.

    Raises:
        InvalidArgumentError: Another dimension than the collection's, or a new record without an embedding.
        BadType: A metadata value of None in a new record.
    """
    head = catalog.head(db, collection)
    for part in _distinct(write.records):
        head = _write_distinct(db, head, write.mode, part)
    return head


def remove(db: apsw.Connection, head: Head, labels: Labels) -> int:
    """Remove records by ascending labels that exist, and count them."""
    if len(labels):
        rowids = apsw.carray(_rowids(head.number, labels))
        db.execute("DELETE FROM records WHERE rowid IN (SELECT value FROM carray(?))", (rowids,))
        db.execute("DELETE FROM vectors WHERE rowid IN (SELECT value FROM carray(?))", (rowids,))
        moment = log.append(db, head.number, Touched(0, removed=labels))
        catalog.advance(db, replace(head, rows=head.rows - len(labels), moment=moment))
    return len(labels)


def labels_of(db: apsw.Connection, number: int, ids: list[str]) -> dict[str, int]:
    """Give the labels of those ids that exist."""
    # JSON, unlike a C array of strings, carries NUL characters; ids of old folders may have them.
    rows = db.execute(
        "SELECT r.id, r.rowid FROM json_each(?) j CROSS JOIN records r ON r.collection = ? AND r.id = j.value",
        (_encode(ids).decode(), number),
    )
    return {id_: rowid & _LABEL_MASK for id_, rowid in rows}


def all_labels(db: apsw.Connection, number: int) -> Labels:
    """Give every label of a collection, ascending."""
    rows = db.execute("SELECT rowid FROM records WHERE rowid BETWEEN ? AND ?", catalog.span(number))
    return np.fromiter((rowid for (rowid,) in rows), np.int64) & _LABEL_MASK


def page(db: apsw.Connection, number: int, after: int, limit: int | None, offset: int = 0) -> Labels:
    """Give labels beyond `after` in ascending order."""
    first, last = catalog.span(number)
    rows = db.execute(
        "SELECT rowid FROM records WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ? OFFSET ?",
        (first + after + 1, last, -1 if limit is None else limit, offset),
    )
    return np.fromiter((rowid for (rowid,) in rows), np.int64) & _LABEL_MASK


_COLUMNS = {"documents": "r.document", "metadatas": "r.metadata", "uris": "r.uri", "embeddings": "v.embedding"}


def fetch(db: apsw.Connection, head: Head, labels: Labels, fields: Fields) -> Records:
    """Give the records of labels in the order given; labels that are gone drop out."""
    names, sql = _selection(fields)
    rows: Any = db.execute(sql, (apsw.carray(_rowids(head.number, labels)),)).fetchall() if len(labels) else []
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in (0, *names)]
    given = dict(zip(names, columns[1:], strict=True))
    if "metadatas" in given:
        given["metadatas"] = [None if text is None else _decode(text) for text in given["metadatas"]]
    if "embeddings" in given:
        given["embeddings"] = _matrix(given["embeddings"], head.dimension or 0)
    return Records(columns[0], **given)


@lru_cache
def _selection(fields: Fields) -> tuple[list[str], str]:
    names: list[str] = [name for name in _COLUMNS if name in fields]
    sql = f"SELECT {', '.join(['r.id', *(_COLUMNS[name] for name in names)])} FROM carray(?) c "
    sql += "CROSS JOIN records r ON r.rowid = c.value"
    if "embeddings" in fields:
        sql += " CROSS JOIN vectors v ON v.rowid = c.value"
    return names, sql


def vectors(db: apsw.Connection, head: Head, labels: Labels) -> tuple[Labels, Floats]:
    """Give the embeddings of ascending labels as float32 (n, dimension), with the labels that still exist."""
    if not len(labels):
        return labels, _matrix([], head.dimension or 0)
    rowids = _rowids(head.number, labels)
    if len(labels) > 64 and labels[-1] - labels[0] + 1 == len(labels):  # without a gap: a range is read thrice as fast
        sql, bound = "SELECT rowid, embedding FROM vectors WHERE rowid BETWEEN ? AND ?", rowids[[0, -1]].tolist()
    else:
        sql = "SELECT v.rowid, v.embedding FROM carray(?) c CROSS JOIN vectors v ON v.rowid = c.value"
        bound = (apsw.carray(rowids),)
    rows: Any = db.execute(sql, bound).fetchall()
    found = np.fromiter((row[0] for row in rows), np.int64, len(rows)) & _LABEL_MASK
    return found, _matrix([row[1] for row in rows], head.dimension or 0)


def metadatas(db: apsw.Connection, number: int, labels: Labels) -> Iterator[tuple[int, Metadata]]:
    """Give label and metadata of those records, of ascending labels, that have any."""
    return _column(db, number, labels, "metadata", _decode)


def documents(db: apsw.Connection, number: int, labels: Labels) -> Iterator[tuple[int, str]]:
    """Give label and document of those records, of ascending labels, that have one."""
    return _column(db, number, labels, "document", str)


def labels_with_text(db: apsw.Connection, number: int, text: str, labels: Labels | None = None) -> Labels:
    """Give the labels, among ascending ones or all, of the documents that contain a text."""
    if labels is None:
        sql = "SELECT rowid FROM records WHERE rowid BETWEEN ? AND ? AND instr(document, ?) > 0"
        bound: Any = (*catalog.span(number), text)
    elif len(labels):
        sql = "SELECT r.rowid FROM carray(?) c CROSS JOIN records r ON r.rowid = c.value WHERE instr(r.document, ?) > 0"
        bound = (apsw.carray(_rowids(number, labels)), text)
    else:
        return labels
    return np.fromiter((rowid for (rowid,) in db.execute(sql, bound)), np.int64) & _LABEL_MASK


def _column(
    db: apsw.Connection, number: int, labels: Labels, name: str, read: Callable[[Any], Any]
) -> Iterator[tuple[int, Any]]:
    if not len(labels):
        return
    first, last = _rowids(number, labels[[0, -1]]).tolist()
    if last - first + 1 < 2 * len(labels):  # nearly all of a range: one scan is faster than as many look-ups
        sql, bound = (
            f"SELECT rowid, {name} FROM records WHERE rowid BETWEEN ? AND ? AND {name} IS NOT NULL",
            (first, last),
        )
        rows = db.execute(sql, bound)
    else:
        sql = f"SELECT r.rowid, r.{name} FROM carray(?) c CROSS JOIN records r ON r.rowid = c.value"
        sql += f" WHERE r.{name} IS NOT NULL"
        rows = db.execute(sql, (apsw.carray(_rowids(number, labels)),))
    for rowid, value in rows:
        yield rowid & _LABEL_MASK, read(value)


def _distinct(records: Records) -> Iterator[Records]:
    """Cut records where an id comes again, so that each part has it once and the parts in turn do what was asked."""
    if len(set(records.ids)) == len(records):
        yield records
        return
    seen: set[str] = set()
    start = 0
    for row, id_ in enumerate(records.ids):
        if id_ in seen:
            yield records.take(range(start, row))
            start, seen = row, set()
        seen.add(id_)
    yield records.take(range(start, len(records)))


def _write_distinct(db: apsw.Connection, head: Head, mode: Mode, records: Records) -> Head:
    dimension = _dimension(head, records)
    known = labels_of(db, head.number, records.ids) if head.rows else {}
    old = [row for row, id_ in enumerate(records.ids) if id_ in known] if known else []
    new = [row for row, id_ in enumerate(records.ids) if id_ not in known] if known else range(len(records))
    if mode == "add":
        old = []
    if mode == "update":
        new = []
    inserted = _insert(db, head, records if len(new) == len(records) else records.take(new)) if len(new) else 0
    changed, fields = _change(db, head, records.take(old), known) if old else (_NONE, 0)
    if inserted:
        fields |= VECTORS | METADATA | DOCUMENTS
    if not inserted and not len(changed) and dimension == head.dimension:
        return head
    upserted = np.concatenate((changed, np.arange(head.next_label, head.next_label + inserted)))
    moment = log.append(db, head.number, Touched(fields, upserted=upserted))
    rows, next_label = head.rows + inserted, head.next_label + inserted
    return catalog.advance(db, replace(head, rows=rows, next_label=next_label, dimension=dimension, moment=moment))


_NONE = np.empty(0, np.int64)


def _dimension(head: Head, records: Records) -> int | None:
    if records.embeddings is None:
        return head.dimension
    refuse_infinite(records.embeddings)
    came: int = records.embeddings.shape[1]
    if head.dimension not in (None, came):
        raise InvalidArgumentError(f"Collection expecting embedding with dimension of {head.dimension}, got {came}")
    return came


def _insert(db: apsw.Connection, head: Head, records: Records) -> int:
    if records.embeddings is None:
        raise InvalidArgumentError(
            f"new records need embeddings: {records.ids[0][:80]!r} is not in the collection yet and came without one"
        )
    count = len(records)
    first = head.number << LABEL_BITS | head.next_label
    nothing = [None] * count
    metadatas = nothing if records.metadatas is None else [_whole(metadata) for metadata in records.metadatas]
    db.executemany(
        f"INSERT INTO records VALUES (?, {head.number}, ?, ?, ?, ?)",
        zip(
            range(first, first + count),
            records.ids,
            records.documents or nothing,
            metadatas,
            records.uris or nothing,
            strict=True,
        ),
    )
    db.executemany("INSERT INTO vectors VALUES (?, ?)", zip(range(first, first + count), _blobs(records), strict=True))
    return count


def _change(db: apsw.Connection, head: Head, records: Records, known: dict[str, int]) -> tuple[Labels, int]:
    """Change records that exist, and give their labels, ascending, with the fields that may be others now."""
    labels = [known[id_] for id_ in records.ids]
    rowids = [head.number << LABEL_BITS | label for label in labels]
    fields = 0
    if records.embeddings is not None:
        fields |= VECTORS
        db.executemany("UPDATE vectors SET embedding = ? WHERE rowid = ?", zip(_blobs(records), rowids, strict=True))
    if records.documents is not None:
        fields |= DOCUMENTS
        _set(db, "document", records.documents, rowids)
    if records.uris is not None:
        _set(db, "uri", records.uris, rowids)
    if records.metadatas is not None:
        fields |= METADATA
        _merge(db, records.metadatas, rowids)
    return np.sort(np.array(labels, np.int64)), fields


def _set(db: apsw.Connection, column: str, values: list[str | None], rowids: list[int]) -> None:
    given = [(value, rowid) for value, rowid in zip(values, rowids, strict=True) if value is not None]
    db.executemany(f"UPDATE records SET {column} = ? WHERE rowid = ?", given)


def _merge(db: apsw.Connection, metadatas: list[Metadata | None], rowids: list[int]) -> None:
    given = {rowid: metadata for metadata, rowid in zip(metadatas, rowids, strict=True) if metadata is not None}
    if not given:
        return
    stored: Any = db.execute(
        "SELECT r.rowid, r.metadata FROM carray(?) c CROSS JOIN records r ON r.rowid = c.value",
        (apsw.carray(np.fromiter(given, np.int64, len(given))),),
    ).fetchall()
    merged = [(_merged(text, given[rowid]), rowid) for rowid, text in stored]
    db.executemany("UPDATE records SET metadata = ? WHERE rowid = ?", merged)


def _merged(text: str | None, change: Metadata) -> str | None:
    whole = {**(_decode(text) if text else {}), **change}
    left = {key: value for key, value in whole.items() if value is not None}
    return _encode(left).decode() if left else None


def _whole(metadata: Metadata | None) -> str | None:
    if not metadata:
        return None
    if None in metadata.values():
        key = next(key for key, value in metadata.items() if value is None)
        raise BadType(
            "argument 'metadatas': Cannot convert Python object to MetadataValue: "
            f"{key!r} is None, which removes a key from a record that exists; this record is new"
        )
    return _encode(metadata).decode()


def _blobs(records: Records) -> Iterator[memoryview]:
    assert records.embeddings is not None
    data = records.embeddings.astype("<f4", copy=False)
    view, width = memoryview(data.tobytes()), data.shape[1] * 4
    return (view[start : start + width] for start in range(0, len(view), width))


def _matrix(blobs: Sequence[bytes], dimension: int) -> Floats:
    return np.frombuffer(b"".join(blobs), "<f4").reshape(len(blobs), dimension)


def _rowids(number: int, labels: Labels) -> Labels:
    return labels | np.int64(number << LABEL_BITS)
