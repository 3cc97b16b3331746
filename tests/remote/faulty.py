"""A server that misbehaves as it is told, and otherwise answers what a client asks first."""

import json
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NamedTuple

COLLECTION = {
    "id": "00000000-0000-4000-8000-000000000001",
    "name": "made",
    "configuration_json": {"hnsw": {"space": "l2", "ef_search": 100}, "spann": None, "embedding_function": None},
    "schema": None,
    "metadata": None,
    "dimension": None,
    "tenant": "default_tenant",
    "database": "default_database",
}


class Seen(NamedTuple):
    """A request: method, path with query, headers with names in small letters, and the body, read if it is JSON."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


Fault = Callable[[BaseHTTPRequestHandler], None]


class Faulty:
    """The server.

    `faults` are what happens instead of answers, one a request; `answers` are the answers by the end of a path. Both
    may be filled at any time.
    """

    def __init__(self, rules: dict[str, Any] | None = None) -> None:
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self.answers: dict[str, Any] = {
            "heartbeat": {"nanosecond heartbeat": 5},
            "version": "1.0.0",
            "identity": {"user_id": "", "tenant": "default_tenant", "databases": ["default_database"]},
            "pre-flight-checks": rules or {"max_batch_size": 5461, "supports_base64_encoding": True},
            "default_tenant": {"name": "default_tenant"},
            "default_database": {"id": COLLECTION["id"], "name": "default_database", "tenant": "default_tenant"},
            "collections": COLLECTION,
            COLLECTION["id"]: COLLECTION,
            "count": 7,
        }
        self.over = Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def asked(self, end: str) -> list[Seen]:
        """Give the requests for a path that ends so."""
        return [seen for seen in self.seen if seen.path.partition("?")[0].endswith(end)]

    def close(self) -> None:
        """Stop."""
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                data = self.rfile.read(length)
                headers = {name.lower(): value for name, value in self.headers.items()}
                faulty.seen.append(Seen(self.command, self.path, headers, _read(data)))
                if faulty.faults:
                    faulty.faults.pop(0)(self)
                    return
                end = self.path.partition("?")[0].rpartition("/")[2]
                found = faulty.answers.get(end, {})
                say(200, found() if callable(found) else found)(self)

            do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names are those of http.server

            def log_message(self, *args: object) -> None:
                """Keep quiet."""

        return Handler


def say(status: int, body: Any = None, **headers: str) -> Fault:
    """Answer with a status; bytes go as they are."""

    def fault(handler: BaseHTTPRequestHandler) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
        handler.send_response(status)
        for name, value in {**told, "content-length": str(len(data))}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(data)

    return fault


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without a word."""
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def break_off(handler: BaseHTTPRequestHandler) -> None:
    """Promise a body, send half of it, and close the connection."""
    handler.send_response(200)
    handler.send_header("content-length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"half":')
    hang_up(handler)


def babble(handler: BaseHTTPRequestHandler) -> None:
    """Send what is no HTTP."""
    handler.wfile.write(b"220 mail.example ready\r\n")
    hang_up(handler)


def sleep(faulty: Faulty) -> Fault:
    """Say nothing until the test is over."""

    def fault(handler: BaseHTTPRequestHandler) -> None:
        faulty.over.wait(60)
        hang_up(handler)

    return fault


def _read(data: bytes) -> Any:
    try:
        return json.loads(data) if data else None
    except ValueError:
        return data
