"""Ask how long a fresh process takes to import, and then to open the store and answer its first query."""

import time
from collections.abc import Iterator

from bench.case import Case, Counted, Session
from bench.data import K, Truth


def cases(session: Session) -> Iterator[Case]:
    """Open once; the runner repeats the process."""
    yield Counted("import", "s", session.imported)
    yield Counted("open and first query", "s", first_answer(session))


def first_answer(session: Session) -> float:
    """Open the store and ask once; give the seconds."""
    query = Truth.load(session.truth).queries[:1]
    start = time.perf_counter()
    peer = session.open()
    peer.collection().query(query_embeddings=query, n_results=K)
    seconds = time.perf_counter() - start
    peer.close()
    return seconds
