"""Ask how fast upserts, updates and deletes land, and whether queries are still fast and true after them.

Three times 1,000 rows, drawn from the whole collection: each gets the embedding of another row and a longer document,
then new metadata, then goes. So the truth at the end is that of the rows never touched.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bench.case import Case, Session, Timed
from bench.data import DELETED, K, Labels, Rows, name
from bench.growth import read_rows
from bench.questions.query import one_by_one
from bench.truth import Truth


def cases(session: Session) -> Iterator[Case]:
    """Change the loaded store; nobody reads it afterwards."""
    rows, truth = read_rows(session.rows), Truth.load(session.truth)
    peer = session.open()
    collection = peer.collection()
    ask = partial(collection.query, query_embeddings=truth.queries[:1], n_results=K)
    ask()
    peer.settle()

    yield Timed("upsert 1,000 rows", [partial(collection.upsert, **rewritten(rows, part)) for part in truth.changed])
    yield Timed("first query after the upserts", [ask])
    yield Timed("update metadata of 1,000", [partial(collection.update, **marked(part)) for part in truth.changed])
    yield Timed("delete 1,000 rows", [partial(collection.delete, ids=ids(part)) for part in truth.changed])
    yield Timed("first query after the deletes", [ask])
    peer.settle()
    yield one_by_one("query after the deletes", collection, truth, DELETED)
    peer.close()


def ids(part: Labels) -> list[str]:
    """Give the ids of rows."""
    return [name(row) for row in part]


def rewritten(rows: Rows, part: Labels) -> dict[str, Any]:
    """Give the rows with each other's embeddings and longer documents."""
    call = rows.take(part)
    documents = [f"{document} (revised)" for document in call["documents"]]
    return {**call, "embeddings": np.roll(call["embeddings"], 1, axis=0), "documents": documents}


def marked(part: Labels) -> dict[str, Any]:
    """Give a change of two fields, one of them new."""
    return {"ids": ids(part), "metadatas": [{"status": "Revised", "revision": i} for i in range(len(part))]}
