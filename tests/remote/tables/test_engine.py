"""The meaning that all engines with tables share, over a backend in memory that can do little and takes little."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis.stateful import run_state_machine_as_test

from ochredb.core.engine import Engine
from ochredb.core.errors import NotFoundError
from ochredb.core.model import NewCollection, Query, Records, Scope, Write
from ochredb.remote.tables.engine import TableEngine
from ochredb.testing.contract import EngineContract
from ochredb.testing.machine import engine_machine
from tests.remote.tables.memory import Memory


class TestContract(EngineContract):
    """The contract, with documents in pieces, and filters on documents that the engine cannot answer."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        """Give a new engine."""
        engine = TableEngine(Memory())
        yield engine
        engine.close()


def test_random_calls() -> None:
    """Random calls give what the reference gives."""
    run_state_machine_as_test(engine_machine(lambda: TableEngine(Memory())))


def test_a_reset_is_seen_by_the_other_servers() -> None:
    """A collection of an old name is another one, also for who has used the old one."""
    backend = Memory()
    one, other = TableEngine(backend), TableEngine(backend)
    old = one.create_collection(Scope(), NewCollection("c", "l2")).id
    one.write(old, Write("add", Records(["a"], np.ones((1, 3), np.float32))))
    other.reset()
    new = other.create_collection(Scope(), NewCollection("c", "cosine")).id
    other.write(new, Write("add", Records(["b"], np.ones((1, 2), np.float32))))
    assert one.get_collection(Scope(), "c").dimension == 2
    assert one.query(new, Query(np.ones((1, 2), np.float32))).records[0].ids == ["b"]
    with pytest.raises(NotFoundError):
        one.count(old)
    one.reset()
    one.reset()  # there is nothing to remove any more
    assert other.count_collections(Scope()) == 0
    assert one.list_tenants() == ["default_tenant"]
