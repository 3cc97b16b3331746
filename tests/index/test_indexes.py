"""One contract for every index, against brute force in double precision; then what each promises of its own."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.core.model import Floats, Mask, Space
from ochredb.index.base import Allowed, Nearest, Slots, VectorIndex
from ochredb.index.exact import ExactIndex, nearest_of, score
from ochredb.index.ivf import IvfIndex

SPACES: tuple[Space, ...] = ("l2", "cosine", "ip")
DIMENSIONS = (1, 2, 3, 33, 64)
ROWS = 3000
ALL_LISTS = 10_000

Make = Callable[[Space, Floats], VectorIndex]


def clustered(rng: np.random.Generator, n: int, dimension: int, clusters: int = 60) -> Floats:
    centres = rng.standard_normal((clusters, dimension))
    rows = centres[rng.integers(0, clusters, n)] + 0.5 * rng.standard_normal((n, dimension))
    return rows.astype(np.float32)


def distances(space: Space, query: Floats, vectors: Floats) -> npt.NDArray[np.float64]:
    """Give all distances by the formulas of the contract, in double precision."""
    x, y = vectors.astype(np.float64), query.astype(np.float64)
    if space == "l2":
        return ((x - y) ** 2).sum(axis=1)
    if space == "ip":
        return 1 - (x * y).sum(axis=1)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y)
    return np.array([1 - (row @ y) / length if length else 1.0 for row, length in zip(x, lengths, strict=True)])


def exact(space: Space, vectors: Floats) -> ExactIndex:
    """Make an exact index with these vectors under the slots 0, 1, 2 ..."""
    index = ExactIndex(space, vectors.shape[1])
    index.add(np.arange(len(vectors)), vectors)
    return index


def ivf(space: Space, vectors: Floats) -> IvfIndex:
    """Make lists of codes with these vectors under the slots 0, 1, 2 ..."""
    index = IvfIndex.train(space, vectors, len(vectors))
    assert index is not None
    index.add(np.arange(len(vectors)), vectors)
    return index


def recall(space: Space, found: Nearest, queries: Floats, vectors: Floats, k: int) -> float:
    """Give the share of the k nearest, by distance, among what an index proposed."""
    hits = 0
    for row, query in zip(found.slots, queries, strict=True):
        truth = distances(space, query, vectors)
        farthest = np.sort(truth)[k - 1]
        proposed = np.sort(truth[row[row >= 0]])[:k]
        hits += int((proposed <= farthest + 1e-9 + 1e-6 * abs(farthest)).sum())
    return hits / (k * len(queries))


BOTH = pytest.mark.parametrize("make", [exact, ivf])
EVERY_SPACE = pytest.mark.parametrize("space", SPACES)
EVERY_DIMENSION = pytest.mark.parametrize("dimension", DIMENSIONS)


class TestEveryIndex:
    """What the protocol says, of each index that there is."""

    @BOTH
    @EVERY_SPACE
    @EVERY_DIMENSION
    def test_the_shape_of_an_answer(self, make: Make, space: Space, dimension: int) -> None:
        """An answer has a row a query: int64 slots that exist, each once, and float32 distances."""
        vectors = clustered(np.random.default_rng(1), ROWS, dimension)
        found = make(space, vectors).search(vectors[:7], 20, None, ALL_LISTS)
        assert found.slots.shape == found.distances.shape == (7, 20)
        assert (found.slots.dtype, found.distances.dtype) == (np.int64, np.float32)
        for row in found.slots.tolist():
            assert len(set(row)) == 20
            assert set(row) <= set(range(ROWS))

    @BOTH
    @EVERY_SPACE
    @EVERY_DIMENSION
    def test_the_nearest_are_found(self, make: Make, space: Space, dimension: int) -> None:
        """At the usual effort at least nine in ten of the ten nearest are among a hundred proposed."""
        rng = np.random.default_rng(2)
        vectors = clustered(rng, ROWS, dimension)
        queries = vectors[:50] + np.float32(0.1) * rng.standard_normal((50, dimension)).astype(np.float32)
        assert recall(space, make(space, vectors).search(queries, 100), queries, vectors, 10) >= 0.9

    @BOTH
    @EVERY_SPACE
    def test_a_mask_is_kept_to(self, make: Make, space: Space) -> None:
        """Only allowed slots are found, all of them if k is their number; a mask that ends early allows none beyond."""
        rng = np.random.default_rng(3)
        vectors = clustered(rng, ROWS, 33)
        index = make(space, vectors)
        masks = (
            rng.random(ROWS) < 0.02,
            np.arange(ROWS - 13) % 100 == 7,
            np.zeros(ROWS, np.bool_),
            np.ones(9, np.bool_),
        )
        for mask in masks:
            allowed = np.flatnonzero(mask).tolist()
            for row in index.search(vectors[:5], 90, mask, ALL_LISTS).slots.tolist():
                assert sorted(slot for slot in row if slot >= 0) == allowed

    @BOTH
    @EVERY_SPACE
    def test_a_mask_may_be_longer_than_the_slots(self, make: Make, space: Space) -> None:
        """What a mask says of slots that there are not is no matter."""
        vectors = clustered(np.random.default_rng(4), ROWS, 8)
        mask = np.zeros(ROWS + 1000, np.bool_)
        mask[[5, 9, ROWS, ROWS + 999]] = True
        found = make(space, vectors).search(vectors[:1], 4, mask, ALL_LISTS)
        assert set(found.slots[0].tolist()) - {-1} == {5, 9}

    @BOTH
    @EVERY_SPACE
    def test_what_is_removed_never_comes_back(self, make: Make, space: Space) -> None:
        """Removed slots are not found, also after others were added; unknown ones are no error; the count is right."""
        vectors = clustered(np.random.default_rng(5), ROWS, 33)
        index = make(space, vectors)
        gone = np.arange(0, ROWS, 2)
        index.remove(np.concatenate((gone, [ROWS + 5, 10**9])))
        assert len(index) == ROWS - len(gone)
        index.add(np.arange(ROWS, ROWS + 500), vectors[:500])
        assert len(index) == ROWS - len(gone) + 500
        found = index.search(vectors[:100], 50, None, ALL_LISTS).slots
        assert not np.isin(found, gone).any()
        assert (found >= ROWS).any()

    @BOTH
    @EVERY_SPACE
    def test_a_slot_is_given_again(self, make: Make, space: Space) -> None:
        """A slot that was removed and added again is found at its new place, once."""
        vectors = clustered(np.random.default_rng(6), ROWS, 33)
        index = make(space, vectors)
        moved = np.arange(100)
        index.remove(moved)
        index.add(moved, vectors[1000:1100])
        now = vectors.copy()
        now[:100] = vectors[1000:1100]
        assert len(index) == ROWS
        found = index.search(vectors[1000:1100], 100, None, ALL_LISTS)
        assert recall(space, found, vectors[1000:1100], now, 10) >= 0.9
        assert all(len(set(row)) == 100 for row in found.slots.tolist())

    @BOTH
    @EVERY_SPACE
    def test_no_query_has_no_answer(self, make: Make, space: Space) -> None:
        """Of no queries there are no answers, and that is no error."""
        vectors = clustered(np.random.default_rng(19), ROWS, 33)
        index = make(space, vectors)
        for mask in (None, np.arange(ROWS) < 100):
            assert len(index.search(vectors[:0], 20, mask).slots) == 0

    @BOTH
    @EVERY_SPACE
    def test_many_queries_are_answered_as_one_by_one(self, make: Make, space: Space) -> None:
        """A batch that is cut into slices gives the rows that each query alone gives."""
        vectors = clustered(np.random.default_rng(7), ROWS, 33)
        index = make(space, vectors)
        together = index.search(vectors[:300], 20).slots
        alone = np.concatenate([index.search(vectors[n : n + 1], 20).slots for n in range(300)])
        np.testing.assert_array_equal(np.sort(together), np.sort(alone))


FLOATS = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 0.5, 3.0]),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)


@st.composite
def tasks(draw: st.DrawFn) -> tuple[Floats, Floats, int, Mask | None]:
    """Draw vectors, queries, k and a mask, the numbers of any size that float32 has."""
    dimension = draw(st.integers(1, 5))
    rows = st.lists(FLOATS, min_size=dimension, max_size=dimension)
    vectors = draw(st.lists(rows, max_size=30))
    queries = draw(st.lists(rows, min_size=1, max_size=3))
    mask = draw(st.none() | st.lists(st.booleans(), max_size=35).map(lambda bits: np.array(bits, np.bool_)))
    table = np.array(vectors, np.float32).reshape(len(vectors), dimension)
    return table, np.array(queries, np.float32), draw(st.integers(1, 40)), mask


@EVERY_SPACE
@given(task=tasks())
def test_exact_is_exact(space: Space, task: tuple[Floats, Floats, int, Mask | None]) -> None:
    """Whatever the numbers, the k smallest distances of the allowed come, in order, ties by slot, and nothing else."""
    vectors, queries, k, mask = task
    found = exact(space, vectors).search(queries, k, mask)
    allowed = np.arange(len(vectors)) if mask is None else np.flatnonzero(mask[: len(vectors)])
    for query, slots, given_distances in zip(queries, found.slots, found.distances, strict=True):
        with np.errstate(over="ignore"):
            truth = distances(space, query, vectors[allowed]).astype(np.float32)
        count = min(k, len(allowed))
        np.testing.assert_allclose(given_distances[:count], np.sort(truth)[:count], rtol=1e-5, atol=1e-6)
        assert (slots[count:] == -1).all()
        pairs = list(zip(given_distances[:count].tolist(), slots[:count].tolist(), strict=True))
        assert pairs == sorted(pairs)


@EVERY_SPACE
@given(task=tasks(), part=st.integers(1, 12))
def test_the_nearest_of_parts_are_those_of_all(
    space: Space, task: tuple[Floats, Floats, int, Mask | None], part: int
) -> None:
    """Vectors that come a few at a time give the distances that they give at once."""
    vectors, queries, k, _ = task
    starts = range(0, len(vectors), part)
    parts = ((np.arange(start, min(start + part, len(vectors))), vectors[start : start + part]) for start in starts)
    found, truth = nearest_of(space, queries, k, parts), exact(space, vectors).search(queries, k)
    count = min(k, len(vectors))
    np.testing.assert_array_equal(found.distances[:, :count], truth.distances[:, :count])
    assert (found.slots[:, :count] >= 0).all()


@EVERY_SPACE
def test_what_is_farther_than_a_limit_may_be_left_out(space: Space) -> None:
    """All that is within it comes, however many there are, and no more than k."""
    vectors = clustered(np.random.default_rng(20), ROWS, 33)
    queries, index = vectors[:9], exact(space, vectors)
    truth = index.search(queries, 30).distances
    for k in (30, 20, 5):
        found = index.search_within(queries, k, truth[:, 19]).distances
        assert found.shape == (9, min(k, 20))
        np.testing.assert_array_equal(found, truth[:, : min(k, 20)])


def offset(rng: np.random.Generator, n: int, dimension: int) -> Floats:
    return (1000 + rng.standard_normal((n, dimension))).astype(np.float32)


def duplicated(rng: np.random.Generator, n: int, dimension: int) -> Floats:
    return np.repeat(clustered(rng, n // 10, dimension), 10, axis=0)


def scaled(factor: float) -> Callable[[np.random.Generator, int, int], Floats]:
    return lambda rng, n, dimension: (clustered(rng, n, dimension) * np.float32(factor)).astype(np.float32)


def spread(rng: np.random.Generator, n: int, dimension: int) -> Floats:
    return (clustered(rng, n, dimension) * 10.0 ** rng.uniform(-30, 30, (n, 1))).astype(np.float32)


def with_zeros(rng: np.random.Generator, n: int, dimension: int) -> Floats:
    vectors = clustered(rng, n, dimension)
    vectors[::3] = 0
    return vectors


SCALES = (1e-38, 1e-20, 1e-10, 1e8, 1e12, 1e14, 1e18, 1e36)


@EVERY_SPACE
@pytest.mark.parametrize("dimension", [1, 3, 384])
@pytest.mark.parametrize(
    "draw",
    [
        clustered,
        offset,
        duplicated,
        spread,
        with_zeros,
        *map(scaled, (1e-38, 1e-20, 1e-10, 1e8, 1e12, 1e14, 1e18, 1e36)),
    ],
)
def test_exact_on_awkward_numbers(
    space: Space, dimension: int, draw: Callable[[np.random.Generator, int, int], Floats]
) -> None:
    """Offset, duplicated, tiny, huge and zero vectors: the distances are still those of double precision."""
    rng = np.random.default_rng(dimension)
    vectors = draw(rng, 1000, dimension)
    queries = np.concatenate((vectors[:5], draw(rng, 1000, dimension)[:5]))
    found = exact(space, vectors).search(queries, 10)
    for query, row in zip(queries, found.distances, strict=True):
        with np.errstate(over="ignore"):
            truth = np.sort(distances(space, query, vectors))[:10].astype(np.float32)
        np.testing.assert_allclose(row, truth, rtol=1e-5, atol=1e-6)


@given(data=st.data())
def test_exact_follows_a_dictionary(data: st.DataObject) -> None:
    """Adding, adding again and removing slots in any order leaves what a dictionary would hold."""
    index, known = ExactIndex("l2", 2), dict[int, list[float]]()
    vector = st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=2)
    for _ in range(data.draw(st.integers(1, 12))):
        slots: Slots = np.array(data.draw(st.lists(st.integers(0, 200), unique=True, max_size=150)), np.int64)
        if data.draw(st.booleans()):
            index.remove(slots)
            known = {slot: row for slot, row in known.items() if slot not in set(slots.tolist())}
        else:
            row = data.draw(vector)
            index.add(slots, np.array([row] * len(slots), np.float32).reshape(-1, 2))
            known |= dict.fromkeys(slots.tolist(), row)
    found = index.search(np.zeros((1, 2), np.float32), 300)
    held = {slot: float(d) for slot, d in zip(found.slots[0].tolist(), found.distances[0], strict=True) if slot >= 0}
    assert len(index) == len(known)
    assert held == {slot: row[0] ** 2 + row[1] ** 2 for slot, row in known.items()}


@EVERY_SPACE
def test_score_is_the_formula(space: Space) -> None:
    """What a user sees is the formula in double precision, rounded once; a zero vector is at cosine distance 1."""
    rng = np.random.default_rng(8)
    vectors = clustered(rng, 200, 33)
    vectors[3] = 0
    found = score(space, vectors[0], vectors)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, distances(space, vectors[0], vectors), rtol=1e-6, atol=1e-7)
    assert space != "cosine" or found[3] == score(space, vectors[3], vectors)[0] == 1


@EVERY_SPACE
@EVERY_DIMENSION
def test_an_ivf_index_is_loaded_as_it_was_saved(space: Space, dimension: int) -> None:
    """What `load` makes of what `save` gave answers alike, before and after both are changed."""
    rng = np.random.default_rng(9)
    vectors = clustered(rng, ROWS, dimension)
    index = ivf(space, vectors)
    again = IvfIndex.load(space, dimension, BytesIO(b"".join(index.save())))
    for change in (
        lambda _: None,
        lambda one: one.remove(np.arange(50)),
        lambda one: one.add(np.arange(9), vectors[:9]),
    ):
        change(index)
        change(again)
        assert len(again) == len(index)
        mine, theirs = (one.search(vectors[:20], 30) for one in (index, again))
        np.testing.assert_array_equal(mine.slots, theirs.slots)
        np.testing.assert_array_equal(mine.distances, theirs.distances)


@EVERY_SPACE
def test_a_copy_is_its_own(space: Space) -> None:
    """Adding to a copy, or removing from it, does not reach the index that it was made of, nor the other way."""
    vectors = clustered(np.random.default_rng(10), ROWS, 33)
    index = ivf(space, vectors)
    before = index.search(vectors[:20], 30).slots
    copy = index.copy()
    copy.remove(np.arange(0, ROWS, 2))
    copy.add(np.arange(ROWS, ROWS + 100), vectors[:100])
    np.testing.assert_array_equal(index.search(vectors[:20], 30).slots, before)
    index.remove(np.arange(1, ROWS, 2))
    assert len(copy) == ROWS // 2 + 100
    assert np.isin(copy.search(vectors[:20], 30).slots, np.arange(1, ROWS, 2)).any()


def test_training_stops_when_told_to() -> None:
    """An index that nobody waits for any more is not made."""
    vectors = clustered(np.random.default_rng(11), ROWS, 8)
    answers = iter([True, True, False])
    assert IvfIndex.train("l2", vectors, ROWS, lambda: next(answers)) is None


def test_effort_widens_a_search() -> None:
    """More effort looks into more lists, at least one and at most all."""
    index: Any = ivf("l2", clustered(np.random.default_rng(12), ROWS, 8))
    probes = [index.probes(effort) for effort in (0, 1, 50, 100, ALL_LISTS)]
    assert probes == sorted(probes)
    assert (probes[0], probes[-1]) == (1, index.lists)


@EVERY_SPACE
@pytest.mark.parametrize("dimension", [8, 40])
def test_a_search_reaches_so_far_and_no_farther(space: Space, dimension: int) -> None:
    """Just the lists whose centres are within reach are looked into, or the sixteen nearest where those are fewer."""
    vectors = clustered(np.random.default_rng(14), 12_000, dimension)
    index = ivf(space, vectors)
    assert index.lists > 16
    queries = index.measured(vectors[:20] + np.float32(0.1))
    all_lists = np.broadcast_to(np.arange(index.lists), (len(queries), index.lists))
    detours = index.detours(queries, all_lists)
    np.testing.assert_allclose(detours.min(axis=1), 0)
    of_rows = index.nearest_lists(index.measured(vectors))
    for reach in (0.0, 0.1, float(np.median(detours)), np.inf):
        found = index.propose(queries, len(vectors), None, ALL_LISTS, reach)
        for slots, detour in zip(found, detours, strict=True):
            near = np.flatnonzero(detour <= max(reach, np.sort(detour)[15]))
            assert set(of_rows[slots[slots >= 0]]) == set(near) & set(of_rows)


@EVERY_SPACE
def test_a_filter_is_searched_where_its_rows_are(space: Space) -> None:
    """Of lists without a row that may be found none is looked into; the reach begins where the first rows are held."""
    vectors = clustered(np.random.default_rng(15), 6000, 40)
    index: Any = ivf(space, vectors)
    of_rows = index.nearest_lists(index.measured(vectors))
    allowed = Allowed(np.isin(of_rows, np.arange(0, index.lists, 2)) & (np.arange(6000) % 3 > 0))
    for query in index.measured(vectors[:30]):
        detours = index.detours(query[None], np.arange(index.lists)[None])[0]
        held = np.bincount(of_rows[allowed.mask], minlength=index.lists)
        order = np.argsort(detours)
        first = detours[order[np.argmax(np.cumsum(held[order]) >= 96)]]
        found = index.propose(query[None], 6000, allowed, ALL_LISTS, 0.05)[0]
        fewest = np.sort(detours[held > 0])[:16].max()
        near = (held > 0) & (detours <= max(first + 0.05, fewest) + 1e-6)
        assert set(found[found >= 0]) == set(np.flatnonzero(allowed.mask & near[of_rows]))


@EVERY_SPACE
def test_few_rows_of_many_lists_are_all_proposed(space: Space) -> None:
    """Where a filter leaves few rows in the lists, these are proposed, and codes are compared for the other queries."""
    vectors = clustered(np.random.default_rng(17), 6000, 40)
    index: Any = ivf(space, vectors)
    of_rows = index.nearest_lists(index.measured(vectors))
    dense = np.bincount(of_rows).argmax()
    allowed = Allowed((np.arange(6000) % 60 == 0) | ((of_rows == dense) & (np.arange(6000) % 4 == 0)))
    assert 16 * allowed.count <= len(index)
    queries = index.measured(vectors[:300])
    widths = set()
    for effort in (1, 100, ALL_LISTS):
        together = index.propose(queries, 5, allowed, effort, 0.05)
        for query, found in zip(queries, together, strict=True):
            alone = index.propose(query[None], 5, allowed, effort, 0.05)[0]
            found, alone = found[found >= 0], alone[alone >= 0]
            np.testing.assert_array_equal(found, alone)
            assert allowed.mask[found].all()
            widths.add(len(found))
            if len(found) > 5:  # then they are all that their lists hold
                assert set(found) == set(np.flatnonzero(allowed.mask & np.isin(of_rows, of_rows[found])))
    assert 5 in widths
    assert max(widths) > 5


@EVERY_SPACE
def test_lists_may_be_empty(space: Space) -> None:
    """An index that has lost most of its rows, or all, is searched with a filter as one that has not."""
    vectors = clustered(np.random.default_rng(16), ROWS, 40)
    index = ivf(space, vectors)
    index.remove(np.arange(5, ROWS))
    found = index.search(vectors[:1], 5, np.arange(ROWS) < 3, ALL_LISTS).slots[0]
    assert set(found[found >= 0]) == {0, 1, 2}
    index.remove(np.arange(5))
    assert (index.search(vectors[:1], 5, np.ones(ROWS, np.bool_), ALL_LISTS).slots == -1).all()
    assert len(index.slots) == 0


CONSTANT = {
    "zero": np.zeros((ROWS, 40), np.float32),
    "equal": np.ones((ROWS, 40), np.float32),
    "two": np.repeat(np.eye(2, 40, dtype=np.float32), ROWS // 2, axis=0),
}


@EVERY_SPACE
@pytest.mark.parametrize("which", CONSTANT)
def test_ivf_finds_rows_that_are_all_alike(space: Space, which: str) -> None:
    """Vectors without any difference among them, placeholders for one, are found like others."""
    if which == "zero" and space != "l2":
        pytest.skip("FAISS proposes none of vectors whose every product is 0; whoever asked looks at all rows then")
    vectors = CONSTANT[which]
    found = ivf(space, vectors).search(vectors[:2], 50, None, ALL_LISTS)
    assert (found.slots >= 0).all()


@EVERY_SPACE
@pytest.mark.parametrize("factor", [1e-30, 1e-22, 1e-10, 1e10])
def test_ivf_finds_rows_of_any_size(space: Space, factor: float) -> None:
    """The unit that vectors are measured in makes no difference."""
    rng = np.random.default_rng(13)
    vectors = clustered(rng, ROWS, 40) * np.float32(factor)
    found = ivf(space, vectors).search(vectors[:30], 100)
    scale = np.float32(1) / np.float32(factor)
    assert recall(space, found, vectors[:30] * scale, vectors * scale, 10) >= 0.9


@EVERY_SPACE
@pytest.mark.parametrize("dimension", [8, 40])
@pytest.mark.parametrize(
    ("factor", "stray"), [(1, 1e20), (1, 1e37), (1e-25, 1e15), (1e-40, 1), (1e37, 1e30), (1e-44, 1)]
)
def test_ivf_takes_a_stray_of_any_length(space: Space, dimension: int, factor: float, stray: float) -> None:
    """Very long vectors among those that are learnt from, added and searched for leave FAISS's sums finite."""
    rng = np.random.default_rng(17)
    vectors = (rng.standard_normal((ROWS, dimension)) * factor).astype(np.float32)
    vectors[[3, 2000]] = stray * np.sign(vectors[[3, 2000]])
    index = ivf(space, vectors)
    index.add(np.arange(ROWS, ROWS + 2), np.full((2, dimension), 3e38, np.float32))
    queries = np.concatenate((vectors[:5], np.full((1, dimension), -3e38, np.float32)))
    assert np.isfinite(index.measured(queries)).all()
    assert np.isfinite(index.search(queries, 10, None, ALL_LISTS).distances).all()
    assert len(index.slots) == ROWS + 2


@EVERY_SPACE
def test_only_l2_cares_whether_rows_are_equally_long(space: Space) -> None:
    """An index that takes all vectors for equally long refuses others; one that was told not to do so does not."""
    rng = np.random.default_rng(18)
    vectors = clustered(rng, ROWS, 40)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index, other = (IvfIndex.train(space, vectors, ROWS, alike=alike) for alike in (True, False))
    assert index is not None
    assert other is not None
    assert index.takes(vectors)
    for odd in (vectors[:9] * np.float32(1.5), vectors[:9] * np.float32(0.5), np.zeros((1, 40), np.float32)):
        assert index.takes(odd) == (space != "l2")
        assert other.takes(odd)


@EVERY_SPACE
def test_cosine_is_found_as_well_as_l2(space: Space) -> None:
    """On dense clusters of unit length, where the spaces give one order, each index finds about as much."""
    rng = np.random.default_rng(14)
    centres = rng.standard_normal((20, 64))
    vectors = (centres[rng.integers(0, 20, ROWS)] + 0.3 * rng.standard_normal((ROWS, 64))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = vectors[:100]
    of_l2, of_space = (
        recall(one, ivf(one, vectors).search(queries, 64), queries, vectors, 10) for one in ("l2", space)
    )
    assert of_space >= of_l2 - 0.05
