"""What a distributed engine has to do, so that all meaning can be written once above it: tables of rows with a vector.

A row is a record as an engine stores it. Its key is made of the record's id, so that two servers that write one id
write one row; its `seq` is the place in the order of insertion; its `terms` are what filters look at.
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from ochredb.core.errors import OchreError, UnreachableError
from ochredb.core.model import Fields, Floats, Space
from ochredb.core.where import Where
from ochredb.remote.tables.terms import Terms


class Unavailable(UnreachableError):
    """The engine did not answer, or not yet: the same call may succeed later."""


class NoTable(OchreError):
    """A table that there is not, or no longer."""


class Row(Struct, frozen=True):
    """A record as it is stored.

    Args:
        key: A UUID made of the id.
        seq: Where it stands in the order of insertion; 63 bits, given once.
        head: JSON: the id and all that is short (`ochredb.remote.tables.rows`).
        document: The document, or its first piece; None where there is none, or it was not asked for.
        terms: Of the metadata; only to be written, not given back.
        embedding: float32 (dimension,); None if it was not asked for.
    """

    key: str
    seq: int
    head: str
    document: str | None = None
    terms: Terms = {}
    embedding: Floats | None = None


class Hit(Struct, frozen=True):
    """A row that a search found, and its distance in the units of `Space`, computed from the float32 embedding."""

    distance: float
    row: Row


class Place(Struct, frozen=True, order=True):
    """Where a row stands, and its key."""

    seq: int
    key: str


class Limits(Struct, frozen=True):
    """What an engine takes in one call.

    Args:
        rows: Rows of an upsert.
        size: Bytes of an upsert.
        keys: Keys of a fetch, a search or a delete.
        nearest: Neighbours of a search.
        queries: Vectors of a search.
        head: Bytes of a head; None is no limit.
        text: Bytes of a document; None is no limit.
        terms: Bytes of all terms of a record; None is no limit.
        dimension: Of a vector.
        record: Bytes of all of a record, about; None is no limit.
    """

    rows: int
    size: int
    keys: int
    nearest: int
    queries: int
    head: int | None
    text: int | None
    terms: int | None
    dimension: int
    record: int | None = None


class Backend(Protocol):
    """The calls that a distributed engine answers.

    Every call may raise `Unavailable`, after which it is made again; that does no harm, as each is idempotent. All but
    `create`, `dimension`, `tables` and `drop` raise `NoTable` without the table. What a call has acknowledged, the next
    one sees, from any process. Calls come from several threads at once.
    """

    engine: str
    """What errors and `docs/engines.md` call it."""
    limits: Limits

    def native(self, where: Where) -> bool:
        """Tell whether the engine itself can answer a condition that is no And, Or or Not."""
        ...

    def create(self, table: str, dimension: int, space: Space) -> None:
        """Make a table, unless it is there already, of whatever dimension."""
        ...

    def dimension(self, table: str) -> int | None:
        """Give the dimension of a table, or None if there is no such table."""
        ...

    def tables(self) -> list[str]:
        """Name the tables that there are."""
        ...

    def drop(self, table: str) -> None:
        """Remove a table, if it is there."""
        ...

    def upsert(self, table: str, rows: Sequence[Row]) -> None:
        """Write rows as a whole; one whose key is there is replaced."""
        ...

    def fetch(self, table: str, keys: Sequence[str], fields: Fields) -> list[Row]:
        """Give the rows of those keys that are there, in any order, with documents and embeddings if `fields` say."""
        ...

    def page(self, table: str, where: Where | None, after: int) -> list[Place]:
        """Give places beyond `after` of rows that match a native filter, ascending, without leaving one out in between.

        How many is the engine's choice; none are given at the end only.
        """
        ...

    def search(
        self,
        table: str,
        space: Space,
        queries: Floats,
        k: int,
        where: Where | None,
        keys: Sequence[str] | None,
        fields: Fields,
        effort: int,
    ) -> list[list[Hit]]:
        """Give the k nearest rows of each of the queries (q, dimension), among keys and native filter, nearest first.

        Args:
            table: Where.
            space: What it was made with.
            queries: What to be near to.
            k: How many, unless there are fewer.
            where: A native filter.
            keys: Only these rows.
            fields: Whether documents and embeddings are wanted.
            effort: How hard to search, as Chroma's `ef_search`; 100 is the usual.
        """
        ...

    def count(self, table: str) -> int:
        """Count the rows."""
        ...

    def delete(self, table: str, keys: Sequence[str]) -> None:
        """Remove the rows of those keys that are there."""
        ...

    def close(self) -> None:
        """Give back connections; closing twice is harmless."""
        ...
