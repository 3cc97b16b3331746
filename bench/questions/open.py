"""Ask how long a fresh process takes to import, to open the store and answer its first query, and its first filter."""

import time
from collections.abc import Iterator

from bench.case import Case, Counted, Session
from bench.data import FILTERS, K
from bench.peers import Peer
from bench.truth import Truth


def cases(session: Session) -> Iterator[Case]:
    """Open once; the runner repeats the process."""
    yield Counted("import", "s", session.imported)
    peer, seconds = first_answer(session)
    yield Counted("open and first query", "s", seconds)
    collection, query = peer.collection(), Truth.load(session.truth).queries[:1]
    start = time.perf_counter()
    collection.query(query_embeddings=query, n_results=K, where=FILTERS["source = EIPs"].where)
    yield Counted("first query with a filter", "s", time.perf_counter() - start)
    peer.close()


def first_answer(session: Session) -> tuple[Peer, float]:
    """Open the store and ask once; give the open store and the seconds."""
    query = Truth.load(session.truth).queries[:1]
    start = time.perf_counter()
    peer = session.open()
    peer.collection().query(query_embeddings=query, n_results=K)
    return peer, time.perf_counter() - start
