"""From a source into an engine: batch by batch, each of them written as a whole, read back and compared.

Nothing is noted beside the target, so that there is nothing that could disagree with it: whoever goes on after a kill
reads the source from its beginning again, and what the target has already is passed over.
"""

from collections.abc import Callable
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.engine import Engine
from ochredb.core.errors import (
    DuplicateIDError,
    IDAlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UniqueConstraintError,
)
from ochredb.core.model import (
    ALL_FIELDS,
    NO_FIELDS,
    Delete,
    Floats,
    Get,
    Metadata,
    Mode,
    NewCollection,
    Records,
    Scope,
    Write,
)
from ochredb.transfer.digest import differing
from ochredb.transfer.moved import Conflict, Meter, Moved, Transfer, Watch
from ochredb.transfer.source import Description, Source

Embed = Callable[[NewCollection, list[str]], Floats]
"""Embeds documents, float32 (n, dimension), as a collection of this description does."""


class Manner(Struct, frozen=True):
    """How to copy.

    Args:
        on_conflict: What to do about an id that is in the target already.
        resume: Pass over records that are in the target just as they are in the source, whatever `on_conflict` says:
            an earlier copy, that was broken off, has written them.
        dry_run: Read everything and look for conflicts, but write nothing.
        verify: Read each batch back after it was written, and compare.
        embed: For records without an embedding; None refuses them.
    """

    on_conflict: Conflict = "error"
    resume: bool = False
    dry_run: bool = False
    verify: bool = True
    embed: Embed | None = None


def copy(source: Source, target: Engine | None, name: str, manner: Manner, watch: Watch | None = None) -> Transfer:
    """Copy all collections of a source into an engine, into the tenants and databases that they are in.

    Args:
        source: To read.
        target: To write to; None is one that is not there yet, for a dry run.
        name: What errors and the report call the target.
        manner: How.
        watch: Is told how far it is.

    Raises:
        InvalidArgumentError: What came cannot be written: another dimension or space, an id twice, no embedding. Whole
            batches before it have been written.
        IDAlreadyExistsError: An id is in the target already.
        InternalError: The target does not hold what was written.
    """
    found = source.collections()
    rows = [collection.rows for collection in found]
    meter = Meter(watch, sum(count for count in rows if count is not None) if None not in rows else None)
    moved = tuple(_Copying(source, collection, target, name, manner, meter).run() for collection in found)
    return Transfer(source.name, name, manner.dry_run, moved)


class _Copying:
    """One collection on its way."""

    def __init__(
        self, source: Source, collection: Description, target: Engine | None, name: str, manner: Manner, meter: Meter
    ) -> None:
        self._source, self._collection = source, collection
        self._target, self._manner, self._meter = target, manner, meter
        self._place = f"{name}: collection {collection.new.name!r}"
        self._id: str | None = None
        self._dimension: int | None = None
        self._moved = Moved(collection.scope, collection.new.name)

    def run(self) -> Moved:
        """Copy it."""
        self._open()
        for batch in self._source.records(self._collection, ALL_FIELDS):
            self._refuse_width(batch)
            self._batch(self._once(batch))
            self._count(rows=len(batch))
            self._meter.add(self._collection.new.name, batch)
        return replace(self._moved, losses=tuple(self._source.losses(self._collection)))

    # Steps

    def _open(self) -> None:
        """Find the collection in the target, or make it there."""
        if self._target is None:
            return
        scope, new = self._collection.scope, self._collection.new
        try:
            found = self._target.get_collection(scope, new.name)
        except NotFoundError:
            if self._manner.dry_run:
                return
            _make_scope(self._target, scope)
            found = self._target.create_collection(scope, new, exist_ok=True)
        if found.space != new.space:
            raise InvalidArgumentError(
                f"{self._place} has the space {found.space}, and that of {self._source.name} {new.space}: "
                "copy it under another name, with name= (--name)"
            )
        self._id, self._dimension = found.id, found.dimension

    def _refuse_width(self, batch: Records) -> None:
        if batch.embeddings is None:
            return
        came: int = batch.embeddings.shape[1]
        if self._dimension not in (None, came):
            raise InvalidArgumentError(
                f"{self._place} has embeddings of dimension {self._dimension}, and {self._source.name} of {came}"
            )
        self._dimension = came

    def _once(self, batch: Records) -> Records:
        """Give a batch in which no id comes twice: of several records, skipping takes the first, replacing the last."""
        rows = range(len(batch))
        last = {id_: row for row, id_ in zip(rows, batch.ids, strict=True)}
        if len(last) == len(batch):
            return batch
        first = {id_: row for row, id_ in zip(reversed(rows), reversed(batch.ids), strict=True)}
        match self._manner.on_conflict:
            case "error":
                twice = next(id_ for id_ in batch.ids if first[id_] != last[id_])
                raise DuplicateIDError(f"{self._source.name}: the id {twice!r} comes twice in {self._place}; {_HINT}")
            case "skip":
                self._count(skipped=len(batch) - len(first))
                return batch.take(sorted(first.values()))
            case "replace":
                self._count(replaced=len(batch) - len(last))
                return batch.take(sorted(last.values()))

    def _batch(self, batch: Records) -> None:
        """Bring a batch into the target, whatever of it is there already."""
        there = self._there(batch)
        if there:
            self._meet(batch.take([row for row, id_ in enumerate(batch.ids) if id_ in there]))
            batch = batch.take([row for row, id_ in enumerate(batch.ids) if id_ not in there])
        if len(batch):
            self._write("add", self._embedded(batch))
            self._count(written=len(batch))

    def _there(self, batch: Records) -> set[str]:
        if self._target is None or self._id is None:
            return set()
        return set(self._target.get(self._id, Get(ids=batch.ids, fields=NO_FIELDS)).ids)

    def _meet(self, batch: Records) -> None:
        """Decide about records whose ids are in the target."""
        how = self._manner
        if how.on_conflict == "error" and not how.resume:
            raise IDAlreadyExistsError(f"{self._place} has a record with the id {batch.ids[0]!r} already; {_HINT}")
        if how.on_conflict == "skip" and not how.resume:
            self._count(skipped=len(batch))
            return
        stored = self._stored(batch.ids)
        other, rounded = differing(batch, stored)
        self._count(present=len(batch) - len(other), rounded=rounded)
        if not other:
            return
        if how.on_conflict == "error":
            raise IDAlreadyExistsError(f"{self._place} has another record with the id {batch.ids[other[0]]!r}; {_HINT}")
        if how.on_conflict == "skip":
            self._count(skipped=len(other))
            return
        self._replace(self._embedded(batch.take(other)), stored)
        self._count(replaced=len(other))

    def _replace(self, batch: Records, stored: Records) -> None:
        """Put records in the place of others. A document or URI that is to go takes its record with it, and back."""
        place = {id_: row for row, id_ in enumerate(stored.ids)}
        old = stored.take([place[id_] for id_ in batch.ids])
        gone = {row for row in range(len(batch)) if _goes(batch, old, row)}
        anew = batch.take(sorted(gone))
        rows = [row for row in range(len(batch)) if row not in gone]
        if rows:
            self._write("upsert", batch.take(rows), _removals(batch.take(rows), old.take(rows)))
        if len(anew) and self._target is not None and self._id is not None and not self._manner.dry_run:
            self._target.delete(self._id, Delete(ids=anew.ids))
        if len(anew):
            self._write("add", anew)

    def _embedded(self, batch: Records) -> Records:
        """Give records with embeddings: theirs, or those of their documents."""
        if batch.embeddings is not None:
            return batch
        embed, documents = self._manner.embed, batch.documents or [None] * len(batch)
        if embed is None or None in documents:
            bare = batch.ids[0] if embed is None else batch.ids[documents.index(None)]
            what = "" if embed is None else " and no document to embed"
            raise InvalidArgumentError(f"{self._source.name}: record {bare!r} has no embedding{what}")
        if self._manner.dry_run:
            return batch
        embeddings = embed(self._collection.new, [text for text in documents if text is not None])
        return replace(batch, embeddings=embeddings)

    def _write(self, mode: Mode, batch: Records, metadatas: list[Metadata | None] | None = None) -> None:
        """Write a batch and see that it is there as it was written.

        Args:
            mode: How.
            batch: As it is to be.
            metadatas: What to write instead of the batch's, so that it comes to be as it is to be.
        """
        if self._manner.dry_run or self._target is None or self._id is None:
            return
        self._target.write(self._id, Write(mode, batch if metadatas is None else replace(batch, metadatas=metadatas)))
        if self._manner.verify:
            other, rounded = differing(batch, self._stored(batch.ids))
            self._count(rounded=rounded)
            if other:
                raise InternalError(
                    f"{self._place}: the record {batch.ids[other[0]]!r} is not there as it was written "
                    f"({len(other)} of {len(batch)} of its batch are not)"
                )

    def _stored(self, ids: list[str]) -> Records:
        assert self._target is not None
        assert self._id is not None
        return self._target.get(self._id, Get(ids=ids, fields=ALL_FIELDS))

    def _count(self, **more: int) -> None:
        counts = {name: getattr(self._moved, name) + count for name, count in more.items()}
        self._moved = replace(self._moved, **counts)


_HINT = "say on_conflict='skip' or 'replace' (--on-conflict), or resume=True (--resume) to finish what was broken off"


def _make_scope(target: Engine, scope: Scope) -> None:
    """Make a tenant and a database where they are absent; somebody else may be doing the same."""
    with suppress(UniqueConstraintError):
        try:
            target.get_tenant(scope.tenant)
        except NotFoundError:
            target.create_tenant(scope.tenant)
    with suppress(UniqueConstraintError):
        try:
            target.get_database(scope)
        except NotFoundError:
            target.create_database(scope)


def _goes(batch: Records, old: Records, row: int) -> bool:
    """Tell whether a record that is to take another's place lacks a text that the other has: an upsert leaves it."""
    pairs = ((batch.documents, old.documents), (batch.uris, old.uris))
    return any(new is not None and was is not None and new[row] is None and was[row] is not None for new, was in pairs)


def _removals(batch: Records, old: Records) -> list[Metadata | None] | None:
    """Give metadata for an upsert that also takes away the keys that only the old ones have."""
    if batch.metadatas is None or old.metadatas is None:
        return None
    pairs = zip(batch.metadatas, old.metadatas, strict=True)
    return [{**dict.fromkeys(was or {}), **(new or {})} or None for new, was in pairs]
