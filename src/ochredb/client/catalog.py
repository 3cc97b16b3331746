"""The steps that the verbs of a blocking and of an asynchronous client have in common."""

from typing import Any, NamedTuple

from ochredb.chroma import attributes, check, config
from ochredb.chroma import schema as schemas
from ochredb.chroma.settings import Settings
from ochredb.chroma.types import UserIdentity
from ochredb.client import functions
from ochredb.client.description import Described
from ochredb.client.holder import Sharing
from ochredb.client.host import Here, Host
from ochredb.client.schema import Schema
from ochredb.core.errors import BadType, BadValue, UnreachableError
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT, CollectionInfo, NewCollection, Scope
from ochredb.embed.protocol import check_signature
from ochredb.embed.registry import persisted_form


class Wanted(NamedTuple):
    """A collection that is to be, and what embeds for it."""

    new: NewCollection
    function: Any


class Catalog(Sharing):
    """A client, as far as it does not matter whether it is awaited."""

    _settings: Settings
    _collection_class: type[Described]
    tenant: str
    database: str

    @property
    def _scope(self) -> Scope:
        return Scope(self.tenant, self.database)

    @property
    def _host(self) -> Host:
        engine = self._engine
        return engine if isinstance(engine, Host) else Here(engine, self._settings)

    async def _arrive(self, tenant: str, database: str) -> None:
        """Turn to the tenant and database that the client is made for; of a server, ask first whom it takes it for.

        Raises:
            BadValue: There is no server to ask, in Chroma's words.
        """
        try:
            if isinstance(self._engine, Host):
                tenant, database = _own(await self._ask(self._host.identity), tenant, database, self._settings)
            await self._turn(tenant, database)
        except UnreachableError as error:
            raise BadValue(f"Could not connect to a Chroma server. Are you sure it is running? {error}") from error

    async def _turn(self, tenant: str, database: str) -> None:
        await self._ask(self._engine.get_tenant, check.known_name(tenant, "tenant"))
        scope = scope_of(tenant, database)
        await self._ask(self._engine.get_database, scope)
        self.tenant, self.database = scope.tenant, scope.database

    async def _create(
        self,
        name: object,
        schema: object,
        configuration: Any,
        metadata: object,
        function: Any,
        loader: Any,
        found: object,
    ) -> Any:
        wanted = wanted_collection(name, schema, configuration, metadata, function)
        exist_ok = check.flag(found, "get_or_create")
        info = await self._ask(self._engine.create_collection, self._scope, wanted.new, exist_ok)
        return self._collection(info, wanted.function, loader)

    async def _list(self, limit: object, offset: object) -> list[Any]:
        page = check.bound(limit, "limit"), check.bound(offset, "offset") or 0
        found = await self._ask(self._engine.list_collections, self._scope, *page)
        # The default function fits every collection, so that none is asked about.
        return [self._collection_class(self, info, functions.DEFAULT, None) for info in found]

    def _collection(self, info: CollectionInfo, function: Any, loader: Any) -> Any:
        if function is not None:
            check_signature(function)
        functions.refuse_conflict(function, info.configuration.get("embedding_function"))
        return self._collection_class(self, info, function, loader)


def wanted_collection(
    name: object, schema: object, configuration: Any, metadata: object, embedding_function: Any
) -> Wanted:
    """Read the arguments of `create_collection`; see there."""
    name = check.collection_name(name)
    metadata = attributes.collection_metadata(metadata)
    function = functions.configured(embedding_function, configuration)
    if function is not None:
        check_signature(function)
    form = persisted_form(function)
    settled = config.settle(configuration, metadata, form, functions.space_of(function))
    indexes = None if schema is None else _indexes(schema)
    if isinstance(schema, Schema) and indexes is not None:
        settled = config.settle_schema(schemas.vector_config(indexes), settled, form)
        function = schema.embedding_function or function
    functions.warn_of_space(function, settled.space)
    return Wanted(NewCollection(name, settled.space, settled.effort, metadata, settled.json, indexes), function)


def _own(identity: UserIdentity, tenant: str, database: str, settings: Settings) -> tuple[str, str]:
    """Give the tenant and database of the one who asks, if the settings want that and the caller named no others."""
    if not settings.chroma_overwrite_singleton_tenant_database_access_from_auth:
        return tenant, database
    if identity.tenant is not None and tenant == DEFAULT_TENANT:
        tenant = identity.tenant
    named = [name for name in identity.databases or () if name != "*"]
    if len(named) == 1 and database == DEFAULT_DATABASE:
        database = named[0]
    return tenant, database


def scope_of(tenant: object, database: object = DEFAULT_DATABASE) -> Scope:
    """Read the names of a tenant and a database that are to be found."""
    return Scope(check.known_name(tenant, "tenant"), check.known_name(database, "database"))


def _indexes(schema: object) -> dict[str, Any] | None:
    if not isinstance(schema, Schema):
        raise BadType(f"schema: expected a Schema, got {schema!r}")
    return schemas.stored(schema.serialize_to_json())
