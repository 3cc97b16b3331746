"""ochredb: the same calls as chromadb, and an index that is built in the background."""

from typing import ClassVar

from bench.peers import EVERYTHING, chroma


class Peer(chroma.Peer):
    """A persistent client, opened as Chroma's is."""

    module: ClassVar[str] = "ochredb"
    distribution: ClassVar[str] = "ochredb"
    needs: ClassVar[tuple[str, ...]] = ()
    questions: ClassVar[frozenset[str]] = EVERYTHING | {"depth", "collections", "shapes"}

    def settle(self) -> None:
        """Wait for the index."""
        engine = getattr(self.client, "_engine", None)
        if engine is not None:
            engine.settle()
