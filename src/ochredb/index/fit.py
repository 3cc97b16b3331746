"""How vectors are given to FAISS, which computes in float32: so that usual ones are about 1 long."""

from typing import Any, NamedTuple

import numpy as np

from ochredb.core.model import Floats, Space
from ochredb.index.exact import LARGE, SMALL

_UNLIKE = 0.02
"""Vectors that differ by less in length are taken to be equally long."""
_UNIT = 1e-6
"""Squared lengths that differ by so little from 1 need no division."""
_LONGEST = 1e15
"""So long may a vector be that FAISS sees: the square, and sums of some hundred squares, do not leave float32."""
_SCALES = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
_BLOCK = 1 << 16
"""Rows that are looked at in float64 at a time."""


class Fit(NamedTuple):
    """The measure of an index.

    Args:
        space: Of the collection.
        scale: Factor that makes a usual vector about 1 long, so that very long or short ones do not leave float32; one
            that is still longer than `_LONGEST` is shortened to that.
        alike: Whether an l2 index takes all vectors for equally long. Then the nearest are those of the largest
            product, which are found several times as fast.
    """

    space: Space
    scale: float
    alike: bool

    @classmethod
    def of(cls, space: Space, sample: Floats, alike: bool) -> "Fit":
        """Choose the measure for rows of which `sample` (n, d) is drawn.

        Args:
            space: Of the collection.
            sample: float32 (n, d), n at least 1.
            alike: Whether all rows may be taken for equally long if those of the sample are.
        """
        long = np.concatenate([lengths(some) for some in np.array_split(sample, len(sample) // _BLOCK + 1)])
        usual = float(np.median(long))
        if abs(usual - 1) <= _UNIT:
            usual = 1.0
        if space == "cosine" or not usual:
            return cls(space, 1.0, alike=False)
        alike = alike and space == "l2" and bool((abs(long / usual - 1) <= _UNLIKE).all())
        return cls(space, float(np.clip(1 / usual, *_SCALES)), alike)

    @property
    def by_product(self) -> bool:
        """Whether the nearest are those of the largest product, and not those of the least squared distance."""
        return self.space != "l2" or self.alike

    def takes(self, vectors: Floats) -> bool:
        """Tell whether vectors (n, d) fit: not if all are taken for equally long and some of these are not."""
        if not self.alike:
            return True
        measured = self.measured(vectors)
        return bool((abs(np.sqrt(np.vecdot(measured, measured)) - 1) <= _UNLIKE).all())

    def measured(self, vectors: Floats) -> Floats:
        """Give vectors (n, d) in this measure."""
        measured = _unit(vectors) if self.space == "cosine" else _scaled(vectors, self.scale)
        return np.ascontiguousarray(measured, np.float32)


def lengths(vectors: Floats) -> Any:
    """Compute the lengths (n,) of vectors (n, d), in float64: squares of very long or short ones leave float32."""
    exact = vectors.astype(np.float64)
    return np.sqrt(np.vecdot(exact, exact))


def even(vectors: Floats) -> Floats:
    """Give vectors an even number of components, which codes of two at a time want."""
    return np.pad(vectors, ((0, 0), (0, 1))) if vectors.shape[1] % 2 else vectors


def _unit(vectors: Floats) -> Any:
    if len(vectors) == 1 and abs(float(np.vdot(vectors, vectors)) - 1) <= _UNIT:  # as below, and faster
        return vectors
    with np.errstate(over="ignore"):
        squares: Any = np.vecdot(vectors, vectors)
    least, most = squares.min(initial=1), squares.max(initial=1)
    if most - least <= _UNIT:  # as nearly all models give them, and then it is one of 1
        return vectors
    if least > SMALL and most < LARGE:
        return vectors / np.sqrt(squares)[:, None]
    long = lengths(vectors)[:, None]
    return np.divide(vectors, long, out=np.zeros(vectors.shape), where=long > 0)


def _scaled(vectors: Floats, scale: float) -> Any:
    if scale == 1 and len(vectors) == 1 and float(np.vdot(vectors, vectors)) <= _LONGEST**2:  # as below, and faster
        return vectors
    with np.errstate(over="ignore"):
        scaled = vectors if scale == 1 else vectors * scale
        longest = np.vdot(scaled, scaled) if len(scaled) == 1 else np.vecdot(scaled, scaled).max(initial=0)
    if float(longest) <= _LONGEST**2:
        return scaled
    long = lengths(vectors)[:, None] * scale
    return vectors * (scale * _LONGEST / np.maximum(long, _LONGEST))
