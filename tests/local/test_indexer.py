"""Work in the background: it may fail, and it ends when it is told to."""

import errno
import gc
import logging
import os
import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ochredb.core.errors import ClosedError, InvalidArgumentError
from ochredb.core.model import Delete, Floats, Get, Query, Records, Write
from ochredb.core.where import Where, parse_document
from ochredb.local import built, indexer, snapshot, vectors
from ochredb.local.engine import LocalEngine
from ochredb.local.indexer import Indexer
from ochredb.local.stats import stats
from ochredb.local.store import Store
from ochredb.testing.contract.stage import make

pytestmark = pytest.mark.usefixtures("small")

ROWS = np.random.default_rng(0).standard_normal((1000, 8)).astype(np.float32)


def put(engine: LocalEngine, collection: str, rows: Floats, prefix: str = "") -> None:
    engine.write(collection, Write("add", Records([f"{prefix}{n}" for n in range(len(rows))], rows)))


def indexed(engine: LocalEngine, collection: str) -> bool:
    view = engine._collections[collection]
    return view.vectors is not None and view.vectors.built is not None


class StopsFirst(threading.Condition):
    """A condition that is told to stop in the moment before its waiter takes it: the order that threads fall into
    once in a great while.
    """

    stop: Callable[[], None] | None = None

    def __enter__(self) -> bool:
        stop, self.stop = self.stop, None
        if stop is not None:
            stop()
        return super().__enter__()


def test_stopping_is_heard_whenever_it_is_said() -> None:
    """A thread that is told to stop just before it goes to sleep does not sleep for ever, and `close` with it."""
    store = Store(None)
    indexer = Indexer(store, lambda _: None, lambda: None)

    def stop() -> None:
        with indexer._wake:
            indexer._stopping = True
            indexer._wake.notify()

    indexer._wake = StopsFirst()
    indexer._wake.stop = stop
    thread = threading.Thread(target=indexer._run, daemon=True)
    thread.start()
    thread.join(3)
    store.close()
    assert not thread.is_alive()


def test_closing_while_it_works(tmp_path: Path) -> None:
    """An engine that is closed in the middle of indexing closes, and everything is there afterwards."""
    for n in range(5):
        engine = LocalEngine(tmp_path / str(n))
        collection = make(engine)
        for part in range(4):
            put(engine, collection, ROWS[: 300 * (n + 1)], f"{part} ")
        engine.close()
        again = LocalEngine(tmp_path / str(n))
        assert again.count(collection) == min(300 * (n + 1), 1000) * 4
        again.close()


def test_what_was_written_is_indexed_by_itself(tmp_path: Path) -> None:
    """Nobody has to ask for an index."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    put(engine, collection, ROWS)
    for _ in range(200):
        engine.query(collection, Query(ROWS[:1]))
        if indexed(engine, collection):
            break
        threading.Event().wait(0.05)
    assert indexed(engine, collection)
    engine.close()


def test_a_quiet_moment_is_one_without_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done when nothing has come for a while waits for that, and is not done with each write."""
    monkeypatch.setattr(indexer, "_QUIET_SECONDS", 0.3)
    cared: queue.Queue[bool] = queue.Queue()
    monkeypatch.setattr(Indexer, "_care", lambda self, collection, idle: cared.put(idle))  # noqa: ARG005 # its own
    engine = LocalEngine(tmp_path)
    put(engine, make(engine), ROWS)
    idle = [cared.get(timeout=9), cared.get(timeout=9)]
    engine.close()
    assert idle == [False, True]


class Pouring(threading.Condition):
    """A condition by which whoever waits for something waits for the next of some calls instead."""

    def __init__(self, calls: list[Callable[[], None]]) -> None:
        super().__init__()
        self.calls = calls

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        """Make a call, if there is one, and say what is."""
        assert timeout
        if self.calls:
            self.calls.pop(0)()
        return predicate()


@pytest.mark.parametrize(
    ("rows", "size", "left"),
    [(1 << 17, 1 << 27, 0), (1 << 17, 1600 * 8 * 4, 4), (1600, 1 << 27, 4)],
    ids=["all", "enough bytes", "enough rows"],
)
def test_rows_that_pour_in_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int, size: int, left: int
) -> None:
    """An index that would soon be outgrown waits, up to a number of rows; one that there is takes in more at once."""
    monkeypatch.setattr(indexer, "_RUSH_ROWS", rows)
    monkeypatch.setattr(indexer, "_RUSH_BYTES", size)
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    with engine.loading(index=False):
        put(engine, collection, ROWS, "first ")
        view = engine._collection(collection)
        calls: list[Callable[[], None]] = [partial(put, engine, collection, ROWS[:400], f"{n} ") for n in range(6)]
        engine._indexer._wake = Pouring(calls)
        engine._indexer._await_lull(view)
        assert len(calls) == left
    engine.settle()
    calls += [partial(put, engine, collection, ROWS, "last ")]
    put(engine, collection, ROWS, "more ")
    engine._indexer._await_lull(view)
    assert len(calls) == left + 1
    engine.close()


def no_thread(_: threading.Thread) -> None:
    raise RuntimeError("can't create new thread at interpreter shutdown")


def test_without_a_thread_writes_and_closing_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interpreter that ends starts no thread: what is written is written, and closing saves and gives back all."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    put(engine, collection, ROWS)
    engine.delete(collection, Delete(ids=["1", "2"]))
    engine.settle()
    engine.close()
    with pytest.raises(ClosedError):
        engine.count(collection)
    (view,) = stats(tmp_path).collections[0].views
    assert (view.name, view.rows, view.rows_behind) == ("vectors", 998, 0)


def test_a_load_is_indexed_once_it_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained beside it, and when it ends well the index is there and reaches the disk."""
    trained: list[int] = []
    monkeypatch.setattr(vectors, "train", lambda *given: trained.append(1) or built.train(*given))
    monkeypatch.setattr(indexer, "_QUIET_SECONDS", 0.001)
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    with engine.loading(index=True):
        for part in range(4):
            put(engine, collection, ROWS, f"{part} ")
        time.sleep(0.05)
        assert not trained
    assert trained == [1]
    assert indexed(engine, collection)
    engine.close()
    (view,) = stats(tmp_path).collections[0].views
    assert (view.name, view.rows, view.rows_behind) == ("vectors", 4000, 0)


@pytest.mark.parametrize("where", [None, parse_document({"$contains": "seen"})], ids=["all", "text"])
def test_asking_beside_a_load_indexes_nothing(monkeypatch: pytest.MonkeyPatch, where: Where | None) -> None:
    """A search has what is slow to search indexed when the load has ended, not before."""
    monkeypatch.setattr(indexer, "_QUIET_SECONDS", 0.001)
    engine = LocalEngine(None)
    collection = make(engine)
    with engine.loading(index=True):
        put(engine, collection, ROWS)
        engine.query(collection, Query(ROWS[:1], where=where))
        time.sleep(0.3)
        assert not indexed(engine, collection)
    assert indexed(engine, collection)
    engine.close()


def test_a_load_that_fails_is_not_indexed_in_the_foreground(tmp_path: Path) -> None:
    """The error is not held up, and what was written is indexed by whoever uses it next."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)

    def load() -> None:
        with engine.loading(index=True):
            put(engine, collection, ROWS)
            put(engine, collection, ROWS[:, :4], "other ")

    with pytest.raises(InvalidArgumentError):
        load()
    assert not indexed(engine, collection)
    put(engine, collection, ROWS, "more ")
    engine.settle()
    assert indexed(engine, collection)
    engine.close()


def full(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_no_matter_for_a_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """When a view cannot be written, it is logged, answers go on, and the engine closes all that it has open."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    monkeypatch.setattr(snapshot, "_write", full)
    caplog.set_level(logging.CRITICAL, "ochredb")
    put(engine, collection, ROWS)
    engine.settle()
    assert len(engine.query(collection, Query(ROWS[:1])).records[0]) == 10
    engine.close()
    with pytest.raises(ClosedError):
        engine.count(collection)
    monkeypatch.undo()
    again = LocalEngine(tmp_path)
    assert again.count(collection) == 1000
    again.close()


def test_a_folder_that_was_removed_is_let_go(tmp_path: Path) -> None:
    """An engine whose folder somebody has removed can be closed without an error."""
    engine = LocalEngine(tmp_path / "store")
    collection = make(engine)
    put(engine, collection, ROWS)
    engine.query(collection, Query(ROWS[:1]))
    engine._indexer._index_vectors(engine._collections[collection], idle=True)
    for _ in range(100):  # the background may be writing a view there just now
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        if not (tmp_path / "store").exists():
            break
        time.sleep(0.05)
    engine.close()
    with pytest.raises(ClosedError):
        engine.count(collection)


def test_a_collection_deleted_while_it_is_indexed(tmp_path: Path) -> None:
    """Deleting a collection that is being indexed is no error, then or later, and leaves no folder behind."""
    engine = LocalEngine(tmp_path)
    for n in range(5):
        collection = make(engine, name=f"gone-{n}")
        put(engine, collection, ROWS)
        info = engine.get_collection_by_id(collection)
        engine.delete_collection(info.scope, info.name)
    engine.settle()
    engine.close()
    LocalEngine(tmp_path).close()
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_closing_saves_what_the_snapshot_lacks(tmp_path: Path) -> None:
    """Rows that were indexed since the last snapshot are in the next one, so that the next process need not look at
    each of them.
    """
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    for count, prefix in ((1000, "a"), (100, "b")):
        put(engine, collection, ROWS[:count], prefix)
        engine.query(collection, Query(ROWS[:1]))
        engine.settle()
    engine.close()
    manifest = snapshot.read(tmp_path / collection, "vectors")
    assert manifest is not None
    assert manifest.details["frontier"] == 1100


def test_a_reader_indexes_a_tail_that_others_left(tmp_path: Path) -> None:
    """A process that only asks does not look at many unindexed rows one by one for ever."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    put(engine, collection, ROWS, "a")
    engine.query(collection, Query(ROWS[:1]))
    engine.settle()
    engine._indexer.close()
    put(engine, collection, ROWS[:600], "b")
    engine.close()

    reader = LocalEngine(tmp_path)
    assert len(reader.query(collection, Query(ROWS[:1], 5)).records[0]) == 5
    view = reader._collections[collection]
    for _ in range(600):
        if not view.tail:
            break
        time.sleep(0.05)
    assert not view.tail
    reader.close()


def test_a_small_collection_whose_rows_are_replaced_stays_fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slots that it leaves behind neither keep its rows out of memory nor stay, though it is too small to index."""
    renewed: list[int] = []
    renew = Indexer._renew
    monkeypatch.setattr(Indexer, "_renew", lambda *given: renewed.append(1) or renew(*given))
    monkeypatch.setattr(indexer, "_QUIET_SECONDS", 0.001)
    monkeypatch.setattr(vectors, "TAIL_BYTES", 200 * 8 * 4)
    engine = LocalEngine(None)
    collection = make(engine)
    for part in range(4):
        put(engine, collection, ROWS[:100], f"{part} ")
        engine.query(collection, Query(ROWS[:1]))
        view = engine._collections[collection]
        assert view.vectors is not None
        assert view.vectors.ready
        engine.delete(collection, Delete(ids=[f"{part} {n}" for n in range(100)]))
    engine.query(collection, Query(ROWS[:1]))
    for _ in range(100):
        if not engine._collections[collection].roster.dead:
            break
        time.sleep(0.05)
    assert not engine._collections[collection].roster.dead
    time.sleep(0.05)
    assert renewed == [1]
    engine.close()


HUGE = """
import sys
import numpy as np
import ochredb
from ochredb.core.model import Query, Records, Write, NewCollection, Scope, Get
from ochredb.local import engine, vectors
from ochredb.local.engine import LocalEngine
vectors.INDEXED_FROM = engine.INDEXED_FROM = 400
space, factor = sys.argv[1], np.float32(sys.argv[2])
rows = np.random.default_rng(0).standard_normal((1000, 32)).astype(np.float32) * factor
made = LocalEngine(None)
collection = made.create_collection(Scope(), NewCollection("huge", space)).id
made.write(collection, Write("add", Records([str(n) for n in range(1000)], rows)))
made.settle()
hits = made.query(collection, Query(rows[:3], 10))
print(*(len(found) for found in hits.distances))
if space != "ip":
    print(*(found.ids[0] for found in hits.records))
made.close()
"""


@pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
@pytest.mark.parametrize("factor", ["1e20", "5e37"])
def test_vectors_of_any_size_do_not_end_the_process(space: str, factor: str) -> None:
    """Vectors whose squares are beyond float32 are legal: the process lives, and finds them."""
    done = subprocess.run([sys.executable, "-c", HUGE, space, factor], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.split("\n")[0] == "10 10 10"
    assert space == "ip" or done.stdout.split("\n")[1] == "0 1 2"


def test_handles_are_given_back(tmp_path: Path) -> None:
    """After closing, the process has as many files open as before, whatever was built, replaced and searched."""
    handles = Path("/proc/self/fd")
    if not handles.is_dir():
        pytest.skip("the system does not list a process's files")
    gc.collect()
    before = len(list(handles.iterdir()))
    for _ in range(3):
        engine = LocalEngine(tmp_path)
        collection = make(engine)
        put(engine, collection, ROWS)
        engine.settle()
        put(engine, collection, ROWS, "more ")
        engine.settle()
        threads = [threading.Thread(target=engine.get, args=(collection, Get())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        engine.query(collection, Query(ROWS[:3]))
        engine.close()
        engine.close()
    assert len(list(handles.iterdir())) == before
