"""The two ends of a pipeline into a collection: arguments are read and checked, records embedded and written."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec.structs import replace

from ochredb.client.collection import Collection
from ochredb.core.blocking import finished
from ochredb.core.engine import Engine
from ochredb.core.errors import BadType, BadValue, DuplicateIDError, InvalidArgumentError
from ochredb.core.model import NO_FIELDS, Delete, Fields, Get, Metadata, Mode, Records, Write
from ochredb.core.where import Where
from ochredb.transfer.pipeline import Batch, Pipeline

ARGUMENTS = ("ids", "metadatas", "embeddings", "documents", "images", "uris")
"""Of a write, in Chroma's order."""


class Intake:
    """A collection that takes records in, batch by batch.

    Args:
        collection: Of a client that blocks.
        mode: What its writes do with ids that exist.
        told: Is told how many rows have been written, or passed over, with each batch.
        workers: Threads that embed.
        ahead: Batches that may be embedded before one is written.
    """

    def __init__(
        self, collection: Collection, mode: Mode, told: Callable[[int], None], workers: int = 1, ahead: int = 4
    ) -> None:
        if not isinstance(collection, Collection):
            raise BadType(f"collection: expected one of a client that blocks, got a {type(collection).__name__}")
        self.rows = self.known = 0
        self._collection, self._mode, self._told = collection, mode, told
        self._workers, self._ahead = workers, ahead

    def most(self, wanted: int) -> int:
        """Give how many rows a batch may have, if so many are wanted."""
        most: int = self._collection._client.get_max_batch_size()
        return min(wanted, most)

    def take(self, batches: Iterable[Batch]) -> None:
        """Embed and write batches; what fails is as `Pipeline.run` says."""
        Pipeline(self._embed, self._write, self._workers, self._ahead).run(batches)

    def batches(self, many: Iterable[dict[str, Any]]) -> Iterator[Batch]:
        """Read the arguments of writes, and leave out, of an `add`, what would be embedded in vain.

        Raises:
            ValueError: They cannot be read; the text names the rows.
        """
        for arguments in many:
            batch = self.read(arguments)
            if self._mode == "add" and batch.source is not None:
                batch = self._unknown(batch)
            if len(batch.records):
                yield batch

    def read(self, arguments: dict[str, Any]) -> Batch:
        """Check the arguments of a write."""
        given = {**dict.fromkeys(ARGUMENTS), **arguments}
        try:
            records, source = finished(self._collection._read(self._mode, given))
        except (BadValue, BadType, DuplicateIDError, InvalidArgumentError) as error:
            first, last = self.rows + 1, self.rows + len(given["ids"] or ())
            raise type(error)(f"{error}, among rows {first:,} to {last:,} of the source") from error
        self.rows += len(records)
        return Batch(records, source)

    def stored(self, ids: list[str]) -> dict[str, tuple[str | None, Metadata]]:
        """Give document and metadata of those records that exist."""
        wanted = Get(ids=ids, fields=frozenset(("documents", "metadatas")))
        found = self._engine.get(self._collection._info.id, wanted)
        rows = zip(found.ids, found.documents or (), found.metadatas or (), strict=True)
        return {id_: (document, metadata or {}) for id_, document, metadata in rows}

    def scan(self, fields: Fields) -> Iterator[Records]:
        """Stream all records of the collection."""
        return self._engine.scan(self._collection._info.id, fields)

    def remove(self, where: Where) -> int:
        """Remove the records that match, and count them."""
        return self._engine.delete(self._collection._info.id, Delete(where=where))

    @property
    def _engine(self) -> Engine:
        return self._collection._engine

    def _unknown(self, batch: Batch) -> Batch:
        wanted = Get(ids=batch.records.ids, fields=NO_FIELDS)
        known = set(self._engine.get(self._collection._info.id, wanted).ids)
        if not known:
            return batch
        self.known += len(known)
        self._told(len(known))
        rows = [row for row, id_ in enumerate(batch.records.ids) if id_ not in known]
        return Batch(batch.records.take(rows), [batch.source[row] for row in rows])

    def _embed(self, batch: Batch) -> Records:
        return replace(batch.records, embeddings=finished(self._collection._vectors(batch.source)))

    def _write(self, records: Records) -> None:
        mode = "update" if records.embeddings is None else self._mode  # what has no embedding can only be a change
        self._engine.write(self._collection._info.id, Write(mode, records))
        self._told(len(records))
