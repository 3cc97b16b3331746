"""What every vector index does, written down to the unit."""

from typing import NamedTuple, Protocol

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
