"""What the engine gives of what it finds: pages of a filter, records by id."""

from pathlib import Path

import numpy as np
import pytest

from ochredb.core.model import Fields, Get, Metadata, Records, Write
from ochredb.core.where import And, Equal, Not, parse
from ochredb.local.engine import LocalEngine
from ochredb.testing.contract.stage import make, vectors

COUNT = 20_000


@pytest.mark.parametrize("share", [1, 7, 4999])
def test_pages_of_a_filter_are_slices_of_all_that_match(tmp_path: Path, share: int) -> None:
    """However rare the matches are, every limit and offset gives that part of them, in the order of insertion."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    ids = [f"r{row}" for row in range(COUNT)]
    metadatas = [{"kind": int(row % share == share - 1)} for row in range(COUNT)]
    engine.write(collection, Write("add", Records(ids, vectors(*([1, 0],) * COUNT), metadatas=metadatas)))
    where = parse({"kind": 1})
    matching = [id_ for id_, metadata in zip(ids, metadatas, strict=True) if metadata["kind"]]
    for offset, limit in ((0, 1), (0, COUNT), (3, 2), (200, 100), (len(matching) - 1, 5), (len(matching), 5)):
        found = engine.get(collection, Get(where=where, limit=limit, offset=offset))
        assert found.ids == matching[offset : offset + limit]
    assert engine.get(collection, Get(where=where, offset=2)).ids == matching[2:]
    engine.close()


def test_records_by_id_come_in_the_order_of_insertion(tmp_path: Path) -> None:
    """Once each, whatever order they are asked for in and however often, with all that is asked for of them."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    rows = np.eye(4, dtype=np.float32)
    engine.write(collection, Write("add", Records(["b", "a", "\u00e9", "c"], rows, list("BAEC"))))
    fields: Fields = frozenset(("documents", "embeddings"))
    found = engine.get(collection, Get(["c", "none", "\u00e9", "b", "c"], fields=fields))
    assert (found.ids, found.documents) == (["b", "\u00e9", "c"], ["B", "E", "C"])
    np.testing.assert_array_equal(found.embeddings, rows[[0, 2, 3]])
    assert engine.get(collection, Get(["none"], fields=fields)).embeddings is not None
    engine.close()


@pytest.mark.parametrize("key", ["n", "год", "#document", "value_0", "$n", "a\nb", '"', "\\", "\x01"])
def test_any_key_can_be_filtered_on(key: str) -> None:
    """Alone and beside another, whatever JSON makes of it; records without it, or without metadata, do not match."""
    engine = LocalEngine(None)
    collection = make(engine)
    metadatas: list[Metadata | None] = [{key: 1, "other": "x"}, {key: "1", "other": "x"}, {"other": "x"}, None]
    embeddings = np.zeros((4, 2), np.float32)
    engine.write(collection, Write("add", Records(["a", "b", "c", "d"], embeddings, None, metadatas)))
    one, both = Equal(key, 1), And((Equal(key, "1"), Equal("other", "x")))
    assert [engine.get(collection, Get(where=where)).ids for where in (one, both, Not(one))] == [
        ["a"],
        ["b"],
        ["b", "c", "d"],
    ]
    engine.close()
