"""Rows in half or single precision, with and without a mapped base, against an array; columns that grow."""

import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ochredb.core.halves import HALF, lossless, widened
from ochredb.core.model import Floats
from ochredb.index.base import Slots
from ochredb.index.growing import Growing
from ochredb.index.rows import SINGLE, Lengths, Rows, fitting

PRECISIONS = pytest.mark.parametrize("dtype", [HALF, SINGLE])


def numbers(n: int, dimension: int, seed: int = 0) -> Floats:
    """Give numbers that half precision holds exactly."""
    return np.random.default_rng(seed).integers(-1000, 1000, (n, dimension)).astype(np.float32) / np.float32(8)


@PRECISIONS
@pytest.mark.parametrize("base", [0, 1, 7])
@pytest.mark.parametrize("dimension", [1, 2, 3, 33])
@given(data=st.data())
def test_rows_follow_an_array(dtype: np.dtype[Any], base: int, dimension: int, data: st.DataObject) -> None:
    """Appending, changing, taking and truncating give what an array gives, wherever base and memory meet."""
    truth = numbers(base, dimension)
    rows = Rows(dtype, dimension, truth.astype(dtype) if base else None)
    for step in range(data.draw(st.integers(1, 8))):
        verb = data.draw(st.sampled_from(["append", "put", "truncate"]))
        if verb == "append":
            more = numbers(data.draw(st.integers(0, 5)), dimension, step)
            rows.append(more)
            truth = np.concatenate((truth, more))
        elif verb == "put" and len(truth):
            slots = np.array(sorted(data.draw(st.sets(st.integers(0, len(truth) - 1)))), np.int64)
            truth[slots] = numbers(len(slots), dimension, step + 50)
            rows.put(slots, truth[slots])
        elif verb == "truncate":
            length = data.draw(st.integers(base, max(base, len(truth))))
            rows.truncate(length)
            truth = truth[:length]
        assert len(rows) == len(truth)
        some = np.array(data.draw(st.lists(st.integers(0, max(len(truth) - 1, 0)), max_size=6)), np.int64)[: len(truth)]
        taken = rows.take(some)
        assert taken.dtype == np.float32
        np.testing.assert_array_equal(taken, truth[some])
    np.testing.assert_array_equal(np.concatenate(list(rows.blocks(len(truth)))), truth.astype(dtype))


def test_halves_hold_what_they_can() -> None:
    """Exact halves hold what loses nothing, others whatever does not overflow, single precision everything."""
    whole, third, large = (np.full((1, 4), number, np.float32) for number in (0.5, 1 / 3, 1e5))
    for rows, held in (
        (Rows(HALF, 4, lossless=True), [True, False, False]),
        (Rows(HALF, 4), [True, True, False]),
        (Rows(SINGLE, 4), [True, True, True]),
    ):
        assert [rows.holds(vectors) for vectors in (whole, third, large)] == held


def test_lengths_are_compared() -> None:
    """Lengths are about those of others unless one is a good deal longer or shorter."""
    ones = Lengths(0.9, 1.1)
    assert Lengths(0.8, 1.3).about(ones)
    assert not Lengths(0.7, 1.0).about(ones)
    assert not Lengths(1.0, 1.4).about(ones)
    assert ones.about(Lengths(0.0, math.inf))


@PRECISIONS
def test_a_change_does_not_reach_the_file(dtype: np.dtype[Any], tmp_path: Path) -> None:
    """A row that changes in memory leaves the file that it was mapped from as it was."""
    path, truth = tmp_path / "rows", numbers(10, 4)
    truth.astype(dtype).tofile(path)
    before = path.read_bytes()
    rows = Rows(dtype, 4, np.memmap(path, dtype, "c").reshape(-1, 4))
    rows.put(np.array([3]), numbers(1, 4, 9))
    np.testing.assert_array_equal(rows.take(np.array([2, 3])), np.concatenate((truth[2:3], numbers(1, 4, 9))))
    assert path.read_bytes() == before


def test_every_finite_half_is_widened_to_the_number_that_it_stands_for() -> None:
    """Bit by bit what NumPy's `astype` gives, signs of zero included."""
    halves = np.arange(1 << 16, dtype="<u2").view(HALF)
    halves = halves[np.isfinite(halves)]
    np.testing.assert_array_equal(widened(halves).view(np.uint32), halves.astype(np.float32).view(np.uint32))


@given(st.lists(st.floats(width=32), min_size=1, max_size=9), st.booleans())
@example([65504.0, -65504.0, -0.0, 2.0**-24, -(2.0**-14)], True)
@example([65536.0], False)
@example([2.0**-25], False)
def test_it_is_told_what_halves_hold(numbers: list[float], narrow: bool) -> None:
    """What NumPy's `astype` gives back unchanged is held without loss, to the sign of zero; nothing else is."""
    vectors = np.array([numbers], np.float32)
    with np.errstate(over="ignore"):
        halves = vectors.astype(HALF)
    if narrow:
        vectors = np.nan_to_num(halves.astype(np.float32), posinf=1, neginf=1)
        halves = vectors.astype(HALF)
    held = bool((halves == vectors).all() and np.isfinite(vectors).all())
    assert lossless(vectors) == held
    if held:
        rows = Rows(HALF, len(numbers), lossless=True)
        rows.append(vectors)
        (kept,) = (block for block in rows.blocks(1) if len(block))
        np.testing.assert_array_equal(kept.view(np.uint16), halves.view(np.uint16))


def test_half_precision_is_rounded_as_numpy_rounds() -> None:
    """What is appended in single precision is given back as the nearest halves."""
    values = np.array([[1 / 3, 1e-7, 65504, -6e-8]], np.float32)
    rows = Rows(HALF, 4)
    rows.append(values)
    np.testing.assert_array_equal(rows.take(np.array([0])), values.astype(np.float16).astype(np.float32))


def test_what_half_precision_cannot_hold_stays_finite() -> None:
    """A number beyond half precision becomes its largest, so that distances can still be compared."""
    rows = Rows(HALF, 2)
    rows.append(np.array([[1e30, -1e30]], np.float32))
    assert rows.take(np.array([0])).tolist() == [[65504, -65504]]


RNG = np.random.default_rng(0)
NORMAL = RNG.standard_normal((600, 48)).astype(np.float32)
FITTING = {
    "embeddings": (NORMAL / np.linalg.norm(NORMAL, axis=1, keepdims=True), HALF),
    "normal": (NORMAL, HALF),
    "all alike": (np.ones((600, 48), np.float32), HALF),
    "one": (NORMAL[:1], HALF),
    "offset": (NORMAL + 1000, SINGLE),
    "too large": (NORMAL * 1e6, SINGLE),
    "huge": (NORMAL * 1e30, SINGLE),
    "tiny": (NORMAL * 1e-9, SINGLE),
    "near each other": (1 + NORMAL * 1e-4, SINGLE),
}


@pytest.mark.parametrize("which", FITTING)
def test_precision_fits_the_numbers(which: str) -> None:
    """Half precision is for rows that it tells apart; those it would overflow, lose or merge are kept in single."""
    sample, wanted = FITTING[which]
    assert fitting(sample.astype(np.float32)) == wanted


def test_precision_fits_all_of_a_sample() -> None:
    """Rows at the end of a sample count as much as those at its beginning."""
    assert fitting(np.concatenate((NORMAL, NORMAL + 2000, NORMAL + 2000))) == SINGLE


@given(data=st.data())
def test_a_column_grows_like_a_list(data: st.DataObject) -> None:
    """Each verb gives what a list gives, whatever came before, and a view taken earlier stays as it was."""
    column, truth = Growing(np.int64), list[int]()
    for _ in range(data.draw(st.integers(1, 10))):
        view, then = column.view, list(truth)
        verb = data.draw(st.sampled_from(["extend", "reserve", "pad", "truncate", "keep"]))
        if verb == "extend":
            more = data.draw(st.lists(st.integers(-9, 9), max_size=90))
            column.extend(more)
            truth += more
        elif verb == "reserve":
            column.reserve(data.draw(st.integers(0, 300)))
        elif verb == "pad":
            length = data.draw(st.integers(0, 200))
            column.pad(length, 7)
            truth += [7] * (length - len(truth))
        elif verb == "truncate":
            length = data.draw(st.integers(0, 200))
            column.truncate(length)
            truth = truth[:length]
        else:
            places = [place for place in range(len(truth)) if place % 3]
            column.keep(np.array(places, np.int64))
            truth = [truth[place] for place in places]
        assert column.view.tolist() == truth
        assert len(column) == len(truth)
        if verb in ("extend", "reserve", "pad"):
            assert view.tolist() == then


@pytest.mark.parametrize("compute", [Rows.products, Rows.squares])
def test_halves_are_widened_a_few_at_a_time(compute: Callable[[Rows, Floats, Slots], Floats]) -> None:
    """Looking at all rows of a large collection takes no memory for all of them; blocks and their ends fit together."""
    truth, query, slots = numbers(50_000, 64), numbers(1, 64, 3)[0], np.arange(50_000)[::-1].copy()
    slots[[0, 31_000]] = -1
    halves, singles = Rows(HALF, 64, lossless=True), Rows(SINGLE, 64)
    halves.append(truth)
    singles.append(truth)
    compute(halves, query, slots[:1])
    tracemalloc.start()
    found = compute(halves, query, slots)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < halves.nbytes / 2
    np.testing.assert_allclose(found, compute(singles, query, slots), rtol=1e-5, atol=1)


@pytest.mark.parametrize("base", [0, 3, 10])
def test_products_and_squares_are_those_of_the_rows(base: int) -> None:
    """They come in the order of the slots, from base and memory alike, and a slot of -1 is infinitely far."""
    truth, query = numbers(10, 5), numbers(1, 5, 3)[0]
    rows = Rows(SINGLE, 5, truth[:base].copy() if base else None)
    rows.append(truth[base:])
    slots = np.array([9, -1, 0, 3, 2, -1, 9])
    there = slots >= 0
    products, squares = rows.products(query, slots), rows.squares(query, slots)
    np.testing.assert_allclose(products[there], truth[slots[there]] @ query, rtol=1e-6)
    np.testing.assert_allclose(squares[there], np.square(truth[slots[there]] - query).sum(axis=1), rtol=1e-6)
    assert (products[~there] == -np.inf).all()
    assert (squares[~there] == np.inf).all()


def test_lengths_are_between_the_shortest_and_the_longest() -> None:
    """Every row that came or changed counts, but for rows of zeros."""
    rows = Rows(SINGLE, 2)
    rows.append(np.array([[3, 4], [0, 0]], np.float32))
    assert rows.lengths == (5, 5)
    rows.append(np.array([[0, 1]], np.float32))
    rows.put(np.array([0]), np.array([[6, 8]], np.float32))
    assert rows.lengths == (1, 10)
