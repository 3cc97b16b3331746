"""Chroma's home for what its clients and servers say to each other."""  # the module is called as in Chroma

from ochredb.chroma.types import (
    ArrayContainsOperator,
    CollectionConfiguration,
    Database,
    InclusionExclusionOperator,
    LiteralValue,
    LogicalOperator,
    Metadata,
    OperatorExpression,
    PyVector,
    Tenant,
    UpdateMetadata,
    Where,
    WhereDocument,
    WhereDocumentOperator,
    WhereOperator,
)
from ochredb.chroma.types import CollectionModel as Collection
from ochredb.embed.protocol import Embedding as Vector

__all__ = [
    "ArrayContainsOperator",
    "Collection",
    "CollectionConfiguration",
    "Database",
    "InclusionExclusionOperator",
    "LiteralValue",
    "LogicalOperator",
    "Metadata",
    "OperatorExpression",
    "PyVector",
    "Tenant",
    "UpdateMetadata",
    "Vector",
    "Where",
    "WhereDocument",
    "WhereDocumentOperator",
    "WhereOperator",
]
