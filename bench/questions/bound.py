"""Ask what a bare index takes for the ten nearest, and how many are the true ones: what no database can be under."""

from collections.abc import Iterator
from functools import partial

from bench.case import Case, Session, Timed
from bench.data import BARE, MANY, K
from bench.questions.query import BATCHES, one_by_one
from bench.truth import Truth


def cases(session: Session) -> Iterator[Case]:
    """Ask as `query` does, without a filter."""
    truth = Truth.load(session.truth)
    peer = session.open()
    collection = peer.collection()
    yield one_by_one("query", collection, truth, BARE)
    yield Timed(
        f"query, {MANY:,} in one call",
        [partial(collection.query, query_embeddings=truth.queries, n_results=K)] * BATCHES,
        per=MANY,
        unit="queries/s",
        judge=lambda answers: truth.recall(BARE, answers[-1]["ids"]),
    )
    peer.close()
