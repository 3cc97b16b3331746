"""Sparse vectors: what is one, and the JSON that they are; records cut into parts."""

from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given

from ochredb.core.errors import BadValue
from ochredb.core.model import Metadata, MetadataValue, Records, SparseVector
from ochredb.testing import strategies
from ochredb.testing.compare import typed

REFUSED: list[tuple[tuple[Any, ...], str]] = [
    (((1,), [1.0]), "Expected SparseVector indices to be a list, got tuple"),
    (([1], (1.0,)), "Expected SparseVector values to be a list, got tuple"),
    (([1], [1.0], "a"), "Expected SparseVector labels to be a list, got str"),
    (([1], [1.0], ""), "Expected SparseVector labels to be a list, got str"),
    (
        ([1], [1.0, 2.0]),
        "SparseVector indices and values must have the same length, got 1 indices and 2 values",
    ),
    (
        ([1], [1.0], ["a", "b"]),
        "SparseVector labels must have the same length as indices and values, got 2 labels, 1 indices",
    ),
    (([1.0], [1.0]), "SparseVector indices must be integers, got float at position 0"),
    (([-1], [1.0]), "SparseVector indices must be non-negative, got -1 at position 0"),
    (([1, 2**32], [1.0, 1.0]), "SparseVector indices must fit 32 bits, got 4294967296 at position 1"),
    (
        ([2, 1], [1.0, 1.0]),
        "SparseVector indices must be sorted in strictly ascending order, found indices[1]=1 <= indices[0]=2",
    ),
    (
        ([1, 1], [1.0, 1.0]),
        "SparseVector indices must be sorted in strictly ascending order, found indices[1]=1 <= indices[0]=1",
    ),
    (([1], ["a"]), "SparseVector values must be numbers, got str at position 0"),
    (([1], [float("nan")]), "SparseVector values must be finite as float32, got nan at position 0"),
    (([1], [1e39]), "SparseVector values must be finite as float32, got 1e+39 at position 0"),
    (([1], [1.0], [5]), "SparseVector labels must be texts, got int at position 0"),
]


@pytest.mark.parametrize(("arguments", "text"), REFUSED)
def test_what_is_no_sparse_vector(arguments: tuple[Any, ...], text: str) -> None:
    """What is no vector is never made, so that whoever has one need not look."""
    with pytest.raises(BadValue) as refused:
        SparseVector(*arguments)
    assert str(refused.value) == text


@given(strategies.sparse_vectors())
def test_a_sparse_vector_is_the_json_that_it_says(vector: SparseVector) -> None:
    """Its dictionary is what a JSON encoder writes, labels called tokens and left out where there are none."""
    told = vector.to_dict()
    assert msgspec.json.decode(msgspec.json.encode(vector)) == told
    assert told["#type"] == "sparse_vector"
    assert ("tokens" in told) == (vector.labels is not None)
    assert SparseVector.from_dict(told) == vector


@given(strategies.metadatas())
def test_metadata_is_told_apart_in_json(metadata: Metadata | None) -> None:
    """Metadata of every type comes back from JSON as what it was: no text is taken for a vector."""
    text = msgspec.json.encode(metadata)
    assert typed(msgspec.json.decode(text, type=dict[str, MetadataValue] | None)) == typed(metadata)


def test_another_dictionary_is_no_vector() -> None:
    """The type must be said."""
    with pytest.raises(BadValue, match="Expected #type='sparse_vector', got None"):
        SparseVector.from_dict({"indices": [], "values": []})


def test_records_are_split_into_parts() -> None:
    """Each part has its rows of every column that there is, also a part of none."""
    records = Records(["a", "b", "c"], np.eye(3, dtype=np.float32), documents=["x", "y", "z"])
    parts = list(records.split([2, 0, 1]))
    assert [part.ids for part in parts] == [["a", "b"], [], ["c"]]
    assert [part.documents for part in parts] == [["x", "y"], [], ["z"]]
    assert [None if part.embeddings is None else part.embeddings.tolist() for part in parts] == [
        [[1, 0, 0], [0, 1, 0]],
        [],
        [[0, 0, 1]],
    ]
    assert all(part.metadatas is part.uris is None for part in parts)
