"""A Milvus that goes away in the middle of a load, and comes back: nothing acknowledged is missing."""

import threading
import time

import numpy as np
import pytest

from ochredb.core.errors import UnreachableError
from ochredb.core.model import NO_FIELDS, Get, Query, Records, Write
from ochredb.remote.milvus import engine as open_engine
from ochredb.testing.contract.stage import make
from tests.engines.server import Server

BATCH = 50
DIMENSION = 8


def batch(n: int) -> Records:
    """Give the records of the n-th call."""
    rows = range(n * BATCH, (n + 1) * BATCH)
    vectors = np.array([[row] * DIMENSION for row in rows], np.float32)
    return Records([str(row) for row in rows], vectors, [f"document {row}" for row in rows], [{"n": n} for n in rows])


@pytest.mark.timeout(600)
def test_a_restart_in_the_middle_of_a_load(milvus_server: Server) -> None:
    """Calls that Milvus could not answer are made again once it is back; what was acknowledged is there, once."""
    engine = open_engine(f"{milvus_server.url}/restart?wait=240&timeout=10")
    collection = make(engine)
    done: list[int] = []
    stop = threading.Event()

    def load() -> None:
        for n in range(1000):
            if stop.is_set():
                return
            engine.write(collection, Write("add", batch(n)))
            done.append(n)

    writer = threading.Thread(target=load)
    writer.start()
    _until(lambda: len(done) >= 10)
    milvus_server.kill()
    before = len(done)
    milvus_server.start()
    _until(lambda: len(done) >= before + 10)
    stop.set()
    writer.join()
    wanted = [str(row) for n in done for row in range(n * BATCH, (n + 1) * BATCH)]
    other = open_engine(f"{milvus_server.url}/restart?wait=240")
    for one in (engine, other):
        assert one.get(collection, Get(fields=NO_FIELDS)).ids == wanted
        assert one.count(collection) == len(wanted)
        found = one.query(collection, Query(np.full((1, DIMENSION), 7, np.float32), k=1)).records[0]
        assert (found.ids, found.documents) == (["7"], ["document 7"])
    other.reset()
    other.close()
    engine.close()


@pytest.mark.timeout(600)
def test_a_server_that_stays_away(milvus_server: Server) -> None:
    """When Milvus does not come back in time the call says so, and when it is back the next one goes on."""
    first = open_engine(f"{milvus_server.url}/away?wait=240")
    collection = make(first)
    first.write(collection, Write("add", batch(0)))
    first.close()
    hasty = open_engine(f"{milvus_server.url}/away?wait=2&timeout=2")
    milvus_server.kill()
    with pytest.raises(UnreachableError, match="milvus"):
        hasty.write(collection, Write("add", batch(1)))
    milvus_server.start()
    hasty.close()
    again = open_engine(f"{milvus_server.url}/away?wait=240")
    again.write(collection, Write("add", batch(1)))
    assert again.count(collection) == 2 * BATCH
    again.reset()
    again.close()


def _until(true: object) -> None:
    assert callable(true)
    deadline = time.monotonic() + 300
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)
