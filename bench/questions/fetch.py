"""Ask how fast records come back by id, by filter, and all together."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from bench.case import Case, Session, Timed
from bench.data import FILTERS, SEED, name
from bench.peers import Collection

EVERYTHING = ["documents", "metadatas", "embeddings"]
PAGE = 10_000


def cases(session: Session) -> Iterator[Case]:
    """Read in each way."""
    peer = session.open()
    collection = peer.collection()
    rng = np.random.default_rng(SEED)
    picks = [[name(row) for row in rng.choice(session.rows, 100, replace=False)] for _ in range(50)]
    where = FILTERS["source = EIPs"].where

    yield Timed("get 100 ids", [partial(collection.get, ids=ids) for ids in picks])
    yield Timed("get where, limit 100, offset 200", [partial(collection.get, where=where, limit=100, offset=200)] * 50)
    yield Timed("count", [collection.count] * 50)
    yield everything(collection, session.rows)
    peer.close()


def everything(collection: Collection, rows: int) -> Timed:
    """Get all records with their embeddings in one call, or in pages where that is refused.

    Raises:
        RuntimeError: Records are missing.
    """
    read, note = partial(get_all, collection), ""
    try:
        found = read()
    except Exception as refused:  # each peer has errors of its own
        read, note = partial(get_pages, collection, rows), f"in pages of {PAGE:,}; one call: {type(refused).__name__}"
        found = read()
    if found != rows:
        raise RuntimeError(f"get: {found} records came back, {rows} were added")
    return Timed("get all with embeddings", [read] * 3, note=note)


def get_all(collection: Collection) -> int:
    """Give how many records one call brings."""
    return len(collection.get(include=EVERYTHING)["ids"])


def get_pages(collection: Collection, rows: int) -> int:
    """Give how many records the pages bring."""
    pages = (collection.get(include=EVERYTHING, limit=PAGE, offset=offset) for offset in range(0, rows, PAGE))
    return sum(len(page["ids"]) for page in pages)
