"""Chroma's asynchronous clients and collections: the verbs of the blocking ones, awaited."""

from typing import Any

from ochredb.chroma.settings import Settings
from ochredb.client import connect
from ochredb.client.asking import awaited, in_thread
from ochredb.client.catalog import Catalog
from ochredb.client.cloud import CloudSteps
from ochredb.client.collection import Collection
from ochredb.client.connect import Share
from ochredb.client.holder import AsyncHolder
from ochredb.client.sync import AdminClient, Client
from ochredb.core.blocking import Awaited, Blocking, P, awaiting
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT


class AsyncCollection(CloudSteps):
    """A `Collection` whose verbs are awaited: `await collection.add(...)`.

    Arguments, answers and errors are those of `Collection`. An embedding function or a data loader is called in another
    thread, so that the event loop goes on meanwhile.
    """

    count = awaiting(Collection.count)
    add = awaiting(Collection.add)
    upsert = awaiting(Collection.upsert)
    update = awaiting(Collection.update)
    get = awaiting(Collection.get)
    peek = awaiting(Collection.peek)
    query = awaiting(Collection.query)
    delete = awaiting(Collection.delete)
    modify = awaiting(Collection.modify)
    search = awaiting(Collection.search)
    fork_count = awaiting(Collection.fork_count)
    get_indexing_status = awaiting(Collection.get_indexing_status)

    async def fork(self, new_name: str) -> "AsyncCollection":
        """Copy the collection within Chroma's cloud, and give the copy; see `Collection.fork`."""
        copy: AsyncCollection = await self._fork(new_name)
        return copy


def _giving(verb: Blocking[P, Collection]) -> Awaited[P, AsyncCollection]:
    """Give a verb that gives a collection as the one that is awaited, which gives what its client is made of."""
    awaited: Any = awaiting(verb)
    giving: Awaited[P, AsyncCollection] = awaited
    return giving


class AsyncClient(AsyncHolder, Catalog):
    """A `Client` whose verbs are awaited: `await client.create_collection(...)`.

    Made by `AsyncHttpClient`, `AsyncPersistentClient` and their like. Also an asynchronous context manager, which
    closes it. Arguments, answers and errors are those of `Client`.

    Args:
        settings: Where the data is, and what is allowed.
        lease: A share in an engine, instead of the one that the settings name.
    """

    _collection_class = AsyncCollection

    def __init__(self, settings: Settings | None = None, *, lease: Share | None = None) -> None:
        settings = settings or Settings()
        lease = lease or connect.settled(settings, asynchronous=True)
        super().__init__(lease, awaited if lease.awaited else in_thread, in_thread)
        self._settings = settings
        self.tenant, self.database = DEFAULT_TENANT, DEFAULT_DATABASE

    @classmethod
    async def create(
        cls,
        tenant: str = DEFAULT_TENANT,
        database: str = DEFAULT_DATABASE,
        settings: Settings | None = None,
        *,
        lease: Share | None = None,
    ) -> "AsyncClient":
        """Make a client of a tenant and database that exist; raise `NotFoundError` if they do not."""
        client = cls(settings, lease=lease)
        try:
            await client._arrive(tenant, database)
        except BaseException:
            await client.close()
            raise
        return client

    def get_settings(self) -> Settings:
        """Give the settings that the client was made with."""
        return self._settings

    async def list_collections(self, limit: int | None = None, offset: int | None = None) -> list[AsyncCollection]:
        """Give the collections by name."""
        return await self._list(limit, offset)

    heartbeat = awaiting(Client.heartbeat)
    get_version = awaiting(Client.get_version)
    get_max_batch_size = awaiting(Client.get_max_batch_size)
    get_user_identity = awaiting(Client.get_user_identity)
    set_tenant = awaiting(Client.set_tenant)
    set_database = awaiting(Client.set_database)
    create_collection = _giving(Client.create_collection)
    get_collection = _giving(Client.get_collection)
    get_collection_by_id = _giving(Client.get_collection_by_id)
    get_or_create_collection = _giving(Client.get_or_create_collection)
    count_collections = awaiting(Client.count_collections)
    delete_collection = awaiting(Client.delete_collection)
    reset = awaiting(Client.reset)


class AsyncAdminClient(AsyncHolder):
    """An `AdminClient` whose verbs are awaited.

    Args:
        settings: Where the data is.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        lease = connect.settled(settings or Settings(), asynchronous=True)
        super().__init__(lease, awaited if lease.awaited else in_thread, in_thread)

    create_tenant = awaiting(AdminClient.create_tenant)
    get_tenant = awaiting(AdminClient.get_tenant)
    create_database = awaiting(AdminClient.create_database)
    get_database = awaiting(AdminClient.get_database)
    list_databases = awaiting(AdminClient.list_databases)
    delete_database = awaiting(AdminClient.delete_database)
