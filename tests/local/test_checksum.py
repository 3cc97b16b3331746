"""A value that the disk has changed is refused, whichever way it is read."""

from collections.abc import Callable
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ochredb.core.errors import CorruptError
from ochredb.core.model import ALL_FIELDS, NO_FIELDS, Get, Query, Records, Write
from ochredb.core.where import Regex, parse
from ochredb.local.checksum import of_body, of_head, of_record, of_vectors
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine
from ochredb.testing.contract.stage import make

TEXT = st.none() | st.text(max_size=8)


@given(st.integers(0, 2**60), st.integers(0, 2**60), *[st.tuples(st.text(max_size=8), TEXT, TEXT, TEXT)] * 2)
def test_another_row_has_another_checksum(one: int, other: int, row: tuple[str, ...], change: tuple[str, ...]) -> None:
    """Of random rows no two are taken for each other; both halves can be told from the whole."""
    whole = of_record(one, *row)
    assert 0 <= whole < 2**63
    assert whole >> 32 == of_head(one, row[0], row[2])
    assert whole & 0xFFFF_FFFF == of_body(one, row[1], row[3])
    if (one & 0xFFFF_FFFF, *row) != (other & 0xFFFF_FFFF, *change):
        assert whole != of_record(other, *change)


@given(st.data(), st.integers(1, 9), st.integers(0, 2**60))
def test_no_bit_of_a_vector_can_change(data: st.DataObject, dimension: int, rowid: int) -> None:
    """Each bit counts, and so do the order of the components and the rowid."""
    row = np.frombuffer(data.draw(st.binary(min_size=dimension * 4, max_size=dimension * 4)), "<f4")
    bit = data.draw(st.integers(0, dimension * 32 - 1))
    bits = row.view(np.uint8).copy()
    bits[bit // 8] ^= 1 << bit % 8
    before = of_vectors(np.array([rowid]), row[None])
    assert before != of_vectors(np.array([rowid]), bits.view("<f4")[None])
    assert before != of_vectors(np.array([rowid + 1]), row[None])
    if row.tobytes() != row[::-1].tobytes():
        assert before != of_vectors(np.array([rowid]), row[::-1][None])


QUERY = np.zeros((1, 2), np.float32)
READINGS: dict[str, Callable[[LocalEngine, str], object]] = {
    "get": lambda engine, collection: engine.get(collection, Get(fields=ALL_FIELDS)),
    "get by filter": lambda engine, collection: engine.get(collection, Get(where=parse({"n": 1}), fields=NO_FIELDS)),
    "get ids": lambda engine, collection: engine.get(collection, Get(fields=NO_FIELDS)),
    "query": lambda engine, collection: engine.query(collection, Query(QUERY, 3)),
    "query by pattern": lambda engine, collection: engine.query(collection, Query(QUERY, 3, where=Regex("o.e"))),
    "update": lambda engine, collection: engine.write(collection, Write("update", Records(["b"], uris=["v"]))),
    "scan": lambda engine, collection: list(engine.scan(collection)),
}
ALL = {*READINGS}
BODY = {"get", "query", "query by pattern", "update", "scan"}
VECTOR = {"get", "query", "query by pattern", "scan"}
DAMAGE = {
    "UPDATE records SET document = 'two, changed' WHERE id = 'b'": BODY,
    "UPDATE records SET document = CAST(x'ff' AS TEXT) WHERE id = 'b'": BODY,
    "UPDATE records SET uri = 'w' WHERE id = 'b'": BODY,
    "UPDATE records SET metadata = '{\"n\":2}' WHERE id = 'b'": ALL,
    "UPDATE records SET metadata = NULL WHERE id = 'b'": ALL,
    "UPDATE records SET checksum = 'seven' WHERE id = 'b'": ALL,
    "UPDATE vectors SET embedding = zeroblob(8) WHERE rowid & 0xff = 1": VECTOR,
    "UPDATE vectors SET embedding = zeroblob(7) WHERE rowid & 0xff = 1": VECTOR,
    "UPDATE vectors SET checksum = 0 WHERE rowid & 0xff = 1": VECTOR,
    "DELETE FROM vectors WHERE rowid & 0xff = 1": VECTOR,
    "DELETE FROM records WHERE id = 'b'": ALL - {"update", "scan"},
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_changed_value_is_never_returned(tmp_path: Path, damage: str) -> None:
    """What reads the value says that the file is damaged, and where; what does not read it is answered."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    rows = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    metadatas = [{"n": 1}, {"n": 1}, None]
    engine.write(collection, Write("add", Records(["a", "b", "c"], rows, ["one", "one more", None], metadatas)))
    engine.close()
    with connect(str(tmp_path / "ochre.sqlite3"), apsw.SQLITE_OPEN_READWRITE) as db:
        db.execute(damage)
    db.close()
    for name, read in READINGS.items():
        engine = LocalEngine(tmp_path)
        if name in DAMAGE[damage]:
            with pytest.raises(CorruptError, match=r"damaged.*(record 1 of collection 1|decode|2 of 3 records)"):
                read(engine, collection)
        else:
            read(engine, collection)
        engine.close()
