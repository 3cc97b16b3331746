"""A small stand-in for a Qdrant server: its REST calls, answered by the client's own engine in memory.

It is as strict as the real one where that has mattered: an order needs an index, the place where a page begins is read
as float64, and a body has no more than 32 MiB. It can be told to fail, and be stopped and started on its data.
"""

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, TypeAdapter
from qdrant_client import QdrantClient, models

LARGEST = 32 << 20
POINTS: TypeAdapter[Any] = TypeAdapter(models.PointInsertOperations)
Failing = Callable[[str], int | None]


class Refused(Exception):
    """An answer that is an error.

    Args:
        status: Of HTTP.
        text: What it says.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Qdrant:
    """What the calls do; each takes the name of a collection and the body of the request."""

    def __init__(self, version: str = "1.20.0") -> None:
        self.version = version
        self.client = QdrantClient(":memory:")
        self.indexes: set[tuple[str, str]] = set()
        self.made: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def info(self, *_: Any) -> Any:
        """Say which version this is."""
        return {"title": "qdrant", "version": self.version}

    def names(self, *_: Any) -> Any:
        """List the collections."""
        return self.client.get_collections()

    def describe(self, name: str, _: Any) -> Any:
        """Tell how a collection is."""
        found = self.client.get_collection(name).model_dump(mode="json")
        indexed = [field for collection, field in self.indexes if collection == name]
        return {**found, "payload_schema": {field: {"data_type": "keyword", "points": 0} for field in indexed}}

    def create(self, name: str, body: Any) -> Any:
        """Make a collection."""
        if self.client.collection_exists(name):
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        self.made[name] = body
        return self.client.create_collection(name, models.CreateCollection(**body).vectors)

    def drop(self, name: str, _: Any) -> Any:
        """Remove a collection."""
        return self.client.delete_collection(name)

    def index(self, name: str, body: Any) -> Any:
        """Keep an index of a field."""
        self.indexes.add((name, models.CreateFieldIndex(**body).field_name))
        return _done()

    def upsert(self, name: str, body: Any) -> Any:
        """Write points."""
        points = POINTS.validate_python(body)
        self.client.upsert(name, points.batch if isinstance(points, models.PointsBatch) else points.points)
        return _done()

    def retrieve(self, name: str, body: Any) -> Any:
        """Give points by id."""
        asked = models.PointRequest(**body)
        return self.client.retrieve(name, asked.ids, asked.with_payload, asked.with_vector)

    def scroll(self, name: str, body: Any) -> Any:
        """Give points in an order."""
        asked = models.ScrollRequest(**body)
        if (name, asked.order_by.key) not in self.indexes:
            raise Refused(400, f"Bad request: No range index for `order_by` key: `{asked.order_by.key}`")
        asked.order_by.start_from = int(float(asked.order_by.start_from))
        found, _ = self.client.scroll(name, asked.filter, asked.limit, asked.order_by, None, asked.with_payload)
        return {"points": [point.model_dump() for point in found], "next_page_offset": None}

    def query(self, name: str, body: Any) -> Any:
        """Give the nearest points of several vectors."""
        searches = [models.QueryRequest(**{**search, "params": None}) for search in body["searches"]]
        return self.client.query_batch_points(name, searches)

    def count(self, name: str, _: Any) -> Any:
        """Count the points."""
        return self.client.count(name)

    def delete(self, name: str, body: Any) -> Any:
        """Remove points."""
        self.client.delete(name, models.PointIdsList(**body))
        return _done()


CALLS: list[tuple[str, str, Callable[[Qdrant, str, Any], Any]]] = [
    ("GET", r"/()", Qdrant.info),
    ("GET", r"/collections()", Qdrant.names),
    ("GET", r"/collections/([^/]+)", Qdrant.describe),
    ("PUT", r"/collections/([^/]+)", Qdrant.create),
    ("DELETE", r"/collections/([^/]+)", Qdrant.drop),
    ("PUT", r"/collections/([^/]+)/index", Qdrant.index),
    ("PUT", r"/collections/([^/]+)/points", Qdrant.upsert),
    ("POST", r"/collections/([^/]+)/points", Qdrant.retrieve),
    ("POST", r"/collections/([^/]+)/points/scroll", Qdrant.scroll),
    ("POST", r"/collections/([^/]+)/points/query/batch", Qdrant.query),
    ("POST", r"/collections/([^/]+)/points/count", Qdrant.count),
    ("POST", r"/collections/([^/]+)/points/delete", Qdrant.delete),
]


class Server:
    """A server of `Qdrant` on a port.

    Args:
        qdrant: What answers; several servers, one after the other, may have one.
        port: 0 is any.
        failing: Is asked after every call whether it is to be answered with another status; 0 breaks the connection.
    """

    def __init__(self, qdrant: Qdrant, port: int = 0, failing: Failing = lambda _: None) -> None:
        turn = threading.Lock()
        self._stopped = stopped = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            """Answers a request."""

            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                """Read a request, call, and answer."""
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or stopped.is_set() or not self.parse_request():
                    self.close_connection = True
                    return
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                with turn:
                    status, answer = _answered(qdrant, self.command, self.path, body)
                    failed = failing(self.path)
                if failed == 0:
                    self.close_connection = True
                    return
                self._send(failed or status, answer)

            def _send(self, status: int, answer: Any) -> None:
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"qdrant://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """End it; what connections that are open ask next is not answered."""
        self._stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _answered(qdrant: Qdrant, method: str, path: str, body: bytes) -> tuple[int, Any]:
    parts = urlsplit(path)
    qdrant.asked.append((f"{method} {parts.path}", dict(parse_qsl(parts.query))))
    if len(body) > LARGEST:
        return 413, _error("Payload Too Large")
    for known, pattern, call in CALLS:
        if known == method and (found := re.fullmatch(pattern, parts.path)):
            try:
                result = call(qdrant, found[1], json.loads(body) if body else None)
            except Refused as error:
                return error.status, _error(str(error))
            except ValueError as error:
                return (404 if "not found" in str(error) else 400), _error(str(error))
            plain = _plain(result)
            return 200, plain if parts.path == "/" else {"result": plain, "status": "ok", "time": 0.0}
    return 404, _error(f"no {method} {parts.path}")


def _plain(result: Any) -> Any:
    if isinstance(result, list):
        return [_plain(item) for item in result]
    return result.model_dump(mode="json") if isinstance(result, BaseModel) else result


def _error(text: str) -> dict[str, Any]:
    return {"status": {"error": text}, "time": 0.0}


def _done() -> dict[str, Any]:
    return {"operation_id": 0, "status": "completed"}
