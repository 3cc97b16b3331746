"""An engine at the other end of a socket passes the contract, and random calls agree with the reference."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from ochredb.core.engine import Engine
from ochredb.core.errors import BadType, BatchSizeExceededError, ClosedError, InvalidArgumentError, NotFoundError
from ochredb.core.model import Get, NewCollection, Records, Scope, Write
from ochredb.remote.http import Address, HttpEngine
from ochredb.testing.contract import EngineContract
from ochredb.testing.contract.stage import DEFAULT, EVERYTHING, make, put, vectors
from ochredb.testing.machine import engine_machine
from tests.serving import Served, serving

SMALL = {"OCHRE_MAX_ROWS": "10", "OCHRE_BATCH": "10"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Give a server of ours, a process of its own."""
    with serving(tmp_path_factory.mktemp("served") / "data", "--allow-reset") as server:
        yield server


@pytest.fixture
def engine(server: Served) -> Iterator[Engine]:
    """Give a new engine of it, and empty it."""
    engine = HttpEngine(Address(server.url))
    engine.reset()
    yield engine
    engine.close()


class TestHttp(EngineContract):
    """The engine that asks our own server."""

    def test_none_in_new_metadata_is_a_type_error(self, engine: Engine) -> None:
        """The refusal is the TypeError that it is in a process."""
        write = Write("add", Records(["a"], vectors([1, 2]), None, [{"x": None}]))
        with pytest.raises(BadType, match=r"^argument 'metadatas': Cannot convert Python object to MetadataValue"):
            engine.write(make(engine), write)

    @pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
    def test_embeddings_are_kept_to_the_bit(self, engine: Engine, space: str) -> None:
        """An embedding comes back as the very float32s that were sent, in every space."""
        collection = make(engine, space)
        given = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
        engine.write(collection, Write("add", Records([str(n) for n in range(50)], given)))
        np.testing.assert_array_equal(engine.get(collection, EVERYTHING).embeddings, given)


def test_random_calls(server: Served) -> None:
    """Random calls on a server give what the reference gives."""

    def begin() -> Engine:
        engine = HttpEngine(Address(server.url))
        engine.reset()
        return engine

    # What fails is not made smaller: over a socket that takes longer than a test may.
    tried = settings(max_examples=8, stateful_step_count=25, phases=[Phase.generate])
    run_state_machine_as_test(engine_machine(begin), settings=tried)


def test_collections_of_all_databases_are_found_by_id(server: Served, engine: Engine) -> None:
    """An engine that never heard of a collection finds it by its UUID, in whichever database of its tenant it is."""
    engine.create_database(Scope(database="elsewhere"))
    made = engine.create_collection(Scope(database="elsewhere"), NewCollection("made"))
    put(engine, made.id, ["a"])
    other = HttpEngine(Address(server.url))
    assert other.count(made.id) == 1
    assert other.get_collection_by_id(made.id) == engine.get_collection_by_id(made.id)
    engine.create_tenant("somebody")
    engine.create_database(Scope("somebody", "theirs"))
    theirs = engine.create_collection(Scope("somebody", "theirs"), NewCollection("made")).id
    with pytest.raises(NotFoundError, match=r"in any database that was asked about"):
        other.count(theirs)
    assert other.get_database(Scope("somebody", "theirs")).name == "theirs"
    assert other.count(theirs) == 0
    other.close()


def test_a_write_that_is_too_large_goes_in_parts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What the server does not take at once goes by as many as it takes, and the log says so."""
    given = Records([str(n) for n in range(25)], np.ones((25, 2), np.float32), None, [{"n": n} for n in range(25)])
    with serving(tmp_path / "data", variables=SMALL) as server:
        small = HttpEngine(Address(server.url))
        collection = make(small)
        small.write(collection, Write("add", given))
        assert small.get(collection, Get()).ids == given.ids
        assert "the server takes 10 records at a time; 25 are written in parts" in caplog.text
        assert small.batch() == 10
        small.close()


def test_a_part_that_is_refused_says_what_is_written(tmp_path: Path) -> None:
    """The error of a later part tells how many records went before."""
    ids = [str(n) for n in range(25)]
    with serving(tmp_path / "data", variables=SMALL) as server:
        small = HttpEngine(Address(server.url))
        collection = make(small)
        put(small, collection, ids[:10])
        changes = Records(ids, None, ["changed"] * 25)
        with pytest.raises(InvalidArgumentError, match="of 25 records the first 10 are written, the others are not"):
            small.write(collection, Write("upsert", changes))
        assert small.get(collection, Get()).documents == ["changed"] * 10
        small.close()


def test_a_closed_engine(server: Served) -> None:
    """Every verb of a closed engine says that it is closed."""
    engine = HttpEngine(Address(server.url))
    engine.close()
    with pytest.raises(ClosedError, match="was closed"):
        engine.list_collections(DEFAULT)


def test_a_body_that_is_too_large(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A server may close the door on a body; what fits by parts is written, and a record that never fits is refused."""
    given = Records([str(n) for n in range(20)], np.ones((20, 1000), np.float32), ["x" * 1000] * 20)
    with serving(tmp_path / "data", variables={"OCHRE_MAX_BODY_BYTES": "60000", "OCHRE_BATCH": "5"}) as server:
        small = HttpEngine(Address(server.url))
        collection = make(small)
        small.write(collection, Write("add", given))
        assert small.count(collection) == 20
        assert "the server takes 5 records at a time; 20 are written in parts" in caplog.text
        with pytest.raises(BatchSizeExceededError):
            small.write(collection, Write("upsert", Records(["big"], np.ones((1, 1000), np.float32), ["x" * 90_000])))
        assert small.count(collection) == 20
        small.close()


def test_an_engine_behind_a_server(tmp_path: Path, engine: Engine, server: Served) -> None:
    """A server may serve another server's database: the whole way there and back keeps what is kept."""
    with serving(tmp_path / "none", "--engine", server.url) as front:
        other = HttpEngine(Address(front.url))
        collection = make(other)
        put(other, collection, ["a", "b"], metadatas=[{"n": 2**53 + 1}, {"l": [1.0]}], documents=["é", None])
        assert other.get(collection, EVERYTHING).metadatas == engine.get(collection, EVERYTHING).metadatas
        elsewhere = Scope(database="behind")
        other.create_database(elsewhere)
        made = engine.create_collection(elsewhere, NewCollection("made")).id
        assert other.get_collection_by_id(made).scope == elsewhere
        other.close()
