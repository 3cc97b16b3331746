"""What records can be read out of: an engine, a file, a folder of files, a folder of another program's.

A source is read as a stream of `Records`, so that a collection of any size passes through bounded memory.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from ochredb.core.model import ALL_FIELDS, Fields, NewCollection, Records, Scope

BATCH = 1000
"""How many rows a stream gives at a time."""


class Description(Struct, frozen=True):
    """A collection that a source holds.

    Args:
        key: What the source itself finds it by, such as a UUID or the name of a file; unique within the source.
        scope: Its tenant and database.
        new: What it is to be in an engine: name, space, metadata, configuration, schema.
        dimension: Of its embeddings; None if there are none, or if nobody knows before they are read.
        rows: How many records it has; None if nobody knows before they are read.
    """

    key: str
    scope: Scope
    new: NewCollection
    dimension: int | None = None
    rows: int | None = None


class Loss(Struct, frozen=True):
    """Something that a source ought to hold and that could not be read.

    Args:
        place: Where it was looked for: a file, a line of it, a row of a table.
        what: What is wrong there.
        rows: How many records are lost by it; 0 if none is, or if nobody can know.
    """

    place: str
    what: str
    rows: int = 0


@runtime_checkable
class Source(Protocol):
    """Collections to be read, any number of times; nothing in the source is changed by it."""

    @property
    def name(self) -> str:
        """Tell what it is, as errors and reports call it: a path, a URL."""
        ...

    def collections(self) -> Sequence[Description]:
        """Give the collections in a stable order, which is that of tenant, database and name where there is no other.

        Raises:
            OchreError: There is nothing to read at all. What is wrong with one collection is told by `losses`.
        """
        ...

    def records(self, collection: Description, fields: Fields = ALL_FIELDS) -> Iterator[Records]:
        """Stream the records in the order of their insertion, up to `BATCH` at a time, never an empty batch.

        A column that was not asked for, or that the source does not keep, is None; it is so in all batches or in none.
        Values are those that `Records` knows: float32 embeddings, metadata that is not empty, or None.

        Raises:
            OchreError: It cannot go on; the text names file and line, or row.
        """
        ...

    def losses(self, collection: Description) -> Sequence[Loss]:
        """Tell what could not be read of a collection, once its stream has come to the end."""
        ...
