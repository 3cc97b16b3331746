"""The rows that are indexed: found by the index, narrowed down in half precision, ranked by the float32 truth.

An index is made beside the one in use and never changed by those who search it. When it is made, and when much has been
added, it is tried on some of its own rows: how hard it must be searched is measured, not assumed.
"""

import math
from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from ochredb.core.halves import HALF, lossless
from ochredb.core.model import Floats, Mask, Space
from ochredb.index.base import Allowed, Nearest, Slots, distinct
from ochredb.index.exact import nearest, nearest_of, nothing, rank, rough, score, stack
from ochredb.index.ivf import FEWEST_LISTS, IvfIndex, list_count
from ochredb.index.kmeans import SAMPLES_A_LIST
from ochredb.index.near import near
from ochredb.index.rows import SINGLE, Rows, fitting
from ochredb.index.slices import ahead, in_slices
from ochredb.local.plan import plan

ALWAYS_EXACT = 0
BOOSTS = (1, 2, 4, 8, 16)
TRIED_ROWS = 200
TRIED_K = 10
TRIED_DEPTHS = (10, 20, 50, 100)
"""Numbers of neighbours for which it is measured how far they are."""
REACHED = 0.99
"""The share of true neighbours whose lists are to be looked into, as far as those of some rows tell."""
RECALL = 0.97
"""What an index must find of the true neighbours of some of its rows, each its own first, before it is relied on."""
EXACT_BYTES = 1 << 27
"""Rows of up to so much float32 are kept exact, and a search need not read embeddings from SQLite; more are halved."""
_PLAY = 1e-6
_SLICE = 64
_CHUNK = 8192
_RANKED = 64
"""So many candidates are ranked as fast as it is told which of them may be near."""
_TOGETHER = 1 << 18
"""Components of candidates that are ranked at a time, those of several queries: half the time of each for itself."""
_BLOCK = 1 << 23
"""Components that are looked at at a time: 32 MiB of float32."""

Read = Callable[[Slots], tuple[Slots, Floats]]
"""Give the float32 truth of ascending slots, with the slots that still exist."""


class Job(NamedTuple):
    """What there was to index when the work on an index began.

    Args:
        alive: True at the slots of records that there were.
        dirty: Ascending slots that an older index covers, but not as they were then.
        read: The truth.
        goes_on: Whether to go on; asked every few thousand rows.
    """

    alive: Mask
    dirty: Slots
    read: Read
    goes_on: Callable[[], bool]


class Built(Struct, frozen=True):
    """An index over slots 0 to `frontier`.

    Args:
        ivf: Proposes candidates.
        rows: The vectors by slot: as they are, or in the index's measure if they are not exact.
        frontier: The first slot that is not covered.
        trained: How many rows there were when the lists were learnt.
        boost: By how much harder than usual it must be searched; `ALWAYS_EXACT` if no effort was enough.
        untried: Rows that were added since that was measured.
        halves: Whether half precision would do for the rows.
        reach: How far from a query to look into lists for each of `TRIED_DEPTHS`, in the terms of `IvfIndex.detours`;
            empty if that is not known.
    """

    ivf: IvfIndex
    rows: Rows
    frontier: int
    trained: int
    boost: int = 1
    untried: int = 0
    halves: bool = False
    reach: tuple[float, ...] = ()

    def search(self, read: Read, queries: Floats, k: int, allowed: Allowed, effort: int) -> Nearest:
        """Find the k nearest rows of each query, with the distances of the truth.

        Args:
            read: The truth.
            queries: float32 (q, d).
            k: At least 1.
            allowed: The slots, up to `frontier`, that may be found.
            effort: The collection's own.
        """
        if not len(queries):
            return nothing(0)
        if self.rows.exact:
            return stack(in_slices(lambda some: self._ranked(some, k, allowed, effort), queries, _SLICE))
        few = _few(k)
        parts = in_slices(lambda some: self._narrowed(some, k, few, allowed, effort), queries, _SLICE)
        return _decide(self.ivf.space, read, queries, np.concatenate(parts), k)

    def _proposed(self, measured: Floats, k: int, allowed: Allowed, effort: int) -> Slots:
        chosen = plan(self.frontier, allowed.count, k, effort * self.boost)
        if not chosen.exact and self.boost != ALWAYS_EXACT:
            some = None if allowed.count == self.frontier else allowed
            for reach in dict.fromkeys((self._reach(k) * effort * self.boost / 100, math.inf)):
                proposed = self.ivf.propose(measured, chosen.candidates, some, chosen.effort, reach)
                wanted = min(k, allowed.count)
                if proposed.shape[1] >= wanted and proposed[:, wanted - 1].min(initial=0) >= 0:
                    return proposed
            # The lists that were looked into hold too few of the rows that may be found.
        slots = np.flatnonzero(allowed.mask)
        return np.broadcast_to(slots, (len(measured), len(slots)))

    def _reach(self, k: int) -> float:
        """Say how far to look for so many neighbours; beyond what was measured as far as the effort goes."""
        known = zip(TRIED_DEPTHS, self.reach, strict=False)
        return next((reach for tried, reach in known if k <= tried), math.inf)

    def _ranked(self, queries: Floats, k: int, allowed: Allowed, effort: int) -> Nearest:
        """Find the nearest by exact rows."""
        proposed = self._proposed(self.ivf.measured(queries), k, allowed, effort)
        if proposed.shape[1] > _RANKED:
            return stack([self._rank_one(query, slots, k) for query, slots in zip(queries, proposed, strict=True)])
        few = max(_TOGETHER // max(proposed.shape[1] * self.rows.dimension, 1), 1)
        parts = [slice(start, start + few) for start in range(0, len(queries), few)]
        return stack(
            [rank(self.ivf.space, queries[some], proposed[some], self.rows.take(proposed[some]), k) for some in parts]
        )

    def _rank_one(self, query: Floats, proposed: Slots, k: int) -> Nearest:
        slots = near(self.ivf.space, self.rows, query, proposed, k)
        return nearest(slots[None], score(self.ivf.space, query, self.rows.take(slots))[None], k)

    def _narrowed(self, queries: Floats, k: int, few: int, allowed: Allowed, effort: int) -> Slots:
        """Find candidates (q, few) that may be among the nearest in full precision; -1 stands for none."""
        measured = self.ivf.measured(queries)
        kept = self._narrow(measured, self._proposed(measured, k, allowed, effort), few)
        return np.pad(kept, ((0, 0), (0, few - kept.shape[1])), constant_values=-1)

    def _narrow(self, queries: Floats, proposed: Slots, few: int) -> Slots:
        """Keep of the candidates (q, n) those that may be among the nearest in full precision."""
        if proposed.shape[1] <= few or not len(queries):
            return proposed
        kept = []
        batch = max(_BLOCK // (proposed.shape[1] * self.rows.dimension), 1)
        for start in range(0, len(queries), batch):
            slots = proposed[start : start + batch]
            distances = self._rough(queries[start : start + batch], slots)
            least = np.argpartition(distances, few - 1, axis=1)[:, :few]
            kept.append(slots[np.arange(len(slots))[:, None], least])
        return kept[0] if len(kept) == 1 else np.concatenate(kept)

    def _rough(self, queries: Floats, slots: Slots) -> Floats:
        parts = []
        width = max(_BLOCK // (len(queries) * self.rows.dimension), 1)
        for start in range(0, slots.shape[1], width):
            some = slots[:, start : start + width]
            distances = rough(self.ivf.space, queries, self.rows.take(some))
            distances[some < 0] = np.inf
            parts.append(distances)
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)


def train(space: Space, dimension: int, job: Job) -> Built | None:
    """Make an index of all rows; None if told to stop, or if there are too few."""
    try:
        return _made(space, dimension, job, alike=True)
    except _UnlikeError:
        return _made(space, dimension, job, alike=False)


def extend(old: Built, job: Job, share: float) -> Built | None:
    """Make an index that also covers what came and changed since the old one; None if told to stop.

    Args:
        old: Stays as it is, for those who search it.
        job: What there is now.
        share: Try the new one once this share of its rows was never tried, or when one is far longer or shorter than
            all before. If it does worse than the old one did, it is to be trained anew.
    """
    try:
        return _extended(old, job, share)
    except (_RoundedError, _UnlikeError):
        return train(old.ivf.space, old.rows.dimension, job)


def chunks(slots: Slots) -> Iterator[Slots]:
    """Cut slots into parts whose vectors are read at a time."""
    return (slots[start : start + _CHUNK] for start in range(0, len(slots), _CHUNK))


def _extended(old: Built, job: Job, share: float) -> Built | None:
    lengths, alive = old.rows.lengths, int(np.count_nonzero(job.alive))
    many = old.rows.dtype == SINGLE and old.halves and _large(alive, old.rows.dimension)
    ivf, rows = old.ivf.copy(), _halved(old) if many else old.rows
    ivf.remove(np.concatenate((np.flatnonzero(~job.alive[: old.frontier]), job.dirty)))
    slots, vectors = job.read(job.dirty)
    rows.put(slots, _added(ivf, rows, slots, vectors))  # searches pass over these slots of the old index
    rows.truncate(old.frontier)  # what an attempt that was stopped has left
    new = len(job.alive) - old.frontier + len(slots)
    built = _cover(replace(old, ivf=ivf, rows=rows, untried=old.untried + new), job)
    if built is None:
        return None
    rounded = rows.exact != old.rows.exact
    if not rounded and built.untried <= share * built.frontier and rows.lengths.about(lengths):
        return built
    tried = _tried(built, job)
    return replace(tried, trained=0) if tried is not None and _hardness(tried) > _hardness(old) else tried


def _halved(built: Built) -> Rows:
    """Give the rows of an index in half precision."""
    parts = [
        block[start : start + _CHUNK]
        for block in built.rows.blocks(built.frontier)
        for start in range(0, len(block), _CHUNK)
    ]
    exact = all(lossless(some) for some in parts)
    rows = Rows(HALF, built.rows.dimension, lossless=exact)
    for some in parts:
        kept = some if exact else built.ivf.measured(some)
        if not exact and not rows.holds(kept):
            raise _RoundedError
        rows.append(kept)
    return rows


def _made(space: Space, dimension: int, job: Job, alike: bool) -> Built | None:
    empty = _learnt(space, dimension, job, alike)
    return None if empty is None else _filled(empty, job)


def _filled(empty: Built, job: Job) -> Built | None:
    """Put all rows into an index without any, as narrow as they turn out to allow, and try it."""
    try:
        built = _cover(empty, job)
        return None if built is None else _tried(built, job)
    except _RoundedError:
        rows = Rows(HALF if empty.rows.exact else SINGLE, empty.rows.dimension)
        return _filled(replace(empty, ivf=empty.ivf.emptied(), rows=rows, halves=rows.dtype == HALF), job)


def _learnt(space: Space, dimension: int, job: Job, alike: bool) -> Built | None:
    """Make an index without rows, from some of those that it is to hold."""
    slots = np.flatnonzero(job.alive)
    sample = _sample(job, slots, min(list_count(len(slots)) * SAMPLES_A_LIST, len(slots)), dimension)
    if len(sample) < FEWEST_LISTS:
        return None
    ivf = IvfIndex.train(space, sample, len(slots), job.goes_on, alike)
    if ivf is None:
        return None
    halves = fitting(ivf.measured(sample)) == HALF
    large = halves and _large(len(slots), dimension)
    rows = Rows(HALF if large else SINGLE, dimension, lossless=large and lossless(sample))
    return Built(ivf, rows, 0, len(slots), halves=halves)


def _sample(job: Job, slots: Slots, count: int, dimension: int) -> Floats:
    """Read so many rows, float32 (count, dimension), drawn and ordered at random; fewer if some are gone meanwhile."""
    random = np.random.default_rng(len(slots))
    chosen = np.sort(random.choice(slots, count, replace=False))
    places, filled = random.permutation(count), 0
    sample = np.empty((count, dimension), np.float32)  # filled in place: of a million rows it is most of a gigabyte
    for some in chunks(chosen):
        vectors = job.read(some)[1]
        sample[places[filled : filled + len(vectors)]] = vectors
        filled += len(vectors)
    return sample if filled == count else sample[places[:filled]]


class _RoundedError(Exception):
    """Half precision is too little: rows would not be exact, not be in order, or are too large for it."""


class _UnlikeError(Exception):
    """Rows that are equally long are followed by some that are not."""


def _cover(built: Built, job: Job) -> Built | None:
    parts = list(chunks(np.arange(built.frontier, len(job.alive))))
    built.rows.reserve(len(job.alive))
    for chunk, (slots, vectors) in zip(parts, ahead(lambda some: job.read(some[job.alive[some]]), parts), strict=True):
        if not job.goes_on():
            return None
        block = np.zeros((len(chunk), built.rows.dimension), np.float32)
        block[slots - chunk[0]] = _added(built.ivf, built.rows, slots, vectors)
        built.rows.append(block)
    return replace(built, frontier=len(job.alive))


def _added(ivf: IvfIndex, rows: Rows, slots: Slots, vectors: Floats) -> Floats:
    """Add vectors to the lists, and give them as rows."""
    kept = vectors if rows.exact else ivf.measured(vectors)
    if not ivf.takes(vectors):
        raise _UnlikeError
    if not rows.holds(kept):
        raise _RoundedError
    ivf.add(slots, vectors)
    return kept


def _few(k: int) -> int:
    """Say how many rows to keep by half precision, of which the truth decides on k."""
    return k + max(2, k // 8)


def _large(rows: int, dimension: int) -> bool:
    return rows * dimension * SINGLE.itemsize > EXACT_BYTES


def _tried(built: Built, job: Job) -> Built | None:
    """Measure how hard an index must be searched, on some of its rows and all near them; None if told to stop.

    Raises:
        _RoundedError: If no effort could be enough, as half precision does not tell neighbours apart.
    """
    slots = np.flatnonzero(job.alive)
    some = np.random.default_rng(built.frontier).choice(slots, min(TRIED_ROWS, len(slots)), replace=False)
    own, queries = job.read(np.sort(some))
    nearest = _truth(built, job, queries)
    if nearest is None:
        return None
    limit = _limit(nearest.distances[:, :TRIED_K])
    if not built.rows.exact:
        kept = built._narrow(built.ivf.measured(queries), nearest.slots, _few(TRIED_K))
        if not _enough(_decide(built.ivf.space, job.read, queries, kept, TRIED_K), limit):
            raise _RoundedError
    reach = _reach(built, job, own, queries, nearest.slots)
    alive = Allowed(job.alive)
    for boost in BOOSTS:
        if not job.goes_on():
            return None
        candidate = replace(built, boost=boost, untried=0, reach=reach)
        if _enough(candidate.search(job.read, queries, TRIED_K, alive, 100), limit):
            return candidate
    return replace(built, boost=ALWAYS_EXACT, untried=0)


def _enough(found: Nearest, limit: Floats) -> bool:
    return not found.slots.size or bool(np.mean(found.distances <= limit[:, None]) >= RECALL)


def _hardness(built: Built) -> float:
    return math.inf if built.boost == ALWAYS_EXACT else built.boost


def _truth(built: Built, job: Job, queries: Floats) -> Nearest | None:
    """Find the true neighbours of rows, one more than are asked about as each is its own; None if told to stop."""
    parts = takewhile(lambda _: job.goes_on(), chunks(np.flatnonzero(job.alive)))
    rows = ((some, built.rows.take(some)) if built.rows.exact else job.read(some) for some in parts)
    best = nearest_of(built.ivf.space, queries, TRIED_DEPTHS[-1] + 1, rows)
    return best if job.goes_on() else None


def _limit(distances: Floats) -> Floats:
    """Give for each query the distance that a true neighbour may have, with a little play for rounding."""
    if not distances.size:
        return np.zeros(len(distances), np.float32)
    last, usual = distances[:, -1], np.median(np.abs(distances))  # a stray's may be of any size
    with np.errstate(over="ignore", invalid="ignore"):  # infinitely far ones are not told apart
        limit: Floats = last + 1e-5 * np.abs(last) + np.float32(1e-6) * usual
    return limit


def _reach(built: Built, job: Job, own: Slots, queries: Floats, found: Slots) -> tuple[float, ...]:
    """Measure how far from rows their neighbours (q, n) are; a row is no neighbour of itself."""
    others = np.take_along_axis(found, np.argsort(found == own[:, None], axis=1, kind="stable"), axis=1)[:, :-1]
    wanted = distinct(others.ravel())
    slots, vectors = (wanted, built.rows.take(wanted)) if built.rows.exact else job.read(wanted)
    if others.shape[1] < TRIED_DEPTHS[-1] or len(slots) < len(wanted):  # too few rows, or some of them went meanwhile
        return ()
    ivf = built.ivf
    lists = ivf.nearest_lists(ivf.measured(vectors))[np.searchsorted(slots, others)]
    detours = ivf.detours(ivf.measured(queries), lists)
    return tuple(float(np.quantile(detours[:, :depth], REACHED)) + _PLAY for depth in TRIED_DEPTHS)


def _decide(space: Space, read: Read, queries: Floats, few: Slots, k: int) -> Nearest:
    """Rank the last candidates (q, n) by the truth."""
    slots, vectors = read(distinct(few[few >= 0]))
    if not len(slots):
        return nothing(len(queries))
    if len(few) == 1 and few.size == len(slots):  # nothing is missing: what was read is what is ranked
        return rank(space, queries, slots[None], vectors[None], k)
    places = np.minimum(np.searchsorted(slots, few), len(slots) - 1)
    there = np.where(slots[places] == few, few, -1)
    batch = max(_BLOCK // (few.shape[1] * vectors.shape[1]), 1)
    parts = [
        rank(space, queries[at : at + batch], there[at : at + batch], vectors[places[at : at + batch]], k)
        for at in range(0, len(queries), batch)
    ]
    return stack(parts)
