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

from ochredb.api import AsyncAdminAPI as AsyncAdminClient
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
from ochredb.client import address
from ochredb.client import connect as places
from ochredb.client.asking import in_thread
from ochredb.client.ingest import ingest
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
    "AsyncAdminClient",
    "AsyncClientAPI",
    "AsyncEphemeralClient",
    "AsyncHttpClient",
    "AsyncPersistentClient",
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
    "connect",
    "get_settings",
    "ingest",
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
    return ClientAPI(tenant, database, settings, lease=places.memory())


def PersistentClient(  # noqa: N802 - as above
    path: str | PathLike[str] = "./chroma",
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
    *,
    wait: float = places.OPTIONS.wait,
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
    options = places.Options(wait, read_only, network, memory_limit)
    return ClientAPI(tenant, database, settings, lease=places.folder(path, options))


def Client(  # noqa: N802 - as above
    settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> ClientAPI:
    """Open what the settings say: the database in memory, with `is_persistent` the one in `persist_directory`, or with
    `chroma_api_impl="chromadb.api.fastapi.FastAPI"` the server at `chroma_server_host` and `chroma_server_http_port`.
    """
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
    *,
    timeout: float | None = None,
    retries: int | None = None,
    verify: bool | str | None = None,
) -> ClientAPI:
    """Open a server that speaks Chroma's wire: Ochre's or Chroma's.

    Args:
        host: Its name, or a URL, which says port and TLS too and may have a path.
        port: Its port.
        ssl: Use TLS.
        headers: Of each request.
        settings: `chroma_client_auth_provider` and `chroma_client_auth_credentials` send a key, `chroma_server_headers`
            are further headers.
        tenant: One that exists.
        database: One of the tenant's that exists.
        timeout: Seconds that connecting, and each wait for data, may take; 60 if not given.
        retries: How often a request is made again that nobody answered, or that was refused for now, if doing it twice
            is the same as doing it once; 3 if not given.
        verify: False lets any certificate pass, a file or folder of certificates is what the server's is verified by.

    Raises:
        ValueError: Nobody answers there, or the arguments contradict the settings.
        NotFoundError: No such tenant or database.
    """
    served = address.served(settings, host, port, ssl, headers)
    at = address.address(served, address.Wire(timeout, retries, verify))
    return ClientAPI(tenant, database, served, lease=places.server(at))


async def AsyncHttpClient(  # noqa: N802 - as above
    host: str = "localhost",
    port: int = 8000,
    ssl: bool = False,
    headers: dict[str, str] | None = None,
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
    *,
    timeout: float | None = None,
    retries: int | None = None,
    verify: bool | str | None = None,
) -> AsyncClientAPI:
    """Open a server as `HttpClient` does; the client's verbs are awaited, and so is this."""
    served = address.served(settings, host, port, ssl, headers)
    at = address.address(served, address.Wire(timeout, retries, verify))
    return await AsyncClientAPI.create(tenant, database, served, lease=places.server(at, asynchronous=True))


async def AsyncEphemeralClient(  # noqa: N802 - as above
    settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> AsyncClientAPI:
    """Open the database in memory as `EphemeralClient` does; its verbs are awaited, and work in other threads."""
    return await AsyncClientAPI.create(tenant, database, settings, lease=places.memory())


async def AsyncPersistentClient(  # noqa: N802 - as above
    path: str | PathLike[str] = "./chroma",
    settings: Settings | None = None,
    tenant: str = DEFAULT_TENANT,
    database: str = DEFAULT_DATABASE,
    *,
    wait: float = places.OPTIONS.wait,
    read_only: bool = False,
    network: bool = False,
    memory_limit: int | None = None,
) -> AsyncClientAPI:
    """Open a folder as `PersistentClient` does; the client's verbs are awaited, and work in other threads."""
    options = places.Options(wait, read_only, network, memory_limit)
    return await AsyncClientAPI.create(tenant, database, settings, lease=await in_thread(places.folder, path, options))


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
    """Open a server that knows its callers by a key, sent as `X-Chroma-Token`: Chroma's cloud, or any other.

    Args:
        tenant: CHROMA_TENANT if not given, and if that is not set the key's own.
        database: CHROMA_DATABASE if not given, and if that is not set the key's own, if it is good for one only.
        api_key: CHROMA_API_KEY if not given.
        settings: As in `HttpClient`.
        cloud_host: The server's name.
        cloud_port: Its port.
        enable_ssl: Use TLS.

    Raises:
        ValueError: No key, or nobody answers.
        NotFoundError: No such tenant or database.
    """
    keyed = address.keyed(settings, api_key)
    served = address.served(keyed, cloud_host, cloud_port, enable_ssl, None)
    scope = address.cloud_scope(tenant, database)
    return ClientAPI(*scope, served, lease=places.server(address.address(served)))


def connect(
    url: str, settings: Settings | None = None, tenant: str = DEFAULT_TENANT, database: str = DEFAULT_DATABASE
) -> ClientAPI:
    """Open what a URL names, with the engine that its scheme stands for.

    Args:
        url: `file:./data`, `memory:`, `http://host:8000?timeout=5`, `https://user:password@host`, and those of
            the engines in the docs.
        settings: `Settings(allow_reset=True)` allows `reset`.
        tenant: One that exists.
        database: One of the tenant's that exists.

    Raises:
        ValueError: A URL that means nothing, or a server that does not answer.
        NotFoundError: No such tenant or database.
        NotSupported: The engine needs a package that is not installed.
    """
    return ClientAPI(tenant, database, settings, lease=places.share(url))


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
