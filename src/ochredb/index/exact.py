"""Every distance: the reference for all other indexes, and the winner on small sets."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, assert_never

import numpy as np

from ochredb.core.model import Floats, Mask, Space
from ochredb.index.base import Nearest, Slots
from ochredb.index.growing import Growing

# Rounding of a float32 dot product of d terms grows with sqrt(d) in practice; four times that has not been exceeded on
# random, clustered and offset data, and a candidate too many costs nothing.
ROUNDING = 4 * float(np.finfo(np.float32).eps)
_MATRIX = 8
"""So many queries are worth a matrix product."""
_BLOCK = 1 << 22
"""Rough distances that are computed at a time: 16 MiB."""
_PLACE_BYTES = 100
"""What an entry of a dict of ints takes."""
SMALL, LARGE = 1e-30, 1e30
"""Squared lengths beyond which float32 may overflow or lose a vector: then every distance is computed exactly."""


def score(space: Space, queries: Floats, vectors: Floats) -> Floats:
    """Compute the distances that a user sees: float32 (..., n) from float64 arithmetic.

    Args:
        space: Its formula (contract section 3): l2 = sum (x - y)^2, cosine = 1 - cos with 1 for a zero vector,
            ip = 1 - dot.
        queries: float32 (..., d).
        vectors: float32 (..., n, d), those of each query.

    >>> score("l2", np.zeros(2, np.float32), np.full((1, 2), 3, np.float32))
    array([18.], dtype=float32)
    """
    x, y = vectors.astype(np.float64), queries.astype(np.float64)[..., None, :]
    match space:
        case "l2":
            away = x - y
            distances = np.vecdot(away, away)
        case "ip":
            distances = 1.0 - np.vecdot(x, y)
        case "cosine":
            lengths = np.vecdot(x, x) * np.vecdot(y, y)
            distances = 1.0 - _quotients(np.vecdot(x, y), np.sqrt(lengths))
        case _:
            assert_never(space)
    rounded: Floats
    if space == "cosine":
        rounded = distances.astype(np.float32)
    else:
        with np.errstate(over="ignore"):  # two far corners of float32 are infinitely apart in float32: so be it
            rounded = distances.astype(np.float32)
    return rounded


def rough(space: Space, queries: Floats, vectors: Floats) -> Floats:
    """Compute distances in float32 (q, n) of vectors (q, n, d), good enough to put candidates in order.

    Those of ip, and of cosine for vectors of length 1, are right up to a constant.
    """
    if space == "l2":
        away = vectors - queries[:, None]
        distances: Floats = np.vecdot(away, away)
        return distances
    dots: Floats = np.vecdot(vectors, queries[:, None])
    return -dots


def rank(space: Space, queries: Floats, slots: Slots, vectors: Floats, k: int) -> Nearest:
    """Give the k nearest of each query's own vectors (q, n, d) with their exact distances, ties by slot.

    A slot of -1 stands for no vector.
    """
    distances = score(space, queries, vectors)
    if slots.min(initial=0) < 0:
        distances[slots < 0] = np.inf
    return nearest(slots, distances, k)


def nearest(slots: Slots, distances: Floats, k: int) -> Nearest:
    """Put what was found (q, n) in order and keep the k nearest."""
    # Without its sign a slot of -1 is the largest of all, and so behind one that is infinitely far.
    order = np.lexsort((slots.view(np.uint64), distances), axis=1)[:, :k]
    if len(order) == 1:
        return Nearest(slots[:, order[0]], distances[:, order[0]])
    rows = np.arange(len(order))[:, None]
    return Nearest(slots[rows, order], distances[rows, order])


def join(one: Nearest, other: Nearest, k: int) -> Nearest:
    """Join what two searches of different rows found."""
    return nearest(
        np.concatenate((one.slots, other.slots), axis=1), np.concatenate((one.distances, other.distances), axis=1), k
    )


def stack(parts: list[Nearest]) -> Nearest:
    """Put what was found for some queries above what was found for others, filled up with nothing."""
    if len(parts) == 1:
        return parts[0]
    rows, widest = sum(len(part.slots) for part in parts), max((part.slots.shape[1] for part in parts), default=0)
    slots, distances = np.full((rows, widest), -1, np.int64), np.full((rows, widest), np.inf, np.float32)
    start = 0
    for part in parts:
        place = slice(start, start + len(part.slots)), slice(part.slots.shape[1])
        slots[place], distances[place] = part
        start += len(part.slots)
    return Nearest(slots, distances)


def nothing(queries: int) -> Nearest:
    """Give what is found where there is nothing."""
    return Nearest(np.empty((queries, 0), np.int64), np.empty((queries, 0), np.float32))


def _quotients(values: Any, divisors: Any) -> Any:
    if np.count_nonzero(divisors) == divisors.size:
        return values / divisors
    return np.divide(values, divisors, out=np.zeros_like(values), where=divisors > 0)


def nearest_of(space: Space, queries: Floats, k: int, parts: Iterable[tuple[Slots, Floats]]) -> Nearest:
    """Find the k nearest of each query among vectors (n, d) that come with their slots a part at a time, exactly."""
    found = nothing(len(queries))
    for slots, vectors in parts:
        part = ExactIndex(space, queries.shape[1])
        part.add(slots, vectors)
        limits = found.distances[:, k - 1] if found.distances.shape[1] == k else np.full(len(queries), np.inf)
        found = join(found, part.search_within(queries, k, limits), k)
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

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes."""
        columns = self._slots.nbytes + self._vectors.nbytes + self._squares.nbytes
        return columns + _PLACE_BYTES * len(self._place)

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

    def search(self, queries: Floats, k: int, allowed: Mask | None = None, effort: int = 100) -> Nearest:  # noqa: ARG002 # the protocol's; there is nothing to try harder at
        """Find the k nearest, exactly; of fewer than k vectors, all."""
        return self.search_within(queries, k, np.full(len(queries), np.inf, np.float32), allowed)

    def search_within(self, queries: Floats, k: int, limits: Floats, allowed: Mask | None = None) -> Nearest:
        """Find the k nearest, exactly, and leave out what is farther from its query than the limit (q,)."""
        places = self._allowed(allowed)
        count = len(self._slots) if places is None else len(places)
        if not count:
            return nothing(len(queries))
        batch = max(_BLOCK // count, 1)
        found = [
            self._rank(query, candidates, k)
            for start in range(0, len(queries), batch)
            for query, candidates in self._candidates(
                queries[start : start + batch], k, limits[start : start + batch], places, count
            )
        ]
        return stack(found) if found else nothing(0)

    def _rank(self, query: Floats, places: Slots, k: int) -> Nearest:
        slots, vectors = self._slots.view[places], self._vectors.view[places]
        return rank(self.space, query[None], slots[None], vectors[None], k)

    def _allowed(self, allowed: Mask | None) -> Slots | None:
        slots = self._slots.view
        if allowed is None and len(slots) == len(self._place):
            return None
        good = slots >= 0
        if allowed is not None:
            good &= slots < len(allowed)
            good[good] = allowed[slots[good]]
        return np.flatnonzero(good)

    def _candidates(
        self, queries: Floats, k: int, limits: Floats, places: Slots | None, count: int
    ) -> Iterator[tuple[Floats, Slots]]:
        """Give with each query the places of its k nearest, and of all that rounding may have put behind them."""
        squares = np.einsum("qd,qd->q", queries, queries)
        if k >= count or self._extreme or _is_extreme(queries, squares):
            everything = np.arange(count) if places is None else places
            yield from ((query, everything) for query in queries)
            return
        rough = self._rough(queries, squares, limits, places)
        for query, (distances, limit, error) in zip(queries, rough, strict=True):
            near = np.flatnonzero(distances <= limit + 2 * error)
            if len(near) > k:
                few = distances[near]
                near = near[few <= np.partition(few, k - 1)[k - 1] + 2 * error]
            yield query, (near if places is None else places[near])

    def _rough(
        self, queries: Floats, squares: Floats, limits: Floats, places: Slots | None
    ) -> Iterator[tuple[Any, float, float]]:
        """Compute distances in float32, right up to a factor and a constant, with the limit in the same measure and
        what both may be wrong by.
        """
        # Products instead of a difference per element are ten times faster, and their rounding is bounded. Those of a
        # few queries leave the matrix product alone, whose threads on a busy machine wait for each other for 10 ms.
        vectors, lengths = self._vectors.view, self._squares.view
        if places is not None:
            vectors, lengths = vectors[places], lengths[places]
        dots = np.vecdot(vectors, queries[:, None]) if len(queries) < _MATRIX else queries @ vectors.T
        rounding = ROUNDING * math.sqrt(queries.shape[1])
        longest, roots = float(lengths.max()), np.sqrt(lengths)
        for row, square, limit in zip(dots, squares.tolist(), limits.tolist(), strict=True):
            if self.space == "l2":
                yield lengths - 2 * row, limit - square, rounding * (longest + square)
            elif self.space == "ip":
                yield -row, limit - 1, rounding * math.sqrt(longest * square)
            else:
                length = math.sqrt(square)
                yield -_quotients(row, roots), (limit - 1) * length if length else math.inf, rounding * length

    def _compact(self) -> None:
        keep = np.flatnonzero(self._slots.view >= 0)
        for column in (self._slots, self._vectors, self._squares):
            column.keep(keep)
        self._place = {slot: place for place, slot in enumerate(self._slots.view.tolist())}


def _is_extreme(vectors: Floats, squares: Floats) -> bool:
    beyond = (squares < SMALL) | (squares > LARGE)
    return bool(beyond.any()) and bool(vectors[beyond].any())  # zero vectors are harmless
