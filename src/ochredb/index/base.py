"""What every vector index does, written down to the unit."""

from functools import cached_property
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ochredb.core.model import Floats, Mask

Slots = npt.NDArray[np.int64]


class Nearest(NamedTuple):
    """What a search found, nearest first; a slot of -1 stands for nothing.

    Args:
        slots: int64 (q, n), n being k or less.
        distances: float32 (q, n), in the units of `Space`.
    """

    slots: Slots
    distances: Floats


class Allowed:
    """The slots that may be found, with what is computed of them once and not at each search.

    Args:
        mask: True at those slots; slots beyond its end may not be found. It does not change any more.
    """

    def __init__(self, mask: Mask) -> None:
        self.mask = mask

    @cached_property
    def count(self) -> int:
        """How many there are."""
        return int(np.count_nonzero(self.mask))

    @cached_property
    def bits(self) -> npt.NDArray[Any]:
        """The mask with eight slots a byte, the first in the lowest bit."""
        return np.packbits(self.mask, bitorder="little")


def distinct(numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Give whole numbers (n,) once each, ascending: as `np.unique`, which loads masked arrays for that, 15 ms.

    >>> distinct(np.array([3, 1, 3]))
    array([1, 3])
    """
    ascending = np.sort(numbers)
    once: npt.NDArray[Any] = ascending[np.diff(ascending, prepend=ascending[:1] - 1) != 0]
    return once


class VectorIndex(Protocol):
    """Vectors under slots: integers of at least 0 that the caller gives out, best densely."""

    def add(self, slots: Slots, vectors: Floats) -> None:
        """Take in vectors float32 (n, d) under new slots (n)."""
        ...

    def remove(self, slots: Slots) -> None:
        """Let go of slots; unknown ones are no error."""
        ...

    def search(self, queries: Floats, k: int, allowed: Mask | None = None, effort: int = 100) -> Nearest:
        """Find the k nearest vectors of each query.

        Args:
            queries: float32 (q, d).
            k: At least 1.
            allowed: True at the slots that may be found; slots beyond its end may not. None allows all.
            effort: How hard to try, 100 being the usual; an exact index has no use for it.
        """
        ...

    def __len__(self) -> int:
        """Count the vectors."""
        ...
