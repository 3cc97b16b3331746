"""Every distance: the reference for all other indexes, and the winner on small sets."""

from typing import Any, assert_never

import numpy as np

from ochredb.core.model import Floats, Mask, Space
from ochredb.index.base import Nearest, Slots
from ochredb.index.growing import Growing

# Rounding of a float32 dot product of d terms grows with sqrt(d) in practice; four times that has not been exceeded on
# random, clustered and offset data, and a candidate too many costs nothing.
_ROUNDING = 4 * np.finfo(np.float32).eps
_SMALL, _LARGE = np.float32(1e-30), np.float32(1e30)
"""Squared lengths beyond which float32 may overflow or lose a vector: then every distance is computed exactly."""


def score(space: Space, query: Floats, vectors: Floats) -> Floats:
    """Compute the distances that a user sees: float32 (n,) from float64 arithmetic.

    Args:
        space: Its formula (contract section 3): l2 = sum (x - y)^2, cosine = 1 - cos with 1 for a zero vector, ip = 1 -
            dot.
        query: float32 (d,).
        vectors: float32 (n, d).

    >>> score("l2", np.zeros(2, np.float32), np.full((1, 2), 3, np.float32))
    array([18.], dtype=float32)
    """
    x, y = vectors.astype(np.float64), query.astype(np.float64)
    match space:
        case "l2":
            distances = np.square(x - y).sum(axis=1)
        case "ip":
            distances = 1.0 - x @ y
        case "cosine":
            lengths = np.sqrt(np.square(x).sum(axis=1) * np.square(y).sum())
            distances = 1.0 - np.divide(x @ y, lengths, out=np.zeros(len(x)), where=lengths > 0)
        case _:
            assert_never(space)
    rounded: Floats
    with np.errstate(over="ignore"):  # two far corners of float32 are infinitely apart in float32: so be it
        rounded = distances.astype(np.float32)
    return rounded


def rough(space: Space, query: Floats, vectors: Floats) -> Floats:
    """Compute distances in float32 (n,), good enough to put candidates in order; of cosine and ip up to a constant."""
    with np.errstate(over="ignore", invalid="ignore"):
        if space == "l2":
            away = vectors - query
            distances: Floats = np.einsum("nd,nd->n", away, away)
            return distances
        dots: Floats = vectors @ query
        if space == "ip":
            return -dots
        return -_cosines(dots, np.einsum("nd,nd->n", vectors, vectors))


def _cosines(dots: Floats, squares: Floats) -> Floats:
    """Give the cosines up to the query's length, 0 for zero vectors."""
    lengths = np.sqrt(squares)
    cosines: Floats = np.divide(dots, lengths, out=np.zeros_like(dots), where=lengths > 0)
    return cosines


def rank(space: Space, query: Floats, slots: Slots, vectors: Floats, k: int) -> tuple[Slots, Floats]:
    """Give the k nearest of some vectors with their exact distances, ties by slot."""
    distances = score(space, query, vectors)
    order = np.lexsort((slots, distances))[:k]
    return slots[order], distances[order]


def fill(rows: list[tuple[Slots, Floats]], k: int) -> Nearest:
    """Make the rows of an answer equally long."""
    found = Nearest(np.full((len(rows), k), -1, np.int64), np.full((len(rows), k), np.inf, np.float32))
    for n, (slots, distances) in enumerate(rows):
        found.slots[n, : len(slots)] = slots
        found.distances[n, : len(slots)] = distances
    return found


class ExactIndex:
    """float32 vectors in memory, every one of which is looked at."""

    def __init__(self, space: Space, dimension: int) -> None:
        self.space: Space = space
        self._slots = Growing(np.int64)
        self._vectors = Growing(np.float32, dimension)
        self._squares = Growing(np.float32)
        self._place: dict[int, int] = {}
        self._extreme = False

    def __len__(self) -> int:
        return len(self._place)

    def add(self, slots: Slots, vectors: Floats) -> None:
        """Take in vectors; a slot that is known gets its new vector."""
        self.remove(slots)
        start = len(self._slots)
        self._slots.extend(slots)
        self._vectors.extend(vectors)
        with np.errstate(over="ignore"):
            squares = np.einsum("nd,nd->n", vectors, vectors)
        self._squares.extend(squares)
        self._extreme = self._extreme or _is_extreme(vectors, squares)
        self._place.update(zip(slots.tolist(), range(start, start + len(slots)), strict=True))

    def remove(self, slots: Slots) -> None:
        """Let go of slots; their rows are passed over until half of all rows are such, then given back."""
        for slot in slots.tolist():
            place = self._place.pop(slot, None)
            if place is not None:
                self._slots.view[place] = -1
        if len(self._slots) > 2 * len(self._place) + 64:
            self._compact()

    def search(self, queries: Floats, k: int, allowed: Mask | None = None, effort: int = 100) -> Nearest:  # noqa: ARG002 - the protocol's; nothing here to try harder
        """Find the k nearest, exactly."""
        places = self._allowed(allowed)
        return fill([self._nearest(query, k, places) for query in queries], k)

    def _allowed(self, allowed: Mask | None) -> Slots | None:
        slots = self._slots.view
        if allowed is None and len(slots) == len(self._place):
            return None
        good = slots >= 0
        if allowed is not None:
            good &= slots < len(allowed)
            good[good] = allowed[slots[good]]
        return np.flatnonzero(good)

    def _nearest(self, query: Floats, k: int, places: Slots | None) -> tuple[Slots, Floats]:
        candidates = self._candidates(query, k, places)
        return rank(self.space, query, self._slots.view[candidates], self._vectors.view[candidates], k)

    def _candidates(self, query: Floats, k: int, places: Slots | None) -> Slots:
        """Give the places that may be among the k nearest: all within twice the rounding error of the k-th."""
        count = len(self._slots) if places is None else len(places)
        square = query @ query
        if k >= count or self._extreme or _is_extreme(query[None], square[None]):
            return np.arange(count) if places is None else places
        rough, error = self._rough(query, square, places)
        near = np.flatnonzero(rough <= np.partition(rough, k - 1)[k - 1] + 2 * error)
        return near if places is None else places[near]

    def _rough(self, query: Floats, square: Any, places: Slots | None) -> tuple[Floats, np.float32]:
        # One matrix product instead of a difference per element is ten times faster, and its rounding is bounded.
        vectors, squares = self._vectors.view, self._squares.view
        if places is not None:
            vectors, squares = vectors[places], squares[places]
        dots = vectors @ query
        rounding = np.float32(_ROUNDING * np.sqrt(len(query)))
        longest = squares.max(initial=np.float32(0))
        if self.space == "l2":
            return squares - 2 * dots + square, np.float32(rounding * (longest + square))
        if self.space == "ip":
            return -dots, np.float32(rounding * np.sqrt(longest * square))
        return -_cosines(dots, squares), np.float32(rounding * np.sqrt(square))

    def _compact(self) -> None:
        keep = np.flatnonzero(self._slots.view >= 0)
        for column in (self._slots, self._vectors, self._squares):
            column.keep(keep)
        self._place = {slot: place for place, slot in enumerate(self._slots.view.tolist())}


def _is_extreme(vectors: Floats, squares: Floats) -> bool:
    beyond = (squares < _SMALL) | (squares > _LARGE)
    return bool(beyond.any()) and bool(vectors[beyond].any())  # zero vectors are harmless
