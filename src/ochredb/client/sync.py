"""Chroma's clients over an engine: keyword arguments in, collections out."""

from typing import Any
from uuid import UUID

from ochredb.chroma import check
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
from ochredb.client.catalog import Catalog, scope_of
from ochredb.client.collection import Collection
from ochredb.client.connect import Share
from ochredb.client.holder import Holder
from ochredb.client.schema import Schema
from ochredb.core import model
from ochredb.core.blocking import blocking, finished
from ochredb.core.errors import InvalidArgumentError, NotFoundError
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT
from ochredb.embed.protocol import EmbeddingFunction

__all__ = ["AdminClient", "Client", "Collection", "Holder"]


class Client(Holder, Catalog):
    """Collections of one tenant and database.

    Made by `EphemeralClient`, `PersistentClient` and their like. Also a context manager, which closes it.

    Args:
        tenant: One that exists.
        database: One of the tenant's that exists.
        settings: Where the data is, and what is allowed.
        lease: A share in an engine, instead of the one that the settings name.
    """

    _collection_class = Collection

    def __init__(
        self,
        tenant: str = DEFAULT_TENANT,
        database: str = DEFAULT_DATABASE,
        settings: Settings | None = None,
        *,
        lease: Share | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(lease or connect.settled(settings))
        self._settings = settings
        try:
            finished(self._arrive(tenant, database))
        except BaseException:
            self.close()
            raise

    @blocking
    async def heartbeat(self) -> int:
        """Give the time in nanoseconds since 1970, of the server if there is one."""
        return await self._ask(self._host.heartbeat)

    @blocking
    async def get_version(self) -> str:
        """Give the version of Ochre, or what the server says that it is."""
        return await self._ask(self._host.version)

    def get_settings(self) -> Settings:
        """Give the settings that the client was made with."""
        return self._settings

    @blocking
    async def get_max_batch_size(self) -> int:
        """Give how many records make a good batch; a write may hold more, and is still one transaction."""
        return await self._ask(self._host.batch)

    @blocking
    async def get_user_identity(self) -> UserIdentity:
        """Give who this client is to the server; in a process, where all may do everything, nobody in particular."""
        return await self._ask(self._host.identity)

    @blocking
    async def set_tenant(self, tenant: str, database: str = DEFAULT_DATABASE) -> None:
        """Turn to another tenant and database; raise `NotFoundError` if there is none of these names."""
        await self._turn(tenant, database)

    @blocking
    async def set_database(self, database: str) -> None:
        """Turn to another database of the tenant; raise `NotFoundError` if there is none of this name."""
        await self._turn(self.tenant, database)

    @blocking
    async def create_collection(
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
        made: Collection = await self._create(
            name, schema, configuration, metadata, embedding_function, data_loader, get_or_create
        )
        return made

    @blocking
    async def get_collection(
        self,
        name: str,
        embedding_function: EmbeddingFunction[Any] | None = functions.DEFAULT,
        data_loader: DataLoader[Loadable] | None = None,
    ) -> Collection:
        """Give a collection by name, or raise `NotFoundError`."""
        info = await self._ask(self._engine.get_collection, self._scope, check.known_name(name, "name"))
        found: Collection = self._collection(info, embedding_function, data_loader)
        return found

    @blocking
    async def get_collection_by_id(
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
        info = await self._ask(self._engine.get_collection_by_id, collection)
        if info.scope != self._scope:
            raise NotFoundError(f"Collection [{collection}] does not exist in this client's database")
        found: Collection = self._collection(info, embedding_function, data_loader)
        return found

    @blocking
    async def get_or_create_collection(
        self,
        name: str,
        schema: Schema | None = None,
        configuration: CreateCollectionConfiguration | None = None,
        metadata: CollectionMetadata | None = None,
        embedding_function: EmbeddingFunction[Any] | None = functions.DEFAULT,
        data_loader: DataLoader[Loadable] | None = None,
    ) -> Collection:
        """Give the collection of this name as it is, or make it, with the arguments of `create_collection`."""
        found: Collection = await self._create(
            name, schema, configuration, metadata, embedding_function, data_loader, True
        )
        return found

    @blocking
    async def list_collections(self, limit: int | None = None, offset: int | None = None) -> list[Collection]:
        """Give the collections by name."""
        return await self._list(limit, offset)

    @blocking
    async def count_collections(self) -> int:
        """Count the collections."""
        return await self._ask(self._engine.count_collections, self._scope)

    @blocking
    async def delete_collection(self, name: str) -> None:
        """Remove a collection with its records, or raise `NotFoundError`."""
        await self._ask(self._engine.delete_collection, self._scope, check.known_name(name, "name"))

    @blocking
    async def reset(self) -> bool:
        """Remove everything of every tenant; allowed by `Settings(allow_reset=True)` only, or by the server.

        Raises:
            AuthorizationError: It is not allowed.
        """
        await self._ask(self._host.reset)
        await self._turn(DEFAULT_TENANT, DEFAULT_DATABASE)
        return True


class AdminClient(Holder):
    """Tenants and databases.

    Args:
        settings: Where the data is.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        super().__init__(connect.settled(settings or Settings()))

    @blocking
    async def create_tenant(self, name: str) -> None:
        """Add a tenant of at least 3 characters; raise `UniqueConstraintError` if there is one of this name."""
        await self._ask(self._engine.create_tenant, check.scope_name(name, "tenant"))

    @blocking
    async def get_tenant(self, name: str) -> Tenant:
        """Give `{"name": ...}`, or raise `NotFoundError`."""
        return {"name": await self._ask(self._engine.get_tenant, check.known_name(name, "name"))}

    @blocking
    async def create_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        """Add a database of at least 3 characters to a tenant that exists."""
        await self._ask(self._engine.create_database, scope_of(tenant, check.scope_name(name, "database")))

    @blocking
    async def get_database(self, name: str, tenant: str = DEFAULT_TENANT) -> Database:
        """Give `{"id": UUID, "name": ..., "tenant": ...}`, or raise `NotFoundError`."""
        return _told(await self._ask(self._engine.get_database, scope_of(tenant, name)))

    @blocking
    async def list_databases(
        self, limit: int | None = None, offset: int | None = None, tenant: str = DEFAULT_TENANT
    ) -> list[Database]:
        """Give the databases of a tenant by name; none for an unknown tenant."""
        page = check.bound(limit, "limit"), check.bound(offset, "offset") or 0
        found = await self._ask(self._engine.list_databases, check.known_name(tenant, "tenant"), *page)
        return [_told(one) for one in found]

    @blocking
    async def delete_database(self, name: str, tenant: str = DEFAULT_TENANT) -> None:
        """Remove a database with all its collections, or raise `NotFoundError`."""
        await self._ask(self._engine.delete_database, scope_of(tenant, name))


def _told(database: model.Database) -> Database:
    return {"id": UUID(database.id), "name": database.name, "tenant": database.tenant}
