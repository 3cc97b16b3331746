"""The calls of a backend, on Qdrant.

A row is a point whose id is the row's key. Its payload has `seq`, `head`, `document` where there is one, and what
filters look at. Its vector `embedding` is the embedding to the bit. In the space cosine, `unit` is the same of length 1
and is searched instead: Qdrant's own cosine would keep nothing but the normalised vector.
"""

# ruff: noqa: D102 - the calls are described by the protocol

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any

import numpy as np
from msgspec import Struct
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from ochredb.core.errors import InternalError, OchreError
from ochredb.core.model import Fields, Floats, Space
from ochredb.core.where import Contains, Regex, Where
from ochredb.remote.qdrant.filters import INDEXES, chosen, payload
from ochredb.remote.tables.backend import Hit, Limits, NoTable, Place, Row, Unavailable

DISTANCE = {"l2": models.Distance.EUCLID, "cosine": models.Distance.DOT, "ip": models.Distance.DOT}
RESCORED = models.QuantizationSearchParams(rescore=True, oversampling=2.0)
"""What quantised vectors find is ranked by the float32 vectors."""
ORDERED = models.WriteOrdering.MEDIUM
"""Writes of one point pass through one replica, so that all replicas end with the same."""
PAGE = 4096
ROUNDED = (1 << 10) - 1
"""Qdrant reads where a page begins as float64, which holds 53 bits of a place's 63."""
SUBSTRINGS = (1, 20)
"""The server's version since which a filter finds a text within a text; others find words, or did in part."""
AGAIN = (408, 429, 500, 502, 503, 504)
"""HTTP statuses of calls that may succeed later."""


class Made(Struct, frozen=True):
    """How the tables of a server are made and read; None is as the server is set up.

    Args:
        name: Before the names of tables, with a dot; "" is none.
        shards: Of each table.
        replicas: Of each shard.
        quantization: Of the vectors that are searched.
        on_disk: Whether they are read from disk.
        on_disk_payload: Likewise.
        consistency: How many replicas a read asks.
    """

    name: str = ""
    shards: int | None = None
    replicas: int = 1
    quantization: models.QuantizationConfig | None = None
    on_disk: bool | None = None
    on_disk_payload: bool | None = None
    consistency: models.ReadConsistency = models.ReadConsistencyType.MAJORITY


class Qdrant:
    """The calls of `Backend`, on a Qdrant server or within this process.

    Args:
        client: To it.
        made: How the server's tables are; None within this process, where there is no choice.
    """

    engine = "qdrant"
    limits = Limits(
        rows=1000,
        size=2 << 20,
        keys=1000,
        nearest=100_000,
        queries=32,
        head=None,
        text=None,
        terms=4 << 20,
        dimension=65_536,
        record=4 << 20,  # as JSON it is up to seven times that, and a server takes 32 MiB
    )

    def __init__(self, client: QdrantClient, made: Made | None) -> None:
        self._client = client
        self._here = made is None
        self._made = made or Made()
        self._reading = {"consistency": self._made.consistency}
        self._units: dict[str, bool] = {}
        # Within this process, Qdrant is not made for threads.
        self._turn: AbstractContextManager[object] = threading.Lock() if self._here else nullcontext()
        self._substrings = self._here or self._version() >= SUBSTRINGS

    def native(self, where: Where) -> bool:
        """Everything but patterns, and texts within documents from the version on that looks for them."""
        return not isinstance(where, Regex) and (self._substrings or not isinstance(where, Contains))

    def create(self, table: str, dimension: int, space: Space) -> None:
        if self.dimension(table) is None:
            self._make(table, dimension, space)
        for field in self._unindexed(table):
            self._on(table, self._client.create_payload_index, field, INDEXES[field], wait=True)

    def dimension(self, table: str) -> int | None:
        with suppress(NoTable):
            size: int = self._vectors(table)["embedding"].size
            return size
        return None

    def tables(self) -> list[str]:
        named = (found.name.rpartition(".") for found in self._call(self._client.get_collections).collections)
        return [table for name, _, table in named if name == self._made.name]

    def drop(self, table: str) -> None:
        self._units.pop(table, None)
        with suppress(NoTable):
            self._on(table, self._client.delete_collection)

    def upsert(self, table: str, rows: Sequence[Row]) -> None:
        vectors = np.array([row.embedding for row in rows], dtype=np.float32)
        columns = {"embedding": vectors.tolist()}
        if self._has_unit(table):
            columns["unit"] = _unit(vectors).tolist()
        points = models.Batch(ids=[row.key for row in rows], payloads=[_payload(row) for row in rows], vectors=columns)
        self._on(table, self._client.upsert, points, wait=True, ordering=ORDERED)

    def fetch(self, table: str, keys: Sequence[str], fields: Fields) -> list[Row]:
        if not keys:
            return []
        found = self._on(
            table,
            self._client.retrieve,
            list(keys),
            with_payload=_payload_wanted(fields),
            with_vectors=_vectors_wanted(fields),
            **self._reading,
        )
        return [_row(point) for point in found]

    def page(self, table: str, where: Where | None, after: int) -> list[Place]:
        size, begin = PAGE, max(after, 0) & ~ROUNDED
        while True:
            found = self._places(table, where, begin, size)
            places = sorted(place for place in found if place.seq > after)
            if len(found) < size:
                return places
            # Others may stand where the last one does, and the next page begins behind it.
            whole = [place for place in places if place.seq < places[-1].seq]
            if whole:
                return whole
            size *= 2

    def search(
        self,
        table: str,
        space: Space,
        queries: Floats,
        k: int,
        where: Where | None,
        keys: Sequence[str] | None,
        fields: Fields,
        effort: int,
    ) -> list[list[Hit]]:
        asked = {
            "using": _searched(space),
            "filter": chosen(where, keys),
            "params": self._params(max(effort, k)),
            "limit": k,
            "with_payload": _payload_wanted(fields),
            "with_vector": _vectors_wanted(fields),
        }
        vectors = _unit(queries) if space == "cosine" else queries
        requests = [models.QueryRequest(query=vector.tolist(), **asked) for vector in vectors]
        answers = self._on(table, self._client.query_batch_points, requests, **self._reading)
        return [[Hit(_distance(space, point.score), _row(point)) for point in answer.points] for answer in answers]

    def count(self, table: str) -> int:
        found: int = self._on(table, self._client.count, exact=True).count
        return found

    def delete(self, table: str, keys: Sequence[str]) -> None:
        if keys:
            points = models.PointIdsList(points=list(keys))
            self._on(table, self._client.delete, points, wait=True, ordering=ORDERED)

    def close(self) -> None:
        with self._turn:
            self._client.close()

    # Steps

    def _version(self) -> tuple[int, ...]:
        version: str = self._call(self._client.info).version
        return tuple(int(part) for part in version.split(".")[:2])

    def _make(self, table: str, dimension: int, space: Space) -> None:
        made = self._made
        searched = models.VectorParams(
            size=dimension, distance=DISTANCE[space], on_disk=made.on_disk, quantization_config=made.quantization
        )
        vectors = {_searched(space): searched}
        if space == "cosine":  # what is only kept needs no graph, and no memory
            kept = models.HnswConfigDiff(m=0)
            vectors["embedding"] = models.VectorParams(
                size=dimension, distance=models.Distance.DOT, on_disk=True, hnsw_config=kept
            )
        try:
            self._on(
                table,
                self._client.create_collection,
                vectors,
                shard_number=made.shards,
                replication_factor=made.replicas,
                write_consistency_factor=made.replicas // 2 + 1,
                on_disk_payload=made.on_disk_payload,
            )
        except InternalError:
            if self.dimension(table) is None:  # another server was not faster
                raise

    def _unindexed(self, table: str) -> list[str]:
        """Name the fields that need an index still; within this process, indexes would have no effect."""
        known = INDEXES if self._here else self._on(table, self._client.get_collection).payload_schema
        return [field for field in INDEXES if field not in known]

    def _vectors(self, table: str) -> Any:
        return self._on(table, self._client.get_collection).config.params.vectors

    def _has_unit(self, table: str) -> bool:
        if table not in self._units:
            self._units[table] = "unit" in self._vectors(table)
        return self._units[table]

    def _places(self, table: str, where: Where | None, begin: int, size: int) -> list[Place]:
        points, _ = self._on(
            table,
            self._client.scroll,
            chosen(where, None),
            limit=size,
            order_by=models.OrderBy(key="seq", start_from=begin),
            with_payload=["seq"],
            **self._reading,
        )
        return [Place(point.payload["seq"], point.id) for point in points]

    def _params(self, effort: int) -> Any:
        """Say how hard to search; within this process every distance is computed anyway."""
        return None if self._here else models.SearchParams(hnsw_ef=effort, quantization=RESCORED)

    def _on(self, table: str, call: Callable[..., Any], *args: Any, **given: Any) -> Any:
        """Call with the name that a table has on the server."""
        try:
            return self._call(call, f"{self._made.name}.{table}".removeprefix("."), *args, **given)
        except NoTable:
            self._units.pop(table, None)
            raise

    def _call(self, call: Callable[..., Any], *args: Any, **given: Any) -> Any:
        try:
            with self._turn:
                return call(*args, **given)
        except (ApiException, QdrantException, ValueError) as error:
            raise _told(error) from error


def _searched(space: Space) -> str:
    return "unit" if space == "cosine" else "embedding"


def _unit(vectors: Floats) -> Floats:
    """Give vectors (n, d) of length 1; those of length 0 as they are, which makes them 1 from everything."""
    wide = vectors.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide / np.where(lengths == 0, 1, lengths)).astype(np.float32)


def _distance(space: Space, score: float) -> float:
    return float(np.float32(score * score) if space == "l2" else np.float32(1) - np.float32(score))


def _payload(row: Row) -> dict[str, Any]:
    found = {"seq": row.seq, "head": row.head, **payload(row.terms)}
    return found if row.document is None else {**found, "document": row.document}


def _payload_wanted(fields: Fields) -> list[str]:
    return ["seq", "head", *(["document"] if "documents" in fields else [])]


def _vectors_wanted(fields: Fields) -> list[str] | bool:
    return ["embedding"] if "embeddings" in fields else False


def _row(point: Any) -> Row:
    found = point.payload
    embedding = np.array(point.vector["embedding"], dtype=np.float32) if point.vector else None
    return Row(point.id, found["seq"], found["head"], found.get("document"), {}, embedding)


def _told(error: Exception) -> OchreError:
    """Give the error of ours that says what one of Qdrant's says."""
    match error:
        case UnexpectedResponse(status_code=status, content=content):
            text = f"qdrant: {content.decode(errors='replace')[:1000]} (status {status})"
            return NoTable(text) if status == 404 else Unavailable(text) if status in AGAIN else InternalError(text)
        case ResponseHandlingException(source=source):
            kind = InternalError if isinstance(source, ValueError) else Unavailable
            return kind(f"qdrant: {source!r}")
        case QdrantException():
            return Unavailable(f"qdrant: {error}")
        case _:
            return NoTable(f"qdrant: {error}") if "not found" in str(error) else InternalError(f"qdrant: {error}")
