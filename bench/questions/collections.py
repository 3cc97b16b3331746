"""Ask what ten thousand collections of a hundred rows cost: making one, listing them, opening them, file handles."""

import os
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.case import Case, Counted, Session, Timed
from bench.data import SEED
from bench.memory import resident

COUNT = 10_000
ROWS = 100
DIMENSION = 32
ASKED = 200


def cases(session: Session) -> Iterator[Case]:
    """Make them, list them, close, and open them again."""
    vectors = np.random.default_rng(SEED).standard_normal((ROWS, DIMENSION)).astype(np.float32)
    ids = [f"r{row}" for row in range(ROWS)]
    client: Any = session.open().client  # type: ignore[attr-defined] # only those who speak Chroma's API are asked
    made: list[Any] = []

    def make() -> None:
        made.append(client.create_collection(f"collection-{len(made)}", embedding_function=None))

    def fill() -> None:
        made[len(filled)].add(ids=ids, embeddings=vectors)
        filled.append(True)

    filled: list[bool] = []
    yield Timed("create a collection, of 10,000", [make] * COUNT)
    yield Timed("add 100 rows to each", [fill] * COUNT)
    yield Timed("list 10,000 collections", [client.list_collections] * 3)
    client.close()
    began, before = time.perf_counter(), resident()
    client = session.open().client  # type: ignore[attr-defined] # likewise
    client.get_collection("collection-5000", embedding_function=None).query(query_embeddings=vectors[:1])
    yield Counted("open among 10,000, and first query", "s", time.perf_counter() - began)
    names = [f"collection-{n}" for n in range(0, COUNT, COUNT // ASKED)]
    some = [client.get_collection(name, embedding_function=None) for name in names]
    yield Timed("first query of a collection", [partial(one.query, query_embeddings=vectors[:1]) for one in some])
    yield Counted(f"memory of {ASKED} collections that were asked", "MB", resident() - before)
    yield Counted("file handles", "handles", handles())
    client.close()


def handles() -> int:
    """Count the files that this process has open, where the system tells."""
    place = Path("/proc/self/fd")
    return len(os.listdir(place)) if place.exists() else 0
