"""The verbs of an engine over any backend; every process that opens one serves the same data, and holds none of it."""

# ruff: noqa: D102 - the verbs are described by the protocol

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import InvalidArgumentError, NotSupported
from ochredb.core.model import (
    ALL_FIELDS,
    NO_FIELDS,
    Change,
    CollectionInfo,
    Database,
    Delete,
    Fields,
    Floats,
    Get,
    Hits,
    NewCollection,
    Query,
    Records,
    Scope,
    Space,
    Write,
    refuse_infinite,
    refuse_removals,
)
from ochredb.core.where import matches
from ochredb.remote.tables.backend import Backend, NoTable
from ochredb.remote.tables.catalog import TABLE, Catalog, no_collection
from ochredb.remote.tables.clock import Clock
from ochredb.remote.tables.inflight import InFlight
from ochredb.remote.tables.rows import Record, changed, columns, key_of, needed
from ochredb.remote.tables.store import Store

T = TypeVar("T")

PREFIX = "ochre_"
"""All tables of ours are called so, the catalog's too."""
FRESH = 10.0
"""Seconds for which nobody is asked how hard a collection is to be searched; the rest of `Facts` cannot change."""
WAIT = 60
"""Seconds that a call is made again for while the engine does not answer."""


class Facts(Struct, frozen=True):
    """What a verb has to know of a collection; `dimension` is None before its first write, when it has no table."""

    table: str
    space: Space
    effort: int
    read: float
    dimension: int | None = None


class TableEngine:
    """Collections in the tables of a distributed engine; the `Engine` protocol's verbs.

    Args:
        backend: The engine.
        wait: Seconds that a call which fails is made again for.
    """

    def __init__(self, backend: Backend, wait: float = WAIT) -> None:
        self.backend = backend
        self._store = Store(backend, wait)
        self._clock = Clock()
        self._in_flight = InFlight()
        self._making = threading.Lock()
        self._facts: dict[str, Facts] = {}
        self._closed = False
        self._catalog = Catalog(self._store, self._clock)

    # Catalog

    def create_tenant(self, tenant: str) -> None:
        self._catalog.create_tenant(tenant)

    def get_tenant(self, tenant: str) -> str:
        return self._catalog.get_tenant(tenant)

    def list_tenants(self) -> list[str]:
        return self._catalog.list_tenants()

    def create_database(self, scope: Scope) -> Database:
        return self._catalog.create_database(scope)

    def get_database(self, scope: Scope) -> Database:
        return self._catalog.get_database(scope)

    def list_databases(self, tenant: str, limit: int | None = None, offset: int = 0) -> list[Database]:
        return self._catalog.list_databases(tenant, limit, offset)

    def delete_database(self, scope: Scope) -> None:
        self._drop(self._catalog.delete_database(scope))

    def create_collection(self, scope: Scope, new: NewCollection, exist_ok: bool = False) -> CollectionInfo:
        info, is_new = self._catalog.create_collection(scope, new, exist_ok)
        return info if is_new else self._measured(info)

    def get_collection(self, scope: Scope, name: str) -> CollectionInfo:
        return self._measured(self._catalog.get_collection(scope, name))

    def get_collection_by_id(self, collection: str) -> CollectionInfo:
        return self._measured(self._catalog.get_collection_by_id(collection))

    def list_collections(self, scope: Scope, limit: int | None = None, offset: int = 0) -> list[CollectionInfo]:
        return [self._measured(info) for info in self._catalog.list_collections(scope, limit, offset)]

    def count_collections(self, scope: Scope) -> int:
        return self._catalog.count_collections(scope)

    def modify_collection(self, collection: str, change: Change) -> CollectionInfo:
        info = self._catalog.modify_collection(collection, change)
        self._facts.pop(collection, None)
        return self._measured(info)

    def delete_collection(self, scope: Scope, name: str) -> None:
        self._drop([self._catalog.delete_collection(scope, name)])

    # Records

    def write(self, collection: str, write: Write) -> None:
        if write.mode == "add":
            refuse_removals(write.records.metadatas)
        facts = self._known(collection)
        keys = [key_of(id_) for id_ in dict.fromkeys(write.records.ids)]
        with self._in_flight.holding(facts.table, keys):
            self._on(collection, self._write, collection, facts, write, keys)

    def get(self, collection: str, get: Get) -> Records:
        facts = self._known(collection)
        found = [] if facts.dimension is None else self._on(collection, self._get, facts, get)
        return columns(found, get.fields, facts.dimension)

    def query(self, collection: str, query: Query) -> Hits:
        facts = self._known(collection)
        _refuse_other(facts.dimension, query.embeddings)
        if facts.dimension is None or not query.k or not len(query.embeddings):
            nothing = columns([], query.fields, facts.dimension)
            return Hits([nothing] * len(query.embeddings), [[] for _ in query.embeddings])
        return self._on(collection, self._query, facts, query)

    def count(self, collection: str) -> int:
        facts = self._known(collection)
        return 0 if facts.dimension is None else self._on(collection, self._store.count, facts.table)

    def delete(self, collection: str, delete: Delete) -> int:
        facts = self._known(collection)
        return 0 if facts.dimension is None else self._on(collection, self._delete, facts, delete)

    def scan(self, collection: str, fields: Fields = ALL_FIELDS, batch: int = 1000) -> Iterator[Records]:
        """Stream the records; one that is written meanwhile may or may not come."""
        facts = self._known(collection)
        if facts.dimension is None:
            return
        places = self._store.places(facts.table, None)
        while keys := self._on(collection, lambda: [place.key for place in itertools.islice(places, batch)]):
            yield columns(self._on(collection, self._store.fetch, facts.table, keys, fields), fields, facts.dimension)

    def reset(self) -> None:
        self._catalog.reset()
        for table in self._store.patiently(self.backend.tables):
            if table.startswith(PREFIX) and not table.startswith(TABLE):
                self._store.patiently(self.backend.drop, table)
        self._facts.clear()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._store.close()

    # Steps

    def _write(self, collection: str, facts: Facts, write: Write, keys: list[str]) -> None:
        records = write.records
        stored: list[Record] = []
        made = False
        if records.embeddings is not None and keys:
            refuse_infinite(records.embeddings)
            if facts.dimension is None:
                self._refuse_wide(records.embeddings)
                self._store.refuse_large(changed(write.mode, records, (), lambda _: 0))
                facts, made = self._with_table(collection, facts, records.embeddings)
            _refuse_other(facts.dimension, records.embeddings)
        if facts.dimension is not None and keys and not made:
            fields = NO_FIELDS if write.mode == "add" else needed(records)
            stored = self._store.fetch(facts.table, keys, fields)
        if found := changed(write.mode, records, stored, self._clock):
            self._store.put(facts.table, found)

    def _get(self, facts: Facts, get: Get) -> list[Record]:
        if get.ids is not None:
            found = self._by_ids(facts, get, get.fields)
            return found[get.offset :][: get.limit]
        last = None if get.limit is None else get.offset + get.limit
        places = itertools.islice(self._store.places(facts.table, get.where), get.offset, last)
        return self._store.fetch(facts.table, [place.key for place in places], get.fields)

    def _query(self, facts: Facts, query: Query) -> Hits:
        keys = None if query.ids is None else [key_of(id_) for id_ in dict.fromkeys(query.ids)]
        found = self._store.nearest(
            facts.table,
            facts.space,
            query.embeddings,
            self._k(facts, query),
            query.where,
            keys,
            query.fields,
            facts.effort,
        )
        return Hits(
            [columns([record for _, record in hits], query.fields, facts.dimension) for hits in found],
            [[distance for distance, _ in hits] for hits in found],
        )

    def _delete(self, facts: Facts, delete: Delete) -> int:
        if delete.ids is not None:
            keys = [key_of(record.id) for record in self._by_ids(facts, delete, NO_FIELDS)][: delete.limit]
        else:
            places = self._store.places(facts.table, delete.where)
            keys = [place.key for place in itertools.islice(places, delete.limit)]
        with self._in_flight.holding(facts.table, keys):
            self._store.delete(facts.table, keys)
        return len(keys)

    def _by_ids(self, facts: Facts, wanted: Get | Delete, fields: Fields) -> list[Record]:
        """Give the records of ids that are there and match, in the order of insertion."""
        where = wanted.where
        keys = [key_of(id_) for id_ in dict.fromkeys(wanted.ids or ())]
        found = self._store.fetch(facts.table, keys, fields if where is None else fields | {"documents"})
        return [record for record in found if where is None or matches(where, record.metadata, record.document)]

    def _k(self, facts: Facts, query: Query) -> int:
        most = self.backend.limits.nearest
        if query.k <= most:
            return query.k
        k = min(query.k, self._store.count(facts.table))
        if k > most:
            raise NotSupported(f"{self.backend.engine} does not give more than {most:,} nearest records: {k:,} wanted")
        return k

    def _known(self, collection: str) -> Facts:
        """Give the facts about a collection, or raise `NotFoundError`."""
        known = self._facts.get(collection)
        if known is not None and time.monotonic() - known.read < FRESH:
            return known
        info = self._catalog.get_collection_by_id(collection)
        table = table_of(collection)
        dimension = known.dimension if known else self._store.dimension(table)
        return self._remember(collection, Facts(table, info.space, info.effort, time.monotonic(), dimension))

    def _remember(self, collection: str, facts: Facts) -> Facts:
        if facts.dimension is not None:  # until then any server may make the table
            self._facts[collection] = facts
        return facts

    def _with_table(self, collection: str, facts: Facts, embeddings: Floats) -> tuple[Facts, bool]:
        """Make the table of a collection, and tell whether that was needed: another writer may have been first."""
        with self._making:
            known = self._store.dimension(facts.table)
            if known is None:
                self._store.patiently(self.backend.create, facts.table, embeddings.shape[1], facts.space)
            dimension = self._store.dimension(facts.table)
            return self._remember(collection, replace(facts, dimension=dimension)), known is None

    def _refuse_wide(self, embeddings: Floats) -> None:
        most = self.backend.limits.dimension
        if embeddings.shape[1] > most:
            raise NotSupported(
                f"{self.backend.engine} does not take embeddings of more than {most:,} dimensions, "
                f"got {embeddings.shape[1]:,}"
            )

    def _on(self, collection: str, call: Callable[..., T], *args: object) -> T:
        """Call, and say so if the collection was removed meanwhile, by whomever."""
        try:
            return call(*args)
        except NoTable as error:
            self._facts.pop(collection, None)
            raise no_collection(collection) from error

    def _measured(self, info: CollectionInfo) -> CollectionInfo:
        known = self._facts.get(info.id)
        return replace(info, dimension=known.dimension if known else self._store.dimension(table_of(info.id)))

    def _drop(self, gone: list[str]) -> None:
        for collection in gone:
            self._facts.pop(collection, None)
            self._store.drop(table_of(collection))


def table_of(collection: str) -> str:
    """Name the table of a collection by its UUID."""
    return PREFIX + collection.replace("-", "")


def _refuse_other(dimension: int | None, embeddings: Floats) -> None:
    came = embeddings.shape[1]
    if dimension not in (None, came):
        raise InvalidArgumentError(f"Collection expecting embedding with dimension of {dimension}, got {came}")
