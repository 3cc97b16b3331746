"""Sparse vectors in metadata: stored, changed, passed over by filters, and read back."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import ochredb
from ochredb import SparseVector
from ochredb.testing import strategies


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(strategies.sparse_vectors())
def test_a_vector_comes_back(collection: ochredb.Collection, vector: SparseVector) -> None:
    """What was stored is read back equal, by `get` and by `query`."""
    collection.upsert(ids=["s"], embeddings=[[1, 1]], metadatas=[{"v": vector, "n": 1}])
    assert collection.get(ids=["s"])["metadatas"] == [{"v": vector, "n": 1}]
    assert collection.query(query_embeddings=[[1, 1]], ids=["s"])["metadatas"] == [[{"v": vector, "n": 1}]]


def test_vectors_change_as_other_values_do(collection: ochredb.Collection) -> None:
    """They are merged, replaced, and removed by None."""
    vector, other = SparseVector([1, 5], [0.5, 2.0]), SparseVector([0], [1.0], ["fox"])
    collection.update(ids=["a"], metadatas=[{"v": vector, "w": vector}])
    assert collection.get(ids=["a"])["metadatas"] == [{"n": 1, "tags": ["x"], "v": vector, "w": vector}]
    collection.upsert(ids=["a"], embeddings=[[1, 0]], metadatas=[{"v": other, "w": None}])
    assert collection.get(ids=["a"])["metadatas"] == [{"n": 1, "tags": ["x"], "v": other}]


@pytest.mark.parametrize(
    ("where", "ids"),
    [
        ({"v": 1}, []),
        ({"v": {"$gte": 0}}, []),
        ({"v": {"$in": [1.0]}}, []),
        ({"v": {"$contains": 1.0}}, []),
        ({"v": {"$ne": 1}}, ["a", "b", "c"]),
        ({"v": {"$not_contains": 1.0}}, ["a", "b", "c"]),
        ({"$and": [{"n": 1}, {"v": {"$nin": ["x"]}}]}, ["a"]),
    ],
)
def test_filters_pass_vectors_over(collection: ochredb.Collection, where: dict[str, Any], ids: list[str]) -> None:
    """A vector is no scalar and no array: nothing is equal to it, and it holds nothing."""
    collection.update(ids=["a"], metadatas=[{"v": SparseVector([1], [1.0])}])
    assert collection.get(where=where)["ids"] == ids


def test_a_vector_that_its_owner_changes(collection: ochredb.Collection) -> None:
    """What is stored is what was given; lists that change later, and NumPy's numbers, are nothing to it."""
    values = [np.float64(0.5)]
    vector = SparseVector([1], values)  # type: ignore[arg-type]
    collection.update(ids=["a"], metadatas=[{"v": vector}])
    values[0] = np.float64(7)
    (metadata,) = collection.get(ids=["a"])["metadatas"] or []
    assert metadata["v"] == SparseVector([1], [0.5])
    assert type(metadata["v"].values[0]) is float


def test_results_with_vectors_are_json(collection: ochredb.Collection) -> None:
    """`json.dump` writes a vector in the form that Chroma sends."""
    collection.update(ids=["a"], metadatas=[{"v": SparseVector([1], [0.5], ["fox"])}])
    written = {"#type": "sparse_vector", "indices": [1], "values": [0.5], "tokens": ["fox"]}
    found: Any = collection.get(ids=["a"])
    assert json.loads(json.dumps(found))["metadatas"][0]["v"] == written
    hits: Any = collection.query(query_embeddings=[[1, 0]], ids=["a"])
    assert json.loads(json.dumps(hits))["metadatas"][0][0]["v"] == written


def test_another_process_reads_vectors(tmp_path: Path) -> None:
    """They are on disk when `add` returns, and no text that looks like one is taken for one."""
    text = '{"#type":"sparse_vector","indices":[1],"values":[0.5]}'
    program = f"""
import os
import ochredb
collection = ochredb.PersistentClient({str(tmp_path)!r}).create_collection("vectors", embedding_function=None)
vector = ochredb.SparseVector([1, 2**32 - 1], [0.5, -2.0])
collection.add(ids=["a"], embeddings=[[1, 0]], metadatas=[{{"v": vector, "text": {text!r}, "tags": ["x", "y"]}}])
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program], timeout=60, check=True)
    with ochredb.PersistentClient(tmp_path) as client:
        (found,) = client.get_collection("vectors").get()["metadatas"] or []
    assert found == {"v": SparseVector([1, 2**32 - 1], [0.5, -2.0]), "text": text, "tags": ["x", "y"]}
