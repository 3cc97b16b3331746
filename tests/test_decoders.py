"""Whatever lies on the disk or comes from outside: a decoder gives a value or refuses, and nothing else happens."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import apsw
import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ochredb.api.types import Schema
from ochredb.chroma import config
from ochredb.core.errors import OchreError
from ochredb.core.model import NO_FIELDS, Get, Query, Records, Write
from ochredb.core.pattern import compile_pattern, literal_in
from ochredb.core.where import Where, parse, parse_document
from ochredb.local import pages, snapshot
from ochredb.local.database import FILE
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine
from ochredb.testing.contract.stage import make

NUMBERS = st.integers(-(2**70), 2**70) | st.floats()
WORDS = st.sampled_from(["$and", "$or", "$not", "$eq", "$in", "$contains", "$regex", "$gt", "n", "#document", "space"])
LEAVES = st.none() | st.booleans() | NUMBERS | st.text(max_size=6) | WORDS
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=3)
)


@settings(max_examples=300)
@given(JSON)
def test_filters(value: Any) -> None:
    """A filter is a tree, or an error of ours that says why not."""
    for read in (parse, parse_document):
        try:
            assert isinstance(read(value), Where)
        except OchreError:
            continue


@settings(max_examples=300)
@given(st.text(max_size=12) | st.text("()[]{}|*+?\\^$.ab0,-", max_size=12))
def test_patterns(text: str) -> None:
    """A pattern compiles and names a text that each of its matches has, or is refused."""
    try:
        pattern = compile_pattern(text)
    except OchreError:
        return
    literal = literal_in(text)
    for tried in ("", text, "ab0", literal):
        found = pattern.search(tried)
        assert found is None or literal in tried


@given(JSON)
def test_schemas(value: Any) -> None:
    """A stored schema is read, or refused by a ValueError or TypeError."""
    try:
        schema = Schema.deserialize_from_json(value)
    except (OchreError, ValueError, TypeError):
        return
    assert Schema.deserialize_from_json(schema.serialize_to_json()) == schema


@given(st.dictionaries(st.sampled_from(["hnsw", "spann", "embedding_function", "other"]), JSON, max_size=3))
def test_configurations(value: Any) -> None:
    """A configuration is settled, or refused by a ValueError or TypeError."""
    try:
        settled = config.settle(value, None, None)
    except (OchreError, ValueError, TypeError):
        return
    assert settled.space in ("l2", "cosine", "ip")


@given(JSON | st.binary(max_size=40), st.booleans())
def test_manifests(value: Any, sealed: bool) -> None:
    """What is no manifest of a snapshot is none, even if its checksum is right."""
    body = value if isinstance(value, bytes) else msgspec.json.encode(value)
    if sealed and not isinstance(value, bytes):
        body = b'{"crc32":%d,"manifest":%b}' % (crc32(body), body)
    with TemporaryDirectory() as folder:
        (Path(folder) / "vectors.json").write_bytes(body)
        assert snapshot.read(Path(folder), "vectors") is None


@given(st.binary(min_size=512, max_size=512), st.sampled_from([0x0D, 0x0A, 0x05, 0x02, None]))
def test_pages(page: bytes, kind: int | None) -> None:
    """Cells of a page that is anything at all are values, or are left out."""
    page = page if kind is None else bytes([kind]) + page[1:]
    for cell in pages.cells(lambda _: page, 2, 512):
        assert all(value is None or isinstance(value, int | float | str | bytes) for value in cell.values)


RUNS = st.none() | st.binary(max_size=48) | st.text(max_size=3) | st.integers(-9, 9)


@settings(max_examples=30)
@given(st.integers(-3, 9) | st.text(max_size=2), RUNS, RUNS)
def test_the_log(fields: Any, upserted: Any, removed: Any) -> None:
    """A view that follows a log with anything in it answers as the records say."""
    with TemporaryDirectory() as scratch:
        engine = LocalEngine(Path(scratch))
        collection = make(engine)
        rows = np.eye(3, dtype=np.float32)
        engine.write(collection, Write("add", Records(["a"], rows[:1])))
        engine.query(collection, Query(rows[:1], 1))
        other = LocalEngine(Path(scratch))
        other.write(collection, Write("add", Records(["b", "c"], rows[1:])))
        other.close()
        with connect(str(Path(scratch) / FILE), apsw.SQLITE_OPEN_READWRITE) as db:
            change = "UPDATE log SET fields = ?, upserted = ?, removed = ? WHERE seq = (SELECT max(seq) FROM log)"
            db.execute(change, (fields, upserted, removed))
        db.close()
        assert engine.query(collection, Query(rows[2:], 3)).records[0].ids == ["c", "a", "b"]
        assert engine.get(collection, Get(fields=NO_FIELDS)).ids == ["a", "b", "c"]
        engine.close()
