"""LanceDB: columnar files, and an HNSW index over scalar-quantised vectors that is made once all rows are there."""

from typing import Any, ClassVar

from bench.peers import EVERYTHING
from bench.peers.terms import sql

FIELDS = ("source", "path", "chunk", "year", "status")
COLUMNS = ["id", "document", *FIELDS]
TABLE = "passages"


class Peer:
    """A table with an index on the vectors and one on the ids."""

    module: ClassVar[str] = "lancedb"
    distribution: ClassVar[str] = "lancedb"
    needs: ClassVar[tuple[str, ...]] = ("lancedb==0.40.0", "numpy==2.4.6")
    questions: ClassVar[frozenset[str]] = EVERYTHING
    contains: ClassVar[bool] = True

    def __init__(self, path: str) -> None:
        import lancedb

        self.db: Any = lancedb.connect(path)

    def create(self) -> "Collection":
        """Make the table."""
        import pyarrow as pa

        numbers = {"chunk", "year"}
        fields = [pa.field(name, pa.int64() if name in numbers else pa.string()) for name in COLUMNS]
        schema = pa.schema([*fields, pa.field("vector", pa.list_(pa.float32(), 384))])
        return Collection(self.db.create_table(TABLE, schema=schema))

    def collection(self) -> "Collection":
        """Give the table that was made."""
        return Collection(self.db.open_table(TABLE))

    def settle(self) -> None:
        """Index what is there; later rows are scanned until this is called again."""
        table = self.db.open_table(TABLE)
        if table.list_indices():
            table.optimize()
            return
        table.create_index(metric="cosine", index_type="IVF_HNSW_SQ", num_partitions=1)
        table.create_scalar_index("id")

    def close(self) -> None:
        """Nothing is held open."""


class Collection:
    """Chroma's calls as LanceDB's."""

    def __init__(self, table: Any) -> None:
        self.table = table

    def add(self, **columns: Any) -> None:
        """Append rows."""
        self.table.add(_arrow(**columns))

    def upsert(self, **columns: Any) -> None:
        """Merge rows by id."""
        merge = self.table.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
        merge.execute(_arrow(**columns))

    def update(self, *, ids: list[str], metadatas: list[dict[str, Any]]) -> None:
        """Change the status, the one field of the change that there is a column for."""
        import pyarrow as pa

        changed = pa.table({"id": ids, "status": [fields["status"] for fields in metadatas]})
        self.table.merge_insert("id").when_matched_update_all().execute(changed)

    def delete(self, *, ids: list[str]) -> None:
        """Remove rows."""
        self.table.delete(_among(ids))

    def count(self) -> int:
        """Count the rows."""
        count: int = self.table.count_rows()
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
        """Read rows."""
        columns = [*COLUMNS, "vector"] if "embeddings" in (include or ()) else COLUMNS
        query = self.table.search().select(columns).limit(self.count() if limit is None else limit)
        if ids or where:
            query = query.where(_among(ids) if ids else sql(where))
        return _columns(query.offset(offset or 0).to_arrow())

    def query(
        self,
        *,
        query_embeddings: Any,
        n_results: int,
        where: dict[str, Any] | None = None,
        where_document: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Ask all queries in one call."""
        chosen = f"contains(document, {where_document['$contains']!r})" if where_document else sql(where)
        asked = query_embeddings if len(query_embeddings) > 1 else query_embeddings[0]
        search = self.table.search(asked).distance_type("cosine").ef(60).refine_factor(2).limit(n_results)
        if chosen:
            search = search.where(chosen, prefilter=True)
        columns = [*COLUMNS, "_distance"] + (["query_index"] if len(query_embeddings) > 1 else [])
        found = search.select(columns).to_arrow() if len(query_embeddings) == 1 else search.to_arrow()
        rows = _columns(found)["ids"]
        of = found["query_index"].to_pylist() if "query_index" in found.column_names else [0] * len(rows)
        ids: list[list[str]] = [[] for _ in query_embeddings]
        for query, id_ in zip(of, rows, strict=True):
            ids[query].append(id_)
        return {"ids": ids}


def _arrow(*, ids: list[str], embeddings: Any, documents: list[str], metadatas: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    vectors = pa.FixedSizeListArray.from_arrays(pa.array(embeddings.ravel()), embeddings.shape[1])
    fields = {name: [row[name] for row in metadatas] for name in FIELDS}
    return pa.table({"id": ids, "document": documents, **fields, "vector": vectors})


def _among(ids: list[str]) -> str:
    return f"id IN ({', '.join(map(repr, ids))})"


def _columns(table: Any) -> dict[str, Any]:
    rows = table.select([name for name in COLUMNS if name in table.column_names]).to_pylist()
    return {"ids": [row.pop("id") for row in rows], "documents": [row.pop("document") for row in rows], "rows": rows}
