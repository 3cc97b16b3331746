"""Ochre: a vector database in one SQLite file that speaks Chroma's API.

>>> import ochredb
>>> client = ochredb.EphemeralClient()
>>> fruit = client.create_collection("fruit")
>>> fruit.add(ids=["apple", "lemon"], embeddings=[[1.0, 0.0], [0.0, 1.0]])
>>> fruit.query(query_embeddings=[[0.9, 0.1]], n_results=1)["ids"]
[['apple']]
"""

from importlib import import_module
from os import PathLike
from types import ModuleType

from ochredb.api.types import URI as URI
from ochredb.api.types import (
    CollectionMetadata,
    Documents,
    EmbeddingFunction,
    Embeddings,
    GetResult,
    IDs,
    Include,
    Metadata,
    Metadatas,
    QueryResult,
    UpdateCollectionMetadata,
    UpdateMetadata,
    URIs,
    Where,
    WhereDocument,
)
from ochredb.client import connect
from ochredb.client.sync import AdminClient as _AdminClient
from ochredb.client.sync import Client as ClientAPI
from ochredb.client.sync import Collection
from ochredb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from ochredb.version import __version__ as __version__

__all__ = [
    "DEFAULT_DATABASE",
    "DEFAULT_TENANT",
    "AdminClient",
    "Client",
    "ClientAPI",
    "Collection",
    "CollectionMetadata",
    "Documents",
    "EmbeddingFunction",
    "Embeddings",
    "EphemeralClient",
    "GetResult",
    "IDs",
    "Include",
    "Metadata",
    "Metadatas",
    "PersistentClient",
    "QueryResult",
    "Settings",
    "URIs",
    "UpdateCollectionMetadata",
    "UpdateMetadata",
    "Where",
    "WhereDocument",
    "install_as_chromadb",
]

_SUBMODULES = frozenset(("alias", "api", "config", "errors", "utils"))


def EphemeralClient(  # noqa: N802 - Chroma's names, which are functions there too
    settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> ClientAPI:
    """Open the database in memory that all such clients of this process share; it is gone when they are closed.

    Args:
        settings: `Settings(allow_reset=True)` allows `reset`.
        tenant: One that exists.
        database: One of the tenant's that exists.

    Raises:
        NotFoundError: No such tenant or database.
    """
    return ClientAPI(connect.memory(), tenant, database, keep=True, settings=settings or Settings())


def PersistentClient(  # noqa: N802 - as above
    path: str | PathLike[str] = "./chroma",
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
) -> ClientAPI:
    """Open the database in a folder, which is made with its parents where absent; any number of processes may.

    Args:
        path: The folder.
        settings: `Settings(allow_reset=True)` allows `reset`.
        tenant: One that exists.
        database: One of the tenant's that exists.

    Raises:
        NotFoundError: No such tenant or database.
        InternalError: The path is a file, or cannot be written; or what is there is damaged, of another program, or of
            a newer Ochre.
    """
    return ClientAPI(connect.folder(path), tenant, database, settings=settings or Settings())


def Client(  # noqa: N802 - as above
    settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> ClientAPI:
    """Open what the settings say: the database in memory, or with `is_persistent` the one in `persist_directory`."""
    settings = settings or Settings()
    if settings.is_persistent:
        return PersistentClient(settings.persist_directory, settings, tenant, database)
    return EphemeralClient(settings, tenant, database)


def AdminClient(settings: Settings | None = None) -> _AdminClient:  # noqa: N802 - as above
    """Open tenants and databases of what the settings say, as `Client` reads them."""
    settings = settings or Settings()
    if settings.is_persistent:
        return _AdminClient(connect.folder(settings.persist_directory), keep=False)
    return _AdminClient(connect.memory(), keep=True)


def install_as_chromadb() -> None:
    """Let `import chromadb`, and all below it, give Ochre in this process.

    Call it before anything imports chromadb.

    Raises:
        ImportError: The real chromadb is already imported.
    """
    from ochredb.alias import install_as_chromadb as install  # it imports this module

    install()


def __getattr__(name: str) -> ModuleType:
    if name in _SUBMODULES:
        return import_module(f"ochredb.{name}")
    raise AttributeError(f"module 'ochredb' has no attribute {name!r}")
