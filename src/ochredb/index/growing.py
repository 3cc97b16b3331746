"""NumPy columns that grow at the end, at a constant cost a row."""

from typing import Any

import numpy as np
import numpy.typing as npt


class Growing:
    """Rows of one dtype in one block of memory that doubles when it is full.

    A view taken earlier keeps its rows, whatever is appended later: readers that know their length need no lock.
    """

    def __init__(self, dtype: npt.DTypeLike, width: int | None = None) -> None:
        self._block = np.empty((0,) if width is None else (0, width), dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, spare room included."""
        return self._block.nbytes

    @property
    def view(self) -> npt.NDArray[Any]:
        """The rows, without a copy; writing to it writes to the column."""
        return self._block[: self._length]

    def extend(self, rows: npt.ArrayLike) -> None:
        """Append rows (n,) or (n, width)."""
        new = np.asarray(rows, self._block.dtype)
        need = self._length + len(new)
        if need > len(self._block):
            self._move(max(need, 2 * len(self._block), 64))
        self._block[self._length : need] = new
        self._length = need

    def reserve(self, length: int) -> None:
        """Have room for so many rows in all, if that is more than doubling would give."""
        if length > 2 * len(self._block):
            self._move(length)

    def pad(self, length: int, value: Any) -> None:
        """Append copies of one value until there are `length` rows."""
        if length > self._length:
            self.extend(np.full((length - self._length, *self._block.shape[1:]), value, self._block.dtype))

    def truncate(self, length: int) -> None:
        """Let go of the rows from `length` on."""
        self._length = min(self._length, length)

    def keep(self, places: npt.NDArray[np.int64]) -> None:
        """Keep the rows at these places, in their order, and give back the rest."""
        self._block = self.view[places]
        self._length = len(self._block)

    def _move(self, room: int) -> None:
        block = np.empty((room, *self._block.shape[1:]), self._block.dtype)
        block[: self._length] = self.view
        self._block = block
