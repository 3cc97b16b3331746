"""Ask how fast the ten nearest rows are found, bare and filtered, how many are the true ones, in how much memory.

A fresh process on the loaded store. One query is asked before the clock starts, because `open` asks what the first one
costs; each filter is timed from its first use. Answers carry documents, metadatas and distances, as by default. The
memory of the queries and of what they should find is not counted.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from bench.case import Case, Counted, Session, Timed
from bench.data import BARE, CONTAINS, FILTERS, MANY, SINGLES, WORD, K
from bench.memory import resident
from bench.peers import Collection
from bench.truth import Truth

BATCHES = 5
FILTERED = 100  # of the queries are asked with each filter


def cases(session: Session) -> Iterator[Case]:
    """Ask the queries in each way."""
    before = resident()
    truth = Truth.load(session.truth)
    held = resident() - before
    peer = session.open()
    collection = peer.collection()
    collection.query(query_embeddings=truth.queries[-1:], n_results=K)
    peer.settle()

    yield one_by_one("query", collection, truth, BARE)
    for name, filter_ in FILTERS.items():
        yield one_by_one(f"query, {name}", collection, truth, name, FILTERED, where=filter_.where)
    if session.peer.contains:
        text = {"where_document": {"$contains": WORD}}
        yield one_by_one(f"query, {CONTAINS}, at first", collection, truth, CONTAINS, 1, **text)
        peer.settle()
        yield one_by_one(f"query, {CONTAINS}", collection, truth, CONTAINS, FILTERED, **text)
    yield Counted("memory, over the import", "MB", resident() - session.bare - held)
    yield Counted("memory, whole process", "MB", resident())
    yield Timed(
        f"query, {MANY:,} in one call",
        [partial(collection.query, query_embeddings=truth.queries, n_results=K)] * BATCHES,
        per=MANY,
        unit="queries/s",
        judge=lambda answers: truth.recall(BARE, answers[-1]["ids"]),
    )
    peer.close()


def one_by_one(
    case: str, collection: Collection, truth: Truth, near: str, count: int = SINGLES, **filters: Any
) -> Timed:
    """Ask the first queries, one a call.

    Args:
        case: Its name in the table.
        collection: Whom to ask.
        truth: The queries and what they should find.
        near: Which of the truths.
        count: How many queries.
        filters: `where` or `where_document`.
    """
    queries = [truth.queries[i : i + 1] for i in range(count)]
    return Timed(
        case,
        [partial(collection.query, query_embeddings=query, n_results=K, **filters) for query in queries],
        judge=lambda answers: truth.recall(near, [answer["ids"][0] for answer in answers]),
    )
