"""The engine as dictionaries and brute force: the meaning of every verb, plain enough to be believed by reading it."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from threading import RLock
from typing import TypeVar
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.errors import InvalidArgumentError, NotFoundError, UniqueConstraintError
from ochredb.core.model import (
    ALL_FIELDS,
    DEFAULT_DATABASE,
    DEFAULT_TENANT,
    Change,
    CollectionInfo,
    Database,
    Delete,
    Fields,
    Floats,
    Get,
    Hits,
    Metadata,
    Mode,
    NewCollection,
    Query,
    Records,
    Scope,
    Space,
    Write,
    refuse_infinite,
    refuse_removals,
)
from ochredb.core.where import Where, matches

_T = TypeVar("_T")
_Doubles = npt.NDArray[np.float64]


class _Record(Struct, frozen=True):
    embedding: Floats
    document: str | None
    metadata: Metadata | None
    uri: str | None


class _Given(Struct, frozen=True):
    """One row of a write; None leaves what is stored."""

    embedding: Floats | None
    document: str | None
    metadata: Metadata | None
    uri: str | None


class _Collection(Struct):
    """A collection; `records` is never changed but replaced, so a reader holds one state of it."""

    info: CollectionInfo
    records: dict[str, _Record] = {}


class ReferenceEngine:
    """The engine that is obviously right, in memory; a dict's order is the order of insertion."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._tenants: set[str] = set()
        self._databases: dict[Scope, Database] = {}
        self._collections: dict[str, _Collection] = {}
        self.reset()

    def create_tenant(self, tenant: str) -> None:
        """Add a tenant."""
        with self._lock:
            if tenant in self._tenants:
                raise UniqueConstraintError(f"Tenant [{tenant}] already exists")
            self._tenants.add(tenant)

    def get_tenant(self, tenant: str) -> str:
        """Give the name back."""
        if tenant not in self._tenants:
            raise NotFoundError(f"Tenant [{tenant}] not found")
        return tenant

    def list_tenants(self) -> list[str]:
        """Give all tenants by name."""
        return sorted(self._tenants)

    def create_database(self, scope: Scope) -> Database:
        """Add a database to a tenant."""
        with self._lock:
            self.get_tenant(scope.tenant)
            if scope in self._databases:
                raise UniqueConstraintError(f"Database [{scope.database}] already exists")
            self._databases[scope] = Database(str(uuid4()), scope.database, scope.tenant)
            return self._databases[scope]

    def get_database(self, scope: Scope) -> Database:
        """Give a database."""
        if scope not in self._databases:
            raise NotFoundError(f"Database [{scope.database}] not found. Are you sure it exists?")
        return self._databases[scope]

    def list_databases(self, tenant: str, limit: int | None = None, offset: int = 0) -> list[Database]:
        """Give the databases of a tenant by name."""
        found = [database for database in list(self._databases.values()) if database.tenant == tenant]
        return _page(sorted(found, key=lambda database: database.name), limit, offset)

    def delete_database(self, scope: Scope) -> None:
        """Remove a database with all its collections."""
        with self._lock:
            self.get_database(scope)
            del self._databases[scope]
            self._collections = {uuid: known for uuid, known in self._collections.items() if known.info.scope != scope}

    def create_collection(self, scope: Scope, new: NewCollection, exist_ok: bool = False) -> CollectionInfo:
        """Add a collection, or give the one that exists."""
        with self._lock:
            self.get_database(scope)
            known = self._named(scope, new.name)
            if known is not None and exist_ok:
                return deepcopy(known.info)
            if known is not None:
                raise UniqueConstraintError(f"Collection [{new.name}] already exists")
            given = {name: deepcopy(getattr(new, name)) for name in NewCollection.__struct_fields__}
            info = CollectionInfo(**given, id=str(uuid4()), scope=scope)
            self._collections[info.id] = _Collection(info)
            return deepcopy(info)

    def get_collection(self, scope: Scope, name: str) -> CollectionInfo:
        """Give a collection by name."""
        known = self._named(scope, name)
        if known is None:
            raise NotFoundError(f"Collection [{name}] does not exist")
        return deepcopy(known.info)

    def get_collection_by_id(self, collection: str) -> CollectionInfo:
        """Give a collection by its UUID."""
        return deepcopy(self._collection(collection).info)

    def list_collections(self, scope: Scope, limit: int | None = None, offset: int = 0) -> list[CollectionInfo]:
        """Give the collections of a database by name; none for an unknown database."""
        found = [deepcopy(known.info) for known in list(self._collections.values()) if known.info.scope == scope]
        return _page(sorted(found, key=lambda info: info.name), limit, offset)

    def count_collections(self, scope: Scope) -> int:
        """Count the collections of a database."""
        return len(self.list_collections(scope))

    def modify_collection(self, collection: str, change: Change) -> CollectionInfo:
        """Rename or redescribe."""
        with self._lock:
            known = self._collection(collection)
            info = known.info
            if change.name is not None:
                holder = self._named(info.scope, change.name)
                if holder is not None and holder is not known:
                    raise UniqueConstraintError(f"Collection [{change.name}] already exists")
                info = replace(info, name=change.name)
            if change.metadata is not None:
                info = replace(info, metadata=deepcopy(change.metadata) or None)
            if change.configuration is not None:
                info = replace(info, configuration=deepcopy(change.configuration))
            if change.effort is not None:
                info = replace(info, effort=change.effort)
            known.info = info
            return deepcopy(info)

    def delete_collection(self, scope: Scope, name: str) -> None:
        """Remove a collection with its records."""
        with self._lock:
            del self._collections[self.get_collection(scope, name).id]

    def write(self, collection: str, write: Write) -> None:
        """Commit a batch of records: the new state is built aside, so a refusal leaves the old one."""
        if write.mode == "add":
            refuse_removals(write.records.metadatas)
        with self._lock:
            known = self._collection(collection)
            if not write.records.ids:
                return
            dimension = _dimension(known.info.dimension, write.records.embeddings)
            if write.records.embeddings is not None:
                refuse_infinite(write.records.embeddings)
            records = dict(known.records)
            for row, id_ in enumerate(write.records.ids):
                _apply(records, write.mode, id_, _row(write.records, row))
            known.records, known.info = records, replace(known.info, dimension=dimension)

    def get(self, collection: str, get: Get) -> Records:
        """Give records in the order of their insertion."""
        known = self._collection(collection)
        ids = _page(_chosen(known.records, get.ids, get.where), get.limit, get.offset)
        return _columns(ids, known, get.fields)

    def query(self, collection: str, query: Query) -> Hits:
        """Give the nearest records of each query vector, by looking at all of them."""
        known = self._collection(collection)
        _dimension(known.info.dimension, query.embeddings)
        ids = _chosen(known.records, query.ids, query.where)
        records: list[Records] = []
        distances: list[list[float]] = []
        for vector in query.embeddings:
            found = [(_distance(known.info.space, vector, known.records[id_].embedding), id_) for id_ in ids]
            # sorted is stable: ties stay in the order of insertion, and the id does not decide.
            nearest = sorted(found, key=lambda pair: pair[0])[: query.k]
            records.append(_columns([id_ for _, id_ in nearest], known, query.fields))
            distances.append([distance for distance, _ in nearest])
        return Hits(records, distances)

    def count(self, collection: str) -> int:
        """Count the records."""
        return len(self._collection(collection).records)

    def delete(self, collection: str, delete: Delete) -> int:
        """Remove records and give how many there were."""
        with self._lock:
            known = self._collection(collection)
            gone = set(_page(_chosen(known.records, delete.ids, delete.where), delete.limit, 0))
            known.records = {id_: record for id_, record in known.records.items() if id_ not in gone}
            return len(gone)

    def scan(self, collection: str, fields: Fields = ALL_FIELDS, batch: int = 1000) -> Iterator[Records]:
        """Stream the records that there were when the stream began."""
        known = self._collection(collection)
        state = _Collection(known.info, known.records)
        ids = list(state.records)
        for start in range(0, len(ids), batch):
            yield _columns(ids[start : start + batch], state, fields)

    def reset(self) -> None:
        """Remove everything; the default tenant and database remain, empty."""
        with self._lock:
            self._tenants = {DEFAULT_TENANT}
            self._databases = {}
            self._collections = {}
            self.create_database(Scope(DEFAULT_TENANT, DEFAULT_DATABASE))

    def close(self) -> None:
        """Do nothing, there is nothing to give back."""

    def _collection(self, collection: str) -> _Collection:
        if collection not in self._collections:
            raise NotFoundError(f"Collection [{collection}] does not exist")
        return self._collections[collection]

    def _named(self, scope: Scope, name: str) -> _Collection | None:
        for known in list(self._collections.values()):
            if known.info.scope == scope and known.info.name == name:
                return known
        return None


def _page(items: list[_T], limit: int | None, offset: int) -> list[_T]:
    return items[offset:][:limit]


def _dimension(known: int | None, embeddings: Floats | None) -> int | None:
    if embeddings is None:
        return known
    given = int(embeddings.shape[1])
    if known is not None and given != known:
        raise InvalidArgumentError(f"Collection expecting embedding with dimension of {known}, got {given}")
    return given


def _row(records: Records, row: int) -> _Given:
    return _Given(
        None if records.embeddings is None else np.array(records.embeddings[row], dtype=np.float32),
        None if records.documents is None else records.documents[row],
        None if records.metadatas is None else deepcopy(records.metadatas[row]),
        None if records.uris is None else records.uris[row],
    )


def _apply(records: dict[str, _Record], mode: Mode, id_: str, given: _Given) -> None:
    if id_ in records and mode != "add":
        records[id_] = _merged(records[id_], given)
    elif id_ not in records and mode != "update":
        records[id_] = _inserted(id_, given)


def _merged(old: _Record, given: _Given) -> _Record:
    metadata = {**(old.metadata or {}), **(given.metadata or {})}
    left = {key: value for key, value in metadata.items() if value is not None}
    return _Record(
        old.embedding if given.embedding is None else given.embedding,
        old.document if given.document is None else given.document,
        left or None,
        old.uri if given.uri is None else given.uri,
    )


def _inserted(id_: str, given: _Given) -> _Record:
    if given.embedding is None:
        raise InvalidArgumentError(f"Record {id_!r} is new and has no embedding")
    return _merged(_Record(given.embedding, None, None, None), given)


def _chosen(records: dict[str, _Record], ids: list[str] | None, where: Where | None) -> list[str]:
    wanted = records.keys() if ids is None else set(ids)
    return [
        id_
        for id_, record in records.items()
        if id_ in wanted and (where is None or matches(where, record.metadata, record.document))
    ]


def _columns(ids: list[str], known: _Collection, fields: Fields) -> Records:
    rows = [known.records[id_] for id_ in ids]
    vectors = np.array([row.embedding for row in rows], dtype=np.float32)
    return Records(
        ids,
        vectors.reshape(len(rows), known.info.dimension or 0) if "embeddings" in fields else None,
        [row.document for row in rows] if "documents" in fields else None,
        [deepcopy(row.metadata) for row in rows] if "metadatas" in fields else None,
        [row.uri for row in rows] if "uris" in fields else None,
    )


def _distance(space: Space, x: Floats, y: Floats) -> float:
    # Computed with double precision and then rounded: the float32 that every engine's arithmetic comes near to.
    return float(np.float32(_DISTANCES[space](x.astype(np.float64), y.astype(np.float64))))


def _l2(x: _Doubles, y: _Doubles) -> float:
    return float(((x - y) ** 2).sum())


def _cosine(x: _Doubles, y: _Doubles) -> float:
    lengths = float(np.linalg.norm(x) * np.linalg.norm(y))
    return 1.0 - float(x @ y) / lengths if lengths else 1.0


def _ip(x: _Doubles, y: _Doubles) -> float:
    return 1.0 - float(x @ y)


_DISTANCES: dict[Space, Callable[[_Doubles, _Doubles], float]] = {"l2": _l2, "cosine": _cosine, "ip": _ip}
