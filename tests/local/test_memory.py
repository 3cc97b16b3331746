"""Memory and handles come back: when a budget is passed, and when the engine is closed."""

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ochredb.core.model import NO_FIELDS, NewCollection, Query, Records, Scope, Write
from ochredb.core.where import Contains, parse
from ochredb.local.engine import LocalEngine

DIMENSION = 8
ROWS = 600


def fill(engine: LocalEngine, name: str) -> str:
    """Make a collection with an index, columns and texts."""
    collection = engine.create_collection(Scope(), NewCollection(name)).id
    rows = np.random.default_rng(len(name)).normal(size=(ROWS, DIMENSION)).astype(np.float32)
    ids = [f"{name} {row}" for row in range(ROWS)]
    engine.write(collection, Write("add", Records(ids, rows, ids, [{"n": row} for row in range(ROWS)])))
    return collection


def ask(engine: LocalEngine, collection: str) -> list[str]:
    """Ask with a filter on metadata and one on text."""
    query = np.zeros((1, DIMENSION), np.float32)
    found = engine.query(collection, Query(query, 5, where=parse({"n": {"$lt": 5}}), fields=NO_FIELDS))
    engine.query(collection, Query(query, 5, where=Contains("collection 1"), fields=NO_FIELDS))
    return sorted(found.records[0].ids)


def soon(true: Callable[[], bool]) -> None:
    """Wait until something is true, which indexing in the background may hold up."""
    give_up = time.monotonic() + 30
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.01)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", ["memory", "folder"])
def test_views_that_were_used_least_lately_are_unloaded(tmp_path: Path, place: str) -> None:
    """The budget holds soon after every query, the newest view stays, and whoever comes back is answered the same."""
    free = LocalEngine(None)
    collection = fill(free, "collection")
    ask(free, collection)
    free.settle()
    one = free._collections[collection].nbytes
    assert one > ROWS * DIMENSION
    free.close()

    engine = LocalEngine(None if place == "memory" else tmp_path, memory_limit=2 * one)
    names = [f"collection {n}" for n in range(6)]
    collections = {name: fill(engine, name) for name in names}
    expected = {name: ask(engine, collection) for name, collection in collections.items()}
    for round_ in range(3):
        if round_:
            engine.settle()
        for name, collection in collections.items():
            assert ask(engine, collection) == expected[name]
            assert engine._collections[collection].nbytes
            soon(lambda: sum(view.nbytes for view in engine._collections.values()) <= 2 * one)

    def the_oldest_is_unloaded() -> bool:
        for collection in collections.values():
            ask(engine, collection)
        loaded = {name for name, collection in collections.items() if engine._collections[collection].nbytes}
        return names[-1] in loaded and names[0] not in loaded

    soon(the_oldest_is_unloaded)  # one that is being indexed stays, however long ago it was used
    engine.close()


def test_no_budget_unloads_what_is_being_used(tmp_path: Path) -> None:
    """A budget that is too small for one collection lets it be used all the same."""
    engine = LocalEngine(tmp_path, memory_limit=1)
    one, other = fill(engine, "one collection"), fill(engine, "other")
    for _ in range(2):
        for collection in (one, other):
            ask(engine, collection)
            assert [view.id for view in engine._collections.values() if view.nbytes] == [collection]
    engine.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list a process's handles")
@pytest.mark.usefixtures("small")
def test_close_gives_every_handle_back(tmp_path: Path) -> None:
    """No file, no mapping and no thread of a closed engine is left."""
    gc.collect()
    before, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    engine = LocalEngine(tmp_path / "database")
    collection = fill(engine, "one")
    ask(engine, collection)
    engine.settle()
    ask(engine, collection)
    assert str(tmp_path) in Path("/proc/self/maps").read_text()
    assert len(os.listdir("/proc/self/fd")) > before
    engine.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert threading.active_count() == threads
    assert str(tmp_path) not in Path("/proc/self/maps").read_text()


CLOSING = """
import sys
from pathlib import Path
import numpy as np
from ochredb.core.model import *
from ochredb.core.where import parse
from ochredb.local.engine import LocalEngine

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def work(folder):
    engine = LocalEngine(Path(folder))
    collection = engine.create_collection(Scope(), NewCollection("c")).id
    rows = np.random.default_rng(1).normal(size=(30_000, 128)).astype(np.float32)
    for start in range(0, len(rows), 5000):
        ids = [str(row) for row in range(start, start + 5000)]
        engine.write(collection, Write("add", Records(ids, rows[start:start + 5000], ids, [{"n": 1}] * 5000)))
    engine.settle()
    engine.query(collection, Query(rows[:10], 5, where=parse({"n": 1})))
    held = resident()
    engine.close()
    return held

for n in range(3):  # libraries keep what they need once
    work(f"{sys.argv[1]}/{n}")
before = resident()
held = work(sys.argv[1] + "/last")
print(before, held, resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory of a process")
def test_close_gives_memory_back(tmp_path: Path) -> None:
    """Of what a collection of 30,000 rows takes, nearly all is given back."""
    done = subprocess.run(
        [sys.executable, "-c", CLOSING, str(tmp_path)], capture_output=True, text=True, timeout=110, check=True
    )
    before, held, after = map(int, done.stdout.split())
    assert held - before > 10_000_000
    assert after - before < (held - before) / 3
