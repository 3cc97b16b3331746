"""chromadb, as its users run it: an HNSW index with the default settings, kept up by every add."""

from importlib import import_module
from typing import Any, ClassVar

from bench.peers import EVERYTHING, Collection

NAME = "passages"


class Peer:
    """A persistent client of a module that speaks Chroma's API."""

    module: ClassVar[str] = "chromadb"
    distribution: ClassVar[str] = "chromadb"
    needs: ClassVar[tuple[str, ...]] = ("chromadb==1.5.9",)
    questions: ClassVar[frozenset[str]] = EVERYTHING
    contains: ClassVar[bool] = True

    def __init__(self, path: str) -> None:
        self.client: Any = import_module(self.module).PersistentClient(path=path)

    def create(self) -> Collection:
        """Make the collection; its embeddings are given, so it has no embedding function."""
        configuration = {"hnsw": {"space": "cosine"}}
        made: Collection = self.client.create_collection(NAME, configuration=configuration, embedding_function=None)
        return made

    def collection(self) -> Collection:
        """Give the collection that was made."""
        found: Collection = self.client.get_collection(NAME, embedding_function=None)
        return found

    def settle(self) -> None:
        """Return at once: an add returns when its rows are indexed."""

    def close(self) -> None:
        """Give every file back."""
        self.client.close()
