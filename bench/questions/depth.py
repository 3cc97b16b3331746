"""Ask how the cost of a query grows with the number of neighbours that are wanted."""

from collections.abc import Iterator
from functools import partial

from bench.case import Case, Session, Timed
from bench.truth import Truth

WANTED = (1, 10, 30, 100, 300, 1000)
QUERIES = 100


def cases(session: Session) -> Iterator[Case]:
    """Ask the same queries for more and more."""
    queries = Truth.load(session.truth).queries[:QUERIES]
    peer = session.open()
    collection = peer.collection()
    collection.query(query_embeddings=queries[:1], n_results=1)
    peer.settle()
    for k in WANTED:
        calls = [
            partial(collection.query, query_embeddings=queries[i : i + 1], n_results=k) for i in range(len(queries))
        ]
        yield Timed(f"query, k = {k}", calls)
    peer.close()
