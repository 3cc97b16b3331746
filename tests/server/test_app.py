"""The application over engines that fail, wait or are not there, asked without a socket."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from threading import Event
from typing import Any

import msgspec
import pytest

from ochredb.chroma.operations import OPERATIONS
from ochredb.core.errors import BusyError, CorruptError, NotSupported, OchreError, UnreachableError
from ochredb.core.model import NewCollection, Scope, Write
from ochredb.server.app import App, create_app
from ochredb.server.settings import Settings
from ochredb.server.verbs import VERBS
from ochredb.testing.reference import ReferenceEngine

DATABASE = "/api/v2/tenants/default_tenant/databases/default_database"
SECRET = "/home/somebody/secret"
ADD = {"ids": ["a"], "embeddings": [[1.0, 2.0]]}


async def ask(app: App, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Send a request to the application itself; give status and body."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"" if body is None else msgspec.json.encode(body), "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "scheme": "http",
        "http_version": "1.1",
    }
    await app(scope, receive, send)
    data = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], msgspec.json.decode(data) if data else None


def run(app: App, talk: Callable[[], Awaitable[None]]) -> None:
    """Let a test talk with an application, and close it."""
    try:
        asyncio.run(talk())  # type: ignore[arg-type] # a coroutine function's call is one
    finally:
        app.close()


class Failing(ReferenceEngine):
    """Fails at every write."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def write(self, collection: str, write: Write) -> None:
        """Fail."""
        del collection, write
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "name"),
    [
        (RuntimeError(SECRET), 500, "InternalError"),
        (CorruptError(f"{SECRET} is damaged"), 500, "InternalError"),
        (MemoryError(), 500, "InternalError"),
        (BusyError(f"{SECRET} is locked by 123"), 503, "InternalError"),
        (UnreachableError(f"nobody at {SECRET}"), 502, "InternalError"),
        (NotSupported("engine 'x' does not support the feature 'y'"), 501, "ChromaError"),
        (OchreError("refused"), 400, "ChromaError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_faults_are_told_without_secrets(
    error: Exception, status: int, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of the server's has its status and a name to look for in the log; neither has the text of the fault."""
    engine = Failing(error)
    collection = engine.create_collection(Scope(), NewCollection("name")).id
    app = create_app(engine)
    caplog.set_level(logging.INFO)

    async def talk() -> None:
        found, told = await ask(app, "POST", f"{DATABASE}/collections/{collection}/add", ADD)
        assert (found, told["error"]) == (status, name)
        assert SECRET not in str(told)
        assert (await ask(app, "GET", "/api/v2"))[0] == 200

    run(app, talk)
    assert SECRET not in caplog.text
    assert "Traceback" not in caplog.text
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(faults) == (status >= 500 and status != 501)
    assert all(type(error).__name__ in record.getMessage() for record in faults)


class Waiting(ReferenceEngine):
    """Writes only when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = Event()

    def write(self, collection: str, write: Write) -> None:
        """Wait, then write."""
        assert self.may.wait(60)
        super().write(collection, write)


def test_writers_that_wait_hold_up_nobody_else() -> None:
    """While more writes wait than there are threads, reads are answered and the event loop turns; then all are done."""
    engine = Waiting()
    collection = engine.create_collection(Scope(), NewCollection("name")).id
    app = create_app(engine, Settings(threads=2))
    path = f"{DATABASE}/collections/{collection}"

    async def talk() -> None:
        bodies = [{"ids": [str(row)], "embeddings": [[1.0, 2.0]]} for row in range(10)]
        writes = [asyncio.create_task(ask(app, "POST", f"{path}/add", body)) for body in bodies]
        for _ in range(20):
            assert await ask(app, "GET", f"{path}/count") == (200, 0)
        assert not any(write.done() for write in writes)
        engine.may.set()
        assert {status for status, _ in await asyncio.gather(*writes)} == {201}
        assert await ask(app, "GET", f"{path}/count") == (200, 10)

    run(app, talk)


def test_what_takes_too_long_is_cut_off() -> None:
    """The caller is told that the write may still be done; and closing waits for it, so that it is whole or not."""
    engine = Waiting()
    collection = engine.create_collection(Scope(), NewCollection("name")).id
    app = create_app(engine, Settings(timeout=0.1))
    path = f"{DATABASE}/collections/{collection}"

    async def talk() -> None:
        status, told = await ask(app, "POST", f"{path}/add", ADD)
        assert status == 504
        assert "may still be done" in told["message"]
        engine.may.set()

    run(app, talk)
    assert engine.count(collection) == 1


def test_every_operation_has_a_verb() -> None:
    """The table of operations and the verbs of the server name each other."""
    assert VERBS.keys() == {operation.name for operation in OPERATIONS}


def test_a_renamed_collection_is_the_same() -> None:
    """What is remembered of a collection is only what cannot change: a rename is seen, and so is its end."""
    engine = ReferenceEngine()
    collection = engine.create_collection(Scope(), NewCollection("old-name")).id
    app = create_app(engine)
    path = f"{DATABASE}/collections/{collection}"

    async def talk() -> None:
        assert await ask(app, "GET", f"{path}/count") == (200, 0)
        assert (await ask(app, "PUT", path, {"new_name": "new-name"}))[0] == 200
        assert await ask(app, "GET", f"{path}/count") == (200, 0)
        assert (await ask(app, "GET", f"{DATABASE}/collections/by-id/{collection}"))[1]["name"] == "new-name"
        assert (await ask(app, "DELETE", f"{DATABASE}/collections/new-name"))[0] == 200
        assert (await ask(app, "GET", f"{path}/count"))[0] == 404
        assert (await ask(app, "POST", f"{path}/query", {"query_embeddings": []}))[0] == 404
        assert (await ask(app, "POST", f"{path}/add", {"ids": [], "embeddings": []}))[0] == 404

    run(app, talk)
