"""What add, update and upsert do, and what they refuse."""

import numpy as np
import pytest

from ochredb.core.engine import Engine
from ochredb.core.errors import InvalidArgumentError
from ochredb.core.model import (
    Delete,
    Get,
    Metadata,
    Mode,
    Query,
    Records,
    SparseVector,
    Write,
)
from ochredb.testing.compare import same_records, typed
from ochredb.testing.contract.stage import EVERYTHING, make, metadata, put, refused, vectors


class WritingContract:
    """What add, update and upsert do, and what they refuse."""

    def test_add(self, engine: Engine) -> None:
        """What was added comes back as it was, types and all."""
        collection = make(engine)
        given = Records(
            ["a", "b", "c"],
            vectors([1, 2, 3], [0.1, -0.0, 1e-30], [4, 5, 6]),
            ["", None, "line\nbreak\x00 \\ ' \" 🦆"],
            [
                {"i": 1, "f": 1.0, "b": True, "s": "1"},
                None,
                {
                    "il": [2, 1, 2],
                    "fl": [1.0],
                    "bl": [False],
                    "sl": ["", "x"],
                    "v": SparseVector([7, 2**32 - 1], [0.5, 2.0]),
                },
            ],
            [None, "s3://bucket/ключ", ""],
        )
        engine.write(collection, Write("add", given))
        found = engine.get(collection, EVERYTHING)
        same_records(found, given)
        assert found.embeddings is not None
        np.testing.assert_array_equal(found.embeddings, given.embeddings)
        assert engine.count(collection) == 3
        assert engine.get_collection_by_id(collection).dimension == 3

    def test_add_without_columns(self, engine: Engine) -> None:
        """A record needs no more than an id and an embedding."""
        collection = make(engine)
        put(engine, collection, ["a"])
        found = engine.get(collection, EVERYTHING)
        assert (found.documents, found.metadatas, found.uris) == ([None], [None], [None])

    def test_add_ignores_known_ids(self, engine: Engine) -> None:
        """An `add` leaves the records that there are as they are, and inserts the others."""
        collection = make(engine)
        put(engine, collection, ["a"], documents=["old"], metadatas=[{"x": 1}])
        put(engine, collection, ["b", "a"], embeddings=vectors([0, 1, 0], [9, 9, 9]), documents=["new", "new"])
        found = engine.get(collection, EVERYTHING)
        wanted = Records(["a", "b"], vectors([1, 0, 0], [0, 1, 0]), ["old", "new"], [{"x": 1}, None], [None, None])
        same_records(found, wanted)

    def test_update_ignores_unknown_ids(self, engine: Engine) -> None:
        """An `update` changes the records that there are, and inserts none."""
        collection = make(engine)
        put(engine, collection, ["a"], documents=["old"])
        put(engine, collection, ["nobody", "a"], "update", documents=["x", "new"])
        found = engine.get(collection, Get())
        assert (found.ids, found.documents) == (["a"], ["new"])

    @pytest.mark.parametrize("mode", ["update", "upsert"])
    def test_changes_leave_what_is_not_given(self, engine: Engine, mode: Mode) -> None:
        """A column of None, and None within a column, leaves what is stored, also the embedding."""
        collection = make(engine)
        stored = Records(["a", "b"], vectors([1, 2, 3], [4, 5, 6]), ["x", "y"], [{"k": 1}, {"k": 2}], ["u", "v"])
        engine.write(collection, Write("add", stored))
        engine.write(collection, Write(mode, Records(["a", "b"])))
        same_records(engine.get(collection, EVERYTHING), stored)
        engine.write(collection, Write(mode, Records(["b", "a"], None, ["z", None], [None, {"n": 3}], [None, "w"])))
        wanted = Records(["a", "b"], stored.embeddings, ["x", "z"], [{"k": 1, "n": 3}, {"k": 2}], ["w", "v"])
        same_records(engine.get(collection, EVERYTHING), wanted)

    @pytest.mark.parametrize("mode", ["update", "upsert"])
    def test_changes_replace_embeddings(self, engine: Engine, mode: Mode) -> None:
        """A changed embedding is the one that the next query measures."""
        collection = make(engine)
        put(engine, collection, ["a", "b"], embeddings=vectors([0, 0, 0], [5, 0, 0]))
        put(engine, collection, ["a"], mode, embeddings=vectors([9, 0, 0]))
        hits = engine.query(collection, Query(vectors([9, 0, 0])))
        assert (hits.records[0].ids, hits.distances) == (["a", "b"], [[0.0, 16.0]])

    @pytest.mark.parametrize("mode", ["update", "upsert"])
    def test_metadata_is_merged(self, engine: Engine, mode: Mode) -> None:
        """New keys are added, given ones replaced, those of None removed, and the others stay."""
        collection = make(engine)
        put(engine, collection, ["a"], metadatas=[{"keep": 1, "change": 1, "drop": [1]}])
        put(engine, collection, ["a"], mode, metadatas=[{"change": 1.0, "drop": None, "new": ["x"], "never": None}])
        assert typed(metadata(engine, collection, "a")) == typed({"keep": 1, "change": 1.0, "new": ["x"]})

    @pytest.mark.parametrize("mode", ["update", "upsert"])
    def test_sparse_vectors(self, engine: Engine, mode: Mode) -> None:
        """A sparse vector is a value like another: merged, replaced and removed, and never taken for a text like it."""
        collection = make(engine)
        vector, labelled = SparseVector([1, 5], [0.5, 2.0]), SparseVector([0], [1.0], ["fox"])
        text = '{"#type":"sparse_vector","indices":[1],"values":[1.0]}'
        put(engine, collection, ["a"], metadatas=[{"keep": vector, "change": vector, "drop": vector, "text": text}])
        put(
            engine,
            collection,
            ["a"],
            mode,
            metadatas=[{"change": labelled, "drop": None, "empty": SparseVector([], [])}],
        )
        wanted = {"keep": vector, "change": labelled, "text": text, "empty": SparseVector([], [])}
        assert typed(metadata(engine, collection, "a")) == typed(wanted)

    @pytest.mark.parametrize("mode", ["update", "upsert"])
    def test_metadata_that_loses_its_keys(self, engine: Engine, mode: Mode) -> None:
        """Metadata without a key is None, whether it lost them or never had one."""
        collection = make(engine)
        put(engine, collection, ["a", "b"], metadatas=[{"x": 1}, None], uris=["u", None])
        put(engine, collection, ["a", "b"], mode, metadatas=[{"x": None}, {"y": None}])
        put(engine, collection, ["new"], "upsert", metadatas=[{"x": None}])
        assert engine.get(collection, Get()).metadatas == [None, None, None]
        put(engine, collection, ["a", "b"], mode, metadatas=[{"z": 1}, {"z": 2}])
        assert engine.get(collection, Get()).metadatas == [{"z": 1}, {"z": 2}, None]

    def test_an_id_twice(self, engine: Engine) -> None:
        """An id that comes twice in a call is applied in the order given: add keeps the first, the others build up."""
        collection = make(engine)
        put(engine, collection, ["a", "a"], "add", documents=["first", "second"])
        assert engine.get(collection, Get()).documents == ["first"]
        put(
            engine,
            collection,
            ["b", "b"],
            "upsert",
            documents=["x", None],
            metadatas=[{"k": 1, "m": 1}, {"k": 2, "m": None}],
        )
        put(engine, collection, ["a", "a"], "update", documents=["third", "fourth"], metadatas=[{"k": 1}, {"n": 2}])
        found = engine.get(collection, Get())
        assert (found.ids, found.documents) == (["a", "b"], ["fourth", "x"])
        assert found.metadatas == [{"k": 1, "n": 2}, {"k": 2}]

    def test_an_empty_write(self, engine: Engine) -> None:
        """A write of no records does nothing."""
        collection = make(engine)
        engine.write(collection, Write("upsert", Records([])))
        assert engine.count(collection) == 0
        assert engine.get_collection_by_id(collection).dimension is None

    def test_stored_values_are_the_engines(self, engine: Engine) -> None:
        """Changing what was written, or what was read, does not change what is stored."""
        collection = make(engine)
        written = vectors([1, 2, 3])
        given: Metadata = {"k": [1]}
        put(engine, collection, ["a"], embeddings=written, metadatas=[given])
        written[0, 0] = 9
        given["k"].append(2)
        read = metadata(engine, collection, "a")
        assert read == {"k": [1]}
        read["k"].append(3)
        embeddings = engine.get(collection, EVERYTHING).embeddings
        if embeddings is not None and embeddings.flags.writeable:
            embeddings[0, 0] = 8
        same_records(
            engine.get(collection, EVERYTHING), Records(["a"], vectors([1, 2, 3]), [None], [{"k": [1]}], [None])
        )

    def test_dimension_is_fixed_by_the_first_write(self, engine: Engine) -> None:
        """The first write with embeddings fixes it, even an update of unknown ids, and no delete frees it."""
        collection = make(engine)
        put(engine, collection, ["nobody"], "update", documents=["x"])
        assert engine.get_collection_by_id(collection).dimension is None
        put(engine, collection, ["nobody"], "update", embeddings=vectors([1, 2]))
        assert engine.get_collection_by_id(collection).dimension == 2
        put(engine, collection, ["a"], embeddings=vectors([1, 2]))
        assert engine.delete(collection, Delete(ids=["a"])) == 1
        with pytest.raises(InvalidArgumentError, match="Collection expecting embedding with dimension of 2, got 3"):
            put(engine, collection, ["a"], embeddings=vectors([1, 2, 3]))

    @pytest.mark.parametrize("mode", ["add", "update", "upsert"])
    @pytest.mark.parametrize("name", ["a", "new"])
    def test_wrong_dimension(self, engine: Engine, mode: Mode, name: str) -> None:
        """Embeddings of another dimension are refused in every mode, for known ids and new ones."""
        collection = make(engine)
        put(engine, collection, ["a"])
        refused(
            engine,
            collection,
            Write(mode, Records([name], vectors([1, 2]))),
            "Collection expecting embedding with dimension of 3, got 2",
        )

    def test_wrong_dimension_of_a_query(self, engine: Engine) -> None:
        """A query of another dimension is refused, also when the collection is empty again."""
        collection = make(engine)
        put(engine, collection, ["a"])
        for _ in range(2):
            with pytest.raises(InvalidArgumentError, match="Collection expecting embedding with dimension of 3, got 2"):
                engine.query(collection, Query(vectors([1, 2])))
            engine.delete(collection, Delete(ids=["a"]))

    def test_none_in_added_metadata(self, engine: Engine) -> None:
        """A record cannot be added with a metadata value of None, and the whole call is refused."""
        collection = make(engine)
        put(engine, collection, ["a"], metadatas=[{"x": 1}])
        records = Records(["b", "a", "c"], vectors(*[[0, 1, 0]] * 3), ["x"] * 3, [{"x": 2}, {"y": 2}, {"x": None}])
        text = "argument 'metadatas': Cannot convert Python object to MetadataValue"
        refused(engine, collection, Write("add", records), text)

    @pytest.mark.parametrize("mode", ["add", "upsert"])
    def test_new_records_need_embeddings(self, engine: Engine, mode: Mode) -> None:
        """A new record without an embedding is refused, and so is the call that it came in."""
        collection = make(engine)
        put(engine, collection, ["a"])
        refused(engine, collection, Write(mode, Records(["a", "b"], None, ["changed", "new"])))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_embeddings_are_finite(self, engine: Engine, value: float) -> None:
        """An embedding that is not finite is never stored."""
        text = "Embeddings must not contain NaN or Infinity values"
        collection = make(engine)
        put(engine, collection, ["a"])
        refused(engine, collection, Write("upsert", Records(["b", "a"], vectors([0, 1, 0], [value, 0, 0]))), text)

    def test_a_refused_first_write_fixes_nothing(self, engine: Engine) -> None:
        """The dimension of a refused write is not the collection's."""
        collection = make(engine)
        refused(engine, collection, Write("add", Records(["a"], vectors([1, 2]), None, [{"x": None}])))
        put(engine, collection, ["a"])
        assert engine.get_collection_by_id(collection).dimension == 3
