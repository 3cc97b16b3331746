"""Ask how fast rows are acknowledged, when they are all indexed, and how much memory that takes.

Calls of 1,000 rows with embedding, document and five metadata fields, each durable when it returns. The calls are made
up beforehand, and the memory that they hold is not counted.
"""

import time
from collections.abc import Iterator
from functools import partial

from bench.case import Case, Counted, Session, Timed
from bench.data import K
from bench.growth import read_rows
from bench.memory import peak, resident
from bench.truth import Truth


def cases(session: Session) -> Iterator[Case]:
    """Fill an empty store."""
    calls = read_rows(session.rows).calls()
    query = Truth.load(session.truth).queries[:1]
    held = resident()
    peer = session.open()
    collection = peer.create()

    start = time.perf_counter()
    yield Timed("add 1,000 rows", [partial(collection.add, **call) for call in calls])
    acknowledged = time.perf_counter() - start
    peer.settle()
    indexed = time.perf_counter() - start
    yield Counted("rows acknowledged", "rows/s", session.rows / acknowledged)
    yield Counted("until indexed, from the first add", "s", indexed)
    yield Timed("first query after the load", [partial(collection.query, query_embeddings=query, n_results=K)])
    yield Counted("memory, peak of the load over its data", "MB", peak() - held)
    peer.close()
