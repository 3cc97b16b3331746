"""Chroma's names for what goes into a client and comes out of it."""

from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from ochredb.chroma.shape import GetResult, QueryResult
from ochredb.core.model import Space
from ochredb.core.where import parse, parse_document
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
)
from ochredb.embed.protocol import check_signature as validate_embedding_function

__all__ = [
    "ID",
    "URI",
    "CollectionMetadata",
    "DataLoader",
    "DefaultEmbeddingFunction",
    "Document",
    "Documents",
    "Embeddable",
    "Embedding",
    "EmbeddingFunction",
    "Embeddings",
    "GetResult",
    "IDs",
    "Image",
    "Images",
    "Include",
    "Loadable",
    "Metadata",
    "Metadatas",
    "OneOrMany",
    "PyEmbedding",
    "PyEmbeddings",
    "QueryResult",
    "Space",
    "URIs",
    "UpdateCollectionMetadata",
    "UpdateMetadata",
    "Where",
    "WhereDocument",
    "validate_embedding_function",
    "validate_where",
    "validate_where_document",
]

T = TypeVar("T")
OneOrMany: TypeAlias = T | list[T]

ID: TypeAlias = str
IDs: TypeAlias = list[ID]
URI: TypeAlias = str
URIs: TypeAlias = list[URI]
PyEmbedding: TypeAlias = list[float] | list[int]
PyEmbeddings: TypeAlias = list[PyEmbedding]

Metadata: TypeAlias = dict[str, Any]
Metadatas: TypeAlias = list[Metadata]
UpdateMetadata: TypeAlias = dict[str, Any]
CollectionMetadata: TypeAlias = dict[str, Any]
UpdateCollectionMetadata: TypeAlias = dict[str, Any]

Where: TypeAlias = dict[str, Any]
WhereDocument: TypeAlias = dict[str, Any]
Include: TypeAlias = list[Literal["documents", "embeddings", "metadatas", "distances", "uris", "data"]]

Loadable: TypeAlias = list[Image | None]
L = TypeVar("L", bound=Loadable, covariant=True)


class DataLoader(Protocol[L]):
    """Something that fetches what records' URIs point at."""

    def __call__(self, uris: list[URI | None]) -> L:
        """Give one item for each URI, None for none."""
        ...


def validate_where(where: Where) -> None:
    """Raise ValueError, naming the path, for a filter that means nothing."""
    parse(where)


def validate_where_document(where_document: WhereDocument) -> None:
    """Raise ValueError, naming the path, for a document filter that means nothing."""
    parse_document(where_document)
