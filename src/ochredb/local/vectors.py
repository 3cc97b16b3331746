"""The vector view: which rows are indexed, the tail that is not yet, and the order of what was found.

The index proposes, half-precision rows narrow down, the float32 truth decides. Rows that came or changed since the
index was made are the tail, and are scanned exactly. A long tail is not kept in memory but read from the truth at each
search, until the index has caught up.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from ochredb.core.model import Floats, Mask, Space
from ochredb.index.base import Nearest, Slots
from ochredb.index.exact import ExactIndex, join, nothing, rank, rough
from ochredb.index.ivf import FEWEST_LISTS, ROWS_A_LIST, SAMPLES_A_LIST, IvfIndex, list_count
from ochredb.index.rows import Rows, fitting
from ochredb.local.plan import plan

INDEXED_FROM = FEWEST_LISTS * ROWS_A_LIST
"""A collection with fewer rows is scanned exactly: 0.1 ms for 4,096 rows of 384 dimensions."""
TAIL = 4096
"""A tail of so many rows is worth indexing at once; a shorter one waits for a quiet moment."""
TAIL_BYTES = 1 << 27
"""A tail of so much float32 is kept in memory, a longer one read from the truth at each search: a matter of minutes."""
OUTGROWN = 4
"""An index is trained anew when there are so many times the rows that it was trained for."""
STRAYS = 50
"""Or when one row in so many is not of the kind that it was trained for."""
_CHUNK = 8192

Read = Callable[[Slots], tuple[Slots, Floats]]
"""Give the float32 truth of ascending slots, with the slots that still exist."""


class Built(NamedTuple):
    """An index over slots 0 to `frontier`, ready to take the place of another."""

    ivf: IvfIndex
    rows: Rows
    frontier: int
    trained: int


class Job(NamedTuple):
    """What there was to index when the work on an index began."""

    alive: Mask
    dirty: Slots


class Vectors:
    """The vectors of one collection, to be searched by slot."""

    def __init__(self, space: Space, dimension: int, built: Built | None = None, dirty: Slots | None = None) -> None:
        self.space: Space = space
        self.dimension = dimension
        self.built = built
        self.dirty: set[int] = set() if dirty is None else set(dirty.tolist())
        self.ghosts = False  # whether the index may still propose rows that are gone
        self._tail: ExactIndex | None = None
        self._pending: list[Slots] = []
        self._changed: set[int] | None = None
        self._lost = False

    @property
    def frontier(self) -> int:
        """The first slot that the index does not cover."""
        return 0 if self.built is None else self.built.frontier

    def tail(self, slots: int) -> int:
        """Count the rows that are not indexed, of `slots` slots in all."""
        return slots - self.frontier + len(self.dirty)

    def touch(self, slots: Slots) -> None:
        """Learn that these rows are new, or have new vectors."""
        self.dirty.update(slots[slots < self.frontier].tolist())
        self._pending.append(slots)
        if self._changed is not None:
            self._changed.update(slots.tolist())

    def remove(self, slots: Slots) -> None:
        """Learn that these rows are gone."""
        self.ghosts = self._lost = True
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
        if self.tail(len(alive)) * self.dimension * 4 > TAIL_BYTES:
            self._tail, self._pending = None, []
            return
        missing = self._pending if self._tail is not None else [self._tail_slots(alive)]
        if self._tail is None:
            self._tail = ExactIndex(self.space, self.dimension)
        if missing:
            self._tail.add(*read(np.unique(np.concatenate(missing))))
        self._pending = []

    def search(self, read: Read, queries: Floats, k: int, allowed: Mask | None, alive: Mask, effort: int) -> Nearest:
        """Find the k nearest rows of each query, with the distances of the truth.

        Args:
            read: The truth.
            queries: float32 (q, d).
            k: At least 1.
            allowed: True at the slots that may be found; None allows all that are alive.
            alive: True at the slots of records that there are.
            effort: The collection's own.
        """
        if self._tail is not None:
            found = self._tail.search(queries, k, allowed)
        else:
            found = self._search_truth(read, queries, k, alive if allowed is None else allowed & alive)
        if self.built is None:
            return found
        indexed = self._search_index(self.built, read, queries, k, allowed, alive, effort)
        return join(found, indexed, k) if found.slots.size else indexed

    def wants(self, rows: int, slots: int, idle: bool) -> str | None:
        """Say whether this view is due to be built anew ("train"), brought up to date ("extend"), or neither.

        Args:
            rows: Records that there are.
            slots: Slots, dead ones included.
            idle: Whether there is nothing else to do.
        """
        if self.built is None or rows > OUTGROWN * self.built.trained or STRAYS * self.built.ivf.strays > rows:
            return "train" if rows >= INDEXED_FROM else None
        due = self.tail(slots)
        return "extend" if due >= TAIL or (idle and due) else None

    def begin(self, alive: Mask) -> Job:
        """Start to make an index, and note from now on what changes meanwhile."""
        self._changed, self._lost = set(), False
        return Job(alive.copy(), np.sort(np.fromiter(self.dirty, np.int64, len(self.dirty))))

    def adopt(self, built: Built | None) -> None:
        """Put an index in the place of the old one, what changed while it was made being the new tail; None forgets the
        attempt.
        """
        if built is not None:
            self.built = built
            self.dirty = {slot for slot in self._changed or () if slot < built.frontier}
            self.ghosts = self._lost
            self._tail, self._pending = None, []
        self._changed = None

    def train(self, job: Job, read: Read, keep_on: Callable[[], bool]) -> Built | None:
        """Make an index of all rows; None if told to stop."""
        slots = np.flatnonzero(job.alive)
        wanted = min(list_count(len(slots)) * SAMPLES_A_LIST * 2, len(slots))
        chosen = np.sort(np.random.default_rng(len(slots)).choice(slots, wanted, replace=False))
        sample = np.concatenate([read(some)[1] for some in _chunks(chosen)])
        if len(sample) < FEWEST_LISTS:
            return None
        index = IvfIndex.train(self.space, sample, len(slots), keep_on)
        if index is None:
            return None
        rows = Rows(fitting(index.measured(sample)), self.dimension)
        return self._cover(Built(index, rows, 0, len(slots)), job, read, keep_on)

    def extend(self, job: Job, read: Read, keep_on: Callable[[], bool]) -> Built | None:
        """Make an index that covers the tail too; None if told to stop."""
        assert self.built is not None
        index, rows = self.built.ivf.copy(), self.built.rows
        index.remove(np.concatenate((np.flatnonzero(~job.alive[: self.frontier]), job.dirty)))
        slots, vectors = read(job.dirty)
        index.add(slots, vectors)
        rows.put(slots, index.measured(vectors))  # searches pass over the index for these slots until it is adopted
        rows.truncate(self.frontier)  # what an attempt that was stopped has left
        return self._cover(self.built._replace(ivf=index), job, read, keep_on)

    def _cover(self, built: Built, job: Job, read: Read, keep_on: Callable[[], bool]) -> Built | None:
        for chunk in _chunks(np.arange(built.frontier, len(job.alive))):
            if not keep_on():
                return None
            slots, vectors = read(chunk[job.alive[chunk]])
            built.ivf.add(slots, vectors)
            block = np.zeros((len(chunk), self.dimension), np.float32)
            block[slots - chunk[0]] = built.ivf.measured(vectors)
            built.rows.append(block)
        return built._replace(frontier=len(job.alive))

    def _tail_slots(self, alive: Mask) -> Slots:
        fresh = np.arange(self.frontier, len(alive))
        dirty = np.sort(np.fromiter(self.dirty, np.int64, len(self.dirty)))
        return np.concatenate((dirty, fresh[alive[self.frontier :]]))

    def _search_truth(self, read: Read, queries: Floats, k: int, allowed: Mask) -> Nearest:
        slots = self._tail_slots(allowed)
        slots = slots[allowed[slots]]
        found = nothing(len(queries))
        for chunk in _chunks(slots):
            part = ExactIndex(self.space, self.dimension)
            part.add(*read(chunk))
            found = join(found, part.search(queries, k), k)
        return found

    def _search_index(
        self, built: Built, read: Read, queries: Floats, k: int, allowed: Mask | None, alive: Mask, effort: int
    ) -> Nearest:
        allowed = self._of_index(built, allowed, alive)
        keeps = len(built.ivf) if allowed is None else int(np.count_nonzero(allowed))
        chosen = plan(built.frontier, keeps, k, effort)
        if chosen.exact:
            proposed = self._everything(queries, alive[: built.frontier] if allowed is None else allowed)
        else:
            proposed = built.ivf.search(queries, chosen.candidates, allowed, chosen.effort).slots
            if (np.count_nonzero(proposed >= 0, axis=1) < min(k, keeps)).any():
                # The lists that were looked into hold too few of the rows that the filter keeps.
                proposed = self._everything(queries, alive[: built.frontier] if allowed is None else allowed)
        few = self._narrow(built.rows, built.ivf.measured(queries), proposed, k + max(4, k // 8))
        return self._decide(read, queries, few, k)

    def _everything(self, queries: Floats, allowed: Mask) -> Slots:
        slots = np.flatnonzero(allowed)
        return np.broadcast_to(slots, (len(queries), len(slots)))

    def _of_index(self, built: Built, allowed: Mask | None, alive: Mask) -> Mask | None:
        """Give the mask for the index: no rows that are gone, none that the tail has a newer vector of."""
        if allowed is None and not self.dirty and not self.ghosts:
            return None
        mask = (alive if allowed is None else allowed)[: built.frontier]
        if self.dirty:
            mask = mask.copy()
            mask[np.fromiter(self.dirty, np.int64, len(self.dirty))] = False
        return mask

    def _narrow(self, rows: Rows, queries: Floats, proposed: Slots, few: int) -> Slots:
        """Keep of the candidates (q, n) those that may be among the nearest in full precision."""
        if proposed.shape[1] <= few:
            return proposed
        kept = []
        batch = max(_BLOCK // (proposed.shape[1] * self.dimension), 1)
        for start in range(0, len(queries), batch):
            slots = proposed[start : start + batch]
            distances = self._rough(rows, queries[start : start + batch], slots)
            nearest = np.argpartition(distances, few - 1, axis=1)[:, :few]
            kept.append(np.take_along_axis(slots, nearest, 1))
        return np.concatenate(kept)

    def _rough(self, rows: Rows, queries: Floats, slots: Slots) -> Floats:
        parts = []
        width = max(_BLOCK // (len(queries) * self.dimension), 1)
        for start in range(0, slots.shape[1], width):
            some = slots[:, start : start + width]
            vectors = rows.take(np.maximum(some, 0).ravel()).reshape(*some.shape, self.dimension)
            distances = rough(self.space, queries, vectors)
            distances[some < 0] = np.inf
            parts.append(distances)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def _decide(self, read: Read, queries: Floats, few: Slots, k: int) -> Nearest:
        """Rank the last candidates (q, n) by the truth."""
        slots, vectors = read(np.unique(few[few >= 0]))
        if not len(slots):
            return nothing(len(queries))
        places = np.minimum(np.searchsorted(slots, few), len(slots) - 1)
        there = np.where(slots[places] == few, few, -1)
        batch = max(_BLOCK // (few.shape[1] * self.dimension), 1)
        parts = [
            rank(self.space, queries[at : at + batch], there[at : at + batch], vectors[places[at : at + batch]], k)
            for at in range(0, len(queries), batch)
        ]
        return Nearest(np.concatenate([one.slots for one in parts]), np.concatenate([one.distances for one in parts]))


_BLOCK = 1 << 23
"""Components that are looked at at a time: 32 MiB of float32."""


def _chunks(slots: Slots) -> Iterator[Slots]:
    return (slots[start : start + _CHUNK] for start in range(0, len(slots), _CHUNK))
