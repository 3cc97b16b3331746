"""A provider of embeddings on this machine, and a place for libraries that are not installed."""

import importlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest


class Request(NamedTuple):
    """What the provider was asked."""

    path: str
    headers: dict[str, str]
    body: Any
    port: int
    """The client's, which is that of the connection."""


class Provider:
    """A server that keeps each request and answers as it is told.

    `answer` makes the body of an answer from that of the request; bytes are sent as they are. `failures` are statuses,
    each with headers and body, that come before the answers, one a request.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Any], Any] = lambda body: body
        self.failures: list[tuple[int, dict[str, str], Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # which keeps a connection open

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                headers = {name.lower(): value for name, value in self.headers.items()}
                provider.requests.append(Request(self.path, headers, body, self.client_address[1]))
                if provider.failures:
                    status, more, answer = provider.failures.pop(0)
                else:
                    status, more, answer = 200, {}, provider.answer(body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                with suppress(ConnectionError):  # of a client that did not wait
                    self.send_response(status)
                    for name, value in {"content-length": str(len(content)), **more}.items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                """Keep quiet."""

        return Handler


@pytest.fixture(scope="session")
def _provider() -> Iterator[Provider]:
    provider = Provider()
    yield provider
    provider.close()


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """Give a provider that was not asked anything yet."""
    _provider.requests.clear()
    _provider.failures.clear()
    return _provider


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no key and no address of a provider in the environment."""
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_BASE_URL", "_ORG_ID")) or name in ("CO_API_URL", "CHROMA_EMBED_URL"):
            monkeypatch.delenv(name)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Give what installs a library for this test: its dotted name and its source."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name: str, source: str) -> None:
        top = name.partition(".")[0]
        for real in [module for module in sys.modules if module.partition(".")[0] == top]:
            if str(tmp_path) not in str(getattr(sys.modules[real], "__file__", None)):
                monkeypatch.delitem(sys.modules, real)  # the real one may have been imported by another test
        folder = tmp_path
        for part in name.split("."):
            folder /= part
            folder.mkdir(exist_ok=True)
            (folder / "__init__.py").touch()
        (folder / "__init__.py").write_text(source)
        importlib.invalidate_caches()

    yield install
    for name in list(sys.modules):
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]
