"""The peers, one file each.

A file has one class `Peer`: what it needs, how it is opened, and a collection with the part of Chroma's surface that
the questions use. A peer with another surface brings an adapter for that much in the same file, and its name goes into
`OTHERS`. Nothing heavy is imported at the top of the file, because the runner reads it too, and because the import
itself is measured.
"""

from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from bench.data import Floats

EVERYTHING = frozenset(("load", "open", "query", "fetch", "busy", "change", "cold"))

OURS = "ochre"
OTHERS = ("chroma", "lance", "zvec", "qdrant_edge", "sqlite_vec", "milvus", "faiss_ivf")
USUAL = ("chroma",)


class Collection(Protocol):
    """What the questions use of Chroma's collection; writes take ids, embeddings, documents and metadatas."""

    def add(self, **columns: Any) -> Any:
        """Add records; durable when it returns."""
        ...

    def upsert(self, **columns: Any) -> Any:
        """Add or replace records."""
        ...

    def update(self, **columns: Any) -> Any:
        """Change the columns that are given."""
        ...

    def delete(self, *, ids: list[str]) -> Any:
        """Remove records."""
        ...

    def count(self) -> int:
        """Count the records."""
        ...

    def get(
        self,
        *,
        ids: list[str] | None = None,
        where: dict[str, Any] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] = ...,
    ) -> dict[str, Any]:
        """Give records as columns; documents and metadatas if nothing else is asked for."""
        ...

    def query(
        self,
        *,
        query_embeddings: "Floats",
        n_results: int,
        where: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Give the nearest records of each query, with documents, metadatas and distances."""
        ...


class Peer(Protocol):
    """A database that keeps its data in a directory.

    `module` is the module to import, `distribution` the name that pip knows it by; `needs` is what pip installs:
    nothing for ours, which is in the interpreter that runs the benchmark. `questions` are those that the peer can
    answer, and `contains` says whether its filters look for a text within documents.
    """

    module: ClassVar[str]
    distribution: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    questions: ClassVar[frozenset[str]]
    contains: ClassVar[bool]

    def __init__(self, path: str) -> None:
        """Open a directory."""
        ...

    def create(self) -> Collection:
        """Make the collection, of cosine space and durable, and give it."""
        ...

    def collection(self) -> Collection:
        """Give the collection that was made."""
        ...

    def settle(self) -> None:
        """Wait until everything that was acknowledged is indexed."""
        ...

    def close(self) -> None:
        """Give every file back."""
        ...
