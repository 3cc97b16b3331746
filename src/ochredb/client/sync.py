"""Chroma's clients over an engine: keyword arguments in, collections out."""

import time
import weakref
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from ochredb.chroma import attributes, check, config
from ochredb.chroma import schema as schemas
from ochredb.chroma.settings import Settings
from ochredb.chroma.types import (
    CollectionMetadata,
    CreateCollectionConfiguration,
    Database,
    DataLoader,
    Loadable,
    Tenant,
    UserIdentity,
)
from ochredb.client import connect, functions
from ochredb.client.collection import Collection
from ochredb.client.connect import Lease
from ochredb.client.schema import Schema
from ochredb.core.engine import Engine
from ochredb.core.errors import AuthorizationError, BadType, ClosedError, InvalidArgumentError, NotFoundError
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT, CollectionInfo, NewCollection, Scope
from ochredb.embed.protocol import EmbeddingFunction, check_signature
from ochredb.embed.registry import persisted_form
from ochredb.version import __version__

__all__ = ["AdminClient", "Client", "Collection", "Holder"]

BATCH = 100_000
"""A batch of so many records is a good one; a larger one is committed in one transaction all the same."""


class Holder:
    """Something that holds a share in an engine until it is closed or nobody refers to it any more.

    Also a context manager, which closes it.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease: Lease | None = lease
        # What is in memory must outlive the clients that nobody refers to, as in Chroma; what is on disk need not.
        self._finalizer = None if lease.in_memory else weakref.finalize(self, lease.release)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @staticmethod
    def clear_system_cache() -> None:
        """Let the next client in memory begin with an empty database; clients that are open keep theirs."""
        connect.forget_memory()

    @property
    def _engine(self) -> Engine:
        if self._lease is None:
            raise ClosedError("this client was closed; open a new one")
        return self._lease.engine

    def close(self) -> None:
        """Give back the files and threads, once no other client shares them. Closing twice is harmless."""
        lease, self._lease = self._lease, None
        if lease is not None:
            lease.release()


class Client(Holder):
    """Collections of one tenant and database.

    Made by `EphemeralClient`, `PersistentClient` and their like. Also a context manager, which closes it.

    Args:
        tenant: One that exists.
        database: One of the tenant's that exists.
        settings: Where the data is, and what is allowed.
        lease: A share in an engine, instead of the one that the settings name.
    """

    def __init__(
        self,
        tenant: str = DEFAULT_TENANT,
        database: str = DEFAULT_DATABASE,
        settings: Settings | None = None,
        *,
        lease: Lease | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(lease or connect.settled(settings))
        self._settings = settings
        try:
            self.set_tenant(tenant, database)
        except BaseException:
            self.close()
            raise

    def heartbeat(self) -> int:
        """Give the time in nanoseconds since 1970."""
        self._engine.get_tenant(self.tenant)
        return time.time_ns()

    def get_version(self) -> str:
        """Give the version of Ochre."""
        return __version__

    def get_settings(self) -> Settings:
        """Give the settings that the client was made with."""
        return self._settings

    def get_max_batch_size(self) -> int:
        """Give how many records make a good batch; a write may hold more, and is still one transaction."""
        return BATCH

    def get_user_identity(self) -> UserIdentity:
        """Give who this client is: in a process everybody may do everything, so it is nobody in particular."""
        return UserIdentity("", DEFAULT_TENANT, [DEFAULT_DATABASE])

    def set_tenant(self, tenant: str, database: str = DEFAULT_DATABASE) -> None:
        """Turn to another tenant and database; raise `NotFoundError` if there is none of these names."""
        self._engine.get_tenant(check.known_name(tenant, "tenant"))
        scope = _scope(tenant, database)
        self._engine.get_database(scope)
        self.tenant, self.database = scope.tenant, scope.database

    def set_database(self, database: str) -> None:
        """Turn to another database of the tenant; raise `NotFoundError` if there is none of this name."""
        self.set_tenant(self.tenant, database)

    def create_collection(
        self,
        name: str,
        schema: Schema | None = None,
        configuration: CreateCollectionConfiguration | None = None,
        metadata: CollectionMetadata | None = None,
        embedding_function: EmbeddingFunction[Any] | None = functions.DEFAULT,
        data_loader: DataLoader[Loadable] | None = None,
        get_or_create: bool = False,
    ) -> Collection:
        """Make a collection.

        Args:
            name: 3 to 512 characters from [a-zA-Z0-9._-].
            schema: The indexes, and how embeddings are made and compared; if it says anything, `configuration`,
                `hnsw:*` metadata and `embedding_function` may say nothing else.
            configuration: `{"hnsw": {"space": "cosine", "ef_search": 100}, "embedding_function": ...}`. The space is
                fixed
                for good: "l2" (squared), "cosine" or "ip".
            metadata: The collection's own: str, int, float and bool values.
            embedding_function: Embeds documents; all-MiniLM-L6-v2 if not given. It is remembered by name.
            data_loader: Turns URIs into images.
            get_or_create: Give the collection of this name if there is one, as it is.

        Raises:
            UniqueConstraintError: The name is taken.
            InvalidArgumentError: A name, a configuration or metadata that cannot be.
        """
        name = check.collection_name(name)
        metadata = attributes.collection_metadata(metadata)
        function = functions.configured(embedding_function, configuration)
        if function is not None:
            check_signature(function)
        form = persisted_form(function)
        settled = config.settle(configuration, metadata, form, functions.space_of(function))
        indexes = None if schema is None else _indexes(schema)
        if schema is not None and indexes is not None:
            settled = config.settle_schema(schemas.vector_config(indexes), settled, form)
            function = schema.embedding_function or function
        functions.warn_of_space(function, settled.space)
        new = NewCollection(name, settled.space, settled.effort, metadata, settled.json, indexes)
        info = self._engine.create_collection(self._scope, new, check.flag(get_or_create, "get_or_create"))
        return self._collection(info, function, data_loader)

    def get_collection(
        self,
        name: str,
        embedding_function: EmbeddingFunction[Any] | None = functions.DEFAULT,
        data_loader: DataLoader[Loadable] | None = None,
    ) -> Collection:
        """Give a collection by name, or raise `NotFoundError`."""
        return self._collection(
            self._engine.get_collection(self._scope, check.known_name(name, "name")), embedding_function, data_loader
        )

    def get_collection_by_id(
        self,
        id: UUID,  # noqa: A002 - Chroma's word
        embedding_function: EmbeddingFunction[Any] | None = functions.DEFAULT,
        data_loader: DataLoader[Loadable] | None = None,
    ) -> Collection:
        """Give a collection of this database by its UUID, or raise `NotFoundError`."""
        try:
            collection = str(UUID(str(id)))
        except ValueError as error:
            raise InvalidArgumentError(
                f"Validation error: collection_id: Invalid collection ID format, expected UUID, got {id!r} as id"
            ) from error
        info = self._engine.get_collection_by_id(collection)
        if info.scope != self._scope:
            raise NotFoundError(f"Collection [{collection}] does not exist in this client's database")
        return self._collection(info, embedding_function, data_loader)

    def get_or_create_collection(
        self,
        name: str,
        schema: Schema | None = None,
        configuration: CreateCollectionConfiguration | None = None,
        metadata: CollectionMetadata | None = None,
        embedding_function: EmbeddingFunction[Any] | None = functions.DEFAULT,
        data_loader: DataLoader[Loadable] | None = None,
    ) -> Collection:
        """Give the collection of this name as it is, or make it, with the arguments of `create_collection`."""
        return self.create_collection(name, schema, configuration, metadata, embedding_function, data_loader, True)

    def list_collections(self, limit: int | None = None, offset: int | None = None) -> list[Collection]:
        """Give the collections by name."""
        found = self._engine.list_collections(
            self._scope, check.bound(limit, "limit"), check.bound(offset, "offset") or 0
        )
        return [self._collection(info, functions.DEFAULT, None) for info in found]

    def count_collections(self) -> int:
        """Count the collections."""
        return self._engine.count_collections(self._scope)

    def delete_collection(self, name: str) -> None:
        """Remove a collection with its records, or raise `NotFoundError`."""
        self._engine.delete_collection(self._scope, check.known_name(name, "name"))

    def reset(self) -> bool:
        """Remove everything of every tenant; allowed by `Settings(allow_reset=True)` only.

        Raises:
            AuthorizationError: It is not allowed.
        """
        if not self._settings.allow_reset:
            raise AuthorizationError(
                "Reset is disabled by config: give Settings(allow_reset=True), or set ALLOW_RESET=TRUE"
            )
        self._engine.reset()
        self.set_tenant(DEFAULT_TENANT)
        return True

    @property
    def _scope(self) -> Scope:
        return Scope(self.tenant, self.database)

    def _collection(self, info: CollectionInfo, function: Any, data_loader: Any) -> Collection:
        if function is not None:
            check_signature(function)
        functions.refuse_conflict(function, info.configuration.get("embedding_function"))
        return Collection(self, info, function, data_loader)


class AdminClient(Holder):
    """Tenants and databases.

    Args:
        settings: Where the data is.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(connect.settled(settings or Settings()))

    def create_tenant(self, name: str) -> None:
        """Add a tenant of at least 3 characters; raise `UniqueConstraintError` if there is one of this name."""
        self._engine.create_tenant(check.scope_name(name, "tenant"))

    def get_tenant(self, name: str) -> Tenant:
        """Give `{"name": ...}`, or raise `NotFoundError`."""
        return {"name": self._engine.get_tenant(check.known_name(name, "name"))}

    def create_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        """Add a database of at least 3 characters to a tenant that exists."""
        self._engine.create_database(_scope(tenant, check.scope_name(name, "database")))

    def get_database(self, name: str, tenant: str = DEFAULT_TENANT) -> Database:
        """Give `{"id": UUID, "name": ..., "tenant": ...}`, or raise `NotFoundError`."""
        found = self._engine.get_database(_scope(tenant, name))
        return {"id": UUID(found.id), "name": found.name, "tenant": found.tenant}

    def list_databases(
        self, limit: int | None = None, offset: int | None = None, tenant: str = DEFAULT_TENANT
    ) -> list[Database]:
        """Give the databases of a tenant by name; none for an unknown tenant."""
        found = self._engine.list_databases(
            check.known_name(tenant, "tenant"), check.bound(limit, "limit"), check.bound(offset, "offset") or 0
        )
        return [{"id": UUID(one.id), "name": one.name, "tenant": one.tenant} for one in found]

    def delete_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        """Remove a database with all its collections, or raise `NotFoundError`."""
        self._engine.delete_database(_scope(tenant, name))


def _indexes(schema: object) -> dict[str, Any] | None:
    if not isinstance(schema, Schema):
        raise BadType(f"schema: expected a Schema, got {schema!r}")
    return schemas.stored(schema.serialize_to_json())


def _scope(tenant: str, database: str) -> Scope:
    return Scope(check.known_name(tenant, "tenant"), check.known_name(database, "database"))
