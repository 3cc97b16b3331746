"""The types of Chroma's arguments and answers, as its callers annotate with them and as a type checker sees ours."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from os import PathLike
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, TypedDict, TypeVar
from uuid import UUID

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from ochredb.chroma.absent import Absent
from ochredb.core.model import Space, SparseVector

T = TypeVar("T")
OneOrMany: TypeAlias = T | list[T]

ID: TypeAlias = str
IDs: TypeAlias = list[ID]
URI: TypeAlias = str
URIs: TypeAlias = list[URI]

PyVector: TypeAlias = Sequence[float] | Sequence[int]
Vectors: TypeAlias = npt.NDArray[Any] | Sequence[npt.NDArray[Any]] | PyVector | Sequence[PyVector]
"""Everything that is read as one vector or as many: (dimension,) or (n, dimension)."""


class ArrowStream(Protocol):
    """A table that can be read as Arrow's: Arrow's own, a frame of pandas or polars, a query's result."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give the table as a stream of batches."""
        ...


Column: TypeAlias = ArrowStream | Iterator[Any]
"""A column of another library, or an iterator of values."""
Table: TypeAlias = ArrowStream | PathLike[str] | Iterator[Any]
"""Records as a whole: a table, the path of a Parquet file, or an iterator of dictionaries."""

LiteralValue: TypeAlias = str | int | float | bool
MetadataListValue: TypeAlias = list[LiteralValue]
Metadata: TypeAlias = Mapping[str, str | int | float | bool | SparseVector | MetadataListValue | None]
Metadatas: TypeAlias = list[Metadata]
UpdateMetadata: TypeAlias = Metadata
CollectionMetadata: TypeAlias = dict[str, Any]
UpdateCollectionMetadata: TypeAlias = Metadata
SparseVectors: TypeAlias = list[SparseVector]

LogicalOperator: TypeAlias = Literal["$and", "$or"]
WhereOperator: TypeAlias = Literal["$gt", "$gte", "$lt", "$lte", "$ne", "$eq"]
InclusionExclusionOperator: TypeAlias = Literal["$in", "$nin"]
ArrayContainsOperator: TypeAlias = Literal["$contains", "$not_contains"]
# One mapping for all operators, because a type checker cannot tell a literal by which one of several it fits.
OperatorExpression: TypeAlias = Mapping[
    WhereOperator | InclusionExclusionOperator | ArrayContainsOperator, LiteralValue | list[LiteralValue]
]
Where: TypeAlias = dict[str, "LiteralValue | OperatorExpression | list[Where]"]
WhereDocumentOperator: TypeAlias = Literal["$contains", "$not_contains", "$regex", "$not_regex", "$and", "$or"]
WhereDocument: TypeAlias = dict[WhereDocumentOperator, "str | list[WhereDocument]"]
Include: TypeAlias = list[Literal["documents", "embeddings", "metadatas", "distances", "uris", "data"]]

Loadable: TypeAlias = list[npt.NDArray[Any] | None]
L = TypeVar("L", bound=Loadable, covariant=True)


class DataLoader(Protocol[L]):
    """Something that fetches what records' URIs point at."""

    def __call__(self, uris: Sequence[URI | None]) -> L:
        """Give one item for each URI, None for none."""
        ...


class GetResult(TypedDict):
    """What a type checker knows of `get`; the object is a `chroma.shape.GetResult`, a dictionary too."""

    ids: list[ID]
    embeddings: npt.NDArray[np.float64] | None
    documents: list[str] | None
    uris: URIs | None
    data: Loadable | None
    metadatas: list[Metadata] | None
    included: Include


class QueryResult(TypedDict):
    """What a type checker knows of `query`; the object is a `chroma.shape.QueryResult`, a dictionary too."""

    ids: list[IDs]
    embeddings: list[npt.NDArray[np.float64]] | None
    documents: list[list[str]] | None
    uris: list[URIs] | None
    data: list[Loadable] | None
    metadatas: list[list[Metadata]] | None
    distances: list[list[float]] | None
    included: Include


class DeleteResult(TypedDict):
    """What `delete` returns."""

    deleted: int


class Tenant(TypedDict):
    """What `get_tenant` returns."""

    name: str


class Database(TypedDict):
    """What `get_database` returns."""

    id: UUID
    name: str
    tenant: str


class HNSWConfiguration(TypedDict, total=False):
    """Settings of the vector index; `space` and `ef_search` mean what they say, the others are kept."""

    space: Space
    ef_construction: int
    max_neighbors: int
    ef_search: int
    num_threads: int
    batch_size: int
    sync_threshold: int
    resize_factor: float


class UpdateHNSWConfiguration(TypedDict, total=False):
    """What of `HNSWConfiguration` can be changed."""

    ef_search: int
    max_neighbors: int
    num_threads: int
    batch_size: int
    sync_threshold: int
    resize_factor: float


class SpannConfiguration(TypedDict, total=False):
    """Settings of Chroma's distributed index; only `space` means something here."""

    search_nprobe: int
    write_nprobe: int
    space: Space
    ef_construction: int
    ef_search: int
    max_neighbors: int
    reassign_neighbor_count: int
    split_threshold: int
    merge_threshold: int


class UpdateSpannConfiguration(TypedDict, total=False):
    """What of `SpannConfiguration` can be changed."""

    search_nprobe: int
    ef_search: int


class CollectionConfiguration(TypedDict):
    """What `collection.configuration` gives."""

    hnsw: HNSWConfiguration | None
    spann: SpannConfiguration | None
    embedding_function: Any


class CreateCollectionConfiguration(TypedDict, total=False):
    """What `create_collection` takes."""

    hnsw: HNSWConfiguration | None
    spann: SpannConfiguration | None
    embedding_function: Any


class UpdateCollectionConfiguration(TypedDict, total=False):
    """What `modify` takes."""

    hnsw: UpdateHNSWConfiguration | None
    spann: UpdateSpannConfiguration | None
    embedding_function: Any


class ReadLevel(StrEnum):
    """How much of what was written an answer of Chroma's cloud must know; here every answer knows all of it."""

    INDEX_AND_WAL = "index_and_wal"
    INDEX_ONLY = "index_only"
    INDEX_AND_BOUNDED_WAL = "index_and_bounded_wal"


class IndexingStatus(Struct, frozen=True):
    """How far an index has come: operations in it, not in it, all, and the share of those in it."""

    num_indexed_ops: int
    num_unindexed_ops: int
    total_ops: int
    op_indexing_progress: float


class Function(StrEnum):
    """What Chroma's cloud can run over a collection."""

    STATISTICS = "statistics"
    RECORD_COUNTER = "record_counter"


class AttachedFunction(Absent):
    """A function that runs over a collection in Chroma's cloud."""

    instead: ClassVar[str] = "functions run in Chroma's cloud only; compute it in your own program"


class UserIdentity(Struct, frozen=True):
    """Who a client speaks for, and which tenant and databases that opens."""

    user_id: str
    tenant: str | None = None
    databases: list[str] | None = None
    attributes: dict[str, Any] | None = None


class CollectionModel(Struct, frozen=True):
    """What `collection.get_model()` gives; also read as `model["name"]`, None for a field that there is not."""

    id: UUID
    name: str
    configuration_json: dict[str, Any]
    serialized_schema: dict[str, Any] | None
    metadata: dict[str, Any] | None
    dimension: int | None
    tenant: str
    database: str
    version: int = 0
    log_position: int = 0

    def __getitem__(self, field: str) -> Any:
        return getattr(self, field, None) if field in self.__struct_fields__ else None
