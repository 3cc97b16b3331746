"""Chroma's names for what goes into a client and comes out of it."""

from typing import Any

import numpy as np

from ochredb.api.validation import (
    validate_base_record_set,
    validate_batch,
    validate_documents,
    validate_embedding_function,
    validate_embeddings,
    validate_filter_set,
    validate_ids,
    validate_images,
    validate_include,
    validate_insert_record_set,
    validate_metadata,
    validate_metadatas,
    validate_n_results,
    validate_record_set_contains_any,
    validate_record_set_contains_one,
    validate_record_set_for_embedding,
    validate_sparse_embedding_function,
    validate_sparse_vectors,
    validate_update_metadata,
    validate_where,
    validate_where_document,
)
from ochredb.base_types import SPARSE_VECTOR_TYPE_VALUE, TYPE_KEY
from ochredb.chroma.packing import optional_base64_strings_to_embeddings, optional_embeddings_to_base64_strings
from ochredb.chroma.search import SearchResult, SearchResultRow
from ochredb.chroma.shape import GetResult, QueryResult
from ochredb.chroma.types import (
    ID,
    URI,
    CollectionMetadata,
    DataLoader,
    DeleteResult,
    IDs,
    Include,
    IndexingStatus,
    LiteralValue,
    Loadable,
    LogicalOperator,
    Metadata,
    Metadatas,
    OneOrMany,
    OperatorExpression,
    PyVector,
    ReadLevel,
    SparseVectors,
    UpdateCollectionMetadata,
    UpdateMetadata,
    URIs,
    Where,
    WhereDocument,
    WhereDocumentOperator,
    WhereOperator,
)
from ochredb.chroma.types import PyVector as PyEmbedding
from ochredb.client.indexes import (
    BoolInvertedIndexConfig,
    FloatInvertedIndexConfig,
    FtsIndexConfig,
    HnswIndexConfig,
    IndexConfig,
    IntInvertedIndexConfig,
    SpannIndexConfig,
    SparseVectorIndexConfig,
    StringInvertedIndexConfig,
    VectorIndexConfig,
)
from ochredb.client.schema import Cmek, CmekProvider, Schema
from ochredb.client.value_types import (
    BoolInvertedIndexType,
    BoolValueType,
    FloatInvertedIndexType,
    FloatListValueType,
    FloatValueType,
    FtsIndexType,
    IntInvertedIndexType,
    IntValueType,
    SparseVectorIndexType,
    SparseVectorValueType,
    StringInvertedIndexType,
    StringValueType,
    ValueTypes,
    VectorIndexType,
)
from ochredb.core.model import Space, SparseVector
from ochredb.embed.minilm import DefaultEmbeddingFunction
from ochredb.embed.protocol import (
    Document,
    Documents,
    Embeddable,
    Embedding,
    EmbeddingFunction,
    Embeddings,
    Image,
    Images,
    SparseEmbeddingFunction,
)
from ochredb.embed.protocol import Embedding as Vector
from ochredb.embed.protocol import normalize_embeddings as _normalized

__all__ = [
    "BOOL_INVERTED_INDEX_NAME",
    "BOOL_VALUE_NAME",
    "DOCUMENT_KEY",
    "EMBEDDING_KEY",
    "FLOAT_INVERTED_INDEX_NAME",
    "FLOAT_LIST_VALUE_NAME",
    "FLOAT_VALUE_NAME",
    "FTS_INDEX_NAME",
    "HNSW_INDEX_NAME",
    "ID",
    "INT_INVERTED_INDEX_NAME",
    "INT_VALUE_NAME",
    "SPANN_INDEX_NAME",
    "SPARSE_VECTOR_INDEX_NAME",
    "SPARSE_VECTOR_TYPE_VALUE",
    "SPARSE_VECTOR_VALUE_NAME",
    "STRING_INVERTED_INDEX_NAME",
    "STRING_VALUE_NAME",
    "TYPE_KEY",
    "URI",
    "VECTOR_INDEX_NAME",
    "BoolInvertedIndexConfig",
    "BoolInvertedIndexType",
    "BoolValueType",
    "Cmek",
    "CmekProvider",
    "CollectionMetadata",
    "DataLoader",
    "DefaultEmbeddingFunction",
    "DeleteResult",
    "Document",
    "Documents",
    "Embeddable",
    "Embedding",
    "EmbeddingFunction",
    "Embeddings",
    "FloatInvertedIndexConfig",
    "FloatInvertedIndexType",
    "FloatListValueType",
    "FloatValueType",
    "FtsIndexConfig",
    "FtsIndexType",
    "GetResult",
    "HnswIndexConfig",
    "IDs",
    "Image",
    "ImageDType",
    "Images",
    "Include",
    "IncludeMetadataDocuments",
    "IncludeMetadataDocumentsDistances",
    "IncludeMetadataDocumentsEmbeddings",
    "IncludeMetadataDocumentsEmbeddingsDistances",
    "IndexConfig",
    "IndexingStatus",
    "IntInvertedIndexConfig",
    "IntInvertedIndexType",
    "IntValueType",
    "LiteralValue",
    "Loadable",
    "LogicalOperator",
    "Metadata",
    "Metadatas",
    "OneOrMany",
    "OperatorExpression",
    "PyEmbedding",
    "PyEmbeddings",
    "PyVector",
    "QueryResult",
    "ReadLevel",
    "Schema",
    "SearchResult",
    "SearchResultRow",
    "Space",
    "SpannIndexConfig",
    "SparseEmbeddingFunction",
    "SparseVector",
    "SparseVectorIndexConfig",
    "SparseVectorIndexType",
    "SparseVectorValueType",
    "SparseVectors",
    "StringInvertedIndexConfig",
    "StringInvertedIndexType",
    "StringValueType",
    "URIs",
    "UpdateCollectionMetadata",
    "UpdateMetadata",
    "ValueTypes",
    "Vector",
    "VectorIndexConfig",
    "VectorIndexType",
    "Where",
    "WhereDocument",
    "WhereDocumentOperator",
    "WhereOperator",
    "maybe_cast_one_to_many",
    "normalize_embeddings",
    "optional_base64_strings_to_embeddings",
    "optional_embeddings_to_base64_strings",
    "validate_base_record_set",
    "validate_batch",
    "validate_documents",
    "validate_embedding_function",
    "validate_embeddings",
    "validate_filter_set",
    "validate_ids",
    "validate_images",
    "validate_include",
    "validate_insert_record_set",
    "validate_metadata",
    "validate_metadatas",
    "validate_n_results",
    "validate_record_set_contains_any",
    "validate_record_set_contains_one",
    "validate_record_set_for_embedding",
    "validate_sparse_embedding_function",
    "validate_sparse_vectors",
    "validate_update_metadata",
    "validate_where",
    "validate_where_document",
]

PyEmbeddings = list[PyEmbedding]
ImageDType = np.uint64 | np.int64 | np.float64

DOCUMENT_KEY = "#document"
EMBEDDING_KEY = "#embedding"

STRING_VALUE_NAME = "string"
INT_VALUE_NAME = "int"
BOOL_VALUE_NAME = "bool"
FLOAT_VALUE_NAME = "float"
FLOAT_LIST_VALUE_NAME = "float_list"
SPARSE_VECTOR_VALUE_NAME = "sparse_vector"

FTS_INDEX_NAME = "fts_index"
VECTOR_INDEX_NAME = "vector_index"
SPARSE_VECTOR_INDEX_NAME = "sparse_vector_index"
STRING_INVERTED_INDEX_NAME = "string_inverted_index"
INT_INVERTED_INDEX_NAME = "int_inverted_index"
FLOAT_INVERTED_INDEX_NAME = "float_inverted_index"
BOOL_INVERTED_INDEX_NAME = "bool_inverted_index"
HNSW_INDEX_NAME = "hnsw_index"
SPANN_INDEX_NAME = "spann_index"

IncludeMetadataDocuments: Include = ["metadatas", "documents"]
IncludeMetadataDocumentsDistances: Include = ["metadatas", "documents", "distances"]
IncludeMetadataDocumentsEmbeddings: Include = ["metadatas", "documents", "embeddings"]
IncludeMetadataDocumentsEmbeddingsDistances: Include = ["metadatas", "documents", "embeddings", "distances"]


def maybe_cast_one_to_many(target: Any) -> Any:
    """Give a list as it is, None as it is, and anything else as a list of one."""
    return target if target is None or isinstance(target, list) else [target]


def normalize_embeddings(target: Any) -> Embeddings | None:
    """Give one vector or many as a list of float32 arrays, None as it is."""
    return None if target is None else _normalized(target)
