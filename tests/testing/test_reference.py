"""The reference passes the contract that it explains, and random calls on two of them agree."""

import pytest

from ochredb.core.engine import Engine
from ochredb.core.errors import BadType
from ochredb.core.model import Records, Write
from ochredb.testing.contract import EngineContract
from ochredb.testing.contract.stage import make, vectors
from ochredb.testing.machine import engine_machine
from ochredb.testing.reference import ReferenceEngine


@pytest.fixture
def engine() -> Engine:
    """Give a new reference engine."""
    return ReferenceEngine()


class TestReference(EngineContract):
    """The reference engine."""

    def test_none_in_new_metadata_is_a_type_error(self, engine: Engine) -> None:
        """Within a process the refusal is the TypeError that Chroma's callers catch."""
        write = Write("add", Records(["a"], vectors([1, 2]), None, [{"x": None}]))
        with pytest.raises(BadType, match=r"^argument 'metadatas': Cannot convert Python object to MetadataValue"):
            engine.write(make(engine), write)


TestRandomCalls = engine_machine(ReferenceEngine).TestCase
