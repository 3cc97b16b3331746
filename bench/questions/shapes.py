"""Ask what other embeddings cost at the default settings, and whether the nearest are found among them.

As many rows as the run has, at most 20,000, of 384, 768 or 1,536 dimensions, in each space: unit vectors like the
passages (passages side by side where more dimensions are wanted), the same at lengths from 0.5 to 2, a hundred Gaussian
clusters, and uniform in a cube, in which nothing is near. Recall is by distance.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from bench.case import Case, Counted, Session, Timed
from bench.data import SEED, Floats, K, name
from bench.growth import read_rows

MOST = 20_000
QUERIES = 100
SLACK = 1e-5
SHAPES = (
    ("passages", 384, "l2"), ("passages", 384, "ip"),
    ("passages", 384, "cosine"), ("passages", 768, "cosine"), ("passages", 1536, "cosine"),
    ("of any length", 384, "cosine"), ("of any length", 384, "l2"), ("of any length", 384, "ip"),
    ("clustered", 384, "cosine"), ("clustered", 384, "l2"), ("clustered", 384, "ip"),
    ("uniform", 384, "cosine"), ("uniform", 384, "l2"), ("uniform", 384, "ip"),
)  # fmt: skip


def cases(session: Session) -> Iterator[Case]:
    """Load and ask each in turn."""
    count = min(session.rows, MOST)
    passages = read_rows(count).embeddings
    for kind, dimension, space in SHAPES:
        vectors = made(kind, passages, count + QUERIES, dimension)
        yield from asked(session, f"{kind}, {dimension}, {space}", vectors[:count], vectors[count:], space)


def made(kind: str, passages: Floats, count: int, dimension: int) -> Floats:
    """Make rows and queries of one kind."""
    rng = np.random.default_rng((SEED, dimension))
    if kind == "uniform":
        return rng.random((count, dimension), np.float32)
    if kind == "clustered":
        centres = rng.standard_normal((100, dimension))
        noise = 0.5 * rng.standard_normal((count, dimension))
        return (centres[rng.integers(100, size=count)] + noise).astype(np.float32)
    parts = [mixed(passages, count, rng) for _ in range(dimension // passages.shape[1])]
    vectors = np.concatenate(parts, axis=1) / np.float32(np.sqrt(len(parts)))
    return vectors * rng.uniform(0.5, 2, (count, 1)).astype(np.float32) if kind == "of any length" else vectors


def mixed(passages: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Give passages in some order, those beyond their number with noise, as queries have it."""
    order = rng.permutation(len(passages))
    more = passages[rng.choice(len(passages), count - len(passages))]
    noise = rng.standard_normal(more.shape).astype(np.float32)
    more = more + np.float32(0.5) * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.concatenate((passages[order], more / np.linalg.norm(more, axis=1, keepdims=True)))


def asked(session: Session, case: str, rows: Floats, queries: Floats, space: str) -> Iterator[Case]:
    """Load rows into a collection of their own, and ask."""
    peer = session.open()
    client: Any = peer.client  # type: ignore[attr-defined] # only those who speak Chroma's API are asked
    configuration = {"hnsw": {"space": space}}
    made = client.create_collection("shape", configuration=configuration, embedding_function=None)
    ids = [name(row) for row in range(len(rows))]
    for start in range(0, len(rows), 1000):
        made.add(ids=ids[start : start + 1000], embeddings=rows[start : start + 1000])
    made.query(query_embeddings=queries[:1], n_results=K)
    peer.settle()
    near = [np.flatnonzero(row <= np.partition(row, K - 1)[K - 1] + SLACK) for row in distances(space, rows, queries)]

    def judge(answers: list[Any]) -> float:
        pairs = zip(near, answers, strict=True)
        found = [len({name(row) for row in wanted} & set(answer["ids"][0])) for wanted, answer in pairs]
        return sum(min(hits, K) for hits in found) / (K * len(found))

    calls = [partial(made.query, query_embeddings=queries[i : i + 1], n_results=K) for i in range(len(queries))]
    yield Timed(f"query, {case}", calls, judge=judge)
    engine = getattr(client, "_engine", None)
    view = None if engine is None else engine._collections[str(made.id)].vectors
    if view is not None and view.built is not None:
        yield Counted(f"searched so many times as hard, {case}", "x", view.built.boost)
    client.delete_collection("shape")
    peer.close()


def distances(space: str, rows: Floats, queries: Floats) -> Any:
    """Compute all distances (queries, rows) in double precision."""
    x, y = rows.astype(np.float64), queries.astype(np.float64)
    dots = y @ x.T
    if space == "ip":
        return 1 - dots
    if space == "l2":
        return (y**2).sum(axis=1)[:, None] - 2 * dots + (x**2).sum(axis=1)
    return 1 - dots / np.linalg.norm(y, axis=1)[:, None] / np.linalg.norm(x, axis=1)
