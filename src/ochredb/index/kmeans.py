"""The centres of the lists of an index: k-means on every core, where FAISS's own keeps to one."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ochredb.core.model import Floats
from ochredb.index.base import Slots
from ochredb.index.library import library
from ochredb.index.slices import in_slices

SAMPLES_A_LIST = 128
_ROUNDS = (64, 64, 64, 64, 64, 128, 128, 128)
"""Vectors a list in each round of k-means. It takes little more than half of the time of ten rounds of 128 each, and a
vector's product with the centre of its list is on average 0.1 % less."""
_SHARE = 4096
"""A thread takes at least so many vectors in a round."""
_ASIDE = 1 + 1 / 1024, 1 - 1 / 1024
"""Where a list without a vector begins anew: beside the centre of a large one, so far from it in every second
component.
"""


def centroids(vectors: Floats, lists: int, by_product: bool, keep_on: Callable[[], bool]) -> Floats | None:
    """Find centres (lists, d).

    Args:
        vectors: float32 (n, d) in random order, at least as many as lists; of more than `SAMPLES_A_LIST` a list the
            first.
        lists: How many.
        by_product: Whether the nearest centre is that of the largest product; then centres are of length 1.
        keep_on: Asked between rounds; when it says no, None is returned.
    """
    centres = vectors[:lists]
    for vectors_a_list in _ROUNDS:
        if not keep_on():
            return None
        centres = _means(quantizer(centres, by_product), vectors[: lists * vectors_a_list], by_product)
    return centres


def quantizer(centres: Floats, by_product: bool) -> Any:
    """Give FAISS's index of centres (n, d)."""
    faiss = library()
    index = faiss.IndexFlat(centres.shape[1], faiss.METRIC_INNER_PRODUCT if by_product else faiss.METRIC_L2)
    index.add(centres)
    return index


def _means(nearest: Any, vectors: Floats, by_product: bool) -> Floats:
    """Give the mean of the vectors that are nearest to each centre, for products of length 1."""
    parts = in_slices(lambda some: _sums(nearest, some), vectors, _SHARE)
    sums, counts = (np.sum(part, axis=0) for part in zip(*parts, strict=True))
    means: Floats = sums / np.maximum(counts, 1)[:, None]
    empty = np.flatnonzero(counts == 0)
    largest = np.argsort(-counts)[: len(counts) - len(empty)]
    means[empty] = means[np.resize(largest, len(empty))] * np.resize(_ASIDE, means.shape[1])
    if by_product:
        lengths = np.linalg.norm(means, axis=1)[:, None]
        np.divide(means, lengths, out=means, where=lengths > 0)
    return means


def _sums(nearest: Any, vectors: Floats) -> tuple[Floats, Slots]:
    """Give the sum of the vectors that are nearest to each centre, and how many they are."""
    library()
    lists = nearest.search(vectors, 1)[1][:, 0]
    sums = np.zeros((nearest.ntotal, vectors.shape[1]), np.float32)
    order = np.argsort(lists, kind="stable")
    starts = np.flatnonzero(np.diff(lists[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        sums[lists[rows[0]]] = vectors[rows].sum(axis=0)
    return sums, np.bincount(lists, minlength=len(sums))
