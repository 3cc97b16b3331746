"""Records in SQL: labels, rows in, rows out.

A record's label is its integer within its collection: given at insertion, never reused, the order in which `get` lists.
Its rowid is `collection number << 40 | label`, so that a collection's rows lie together.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from operator import attrgetter, itemgetter, methodcaller
from typing import Any

import apsw
import msgspec
import numpy as np
from msgspec.structs import replace

from ochredb.core.errors import CorruptError, InvalidArgumentError
from ochredb.core.model import (
    Fields,
    Floats,
    Labels,
    Metadata,
    MetadataValue,
    Mode,
    Records,
    Write,
    refuse_infinite,
    refuse_removals,
)
from ochredb.local import catalog, embeddings, log
from ochredb.local.catalog import Head
from ochredb.local.checksum import damaged, of_body, of_head, of_record, of_vectors
from ochredb.local.log import DOCUMENTS, METADATA, VECTORS, Touched

LABEL_BITS = 40
_LABEL_MASK = (1 << LABEL_BITS) - 1
_LOW = 0xFFFF_FFFF
_PART = 256
"""So many embeddings are read from SQLite at a time."""
_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(dict[str, MetadataValue]).decode


def write(db: apsw.Connection, collection: str, write: Write) -> Head:
    """Carry out one add, upsert or update, and give the collection's head as it then is.

    Raises:
        InvalidArgumentError: Another dimension than the collection's, or a new record without an embedding.
        BadType: A metadata value of None in an add.
    """
    if write.mode == "add":
        refuse_removals(write.records.metadatas)
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
    rows = db.execute(f"SELECT r.id, r.rowid FROM {_BY_ID}", (_encode(ids).decode(), number))
    return {id_: rowid & _LABEL_MASK for id_, rowid in rows}


def all_labels(db: apsw.Connection, head: Head) -> Labels:
    """Give every label of a collection, ascending.

    Raises:
        CorruptError: There are not as many as were written.
    """
    labels = page(db, head.number, -1, None)
    if len(labels) != head.rows:
        raise damaged(db, f"{len(labels)} of {head.rows} records of collection {head.number} are left")
    return labels


def page(db: apsw.Connection, number: int, after: int, limit: int | None, offset: int = 0) -> Labels:
    """Give labels beyond `after` in ascending order.

    Raises:
        CorruptError: They do not ascend.
    """
    first, last = catalog.span(number)
    rows = db.execute(
        "SELECT rowid FROM records WHERE rowid BETWEEN ? AND ? ORDER BY rowid LIMIT ? OFFSET ?",
        (first + after + 1, last, -1 if limit is None else limit, offset),
    )
    labels = np.fromiter((rowid for (rowid,) in rows), np.int64) & _LABEL_MASK
    if (np.diff(labels) <= 0).any():
        raise damaged(db, f"records of collection {number} are out of order")
    return labels


def fetch(db: apsw.Connection, head: Head, labels: Labels, fields: Fields) -> Records:
    """Give the records of labels in the order given; the labels are of the same moment as the transaction.

    Raises:
        CorruptError: A record is not what was written, or is not there.
    """
    sql = f"SELECT {_columns(fields)} FROM {_BY_ROWID}"
    rows: Any = db.execute(sql, (apsw.carray(_rowids(head.number, labels)),)).fetchall() if len(labels) else []
    if len(rows) != len(labels):
        raise damaged(db, f"only {len(rows)} of {len(labels)} records of collection {head.number} are found")
    return _records(db, head, rows, fields)


def fetch_ids(db: apsw.Connection, head: Head, ids: list[str], fields: Fields) -> Records:
    """Give the records that have one of these ids in the order of their insertion; unknown ids drop out.

    Raises:
        CorruptError: A record is not what was written.
    """
    sql = f"SELECT {_columns(fields)} FROM {_BY_ID}"
    rows: Any = db.execute(sql, (_encode(list(dict.fromkeys(ids))).decode(), head.number)).fetchall()
    rows.sort(key=_rowid)
    return _records(db, head, rows, fields)


def _columns(fields: Fields) -> str:
    return _WITH_BODY if "documents" in fields or "uris" in fields else _WITHOUT_BODY


_rowid = itemgetter(0)


def _records(db: apsw.Connection, head: Head, rows: Sequence[tuple[Any, ...]], fields: Fields) -> Records:
    """Give rows of `_columns` as records, if they are as they were written."""
    found, ids, metadatas, _, *body = zip(*rows, strict=True) if rows else [()] * 6
    _refuse_changed(db, rows)
    given: dict[str, Any] = {}
    if "documents" in fields:
        given["documents"] = list(body[0])
    if "uris" in fields:
        given["uris"] = list(body[1])
    if "metadatas" in fields:
        given["metadatas"] = [None if text is None else _decode(text) for text in metadatas]
    if "embeddings" in fields:
        given["embeddings"] = _embeddings(db, head, found)
    return Records(list(ids), **given)


_WITHOUT_BODY = "r.rowid, r.id, r.metadata, r.checksum"
_WITH_BODY = f"{_WITHOUT_BODY}, r.document, r.uri"
_BY_ROWID = "carray(?) c CROSS JOIN records r ON r.rowid = c.value"
# JSON, unlike a C array of strings, carries NUL characters; ids of old folders may have them.
_BY_ID = "json_each(?) j CROSS JOIN records r ON r.collection = ? AND r.id = j.value"


def vectors(db: apsw.Connection, head: Head, labels: Labels) -> tuple[Labels, Floats]:
    """Give the embeddings of ascending labels as float32 (n, dimension), with the labels that still exist.

    Raises:
        CorruptError: An embedding is not what was written, or a record has none.
    """
    if not len(labels):
        return labels, _empty(head)
    rowids = _rowids(head.number, labels)
    if len(labels) > 64 and labels[-1] - labels[0] + 1 == len(labels):  # without a gap: a range is read thrice as fast
        sql, bound = "SELECT * FROM vectors WHERE rowid BETWEEN ? AND ?", rowids[[0, -1]].tolist()
    else:
        sql, bound = "SELECT v.* FROM carray(?) c CROSS JOIN vectors v ON v.rowid = c.value", (apsw.carray(rowids),)
    found, matrix = _checked(db, head, db.execute(sql, bound), len(labels))
    if len(found) != len(labels):
        _refuse_bare(db, np.setdiff1d(rowids, found))
    return found & _LABEL_MASK, matrix


def _refuse_bare(db: apsw.Connection, rowids: Labels) -> None:
    """Refuse rowids without an embedding that have a record nevertheless."""
    bound = (apsw.carray(rowids),)
    sql = "SELECT r.rowid FROM carray(?) c CROSS JOIN records r ON r.rowid = c.value LIMIT 1"
    if (rowid := db.execute(sql, bound).get) is not None:
        raise _changed_on_disk(db, rowid)


def metadata_values(
    db: apsw.Connection, number: int, labels: Labels, keys: Sequence[str]
) -> tuple[Labels, list[list[Any]]]:
    """Give the labels of those records, of ascending labels, that have metadata, and for each key their values.

    A record that lacks a key has None there.
    """
    decode, getters = _picking(tuple(keys))
    found, picked = [], []
    for rowid, id_, metadata, checksum in _scan(db, number, labels, "id, metadata, checksum"):
        if type(checksum) is not int or checksum >> 32 != of_head(rowid, id_, metadata):
            raise _changed_on_disk(db, rowid)
        if metadata is not None:
            found.append(rowid)
            picked.append(decode(metadata))
    return np.array(found, np.int64) & _LABEL_MASK, [list(map(getter, picked)) for getter in getters]


@lru_cache
def _picking(keys: tuple[str, ...]) -> tuple[Callable[[str], Any], list[Callable[[Any], Any]]]:
    """Give a decoder of metadata that passes over all but some keys, and for each key what gives its value.

    It takes a third of the time of one that makes a dictionary, and no rest for the garbage collector.
    """
    names = [f"value_{place}" for place in range(len(keys))]
    try:
        fields = [(name, MetadataValue, None) for name in names]
        named = dict(zip(names, keys, strict=True))
        picked = msgspec.defstruct("_Picked", fields, rename=named, gc=False)
    except ValueError:  # a key that has to be escaped in JSON
        return _decode, [methodcaller("get", key) for key in keys]
    return msgspec.json.Decoder(picked).decode, [attrgetter(name) for name in names]


def documents(db: apsw.Connection, number: int, labels: Labels) -> Iterator[tuple[int, str]]:
    """Give label and document of those records, of ascending labels, that have one."""
    for rowid, document, uri, checksum in _scan(db, number, labels, "document, uri, checksum"):
        if type(checksum) is not int or checksum & _LOW != of_body(rowid, document, uri):
            raise _changed_on_disk(db, rowid)
        if document is not None:
            yield rowid & _LABEL_MASK, document


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


def _scan(db: apsw.Connection, number: int, labels: Labels, columns: str) -> Any:
    """Give rowid and columns of ascending labels."""
    if not len(labels):
        return ()
    first, last = _rowids(number, labels[[0, -1]]).tolist()
    if last - first + 1 < 2 * len(labels):  # nearly all of a range: one scan is faster than as many look-ups
        return db.execute(f"SELECT rowid, {columns} FROM records WHERE rowid BETWEEN ? AND ?", (first, last))
    return db.execute(
        f"SELECT rowid, {columns} FROM carray(?) c CROSS JOIN records r ON r.rowid = c.value",
        (apsw.carray(_rowids(number, labels)),),
    )


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
    rows = zip(
        range(first, first + count),
        records.ids,
        records.documents or nothing,
        metadatas,
        records.uris or nothing,
        strict=True,
    )
    db.executemany(
        f"INSERT INTO records VALUES (?, {head.number}, ?, ?, ?, ?, ?)", ((*row, of_record(*row)) for row in rows)
    )
    rowids = np.arange(first, first + count)
    db.executemany("INSERT INTO vectors VALUES (?, ?, ?)", ((rowid, *rest) for *rest, rowid in _blobs(records, rowids)))
    return count


def _change(db: apsw.Connection, head: Head, records: Records, known: dict[str, int]) -> tuple[Labels, int]:
    """Change records that exist, and give their labels, ascending, with the fields that may be others now."""
    labels = np.array([known[id_] for id_ in records.ids], np.int64)
    rowids = _rowids(head.number, labels)
    fields = 0
    if records.embeddings is not None:
        fields |= VECTORS
        db.executemany("UPDATE vectors SET embedding = ?, checksum = ? WHERE rowid = ?", _blobs(records, rowids))
    if records.documents is not None:
        fields |= DOCUMENTS
    if records.metadatas is not None:
        fields |= METADATA
    if fields & (DOCUMENTS | METADATA) or records.uris is not None:
        db.executemany(
            "UPDATE records SET document = ?, metadata = ?, uri = ?, checksum = ? WHERE rowid = ?",
            _changed(db, records, rowids),
        )
    return np.sort(labels), fields


def _changed(db: apsw.Connection, records: Records, rowids: Labels) -> Iterator[tuple[Any, ...]]:
    """Give document, metadata, URI, checksum and rowid of records as they are to be, from how they are."""
    stored: Any = db.execute(f"SELECT {_WITH_BODY} FROM {_BY_ROWID}", (apsw.carray(rowids),)).fetchall()
    if len(stored) != len(rowids):
        raise damaged(db, f"only {len(stored)} of {len(rowids)} records are found whose ids are known")
    _refuse_changed(db, stored)
    nothing = [None] * len(records)
    given = zip(
        stored, records.documents or nothing, records.metadatas or nothing, records.uris or nothing, strict=True
    )
    for (rowid, id_, old, _, document, uri), new_document, change, new_uri in given:
        document = document if new_document is None else new_document
        metadata = old if change is None else _merged(old, change)
        uri = uri if new_uri is None else new_uri
        yield document, metadata, uri, of_record(rowid, id_, document, metadata, uri), rowid


def _merged(text: str | None, change: Metadata) -> str | None:
    whole = {**(_decode(text) if text else {}), **change}
    left = {key: value for key, value in whole.items() if value is not None}
    return _encode(left).decode() if left else None


def _whole(metadata: Metadata | None) -> str | None:
    if metadata and None in metadata.values():  # it removes a key, and a new record has none of it
        return _merged(None, metadata)
    return _encode(metadata).decode() if metadata else None


def _blobs(records: Records, rowids: Labels) -> Iterator[tuple[memoryview, int, int]]:
    """Give embedding, checksum and rowid of each record."""
    assert records.embeddings is not None
    checksums = of_vectors(rowids, records.embeddings).tolist()
    return zip(embeddings.encoded(records.embeddings), checksums, rowids.tolist(), strict=True)


def _embeddings(db: apsw.Connection, head: Head, rowids: Sequence[int]) -> Floats:
    """Give the embeddings of rowids that exist, in their order."""
    if not rowids:
        return _empty(head)
    sql = "SELECT v.* FROM carray(?) c CROSS JOIN vectors v ON v.rowid = c.value"
    found, matrix = _checked(db, head, db.execute(sql, (apsw.carray(np.array(rowids, np.int64)),)), len(rowids))
    if len(found) < len(rowids):
        raise _changed_on_disk(db, min(set(rowids) - set(found.tolist())))
    return matrix


def _checked(db: apsw.Connection, head: Head, rows: Iterator[tuple[Any, ...]], most: int) -> tuple[Labels, Floats]:
    """Give rowids and embeddings of rows of `vectors`, at most so many, if they are as they were written."""
    dimension, count = head.dimension or 0, 0
    rowids, matrix = np.empty(most, np.int64), _empty(head, most)
    while part := list(islice(rows, _PART)):  # a part's blobs are still in the processor's cache when they are joined
        for rowid, blob, checksum in part:
            if (
                not embeddings.is_embedding(blob)
                or embeddings.dimension(blob) != dimension
                or type(checksum) is not int
            ):
                raise _changed_on_disk(db, rowid)
        if count + len(part) > most:
            raise damaged(db, f"collection {head.number} has more embeddings than records")
        some = slice(count, count + len(part))
        rowids[some] = [row[0] for row in part]
        matrix[some] = embeddings.decoded([row[1] for row in part], dimension)
        same = of_vectors(rowids[some], matrix[some]) == np.array([row[2] for row in part], np.int64)
        if not same.all():
            raise _changed_on_disk(db, int(rowids[some][np.argmin(same)]))
        count += len(part)
    return rowids[:count], matrix[:count]


def _refuse_changed(db: apsw.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Refuse rows of `_columns` that are not as they were written."""
    for rowid, id_, metadata, checksum, *body in rows:
        if body:
            same = checksum == of_record(rowid, id_, body[0], metadata, body[1])
        else:
            same = type(checksum) is int and checksum >> 32 == of_head(rowid, id_, metadata)
        if not same:
            raise _changed_on_disk(db, rowid)


def _changed_on_disk(db: apsw.Connection, rowid: int) -> CorruptError:
    return changed_on_disk(db, rowid >> LABEL_BITS, rowid & _LABEL_MASK)


def changed_on_disk(db: apsw.Connection, number: int, label: int) -> CorruptError:
    """Give the error for a record that is not as it was written."""
    return damaged(db, f"record {label} of collection {number} is not what was written")


def _empty(head: Head, rows: int = 0) -> Floats:
    return np.empty((rows, head.dimension or 0), np.float32)


def _rowids(number: int, labels: Labels) -> Labels:
    return labels | np.int64(number << LABEL_BITS)
