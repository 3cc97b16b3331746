"""One JSON document: what `json.dump(collection.get(include=[...]), file)` writes, here and in Chroma.

It is read and written as one value, so that a collection has to fit into memory several times; the other formats do not
ask for that. A file of ours has one key more, `collection`, which says what collection it was.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO, TypeVar

import msgspec
from msgspec import Struct

from ochredb.core.errors import BadValue
from ochredb.core.model import ALL_FIELDS, Fields, MetadataValue, Records
from ochredb.transfer.digest import Stamp
from ochredb.transfer.feed import Fault, Feed
from ochredb.transfer.lines import digits
from ochredb.transfer.packing import damage
from ochredb.transfer.reading import Row, Widths, checked_id, checked_metadata, gathered, matrix, told
from ochredb.transfer.source import BATCH, Description, Loss

LARGEST = 4 << 30
"""Bytes of the largest document that is read: it takes several times as much memory."""

Value = TypeVar("Value")


class _Whole(Struct, frozen=True, kw_only=True):
    """What `get` gives. Keys that are not here were of use to whoever wrote them, and are passed over."""

    ids: list[str]
    embeddings: list[list[float] | None] | None = None
    documents: list[str | None] | None = None
    uris: list[str | None] | None = None
    included: list[str] = []
    data: None = None
    metadatas: list[dict[str, MetadataValue] | None] | None = None
    collection: Description | None = None
    end: Stamp | None = None


def write(file: BinaryIO, feed: Feed) -> None:
    """Write a collection as one document."""
    columns: dict[str, list[Any]] = {"ids": []}
    for batch in feed.records():
        columns["ids"] += batch.ids
        for name in feed.fields:
            values = getattr(batch, name)
            if values is not None:
                columns.setdefault(name, []).extend(digits(values).tolist() if name == "embeddings" else values)
    whole: dict[str, Any] = {name: columns.get(name) for name in ("ids", "embeddings", "documents", "uris")}
    whole |= {"included": sorted(columns.keys() - {"ids"}), "data": None, "metadatas": columns.get("metadatas")}
    if feed.headed:
        whole |= {"collection": feed.collection, "end": feed.stamp()}
    file.write(msgspec.json.encode(whole))


class Document:
    """A document that was read.

    Args:
        file: The stream of its bytes.
        name: For errors.

    Raises:
        BadValue: It is no such document, or cut off; the text says where.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._name = name
        try:
            with damage(name):
                data = file.read(LARGEST + 1)
            if len(data) > LARGEST:
                raise BadValue(
                    f"the document is larger than {LARGEST:,} bytes; the format jsonl is for such collections"
                )
            self._whole = msgspec.json.decode(data, type=_Whole)
        except (msgspec.MsgspecError, UnicodeDecodeError, BadValue) as error:
            raise BadValue(
                f"{name}: {told(error)}; what json.dump(collection.get(...), file) writes is wanted"
            ) from error
        for column in sorted(ALL_FIELDS):
            values = getattr(self._whole, column)
            if values is not None and len(values) != len(self._whole.ids):
                raise BadValue(f"{name}: {len(values)} {column} and {len(self._whole.ids)} ids")

    @property
    def description(self) -> Description | None:
        """What the key `collection` says."""
        return self._whole.collection

    @property
    def rows(self) -> int | None:
        """How many there are."""
        return len(self._whole.ids)

    def records(self, fields: Fields, fault: Fault) -> Iterator[Records]:
        """Stream the records, each with its position in the errors."""
        rows: list[Row] = []
        for row in self._rows(fault):
            rows.append(row)
            if len(rows) == BATCH:
                yield gathered(rows, fields)
                rows = []
        if rows:
            yield gathered(rows, fields)

    def stamp(self) -> Stamp | None:
        """Tell what the key `end` says."""
        return self._whole.end

    def _rows(self, fault: Fault) -> Iterator[Row]:
        whole, widths = self._whole, Widths()
        for at, id_ in enumerate(whole.ids):
            document, metadata = _at(whole.documents, at), _at(whole.metadatas, at)
            uri, embedding = _at(whole.uris, at), _at(whole.embeddings, at)
            try:
                if embedding is not None:
                    matrix([embedding])
                row = Row(checked_id(id_), document, checked_metadata(metadata), uri, embedding)
                widths.admit(embedding)
            except BadValue as error:
                fault(Loss(f"{self._name}, record {at} ({id_!r})", error.message(), 1))
                continue
            yield row


def _at(column: list[Value | None] | None, row: int) -> Value | None:
    return None if column is None else column[row]
