"""The verbs that every engine has: the embedded one, a server at the other end of a wire, a distributed one."""

from collections.abc import Iterator
from typing import Protocol

from ochredb.core.model import (
    ALL_FIELDS,
    Change,
    CollectionInfo,
    Database,
    Delete,
    Fields,
    Get,
    Hits,
    NewCollection,
    Query,
    Records,
    Scope,
    Write,
)


class Engine(Protocol):
    """A store of collections and their records.

    Laws, which `ochredb.testing.contract` checks: what a verb acknowledged is seen by the very next call, from any
    process; a verb that raises has changed nothing; smaller distance is nearer, in the units of `Space`; `get`, `scan`
    and listings have a stable order; what an engine cannot do raises `NotSupported`. A collection is named by its id (a
    UUID) in the record verbs; an unknown one raises `NotFoundError`. Verbs may be called from any thread.
    """

    def create_tenant(self, tenant: str) -> None:
        """Add a tenant; raise `UniqueConstraintError` if there is one of this name."""
        ...

    def get_tenant(self, tenant: str) -> str:
        """Give the name back, or raise `NotFoundError`."""
        ...

    def list_tenants(self) -> list[str]:
        """Give all tenants by name."""
        ...

    def create_database(self, scope: Scope) -> Database:
        """Add a database; raise `NotFoundError` without the tenant, `UniqueConstraintError` if it exists."""
        ...

    def get_database(self, scope: Scope) -> Database:
        """Give a database, or raise `NotFoundError`."""
        ...

    def list_databases(self, tenant: str, limit: int | None = None, offset: int = 0) -> list[Database]:
        """Give the databases of a tenant by name; none for an unknown tenant."""
        ...

    def delete_database(self, scope: Scope) -> None:
        """Remove a database with all its collections, or raise `NotFoundError`."""
        ...

    def create_collection(self, scope: Scope, new: NewCollection, exist_ok: bool = False) -> CollectionInfo:
        """Add a collection.

        Args:
            scope: Where its name is unique.
            new: What it is to be.
            exist_ok: Give the one that exists, unchanged, instead of raising.

        Raises:
            NotFoundError: No such database.
            UniqueConstraintError: The name is taken.
        """
        ...

    def get_collection(self, scope: Scope, name: str) -> CollectionInfo:
        """Give a collection by name, or raise `NotFoundError`."""
        ...

    def get_collection_by_id(self, collection: str) -> CollectionInfo:
        """Give a collection by its UUID, or raise `NotFoundError`."""
        ...

    def list_collections(self, scope: Scope, limit: int | None = None, offset: int = 0) -> list[CollectionInfo]:
        """Give the collections of a database by name."""
        ...

    def count_collections(self, scope: Scope) -> int:
        """Count the collections of a database."""
        ...

    def modify_collection(self, collection: str, change: Change) -> CollectionInfo:
        """Rename or redescribe; raise `NotFoundError`, or `UniqueConstraintError` if the name is taken."""
        ...

    def delete_collection(self, scope: Scope, name: str) -> None:
        """Remove a collection with its records, or raise `NotFoundError`."""
        ...

    def write(self, collection: str, write: Write) -> None:
        """Commit a batch of records, all or none.

        Raises:
            InvalidArgumentError: A dimension other than the collection's.
        """
        ...

    def get(self, collection: str, get: Get) -> Records:
        """Give records in the order of their insertion."""
        ...

    def query(self, collection: str, query: Query) -> Hits:
        """Give the nearest records of each query vector, nearest first, ties by insertion.

        Raises:
            InvalidArgumentError: A dimension other than the collection's.
        """
        ...

    def count(self, collection: str) -> int:
        """Count the records."""
        ...

    def delete(self, collection: str, delete: Delete) -> int:
        """Remove records and give how many there were."""
        ...

    def scan(self, collection: str, fields: Fields = ALL_FIELDS, batch: int = 1000) -> Iterator[Records]:
        """Stream all records in the order of their insertion, `batch` at a time, in bounded memory."""
        ...

    def reset(self) -> None:
        """Remove everything; the default tenant and database remain, empty."""
        ...

    def close(self) -> None:
        """Give back every file and every thread; closing twice is harmless."""
        ...
