"""Qdrant passes the contract: within this process, over its REST, and on a real server where there is one."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from ochredb.core.engine import Engine
from ochredb.core.errors import BadValue, BusyError, InternalError, NotSupported, PartlyWrittenError, UnreachableError
from ochredb.core.model import Get, Query, Records, Scope, Write
from ochredb.core.where import Not, Or, Order, parse, parse_document
from ochredb.remote.qdrant import backend
from ochredb.remote.qdrant import engine as open_engine
from ochredb.remote.tables.backend import Place, Row
from ochredb.remote.tables.rows import key_of
from ochredb.testing.compare import same_info, same_records
from ochredb.testing.contract import EngineContract
from ochredb.testing.contract.stage import EVERYTHING, fill, ids, make, put, vectors
from ochredb.testing.machine import engine_machine
from tests.engines.rest import Qdrant, Server

pytestmark = pytest.mark.timeout(600)

Opened = Callable[..., Engine]


class TestInMemory(EngineContract):
    """Qdrant within this process, in memory."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        """Give a new engine."""
        opened = open_engine("qdrant:memory")
        yield opened
        opened.close()


class TestOnDisk(EngineContract):
    """Qdrant within this process, in a folder."""

    @pytest.fixture
    def engine(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
        """Give a new engine in a new folder, without its wait for the disk: it commits every record on its own."""
        monkeypatch.setattr("qdrant_client.local.persistence.sqlite3.connect", _hasty)
        opened = open_engine(f"qdrant:{tmp_path / 'store'}")
        yield opened
        opened.close()


class TestOverRest(EngineContract):
    """The stand-in for a server."""

    @pytest.fixture
    def engine(self, opened: Opened) -> Engine:
        """Give a new engine."""
        return opened()


@pytest.mark.skipif(
    "OCHRE_TEST_QDRANT_URL" not in os.environ, reason="needs a server: OCHRE_TEST_QDRANT_URL says where"
)
class TestServer(EngineContract):
    """A real server."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        """Give an engine with a name of its own."""
        opened = open_engine(f"{os.environ['OCHRE_TEST_QDRANT_URL']}/{uuid4().hex}")
        yield opened
        opened.reset()
        opened.backend.drop("ochre_catalog")
        opened.close()


def _hasty(*args: Any, connect: Callable[..., Any] = sqlite3.connect, **given: Any) -> Any:
    opened = connect(*args, **given)
    opened.execute("PRAGMA synchronous = OFF")
    return opened


@pytest.fixture
def qdrant() -> Qdrant:
    """Give what a server serves."""
    return Qdrant()


@pytest.fixture
def server(qdrant: Qdrant) -> Iterator[Server]:
    """Give a server."""
    running = Server(qdrant)
    yield running
    running.stop()


@pytest.fixture
def opened(server: Server) -> Iterator[Opened]:
    """Give what opens an engine on the server, with more behind the URL."""
    engines = []

    def open_one(more: str = "") -> Engine:
        engines.append(open_engine(f"{server.url}{more}"))
        return engines[-1]

    yield open_one
    for engine in engines:
        engine.close()


def test_random_calls() -> None:
    """Random calls give what the reference gives."""
    run_state_machine_as_test(engine_machine(lambda: open_engine("qdrant:memory")))


def test_random_calls_across_reopening(tmp_path: Path) -> None:
    """The same on disk, with the engine now and then closed and opened again between two calls."""
    urls = (f"qdrant:{tmp_path / str(n)}" for n in count())
    last = [""]

    def begin() -> Engine:
        last[0] = next(urls)
        return open_engine(last[0])

    def reopen(engine: Engine) -> Engine:
        engine.close()
        return open_engine(last[0])

    run_state_machine_as_test(engine_machine(begin, reopen))


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    """Catalog and records are on disk when a call returns, and the embeddings are the very float32s."""
    url = f"qdrant://{tmp_path}"
    engine = open_engine(url)
    collection = make(engine, "cosine")
    given = Records(["é", "b"], vectors([1, 0.3], [3, 4e7]), ["x", None], [{"n": 1, "l": [True]}, None], [None, "u"])
    engine.write(collection, Write("add", given))
    info = engine.get_collection_by_id(collection)
    engine.close()
    again = open_engine(url)
    same_info(again.get_collection_by_id(collection), info)
    found = again.get(collection, EVERYTHING)
    same_records(found, given)
    np.testing.assert_array_equal(found.embeddings, given.embeddings)
    again.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # refused, the client forgets a file
def test_a_folder_is_opened_once(tmp_path: Path) -> None:
    """A second engine on a folder is refused, and after the first was closed it is not."""
    engine = open_engine(f"qdrant:{tmp_path}")
    with pytest.raises(BusyError, match="already accessed by another instance"):
        open_engine(f"qdrant:{tmp_path}")
    engine.close()
    open_engine(f"qdrant:{tmp_path}").close()


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("qdrant:", "expected qdrant:memory or qdrant:./folder"),
        ("qdrant:memory?shards=2", "which have no options"),
        ("qdrant:./x?on_disk=true", "which have no options"),
        ("qdrant://host/a.b", "expected a name of up to 100 letters"),
        ("qdrant://key@host", "expected a key as qdrant://:key@host"),
        ("qdrant://host?shard=2", "did you mean 'shards'"),
        ("qdrant://host?shards=0", "expected a whole number of at least 1"),
        ("qdrant://host?quantization=int4", "expected one of none, scalar, product, binary"),
        ("qdrant://host?consistency=some", "expected one of majority, quorum, all, one"),
        ("qdrant://host?on_disk_payload=yes", "expected one of true, false"),
        ("qdrant://host:port", "expected qdrant://host:6333"),
    ],
)
def test_urls_that_mean_nothing(url: str, text: str) -> None:
    """The refusal says what came and what was wanted; nobody was asked."""
    with pytest.raises(BadValue, match=text):
        open_engine(url)


def test_nobody_is_there() -> None:
    """A server that does not answer is named as an engine that cannot be reached."""
    with pytest.raises(UnreachableError, match=r"qdrant: .*refused"):
        open_engine("qdrant://127.0.0.1:9")


def test_options_are_told_to_the_server(qdrant: Qdrant, opened: Opened) -> None:
    """Shards, replicas, quantisation and what lies on disk are the table's; most replicas must have a write."""
    engine = opened("?shards=6&replicas=3&quantization=scalar&on_disk=true&on_disk_payload=false&consistency=quorum")
    fill(engine)
    (made,) = (body for name, body in qdrant.made.items() if name != "ochre_catalog")
    searched = made["vectors"]["embedding"]
    assert (made["shard_number"], made["replication_factor"], made["write_consistency_factor"]) == (6, 3, 2)
    assert (made["on_disk_payload"], searched["on_disk"]) == (False, True)
    assert searched["quantization_config"]["scalar"]["type"] == "int8"
    reads = [more for asked, more in qdrant.asked if asked.startswith("POST") and not asked.endswith("/count")]
    assert all(more["consistency"] == "quorum" for more in reads)
    writes = [more for asked, more in qdrant.asked if asked.startswith("PUT") and asked.endswith("/points")]
    assert all((more["wait"], more["ordering"]) == ("true", "medium") for more in writes)
    assert reads
    assert writes


def test_without_options_it_is_as_the_server_is_set_up(qdrant: Qdrant, opened: Opened) -> None:
    """What the URL does not say is left to the server's own configuration."""
    fill(opened())
    (made,) = (body for name, body in qdrant.made.items() if name != "ochre_catalog")
    assert made.get("shard_number") is made.get("on_disk_payload") is None
    assert made["vectors"]["embedding"].get("quantization_config") is None


def test_cosine_keeps_embeddings_beside_what_it_searches(qdrant: Qdrant, opened: Opened) -> None:
    """The embedding as it was given has no graph and lies on disk; quantised is only what is searched."""
    engine = opened("?quantization=binary")
    put(engine, make(engine, "cosine"), ["a"], embeddings=vectors([3, 4]))
    (made,) = (body for name, body in qdrant.made.items() if name != "ochre_catalog")
    kept, searched = made["vectors"]["embedding"], made["vectors"]["unit"]
    assert (kept["hnsw_config"]["m"], kept["on_disk"], kept.get("quantization_config")) == (0, True, None)
    assert "binary" in searched["quantization_config"]


def test_very_short_vectors_have_a_direction(opened: Opened) -> None:
    """Cosine is exact where Qdrant's own would not normalise any more."""
    engine = opened()
    collection = make(engine, "cosine")
    put(engine, collection, ["a", "b"], embeddings=vectors([0, 1e-20], [1e-20, 0]))
    hits = engine.query(collection, Query(vectors([1e-15, 0])))
    assert (hits.records[0].ids, hits.distances) == (["b", "a"], [[0.0, 1.0]])


def test_two_engines_serve_the_same(opened: Opened) -> None:
    """What one acknowledged the other finds, also when both make a collection's table at one moment."""
    one, other = opened(), opened()
    for n in range(5):
        collection = make(one, "cosine")
        with ThreadPoolExecutor() as threads:
            for job in [
                threads.submit(put, engine, collection, [f"{at}.{n}"]) for at, engine in enumerate((one, other))
            ]:
                job.result()
        assert set(ids(one, collection)) == set(ids(other, collection)) == {f"0.{n}", f"1.{n}"}
        assert other.count(collection) == one.count(collection) == 2
        assert len(other.query(collection, Query(vectors([1, 0, 0]))).records[0]) == 2


def test_names_keep_collections_apart(qdrant: Qdrant, opened: Opened) -> None:
    """Several engines on one server see their own, and a reset leaves what others have."""
    qdrant.client.create_collection("theirs", backend.models.VectorParams(size=2, distance="Dot"))
    one, other, unnamed = opened("/one"), opened("/other"), opened()
    kept = [(engine, fill(engine)) for engine in (other, unnamed)]
    fill(one)
    assert {name.partition(".")[0] for name in qdrant.made} > {"one", "other"}
    one.reset()
    assert one.count_collections(Scope()) == 0
    assert [engine.count(id_) for engine, id_ in kept] == [8, 8]
    unnamed.reset()
    assert other.count(kept[0][1]) == 8
    assert qdrant.client.collection_exists("theirs")


@pytest.mark.parametrize("version", ["1.10.1", "1.19.2-dev", "1.20.0"])
def test_documents_are_searched_by_every_version(qdrant: Qdrant, opened: Opened, version: str) -> None:
    """A server that cannot find a text within a text is not asked to."""
    qdrant.version = version
    engine = opened()
    collection = make(engine)
    put(engine, collection, ["a", "b", "c"], documents=["snowfall", "no wonder", None])
    where = parse_document({"$contains": "now"})
    assert ids(engine, collection, where) == ["a"]
    assert ids(engine, collection, parse_document({"$not_contains": "now"})) == ["b", "c"]
    assert ids(engine, collection, parse_document({"$regex": "^no? "})) == ["b"]
    assert engine.query(collection, Query(vectors([1, 0, 0]), where=where)).records[0].ids == ["a"]


@pytest.mark.parametrize(
    "given",
    [
        {"documents": ["é" * (5 << 20)]},
        {"metadatas": [{"s": "x" * (5 << 20)}]},
        {"metadatas": [{"l": list(range(200_000))}]},
    ],
)
def test_what_is_too_large_is_refused(opened: Opened, given: dict[str, Any]) -> None:
    """The refusal names engine, record and limit, and nothing of the call is written."""
    engine = opened()
    collection = make(engine)
    put(engine, collection, ["before"])
    with pytest.raises(NotSupported, match=r"qdrant does not take records with more than 4,194,304 bytes .* 'large'"):
        put(engine, collection, ["small", "large"], **{name: [None, *column] for name, column in given.items()})
    assert ids(engine, collection) == ["before"]


def test_large_records_fit_into_requests(opened: Opened) -> None:
    """Records just within the limit, and many that are large as JSON, are written in requests that a server takes."""
    engine = opened()
    collection = make(engine, "cosine")
    wide = np.full((3, 4096), 1 / 3, np.float32)
    documents = ["\x01" * (4_000_000), "é" * 3_000_000, "x"]
    put(engine, collection, ["a", "b", "c"], embeddings=wide, documents=documents)
    found = engine.get(collection, Get())
    assert [len(document or "") for document in found.documents or []] == [4_000_000, 3_000_000, 1]
    metadatas = [{"l": list(range(4000))} for _ in range(100)]
    put(
        engine,
        collection,
        [str(n) for n in range(100)],
        embeddings=np.ones((100, 4096), np.float32),
        metadatas=metadatas,
    )
    assert engine.count(collection) == 103


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=40),
    st.sampled_from((0, 2**40, 2**63 - 2**13)),
    st.integers(-1, 12),
)
def test_pages_leave_nothing_out(places: list[tuple[int, int]], begin: int, after: int) -> None:
    """Pages of rows that stand close together, or at one place, give each row once and in order."""
    rows = {key_of(str(n)): begin + 1000 * far + near for n, (far, near) in enumerate(places)}
    engine = open_engine("qdrant:memory")
    try:
        held = engine.backend
        held.create("t", 2, "l2")
        if rows:
            held.upsert("t", [Row(key, seq, "", None, {}, np.zeros(2, np.float32)) for key, seq in rows.items()])
        found: list[Place] = []
        at = begin + 400 * after
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backend, "PAGE", 3)
            while page := held.page("t", None, found[-1].seq if found else at):
                found += page
        assert sorted(found) == found == sorted(Place(seq, key) for key, seq in rows.items() if seq > at)
    finally:
        engine.close()


@given(st.sampled_from((2**53, 2**60, -(2**60), 2**63 - 600)), st.lists(st.integers(-70, 70), min_size=1, max_size=8))
@settings(max_examples=20, deadline=None)
def test_ints_that_no_float_can_hold_are_in_order(middle: int, offsets: list[int]) -> None:
    """An order of ints is exact where one float64 stands for many of them."""
    numbers = [middle + offset for offset in offsets]
    engine = open_engine("qdrant:memory")
    collection = make(engine)
    put(engine, collection, [str(n) for n in range(len(numbers))], metadatas=[{"n": number} for number in numbers])
    for op, holds in (("$gt", int.__gt__), ("$gte", int.__ge__), ("$lt", int.__lt__), ("$lte", int.__le__)):
        wanted = [str(n) for n, number in enumerate(numbers) if holds(number, middle)]
        assert ids(engine, collection, Order("n", op, middle)) == wanted
        rest = [str(n) for n in range(len(numbers)) if str(n) not in wanted]
        assert ids(engine, collection, Or((Not(Order("n", op, middle)), Or(())))) == rest
    engine.close()


def test_values_are_data(opened: Opened) -> None:
    """Keys and values that look like paths, filters or JSON are only what they are."""
    engine = opened()
    collection = make(engine)
    odd = ['a.b[]."c"', "terms", 'x"}],"must":[{"key":"seq', "\x00\\", "numbers[].below", "'; DROP", "%s{}$1"]
    names = [str(n) for n in range(len(odd))]
    put(engine, collection, names, metadatas=[{key: key, "n": 1.5} for key in odd], documents=odd)
    for name, text in zip(names, odd, strict=True):
        assert ids(engine, collection, parse({text: text})) == [name]
        assert ids(engine, collection, parse({text: {"$nin": [text]}})) == [other for other in names if other != name]
        assert ids(engine, collection, parse_document({"$contains": text})) == [name]


def test_a_load_survives_broken_connections(qdrant: Qdrant) -> None:
    """Calls that fail, also after the server has done them, are made again and leave each record there once."""
    chance = Random(7)
    shaky = Server(qdrant, failing=lambda _: chance.choice((0, 0, 500, 503, *[None] * 20)))
    with_retries = open_engine(f"{shaky.url}?wait=30")
    collection = make(with_retries)
    names = [f"{n}" for n in range(2500)]
    rows = np.random.default_rng(0).standard_normal((2500, 8)).astype(np.float32)
    with_retries.write(collection, Write("add", Records(names, rows)))
    assert ids(with_retries, collection) == names
    with_retries.close()
    shaky.stop()


def test_what_was_not_acknowledged_is_named(qdrant: Qdrant) -> None:
    """When a part fails for good, the error says which ids are in and which may not be, and a second try mends it."""
    parts = count()
    shaky = Server(
        qdrant, failing=lambda path: 503 if "catalog" not in path and "?wait" in path and next(parts) > 4 else None
    )
    engine = open_engine(f"{shaky.url}?wait=1")
    collection = make(engine)
    write = Write("add", Records([str(n) for n in range(2500)], np.ones((2500, 8), np.float32)))
    with pytest.raises(PartlyWrittenError, match=r"qdrant: (15|20)00 of 2500 records were not acknowledged") as failed:
        engine.write(collection, write)
    assert sorted(failed.value.written + failed.value.missing) == sorted(write.records.ids)
    assert set(failed.value.written) <= set(ids(engine, collection))
    engine.close()
    shaky.stop()
    mended = Server(qdrant)
    again = open_engine(mended.url)
    again.write(collection, write)
    assert sorted(ids(again, collection)) == sorted(write.records.ids)
    again.close()
    mended.stop()


def test_a_load_survives_a_restart(qdrant: Qdrant) -> None:
    """A server that goes away in the middle of a load and comes back has everything that was acknowledged."""
    first = Server(qdrant)
    engine = open_engine(f"{first.url}?wait=60")
    collection = make(engine)
    for n in range(6):
        if n == 3:
            first.stop()
            second = Server(qdrant, first.port)
        put(engine, collection, [f"{n}.{m}" for m in range(200)])
    assert engine.count(collection) == 1200
    engine.close()
    second.stop()


def test_a_refusal_is_not_retried(server: Server) -> None:
    """An error that will not pass is told at once, with what the server said."""
    engine = open_engine(f"{server.url}?wait=3600")
    with pytest.raises(InternalError, match=r"qdrant: .*vector.*\(status 400\)"):
        engine.backend.upsert("ochre_catalog", [Row(key_of("a"), 1, "", None, {}, np.zeros(3, np.float32))])
    engine.close()
