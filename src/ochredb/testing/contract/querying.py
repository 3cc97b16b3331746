"""Distances, and which records are the nearest."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest

from ochredb.core.engine import Engine
from ochredb.core.model import (
    ALL_FIELDS,
    NO_FIELDS,
    Delete,
    Get,
    Metadata,
    Query,
    Records,
    Space,
    Write,
)
from ochredb.core.where import parse
from ochredb.testing.compare import same_records
from ochredb.testing.contract.stage import fill, ids, make, put, vectors

Doubles: TypeAlias = npt.NDArray[np.float64]

DISTANCES: dict[Space, Callable[[Doubles, Doubles], Doubles]] = {
    "l2": lambda query, rows: ((rows - query) ** 2).sum(axis=1),
    "cosine": lambda query, rows: 1 - rows @ query / (np.linalg.norm(rows, axis=1) * np.linalg.norm(query)),
    "ip": lambda query, rows: 1 - rows @ query,
}


class QueryingContract:
    """Distances, and which records are the nearest."""

    @pytest.mark.parametrize(
        ("space", "wanted"),
        [
            ("l2", [3.25, 17.25]),
            ("cosine", [1 - 5.5 / (3 * 5.25**0.5), 1 + 1.5 / (3 * 5.25**0.5)]),
            ("ip", [-4.5, 2.5]),
        ],
    )
    def test_distances(self, engine: Engine, space: Space, wanted: list[float]) -> None:
        """Distances are in the units of the space: squared l2, 1 - cos, 1 - dot; the smallest comes first."""
        collection = make(engine, space)
        put(engine, collection, ["far", "near"], embeddings=vectors([-2, 1, -0.5], [1, 2, 0.5]))
        hits = engine.query(collection, Query(vectors([2, 2, -1], [-2, -2, 1]), k=2))
        assert hits.records[0].ids == ["near", "far"]
        np.testing.assert_allclose(hits.distances[0], wanted, rtol=1e-6)
        assert all(type(distance) is float for row in hits.distances for distance in row)
        assert hits.records[1].ids == ["far", "near"]

    def test_l2_is_squared(self, engine: Engine) -> None:
        """[0, 0] and [3, 3] are 18 apart."""
        collection = make(engine)
        put(engine, collection, ["a"], embeddings=vectors([0, 0]))
        assert engine.query(collection, Query(vectors([3, 3]))).distances == [[18.0]]

    def test_ip_of_itself(self, engine: Engine) -> None:
        """[1, 2, 3] is -13 from itself, nearer than from any shorter vector."""
        collection = make(engine, "ip")
        put(engine, collection, ["short", "zero", "a"], embeddings=vectors([1, 0, 0], [0, 0, 0], [1, 2, 3]))
        hits = engine.query(collection, Query(vectors([1, 2, 3])))
        assert (hits.records[0].ids, hits.distances) == (["a", "short", "zero"], [[-13.0, 0.0, 1.0]])

    def test_cosine_of_a_zero_vector(self, engine: Engine) -> None:
        """A zero vector is exactly 1 from everything, itself included."""
        collection = make(engine, "cosine")
        put(engine, collection, ["zero", "a", "-a"], embeddings=vectors([0, 0, 0], [2, 0, 0], [-3, 0, 0]))
        hits = engine.query(collection, Query(vectors([1, 0, 0], [0, 0, 0])))
        assert hits.records[0].ids == ["a", "zero", "-a"]
        np.testing.assert_allclose(hits.distances[0], [0, 1, 2], atol=1e-6)
        assert hits.distances[0][1] == 1.0
        assert (hits.records[1].ids, hits.distances[1]) == (["zero", "a", "-a"], [1.0, 1.0, 1.0])

    def test_ties_are_in_the_order_of_insertion(self, engine: Engine) -> None:
        """Of equally near records the one inserted earlier comes first, also at the end of k."""
        collection = make(engine)
        names = ["d", "b", "c", "a"]
        put(engine, collection, names, embeddings=vectors([0, 1, 0], [1, 0, 0], [0, 0, 1], [0, -1, 0]))
        assert engine.query(collection, Query(vectors([0, 0, 0]))).records[0].ids == names
        assert engine.query(collection, Query(vectors([0, 0, 0]), k=2)).records[0].ids == ["d", "b"]

    def test_query_brings_the_columns(self, engine: Engine) -> None:
        """Each query vector has its own hits, with the columns of their records."""
        collection = fill(engine)
        hits = engine.query(collection, Query(np.eye(8, dtype=np.float32)[[3, 0]], k=1, fields=ALL_FIELDS))
        assert hits.distances == [[0.0], [0.0]]
        for found, name in zip(hits.records, "da", strict=True):
            same_records(found, engine.get(collection, Get(ids=[name], fields=ALL_FIELDS)))

    def test_k(self, engine: Engine) -> None:
        """There are k hits, or as many as there are records."""
        collection = fill(engine)
        for k, wanted in ((1, 1), (8, 8), (1000, 8), (0, 0)):
            hits = engine.query(collection, Query(np.eye(8, dtype=np.float32)[:2], k))
            assert [len(records) for records in hits.records] == [wanted, wanted]
            assert [len(row) for row in hits.distances] == [wanted, wanted]

    def test_filter_narrows_before_ranking(self, engine: Engine) -> None:
        """As many records come as were wanted although the nearest ones are filtered out."""
        collection = make(engine)
        rows = vectors(*[[n, 0, 0] for n in range(100)])
        put(engine, collection, [str(n) for n in range(100)], embeddings=rows, metadatas=[{"n": n} for n in range(100)])
        hits = engine.query(collection, Query(rows[:1], k=3, where=parse({"n": {"$gte": 90}})))
        assert hits.records[0].ids == ["90", "91", "92"]
        assert hits.distances == [[8100.0, 8281.0, 8464.0]]

    def test_query_among_ids(self, engine: Engine) -> None:
        """Ids restrict every query vector alike; unknown ones and repetitions change nothing."""
        collection = fill(engine)
        query = Query(np.eye(8, dtype=np.float32)[:2], ids=["b", "nobody", "h", "b"])
        assert [found.ids for found in engine.query(collection, query).records] == [["b", "h"], ["b", "h"]]

    def test_query_among_ids_and_where(self, engine: Engine) -> None:
        """Ids and filter must both hold."""
        collection = fill(engine)
        query = Query(np.eye(8, dtype=np.float32)[:1], ids=["d", "b", "a"], where=parse({"s": "apple"}))
        assert engine.query(collection, query).records[0].ids == ["a", "d"]

    @pytest.mark.parametrize("query", [{"ids": []}, {"ids": ["nobody"]}, {"where": parse({"i": 77})}])
    def test_query_that_finds_nothing(self, engine: Engine, query: dict[str, Any]) -> None:
        """Each query vector has an empty list, and its columns are empty."""
        hits = engine.query(fill(engine), Query(np.eye(8, dtype=np.float32)[:2], **query))
        assert hits.distances == [[], []]
        assert [(found.ids, found.documents, found.metadatas) for found in hits.records] == [([], [], [])] * 2

    def test_query_of_a_new_collection(self, engine: Engine) -> None:
        """A collection that has no dimension yet answers any query with nothing."""
        collection = make(engine)
        for dimension in (1, 3, 7):
            hits = engine.query(collection, Query(np.ones((2, dimension), dtype=np.float32)))
            assert [found.ids for found in hits.records] == [[], []]
            assert hits.distances == [[], []]
        assert engine.get_collection_by_id(collection).dimension is None

    def test_one_dimension(self, engine: Engine) -> None:
        """A dimension of one is allowed."""
        collection = make(engine)
        put(engine, collection, ["a", "b"], embeddings=vectors([1], [3]))
        hits = engine.query(collection, Query(vectors([2.5])))
        assert (hits.records[0].ids, hits.distances) == (["b", "a"], [[0.25, 2.25]])

    @pytest.mark.parametrize("space", ["l2", "cosine", "ip"])
    def test_a_large_batch(self, engine: Engine, space: Space) -> None:
        """5,000 records in one call are all there, and their nearest neighbours are exact, filtered or not."""
        collection = make(engine, space)
        random = np.random.default_rng(5)
        rows = random.standard_normal((5000, 16)).astype(np.float32)
        names = [f"record {n}" for n in range(5000)]
        values: list[Metadata | None] = [{"n": n, "third": n % 3} for n in range(5000)]
        engine.write(collection, Write("add", Records(names, rows, None, values)))
        assert engine.count(collection) == 5000
        assert ids(engine, collection) == names
        queries = random.standard_normal((4, 16)).astype(np.float32)
        for where in (None, parse({"third": 1})):
            allowed = [n for n in range(5000) if where is None or n % 3 == 1]
            hits = engine.query(collection, Query(queries, where=where, fields=NO_FIELDS))
            for found, distances, query in zip(hits.records, hits.distances, queries, strict=True):
                exact = DISTANCES[space](query.astype(np.float64), rows[allowed].astype(np.float64))
                nearest = np.argsort(exact)[:10]
                assert found.ids == [names[allowed[row]] for row in nearest]
                np.testing.assert_allclose(distances, exact[nearest], rtol=1e-4, atol=1e-5)

    def test_changes_are_found_at_once(self, engine: Engine) -> None:
        """After every write and delete, the very next query sees what is there."""
        collection = make(engine)
        for n in range(30):
            put(engine, collection, [str(n)], embeddings=vectors([n, 0]), metadatas=[{"n": n}])
            assert engine.query(collection, Query(vectors([n, 0]), k=1)).records[0].ids == [str(n)]
            assert ids(engine, collection, parse({"n": n})) == [str(n)]
        for n in range(29, 0, -1):
            engine.delete(collection, Delete(ids=[str(n)]))
            assert engine.query(collection, Query(vectors([n, 0]), k=1)).records[0].ids == [str(n - 1)]
            assert ids(engine, collection, parse({"n": n})) == []
