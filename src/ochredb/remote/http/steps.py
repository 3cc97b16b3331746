"""What the verbs of the blocking and of the asynchronous engine have in common."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from msgspec.structs import replace

from ochredb.chroma import answers, requests, wire
from ochredb.chroma.bodies import Page
from ochredb.core.errors import NotFoundError, OchreError
from ochredb.core.model import CollectionInfo, Database, Get, Records, Scope, Write
from ochredb.remote.http.calls import Calls
from ochredb.remote.http.transport import Transport

_logger = logging.getLogger("ochredb")

Named = TypeVar("Named", Database, CollectionInfo)

PAGE = 5_000
"""Records that are asked for at a time of a server that is not ours: Chroma's fails beyond 32,766."""


class Steps(Calls):
    """Calls by collection and database, as the wire wants them.

    The routes of records name tenant and database, the verbs do not: the engine remembers where it saw each collection,
    and looks for any other in the databases that it was asked about.

    Args:
        transport: What carries the calls.
        scope: Where collections are looked for first.
    """

    def __init__(self, transport: Transport, scope: Scope) -> None:
        super().__init__(transport)
        self._scopes: dict[Scope, None] = {scope: None}
        self._places: dict[str, Scope] = {}

    async def _exact(self) -> bool:
        """Tell whether the server is one of ours, which speaks to the letter of the engine."""
        return wire.RECORDS in (await self._rules_of_server()).media_types

    async def _ask(self, operation: str, body: Any = None, parameters: Any = None, /, **values: Any) -> Any:
        """Ask for an operation in the content type that the server likes best."""
        media = wire.RECORDS if await self._exact() else wire.JSON
        return await self._call(operation, body, parameters, media=media, **values)

    async def _ask_in(
        self, operation: str, scope: Scope, body: Any = None, parameters: Any = None, /, **values: Any
    ) -> Any:
        """Ask for an operation in a database."""
        return await self._ask(operation, body, parameters, tenant=scope.tenant, database=scope.database, **values)

    async def _ask_of(self, operation: str, collection: str, body: Any = None) -> Any:
        """Ask for an operation of a collection."""
        scope = await self._place(collection)
        return await self._ask_in(operation, scope, body, collection_id=collection)

    async def _place(self, collection: str) -> Scope:
        if collection not in self._places:
            await self._found(collection)
        return self._places[collection]

    async def _found(self, collection: str) -> CollectionInfo:
        known = self._places.get(collection)
        async for scope in self._likely(known):
            try:
                return self._noted(await self._ask_in("get_collection_by_id", scope, collection_id=collection))
            except NotFoundError:
                continue
        raise NotFoundError(f"Collection [{collection}] does not exist in any database that was asked about")

    async def _likely(self, known: Scope | None) -> AsyncIterator[Scope]:
        """Give where a collection may be: where it was, else the databases asked about and others of their tenants."""
        if known is not None:
            yield known
            return
        asked = list(reversed(self._scopes))
        for scope in asked:
            yield scope
        for tenant in dict.fromkeys(scope.tenant for scope in asked):
            for name in [database.name for database in await self._listed(tenant)]:
                if Scope(tenant, name) not in asked:
                    yield Scope(tenant, name)

    async def _listed(self, tenant: str, limit: int | None = None, offset: int = 0) -> list[Database]:
        return await self._by_name("list_databases", answers.database, limit, offset, tenant=tenant)

    async def _by_name(
        self, operation: str, read: Callable[[Any], Named], limit: int | None, offset: int, **values: str
    ) -> list[Named]:
        """Give a page of a listing by name; a server that is not ours has an order of its own, and is asked for all."""
        if await self._exact():
            return [read(body) for body in await self._ask(operation, None, Page(limit, offset or None), **values)]
        found = [read(body) for body in await self._ask(operation, None, Page(), **values)]
        return sorted(found, key=lambda one: one.name)[offset:][:limit]

    def _noted(self, body: Any) -> CollectionInfo:
        info = answers.info(body)
        self._places[info.id] = info.scope
        return info

    async def _database(self, scope: Scope) -> Database:
        found = answers.database(await self._ask_in("get_database", scope))
        self._scopes.pop(scope, None)
        self._scopes[scope] = None  # the newest is the likeliest
        return found

    async def _records(self, collection: str, get: Get) -> Records:
        return answers.records(await self._ask_of("get", collection, requests.get_body(get)), get.fields)

    async def _paged(self, collection: str, get: Get) -> Records:
        """Give records by pages: ids and filters are the same for each."""
        parts: list[Records] = []
        left = get.limit
        while True:
            size = PAGE if left is None else min(PAGE, left)
            parts.append(
                await self._records(collection, replace(get, limit=size, offset=get.offset + PAGE * len(parts)))
            )
            left = None if left is None else left - size
            if len(parts[-1]) < PAGE or left == 0:
                return _joined(parts)

    async def _written(self, collection: str, write: Write, exact: bool) -> None:
        await self._ask_of(write.mode, collection, requests.write_body(write, exact))

    async def _written_in_parts(self, collection: str, write: Write, size: int, exact: bool) -> None:
        total = len(write.records)
        _logger.warning(
            "%s: the server takes %d records at a time; %d are written in parts, each of them all or none",
            self._transport.address.url, size, total,
        )  # fmt: skip
        for start in range(0, total, size):
            part = write.records.take(range(start, min(start + size, total)))
            try:
                await self._written(collection, Write(write.mode, part), exact)
            except OchreError as error:
                if start:
                    error.args = (f"{error}; of {total} records the first {start} are written, the others are not",)
                raise

    async def _batch(self) -> int:
        """Give how many records the server takes at a time; one that does not say takes any number."""
        said = (await self._rules_of_server()).max_batch_size
        return said if said > 0 else sys.maxsize


def _joined(parts: Sequence[Records]) -> Records:
    def column(name: str) -> Any:
        found = [getattr(part, name) for part in parts]
        return None if found[0] is None else [value for values in found for value in values]

    vectors = [part.embeddings for part in parts if part.embeddings is not None and len(part)]
    nothing = parts[0].embeddings
    return Records(
        column("ids"),
        np.concatenate(vectors) if vectors else nothing,
        column("documents"),
        column("metadatas"),
        column("uris"),
    )
