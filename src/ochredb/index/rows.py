"""The vectors of an index a second time, in half precision, to put its candidates in order.

Codes of 4 bits find candidates; these rows narrow them down; the float32 truth decides. Half precision takes half the
memory and is exact enough wherever its rounding is small against the distances between neighbours; where it is not,
rows are float32.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ochredb.core.model import Floats
from ochredb.index.base import Slots
from ochredb.index.growing import Growing

HALF, SINGLE = np.dtype("<f2"), np.dtype("<f4")
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
    """

    def __init__(self, dtype: np.dtype[Any], dimension: int, base: npt.NDArray[Any] | None = None) -> None:
        self.dtype = dtype
        self.dimension = dimension
        # A memmap is many times slower to index than the plain array that it is.
        self._base = np.empty((0, dimension), dtype) if base is None else base.view(np.ndarray)
        self._more = Growing(dtype, dimension)
        self._quantizer: Any = None

    def __len__(self) -> int:
        return len(self._base) + len(self._more)

    @property
    def nbytes(self) -> int:
        """Bytes in memory; those that are mapped the system takes back when it needs them."""
        return self._more.nbytes

    @property
    def exact(self) -> bool:
        """Whether the rows are float32, and so the very vectors that they were given."""
        return self.dtype == SINGLE

    def append(self, vectors: Floats) -> None:
        """Take in vectors float32 (n, d) behind the last row."""
        self._more.extend(self._narrow(vectors))

    def truncate(self, length: int) -> None:
        """Let go of the rows from `length` on."""
        self._more.truncate(max(length - len(self._base), 0))

    def put(self, slots: Slots, vectors: Floats) -> None:
        """Give rows that exist new vectors."""
        low = slots < len(self._base)
        narrow = self._narrow(vectors)
        self._base[slots[low]] = narrow[low]
        self._more.view[slots[~low] - len(self._base)] = narrow[~low]

    def take(self, slots: Slots) -> Floats:
        """Give rows as float32 (n, d)."""
        split = len(self._base)
        if not len(self._more):
            return self._widen(self._base.take(slots, axis=0))
        if not split:
            return self._widen(self._more.view.take(slots, axis=0))
        rows = np.empty((len(slots), self.dimension), self.dtype)
        low = slots < split
        rows[low] = self._base[slots[low]]
        rows[~low] = self._more.view[slots[~low] - split]
        return self._widen(rows)

    def blocks(self, length: int) -> Iterator[npt.NDArray[Any]]:
        """Give the first rows in order, as they are kept."""
        yield self._base[:length]
        yield self._more.view[: max(length - len(self._base), 0)]

    def _narrow(self, vectors: Floats) -> npt.NDArray[Any]:
        if self.dtype == SINGLE:
            return vectors
        largest = np.finfo(HALF).max
        return np.clip(vectors, -largest, largest).astype(HALF)

    def _widen(self, rows: npt.NDArray[Any]) -> Floats:
        if self.dtype == SINGLE:
            return rows
        if self._quantizer is None:
            import faiss

            # NumPy widens half precision one element at a time; FAISS does it ten times faster (F16C).
            self._quantizer = faiss.ScalarQuantizer(self.dimension, faiss.ScalarQuantizer.QT_fp16)
        widened: Floats = self._quantizer.decode(np.ascontiguousarray(rows).view(np.uint8))
        return widened
