"""The file shrinks after records are removed, wherever in it they were, and what is left stays as it was."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ochredb.core.errors import OchreError
from ochredb.core.model import ALL_FIELDS, Delete, Get, NewCollection, Query, Records, Scope, Write
from ochredb.local import catalog, packing
from ochredb.local.database import FILE
from ochredb.local.engine import LocalEngine

ROWS = 6000
VECTORS = np.random.default_rng(5).normal(size=(ROWS, 64)).astype(np.float32)
IDS = [f"record {n}" for n in range(ROWS)]


def fill(engine: LocalEngine, name: str) -> str:
    """Make a collection of some 3 MB."""
    collection = engine.create_collection(Scope(), NewCollection(name)).id
    texts = [f"{n} " * 40 for n in range(ROWS)]
    for start in range(0, ROWS, 1000):
        part = slice(start, start + 1000)
        engine.write(collection, Write("add", Records(IDS[part], VECTORS[part], texts[part], [{"n": 1}] * 1000)))
    return collection


def size(folder: Path) -> int:
    """Give the bytes of the database, with calls that are not merged yet."""
    return sum(file.stat().st_size for file in folder.glob(f"{FILE}*") if not file.name.endswith("-shm"))


def soon(true: Callable[[], bool]) -> None:
    """Wait for the background."""
    give_up = time.monotonic() + 60
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)


REMOVED = {
    "every second record": IDS[::2],
    "a random half": np.random.default_rng(7).permutation(IDS)[: ROWS // 2].tolist(),
    "the first half": IDS[: ROWS // 2],
    "the last half": IDS[ROWS // 2 :],
    "three of four": [id_ for n, id_ in enumerate(IDS) if n % 4],
    "all": IDS,
}


@pytest.mark.parametrize("which", REMOVED)
def test_removing_gives_the_room_back(tmp_path: Path, which: str) -> None:
    """Of the bytes of removed records nine tenths go back to the file system, without a command."""
    engine = LocalEngine(tmp_path)
    empty = size(tmp_path)
    collection = fill(engine, "one")
    engine.close()
    full = size(tmp_path)
    removed = REMOVED[which]
    engine = LocalEngine(tmp_path)
    kept = engine.get(collection, Get(fields=ALL_FIELDS))
    rows = [row for row, id_ in enumerate(kept.ids) if id_ not in set(removed)]
    assert engine.delete(collection, Delete(ids=removed)) == len(removed)
    aim = full - 0.9 * (full - empty) * len(removed) / ROWS
    soon(lambda: size(tmp_path) <= aim)
    left, expected = engine.get(collection, Get(fields=ALL_FIELDS)), kept.take(rows)
    assert (left.ids, left.documents, left.metadatas) == (expected.ids, expected.documents, expected.metadatas)
    np.testing.assert_array_equal(left.embeddings, expected.embeddings)
    if rows:
        assert engine.query(collection, Query(VECTORS[rows[-1:]], 1)).records[0].ids == [IDS[rows[-1]]]
    engine.close()


def test_removing_a_collection_gives_its_room_back(tmp_path: Path) -> None:
    """Of two collections one is left, and the file is as large as one."""
    engine = LocalEngine(tmp_path)
    fill(engine, "one")
    engine.close()
    one = size(tmp_path)
    engine = LocalEngine(tmp_path)
    fill(engine, "other")
    engine.delete_collection(Scope(), "one")
    soon(lambda: size(tmp_path) <= 1.1 * one)
    assert engine.count_collections(Scope()) == 1
    engine.close()


def test_packing_stops_and_goes_on(tmp_path: Path) -> None:
    """It is done in steps, each of which leaves everything as it was, and once done it is not done again."""
    engine = LocalEngine(tmp_path)
    collection = fill(engine, "one")
    engine._indexer._stopping = True  # by hand instead
    engine.delete(collection, Delete(ids=IDS[::3]))
    expected = engine.get(collection, Get(fields=ALL_FIELDS))
    place, steps = None, 0
    while True:
        with engine._store.writing("pack") as db:
            place = packing.step(db, place)
        steps += 1
        left = engine.get(collection, Get(fields=ALL_FIELDS))
        assert (left.ids, left.documents) == (expected.ids, expected.documents)
        if place is None:
            break
    assert steps == ROWS * 2 // 3 // packing.ROWS + 1
    with engine._store.writing("pack") as db:
        assert packing.step(db, None) is None
        assert catalog.head(db, collection).packed == ROWS // 3
    engine.close()


def test_a_collection_that_goes_meanwhile_is_no_fault(tmp_path: Path) -> None:
    """Where packing should go on there is nothing any more; it begins anew with the next one."""
    engine = LocalEngine(tmp_path)
    collection = fill(engine, "one")
    engine._indexer._packed = packing.Place(collection, 10)
    engine.delete_collection(Scope(), "one")
    soon(lambda: engine._indexer._packed is None)
    with engine._store.writing("pack") as db, pytest.raises(OchreError):
        packing.step(db, packing.Place(collection, 10))
    engine.close()
