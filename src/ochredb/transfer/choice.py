"""A part of a source: some of its collections, some of their records, some of their columns."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import NotFoundError
from ochredb.core.model import ALL_FIELDS, Fields, Records
from ochredb.core.where import Where, matches
from ochredb.transfer.source import Description, Loss, Source


class Choice(Struct, frozen=True):
    """What to take of a source; what is not said is all.

    Args:
        collections: Names or patterns with `*`, `?` and `[...]`.
        tenant: The name of one.
        database: The name of one.
        where: The records.
        embeddings: Whether these come along.
    """

    collections: tuple[str, ...] = ()
    tenant: str | None = None
    database: str | None = None
    where: Where | None = None
    embeddings: bool = True

    def takes(self, collection: Description) -> bool:
        """Tell whether a collection is among those chosen."""
        return (
            self.tenant in (None, collection.scope.tenant)
            and self.database in (None, collection.scope.database)
            and (not self.collections or any(fnmatchcase(collection.new.name, one) for one in self.collections))
        )


class Chosen:
    """A source that gives a part of another one."""

    def __init__(self, source: Source, choice: Choice) -> None:
        self._source = source
        self._choice = choice

    @property
    def name(self) -> str:
        """Tell what it is a part of."""
        return self._source.name

    def collections(self) -> Sequence[Description]:
        """Give the collections that were chosen.

        Raises:
            NotFoundError: None of those that there are was.
        """
        there = self._source.collections()
        found = [collection for collection in there if self._choice.takes(collection)]
        if there and not found:
            names = ", ".join(collection.new.name for collection in there[:10])
            raise NotFoundError(f"{self.name}: none of its {len(there)} collections was chosen; there are {names}")
        if self._choice.where is not None:  # how many records match is known when they have been read
            found = [replace(collection, rows=None) for collection in found]
        return found

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream the records that were chosen."""
        fields = fields if self._choice.embeddings else fields - {"embeddings"}
        where = self._choice.where
        if where is None:
            yield from self._source.records(collection, fields)
            return
        for batch in self._source.records(collection, fields | {"metadatas", "documents"}):
            found = _matching(batch, where)
            if len(found):
                yield Records(
                    found.ids,
                    found.embeddings,
                    found.documents if "documents" in fields else None,
                    found.metadatas if "metadatas" in fields else None,
                    found.uris,
                )

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell what could not be read."""
        return self._source.losses(collection)


class Redescribed:
    """A source whose collections are to become others: of another name, or with what the source does not tell.

    Args:
        source: It.
        describe: Gives a collection as it is to be; its key stays.
    """

    def __init__(self, source: Source, describe: Callable[[Description], Description]) -> None:
        self._source = source
        self._describe = describe

    @property
    def name(self) -> str:
        """Tell what it is made of."""
        return self._source.name

    def collections(self) -> Sequence[Description]:
        """Give the collections as they are to be."""
        return [self._describe(collection) for collection in self._source.collections()]

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream the records."""
        return self._source.records(collection, fields)

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell what could not be read."""
        return self._source.losses(collection)


def _matching(batch: Records, where: Where) -> Records:
    nothing = [None] * len(batch)
    pairs = zip(batch.metadatas or nothing, batch.documents or nothing, strict=True)
    return batch.take([row for row, (metadata, document) in enumerate(pairs) if matches(where, metadata, document)])
