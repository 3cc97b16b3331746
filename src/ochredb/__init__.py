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
from typing import Any

from ochredb.api import AsyncClientAPI
from ochredb.api.types import URI as URI
from ochredb.api.types import (
    BoolInvertedIndexConfig,
    Cmek,
    CollectionMetadata,
    Documents,
    EmbeddingFunction,
    Embeddings,
    FloatInvertedIndexConfig,
    FtsIndexConfig,
    GetResult,
    HnswIndexConfig,
    IDs,
    Include,
    IntInvertedIndexConfig,
    Metadata,
    Metadatas,
    QueryResult,
    ReadLevel,
    Schema,
    SpannIndexConfig,
    SparseEmbeddingFunction,
    SparseVector,
    SparseVectorIndexConfig,
    SparseVectors,
    StringInvertedIndexConfig,
    UpdateCollectionMetadata,
    UpdateMetadata,
    URIs,
    VectorIndexConfig,
    Where,
    WhereDocument,
)
from ochredb.auth.token_authn import TokenTransportHeader
from ochredb.chroma.condition import K, Key
from ochredb.chroma.rank import Knn, Rrf
from ochredb.chroma.search import Search
from ochredb.client import connect
from ochredb.client.sync import AdminClient as AdminAPI
from ochredb.client.sync import Client as ClientAPI
from ochredb.client.sync import Collection
from ochredb.config import DEFAULT_DATABASE, DEFAULT_TENANT, Settings
from ochredb.version import __version__ as __version__

__all__ = [
    "DEFAULT_DATABASE",
    "DEFAULT_TENANT",
    "AdminAPI",
    "AdminClient",
    "AsyncClientAPI",
    "AsyncHttpClient",
    "BoolInvertedIndexConfig",
    "Client",
    "ClientAPI",
    "CloudClient",
    "Cmek",
    "Collection",
    "CollectionMetadata",
    "Documents",
    "EmbeddingFunction",
    "Embeddings",
    "EphemeralClient",
    "FloatInvertedIndexConfig",
    "FtsIndexConfig",
    "GetResult",
    "HnswIndexConfig",
    "HttpClient",
    "IDs",
    "Include",
    "IntInvertedIndexConfig",
    "K",
    "Key",
    "Knn",
    "Metadata",
    "Metadatas",
    "PersistentClient",
    "QueryResult",
    "ReadLevel",
    "Rrf",
    "RustClient",
    "Schema",
    "Search",
    "Settings",
    "SpannIndexConfig",
    "SparseEmbeddingFunction",
    "SparseVector",
    "SparseVectorIndexConfig",
    "SparseVectors",
    "StringInvertedIndexConfig",
    "TokenTransportHeader",
    "URIs",
    "UpdateCollectionMetadata",
    "UpdateMetadata",
    "VectorIndexConfig",
    "Where",
    "WhereDocument",
    "configure",
    "get_settings",
    "install_as_chromadb",
]

_SUBMODULES = frozenset(
    ("alias", "api", "auth", "base_types", "config", "errors", "execution", "telemetry", "tools", "types", "utils")
)
_settings: Settings | None = None


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
    return ClientAPI(tenant, database, settings, lease=connect.memory())


def PersistentClient(  # noqa: N802 - as above
    path: str | PathLike[str] = "./chroma",
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
    *,
    wait: float = connect.OPTIONS.wait,
    read_only: bool = False,
    network: bool = False,
    memory_limit: int | None = None,
) -> ClientAPI:
    """Open the database in a folder, which is made with its parents where absent; any number of processes may.

    Args:
        path: The folder.
        settings: `Settings(allow_reset=True)` allows `reset`.
        tenant: One that exists.
        database: One of the tenant's that exists.
        wait: Seconds that a write waits for other processes' writes before `BusyError`.
        read_only: Change nothing; the database must exist, and may lie where nothing can be written.
        network: Allow a folder on a network file system. Locks do not work between machines there: two machines that
            open it destroy it.
        memory_limit: Bytes that indexes and columns in memory may take; those of the collections that were used least
            lately are unloaded. The collection in use may take more. None is no limit.

    Raises:
        NotFoundError: No such tenant or database; no database at all, with `read_only`.
        ValueError: This process has the folder open with other options.
        InternalError: The path is a file, cannot be written, or lies on a network file system; or what is there is
            damaged, of another program, or of a newer Ochre.
    """
    options = connect.Options(wait, read_only, network, memory_limit)
    return ClientAPI(tenant, database, settings, lease=connect.folder(path, options))


def Client(  # noqa: N802 - as above
    settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> ClientAPI:
    """Open what the settings say: the database in memory, or with `is_persistent` the one in `persist_directory`."""
    return ClientAPI(tenant, database, settings)


def RustClient(  # noqa: N802 - as above
    path: str | None = None,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
) -> ClientAPI:
    """Open the database in a folder, or without one that in memory: another name for both, as Chroma has it."""
    if path is None:
        return EphemeralClient(settings, tenant, database)
    return PersistentClient(path, settings, tenant, database)


def HttpClient(  # noqa: N802 - as above
    host: str = "localhost",
    port: int = 8000,
    ssl: bool = False,
    headers: dict[str, str] | None = None,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
) -> ClientAPI:
    """Refuse: there is no client for a server yet.

    Raises:
        NotSupported: Always.
    """
    del ssl, headers, settings, tenant, database
    raise connect.no_server(f"HttpClient({host!r}, {port})")


async def AsyncHttpClient(  # noqa: N802 - as above
    host: str = "localhost",
    port: int = 8000,
    ssl: bool = False,
    headers: dict[str, str] | None = None,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
) -> AsyncClientAPI:
    """Refuse: there is no client for a server yet.

    Raises:
        NotSupported: Always.
    """
    del ssl, headers, settings, tenant, database
    raise connect.no_server(f"AsyncHttpClient({host!r}, {port})")


def CloudClient(  # noqa: N802 - as above
    tenant: str | None = None,
    database: str | None = None,
    api_key: str | None = None,
    settings: Settings | None = None,
    *,
    cloud_host: str = "api.trychroma.com",
    cloud_port: int = 443,
    enable_ssl: bool = True,
) -> ClientAPI:
    """Refuse: there is no client for a server yet.

    Raises:
        NotSupported: Always.
    """
    del tenant, database, api_key, settings, enable_ssl
    raise connect.no_server(f"CloudClient(cloud_host={cloud_host!r}, cloud_port={cloud_port})")


def configure(**kwargs: Any) -> None:
    """Set what `get_settings` gives; a client has the settings that it is given, as in Chroma."""
    global _settings
    _settings = Settings(**kwargs)


def get_settings() -> Settings:
    """Give the settings of the last `configure`, or the default ones."""
    return _settings or Settings()


def AdminClient(settings: Settings | None = None) -> AdminAPI:  # noqa: N802 - as above
    """Open tenants and databases of what the settings say, as `Client` reads them."""
    return AdminAPI(settings)


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
