"""The vector view: which rows are indexed, and the tail that is not yet.

Rows that came or changed since the index was made are the tail, and are scanned exactly. A very long tail is not kept
in memory but read from the truth at each search, until the index has caught up.
"""

import numpy as np

from ochredb.core.model import Floats, Mask, Space
from ochredb.index.base import Allowed, Nearest, Slots, distinct
from ochredb.index.exact import ExactIndex, join, nearest_of
from ochredb.local.built import Built, Job, Read, chunks, extend, train

INDEXED_FROM = 4096
"""A collection with fewer rows is scanned exactly: 0.1 ms for 4,096 rows of 384 dimensions."""
TAIL = 4096
"""A tail of so many rows is worth indexing at once; a shorter one waits for a quiet moment."""
LONG_TAIL = 512
"""A tail of so many rows is felt in a search, and indexed in a quiet moment even by a process that does not write."""
TAIL_BYTES = 1 << 27
"""A tail of so much float32 is kept in memory, a longer one read from the truth at each search: a matter of minutes."""
OUTGROWN, OUTGROWN_AT_REST = 8, 1.5
"""An index is trained anew when there are more than so many times the rows that it was trained for, in a rush and when
there is time."""
UNTRIED, UNTRIED_AT_REST = 0.25, 0.02
"""The share of rows that an index may take in before it is tried again, in a rush and when there is time."""


class Vectors:
    """The vectors of one collection, to be searched by slot."""

    def __init__(self, space: Space, dimension: int, built: Built | None = None, dirty: Slots | None = None) -> None:
        self.space: Space = space
        self.dimension = dimension
        self.built = built
        self.dirty: set[int] = set() if dirty is None else set(dirty.tolist())
        self._tail: ExactIndex | None = None
        self._pending: list[Slots] = []
        self._changed: set[int] | None = None
        self._cut: tuple[Allowed, Allowed] | None = None

    @property
    def frontier(self) -> int:
        """The first slot that the index does not cover."""
        return 0 if self.built is None else self.built.frontier

    @property
    def nbytes(self) -> int:
        """About how many bytes the index and the tail take."""
        built = 0 if self.built is None else self.built.ivf.nbytes + self.built.rows.nbytes
        return built + (0 if self._tail is None else self._tail.nbytes)

    def tail(self, slots: int) -> int:
        """Count the rows that are not indexed, of `slots` slots in all."""
        return slots - self.frontier + len(self.dirty)

    def touch(self, slots: Slots) -> None:
        """Learn that these rows are new, or have new vectors."""
        self._cut = None
        self.dirty.update(slots[slots < self.frontier].tolist())
        self._pending.append(slots)
        if self._changed is not None:
            self._changed.update(slots.tolist())

    def remove(self, slots: Slots) -> None:
        """Learn that these rows are gone."""
        self._cut = None
        self.dirty.difference_update(slots.tolist())
        self._pending = [some[~np.isin(some, slots)] for some in self._pending]
        if self._tail is not None:
            self._tail.remove(slots)

    @property
    def ready(self) -> bool:
        """Whether a search may begin without `prepare`."""
        return not self._pending and self._tail is not None

    def prepare(self, read: Read, alive: Mask) -> None:
        """Bring the tail into memory, unless it is too long for that."""
        rows = np.count_nonzero(alive[self.frontier :]) + len(self.dirty)
        if rows * self.dimension * 4 > TAIL_BYTES:
            self._tail, self._pending = None, []
            return
        missing = self._pending if self._tail is not None else [self._tail_slots(alive)]
        if self._tail is None:
            self._tail = ExactIndex(self.space, self.dimension)
        if missing:
            self._tail.add(*read(distinct(np.concatenate(missing))))
        self._pending = []

    def search(self, read: Read, queries: Floats, k: int, allowed: Allowed, effort: int) -> Nearest:
        """Find the k nearest rows of each query, with the distances of the truth.

        Args:
            read: The truth.
            queries: float32 (q, d).
            k: At least 1.
            allowed: The slots of records that there are and that may be found.
            effort: The collection's own.
        """
        if self.built is not None and self._tail is not None and not len(self._tail):
            return self.built.search(read, queries, k, self._of_index(allowed), effort)
        if self._tail is None:
            found = self._search_truth(read, queries, k, allowed.mask)
        else:
            found = self._tail.search(queries, k, allowed.mask)
        if self.built is None:
            return found
        return join(found, self.built.search(read, queries, k, self._of_index(allowed), effort), k)

    def wants(self, rows: int, slots: int, idle: bool) -> str | None:
        """Say whether this view is due to be built anew ("train"), brought up to date ("extend"), or neither.

        Args:
            rows: Records that there are.
            slots: Slots, dead ones included.
            idle: Whether there is nothing else to do.
        """
        if self.built is None or rows > (OUTGROWN_AT_REST if idle else OUTGROWN) * self.built.trained:
            return "train" if rows >= INDEXED_FROM else None
        due = self.tail(slots)
        return "extend" if due >= TAIL or (idle and due) else None

    def begin(self) -> Slots:
        """Give the slots to index anew, and note from now on what changes while an index is being made."""
        self._changed = set()
        return self._dirty_slots()

    def make(self, due: str, job: Job, idle: bool) -> Built | None:
        """Make the index that `wants` wants; None if told to stop. It changes nothing that is searched."""
        if due == "train" or self.built is None:
            return train(self.space, self.dimension, job)
        return extend(self.built, job, UNTRIED_AT_REST if idle else UNTRIED)

    def adopt(self, built: Built | None) -> None:
        """Put an index in the place of the old one, what changed meanwhile being the new tail; None forgets it."""
        if built is not None:
            self.built, self._cut = built, None
            self.dirty = {slot for slot in self._changed or () if slot < built.frontier}
            self._tail, self._pending = None, []
        self._changed = None

    def _dirty_slots(self) -> Slots:
        return np.sort(np.fromiter(self.dirty, np.int64, len(self.dirty)))

    def _tail_slots(self, allowed: Mask) -> Slots:
        fresh = np.arange(self.frontier, len(allowed))
        slots = np.concatenate((self._dirty_slots(), fresh))
        return slots[allowed[slots]]

    def _search_truth(self, read: Read, queries: Floats, k: int, allowed: Mask) -> Nearest:
        return nearest_of(self.space, queries, k, (read(chunk) for chunk in chunks(self._tail_slots(allowed))))

    def _of_index(self, allowed: Allowed) -> Allowed:
        """Give what of the allowed slots is the index's: not the rows that the tail has a newer vector of."""
        if not self.dirty and len(allowed.mask) == self.frontier:
            return allowed
        cut = self._cut  # read once, as another thread may put its own in its place
        if cut is None or cut[0] is not allowed:
            mask = allowed.mask[: self.frontier].copy()
            mask[self._dirty_slots()] = False
            cut = self._cut = allowed, Allowed(mask)
        return cut[1]
