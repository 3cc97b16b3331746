"""Our clients of a real Chroma server: what they ask it understands, and what it answers they read."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import ochredb
from ochredb import errors
from ochredb.core.engine import Engine
from ochredb.core.model import Delete, Get, Query, Records, Write
from ochredb.remote.http import Address, HttpEngine
from ochredb.testing.contract import EngineContract
from ochredb.testing.contract.stage import DEFAULT, ids, make, put, vectors


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Give the port of a server of the real package."""
    python = os.environ.get("CHROMA_PYTHON")
    if python is None:
        pytest.skip("needs the real chromadb: make test-compat installs it and sets CHROMA_PYTHON")
    folder = tmp_path_factory.mktemp("chroma")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    settings = folder / "settings.yaml"
    settings.write_text(f"port: {port}\npersist_path: {str(folder / 'data')!r}\nallow_reset: true\n")
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([Path(python).with_name("chroma"), "run", settings], stdout=log, stderr=log)
    try:
        _await(port)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def engine(port: int) -> Iterator[Engine]:
    """Give an engine of it, and empty it."""
    engine = HttpEngine(Address(f"http://localhost:{port}"))
    engine.reset()
    yield engine
    engine.close()


@pytest.fixture
def client(engine: Engine, port: int) -> Iterator[ochredb.ClientAPI]:
    """Give a client of it, which is empty."""
    with ochredb.HttpClient(port=port) as client:
        assert engine.count_collections(DEFAULT) == 0
        yield client


# The tests of the contract that ask for nothing that Chroma's server does otherwise: short names, sparse vectors, the
# order of ties, embeddings that may be left out.
CHOSEN = (
    "test_add_ignores_known_ids", "test_add_without_columns", "test_changes_are_found_at_once",
    "test_changes_replace_embeddings", "test_close_twice", "test_cosine_of_a_zero_vector", "test_defaults_exist",
    "test_dimension_is_fixed_by_the_first_write", "test_distances", "test_embeddings_are_finite",
    "test_filter_narrows_before_ranking", "test_ints_are_exact", "test_metadata_is_merged",
    "test_metadata_that_loses_its_keys", "test_modify_renames", "test_none_in_added_metadata", "test_one_dimension",
    "test_order_is_that_of_insertion", "test_scan", "test_update_ignores_unknown_ids", "test_wrong_dimension",
)  # fmt: skip
TestChosen = type("TestChosen", (), {name: getattr(EngineContract, name) for name in CHOSEN})


def test_a_program(client: ochredb.ClientAPI) -> None:
    """Create, add, get, filter, query, change, rename, delete: as with our own server."""
    assert client.get_version() == "1.0.0"
    assert client.get_max_batch_size() == 5461
    made = client.create_collection("made", configuration={"hnsw": {"space": "cosine"}}, metadata={"n": 1})
    assert (made.configuration_json["hnsw"]["space"], made.metadata) == ("cosine", {"n": 1})
    made.add(
        ids=["a", "b", "c"],
        embeddings=[[1, 0], [0, 1], [0.3, 0.3]],
        metadatas=[{"n": 1, "tags": ["x"]}, {"n": 2.5}, None],
        documents=["the quick fox", "a dog", None],
        uris=[None, "file:b", None],
    )
    assert made.get()["metadatas"] == [{"n": 1, "tags": ["x"]}, {"n": 2.5}, None]
    found = made.get(where={"n": {"$gt": 1}}, include=["documents", "uris", "embeddings"])
    assert (found["ids"], found["documents"], found["uris"]) == (["b"], ["a dog"], ["file:b"])
    assert made.get(where_document={"$regex": "f.x"})["ids"] == ["a"]
    assert made.get(where={"$or": [{"tags": {"$contains": "x"}}, {"n": {"$in": [2.5]}}]})["ids"] == ["a", "b"]
    nearest = made.query(query_embeddings=[[1, 0], [0, 1]], n_results=2, where={"n": {"$ne": 7}})
    assert [one[0] for one in nearest["ids"]] == ["a", "b"]
    made.upsert(ids=["a", "d"], embeddings=[[1, 1], [5, 5]], metadatas=[{"m": True}, None])
    made.update(ids=["b"], metadatas=[{"n": None, "m": 1}])
    assert made.get(ids=["a", "b"])["metadatas"] == [{"n": 1, "tags": ["x"], "m": True}, {"m": 1}]
    made.modify(name="renamed", metadata={"x": 2}, configuration={"hnsw": {"ef_search": 50}})
    again = client.get_collection("renamed")
    assert (again.id, again.metadata, again.configuration_json["hnsw"]["ef_search"]) == (made.id, {"x": 2}, 50)
    assert client.get_collection_by_id(made.id).name == "renamed"
    assert again.delete(ids=["a"]) == {"deleted": 1}
    assert again.delete(where={"m": 1}) == {"deleted": 1}
    assert again.peek()["ids"] == ["c", "d"]
    assert [one.name for one in client.list_collections()] == ["renamed"]
    client.delete_collection("renamed")
    assert client.count_collections() == 0


def test_refusals(client: ochredb.ClientAPI, engine: Engine) -> None:
    """What the server refuses are errors of our classes, most of them those that a process raises."""
    made = client.create_collection("made", embedding_function=None)
    made.add(ids=["a"], embeddings=[[1, 0]])
    with pytest.raises(errors.UniqueConstraintError, match=r"Collection \[made\] already exists"):
        client.create_collection("made", embedding_function=None)
    with pytest.raises(errors.NotFoundError, match=r"Collection \[other\] does not exist"):
        client.get_collection("other")
    with pytest.raises(errors.InvalidArgumentError, match="Collection expecting embedding with dimension of 2, got 3"):
        made.query(query_embeddings=[[1, 2, 3]])
    with pytest.raises(errors.NotSupported):
        made.fork("copy")
    with pytest.raises(errors.NotSupported):
        made.search(ochredb.Search())
    with pytest.raises(errors.NotSupported, match="list_tenants"):
        engine.list_tenants()
    client.delete_collection("made")
    with pytest.raises(errors.NotFoundError, match=r"Collection \[.*\] does not exist"):
        made.count()


def test_tenants_and_databases(client: ochredb.ClientAPI, port: int) -> None:
    """They are made and found; a client of one of them sees its collections alone."""
    settings = ochredb.Settings(
        chroma_api_impl="chromadb.api.fastapi.FastAPI", chroma_server_host="localhost", chroma_server_http_port=port
    )
    with ochredb.AdminClient(settings) as admin:
        admin.create_database("zzz")
        admin.create_database("other")
        assert [one["name"] for one in admin.list_databases()] == ["default_database", "other", "zzz"]
        with ochredb.HttpClient(port=port, database="other") as other:
            other.create_collection("there", embedding_function=None)
            assert client.count_collections() == 0
        with pytest.raises(errors.NotFoundError, match=r"^Tenant \[nobody\] not found"):
            ochredb.HttpClient(port=port, tenant="nobody")


def test_more_than_it_takes(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """More than Chroma's client would send goes in parts, and more than its server would give comes by pages."""
    collection, names = make(engine), [str(n) for n in range(12_000)]
    engine.write(collection, Write("add", Records(names, np.ones((12_000, 2), np.float32), names.copy())))
    assert "takes 5461 records at a time; 12000 are written in parts" in caplog.text
    found = engine.get(collection, Get())
    assert found.ids == found.documents == names
    assert [len(batch) for batch in engine.scan(collection, batch=5_000)] == [5_000, 5_000, 2_000]
    assert engine.delete(collection, Delete(ids=names[:11_999])) == 11_999
    assert ids(engine, collection) == names[11_999:]


def test_float32_is_exact(engine: Engine) -> None:
    """Embeddings are the same float32s when they come back, though they travel as decimals."""
    collection = make(engine)
    given = np.random.default_rng(0).standard_normal((500, 7)).astype(np.float32)
    put(engine, collection, [str(n) for n in range(500)], embeddings=given)
    found = engine.query(collection, Query(vectors(*given[:1].tolist()), 500, fields=frozenset({"embeddings"})))
    order = [int(name) for name in found.records[0].ids]
    np.testing.assert_array_equal(found.records[0].embeddings, given[order])


def test_awaited(engine: Engine, port: int) -> None:
    """The asynchronous client speaks to it as well."""

    async def program() -> None:
        async with await ochredb.AsyncHttpClient(port=port) as client:
            made = await client.create_collection("made", embedding_function=None)
            await asyncio.gather(*(made.add(ids=[str(n)], embeddings=[[n, 0]]) for n in range(20)))
            assert await made.count() == 20
            assert (await made.query(query_embeddings=[[7, 0]], n_results=1))["ids"] == [["7"]]

    asyncio.run(program())
    assert [one.name for one in engine.list_collections(DEFAULT)] == ["made"]


def _await(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("localhost", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the real server did not start")
