"""Records in memory as a source, so that they can be written into a file."""

from collections.abc import Iterator, Sequence

from ochredb.core.model import ALL_FIELDS, CollectionInfo, Fields, NewCollection, Records
from ochredb.transfer.source import Description, Loss


class Held:
    """Records that belong into a collection.

    Args:
        collection: As its engine describes it.
        batches: The records, with all columns that they have.
    """

    def __init__(self, collection: CollectionInfo, batches: Sequence[Records]) -> None:
        self._info, self._batches = collection, batches

    @property
    def name(self) -> str:
        """Give the name of the collection."""
        return self._info.name

    def collections(self) -> Sequence[Description]:
        """Give the one collection."""
        info = self._info
        new = NewCollection(**{name: getattr(info, name) for name in NewCollection.__struct_fields__})
        return [Description(info.id, info.scope, new, info.dimension, sum(map(len, self._batches)))]

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Give the batches."""
        del collection
        for batch in self._batches:
            yield Records(batch.ids, **{name: getattr(batch, name) for name in fields})

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Give none: what is in memory can be read."""
        del collection
        return []
