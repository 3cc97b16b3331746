"""A model's dimensions, in whatever order, become a sparse vector."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.utils.sparse_embedding_utils import normalize_sparse_vector

COLUMNS = st.dictionaries(st.integers(0, 2**32 - 1), st.floats(-9, 9, width=32), max_size=9)


@given(COLUMNS)
def test_dimensions_ascend(columns: dict[int, float]) -> None:
    """Each value and label stays with its dimension."""
    labels = [str(index) for index in columns]
    vector = normalize_sparse_vector(list(columns), list(columns.values()), labels)
    assert vector.indices == sorted(columns)
    assert dict(zip(vector.indices, vector.values, strict=True)) == columns
    assert vector.labels == ([str(index) for index in vector.indices] if columns else None)


@pytest.mark.parametrize(
    ("indices", "values", "text"),
    [([1, 1], [1.0, 2.0], "strictly ascending order"), ([2, 1], [1.0], "must have the same length")],
)
def test_what_is_no_vector_is_refused(indices: list[int], values: list[float], text: str) -> None:
    """A dimension twice, or columns of two lengths, is an error."""
    with pytest.raises(ValueError, match=text):
        normalize_sparse_vector(indices, values)
