"""Chroma's home for the types of metadata and filters."""

from ochredb.chroma.types import (
    ArrayContainsOperator,
    InclusionExclusionOperator,
    LiteralValue,
    LogicalOperator,
    Metadata,
    MetadataListValue,
    OperatorExpression,
    PyVector,
    UpdateMetadata,
    Where,
    WhereDocument,
    WhereDocumentOperator,
    WhereOperator,
)
from ochredb.core.model import SparseVector
from ochredb.embed.protocol import Embedding as Vector

__all__ = [
    "SPARSE_VECTOR_TYPE_VALUE",
    "TYPE_KEY",
    "ArrayContainsOperator",
    "InclusionExclusionOperator",
    "LiteralValue",
    "LogicalOperator",
    "Metadata",
    "MetadataListValue",
    "OperatorExpression",
    "PyVector",
    "SparseVector",
    "UpdateMetadata",
    "Vector",
    "Where",
    "WhereDocument",
    "WhereDocumentOperator",
    "WhereOperator",
]

TYPE_KEY = "#type"
SPARSE_VECTOR_TYPE_VALUE = "sparse_vector"
