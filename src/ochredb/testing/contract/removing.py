"""What a delete removes, and what it counts."""

import numpy as np

from ochredb.core.engine import Engine
from ochredb.core.model import (
    Delete,
    Query,
    Records,
)
from ochredb.core.where import parse, parse_document
from ochredb.testing import examples
from ochredb.testing.compare import same_records
from ochredb.testing.contract.stage import EVERYTHING, fill, ids, make, put, vectors


class RemovingContract:
    """What a delete removes, and what it counts."""

    def test_delete_by_ids(self, engine: Engine) -> None:
        """The count is of records that were there; unknown ids and repetitions do not count."""
        collection = fill(engine)
        assert engine.delete(collection, Delete(ids=["a", "nobody", "c", "a"])) == 2
        assert engine.delete(collection, Delete(ids=["a", "c"])) == 0
        assert engine.delete(collection, Delete(ids=[])) == 0
        assert ids(engine, collection) == list("bdefgh")
        assert engine.count(collection) == 6

    def test_delete_by_where(self, engine: Engine) -> None:
        """What matches is removed, records without metadata or document included if the filter says so."""
        collection = fill(engine)
        assert engine.delete(collection, Delete(where=parse({"i": {"$gte": 1}}))) == 3
        assert engine.delete(collection, Delete(where=parse_document({"$not_contains": "Quick"}))) == 4
        assert ids(engine, collection) == ["e"]

    def test_delete_by_ids_and_where(self, engine: Engine) -> None:
        """Ids and filter must both hold."""
        collection = fill(engine)
        assert engine.delete(collection, Delete(ids=["d", "b"], where=parse({"s": "apple"}))) == 1
        assert ids(engine, collection) == list("abcefgh")

    def test_delete_limit(self, engine: Engine) -> None:
        """With a limit the first ones in the order of insertion go."""
        collection = fill(engine)
        where = parse({"i": {"$ne": 1}})
        assert engine.delete(collection, Delete(where=where, limit=0)) == 0
        assert engine.delete(collection, Delete(where=where, limit=3)) == 3
        assert ids(engine, collection) == list("aefgh")
        assert engine.delete(collection, Delete(where=where, limit=100)) == 4

    def test_deleted_records_are_gone(self, engine: Engine) -> None:
        """A removed record is found by nothing, and one added under its id has nothing of it."""
        collection = make(engine)
        put(engine, collection, ["a"], documents=["old"], metadatas=[{"x": 1}], uris=["u"])
        engine.delete(collection, Delete(ids=["a"]))
        assert engine.query(collection, Query(vectors([1, 0, 0]))).records[0].ids == []
        assert list(engine.scan(collection)) == []
        put(engine, collection, ["a"], "upsert", embeddings=vectors([0, 1, 0]))
        same_records(engine.get(collection, EVERYTHING), Records(["a"], vectors([0, 1, 0]), [None], [None], [None]))

    def test_collections_do_not_meet(self, engine: Engine) -> None:
        """A verb on one collection leaves the others alone."""
        one, other = fill(engine), fill(engine)
        engine.delete(one, Delete(where=parse({"nokey": {"$ne": 1}})))
        put(engine, one, ["new"], embeddings=np.ones((1, 8), dtype=np.float32))
        assert ids(engine, other) == list(examples.ALL)
        assert ids(engine, one) == ["new"]
