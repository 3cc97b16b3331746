"""More rows than there are passages: each added one lies on the way from a passage to one of its near neighbours.

Row r beyond the n passages is made of passage r mod n: a neighbour is drawn from its 10 nearest, the two unit vectors
are mixed at a weight from 0.3 to 0.7, normalised, Gaussian noise of length 0.2 is added, and the sum is normalised. Its
document is the passage's with the number of the round, its metadata the passage's own, so that a filter keeps the
same share of any number of rows. Each round of n rows has a generator of its own with a fixed seed: the first rows of
a million are those of a hundred thousand. The embeddings are kept in `.bench` as float16, as the passages are.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.data import HOME, SEED, Floats, Labels, Rows, read_passages

NEAREST = 10
WEIGHTS = (0.3, 0.7)
NOISE = 0.2
_BLOCK = 1000


def read_rows(count: int) -> Rows:
    """Read the first passages, and as many rows made of them as are wanted beyond them."""
    passages = read_passages(count)
    own = len(passages)
    if count == own:
        return passages
    file = HOME / f"grown-{count}.f16.npy"
    if not file.is_file():
        _make(passages.embeddings, count - own, file)
    rounds, of = np.divmod(np.arange(own, count), own)
    return Rows(
        np.concatenate((passages.embeddings, np.load(file).astype(np.float32))),
        passages.documents + [f"{passages.documents[row]} ({i})" for i, row in zip(rounds, of, strict=True)],
        passages.metadatas + [passages.metadatas[row] for row in of],
    )


def _make(embeddings: Floats, count: int, file: Path) -> None:
    """Write the embeddings of added rows."""
    unit = _normal(embeddings)
    neighbours = np.concatenate(list(_neighbours(unit)))
    rows = np.empty((count, unit.shape[1]), np.float16)
    for i, start in enumerate(range(0, count, len(unit)), 1):
        part = rows[start : start + len(unit)]
        part[:] = _round(unit, neighbours, i)[: len(part)]
    file.parent.mkdir(exist_ok=True)
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    with unfinished.open("wb") as opened:
        np.save(opened, rows)
    unfinished.replace(file)


def _round(unit: Floats, neighbours: Labels, number: int) -> Floats:
    """Make one row of each passage."""
    rng = np.random.default_rng((SEED, number))
    chosen = neighbours[np.arange(len(unit)), rng.integers(neighbours.shape[1], size=len(unit))]
    weights = rng.uniform(*WEIGHTS, (len(unit), 1)).astype(np.float32)
    noise = rng.standard_normal(unit.shape, np.float32)
    return _normal(_normal(weights * unit + (1 - weights) * unit[chosen]) + NOISE * _normal(noise))


def _neighbours(unit: Floats) -> Iterator[npt.NDArray[np.int64]]:
    """Give the nearest other rows of each row, a block of rows at a time, in no order."""
    for start in range(0, len(unit), _BLOCK):
        products = unit[start : start + _BLOCK] @ unit.T
        own = np.arange(len(products))
        products[own, start + own] = -1
        yield np.argpartition(-products, NEAREST, axis=1)[:, :NEAREST]


def _normal(vectors: Floats) -> Floats:
    """Scale each row to length 1."""
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
