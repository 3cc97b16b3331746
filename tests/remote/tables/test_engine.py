"""The meaning that all engines with tables share, over a backend in memory that can do little and takes little."""

from collections.abc import Iterator

import pytest
from hypothesis.stateful import run_state_machine_as_test

from ochredb.core.engine import Engine
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
