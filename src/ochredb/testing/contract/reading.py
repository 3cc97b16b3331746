"""What get and scan give, in which order, and what each filter finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.core.engine import Engine
from ochredb.core.model import (
    ALL_FIELDS,
    NO_FIELDS,
    Delete,
    Field,
    Fields,
    Get,
    Metadata,
    Query,
    Records,
    Write,
)
from ochredb.core.where import Where, matches, parse, parse_document
from ochredb.testing import examples, strategies
from ochredb.testing.compare import same_records
from ochredb.testing.contract.stage import EVERYTHING, fill, ids, make, put, vectors


def matching(records: Records, where: Where) -> list[str]:
    """Give the ids of the records that a filter should find."""
    rows = zip(records.ids, records.metadatas or [], records.documents or [], strict=True)
    return [id_ for id_, found, document in rows if matches(where, found, document)]


class ReadingContract:
    """What get and scan give, in which order, and what each filter finds."""

    def test_where_as_chroma_was_seen(self, engine: Engine) -> None:
        """Each filter finds the records that Chroma was seen to find."""
        collection = fill(engine)
        found = [(where, "".join(ids(engine, collection, parse(where, wire=True)))) for where, _ in examples.WHERE]
        assert found == examples.WHERE

    def test_where_document_as_chroma_was_seen(self, engine: Engine) -> None:
        """Each document filter finds the records that Chroma's rules tell."""
        collection = fill(engine)
        tables = examples.WHERE_DOCUMENT
        found = [(where, "".join(ids(engine, collection, parse_document(where)))) for where, _ in tables]
        assert found == tables

    def test_where_is_what_matches_says(self, engine: Engine) -> None:
        """Any filter over any records finds those that `matches` tells, in get, in query and in delete."""

        @given(strategies.records(), st.lists(strategies.wheres(), min_size=1, max_size=4))
        def check(records: Records, wheres: list[Where]) -> None:
            collection = make(engine)
            engine.write(collection, Write("add", records))
            for where in wheres:
                wanted = matching(records, where)
                assert ids(engine, collection, where) == wanted
                hits = engine.query(collection, Query(vectors([0, 0, 0]), k=len(records), where=where))
                assert sorted(hits.records[0].ids) == sorted(wanted)
            gone = matching(records, wheres[0])
            assert engine.delete(collection, Delete(where=wheres[0])) == len(gone)
            assert ids(engine, collection) == [id_ for id_ in records.ids if id_ not in gone]

        check()

    def test_order_is_that_of_insertion(self, engine: Engine) -> None:
        """Records come in the order of insertion: a change keeps the place, delete and add again moves to the end."""
        collection = make(engine)
        for name in ("c", "a", "b"):
            put(engine, collection, [name])
        assert engine.get(collection, Get(ids=["b", "a", "c"])).ids == ["c", "a", "b"]
        put(engine, collection, ["c"], "upsert", documents=["changed"], embeddings=vectors([7, 7, 7]))
        put(engine, collection, ["a"], "update", documents=["changed"])
        put(engine, collection, ["c"], "add")
        assert ids(engine, collection) == ["c", "a", "b"]
        engine.delete(collection, Delete(ids=["c"]))
        put(engine, collection, ["c"])
        assert ids(engine, collection) == ["a", "b", "c"]
        assert [found.ids for found in engine.scan(collection)] == [["a", "b", "c"]]

    def test_get_by_ids(self, engine: Engine) -> None:
        """Unknown ids drop out, an id twice comes once, and no ids find nothing."""
        collection = fill(engine)
        assert engine.get(collection, Get(ids=["c", "nobody", "a", "c"])).ids == ["a", "c"]
        assert engine.get(collection, Get(ids=["nobody"])).ids == []
        assert engine.get(collection, Get(ids=[])).ids == []

    def test_get_by_ids_and_where(self, engine: Engine) -> None:
        """Ids and filter must both hold."""
        collection = fill(engine)
        assert engine.get(collection, Get(ids=["d", "a", "b"], where=parse({"s": "apple"}))).ids == ["a", "d"]

    def test_pages(self, engine: Engine) -> None:
        """Offset and limit are applied to what ids and filter left."""
        collection = fill(engine)
        where = parse({"i": {"$ne": 1}})
        assert engine.get(collection, Get(where=where, limit=2, offset=1)).ids == ["c", "d"]
        assert engine.get(collection, Get(ids=["g", "a", "h", "b"], where=where, offset=1)).ids == ["g", "h"]
        assert engine.get(collection, Get(offset=6)).ids == ["g", "h"]
        assert engine.get(collection, Get(limit=100)).ids == list(examples.ALL)
        assert engine.get(collection, Get(limit=0)).ids == []
        assert engine.get(collection, Get(offset=8)).ids == []

    @pytest.mark.parametrize("name", sorted(ALL_FIELDS))
    def test_fields(self, engine: Engine, name: Field) -> None:
        """A column that was not asked for is None, in get, query and scan; one that was is as long as the ids."""
        collection = fill(engine)
        fields: Fields = frozenset({name})
        found = engine.get(collection, Get(limit=3, fields=fields))
        hits = engine.query(collection, Query(np.eye(8, dtype=np.float32)[:1], 3, fields=fields))
        for records in (found, hits.records[0], next(engine.scan(collection, fields, 3))):
            given = {column for column in ALL_FIELDS if getattr(records, column) is not None}
            assert given == fields
            assert len(getattr(records, name)) == 3

    def test_nothing_found(self, engine: Engine) -> None:
        """Columns of nothing are empty, not None."""
        for collection in (make(engine), fill(engine)):
            found = engine.get(collection, Get(ids=["nobody"], fields=ALL_FIELDS))
            assert (found.ids, found.documents, found.metadatas, found.uris) == ([], [], [], [])
            assert found.embeddings is not None
            assert found.embeddings.dtype == np.float32
            assert found.embeddings.shape[0] == 0
            assert found.embeddings.ndim == 2

    def test_scan(self, engine: Engine) -> None:
        """A scan gives every record once, in order, in batches of the size asked for."""
        collection = make(engine)
        assert list(engine.scan(collection)) == []
        whole = Records(
            [f"id {n}" for n in range(25)],
            np.arange(75, dtype=np.float32).reshape(25, 3),
            [None if n % 5 == 0 else f"document {n}" for n in range(25)],
            [None if n % 7 == 0 else {"n": n} for n in range(25)],
            [None if n % 3 == 0 else f"file:{n}" for n in range(25)],
        )
        engine.write(collection, Write("add", whole))
        batches = list(engine.scan(collection, batch=10))
        assert [len(batch) for batch in batches] == [10, 10, 5]
        for n, batch in enumerate(batches):
            same_records(batch, whole.take(range(25)[n * 10 : n * 10 + 10]))
        assert [len(batch) for batch in engine.scan(collection, NO_FIELDS, 25)] == [25]

    def test_unicode(self, engine: Engine) -> None:
        """Any text that UTF-8 can carry is an id, a key, a value or a document, exactly."""
        collection = make(engine)
        names = [
            "é",
            "e\u0301",
            "É",
            "日本",
            "🦆",
            "x\x00y",
            "x",
            "'; DROP TABLE records; --",
            " ",
            "a\nb",
            "%",
            "\uffff",
            "ÿ",
        ]
        values: list[Metadata | None] = [{name: name, "list": [name, name]} for name in names]
        put(engine, collection, names, documents=names, uris=names, metadatas=values)
        found = engine.get(collection, EVERYTHING)
        assert found.ids == found.documents == found.uris == names
        assert found.metadatas == values
        for name in names:
            assert engine.get(collection, Get(ids=[name])).ids == [name]
            assert ids(engine, collection, parse({name: name})) == [name]
            assert ids(engine, collection, parse({"list": {"$contains": name}})) == [name]
            assert ids(engine, collection, parse_document({"$contains": name})) == [one for one in names if name in one]
        assert engine.delete(collection, Delete(ids=names[:2])) == 2
        assert ids(engine, collection) == names[2:]

    def test_ints_are_exact(self, engine: Engine) -> None:
        """Ints keep all 64 bits, in what is stored and in what a filter compares."""
        collection = make(engine)
        values = [2**63 - 1, -(2**63), 2**53 + 1, 2**53, 0, -1]
        put(
            engine,
            collection,
            [str(value) for value in values],
            metadatas=[{"n": value, "l": [value]} for value in values],
        )
        assert [found["n"] for found in engine.get(collection, Get()).metadatas or [] if found] == values
        for value in values:
            assert ids(engine, collection, parse({"n": value})) == [str(value)]
            assert ids(engine, collection, parse({"l": {"$contains": value}})) == [str(value)]
        assert ids(engine, collection, parse({"n": {"$gt": 2**53}})) == [str(2**63 - 1), str(2**53 + 1)]
        assert ids(engine, collection, parse({"n": float(2**53)})) == [str(2**53)]
        assert ids(engine, collection, parse({"n": {"$lt": -1e300}})) == []
