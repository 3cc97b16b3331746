"""The embedded engine passes the contract, and random calls agree with the reference, also across reopening."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from hypothesis.stateful import run_state_machine_as_test

from ochredb.core.engine import Engine
from ochredb.core.errors import BadType
from ochredb.core.model import Records, Write
from ochredb.local.engine import LocalEngine
from ochredb.testing.compare import same_info, same_records
from ochredb.testing.contract import EngineContract
from ochredb.testing.contract.stage import EVERYTHING, make, vectors
from ochredb.testing.machine import engine_machine


class LocalContract(EngineContract):
    """The contract, and what only an engine in this process can promise."""

    def test_none_in_new_metadata_is_a_type_error(self, engine: Engine) -> None:
        """Within a process the refusal is the TypeError that Chroma's callers catch."""
        write = Write("add", Records(["a"], vectors([1, 2]), None, [{"x": None}]))
        with pytest.raises(BadType, match=r"^argument 'metadatas': Cannot convert Python object to MetadataValue"):
            engine.write(make(engine), write)

    @pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
    def test_embeddings_are_kept_to_the_bit(self, engine: Engine, space: str) -> None:
        """An embedding comes back as the very float32s that were written, in every space."""
        collection = make(engine, space)
        given = np.random.default_rng(0).standard_normal((50, 7)).astype(np.float32)
        engine.write(collection, Write("add", Records([str(n) for n in range(50)], given)))
        np.testing.assert_array_equal(engine.get(collection, EVERYTHING).embeddings, given)


class TestInMemory(LocalContract):
    """The embedded engine without a folder."""

    @pytest.fixture
    def engine(self) -> Iterator[Engine]:
        """Give a new engine in memory."""
        engine = LocalEngine(None)
        yield engine
        engine.close()


class TestOnDisk(LocalContract):
    """The embedded engine in a folder."""

    @pytest.fixture
    def engine(self, tmp_path: Path) -> Iterator[Engine]:
        """Give a new engine in a new folder."""
        engine = LocalEngine(tmp_path / "store")
        yield engine
        engine.close()


TestRandomCallsInMemory = engine_machine(lambda: LocalEngine(None)).TestCase


def test_random_calls_on_disk(tmp_path: Path) -> None:
    """Random calls on an engine in a folder give what the reference gives."""
    folders = (tmp_path / str(n) for n in count())
    run_state_machine_as_test(engine_machine(lambda: LocalEngine(next(folders))))


def test_random_calls_across_reopening(tmp_path: Path) -> None:
    """The same, with the engine now and then closed and opened again between two calls."""
    folders = [tmp_path / "0"]

    def begin() -> Engine:
        folders.append(tmp_path / str(len(folders)))
        return LocalEngine(folders[-1])

    def reopen(engine: Engine) -> Engine:
        engine.close()
        return LocalEngine(folders[-1])

    run_state_machine_as_test(engine_machine(begin, reopen))


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    """Catalog and records are on disk when a call returns, and opening brings them back."""
    with_records = LocalEngine(tmp_path)
    collection = make(with_records, "cosine")
    given = Records(["é", "b"], vectors([1, 2], [3, 4]), ["x", None], [{"n": 1, "l": [True]}, None], [None, "u"])
    with_records.write(collection, Write("add", given))
    info = with_records.get_collection_by_id(collection)
    with_records.close()
    again = LocalEngine(tmp_path)
    same_info(again.get_collection_by_id(collection), info)
    same_records(again.get(collection, EVERYTHING), given)
    again.close()
