"""Chroma's way of cutting a large write to a server's limit."""

from typing import Any, Protocol, TypeAlias, TypeVar

T = TypeVar("T")
Batch: TypeAlias = tuple[list[str], list[Any] | None, list[Any] | None, list[Any] | None]
"""The arguments of `collection.add(*batch)`: ids, embeddings, metadatas, documents."""


class Limited(Protocol):
    """A client, as far as it matters here."""

    def get_max_batch_size(self) -> int:
        """Give how many records one call may hold."""
        ...


def create_batches(
    api: Limited,
    ids: list[str],
    embeddings: list[Any] | None = None,
    metadatas: list[Any] | None = None,
    documents: list[Any] | None = None,
) -> list[Batch]:
    """Cut columns into batches that one call may hold, in order; no ids make one empty batch."""
    size = api.get_max_batch_size()
    return [
        (ids[at : at + size], _cut(embeddings, at, size), _cut(metadatas, at, size), _cut(documents, at, size))
        for at in range(0, max(len(ids), 1), size)
    ]


def _cut(column: list[T] | None, at: int, size: int) -> list[T] | None:
    return None if column is None else column[at : at + size]
