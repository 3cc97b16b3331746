"""Milvus: where -> its expressions, calls -> its calls, and what it cannot take.

A row is an entity of six fields: `key` (primary, VARCHAR), `seq` (INT64), `head` and `document` (VARCHAR), `terms`
(JSON) and `embedding`. Expressions hold field names, codes and keys only, all of them hexadecimal digits and a letter.
"""

# ruff: noqa: D102 - the calls are described by the protocol

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar, assert_never
from uuid import uuid4

import numpy as np

from ochredb.core.errors import InternalError, NotSupported, OchreError
from ochredb.core.model import Fields, Floats, Space
from ochredb.core.where import Among, And, Contains, Equal, Holds, Not, Or, Order, OrderOp, Regex, Where
from ochredb.remote.tables.address import Address, address
from ochredb.remote.tables.backend import Hit, Limits, NoTable, Place, Row, Unavailable
from ochredb.remote.tables.engine import WAIT, TableEngine
from ochredb.remote.tables.terms import ABOVE_NUMBERS, BELOW_NUMBERS, array, code, element, scalar

try:
    from grpc import RpcError
    from pymilvus import DataType, MilvusClient
    from pymilvus.exceptions import MilvusException, ParamError
except ImportError as missing:
    raise NotSupported("engine 'milvus' needs pymilvus: pip install 'ochredb[milvus]'") from missing

T = TypeVar("T")

# It logs every failed attempt as an error, also those that are made again and then succeed.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)

PORT = 19530
OPTIONS = {
    "consistency": "strong (the default), session, bounded or eventually: what a read waits for",
    "index": "hnsw (the default), diskann or flat",
    "shards": "of each collection, 1 to 16",
    "replicas": "that are loaded of each collection",
    "timeout": "seconds for one call",
    "wait": "seconds that a call which fails is made again for",
    "tls": "true or false",
}
CONSISTENCY = {"strong": "Strong", "session": "Session", "bounded": "Bounded", "eventually": "Eventually"}
INDEX = {"hnsw": "HNSW", "diskann": "DISKANN", "flat": "FLAT"}
BUILD: dict[str, dict[str, int]] = {"HNSW": {"M": 16, "efConstruction": 128}, "DISKANN": {}, "FLAT": {}}
EFFORT = {"HNSW": "ef", "DISKANN": "search_list"}
"""How each kind of index calls the length of its list of candidates."""
METRIC: dict[Space, str] = {"l2": "L2", "cosine": "COSINE", "ip": "IP"}
WINDOW = 16_384
"""Entities that Milvus gives in one answer."""
TEXT = 65_535
"""Bytes of a VARCHAR, and nearly those of a JSON field."""
NO_COLLECTION, NOT_LOADED = (100, 4), (101, 503)
"""Error codes, those of 2.3 and those of before."""
REFUSED = (1100, 1101, 1800, 1801, 65535)
"""Error codes of calls that will never succeed: bad parameters, no permission, an expression that cannot be read."""
ZERO = "zero"
"""The term of an embedding of length 0, which a search by cosine does not find."""
ALL, NONE = "seq >= 0", "seq < 0"


def engine(url: str) -> TableEngine:
    """Open `milvus://user:password@host:19530/database?option=value`; a database that there is not is made.

    Raises:
        BadValue: The URL says something that means nothing.
        ServiceError: The server refuses.
        UnreachableError: It does not answer.
    """
    place = address(url, PORT, OPTIONS)
    return TableEngine(Milvus(place), place.number("wait", WAIT))


class Milvus:
    """The calls of `Backend`, on a Milvus server.

    Args:
        place: Where it is, and its options.
    """

    engine = "milvus"
    limits = Limits(
        rows=4096,
        size=8 << 20,
        keys=1000,
        nearest=WINDOW,
        queries=64,
        head=TEXT,
        text=TEXT,
        terms=TEXT,
        dimension=32_768,
    )

    def __init__(self, place: Address) -> None:
        self._reading = {"consistency_level": place.choice("consistency", CONSISTENCY, "strong")}
        self._index = place.choice("index", INDEX, "hnsw")
        self._shards, self._replicas = place.number("shards", 1), place.number("replicas", 1)
        self._timeout = place.number("timeout", 30)
        self._spans: dict[str, int] = {}
        self._client = self._connected(place)

    def native(self, where: Where) -> bool:
        """Everything but documents: 2.3 has no search within a text."""
        return not isinstance(where, Contains | Regex)

    def create(self, table: str, dimension: int, space: Space) -> None:
        if self.dimension(table) is None:
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False, description=space)
            schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=36)
            schema.add_field("seq", DataType.INT64)
            schema.add_field("head", DataType.VARCHAR, max_length=TEXT)
            schema.add_field("document", DataType.VARCHAR, max_length=TEXT)
            schema.add_field("terms", DataType.JSON)
            schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimension)
            self._call(table, self._client.create_collection, schema=schema, num_shards=self._shards)
        self._load(table, space)

    def dimension(self, table: str) -> int | None:
        if not self._call(table, self._client.has_collection):
            return None
        with suppress(NoTable):  # if it goes away just now
            fields = self._call(table, self._client.describe_collection)["fields"]
            return next(int(field["params"]["dim"]) for field in fields if field["name"] == "embedding")
        return None

    def tables(self) -> list[str]:
        found: list[str] = self._tried(lambda: self._client.list_collections(timeout=self._timeout))
        return found

    def drop(self, table: str) -> None:
        with suppress(NoTable):
            self._call(table, self._client.drop_collection)

    def upsert(self, table: str, rows: Sequence[Row]) -> None:
        self._call(table, self._client.upsert, data=[_entity(row) for row in rows])

    def fetch(self, table: str, keys: Sequence[str], fields: Fields) -> list[Row]:
        if not keys:
            return []
        return [_row(found) for found in self._query(table, _among(keys), ["seq", "head", *_wanted(fields)])]

    def page(self, table: str, where: Where | None, after: int) -> list[Place]:
        """Look at as much of the order as holds no more than an answer may have.

        Milvus does not sort. It gives the first entities by key, and as keys are hashes, these are a sample of all that
        match: when there are more than an answer holds, the sample tells how far to look instead.
        """
        span = self._spans.get(table)
        end = None if span is None else after + span
        chosen = expression(where)
        for part in (WINDOW // 4, WINDOW // 256, 1):
            found = self._places(table, chosen, after, end)
            if len(found) < WINDOW:
                break
            end = found[part].seq
        if end is None:
            return found
        if not found:  # what lay here was removed, or the span was too short
            self._spans.pop(table, None)
            return self.page(table, where, after)
        self._spans[table] = (end - after) * (2 if len(found) < WINDOW // 4 else 1)
        return found

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
        chosen = _chosen(where, keys)
        candidates = {EFFORT[self._index]: max(effort, k)} if self._index in EFFORT else {}
        answer = self._call(
            table,
            self._client.search,
            data=list(queries),
            anns_field="embedding",
            filter="" if chosen == ALL else chosen,
            limit=k,
            output_fields=["key", "seq", "head", *_wanted(fields)],
            search_params={"metric_type": METRIC[space], "params": candidates},
            **self._reading,
        )
        found = [[Hit(_distance(space, hit["distance"]), _row(hit["entity"])) for hit in hits] for hits in answer]
        if space == "cosine" and any(len(hits) < k or hits[-1].distance > 1 for hits in found):
            zeros = self._zeros(table, chosen, k, fields)
            found = [sorted([*hits, *zeros], key=lambda hit: hit.distance)[:k] for hits in found]
        return found

    def count(self, table: str) -> int:
        (found,) = self._query(table, "", ["count(*)"])
        return int(found["count(*)"])

    def delete(self, table: str, keys: Sequence[str]) -> None:
        if keys:
            self._call(table, self._client.delete, ids=list(keys))

    def close(self) -> None:
        self._client.close()

    # Steps

    def _connected(self, place: Address) -> Any:
        """Connect, and make the database unless it is there."""
        uri = f"{'https' if place.flag('tls') else 'http'}://{place.host}:{place.port}"
        given = {"uri": uri, "user": place.user, "password": place.password, "timeout": self._timeout}
        if place.path:
            self._make_database(place.path, given)
        return self._tried(lambda: _client(db_name=place.path, **given))

    def _make_database(self, name: str, given: dict[str, Any]) -> None:
        client = self._tried(lambda: _client(**given))
        if name not in self._tried(client.list_databases):
            with suppress(InternalError):  # another server may have made it just now: if not, the next call says so
                self._tried(lambda: client.create_database(name))
        client.close()

    def _load(self, table: str, space: Space) -> None:
        """Have a table indexed and loaded, without waiting for it: reads wait until it is."""
        params = self._client.prepare_index_params()
        kind = self._index
        params.add_index("embedding", index_type=kind, metric_type=METRIC[space], params=BUILD[kind])
        self._call(table, self._client.create_index, index_params=params, sync=False)
        self._call(table, self._client.load_collection, replica_number=self._replicas, _async=True)

    def _places(self, table: str, chosen: str, after: int, end: int | None) -> list[Place]:
        bounds = f"seq > {after}" if end is None else f"seq > {after} and seq <= {end}"
        found = self._query(table, f"{bounds} and {chosen}", ["seq"], limit=WINDOW)
        return sorted(Place(one["seq"], one["key"]) for one in found)

    def _zeros(self, table: str, chosen: str, k: int, fields: Fields) -> list[Hit]:
        """Give the first embeddings of length 0, which a search by cosine leaves out: they are 1 from everything."""
        places = self._places(table, f'{chosen} and terms["{ZERO}"] == "1"', -1, None)[:k]
        rows = self.fetch(table, [place.key for place in places], fields)
        return [Hit(1.0, row) for row in sorted(rows, key=lambda row: row.seq)]

    def _query(self, table: str, chosen: str, wanted: list[str], **more: Any) -> list[Any]:
        found: list[Any] = self._call(
            table, self._client.query, filter=chosen, output_fields=wanted, **self._reading, **more
        )
        return found

    def _call(self, table: str, call: Callable[..., T], **given: Any) -> T:
        """Call with a table's name; have a table loaded that is not, for the attempt that follows."""
        try:
            return self._tried(lambda: call(table, timeout=self._timeout, **given))
        except _NotLoadedError as error:
            described = self._tried(lambda: self._client.describe_collection(table, timeout=self._timeout))
            self._load(table, described["description"])
            raise Unavailable(str(error)) from error

    def _tried(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except MilvusException as error:
            raise _told(error) from error
        except RpcError as error:
            raise Unavailable(f"milvus: {error}") from error


def _client(**given: Any) -> Any:
    # Clients of one address share a connection that the first one to be closed takes away from all, unless it is named.
    return MilvusClient(**given, alias=f"ochre-{uuid4().hex}")


class _NotLoadedError(Unavailable):
    """A table that is there and cannot be read yet."""


def expression(where: Where | None) -> str:
    """Write a native filter as an expression, in brackets; None is true of everything."""
    match where:
        case None:
            return ALL
        case Equal(key, value):
            return f'({_field(scalar(key))} == "{code(value)}")'
        case Among(key, values):
            return f"({_field(scalar(key))} in {_list([code(value) for value in values])})"
        case Order(key, op, value):
            return _ordered(_field(scalar(key)), op, code(value))
        case Holds(key, value):
            return f'(json_contains({_field(array(key))}, "{element(value)}"))'
        case Not(node):
            return f"(not {expression(node)})"
        case And(nodes):
            return "(" + " and ".join(map(expression, nodes)) + ")" if nodes else f"({ALL})"
        case Or(nodes):
            return "(" + " or ".join(map(expression, nodes)) + ")" if nodes else f"({NONE})"
        case Contains() | Regex():
            raise NotSupported("milvus has no search within documents: `native` says so")
        case _:
            assert_never(where)


def _ordered(field: str, op: OrderOp, number: str) -> str:
    bounds = {
        "$gt": (f'> "{number}"', f'< "{ABOVE_NUMBERS}"'),
        "$gte": (f'>= "{number}"', f'< "{ABOVE_NUMBERS}"'),
        "$lt": (f'>= "{BELOW_NUMBERS}"', f'< "{number}"'),
        "$lte": (f'>= "{BELOW_NUMBERS}"', f'<= "{number}"'),
    }
    low, high = bounds[op]
    return f"({field} {low} and {field} {high})"


def _field(name: str) -> str:
    return f'terms["{name}"]'


def _list(codes: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{one}"' for one in codes) + "]"


def _among(keys: Sequence[str]) -> str:
    return f"key in {_list(keys)}"


def _chosen(where: Where | None, keys: Sequence[str] | None) -> str:
    return expression(where) if keys is None else f"{_among(keys)} and {expression(where)}"


def _wanted(fields: Fields) -> list[str]:
    return [name for field, name in (("documents", "document"), ("embeddings", "embedding")) if field in fields]


def _entity(row: Row) -> dict[str, Any]:
    embedding = np.asarray(row.embedding, dtype=np.float32)
    return {
        "key": row.key,
        "seq": row.seq,
        "head": row.head,
        "document": row.document or "",
        "terms": row.terms if embedding.any() else {**row.terms, ZERO: "1"},
        "embedding": embedding,
    }


def _row(found: Any) -> Row:
    vector = found.get("embedding")
    embedding = None if vector is None else np.array(vector, dtype=np.float32)
    return Row(found["key"], found["seq"], found["head"], found.get("document"), {}, embedding)


def _distance(space: Space, score: float) -> float:
    return score if space == "l2" else float(np.float32(1) - np.float32(score))


def _told(error: MilvusException) -> OchreError:
    """Give the error of ours that says what one of Milvus says."""
    told = f" (code {error.code})" if isinstance(error.code, int) else ""  # of a failure of gRPC it is a method
    text = f"milvus: {error.message}{told}"
    if error.code in NO_COLLECTION or "can't find collection" in error.message:
        return NoTable(text)
    if error.code in NOT_LOADED or "not loaded" in error.message:
        return _NotLoadedError(text)
    if error.code in REFUSED or isinstance(error, ParamError):
        return InternalError(text)
    return Unavailable(text)
