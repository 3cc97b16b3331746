"""Chroma's home for its types and the classes of its clients; `models` holds the collections."""

from typing import ClassVar

from ochredb.api import (
    async_api,
    async_client,
    client,
    collection_configuration,
    configuration,
    functions,
    models,
    shared_system_client,
    types,
)
from ochredb.api.async_api import AsyncAdminAPI, AsyncClientAPI
from ochredb.api.models.AttachedFunction import AttachedFunction
from ochredb.api.types import *  # noqa: F403 # every name that `api.types` lists is one of `api`, as in Chroma
from ochredb.chroma.absent import Absent
from ochredb.chroma.settings import Settings
from ochredb.chroma.types import (
    CollectionModel,
    CreateCollectionConfiguration,
    Database,
    Tenant,
    UpdateCollectionConfiguration,
    UserIdentity,
)
from ochredb.client.sync import AdminClient as AdminAPI
from ochredb.client.sync import Client as BaseAPI
from ochredb.client.sync import Client as ClientAPI
from ochredb.client.sync import Collection
from ochredb.core.model import DEFAULT_DATABASE, DEFAULT_TENANT
from ochredb.execution import expression
from ochredb.execution.expression import *  # noqa: F403 # likewise

__all__ = [
    "DEFAULT_DATABASE",
    "DEFAULT_TENANT",
    "AdminAPI",
    "AsyncAdminAPI",
    "AsyncClientAPI",
    "AttachedFunction",
    "BaseAPI",
    "ClientAPI",
    "Collection",
    "CollectionModel",
    "CreateCollectionConfiguration",
    "Database",
    "ServerAPI",
    "Settings",
    "Tenant",
    "UpdateCollectionConfiguration",
    "UserIdentity",
    "async_api",
    "async_client",
    "client",
    "collection_configuration",
    "configuration",
    "functions",
    "models",
    "shared_system_client",
    "types",
    *types.__all__,
    *(name for name in expression.__all__ if name not in ("Where", "operator", "plan")),
]


class ServerAPI(Absent):
    """What answers Chroma's clients inside the process or at a server."""

    instead: ClassVar[str] = "Ochre's clients ask an engine; make a client, or see ochredb.core.engine.Engine"
