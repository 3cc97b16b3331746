"""ochredb: the same calls as chromadb, and an index that is built in the background."""

from typing import ClassVar

from bench.peers import chroma


class Peer(chroma.Peer):
    """A persistent client, opened as Chroma's is."""

    module: ClassVar[str] = "ochredb"
    needs: ClassVar[tuple[str, ...]] = ()

    def settle(self) -> None:
        """Wait for the index."""
        engine = getattr(self.client, "_engine", None)
        if engine is not None:
            engine.settle()
