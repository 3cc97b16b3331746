"""Records as rows of an engine and back, and what a write makes of the records that are there."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from uuid import UUID

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import InvalidArgumentError
from ochredb.core.model import Fields, Floats, Metadata, MetadataValue, Mode, Records
from ochredb.remote.tables.backend import Row
from ochredb.remote.tables.terms import terms


class Head(Struct, frozen=True, omit_defaults=True):
    """What is short in a record, as JSON beside its document.

    Args:
        id: The user's string.
        metadata: None where there is none.
        uri: None where there is none.
        document: Whether there is one: engines that know no null store "" for none.
        pieces: How many pieces of the document lie elsewhere, because the engine takes no text as long.
        token: What their keys are made of.
    """

    id: str
    metadata: dict[str, MetadataValue] | None = None
    uri: str | None = None
    document: bool = False
    pieces: int = 0
    token: str = ""


class Record(Struct, frozen=True):
    """One record, with the place that it has in the order of insertion, and where the rest of its document lies."""

    seq: int
    id: str
    embedding: Floats | None = None
    document: str | None = None
    metadata: Metadata | None = None
    uri: str | None = None
    pieces: int = 0
    token: str = ""


_encode, _decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Head).decode


def key_of(*names: str) -> str:
    """Give the key of a row: a UUID that only these names have."""
    named = blake2b(_encode(names), digest_size=16).digest()
    return str(UUID(bytes=named, version=5))


def row_of(record: Record) -> Row:
    """Give a record as a row."""
    head = Head(record.id, record.metadata, record.uri, record.document is not None, record.pieces, record.token)
    return Row(
        key_of(record.id),
        record.seq,
        _encode(head).decode(),
        record.document,
        terms(record.metadata),
        record.embedding,
    )


def record_of(row: Row) -> Record:
    """Give a row as a record, its document as far as it lies in the row."""
    head = _decode(row.head)
    document = (row.document or "") if head.document else None
    return Record(row.seq, head.id, row.embedding, document, head.metadata, head.uri, head.pieces, head.token)


def pieces(text: str, size: int) -> list[str]:
    """Cut a text into pieces of no more than so many bytes of UTF-8.

    >>> pieces("aéb", 2)
    ['a', 'é', 'b']
    """
    data, start, found = text.encode(), 0, []
    while start < len(data):
        end = min(start + size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:  # within a character
            end -= 1
        found.append(data[start:end].decode())
        start = end
    return found


def columns(records: Sequence[Record], fields: Fields, dimension: int | None) -> Records:
    """Give records by column, as far as they were asked for."""
    embeddings = None
    if "embeddings" in fields:
        vectors = [record.embedding for record in records]
        embeddings = np.array(vectors, dtype=np.float32).reshape(len(records), dimension or 0)
    return Records(
        [record.id for record in records],
        embeddings,
        [record.document for record in records] if "documents" in fields else None,
        [record.metadata for record in records] if "metadatas" in fields else None,
        [record.uri for record in records] if "uris" in fields else None,
    )


def needed(records: Records) -> Fields:
    """Tell which columns of stored records a change has to know, because it does not give them all."""
    given = {"documents": records.documents, "embeddings": records.embeddings}
    return frozenset(
        name  # type: ignore[misc] # the two names are fields
        for name, column in given.items()
        if column is None or any(value is None for value in column)
    )


def changed(mode: Mode, records: Records, stored: Iterable[Record], number: Callable[[int], int]) -> list[Record]:
    """Give the records that a write makes, whole, each id once.

    Args:
        mode: What it does with known and unknown ids.
        records: What it brings; an id that comes twice is applied in the order given.
        stored: Those of its ids that exist.
        number: Gives the first of so many new places in the order of insertion.

    Raises:
        InvalidArgumentError: A new record has no embedding.
    """
    state = {record.id: record for record in stored}
    touched: dict[str, None] = {}
    new = len(set(records.ids) - state.keys()) if mode != "update" else 0
    seq = number(new) if new else 0
    for row, id_ in enumerate(records.ids):
        known = state.get(id_)
        if known is None and mode != "update":
            state[id_] = _inserted(records, row, seq)
            seq += 1
        elif known is not None and mode != "add":
            state[id_] = _merged(known, records, row)
        else:
            continue
        touched[id_] = None
    return [state[id_] for id_ in touched]


def _inserted(records: Records, row: int, seq: int) -> Record:
    id_ = records.ids[row]
    if records.embeddings is None:
        raise InvalidArgumentError(
            f"new records need embeddings: {id_[:80]!r} is not in the collection yet and came without one"
        )
    return _merged(Record(seq, id_), records, row)


def _merged(old: Record, records: Records, row: int) -> Record:
    given: dict[str, object] = {}
    if records.embeddings is not None:
        given["embedding"] = np.array(records.embeddings[row], dtype=np.float32)  # the caller may change its own
    if records.documents is not None and records.documents[row] is not None:
        given["document"] = records.documents[row]
    if records.uris is not None and records.uris[row] is not None:
        given["uri"] = records.uris[row]
    if records.metadatas is not None and (change := records.metadatas[row]) is not None:
        whole = {**(old.metadata or {}), **change}
        given["metadata"] = {key: value for key, value in whole.items() if value is not None} or None
    return replace(old, **given)
