"""Milvus Lite: Milvus's client over a database in a file; an HNSW index, made once all rows are there."""

from pathlib import Path
from typing import Any, ClassVar

from bench.peers import EVERYTHING
from bench.peers.terms import sql

NAME = "passages"
FIELDS = ("id", "document", "source", "path", "chunk", "year", "status")
PAGE = 10_000


class Peer:
    """A client of a file."""

    module: ClassVar[str] = "pymilvus"
    distribution: ClassVar[str] = "milvus-lite"
    needs: ClassVar[tuple[str, ...]] = ("pymilvus", "milvus-lite==3.2.2", "numpy")
    questions: ClassVar[frozenset[str]] = EVERYTHING - {"busy"}  # of 5,000 rows it was not done after minutes
    contains: ClassVar[bool] = True

    def __init__(self, path: str) -> None:
        from pymilvus import MilvusClient

        Path(path).mkdir(exist_ok=True)
        self.client: Any = MilvusClient(str(Path(path) / "milvus.db"))

    def create(self) -> "Collection":
        """Make the collection."""
        from pymilvus import DataType

        schema = self.client.create_schema(auto_id=False)
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=384)
        schema.add_field("document", DataType.VARCHAR, max_length=65_535)
        for field in ("source", "path", "status"):
            schema.add_field(field, DataType.VARCHAR, max_length=512)
        for field in ("chunk", "year"):
            schema.add_field(field, DataType.INT64)
        self.client.create_collection(NAME, schema=schema)
        return Collection(self.client)

    def collection(self) -> "Collection":
        """Give the collection that was made."""
        self.client.load_collection(NAME)
        return Collection(self.client)

    def settle(self) -> None:
        """Make the index, if it is not there."""
        if not self.client.list_indexes(NAME):
            parameters = self.client.prepare_index_params()
            parameters.add_index("vector", index_type="HNSW", metric_type="COSINE", params={"M": 16})
            self.client.create_index(NAME, parameters)
        self.client.load_collection(NAME)

    def close(self) -> None:
        """Give every file back."""
        self.client.close()


class Collection:
    """Chroma's calls as Milvus's."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def add(self, **columns: Any) -> None:
        """Insert rows."""
        self.client.insert(NAME, _rows(**columns))

    def upsert(self, **columns: Any) -> None:
        """Insert or replace rows."""
        self.client.upsert(NAME, _rows(**columns))

    def update(self, *, ids: list[str], metadatas: list[dict[str, Any]]) -> None:
        """Change the status, the one field of the change that the schema has."""
        changed = [{"id": id_, "status": fields["status"]} for id_, fields in zip(ids, metadatas, strict=True)]
        self.client.upsert(NAME, changed, partial_update=True)

    def delete(self, *, ids: list[str]) -> None:
        """Remove rows."""
        self.client.delete(NAME, ids=ids)

    def count(self) -> int:
        """Count the rows."""
        count: int = self.client.query(NAME, output_fields=["count(*)"])[0]["count(*)"]
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
        """Query rows."""
        fields = [*FIELDS, "vector"] if "embeddings" in (include or ()) else list(FIELDS)
        if ids:
            found = self.client.get(NAME, ids=ids, output_fields=fields)
        else:
            most = self.count() if limit is None else limit
            chosen = sql(where, "==", " and ")
            found = self.client.query(NAME, filter=chosen, limit=most, offset=offset or 0, output_fields=fields)
        return {"ids": [row["id"] for row in found], "metadatas": found}

    def query(
        self,
        *,
        query_embeddings: Any,
        n_results: int,
        where: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask all queries in one call."""
        chosen = f'document like "%{where_document["$contains"]}%"' if where_document else sql(where, "==", " and ")
        found = self.client.search(
            NAME,
            data=query_embeddings.tolist(),
            limit=n_results,
            filter=chosen,
            output_fields=list(FIELDS),
            search_params={"params": {"ef": 64}},
        )
        return {
            "ids": [[hit["id"] for hit in part] for part in found],
            "metadatas": [[hit["entity"] for hit in part] for part in found],
        }


def _rows(*, ids: list[str], embeddings: Any, documents: list[str], metadatas: list[dict[str, Any]]) -> list[Any]:
    rows = zip(ids, embeddings, documents, metadatas, strict=True)
    return [{"id": id_, "vector": vector, "document": text, **row} for id_, vector, text, row in rows]
