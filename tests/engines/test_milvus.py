"""Milvus, the real server, passes the contract."""

from typing import Any, cast

import pytest
from hypothesis.stateful import run_state_machine_as_test

from ochredb.core.engine import Engine
from ochredb.core.errors import NotSupported
from ochredb.core.model import Delete, Get, Metadata, Query
from ochredb.core.where import parse, parse_document
from ochredb.remote.milvus import engine as open_engine
from ochredb.remote.tables.engine import TableEngine, table_of
from ochredb.remote.tables.store import REST
from ochredb.testing.contract import EngineContract
from ochredb.testing.contract.stage import DEFAULT, ids, make, put, vectors
from ochredb.testing.machine import engine_machine

COLLECTIONS = 20
HOSTILE = (
    '"',
    "\\",
    '\\" or seq >= 0 or key == \\"',
    '" or 1 == 1 or "',
    "') or seq >= 0 --",
    "{{x}}",
    'terms["k"]',
    "%_*",
    "é\u0301日本🦆",
    "a\x00b\n\t",
)


@pytest.mark.timeout(600)
class TestContract(EngineContract):
    """The contract."""

    @pytest.fixture
    def engine(self, milvus: Engine) -> Engine:
        """Give an engine that is empty but for the defaults."""
        return milvus

    def test_many_small_collections(self, engine: Engine) -> None:
        """Twenty collections, not two hundred, keep their records apart: Milvus loads each for some seconds."""
        made = [make(engine, name=f"c{n:03}") for n in range(COLLECTIONS)]
        for n, collection in enumerate(made):
            put(engine, collection, ["a", f"only {n}"], documents=[f"document {n}", None])
        assert engine.count_collections(DEFAULT) == COLLECTIONS
        for n, collection in enumerate(made):
            assert ids(engine, collection) == ["a", f"only {n}"]

    def test_close_twice(self, milvus_url: str) -> None:
        """Closing twice is harmless; an engine of its own, as the others of this run need theirs."""
        opened = open_engine(milvus_url)
        opened.close()
        opened.close()


@pytest.mark.timeout(900)
def test_random_calls(milvus: Engine) -> None:
    """Random calls give what the reference gives."""

    class Shared:
        """The engine of this run, which a case empties and does not close."""

        def __init__(self) -> None:
            milvus.reset()

        def __getattr__(self, verb: str) -> Any:
            return getattr(milvus, verb)

        def close(self) -> None:
            """Leave it open."""

    run_state_machine_as_test(engine_machine(lambda: cast(Engine, Shared())))


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_gets_into_an_expression(milvus: Engine, text: str) -> None:
    """Quotes, backslashes, Unicode and expressions are ids, keys, values and array elements like any others."""
    collection = make(milvus)
    values: list[Metadata | None] = [{text: text, "l": [text]}, {"k": "plain", "l": ["plain"]}]
    put(milvus, collection, [text, "plain"], metadatas=values, documents=[text, "plain"])
    assert ids(milvus, collection, parse({text: text})) == [text]
    assert ids(milvus, collection, parse({"l": {"$contains": text}})) == [text]
    assert ids(milvus, collection, parse({"k": {"$in": [text, "x"]}})) == []
    assert ids(milvus, collection, parse({"k": {"$ne": text}})) == [text, "plain"]
    hits = milvus.query(collection, Query(vectors([1, 0, 0]), ids=[text], where=parse({text: text})))
    assert hits.records[0].ids == [text]
    assert milvus.delete(collection, Delete(ids=[text])) == 1
    assert ids(milvus, collection) == ["plain"]


def test_documents_longer_than_a_field(milvus: Engine) -> None:
    """A document of 400,000 bytes comes back whole, is filtered and found, and leaves nothing when it is removed."""
    collection = make(milvus)
    long = "é" * 200_000 + "needle"
    put(milvus, collection, ["long", "short"], documents=[long, "short"])
    assert milvus.get(collection, Get(ids=["long"])).documents == [long]
    assert ids(milvus, collection, parse_document({"$contains": "needle"})) == ["long"]
    found = milvus.query(collection, Query(vectors([1, 0, 0]), where=parse_document({"$contains": "needle"})))
    assert found.records[0].documents == [long]
    put(milvus, collection, ["long"], "update", metadatas=[{"n": 1}])
    assert milvus.get(collection, Get(ids=["long"])).documents == [long]
    milvus.delete(collection, Delete(ids=["long"]))
    assert isinstance(milvus, TableEngine)
    assert milvus.backend.count(table_of(collection) + REST) == 0


def test_what_is_too_long_is_refused_by_name(milvus: Engine) -> None:
    """An id, or metadata, that Milvus cannot take is refused with its name, and nothing is written."""
    collection = make(milvus)
    put(milvus, collection, ["a"])
    for columns in ({"uris": ["x" * 70_000]}, {"metadatas": [{f"key {n}": n for n in range(3000)}]}):
        with pytest.raises(NotSupported, match="milvus does not take records with more than 65,535 bytes"):
            put(milvus, collection, ["b"], **columns)
    assert ids(milvus, collection) == ["a"]
