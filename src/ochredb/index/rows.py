"""The vectors of an index a second time, in half precision, to put its candidates in order.

Codes of 4 bits find candidates; these rows narrow them down; the float32 truth decides. Half precision takes half the
memory and is exact enough wherever its rounding is small against the distances between neighbours; where it is not,
rows are float32. Embeddings that were float16 at birth lose nothing, and their halves are as good as the truth.
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ochredb.core.halves import BLOCK, HALF, in_blocks, lossless, narrowed, widened
from ochredb.core.model import Floats
from ochredb.index.base import Slots
from ochredb.index.growing import Growing
from ochredb.index.library import library


class Lengths(NamedTuple):
    """Between which two the length of every row lies, unless it is 0."""

    least: float
    most: float

    def about(self, others: "Lengths") -> bool:
        """Tell whether these are about within others."""
        return self.least * _WIDER >= others.least and self.most <= others.most * _WIDER

    def with_rows(self, vectors: Floats) -> "Lengths":
        """Give those of more rows (n, d); rows of zeros do not count."""
        least, most = self
        for some in in_blocks(vectors):
            exact = some.astype(np.float64)
            squares = np.vecdot(exact, exact)
            least = min(least, math.sqrt(squares.min(initial=math.inf, where=squares > 0)))
            most = max(most, math.sqrt(squares.max(initial=0)))
        return Lengths(least, most)


_NONE, _ANY = Lengths(math.inf, 0.0), Lengths(0.0, math.inf)
SINGLE = np.dtype("<f4")
_WIDER = 1.25
"""A length is about those of others if it lies outside them by no more than this factor."""
_LARGEST = float(np.finfo(HALF).max)
_SAMPLE = 512


def fitting(sample: Floats) -> np.dtype[Any]:
    """Choose the precision of rows like these (n, d): half, if rounding moves a row by under 1 % of the way to its
    neighbours.
    """
    some = sample[:: max(len(sample) // _SAMPLE, 1)][:_SAMPLE]
    with np.errstate(over="ignore", invalid="ignore"):
        moved = np.linalg.norm(some.astype(HALF).astype(np.float32) - some, axis=1)
        squares = np.einsum("nd,nd->n", some, some, dtype=np.float64)
        apart = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * (some.astype(np.float64) @ some.T), 0))
    near = np.partition(apart, min(10, len(some) - 1), axis=1)[:, min(10, len(some) - 1)]
    near = near[near > 0]
    return HALF if np.isfinite(moved).all() and (not len(near) or moved.max() < 0.01 * np.median(near)) else SINGLE


class Rows:
    """Rows 0 to n of one dimension: the first of them mapped from a file, the rest in memory.

    Args:
        dtype: `HALF` or `SINGLE`.
        dimension: Components a row.
        base: Rows (m, dimension) of this dtype, mapped copy-on-write so that a row that changes does not reach the
            file.
        lengths: Of the rows of `base`; None if they are not known.
        lossless: Whether rows in half precision are to be the very vectors that they were given, too.

    Attributes:
        exact: Whether all rows are the very vectors that they were given.
    """

    def __init__(
        self,
        dtype: np.dtype[Any],
        dimension: int,
        base: npt.NDArray[Any] | None = None,
        lengths: Lengths | None = None,
        lossless: bool = False,
    ) -> None:
        self.dtype = dtype
        self.dimension = dimension
        self.exact = dtype == SINGLE or lossless
        self.lengths = _NONE if base is None else lengths or _ANY
        # A memmap is many times slower to index than the plain array that it is.
        self._base = np.empty((0, dimension), dtype) if base is None else base.view(np.ndarray)
        self._more = Growing(dtype, dimension)

    def __len__(self) -> int:
        return len(self._base) + len(self._more)

    @property
    def nbytes(self) -> int:
        """Bytes in memory; those that are mapped the system takes back when it needs them."""
        return self._more.nbytes

    def holds(self, vectors: Floats) -> bool:
        """Tell whether vectors (n, d) can be rows here: not if halves would overflow, or lose what is to be exact."""
        if self.dtype == SINGLE:
            return True
        return lossless(vectors) if self.exact else bool((abs(vectors) <= _LARGEST).all())

    def append(self, vectors: Floats) -> None:
        """Take in vectors float32 (n, d) behind the last row."""
        self.lengths = self.lengths.with_rows(vectors)
        self._more.extend(self._narrow(vectors))

    def reserve(self, length: int) -> None:
        """Have room for so many rows in all, if they are many more than there are."""
        self._more.reserve(max(length - len(self._base), 0))

    def truncate(self, length: int) -> None:
        """Let go of the rows from `length` on."""
        self._more.truncate(max(length - len(self._base), 0))

    def put(self, slots: Slots, vectors: Floats) -> None:
        """Give rows that exist new vectors."""
        self.lengths = self.lengths.with_rows(vectors)
        low = slots < len(self._base)
        narrow = self._narrow(vectors)
        self._base[slots[low]] = narrow[low]
        self._more.view[slots[~low] - len(self._base)] = narrow[~low]

    def take(self, slots: Slots) -> Floats:
        """Give rows as float32 (..., d); any row for a slot of -1."""
        split = len(self._base)
        if not len(self._more):
            return self._widen(self._base.take(slots, axis=0))
        if not split:
            return self._widen(self._more.view.take(slots, axis=0))
        rows = np.empty((*slots.shape, self.dimension), self.dtype)
        low = slots < split
        rows[low] = self._base[slots[low]]
        rows[~low] = self._more.view[slots[~low] - split]
        return self._widen(rows)

    def products(self, query: Floats, slots: Slots) -> Floats:
        """Compute the products (n,) of a query with rows, if they are exact, in float32; -inf for a slot of -1."""
        if self.dtype == HALF:
            return self._widened(slots, lambda rows: np.vecdot(rows, query), -np.inf)
        return self._each("fvec_inner_products_by_idx", query, slots, np.maximum)

    def squares(self, query: Floats, slots: Slots) -> Floats:
        """Compute the squared distances (n,) of a query from rows, likewise; inf for a slot of -1."""
        if self.dtype == HALF:
            return self._widened(slots, lambda rows: _square(rows - query), np.inf)
        return self._each("fvec_L2sqr_by_idx", query, slots, np.minimum)

    def _widened(self, slots: Slots, compute: Callable[[Floats], Floats], absent: float) -> Floats:
        """Compute a number (n,) of each row, of a block at a time as float32 takes twice what the rows do."""
        found, width = np.empty(len(slots), np.float32), max(BLOCK // self.dimension, 1)
        for start in range(0, len(slots), width):
            found[start : start + width] = compute(self.take(slots[start : start + width]))
        found[slots < 0] = absent
        return found

    def _each(self, compute: str, query: Floats, slots: Slots, join: Any) -> Floats:
        """Have FAISS read each row where it lies, which is faster than to copy them first."""
        more, split = self._more.view, len(self._base)
        if not len(more):
            return _computed(compute, query, self._base, slots)
        behind = _computed(compute, query, more, np.maximum(slots - split, -1))
        whole: Floats = behind
        if split:
            whole = join(behind, _computed(compute, query, self._base, np.where(slots < split, slots, -1)))
        return whole

    def blocks(self, length: int) -> Iterator[npt.NDArray[Any]]:
        """Give the first rows in order, as they are kept."""
        yield self._base[:length]
        yield self._more.view[: max(length - len(self._base), 0)]

    def _narrow(self, vectors: Floats) -> npt.NDArray[Any]:
        if self.dtype == SINGLE:
            return vectors
        rows = np.empty(vectors.shape, HALF)
        for some, into in zip(in_blocks(vectors), in_blocks(rows), strict=True):
            exact = narrowed(some) if self.exact else None
            into[:] = np.clip(some, -_LARGEST, _LARGEST) if exact is None else exact
        return rows

    def _widen(self, rows: npt.NDArray[Any]) -> Floats:
        return rows if self.dtype == SINGLE else widened(rows)


def _square(vectors: Floats) -> Floats:
    squares: Floats = np.vecdot(vectors, vectors)
    return squares


def _computed(compute: str, query: Floats, rows: npt.NDArray[Any], slots: Slots) -> Floats:
    faiss = library()
    slots, found = np.ascontiguousarray(slots), np.empty(len(slots), np.float32)
    pointer = faiss.swig_ptr
    shape = rows.shape[1], 1, len(slots)
    getattr(faiss, compute)(pointer(found), pointer(query), pointer(rows), pointer(slots), *shape)
    return found
