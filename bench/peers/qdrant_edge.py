"""Qdrant Edge: a shard in the process, whose graph is made by `optimize`; ids are numbers, those of the rows."""

from pathlib import Path
from typing import Any, ClassVar

from bench.data import name
from bench.peers import EVERYTHING
from bench.peers.terms import terms


class Peer:
    """A shard whose metadata is indexed."""

    module: ClassVar[str] = "qdrant_edge"
    distribution: ClassVar[str] = "qdrant-edge-py"
    needs: ClassVar[tuple[str, ...]] = ("qdrant-edge-py==0.9.0", "numpy==2.4.6")
    questions: ClassVar[frozenset[str]] = EVERYTHING
    contains: ClassVar[bool] = True

    def __init__(self, path: str) -> None:
        import qdrant_edge

        self.path = Path(path) / "passages"
        self.made: Any = qdrant_edge.EdgeShard.load(str(self.path)) if self.path.exists() else None

    def create(self) -> "Collection":
        """Make the shard."""
        from qdrant_edge import Distance, EdgeConfig, EdgeShard, EdgeVectorParams, PayloadSchemaType, UpdateOperation

        self.path.mkdir(parents=True)
        self.made = EdgeShard.create(str(self.path), EdgeConfig(vectors=EdgeVectorParams(384, Distance.Cosine)))
        kinds = {"source": PayloadSchemaType.Keyword, "status": PayloadSchemaType.Keyword}
        kinds |= {"chunk": PayloadSchemaType.Integer, "year": PayloadSchemaType.Integer}
        for field, kind in kinds.items():
            self.made.update(UpdateOperation.create_field_index(field, kind))
        return Collection(self.made)

    def collection(self) -> "Collection":
        """Give the shard that was made."""
        return Collection(self.made)

    def settle(self) -> None:
        """Make the graph."""
        self.made.optimize()

    def close(self) -> None:
        """Give every file back."""
        self.made.flush()
        self.made.close()


class Collection:
    """Chroma's calls as the shard's."""

    def __init__(self, made: Any) -> None:
        self.made = made

    def add(self, *, ids: list[str], embeddings: Any, documents: list[str], metadatas: list[dict[str, Any]]) -> None:
        """Insert or replace points, and make them durable."""
        from qdrant_edge import Point, UpdateOperation

        rows = zip(ids, embeddings, documents, metadatas, strict=True)
        points = [Point(_number(id_), vector.tolist(), {**row, "document": text}) for id_, vector, text, row in rows]
        self.made.update(UpdateOperation.upsert_points(points))
        self.made.flush()

    upsert = add

    def update(self, *, ids: list[str], metadatas: list[dict[str, Any]]) -> None:
        """Change payloads, one point a call."""
        from qdrant_edge import UpdateOperation

        for id_, fields in zip(ids, metadatas, strict=True):
            self.made.update(UpdateOperation.set_payload([_number(id_)], fields))
        self.made.flush()

    def delete(self, *, ids: list[str]) -> None:
        """Remove points."""
        from qdrant_edge import UpdateOperation

        self.made.update(UpdateOperation.delete_points([_number(id_) for id_ in ids]))
        self.made.flush()

    def count(self) -> int:
        """Count the points."""
        from qdrant_edge import CountRequest

        count: int = self.made.count(CountRequest())
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
        """Retrieve by id, or scroll; there is no offset but a point, so those before it come too."""
        from qdrant_edge import ScrollRequest

        vectors = "embeddings" in (include or ())
        if ids:
            found = self.made.retrieve([_number(id_) for id_ in ids], with_payload=True, with_vector=vectors)
        else:
            most = self.count() if limit is None else limit + (offset or 0)
            request = ScrollRequest(limit=most, filter=_filter(where), with_payload=True, with_vector=vectors)
            found = self.made.scroll(request)[0][offset or 0 :]
        return {"ids": [name(one.id) for one in found], "metadatas": [one.payload for one in found]}

    def query(
        self,
        *,
        query_embeddings: Any,
        n_results: int,
        where: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask one query after the other."""
        from qdrant_edge import Query, QueryRequest, SearchParams

        found = [
            self.made.query(
                QueryRequest(
                    limit=n_results,
                    query=Query.Nearest(query.tolist()),
                    filter=_filter(where, where_document),
                    with_payload=True,
                    params=SearchParams(hnsw_ef=64),
                )
            )
            for query in query_embeddings
        ]
        return {
            "ids": [[name(one.id) for one in part] for part in found],
            "metadatas": [[one.payload for one in part] for part in found],
        }


def _filter(where: dict[str, Any] | None, where_document: dict[str, Any] | None = None) -> Any:
    from qdrant_edge import FieldCondition, Filter, MatchSubstring, MatchValue, RangeFloat

    must: list[Any] = []
    must_not: list[Any] = []
    for field, operator, value in terms(where):
        if operator in ("=", "!="):
            (must if operator == "=" else must_not).append(FieldCondition(field, match=MatchValue(value)))
        else:
            bound = RangeFloat(gte=value) if operator == ">=" else RangeFloat(lt=value)
            must.append(FieldCondition(field, range=bound))
    if where_document:
        must.append(FieldCondition("document", match=MatchSubstring(where_document["$contains"])))
    return Filter(must=must or None, must_not=must_not or None) if must or must_not else None


def _number(id_: str) -> int:
    return int(id_[1:])
