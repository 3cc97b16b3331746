"""Raw FAISS, the bound: the same lists of codes, vectors re-ranked in memory, and no record, filter or durability."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from bench.data import name

LISTS_OF, PROBES, CANDIDATES = 256, 64, 50


class Peer:
    """An index in a file, and the vectors beside it."""

    module: ClassVar[str] = "faiss"
    distribution: ClassVar[str] = "faiss-cpu"
    needs: ClassVar[tuple[str, ...]] = ("faiss-cpu==1.15.1", "numpy==2.4.6")
    questions: ClassVar[frozenset[str]] = frozenset(("load", "bound", "depth"))
    contains: ClassVar[bool] = False

    def __init__(self, path: str) -> None:
        self.path = Path(path)
        self.index: Any = None
        self.rows: list[Any] = []

    def create(self) -> "Peer":
        """Begin with nothing."""
        return self

    def collection(self) -> "Peer":
        """Read what was written."""
        import faiss

        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(str(self.path / "index"))
        self.index.nprobe = min(PROBES, self.index.nlist)  # with more than there are, FAISS finds nonsense
        self.rows = [np.load(self.path / "rows.npy")]
        return self

    def add(self, *, embeddings: Any, **_: Any) -> None:
        """Keep vectors."""
        self.rows.append(embeddings)

    def settle(self) -> None:
        """Train, add and write."""
        import faiss

        rows = np.concatenate(self.rows)
        lists = max(len(rows) // LISTS_OF, 16)
        self.index = faiss.index_factory(rows.shape[1], f"IVF{lists},PQ192x4fs", faiss.METRIC_INNER_PRODUCT)
        self.index.by_residual = True
        self.index.train(rows[: lists * 128])
        self.index.add(rows)
        faiss.write_index(self.index, str(self.path / "index"))
        np.save(self.path / "rows.npy", rows)
        self.collection()

    def query(self, *, query_embeddings: Any, n_results: int) -> dict[str, Any]:
        """Search, and re-rank by the vectors."""
        _, found = self.index.search(query_embeddings, max(CANDIDATES, 20 + 3 * n_results))
        rows = self.rows[0]
        ids = []
        for query, slots in zip(query_embeddings, found, strict=True):
            order = np.argsort(-(rows[slots] @ query))[:n_results]
            ids.append([name(slot) for slot in slots[order]])
        return {"ids": ids}

    def close(self) -> None:
        """Nothing is held open."""
