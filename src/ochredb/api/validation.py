"""Chroma's `validate_*` functions: each gives what it was given, or refuses it as the verb that takes it would."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ochredb.chroma import attributes, check, matrix
from ochredb.chroma.types import IDs, Include, Metadata, Metadatas, Where, WhereDocument
from ochredb.core.errors import BadValue
from ochredb.core.where import parse, parse_document
from ochredb.embed.protocol import (
    Documents,
    EmbeddingFunction,
    Embeddings,
    Images,
    SparseEmbeddingFunction,
    SparseVectors,
    check_signature,
    check_sparse_vectors,
)


def validate_ids(ids: IDs) -> IDs:
    """Refuse ids that no record can have, and an id that comes twice."""
    if not isinstance(ids, list):
        raise BadValue(f"Expected IDs to be a list, got {type(ids).__name__} as IDs")
    check.record_ids(ids)
    return ids


def validate_metadata(metadata: Metadata) -> Metadata:
    """Refuse metadata that no record can have; None is none."""
    if not isinstance(metadata, dict | None):
        raise BadValue(f"Expected metadata to be a dict or None, got {type(metadata).__name__} as metadata")
    attributes.record_metadatas([metadata])
    return metadata


def validate_update_metadata(metadata: Metadata) -> Metadata:
    """Refuse metadata that cannot change a record's; a value of None removes its key."""
    return validate_metadata(metadata)


def validate_metadatas(metadatas: Metadatas) -> Metadatas:
    """Refuse a list in which something is not a record's metadata."""
    if not isinstance(metadatas, list):
        raise BadValue(f"Expected metadatas to be a list, got {metadatas!r}")
    for metadata in metadatas:
        validate_metadata(metadata)
    return metadatas


def validate_where(where: Where) -> None:
    """Raise ValueError, naming the path, for a filter that means nothing."""
    parse(where)


def validate_where_document(where_document: WhereDocument) -> None:
    """Raise ValueError, naming the path, for a document filter that means nothing."""
    parse_document(where_document)


def validate_include(include: Include, dissalowed: Include | None = None) -> None:
    """Refuse a list of fields with one that there is not, or that is disallowed."""
    check.include(include, distances=True)
    for field in include:
        if field in (dissalowed or ()):
            raise BadValue(f"Include item cannot be one of {', '.join(dissalowed or ())}, got {field}")


def validate_n_results(n_results: int) -> int:
    """Refuse a number of results that is less than one."""
    return check.count_wanted(n_results)


def validate_embeddings(embeddings: Embeddings) -> Embeddings:
    """Refuse a list of arrays, or an array (n, dimension), that has no rows or something other than numbers."""
    if isinstance(embeddings, list) and not all(isinstance(row, np.ndarray) for row in embeddings):
        kinds = sorted({type(row).__name__ for row in embeddings})
        raise BadValue(f"Expected each embedding in the embeddings to be a numpy array, got {kinds}")
    matrix.embeddings(embeddings)
    return embeddings


def validate_documents(documents: Documents, nullable: bool = False) -> None:
    """Refuse a list in which something is not a text; with `nullable` it may be None."""
    if not isinstance(documents, list):
        raise BadValue(f"Expected documents to be a list, got {type(documents).__name__}")
    check.documents(documents, optional=nullable)


def validate_images(images: Images) -> None:
    """Refuse a list in which something is not an array."""
    if not isinstance(images, list):
        raise BadValue(f"Expected images to be a list, got {type(images).__name__}")
    check.images(images)


def validate_batch(batch: Sequence[Any], limits: dict[str, Any]) -> None:
    """Refuse a batch, ids first, with more records than `limits["max_batch_size"]`."""
    if len(batch[0]) > limits["max_batch_size"]:
        raise BadValue(f"Batch size {len(batch[0])} exceeds maximum batch size {limits['max_batch_size']}")


def validate_sparse_vectors(vectors: SparseVectors) -> SparseVectors:
    """Refuse what is not a list of sparse vectors."""
    return check_sparse_vectors(vectors)


def validate_embedding_function(embedding_function: EmbeddingFunction[Any]) -> None:
    """Refuse what cannot be called as an embedding function."""
    check_signature(embedding_function)


def validate_sparse_embedding_function(sparse_vector_function: SparseEmbeddingFunction[Any]) -> None:
    """Refuse what cannot be called as a function that gives sparse vectors."""
    check_signature(sparse_vector_function)


def validate_base_record_set(record_set: dict[str, Any]) -> None:
    """Refuse columns of records (a list or None by field) that are all absent, differ in length, or hold what none may.

    Raises:
        ValueError: The text names the fields.
    """
    _same_length(record_set)
    validators: dict[str, Callable[[Any], object]] = {
        "embeddings": validate_embeddings,
        "metadatas": validate_metadatas,
        "documents": lambda documents: validate_documents(documents, nullable=record_set.get("embeddings") is not None),
        "images": validate_images,
    }
    for field, validate in validators.items():
        if record_set.get(field) is not None:
            validate(record_set[field])


def validate_insert_record_set(record_set: dict[str, Any]) -> None:
    """Refuse columns of new records as `validate_base_record_set` does, and ids that no record can have."""
    _same_length(record_set)
    validate_ids(record_set["ids"])
    validate_base_record_set(record_set)


def validate_filter_set(filter_set: dict[str, Any]) -> None:
    """Refuse a `where` or a `where_document` that means nothing; None is no filter."""
    if filter_set["where"] is not None:
        validate_where(filter_set["where"])
    if filter_set["where_document"] is not None:
        validate_where_document(filter_set["where_document"])


def validate_record_set_contains_any(record_set: dict[str, Any], contains_any: set[str]) -> None:
    """Refuse columns of which none of these is given."""
    if not _given(record_set, contains_any):
        raise BadValue(f"At least one of {', '.join(sorted(contains_any))} must be provided")


def validate_record_set_contains_one(record_set: dict[str, Any], contains_one: set[str]) -> None:
    """Refuse columns of which not exactly one of these is given."""
    if len(_given(record_set, contains_one)) != 1:
        raise BadValue(f"Exactly one of {', '.join(sorted(contains_one))} must be provided")


def validate_record_set_for_embedding(record_set: dict[str, Any], embeddable_fields: set[str] | None = None) -> None:
    """Refuse columns that have embeddings already, or not exactly one field that can be embedded."""
    if record_set.get("embeddings") is not None:
        raise BadValue("Attempting to embed a record that already has embeddings.")
    validate_record_set_contains_one(record_set, embeddable_fields or {"documents", "images", "uris"})


def _same_length(record_set: dict[str, Any]) -> None:
    lengths = {field: len(column) for field, column in record_set.items() if column is not None}
    if not lengths:
        raise BadValue(f"At least one of one of {', '.join(record_set)} must be provided")
    if len(set(lengths.values())) > 1:
        raise BadValue(f"Unequal lengths for fields: {', '.join(f'{field}: {n}' for field, n in lengths.items())}")


def _given(record_set: dict[str, Any], fields: set[str]) -> list[str]:
    for field in sorted(fields):
        if field not in record_set:
            raise BadValue(f"Invalid field in contains: {field}, available fields: {', '.join(record_set)}")
    return [field for field in fields if record_set[field] is not None]
