"""The verbs of an engine, asked of a server."""

from collections.abc import Iterator
from typing import Any

import msgspec

from ochredb.chroma import answers, requests
from ochredb.chroma.bodies import ForkBody, NewDatabase, NewTenant, SearchBody
from ochredb.chroma.types import IndexingStatus, UserIdentity
from ochredb.core.blocking import blocking, finished
from ochredb.core.errors import BatchSizeExceededError, NotSupported
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
    refuse_infinite,
    refuse_removals,
)
from ochredb.remote.http.address import Address
from ochredb.remote.http.steps import PAGE, Steps
from ochredb.remote.http.transport import BlockingTransport


class HttpEngine(Steps):
    """A server as an engine.

    Args:
        address: Where it is.
        scope: Where collections are looked for first.
    """

    def __init__(self, address: Address, scope: Scope = Scope()) -> None:  # noqa: B008 - it is frozen
        super().__init__(BlockingTransport(address), scope)

    @blocking
    async def heartbeat(self) -> int:
        """Give the server's time in nanoseconds since 1970."""
        nanoseconds: int = (await self._call("heartbeat")).nanoseconds
        return nanoseconds

    @blocking
    async def version(self) -> str:
        """Give the version that the server says it has."""
        version: str = await self._call("version")
        return version

    @blocking
    async def identity(self) -> UserIdentity:
        """Give who the server takes the caller for; a client's first question, to which silence is an answer too."""
        body = await self._call("identity", retries=0)
        return UserIdentity(body.user_id, body.tenant, body.databases)

    @blocking
    async def batch(self) -> int:
        """Give how many records the server takes at a time."""
        return await self._batch()

    @blocking
    async def create_tenant(self, tenant: str) -> None:
        """Add a tenant."""
        await self._ask("create_tenant", NewTenant(tenant))

    @blocking
    async def get_tenant(self, tenant: str) -> str:
        """Give the name back."""
        name: str = (await self._ask("get_tenant", tenant=tenant)).name
        return name

    @blocking
    async def list_tenants(self) -> list[str]:
        """Give all tenants by name."""
        if not await self._exact():
            raise NotSupported(
                "engine 'http' does not support the feature 'list_tenants' with a server of Chroma's, whose wire has "
                "no question for it; name the tenants"
            )
        return [body.name for body in await self._ask("list_tenants")]

    @blocking
    async def create_database(self, scope: Scope) -> Database:
        """Add a database to a tenant."""
        await self._ask("create_database", NewDatabase(scope.database), tenant=scope.tenant)
        return await self._database(scope)

    @blocking
    async def get_database(self, scope: Scope) -> Database:
        """Give a database."""
        return await self._database(scope)

    @blocking
    async def list_databases(self, tenant: str, limit: int | None = None, offset: int = 0) -> list[Database]:
        """Give the databases of a tenant by name."""
        return await self._listed(tenant, limit, offset)

    @blocking
    async def delete_database(self, scope: Scope) -> None:
        """Remove a database with all its collections."""
        await self._ask_in("delete_database", scope)

    @blocking
    async def create_collection(self, scope: Scope, new: NewCollection, exist_ok: bool = False) -> CollectionInfo:
        """Add a collection, or give the one that exists."""
        body = requests.create_body(new, exist_ok, await self._exact())
        return self._noted(await self._ask_in("create_collection", scope, body, again=exist_ok or None))

    @blocking
    async def get_collection(self, scope: Scope, name: str) -> CollectionInfo:
        """Give a collection by name."""
        return self._noted(await self._ask_in("get_collection", scope, name=name))

    @blocking
    async def get_collection_by_id(self, collection: str) -> CollectionInfo:
        """Give a collection by its UUID."""
        return await self._found(collection)

    @blocking
    async def list_collections(self, scope: Scope, limit: int | None = None, offset: int = 0) -> list[CollectionInfo]:
        """Give the collections of a database by name."""
        values = {"tenant": scope.tenant, "database": scope.database}
        return await self._by_name("list_collections", self._noted, limit, offset, **values)

    @blocking
    async def count_collections(self, scope: Scope) -> int:
        """Count the collections of a database."""
        count: int = await self._ask_in("count_collections", scope)
        return count

    @blocking
    async def modify_collection(self, collection: str, change: Change) -> CollectionInfo:
        """Rename or redescribe."""
        await self._ask_of("modify_collection", collection, requests.modify_body(change, await self._exact()))
        return await self._found(collection)

    @blocking
    async def delete_collection(self, scope: Scope, name: str) -> None:
        """Remove a collection with its records."""
        await self._ask_in("delete_collection", scope, name=name)

    @blocking
    async def write(self, collection: str, write: Write) -> None:
        """Commit records, all or none; more than the server takes in one call go in parts, which the log is told."""
        if write.mode == "add":
            refuse_removals(write.records.metadatas)
        if write.records.embeddings is not None:
            refuse_infinite(write.records.embeddings)  # which JSON has no word for
        exact, size = await self._exact(), await self._batch()
        if exact or len(write.records) <= size:
            try:
                return await self._written(collection, write, exact)
            except BatchSizeExceededError:
                if len(write.records) <= size:
                    raise
        return await self._written_in_parts(collection, write, size, exact)

    @blocking
    async def get(self, collection: str, get: Get) -> Records:
        """Give records in the order of their insertion; of a server that is not ours by pages."""
        if await self._exact() or (get.limit is not None and get.limit <= PAGE):
            return await self._records(collection, get)
        return await self._paged(collection, get)

    @blocking
    async def query(self, collection: str, query: Query) -> Hits:
        """Give the nearest records of each query vector, nearest first."""
        body = requests.query_body(query, await self._exact())
        return answers.hits(await self._ask_of("query", collection, body), query.fields)

    @blocking
    async def count(self, collection: str) -> int:
        """Count the records."""
        count: int = await self._ask_of("count", collection)
        return count

    @blocking
    async def delete(self, collection: str, delete: Delete) -> int:
        """Remove records and give how many there were; by Chroma's servers how many ids were named."""
        deleted: int = (await self._ask_of("delete", collection, requests.delete_body(delete))).deleted
        return deleted

    def scan(self, collection: str, fields: Fields = ALL_FIELDS, batch: int = 1000) -> Iterator[Records]:
        """Stream all records by pages; one that is removed meanwhile may let another be passed over."""
        offset = 0
        while True:
            found = finished(self._records(collection, Get(limit=batch, offset=offset, fields=fields)))
            if len(found):
                yield found
            if len(found) < batch:
                return
            offset += batch

    @blocking
    async def search(self, collection: str, searches: list[dict[str, Any]]) -> dict[str, Any]:
        """Search, if the server can; in and out as in Chroma's cloud."""
        found: dict[str, Any] = await self._ask_of("search", collection, SearchBody(searches))
        return found

    @blocking
    async def fork(self, collection: str, new_name: str) -> CollectionInfo:
        """Copy a collection, if the server can."""
        return self._noted(await self._ask_of("fork", collection, ForkBody(new_name)))

    @blocking
    async def fork_count(self, collection: str) -> int:
        """Count the copies of a collection, if the server can."""
        count: int = (await self._ask_of("fork_count", collection))["count"]
        return count

    @blocking
    async def indexing_status(self, collection: str) -> IndexingStatus:
        """Tell how far the server has come with the index, if it can."""
        return msgspec.convert(await self._ask_of("indexing_status", collection), IndexingStatus)

    @blocking
    async def reset(self) -> None:
        """Remove everything, if the server allows it."""
        await self._call("reset")
        self._places.clear()

    @blocking
    async def close(self) -> None:
        """Give back the connections."""
        await self._transport.close()
