"""Embeddings in SQLite: bit for bit what they were, whether they are kept as halves or as float32."""

import sqlite3
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import ochredb
from ochredb import tools
from ochredb.core.model import Floats
from ochredb.local import embeddings
from ochredb.local.database import FILE
from ochredb.local.disk import connect
from tests.test_formats import unpacked

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)
SINGLES = arrays.arrays(np.float32, SHAPES, elements=st.floats(width=32, allow_nan=False, allow_infinity=False))
HALVES = arrays.arrays(np.float16, SHAPES, elements=st.floats(width=16, allow_nan=False, allow_infinity=False))
HALF, FLOAT, INTEGER = [0.5, -0.0, 2.0**-24, 65504.0], [0.1, 0.2, 0.3, 0.4], [-128.0, 127.0, 0.0, 1.0]


def bits(vectors: Any) -> list[list[int]]:
    found: list[list[int]] = np.asarray(vectors, np.float32).view(np.uint32).tolist()
    return found


@given(SINGLES | HALVES.map(lambda halves: halves.astype(np.float32)))
def test_what_is_decoded_is_what_was_encoded(vectors: Floats) -> None:
    """Bit for bit, in any order of memory, and of the dimension that each blob tells."""
    for given_ in (vectors, np.asfortranarray(vectors)):
        blobs = [bytes(blob) for blob in embeddings.encoded(given_)]
        assert {embeddings.dimension(blob) for blob in blobs} == {vectors.shape[1]}
        assert all(map(embeddings.is_embedding, blobs))
        assert bits(embeddings.decoded(blobs, vectors.shape[1])) == bits(vectors)


@given(HALVES)
def test_halves_take_half_of_the_room(halves: Any) -> None:
    """And one byte."""
    blobs = list(embeddings.encoded(halves.astype(np.float32)))
    assert {len(blob) for blob in blobs} == {2 * halves.shape[1] + 1}


@given(SINGLES, HALVES)
def test_blobs_of_both_kinds_are_decoded_together(singles: Floats, halves: Any) -> None:
    width = min(singles.shape[1], halves.shape[1])
    both = [singles[:, :width], halves[:, :width].astype(np.float32)]
    blobs = [bytes(blob) for some in both for blob in embeddings.encoded(some)]
    assert bits(embeddings.decoded(blobs, width)) == bits(np.concatenate(both))


@pytest.mark.parametrize("value", [None, "x", 7, b"", b"x", b"xx", b"x" * 6])
def test_what_is_no_embedding(value: Any) -> None:
    assert not embeddings.is_embedding(value)


def widths(folder: Path) -> dict[int, int]:
    """Count the embeddings in a folder by their bytes."""
    db = sqlite3.connect(f"file:{folder / FILE}?mode=ro", uri=True)
    try:
        return dict(db.execute("SELECT length(embedding), count(*) FROM vectors GROUP BY 1"))
    finally:
        db.close()


def test_a_collection_holds_both_kinds(tmp_path: Path) -> None:
    """An embedding that is changed takes the room that its new numbers need; none is other than it was given."""
    folder = tmp_path / "folder"
    with ochredb.PersistentClient(folder) as client:
        collection = client.create_collection("both", embedding_function=None)
        collection.add(ids=["half", "integer"], embeddings=[HALF, INTEGER])
        collection.add(ids=["float"], embeddings=[FLOAT])
        assert bits(collection.get(include=["embeddings"])["embeddings"]) == bits([HALF, INTEGER, FLOAT])
        collection.update(ids=["half"], embeddings=[FLOAT])
        collection.update(ids=["float"], embeddings=[HALF])
        assert bits(collection.get(include=["embeddings"])["embeddings"]) == bits([FLOAT, INTEGER, HALF])
        assert collection.query(query_embeddings=[INTEGER], n_results=1)["ids"] == [["integer"]]
    assert widths(folder) == {16: 1, 9: 2}
    assert tools.check(folder, deep=True).problems == ()


def test_halves_are_salvaged(tmp_path: Path) -> None:
    """Of a collection whose row is lost the dimension is told by the embeddings, the halves among them."""
    folder = tmp_path / "folder"
    rows = [[float(row), 0.5, 1.0] for row in range(300)] + [[0.1, 0.2, 0.3]]
    ids = [str(row) for row in range(len(rows))]
    with ochredb.PersistentClient(folder) as client:
        client.create_collection("some", embedding_function=None).add(ids=ids[:300], embeddings=rows[:300])
        client.get_collection("some", embedding_function=None).add(ids=ids[300:], embeddings=rows[300:])
    db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE)
    db.execute("DELETE FROM collections")
    db.close()
    assert tools.repair(folder, salvage=True).rows == len(ids)
    with ochredb.PersistentClient(folder) as client:
        (found,) = client.list_collections()
        got = client.get_collection(found.name, embedding_function=None).get(include=["embeddings"])
    assert got["ids"] == ids
    assert bits(got["embeddings"]) == bits(rows)


def test_a_folder_of_format_1_is_marked_when_embeddings_are_written(tmp_path: Path) -> None:
    """An older version would take halves for damage; what only reads, or writes no embedding, leaves the mark."""
    folder, _ = unpacked(1, tmp_path)
    assert tools.stats(folder).format == 1
    with ochredb.PersistentClient(folder) as client:
        large = client.get_collection("large", embedding_function=None)
        large.update(ids=["row 1"], metadatas=[{"n": -1}])
        client.heartbeat()
    assert tools.stats(folder).format == 1
    with ochredb.PersistentClient(folder) as client:
        client.get_collection("large", embedding_function=None).update(ids=["row 1"], embeddings=[[1.0] * 8])
    assert tools.stats(folder).format == 2
