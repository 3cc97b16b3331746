"""zvec: a typed collection with an HNSW graph that is made by `optimize`; one query a call."""

from pathlib import Path
from typing import Any, ClassVar

from bench.peers import EVERYTHING
from bench.peers.terms import sql

TEXTS = ("document", "source", "path", "status")
NUMBERS = ("chunk", "year")
FIELDS = [*TEXTS, *NUMBERS]
MOST = 1024  # documents that a call without a vector gives


class Peer:
    """A collection whose metadata is indexed."""

    module: ClassVar[str] = "zvec"
    distribution: ClassVar[str] = "zvec"
    needs: ClassVar[tuple[str, ...]] = ("zvec==0.8.0", "numpy")
    questions: ClassVar[frozenset[str]] = EVERYTHING
    contains: ClassVar[bool] = True

    def __init__(self, path: str) -> None:
        import zvec

        self.path = str(Path(path) / "passages")
        self.made: Any = zvec.open(self.path) if Path(self.path).exists() else None

    def create(self) -> "Collection":
        """Make the collection."""
        import zvec

        index = zvec.InvertIndexParam()
        fields = [
            zvec.FieldSchema(name, zvec.DataType.STRING, index_param=None if name in ("document", "path") else index)
            for name in TEXTS
        ] + [zvec.FieldSchema(name, zvec.DataType.INT64, index_param=index) for name in NUMBERS]
        graph = zvec.HnswIndexParam(metric_type=zvec.MetricType.COSINE)
        vector = zvec.VectorSchema("vector", zvec.DataType.VECTOR_FP32, 384, index_param=graph)
        self.made = zvec.create_and_open(self.path, zvec.CollectionSchema("passages", fields, vector))
        return Collection(self.made)

    def collection(self) -> "Collection":
        """Give the collection that was made."""
        return Collection(self.made)

    def settle(self) -> None:
        """Make the graph."""
        self.made.optimize()

    def close(self) -> None:
        """Give every file back."""
        self.made.flush()
        self.made.close()


class Collection:
    """Chroma's calls as zvec's."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def add(self, **columns: Any) -> None:
        """Insert documents, and make them durable."""
        self.made.insert(_documents(**columns))
        self.made.flush()

    def upsert(self, **columns: Any) -> None:
        """Insert or replace documents."""
        self.made.upsert(_documents(**columns))
        self.made.flush()

    def update(self, *, ids: list[str], metadatas: list[dict[str, Any]]) -> None:
        """Change the status, the one field of the change that the schema has."""
        import zvec

        changed = zip(ids, metadatas, strict=True)
        self.made.update([zvec.Doc(id_, fields={"status": fields["status"]}) for id_, fields in changed])
        self.made.flush()

    def delete(self, *, ids: list[str]) -> None:
        """Remove documents."""
        self.made.delete(ids)
        self.made.flush()

    def count(self) -> int:
        """Count the documents."""
        count: int = self.made.stats.doc_count
        return count

    def get(
        self,
        *,
        ids: list[str] | None = None,
        where: dict[str, Any] | None = None,
        limit: int | None = None,
        offset: int | None = None,
        include: list[str] | None = None,
    ) -> dict[str, Any]:
        """Fetch by id; by filter, ask for as many as there are before the offset too."""
        vectors = "embeddings" in (include or ())
        if ids:
            found = list(self.made.fetch(ids, output_fields=FIELDS, include_vector=vectors).values())
        elif where:
            most = (limit or MOST) + (offset or 0)
            found = list(self.made.query(topk=most, filter=sql(where), output_fields=FIELDS))[offset or 0 :]
        else:
            found = list(self.made.iter_docs(output_fields=FIELDS, include_vector=vectors))
        return {"ids": [one.id for one in found], "metadatas": [one.fields for one in found]}

    def query(
        self,
        *,
        query_embeddings: Any,
        n_results: int,
        where: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask one query after the other."""
        import zvec

        chosen = f"document LIKE '%{where_document['$contains']}%'" if where_document else sql(where) or None
        depth = zvec.HnswQueryParam(ef=64)
        found = [
            self.made.query(
                zvec.Query("vector", vector=query, param=depth), topk=n_results, filter=chosen, output_fields=FIELDS
            )
            for query in query_embeddings
        ]
        return {
            "ids": [[one.id for one in part] for part in found],
            "metadatas": [[one.fields for one in part] for part in found],
        }


def _documents(*, ids: list[str], embeddings: Any, documents: list[str], metadatas: list[dict[str, Any]]) -> list[Any]:
    import zvec

    rows = zip(ids, embeddings, documents, metadatas, strict=True)
    return [
        zvec.Doc(id_, vectors={"vector": vector}, fields={"document": text, **{n: row[n] for n in FIELDS[1:]}})
        for id_, vector, text, row in rows
    ]
