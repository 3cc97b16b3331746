"""Lists of 4-bit codes (FAISS IVF-PQ fast scan): finds candidates, whose order the caller mends.

Why not a graph: ten to twenty times faster to build, cheap to add to, and a filter costs it little recall
(docs/why/0002-ivf-not-hnsw.md). FAISS's OpenMP stays at one thread in our process, because libgomp hangs in a forked
child once the parent has run a parallel region; FAISS releases the GIL, so parallel work is slices on our own threads.
"""

import math
import struct
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from ochredb.core.model import Floats, Mask, Space
from ochredb.index.base import Allowed, Nearest, Slots
from ochredb.index.fit import Fit, even, lengths
from ochredb.index.kmeans import centroids, quantizer
from ochredb.index.library import library

ROWS_A_LIST = 512
FEWEST_LISTS = 16
MOST_LISTS = 16_384
_CODE_ROUNDS, _CODE_SAMPLES = 8, 128
"""Rounds of k-means for the codes and vectors a code in each; the 25 and 256 that are usual find no more neighbours."""
_FLAT_BELOW = 32
"""Under this dimension codes of 4 bits for 2 components tell too little, and the vectors are small enough to keep."""
_PROBES = 6
"""The most lists to look into at effort 100 = this times the square root of their number."""
_FEWEST_PROBES = 16
"""Lists that are looked into anyway, for queries unlike the rows."""
_FIRST_HELD, _FIRST_HELD_OF_MANY = 96, 6
"""Where only some rows may be found, the way is measured from the lists that hold the first so many of them, or, unless
they are `_SPARSE`, this times the square root of the number of lists, if that is more; fewer may be strays."""
_SPARSE = 16
"""To compare a code takes a 16th of the time of ranking a row: where so few rows of lists may be found, their codes are
passed over and these rows ranked."""
_FARTHEST = float(np.finfo(np.float32).max)
_QUERY_BY_QUERY = 10
"""FAISS's way that shares no list among queries: a tenth faster than the others for many queries, a quarter for one."""
_HEADER = struct.Struct("<d?7x")


class _Held(NamedTuple):
    """What is known of a filter.

    Args:
        lists: Those (n,) that hold any of the rows that it keeps.
        rows: How many they hold (n,).
        slots: The slots of these rows, list by list; None if they are not `_SPARSE` among all.
        bounds: Where those of each list begin, and where those of the last one end.
        parameters: Of searches, by how many lists they look into.
    """

    lists: Slots
    rows: Slots
    slots: Slots | None
    bounds: Slots
    parameters: dict[int, Any]


def list_count(rows: int) -> int:
    """Say how many lists to make for this many rows."""
    return min(max(rows // ROWS_A_LIST, FEWEST_LISTS), MOST_LISTS)


class IvfIndex:
    """An inverted file over the vectors of one collection; `search` gives candidates whose distances are rough."""

    def __init__(self, dimension: int, index: Any, fit: Fit) -> None:
        self.space = fit.space
        self.dimension = dimension
        self._index = index
        self._fit = fit
        self._parameters: dict[int, Any] = {}
        self._forget()
        self._width = int(index.d)
        self._by_product = fit.by_product
        self.lists = int(index.nlist)
        self._centres = library().downcast_index(index.quantizer).get_xb()
        if self._width >= _FLAT_BELOW:
            index.implem = _QUERY_BY_QUERY

    @classmethod
    def train(
        cls,
        space: Space,
        sample: Floats,
        rows: int,
        keep_on: Callable[[], bool] = lambda: True,
        alike: bool = True,
    ) -> "IvfIndex | None":
        """Learn lists and codes.

        Args:
            space: Of the collection.
            sample: float32 (n, d), drawn evenly from all rows; n at least `FEWEST_LISTS`.
            rows: How many there are to be, which decides the number of lists.
            keep_on: Asked between rounds; when it says no, None is returned.
            alike: Whether all rows may be taken for equally long if those of the sample are.
        """
        faiss = library()
        fit = Fit.of(space, sample, alike)
        vectors = even(fit.measured(sample))
        centres = centroids(vectors, min(list_count(rows), len(vectors)), fit.by_product, keep_on)
        if centres is None:
            return None
        index = _index(faiss, centres, fit.by_product)
        if index.d >= _FLAT_BELOW:
            # To code how far a vector is from the centre of its list is far better where vectors lie in clusters. For
            # products that is free; for squares it takes three times as long, and is done where it is worth that.
            index.by_residual = fit.by_product or _clustered(vectors, centres)
        index.train(vectors[: 256 * 64])
        _hasten(index)
        return cls(sample.shape[1], index, fit) if keep_on() else None

    @classmethod
    def load(cls, space: Space, dimension: int, file: BinaryIO) -> "IvfIndex":
        """Read what `save` gave; FAISS trusts what it reads, so the caller has checked that not a byte has changed."""
        faiss = library()
        scale, alike = _HEADER.unpack(file.read(_HEADER.size))
        index = faiss.read_index(faiss.PyCallbackIOReader(file.read))
        _hasten(index)
        return cls(dimension, index, Fit(space, scale, alike))

    def save(self) -> list[bytes]:
        """Give the index as blocks of bytes."""
        faiss = library()
        blocks = [_HEADER.pack(self._fit.scale, self._fit.alike)]
        faiss.write_index(self._index, faiss.PyCallbackIOWriter(blocks.append))
        return blocks

    def copy(self) -> "IvfIndex":
        """Give one that can be added to while this one is searched."""
        return IvfIndex(self.dimension, library().clone_index(self._index), self._fit)

    def emptied(self) -> "IvfIndex":
        """Give one with the same lists and codes, and no rows."""
        other = self.copy()
        other._index.reset()
        return other

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def slots(self) -> Slots:
        """The slots that it holds, in no order."""
        faiss, lists = library(), self._index.invlists
        filled = [row for row in range(self.lists) if lists.list_size(row)]  # FAISS gives an empty list another type
        parts = [faiss.rev_swig_ptr(lists.get_ids(row), lists.list_size(row)) for row in filled]
        slots: Slots = np.concatenate([np.empty(0, np.int64), *parts])  # a copy: what is copied from may change
        return slots

    @property
    def nbytes(self) -> int:
        """About how many bytes it takes: codes with their slots, and the centres of the lists."""
        return len(self) * (int(self._index.code_size) + 8) + self.lists * int(self._index.d) * 4

    def takes(self, vectors: Floats) -> bool:
        """Tell whether vectors (n, d) may be added: not if all are taken for equally long and some of these are not."""
        return self._fit.takes(vectors)

    def add(self, slots: Slots, vectors: Floats) -> None:
        """Encode vectors under new slots."""
        library()
        self._forget()
        self._index.add_with_ids(even(self._fit.measured(vectors)), slots)

    def remove(self, slots: Slots) -> None:
        """Take slots out of their lists."""
        library()
        self._forget()
        self._index.remove_ids(slots)

    def _forget(self) -> None:
        """Keep nothing that was computed of rows."""
        self._kept: WeakKeyDictionary[Allowed, _Held] = WeakKeyDictionary()
        self._places: Slots | None = None

    def measured(self, vectors: Floats) -> Floats:
        """Give vectors in the index's own measure, in which a usual one is about 1 long; their order of nearness stays.

        For cosine all are of length 1, and the order is that of ip.
        """
        return self._fit.measured(vectors)

    def search(self, queries: Floats, k: int, allowed: Mask | None = None, effort: int = 100) -> Nearest:
        """Find k candidates of each query, in rough order."""
        queries = even(self.measured(queries))
        some = None if allowed is None else Allowed(allowed)
        return self._search(queries, k, some, *self._chosen(queries, some, self.probes(effort), math.inf))

    def propose(
        self, measured: Floats, k: int, allowed: Allowed | None = None, effort: int = 100, reach: float = math.inf
    ) -> Slots:
        """Find candidates of queries that are `measured` already.

        Args:
            measured: float32 (q, d).
            k: At least 1.
            allowed: The slots that may be found; None allows all.
            effort: How hard to try, 100 being the usual: the most lists that are looked into.
            reach: How long a detour to a list may be, in the terms of `detours`.

        Returns:
            (q, n), a row's -1 behind its slots: k in rough order; or, where few rows of the lists may be found, all of
            them in no order.
        """
        queries = even(measured)
        ahead, lists = self._chosen(queries, allowed, self.probes(effort), reach)
        few = {} if allowed is None else self._few(self._held(allowed), lists)
        if not few:
            return self._search(queries, k, allowed, ahead, lists).slots
        many = [row for row in range(len(lists)) if row not in few]
        found = np.full((len(lists), max(k if many else 0, *map(len, few.values()))), -1, np.int64)
        if many:
            found[many, :k] = self._search(queries[many], k, allowed, ahead[many], lists[many]).slots
        for row, slots in few.items():
            found[row, : len(slots)] = slots
        return found

    def probes(self, effort: int) -> int:
        """Say how many lists an effort looks into at most."""
        return min(max(math.ceil(_PROBES * math.sqrt(self.lists) * effort / 100), 1), self.lists)

    def nearest_lists(self, measured: Floats) -> Slots:
        """Tell in which list (n,) each of some measured vectors (n, d) lies."""
        library()
        lists: Slots = self._index.quantizer.search(even(measured), 1)[1][:, 0]
        return lists

    def detours(self, queries: Floats, lists: Slots) -> Floats:
        """Tell how much farther from a query the centre of a list is than the centre that is nearest to the query.

        Args:
            queries: Measured ones, float32 (q, d).
            lists: Some for each query (q, n).

        Returns:
            (q, n), at least 0. Where the index goes by products: how much smaller the product of centre and query is
            than the largest, in lengths of the query. Else: how much longer the way is than the shortest.
        """
        faiss = library()
        ahead = np.stack([self._ahead(faiss, query) for query in even(queries)])
        to_list, nearest = np.take_along_axis(ahead, lists, axis=1), ahead.min(axis=1, keepdims=True)
        if self._by_product:
            long = lengths(queries)[:, None]
            detours: Floats = np.divide(to_list - nearest, long, out=np.zeros(lists.shape), where=long > 0)
        else:
            detours = np.sqrt(to_list) - np.sqrt(nearest)
        return detours

    def _chosen(self, queries: Floats, allowed: Allowed | None, probes: int, reach: float) -> tuple[Floats, Slots]:
        """Choose the lists (q, n) that queries (q, d) look into, -1 being none, and say how far ahead they are."""
        faiss = library()
        if queries.shape[1] != self._width or queries.dtype != np.float32 or not queries.flags.c_contiguous:
            raise ValueError(f"queries: {queries.dtype} {queries.shape}, float32 (q, {self._width}) in C order wanted")
        if not len(queries):
            return np.empty((0, 0), np.float32), np.empty((0, 0), np.int64)
        held = None if allowed is None else self._held(allowed)
        if held is None and len(queries) > 1:
            return self._lists_of_many(faiss, queries, probes, reach)
        return _table([self._lists(faiss, query, probes, reach, held) for query in queries])

    def _few(self, held: "_Held", lists: Slots) -> dict[int, Slots]:
        """Give the rows that may be found for each query whose lists (q, n) hold few of them for what they hold."""
        if held.slots is None:
            return {}
        starts = held.bounds[lists]
        counts = np.where(lists < 0, 0, held.bounds[lists + 1] - starts)
        many = np.count_nonzero(lists >= 0, axis=1) * (len(self) / self.lists)
        return {
            row: held.slots[_ranges(starts[row], counts[row])]
            for row in np.flatnonzero(_SPARSE * counts.sum(axis=1) <= many).tolist()
        }

    def _search(self, queries: Floats, k: int, allowed: Allowed | None, ahead: Floats, lists: Slots) -> Nearest:
        faiss = library()
        held = None if allowed is None else self._held(allowed)
        away = -ahead if self._by_product else ahead
        probes = lists.shape[1]
        known = self._parameters if held is None else held.parameters
        parameters = known.get(probes)
        if parameters is None:  # they take longer to make than to keep
            some = {} if allowed is None else {"sel": faiss.IDSelectorBitmap(allowed.bits)}
            parameters = known[probes] = faiss.SearchParametersIVF(nprobe=probes, **some)
        # FAISS's own wrapper around this call takes a sixth of the time of a search.
        distances, slots = np.empty((len(queries), k), np.float32), np.empty((len(queries), k), np.int64)
        pointer = faiss.swig_ptr
        self._index.search_preassigned_c(
            len(queries), pointer(queries), k, pointer(lists), pointer(away), pointer(distances), pointer(slots), False,
            parameters,
        )  # fmt: skip
        return Nearest(slots, distances)

    def _lists(
        self, faiss: Any, query: Floats, probes: int, reach: float, held: "_Held | None"
    ) -> tuple[Floats, Slots]:
        """Choose the lists (n,) that a query (d,) looks into, the nearest first, and say how far ahead they are.

        Where only some rows may be found, lists without one are passed over, and the way is measured from where the
        first few of them are held: what a filter keeps may begin far from the query.
        """
        ahead = self._ahead(faiss, query)
        if held is None:
            lists = np.flatnonzero(ahead <= self._limit(ahead.min(), query, reach))
            count = min(max(len(lists), _FEWEST_PROBES), probes, self.lists)
            if count != len(lists):
                lists = np.sort(np.argpartition(ahead, count - 1)[:count])  # of two as near the first, as below
            away = ahead[lists]
            order = np.argsort(away, kind="stable")
            return away[order], lists[order]
        if not len(held.lists):
            return ahead[:0], held.lists
        ahead = ahead[held.lists]
        order = np.argsort(ahead)
        ahead = ahead[order]
        wanted = max(_FIRST_HELD, _FIRST_HELD_OF_MANY * math.sqrt(self.lists) if held.slots is None else 0)
        first = min(int(np.searchsorted(np.cumsum(held.rows[order]), wanted)), len(order) - 1)
        within = int(np.searchsorted(ahead, self._limit(ahead[first], query, reach), "right"))
        count = min(max(within, _FEWEST_PROBES), probes, len(order))
        return ahead[:count], held.lists[order[:count]]

    def _lists_of_many(self, faiss: Any, queries: Floats, probes: int, reach: float) -> tuple[Floats, Slots]:
        """Choose the lists (q, n) that queries (q, d) look into, where all rows may be found, as `_lists` does for one,
        in half of the time; filled up with lists that are none.
        """
        ahead = np.stack([self._ahead(faiss, query) for query in queries])
        nearest = ahead.min(axis=1).tolist()
        limits = np.array([self._limit(*pair, reach) for pair in zip(nearest, queries, strict=True)], np.float32)
        within = np.count_nonzero(ahead <= limits[:, None], axis=1)
        counts = np.minimum(np.maximum(within, _FEWEST_PROBES), min(probes, self.lists))
        for row in np.flatnonzero(counts != within).tolist():
            limits[row] = np.partition(ahead[row], counts[row] - 1)[counts[row] - 1]
        rows, lists = np.nonzero(ahead <= limits[:, None])
        far = ahead[rows, lists]
        order = np.lexsort((far, rows))
        far, lists = far[order], lists[order]
        starts = np.searchsorted(rows, np.arange(len(queries) + 1))
        shape = len(queries), int(np.diff(starts).max())
        places = rows, np.arange(len(rows)) - starts[rows]
        away, chosen = np.zeros(shape, np.float32), np.full(shape, -1, np.int64)
        away[places], chosen[places] = far, lists
        return away, chosen

    def _limit(self, nearest: Any, query: Floats, reach: float) -> float:
        """Say how far ahead a list may be to be looked into, where a detour from the nearest may be so long."""
        if self._by_product:
            limit = nearest + reach * (1.0 if self.space == "cosine" else float(lengths(query)))
        else:
            limit = (math.sqrt(nearest) + reach) ** 2
        return min(float(limit), _FARTHEST)

    def _ahead(self, faiss: Any, query: Floats) -> Floats:
        """Compute how far a query (d,) is from the centres of all lists: less is nearer."""
        ahead = np.empty(self.lists, np.float32)
        compute = faiss.fvec_inner_products_ny if self._by_product else faiss.fvec_L2sqr_ny
        compute(faiss.swig_ptr(ahead), faiss.swig_ptr(query), self._centres, self._width, self.lists)
        return np.negative(ahead, out=ahead) if self._by_product else ahead

    def _held(self, allowed: Allowed) -> "_Held":
        """Count by list the rows that may be found, once for each filter."""
        held = self._kept.get(allowed)
        if held is None:
            lists = self._list_of[: len(allowed.mask)][allowed.mask[: len(self._list_of)]]
            rows = np.bincount(lists[lists >= 0], minlength=self.lists)
            some, bounds, slots = np.flatnonzero(rows), np.concatenate(([0], np.cumsum(rows))), None
            if _SPARSE * bounds[-1] <= len(self):
                slots = np.flatnonzero(allowed.mask[: len(self._list_of)])
                slots = slots[lists >= 0][np.argsort(lists[lists >= 0], kind="stable")]
            held = self._kept[allowed] = _Held(some, rows[some], slots, bounds, {})
        return held

    @property
    def _list_of(self) -> Slots:
        """The list of each slot; -1 where the index does not hold it."""
        places = self._places
        if places is None:
            slots = self.slots
            sizes = [self._index.invlists.list_size(row) for row in range(self.lists)]
            places = np.full(slots.max(initial=-1) + 1, -1, np.int16)  # there are no more lists than that holds
            places[slots] = np.repeat(np.arange(self.lists, dtype=np.int16), sizes)
            self._places = places  # only now, as others may search at the same time
        return places


def _ranges(starts: Slots, counts: Slots) -> Slots:
    """Give the integers of ranges, so many from each start, one range after the other."""
    before = np.cumsum(counts) - counts
    ranges: Slots = np.repeat(starts - before, counts) + np.arange(counts.sum())
    return ranges


def _table(rows: list[tuple[Floats, Slots]]) -> tuple[Floats, Slots]:
    """Put what was chosen for each query above each other, filled up with lists that are none."""
    if len(rows) == 1:
        return rows[0][0][None], rows[0][1][None]
    shape = len(rows), max(len(lists) for _, lists in rows)
    away, lists = np.zeros(shape, np.float32), np.full(shape, -1, np.int64)
    for row, (far, some) in enumerate(rows):
        away[row, : len(far)], lists[row, : len(some)] = far, some
    return away, lists


def _index(faiss: Any, centres: Floats, by_product: bool) -> Any:
    lists, d = centres.shape
    coarse = quantizer(centres, by_product)
    metric = coarse.metric_type
    if d < _FLAT_BELOW:
        index = faiss.IndexIVFFlat(coarse, d, lists, metric)
    else:
        index = faiss.IndexIVFPQFastScan(coarse, d, lists, d // 2, 4, metric)
        index.pq.cp.niter, index.pq.cp.max_points_per_centroid = _CODE_ROUNDS, _CODE_SAMPLES
    coarse.this.disown()
    index.own_fields = True
    index.quantizer_trains_alone = 0
    return index


def _hasten(index: Any) -> None:
    """Keep codes a second time, side by side as the processor wants them: coding takes three quarters of the time."""
    if index.d >= _FLAT_BELOW:
        index.pq.sync_transposed_centroids()


def _clustered(vectors: Floats, centres: Floats) -> bool:
    """Tell whether vectors are on average nearer to the centre of their list than to the centre of all, by half."""
    some = vectors[:1024]
    squares = np.square(some).sum(axis=1)[:, None] - 2 * some @ centres.T + np.square(centres).sum(axis=1)
    whole = np.square(some - vectors.mean(axis=0)).sum(axis=1).mean()
    return bool(squares.min(axis=1).mean() < whole / 2)
