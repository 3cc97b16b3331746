"""The asynchronous clients: the same programs, awaited, over HTTP and over threads; and what only they can do."""

import asyncio
import gc
import subprocess
import sys
import time
import warnings
from collections.abc import Coroutine, Iterator
from inspect import isawaitable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ochredb
from ochredb import errors
from ochredb.api import AsyncAdminAPI, AsyncClientAPI
from ochredb.api.models.AsyncCollection import AsyncCollection
from tests.client.test_clients import (  # noqa: F401 # pytest runs them, with the fixtures of this module
    test_a_function_is_remembered,
    test_a_taken_name,
    test_bad_configuration,
    test_bad_metadata_of_a_collection,
    test_bad_names,
    test_configuration_is_what_was_said,
    test_functions_in_conflict,
    test_listing,
)
from tests.client.test_collection import *  # noqa: F403 # likewise, all of them
from tests.serving import Served, serving

del test_whatever_comes_is_taken_or_refused  # noqa: F821 # it takes long, and is about what comes before the engine


class Awaited:
    """An asynchronous client or collection as the programs take it: what is awaitable is awaited at once."""

    def __init__(self, thing: Any, loop: asyncio.AbstractEventLoop) -> None:
        vars(self).update(thing=thing, loop=loop)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.thing, name)
        if not callable(found):
            return Awaited(found, self.loop) if isinstance(found, AsyncClientAPI) else found

        def call(*args: Any, **kwargs: Any) -> Any:
            given = found(*args, **kwargs)
            given = self.loop.run_until_complete(given) if isawaitable(given) else given
            if isinstance(given, list):
                return [Awaited(one, self.loop) if isinstance(one, AsyncCollection) else one for one in given]
            return Awaited(given, self.loop) if isinstance(given, AsyncCollection) else given

        return call

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.thing, name, value)

    def __repr__(self) -> str:
        return repr(self.thing)

    def __eq__(self, other: object) -> bool:
        return self.thing == (other.thing if isinstance(other, Awaited) else other)

    def __hash__(self) -> int:
        return hash(self.thing)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a server of ours, a process of its own, that sets no bounds to the programs."""
    folder = tmp_path_factory.mktemp("served") / "data"
    boundless = {"OCHRE_MAX_RESULTS": str(2**63 - 1), "OCHRE_MAX_HITS": str(2**63 - 1)}
    with serving(folder, "--allow-reset", variables=boundless) as server:
        yield server


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give an event loop for all programs."""
    with asyncio.Runner() as runner:
        yield runner.get_loop()


@pytest.fixture(scope="module", params=["http", "memory"])
def opened(request: pytest.FixtureRequest, server: Served, loop: asyncio.AbstractEventLoop) -> Iterator[Any]:
    """Give a client of the server, or of the database in memory."""
    settings = ochredb.Settings(allow_reset=True)
    make: Coroutine[Any, Any, AsyncClientAPI] = (
        ochredb.AsyncHttpClient(server.host, server.port)
        if request.param == "http"
        else ochredb.AsyncEphemeralClient(settings)
    )
    client = loop.run_until_complete(make)
    yield Awaited(client, loop)
    loop.run_until_complete(client.close())


@pytest.fixture
def client(opened: Any) -> Any:
    """Give the client, with nothing in its database."""
    opened.reset()
    return opened


def test_the_classes_are_what_programs_ask_for(server: Served) -> None:
    """Packages tell the kinds of client apart by `isinstance`."""

    async def program() -> None:
        async with await ochredb.AsyncHttpClient(server.host, server.port) as client:
            assert isinstance(client, AsyncClientAPI)
            assert not isinstance(client, ochredb.ClientAPI)
            collection = await client.get_or_create_collection("classes", embedding_function=None)
            assert isinstance(collection, AsyncCollection)
            assert not isinstance(collection, ochredb.Collection)

    asyncio.run(program())


def test_a_folder(tmp_path: Path) -> None:
    """What an asynchronous client of a folder has written is there for the next client, of either kind."""

    async def program() -> None:
        async with await ochredb.AsyncPersistentClient(tmp_path) as client:
            made = await client.create_collection("made", embedding_function=None)
            await made.add(ids=["a"], embeddings=[[1, 2]], documents=["x"])
            assert (await made.query(query_embeddings=[[1, 2]]))["ids"] == [["a"]]
            other = await ochredb.AsyncPersistentClient(tmp_path)
            assert [one.name for one in await other.list_collections()] == ["made"]
            await other.close()
        with pytest.raises(errors.ClosedError, match="closed"):
            await made.count()
        await client.close()

    asyncio.run(program())
    with ochredb.PersistentClient(tmp_path) as client:
        assert client.get_collection("made").get()["documents"] == ["x"]


def test_a_client_that_is_not_closed(tmp_path: Path) -> None:
    """A program that ends without closing its client, as Chroma's programs do, ends in peace and has lost nothing."""
    script = (
        "import asyncio, sys, ochredb\n"
        "async def program():\n"
        "    client = await ochredb.AsyncPersistentClient(sys.argv[1])\n"
        "    made = await client.create_collection('one', embedding_function=None)\n"
        "    await made.add(ids=['a'], embeddings=[[1, 2]])\n"
        "asyncio.run(program())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, tmp_path], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    with ochredb.PersistentClient(tmp_path) as client:
        assert client.get_collection("one").count() == 1


def test_missing_tenants_and_databases(server: Served) -> None:
    """A client of what does not exist is refused at once, and leaves nothing open."""

    async def program() -> None:
        with pytest.raises(errors.NotFoundError, match=r"^Tenant \[nobody\] not found"):
            await ochredb.AsyncHttpClient(server.host, server.port, tenant="nobody")
        with pytest.raises(errors.NotFoundError, match=r"^Database \[nowhere\] not found"):
            await ochredb.AsyncEphemeralClient(database="nowhere")

    asyncio.run(program())


def test_the_admin_client(server: Served) -> None:
    """Tenants and databases are made, found, listed and deleted."""
    settings = ochredb.Settings(
        chroma_api_impl="chromadb.api.async_fastapi.AsyncFastAPI",
        chroma_server_host=server.host,
        chroma_server_http_port=server.port,
    )

    async def program() -> None:
        for given in (settings, ochredb.Settings()):
            admin = AsyncAdminAPI(given)
            await admin.create_tenant("aio_tenant")
            await admin.create_database("first", "aio_tenant")
            assert (await admin.get_tenant("aio_tenant"))["name"] == "aio_tenant"
            assert (await admin.get_database("first", "aio_tenant"))["name"] == "first"
            assert [one["name"] for one in await admin.list_databases(tenant="aio_tenant")] == ["first"]
            await admin.delete_database("first", "aio_tenant")
            assert await admin.list_databases(tenant="aio_tenant") == []
            await admin.close()

    asyncio.run(program())


class Slow(ochredb.EmbeddingFunction[Any]):
    """Takes its time."""

    def __init__(self) -> None:
        pass

    def __call__(self, input: Any) -> Any:  # noqa: A002 # the name is part of the protocol
        """Give one number a text, after a while."""
        time.sleep(0.2)
        return [[float(len(text))] for text in input]

    @staticmethod
    def name() -> str:
        """Give the name that a collection remembers."""
        return "tests_slow"

    def get_config(self) -> dict[str, Any]:
        """Give nothing."""
        return {}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "Slow":
        """Make one of nothing."""
        del config
        return Slow()


@pytest.mark.parametrize("place", ["http", "memory"])
def test_the_event_loop_goes_on(server: Served, place: str) -> None:
    """While a function embeds, other coroutines run: in threads of their own, four take as long as one."""

    async def program() -> None:
        client = await (
            ochredb.AsyncHttpClient(server.host, server.port) if place == "http" else ochredb.AsyncEphemeralClient()
        )
        collection = await client.get_or_create_collection("slow", embedding_function=Slow())
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.create_task(tick())
        await asyncio.gather(*(collection.add(ids=[str(n)], documents=["x" * n]) for n in range(4)))
        assert ticks >= 5
        assert (await collection.query(query_texts=["xxx"], n_results=1))["ids"] == [["3"]]
        ticking.cancel()
        await client.delete_collection("slow")
        await client.close()

    asyncio.run(program())


def test_many_calls_at_a_time(server: Served) -> None:
    """A hundred calls that are awaited together are all answered, each with its own answer."""

    async def program() -> None:
        async with await ochredb.AsyncHttpClient(server.host, server.port) as client:
            collection = await client.get_or_create_collection("many", embedding_function=None)
            ids = [str(n) for n in range(100)]
            await asyncio.gather(
                *(collection.add(ids=[id_], embeddings=np.array([[n, 0]], np.float32)) for n, id_ in enumerate(ids))
            )
            found = await asyncio.gather(
                *(collection.query(query_embeddings=[[float(n), 0.0]], n_results=1) for n in range(100))
            )
            assert [one["ids"] for one in found] == [[[id_]] for id_ in ids]
            await client.delete_collection("many")

    asyncio.run(program())


def test_a_cancelled_call_leaves_the_client_whole(server: Served) -> None:
    """Who stops waiting for a call can go on with others."""

    async def program() -> None:
        async with await ochredb.AsyncHttpClient(server.host, server.port) as client:
            for _ in range(5):
                call = asyncio.create_task(client.heartbeat())
                await asyncio.sleep(0)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
            assert await client.heartbeat() > 0

    asyncio.run(program())


def test_a_client_for_several_event_loops(server: Served) -> None:
    """A client may be used in one event loop after another; connections of a loop that has ended end with it."""
    client = asyncio.run(_opened(server))
    assert asyncio.run(_beat(client)) > 0
    assert asyncio.run(_beat(client)) > 0
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        del client
        gc.collect()


async def _opened(server: Served) -> AsyncClientAPI:
    return await ochredb.AsyncHttpClient(server.host, server.port)


async def _beat(client: AsyncClientAPI) -> int:
    return await client.heartbeat()
