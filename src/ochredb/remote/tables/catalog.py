"""Tenants, databases and collections as rows of one table of the engine.

A row is found by a key made of the names, so that two servers that create one thing at once make one row. Its UUID is
made of the names too and of its generation, how often the name was free again: both servers give one UUID, and a new
collection of an old name has another than the old one. What is removed leaves its row, marked as gone, to count on.
"""

import threading
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from msgspec.structs import asdict, replace

from ochredb.core.errors import NotFoundError, UniqueConstraintError
from ochredb.core.model import (
    DEFAULT_DATABASE,
    DEFAULT_TENANT,
    Change,
    CollectionInfo,
    Database,
    MetadataValue,
    NewCollection,
    Scope,
    Space,
)
from ochredb.core.where import And, Equal, Where
from ochredb.remote.tables.clock import Clock
from ochredb.remote.tables.rows import Record, key_of
from ochredb.remote.tables.store import DOCUMENTS, FLAT, Store

TABLE = "ochre_catalog"

_DEFAULTS = ((DEFAULT_TENANT,), (DEFAULT_TENANT, DEFAULT_DATABASE))


class Entry(Struct, frozen=True, kw_only=True):
    """A tenant, a database or a collection; what does not apply is left empty.

    Args:
        kind: One of "tenant", "database" and "collection".
        names: Of the tenant, the database, the collection, as far as there are.
        generation: How often the name was free again.
        gone: Whether it is removed.
        described: What a collection is.
    """

    kind: str
    names: tuple[str, ...]
    generation: int = 0
    gone: bool = False
    id: str = ""
    described: "Described | None" = None


class Described(Struct, frozen=True):
    """What `NewCollection` says besides the name."""

    space: Space
    effort: int
    metadata: dict[str, MetadataValue] | None
    configuration: dict[str, Any]
    schema: dict[str, Any] | None


class Catalog:
    """The catalog of one engine."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._changing = threading.RLock()
        if store.dimension(TABLE) is None:
            store.patiently(store.backend.create, TABLE, FLAT, "l2")
        if self._find("tenant", DEFAULT_TENANT) is None:
            self._put_defaults()

    def create_tenant(self, tenant: str) -> None:
        """Add a tenant."""
        with self._changing:
            if self._find("tenant", tenant) is not None:
                raise UniqueConstraintError(f"Tenant [{tenant}] already exists")
            self._put(Entry(kind="tenant", names=(tenant,)))

    def get_tenant(self, tenant: str) -> str:
        """Give the name back."""
        if self._find("tenant", tenant) is None:
            raise NotFoundError(f"Tenant [{tenant}] not found")
        return tenant

    def list_tenants(self) -> list[str]:
        """Give all tenants by name."""
        return [entry.names[0] for entry in self._all(And((Equal("kind", "tenant"), Equal("gone", False))))]

    def create_database(self, scope: Scope) -> Database:
        """Add a database to a tenant that exists."""
        with self._changing:
            self.get_tenant(scope.tenant)
            before = self._any("database", scope.tenant, scope.database)
            if before is not None and not before.gone:
                raise UniqueConstraintError(f"Database [{scope.database}] already exists in tenant [{scope.tenant}]")
            made = _next(before, Entry(kind="database", names=(scope.tenant, scope.database)))
            self._put(made)
            return _database(made)

    def get_database(self, scope: Scope) -> Database:
        """Give a database."""
        found = self._find("database", scope.tenant, scope.database)
        if found is None:
            raise NotFoundError(f"Database [{scope.database}] not found. Are you sure it exists?")
        return _database(found)

    def list_databases(self, tenant: str, limit: int | None, offset: int) -> list[Database]:
        """Give the databases of a tenant by name."""
        found = self._all(_alike("database", tenant))
        return [_database(entry) for entry in found[offset:][:limit]]

    def delete_database(self, scope: Scope) -> list[str]:
        """Remove a database and give the UUIDs of the collections that went with it."""
        with self._changing:
            self.get_database(scope)
            collections = self._all(_alike("collection", scope.tenant, scope.database))
            database = self._all(_alike("database", scope.tenant, scope.database))
            self._put(*(replace(entry, gone=True, described=None) for entry in (*collections, *database)))
            return [entry.id for entry in collections]

    def create_collection(self, scope: Scope, new: NewCollection, exist_ok: bool) -> tuple[CollectionInfo, bool]:
        """Add a collection, or give the one of this name if `exist_ok`; and tell whether it is new."""
        with self._changing:
            self.get_database(scope)
            before = self._any("collection", scope.tenant, scope.database, new.name)
            if before is not None and not before.gone:
                if exist_ok:
                    return _info(before), False
                raise UniqueConstraintError(f"Collection [{new.name}] already exists")
            described = Described(new.space, new.effort, new.metadata or None, new.configuration, new.schema)
            names = (scope.tenant, scope.database, new.name)
            made = _next(before, Entry(kind="collection", names=names, described=described))
            self._put(made)
            return _info(made), True

    def get_collection(self, scope: Scope, name: str) -> CollectionInfo:
        """Give a collection by name, its dimension left open."""
        found = self._find("collection", scope.tenant, scope.database, name)
        if found is None:
            raise no_collection(name)
        return _info(found)

    def get_collection_by_id(self, collection: str) -> CollectionInfo:
        """Give a collection by its UUID, its dimension left open."""
        return _info(self._by_id(collection))

    def list_collections(self, scope: Scope, limit: int | None, offset: int) -> list[CollectionInfo]:
        """Give the collections of a database by name, their dimensions left open."""
        found = self._all(_alike("collection", scope.tenant, scope.database))
        return [_info(entry) for entry in found[offset:][:limit]]

    def count_collections(self, scope: Scope) -> int:
        """Count the collections of a database."""
        return sum(1 for _ in self._store.places(TABLE, _alike("collection", scope.tenant, scope.database)))

    def modify_collection(self, collection: str, change: Change) -> CollectionInfo:
        """Rename or redescribe a collection."""
        with self._changing:
            old = self._by_id(collection)
            assert old.described is not None
            metadata = old.described.metadata if change.metadata is None else change.metadata or None
            configuration = old.described.configuration if change.configuration is None else change.configuration
            effort = old.described.effort if change.effort is None else change.effort
            new = replace(
                old, described=replace(old.described, metadata=metadata, configuration=configuration, effort=effort)
            )
            if change.name in (None, old.names[-1]):
                self._put(new)
                return _info(new)
            names = (*old.names[:-1], str(change.name))
            holder = self._any("collection", *names)
            if holder is not None and not holder.gone:
                raise UniqueConstraintError(f"Collection [{change.name}] already exists")
            generation = 0 if holder is None else holder.generation + 1
            new = replace(new, names=names, generation=generation)
            self._put(new, replace(old, gone=True, described=None))
            return _info(new)

    def delete_collection(self, scope: Scope, name: str) -> str:
        """Remove a collection and give the UUID that it had."""
        with self._changing:
            found = self._find("collection", scope.tenant, scope.database, name)
            if found is None:
                raise no_collection(name)
            self._put(replace(found, gone=True, described=None))
            return found.id

    def reset(self) -> None:
        """Remove everything but the default tenant and database; what was is marked as gone, as everywhere."""
        with self._changing:
            found = [entry for entry in self._all(Equal("gone", False)) if entry.names not in _DEFAULTS]
            if found:
                self._put(*(replace(entry, gone=True, described=None) for entry in found))

    # Rows

    def _put_defaults(self) -> None:
        tenant = Entry(kind="tenant", names=(DEFAULT_TENANT,))
        self._put(tenant, _next(None, Entry(kind="database", names=(DEFAULT_TENANT, DEFAULT_DATABASE))))

    def _put(self, *entries: Entry) -> None:
        seq = self._clock(len(entries))
        self._store.put(TABLE, [_record(entry, seq + n) for n, entry in enumerate(entries)])

    def _any(self, kind: str, *names: str) -> Entry | None:
        """Give what has, or had, these names."""
        found = self._store.fetch(TABLE, [key_of(_id(kind, names))], DOCUMENTS)
        return _entry(found[0]) if found else None

    def _find(self, kind: str, *names: str) -> Entry | None:
        found = self._any(kind, *names)
        return None if found is None or found.gone else found

    def _by_id(self, collection: str) -> Entry:
        where = And((Equal("kind", "collection"), Equal("id", collection), Equal("gone", False)))
        place = next(self._store.places(TABLE, where), None)
        found = self._store.fetch(TABLE, [place.key], DOCUMENTS) if place else []
        entry = _entry(found[0]) if found else None
        if entry is None or entry.id != collection or entry.gone:  # it may have been removed between the two calls
            raise no_collection(collection)
        return entry

    def _all(self, where: Where) -> list[Entry]:
        """Give what matches, by name."""
        keys = [place.key for place in self._store.places(TABLE, where)]
        return sorted(map(_entry, self._store.fetch(TABLE, keys, DOCUMENTS)), key=lambda entry: entry.names)


def no_collection(name: str) -> NotFoundError:
    """Give the error for a collection that there is not."""
    return NotFoundError(f"Collection [{name}] does not exist")


def _next(before: Entry | None, entry: Entry) -> Entry:
    """Give an entry the generation that follows what had its names, and its UUID."""
    generation = 0 if before is None else before.generation + 1
    return replace(entry, generation=generation, id=key_of(entry.kind, *entry.names, str(generation)))


def _alike(kind: str, tenant: str, database: str | None = None) -> Where:
    """Give the filter for all of a kind in a tenant, or in a database."""
    wanted = [Equal("kind", kind), Equal("gone", False), Equal("tenant", tenant)]
    return And((*wanted, *([] if database is None else [Equal("database", database)])))


def _id(kind: str, names: tuple[str, ...]) -> str:
    return msgspec.json.encode((kind, *names)).decode()


def _record(entry: Entry, seq: int) -> Record:
    named = dict(zip(("tenant", "database"), entry.names, strict=False))
    metadata = {"kind": entry.kind, "gone": entry.gone, "id": entry.id, **named}
    nowhere = np.zeros(FLAT, np.float32)
    return Record(seq, _id(entry.kind, entry.names), nowhere, msgspec.json.encode(entry).decode(), metadata)


def _entry(record: Record) -> Entry:
    return msgspec.json.decode(record.document or "", type=Entry)


def _database(entry: Entry) -> Database:
    return Database(entry.id, entry.names[1], entry.names[0])


def _info(entry: Entry) -> CollectionInfo:
    assert entry.described is not None
    tenant, database, name = entry.names
    return CollectionInfo(name=name, id=entry.id, scope=Scope(tenant, database), **asdict(entry.described))
