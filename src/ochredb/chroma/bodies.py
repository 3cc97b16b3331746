"""What travels over the wire as it is decoded: typed, and not yet looked at any closer (contract 4.2 to 4.8).

As JSON they are Chroma's, field by field. Between our own client and server they are MessagePack of the same structs,
in which embeddings are a `Block` and the fields that Chroma does not have are used.
"""

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ochredb.core.model import MetadataValue, Scalar, Space, SparseVector

Count: TypeAlias = Annotated[int, Meta(ge=0)]
JSONObject: TypeAlias = dict[str, Any]
Filter: TypeAlias = Annotated[Any, Meta(extra_json_schema={"type": ["object", "null"]})]
"""A filter in Chroma's grammar, which `core.where` reads and refuses; None is no filter."""

Part: TypeAlias = Literal["documents", "embeddings", "metadatas", "distances", "uris"]


class Block(Struct, frozen=True):
    """Embeddings as they lie in memory: rows of `dimension` little-endian float32, one after another."""

    dimension: Annotated[int, Meta(ge=1)]
    data: bytes


Vectors: TypeAlias = list[list[float]] | Block


class Nothing(Struct, frozen=True):
    """A body without a field, which every answer to a call that gives nothing has."""


class Failure(Struct, frozen=True):
    """A call that was refused or failed; `error` is a name that Chroma's client knows."""

    error: str
    message: str


class Page(Struct, frozen=True):
    """Which part of a listing is wanted: of the query string."""

    limit: Count | None = None
    offset: Count | None = None


class ReadLevelChoice(Struct, frozen=True):
    """How much of what was written an answer must know, of the query string: here it always knows all of it."""

    read_level: Literal["index_and_wal", "index_only", "index_and_bounded_wal"] | None = None


class Heartbeat(Struct, frozen=True, rename={"nanoseconds": "nanosecond heartbeat"}):
    """The time in nanoseconds since 1970."""

    nanoseconds: int


class Health(Struct, frozen=True):
    """Whether the server can answer."""

    is_executor_ready: bool
    is_log_client_ready: bool


class PreFlight(Struct, frozen=True):
    """What a client must know before it writes.

    Args:
        max_batch_size: How many records a write may hold; Chroma's client refuses to send more.
        supports_base64_encoding: Whether embeddings may come as base64 of little-endian float32.
        media_types: The other content types that bodies may have; a server of Chroma's says nothing of it.
    """

    max_batch_size: int = -1
    supports_base64_encoding: bool = False
    media_types: list[str] = []


class Identity(Struct, frozen=True):
    """Who the caller is, and which tenant and databases that opens."""

    user_id: str
    tenant: str
    databases: list[str]


class NewTenant(Struct, frozen=True):
    """A tenant to add."""

    name: str


class TenantChange(Struct, frozen=True):
    """What of a tenant is to be changed: a name that only Chroma's cloud has a use for."""

    resource_name: str | None = None


class TenantBody(Struct, frozen=True):
    """A tenant."""

    name: str
    resource_name: str | None = None


class NewDatabase(Struct, frozen=True):
    """A database to add."""

    name: str


class DatabaseBody(Struct, frozen=True):
    """A database; `id` is a UUID."""

    id: str
    name: str
    tenant: str


class CreateBody(Struct, frozen=True):
    """A collection to add.

    Args:
        name: 3 to 512 characters from [a-zA-Z0-9._-].
        metadata: Its own.
        configuration: `hnsw`, `spann`, `embedding_function`, each optional.
        schema: As `collection.schema` writes it.
        get_or_create: Give the one of this name if there is one, as it is.
        space: Our client's alone: the space that the configuration comes to.
        effort: Our client's alone: the effort that the configuration comes to.
    """

    name: str
    metadata: dict[str, Scalar] | None = None
    configuration: JSONObject | None = None
    schema: JSONObject | None = None
    get_or_create: bool = False
    space: Space | None = None
    effort: int | None = None


class FunctionBody(Struct, frozen=True):
    """The form in which a collection remembers its embedding function."""

    type: str
    name: str | None = None
    config: JSONObject | None = None


class IndexConfigBody(Struct, frozen=True):
    """Settings of an index, of any kind."""

    space: Space | None = None
    hnsw: JSONObject | None = None
    spann: JSONObject | None = None
    embedding_function: FunctionBody | None = None
    source_key: str | None = None
    bm25: bool | None = None


class IndexBody(Struct, frozen=True):
    """An index, switched on or off."""

    enabled: bool = True
    config: IndexConfigBody = IndexConfigBody()


class SchemaBody(Struct, frozen=True):
    """A schema: indexes by type of value, for keys of which nothing is said and for some keys."""

    defaults: dict[str, dict[str, IndexBody]] = {}
    keys: dict[str, dict[str, dict[str, IndexBody]]] = {}
    cmek: dict[str, str] | None = None


class ModifyBody(Struct, frozen=True):
    """What of a collection is to be changed; what is None stays. `effort` is our client's alone."""

    new_name: str | None = None
    new_metadata: dict[str, Scalar | None] | None = None
    new_configuration: JSONObject | None = None
    effort: int | None = None


class CollectionBody(Struct, frozen=True, kw_only=True):
    """A collection; `id` is a UUID and `dimension` None before the first write. The last two are our client's alone."""

    id: str
    name: str
    configuration_json: JSONObject
    schema: JSONObject | None = None
    metadata: dict[str, Any] | None = None
    dimension: int | None = None
    tenant: str
    database: str
    log_position: int = 0
    version: int = 0
    space: Space | UnsetType = UNSET
    effort: int | UnsetType = UNSET


class AddBody(Struct, frozen=True):
    """Records to add.

    Args:
        ids: 1 to 65,536 bytes of UTF-8 each.
        embeddings: All of them lists of numbers, or all of them base64 of little-endian float32; only our client may
            leave them out.
        metadatas: str, int, float, bool, a non-empty list of one of these, or a sparse vector.
        documents: Texts.
        uris: URIs.
    """

    ids: list[str]
    embeddings: list[list[float] | str] | Block | None = None
    metadatas: list[dict[str, str | int | float | bool | list[Scalar] | SparseVector] | None] | None = None
    documents: list[str | None] | None = None
    uris: list[str | None] | None = None


class UpdateBody(Struct, frozen=True):
    """Records to change: fields as in `AddBody`; what is null stays, a metadata value of null removes its key."""

    ids: list[str]
    embeddings: list[list[float] | str | None] | Block | None = None
    metadatas: list[dict[str, MetadataValue] | None] | None = None
    documents: list[str | None] | None = None
    uris: list[str | None] | None = None


class UpsertBody(Struct, frozen=True):
    """Records to add or change: fields as in `UpdateBody`; only our client may leave out the embeddings."""

    ids: list[str]
    embeddings: list[list[float] | str] | Block | None = None
    metadatas: list[dict[str, MetadataValue] | None] | None = None
    documents: list[str | None] | None = None
    uris: list[str | None] | None = None


class GetBody(Struct, frozen=True):
    """Which records are wanted, and what of them."""

    ids: list[str] | None = None
    where: Filter = None
    where_document: Filter = None
    limit: Count | None = None
    offset: Count | None = None
    include: list[Part] = field(default_factory=lambda: ["documents", "metadatas"])


class Found(Struct, frozen=True):
    """Records; what was not included is null."""

    ids: list[str]
    embeddings: Vectors | None = None
    documents: list[str | None] | None = None
    uris: list[str | None] | None = None
    metadatas: list[dict[str, MetadataValue] | None] | None = None
    include: list[Part] = []


class QueryBody(Struct, frozen=True):
    """Vectors whose nearest records are wanted, and what of them."""

    query_embeddings: Vectors
    ids: list[str] | None = None
    n_results: Count = 10
    where: Filter = None
    where_document: Filter = None
    include: list[Part] = field(default_factory=lambda: ["documents", "metadatas", "distances"])


class Nearest(Struct, frozen=True):
    """For each query the nearest records; what was not included is null, and so is a distance beyond all numbers."""

    ids: list[list[str]]
    embeddings: list[Vectors] | None = None
    documents: list[list[str | None]] | None = None
    uris: list[list[str | None]] | None = None
    metadatas: list[list[dict[str, MetadataValue] | None]] | None = None
    distances: list[list[float | None]] | None = None
    include: list[Part] = []


class DeleteBody(Struct, frozen=True):
    """Which records are to be removed."""

    ids: list[str] | None = None
    where: Filter = None
    where_document: Filter = None
    limit: Count | None = None


class Deleted(Struct, frozen=True):
    """How many records were removed; without a filter Chroma says how many ids were named, our client is told which."""

    deleted: int


class ForkBody(Struct, frozen=True):
    """The name of a copy."""

    new_name: str


class SearchBody(Struct, frozen=True):
    """Searches of Chroma's cloud."""

    searches: list[JSONObject]


class AttachBody(Struct, frozen=True):
    """A function that is to run over a collection in Chroma's cloud."""

    name: str
    function_id: str
    output_collection: str
    params: JSONObject | None = None


class DetachBody(Struct, frozen=True):
    """Whether what a function has written is to go with it."""

    delete_output: bool = False
