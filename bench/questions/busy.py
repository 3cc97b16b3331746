"""Ask how fast a query is while another thread of the process writes a thousand rows a second.

The writer sends a call of 100 rows ten times a second, or as fast as it can if it cannot keep that up: rows that are
there, as they are, so that the truth stays.
"""

import threading
import time
from collections.abc import Iterator

import numpy as np

from bench.case import Case, Counted, Session
from bench.data import BARE, SEED
from bench.growth import read_rows
from bench.peers import Collection
from bench.questions.query import one_by_one
from bench.truth import Truth

ROWS = 100
CALLS_A_SECOND = 10
QUERIES = 300


def cases(session: Session) -> Iterator[Case]:
    """Ask while a thread writes."""
    rows, truth = read_rows(session.rows), Truth.load(session.truth)
    rng = np.random.default_rng(SEED)
    calls = [rows.take(rng.choice(session.rows, ROWS, replace=False)) for _ in range(100)]
    peer = session.open()
    collection = peer.collection()
    collection.query(query_embeddings=truth.queries[:1], n_results=1)
    peer.settle()
    with _Writer(collection, calls) as writer:
        yield one_by_one("query beside a writer", collection, truth, BARE, QUERIES)
    yield Counted("rows written beside the queries", "rows/s", writer.rate)
    peer.close()


class _Writer:
    """A thread that writes until it is left."""

    def __init__(self, collection: Collection, calls: list[dict[str, object]]) -> None:
        self.collection, self.calls = collection, calls
        self.rate = 0.0
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def __enter__(self) -> "_Writer":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._leave.set()
        self._thread.join()

    def _write(self) -> None:
        began = time.perf_counter()
        written = 0
        while not self._leave.is_set():
            self.collection.upsert(**self.calls[written % len(self.calls)])
            written += 1
            self._leave.wait(max(began + written / CALLS_A_SECOND - time.perf_counter(), 0))
        self.rate = written * ROWS / (time.perf_counter() - began)
