"""What travels between a source and a file: a collection on its way into one, and a file's content on its way out."""

from collections.abc import Callable, Iterator
from typing import Protocol

from msgspec import Struct

from ochredb.core.errors import InvalidArgumentError
from ochredb.core.model import ALL_FIELDS, Fields, Records
from ochredb.transfer.digest import Digest, Stamp
from ochredb.transfer.source import Description, Loss, Source

Fault = Callable[[Loss], None]
"""Is told of a row that cannot be read: it raises, or remembers the row as lost."""


def refuse(loss: Loss) -> None:
    """Raise for a row that cannot be read.

    Raises:
        InvalidArgumentError: Always.
    """
    raise InvalidArgumentError(f"{loss.place}: {loss.what}; skip_bad=True (--skip-bad) goes on without such rows")


class About(Struct, frozen=True):
    """What a file says of itself beside its records: how many there are, their checksum, and their collection."""

    end: Stamp
    collection: Description


class Feed:
    """A collection on its way into a file; a format that needs several passes asks for several.

    Args:
        source: That it is read from.
        collection: That is read.
        fields: The columns that are to go.
        headed: Whether the file itself says what collection it holds; in a folder, the manifest does.
        seen: Is shown each batch of the last pass.
    """

    def __init__(
        self,
        source: Source,
        collection: Description,
        fields: Fields = ALL_FIELDS,
        headed: bool = False,
        seen: Callable[[Records], None] | None = None,
    ) -> None:
        self.collection = collection
        self.fields = fields
        self.headed = headed
        self._source = source
        self._seen = seen
        self._digest = Digest()

    def peek(self, fields: Fields) -> Iterator[Records]:
        """Read some columns ahead of the pass that counts."""
        return self._source.records(self.collection, fields)

    def records(self) -> Iterator[Records]:
        """Read all that is to go: the pass that counts."""
        for batch in self._source.records(self.collection, self.fields):
            self._digest.add(batch)
            if self._seen is not None:
                self._seen(batch)
            yield batch

    def stamp(self) -> Stamp:
        """Tell what has been read, once that is all."""
        return self._digest.stamp()

    def about(self) -> About:
        """Tell what the file is to say of itself, once all has been read."""
        return About(self.stamp(), self.collection)


class Content(Protocol):
    """What a file of some format holds: one collection."""

    @property
    def description(self) -> Description | None:
        """What the file says of its collection; None if it says nothing."""
        ...

    @property
    def rows(self) -> int | None:
        """How many records there are, if the file says so at its beginning."""
        ...

    def records(self, fields: Fields, fault: Fault) -> Iterator[Records]:
        """Stream the records; a row that cannot be read is told to `fault`."""
        ...

    def stamp(self) -> Stamp | None:
        """Tell what was written, if the file says so, once the stream has come to its end."""
        ...
