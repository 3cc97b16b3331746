"""What `compact` gives back, and that nobody notices otherwise."""

import threading
from pathlib import Path

import numpy as np
import pytest

from ochredb.core.errors import NotFoundError
from ochredb.core.model import Delete, Get, NewCollection, Records, Scope, Write
from ochredb.local.check import check
from ochredb.local.compact import compact
from ochredb.local.database import FILE
from ochredb.local.engine import LocalEngine
from ochredb.local.stats import stats
from ochredb.local.vectors import INDEXED_FROM


def write(ids: range, dimension: int = 64) -> Write:
    """Make an upsert of random vectors."""
    vectors = np.random.default_rng(ids.start).standard_normal((len(ids), dimension)).astype(np.float32)
    return Write("upsert", Records([str(n) for n in ids], vectors))


def free_most(folder: Path) -> str:
    """Make a collection of which most is removed, by a process that leaves at once, and give its UUID."""
    engine = LocalEngine(folder)
    engine._indexer.close()  # it would give the pages back when all is quiet
    collection = engine.create_collection(Scope(), NewCollection("c")).id
    engine.write(collection, write(range(5000)))
    engine.delete(collection, Delete(ids=[str(n) for n in range(100, 5000)]))
    engine.close()
    return collection


def test_free_pages_go_back(tmp_path: Path) -> None:
    """The file shrinks by what was free, the write-ahead log is merged, and the records are as they were."""
    free_most(tmp_path)
    free = stats(tmp_path).free_bytes
    assert free > 500_000
    before = (tmp_path / FILE).stat().st_size
    done = compact(tmp_path)
    assert done.before - done.after >= free
    assert (tmp_path / FILE).stat().st_size <= before - free
    assert stats(tmp_path).free_bytes == 0
    assert check(tmp_path, deep=True).clean
    engine = LocalEngine(tmp_path)
    assert engine.get(engine.get_collection(Scope(), "c").id, Get()).ids == [str(n) for n in range(100)]
    engine.close()
    assert compact(tmp_path).before == compact(tmp_path).after


def test_half_empty_pages_are_filled(tmp_path: Path) -> None:
    """Every second record is gone, and so is about half of the file; no page was free before."""
    engine = LocalEngine(tmp_path)
    engine._indexer.close()  # it would do it when all is quiet
    collection = engine.create_collection(Scope(), NewCollection("c")).id
    engine.write(collection, write(range(5000)))
    engine.delete(collection, Delete(ids=[str(n) for n in range(0, 5000, 2)]))
    engine.close()
    done = compact(tmp_path)
    assert done.after < 0.7 * done.before
    assert check(tmp_path, deep=True).clean
    engine = LocalEngine(tmp_path)
    assert engine.get(collection, Get()).ids == [str(n) for n in range(1, 5000, 2)]
    engine.close()


def test_others_write_meanwhile(tmp_path: Path) -> None:
    """Pages go back in steps, and every write between them is kept."""
    collection = free_most(tmp_path)
    engine = LocalEngine(tmp_path)
    stop, written = threading.Event(), 0

    def work() -> None:
        nonlocal written
        while not stop.is_set() or not written:
            engine.write(collection, write(range(10_000 + written, 10_010 + written)))
            written += 10

    worker = threading.Thread(target=work)
    worker.start()
    compact(tmp_path)
    stop.set()
    worker.join()
    assert engine.count(collection) == 100 + written
    engine.close()
    assert check(tmp_path, deep=True).clean


def test_views_that_nobody_can_use_go(tmp_path: Path) -> None:
    """A damaged one is of no use, a whole one stays."""
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("c")).id
    engine.write(collection, write(range(INDEXED_FROM + 100), 8))
    engine.settle()
    engine.close()
    compact(tmp_path)
    (view,) = stats(tmp_path).collections[0].views
    assert view.usable
    (file,) = tmp_path.rglob("vectors.rows.*")
    file.write_bytes(file.read_bytes()[1:])
    compact(tmp_path)
    assert stats(tmp_path).collections[0].views == ()
    assert sorted(path.name for path in (tmp_path / collection).iterdir()) == [".lock"]


def test_a_folder_without_a_database_is_refused(tmp_path: Path) -> None:
    """Nothing is made."""
    with pytest.raises(NotFoundError):
        compact(tmp_path)
    assert list(tmp_path.iterdir()) == []
