"""Threads, forks and sudden deaths: what is acknowledged is there, and nothing is there by half."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import numpy as np
import pytest

from ochredb.core.errors import NotFoundError, OchreError
from ochredb.core.model import ALL_FIELDS, NO_FIELDS, Delete, Get, Query, Records, Write
from ochredb.core.where import Contains, parse
from ochredb.local.engine import LocalEngine
from ochredb.testing.contract.stage import make

BATCH = 50
DIMENSION = 8
THREADS = 200


def batch(writer: int, n: int) -> Records:
    """Give the n-th batch of a writer: every record of it carries both numbers in every field."""
    ids = [f"{writer} {n} {row}" for row in range(BATCH)]
    rows = np.full((BATCH, DIMENSION), [n] * (DIMENSION - 1) + [writer], np.float32)
    return Records(ids, rows, [f"text {writer} {n}."] * BATCH, [{"writer": writer, "batch": n}] * BATCH)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("place", ["memory", "folder"])
def test_eight_threads_on_one_engine(tmp_path: Path, place: str) -> None:
    """Threads that write, read, query and delete at once disturb nobody, see whole batches, and agree at the end."""
    engine = LocalEngine(None if place == "memory" else tmp_path)
    collection = make(engine)
    engine.write(collection, Write("add", batch(9, 0)))
    failed: list[BaseException] = []
    batches = 14

    def write(writer: int) -> None:
        for n in range(batches):
            engine.write(collection, Write("add", batch(writer, n)))
            where = parse({"$and": [{"writer": writer}, {"batch": n}]})
            assert len(engine.get(collection, Get(where=where, fields=NO_FIELDS)).ids) == BATCH
            if n % 5 == 4:
                assert engine.delete(collection, Delete(where=where)) == BATCH

    def read(reader: int) -> None:
        random = Random(reader)
        for _ in range(batches * 3):
            writer, n = random.randrange(4), random.randrange(batches)
            where = parse({"$and": [{"writer": writer}, {"batch": n}]})
            query = Query(np.full((1, DIMENSION), n, np.float32), BATCH * 2, where=where, fields=ALL_FIELDS)
            hits = engine.query(collection, query)
            assert len(hits.records[0]) in (0, BATCH)
            assert set(hits.records[0].documents or []) <= {f"text {writer} {n}."}
            assert engine.count(collection) % BATCH == 0
            text = Contains(f"text {writer} {n}.")
            assert len(engine.get(collection, Get(where=text, fields=NO_FIELDS)).ids) in (0, BATCH)
            engine.query(collection, Query(np.zeros((3, DIMENSION), np.float32), 5, where=text))

    def guarded(work: object, n: int) -> None:
        try:
            work(n)  # type: ignore[operator]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(write if n < 4 else read, n)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    left = BATCH * (1 + 4 * (batches - batches // 5))
    assert engine.count(collection) == left
    engine.settle()
    assert len(engine.get(collection, Get(where=parse({"batch": {"$gte": 0}}), fields=NO_FIELDS)).ids) == left
    query = Query(np.zeros((1, DIMENSION), np.float32), left, fields=NO_FIELDS)
    assert len(engine.query(collection, query).records[0]) == left
    engine.close()


@pytest.mark.usefixtures("small")
def test_hundreds_of_threads_and_a_collection_that_goes(tmp_path: Path) -> None:
    """Hundreds of threads that search, read and write are all told `NotFoundError` once their collection is gone."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    for n in range(12):
        engine.write(collection, Write("add", batch(1, n)))
    begun, ended = threading.Barrier(THREADS + 1), []

    def work(thread: int) -> None:
        try:
            _mixed(engine, collection, thread, 0)
            begun.wait()
            for n in itertools.count(1):
                _mixed(engine, collection, thread, n)
        except BaseException as error:
            ended.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(THREADS)]
    for thread in threads:
        thread.start()
    begun.wait()
    info = engine.get_collection_by_id(collection)
    engine.delete_collection(info.scope, info.name)
    for thread in threads:
        thread.join()
    assert {type(error) for error in ended} == {NotFoundError}, ended
    assert len(ended) == THREADS
    engine.settle()
    engine.close()


def _mixed(engine: LocalEngine, collection: str, thread: int, n: int) -> None:
    """Do one of several things, whose answers are those of a collection of whole batches."""
    where = parse({"batch": n % 12})
    match (thread + n) % 4:
        case 0:
            engine.write(collection, Write("upsert", batch(1, n % 12)))
        case 1:
            assert len(engine.get(collection, Get(where=where, fields=NO_FIELDS)).ids) == BATCH
        case 2:
            query = Query(np.full((1, DIMENSION), n % 12, np.float32), BATCH, where=where, fields=NO_FIELDS)
            assert len(engine.query(collection, query).records[0]) == BATCH
        case _:
            assert engine.count(collection) == 12 * BATCH


@pytest.mark.usefixtures("small")
def test_threads_search_text_together(tmp_path: Path) -> None:
    """An index of trigrams answers several threads at the same time."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    for n in range(16):
        engine.write(collection, Write("add", batch(1, n)))
    query = np.zeros((1, DIMENSION), np.float32)
    engine.query(collection, Query(query, where=Contains("text 1 3.")))
    engine.settle()
    assert engine._collections[collection].text.index is not None
    failed: list[BaseException] = []

    def search(thread: int) -> None:
        try:
            for n in range(60):
                text = f"text 1 {(n + thread) % 16}." if n % 2 else f"{thread} {n} not there"
                found = engine.query(collection, Query(query, BATCH * 2, where=Contains(text), fields=NO_FIELDS))
                assert len(found.records[0]) == (BATCH if n % 2 else 0)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=search, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    engine.close()


PRELUDE = """
import os, sys, threading
from pathlib import Path
import numpy as np
from ochredb.core.model import *
from ochredb.core.where import parse
from ochredb.local import engine as engines, vectors, collection as collections
from ochredb.local.engine import LocalEngine
vectors.INDEXED_FROM = engines.INDEXED_FROM = 400
vectors.TAIL = engines.TAIL = collections.TAIL = 300
folder = Path(sys.argv[1])

def batch(writer, n):
    ids = [f"{writer} {n} {row}" for row in range(50)]
    rows = np.full((50, 8), [n] * 7 + [writer], np.float32)
    return Records(ids, rows, [f"text {writer} {n}."] * 50, [{"writer": writer, "batch": n}] * 50)
"""

FORK = (
    PRELUDE
    + """
parent = LocalEngine(folder)
collection = parent.create_collection(Scope(), NewCollection("forked")).id
for n in range(20):
    parent.write(collection, Write("add", batch(0, n)))
parent.settle()
parent.query(collection, Query(np.zeros((200, 8), np.float32), 5, where=parse({"writer": 0})))
stop = threading.Event()
def busy():
    while not stop.is_set():
        parent.query(collection, Query(np.zeros((1, 8), np.float32), 5))
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()

def work(engine, writer):
    for n in range(5):
        engine.write(collection, Write("add", batch(writer, n)))
        where = parse({"$and": [{"writer": writer}, {"batch": n}]})
        hits = engine.query(collection, Query(np.zeros((100, 8), np.float32), 60, where=where))
        assert {len(found) for found in hits.distances} == {50}, [len(found) for found in hits.distances]
        assert len(engine.get(collection, Get(where=where)).ids) == 50
    engine.settle()

children = []
for child in range(1, 4):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            work(parent, child)
            parent.close()
            code = 0
        finally:
            os._exit(code)
    children.append(pid)
work(parent, 9)
codes = [os.waitpid(pid, 0)[1] for pid in children]
stop.set()
for thread in threads:
    thread.join()
assert codes == [0, 0, 0], codes
assert parent.count(collection) == 50 * (20 + 4 * 5)
hits = parent.query(collection, Query(np.zeros((1, 8), np.float32), 5000))
assert len(hits.distances[0]) == 50 * (20 + 4 * 5)
parent.close()
print("done")
"""
)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
def test_parent_and_children_go_on_after_a_fork(tmp_path: Path) -> None:
    """An engine that was in use, also by other threads, works on in the parent and in forked children alike."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORK, tmp_path], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.stdout == "done\n", done.stderr[-2000:]
    assert done.returncode == 0


WRITE = (
    PRELUDE
    + """
writer, collection = int(sys.argv[2]), sys.argv[3]
engine = LocalEngine(folder)
n = 0
while True:
    engine.write(collection, Write("add", batch(writer, n)))
    os.write(1, f"{n}\\n".encode())
    if n % 7 == 6:
        engine.delete(collection, Delete(where=parse({"$and": [{"writer": writer}, {"batch": n - 3}]})))
        os.write(1, f"-{n - 3}\\n".encode())
    if n % 10 == 9:
        engine.settle()
    n += 1
"""
)


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_killed_writers_leave_what_they_were_told_is_there(tmp_path: Path) -> None:
    """Two processes write and are killed at any moment: acknowledged batches are whole, others whole or absent."""
    random = Random(5)
    engine = LocalEngine(tmp_path / "store")
    collection = make(engine)
    for round_ in range(4):
        said = {writer: tmp_path / str(writer) for writer in (2 * round_, 2 * round_ + 1)}
        processes = []
        for writer, path in said.items():
            with path.open("w") as output:
                script = [sys.executable, "-c", WRITE, engine.folder, str(writer), collection]
                processes.append(subprocess.Popen(script, stdout=output))
        wanted = random.randrange(5, 40)
        while any(len(path.read_text().splitlines()) < wanted for path in said.values()):
            assert all(process.poll() is None for process in processes)
            time.sleep(0.01)
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait(30)
        for writer, path in said.items():
            _check_whole(engine, collection, writer, max(int(line) for line in path.read_text().splitlines()))
    engine.settle()
    count = engine.count(collection)
    hits = engine.query(collection, Query(np.zeros((1, DIMENSION), np.float32), count, fields=NO_FIELDS))
    assert len(set(hits.records[0].ids)) == count
    engine.close()
    again = LocalEngine(tmp_path / "store")
    assert again.count(collection) == count == sum(len(part) for part in again.scan(collection))
    again.close()


def _check_whole(engine: LocalEngine, collection: str, writer: int, last: int) -> None:
    found = engine.get(collection, Get(where=parse({"writer": writer}), fields=ALL_FIELDS))
    batches: dict[int, int] = {}
    for id_, row, text, metadata in zip(
        found.ids, found.embeddings, found.documents or [], found.metadatas or [], strict=True
    ):
        n = (metadata or {})["batch"]
        batches[n] = batches.get(n, 0) + 1
        assert id_.startswith(f"{writer} {n} ")
        assert text == f"text {writer} {n}."
        assert row.tolist() == [n] * (DIMENSION - 1) + [writer]
    assert set(batches.values()) <= {BATCH}
    deleted = {n - 3 for n in range(6, last + 2, 7)}
    assert {n for n in range(last + 1) if n not in deleted} <= set(batches)
    assert set(batches) <= set(range(last + 2))


MIXED = (
    PRELUDE
    + """
import json
collection, writer = sys.argv[2], int(sys.argv[3])
engine = LocalEngine(folder)
for line in sys.stdin:
    n = json.loads(line)
    seen = engine.query(collection, Query(np.full((1, 8), n, np.float32), 1, where=parse({"batch": n}))).records[0].ids
    got = len(engine.get(collection, Get(where=parse({"batch": n}))).ids)
    engine.write(collection, Write("add", batch(writer, n)))
    print(json.dumps([seen, got, engine.count(collection)]), flush=True)
engine.close()
"""
)


def test_two_processes_see_each_other_at_once(tmp_path: Path) -> None:
    """What this process wrote, the other finds at its next call, and the other way round, indexed or not."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    other = subprocess.Popen(
        [sys.executable, "-c", MIXED, tmp_path, collection, "2"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin is not None
    assert other.stdout is not None
    for n in range(25):
        engine.write(collection, Write("add", batch(1, n)))
        other.stdin.write(f"{n}\n")
        other.stdin.flush()
        seen, got, count = json.loads(other.stdout.readline())
        assert seen
        assert seen[0].startswith(f"1 {n} ")
        assert (got, count) == (BATCH, 2 * BATCH * (n + 1))
        assert engine.count(collection) == count
        where = parse({"$and": [{"batch": n}, {"writer": 2}]})
        hits = engine.query(collection, Query(np.full((1, DIMENSION), n, np.float32), 1, where=where))
        assert hits.records[0].ids[0].startswith(f"2 {n} ")
    other.stdin.close()
    assert other.wait(30) == 0
    other.stdout.close()
    engine.close()


def test_an_error_in_a_batch_leaves_nothing_of_it(tmp_path: Path) -> None:
    """A batch whose last record cannot be written is not written at all, and the next one is."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    records = batch(1, 1)
    bad = Records(records.ids, records.embeddings, records.documents, [*(records.metadatas or [])[:-1], {"x": None}])
    for _ in range(2):
        with pytest.raises(OchreError):
            engine.write(collection, Write("add", bad))
        assert engine.count(collection) == 0
    engine.write(collection, Write("add", records))
    assert engine.count(collection) == BATCH
    engine.close()
