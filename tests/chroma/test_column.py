"""Columns of other libraries: plain values, and vectors that are not copied."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ochredb.chroma import column
from ochredb.core.errors import BadValue
from ochredb.testing.compare import typed

GRID = np.arange(12, dtype=np.float32).reshape(6, 2)
FIXED = pa.FixedSizeListArray.from_arrays(pa.array(GRID.ravel()), 2)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (pd.Series([1.0, float("nan")]), [1.0, None]),
        (pd.Series(["a", None]), ["a", None]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.Series([True, pd.NA, pd.NaT, None, float("nan")], dtype="object"), [True, None, None, None, None]),
        (pd.Series([np.int64(1), np.float32(0.5), np.array(["a"]), [1]], dtype="object"), [1, 0.5, ["a"], [1]]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        (pl.Series([1, None]), [1, None]),
        (pl.Series([[1], None]), [[1], None]),
        (pl.Series([{"a": 1}]), [{"a": 1}]),
        (pa.array(["a", None]), ["a", None]),
        (pa.array(["a", "a"]).dictionary_encode(), ["a", "a"]),
        (pa.chunked_array([[1], [None]], pa.int64()), [1, None]),
        (iter("ab"), ["a", "b"]),
    ],
)
def test_values_are_pythons_own(found: Any, wanted: list[Any]) -> None:
    """With the types that they have, and None for each kind of null."""
    assert isinstance(found, list) or column.is_column(found)
    assert typed(column.values(found)) == typed(wanted)


@pytest.mark.parametrize("found", ["a", b"a", ["a"], ("a",), {"a": 1}, None, 1, GRID, np.array(["a"])])
def test_what_chroma_takes_is_no_column(found: object) -> None:
    """It is read as Chroma reads it."""
    assert not column.is_column(found)


@pytest.mark.parametrize(
    "found",
    [
        FIXED,
        pa.chunked_array([FIXED[:2], FIXED[2:]]),
        pa.concat_arrays([FIXED, FIXED])[6:],
        FIXED.cast(pa.list_(pa.float32())),
        FIXED.cast(pa.large_list(pa.float64())),
        pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float32(), [2]), FIXED),
        pl.Series(FIXED),
        pl.Series(FIXED).cast(pl.List(pl.Float32)),
        pd.Series(list(GRID)),
        pd.Series(GRID.tolist()),
        GRID,
        iter(GRID),
    ],
)
def test_vectors_of_every_kind_are_the_same_numbers(found: Any) -> None:
    """As an array, or as a list of vectors."""
    np.testing.assert_array_equal(np.asarray(column.vectors(found, "e")), GRID)


@pytest.mark.parametrize("found", [FIXED, FIXED[2:], FIXED.cast(pa.list_(pa.float32())), pa.chunked_array([FIXED])])
def test_vectors_of_arrow_are_not_copied(found: Any) -> None:
    """NumPy sees the buffer that Arrow has."""
    rows = column.vectors(found, "e")
    assert rows.dtype == np.float32
    assert not rows.flags.owndata
    assert not rows.flags.writeable


def test_vectors_of_several_lengths_are_left_to_be_refused() -> None:
    """As lists, so that the error can name the lengths."""
    assert column.vectors(pa.array([[1.0], [1.0, 2.0]]), "e") == [[1.0], [1.0, 2.0]]


@pytest.mark.parametrize("found", [pa.array([[1.0], None]), pa.array([[1.0], [None]]), pl.Series([[1.0], None])])
def test_a_vector_that_is_missing_is_named(found: Any) -> None:
    """By its row."""
    with pytest.raises(BadValue, match=r"got null at e\[1\]"):
        column.vectors(found, "e")
