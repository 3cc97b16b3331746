"""Which rows float32 leaves in the race: none of the true nearest is ever lost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.core.halves import HALF
from ochredb.core.model import Floats, Space
from ochredb.index.exact import score
from ochredb.index.near import near
from ochredb.index.rows import SINGLE, Lengths, Rows

SPACES = pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
SCALES = (0.0, 1e-25, 1e-12, 1e-3, 1.0, 1.0, 1.0, 1e6, 1e20)


def rows_of(vectors: Floats, base: int, dtype: np.dtype[Any] = SINGLE) -> Rows:
    """Give rows of which the first `base` are as if mapped."""
    lengths = Lengths(np.inf, 0.0).with_rows(vectors[:base])
    rows = Rows(dtype, vectors.shape[1], vectors[:base].astype(dtype) if base else None, lengths, lossless=True)
    rows.append(vectors[base:])
    return rows


@SPACES
@pytest.mark.parametrize("dtype", [SINGLE, HALF])
@given(data=st.data())
def test_the_nearest_stay(space: Space, dtype: np.dtype[Any], data: st.DataObject) -> None:
    """Whatever the lengths, the k smallest distances of all rows are among those of the rows that stay."""
    rng = np.random.default_rng(data.draw(st.integers(0, 1 << 32)))
    count, dimension = data.draw(st.integers(1, 60)), data.draw(st.integers(1, 40))
    scales = data.draw(st.lists(st.sampled_from(SCALES), min_size=1, max_size=3))
    vectors = rng.standard_normal((count, dimension)) * rng.choice(scales, (count, 1))
    vectors = vectors[rng.integers(count, size=count)].astype(np.float32)  # some of them are alike
    if dtype == HALF:
        vectors = np.clip(vectors, -65504, 65504).astype(HALF).astype(np.float32)
    query = (rng.standard_normal(dimension) * data.draw(st.sampled_from(SCALES))).astype(np.float32)
    slots = np.where(rng.random(count) < 0.1, -1, np.arange(count))
    k = data.draw(st.integers(1, 20))

    left = near(space, rows_of(vectors, data.draw(st.integers(0, count)), dtype), query, slots, k)

    there = slots[slots >= 0]
    assert len(set(left.tolist())) == len(left)
    assert set(left.tolist()) <= set(there.tolist())
    truth = np.sort(score(space, query, vectors[there]))[:k]
    np.testing.assert_array_equal(np.sort(score(space, query, vectors[left]))[:k], truth)


@SPACES
def test_few_stay(space: Space) -> None:
    """Of rows as most models give them hardly more than k stay, in whatever order and wherever they lie."""
    vectors = np.random.default_rng(1).standard_normal((500, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for base in (0, 250, 500):
        left: Any = near(space, rows_of(vectors, base), vectors[7], np.arange(500)[::-1], 10)
        assert 10 <= len(left) <= 12
        assert 7 in left


def test_all_stay_where_lengths_are_not_known() -> None:
    """Rows from a file that does not say how long they are are all looked at."""
    vectors = np.eye(30, dtype=np.float32)
    left = near("cosine", Rows(SINGLE, 30, vectors.copy()), vectors[0], np.arange(30), 2)
    np.testing.assert_array_equal(left, np.arange(30))
