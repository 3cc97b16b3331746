"""What `ochre stats` reads: the counts are those of the engine, and looking changes nothing."""

import sqlite3
from pathlib import Path

import apsw
import numpy as np
import pytest

from ochredb.core.errors import CorruptError, FormatError, NotFoundError
from ochredb.core.model import Delete, Get, NewCollection, Records, Scope, Write
from ochredb.core.where import Contains
from ochredb.local.database import FILE, FORMAT
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine
from ochredb.local.stats import stats
from ochredb.local.vectors import INDEXED_FROM

ROWS = INDEXED_FROM + 1000


def fill(engine: LocalEngine, name: str, rows: int, dimension: int = 8) -> str:
    """Make a collection of random rows with the ids 0, 1, 2 ..."""
    collection = engine.create_collection(Scope(), NewCollection(name, "cosine")).id
    if rows:
        engine.write(collection, write(range(rows), dimension))
    return collection


def write(ids: range, dimension: int = 8) -> Write:
    """Make an upsert of random vectors."""
    vectors = np.random.default_rng(ids.start).standard_normal((len(ids), dimension)).astype(np.float32)
    return Write("upsert", Records([str(n) for n in ids], vectors))


def test_counts_are_those_of_the_engine(tmp_path: Path) -> None:
    """By name; a collection without records has no dimension yet."""
    engine = LocalEngine(tmp_path)
    fill(engine, "dogs", 3)
    fill(engine, "cats", 0)
    found = stats(tmp_path)
    assert [(one.name, one.rows, one.dimension, one.space) for one in found.collections] == [
        ("cats", 0, None, "cosine"),
        ("dogs", 3, 8, "cosine"),
    ]
    assert [(one.indexed, one.tail, one.view_bytes) for one in found.collections] == [(0, 0, 0), (0, 3, 0)]
    assert [(one.bytes, one.log_calls, one.views) for one in found.collections] == [(0, 0, ()), (3 + 3 * 8 * 4, 1, ())]
    assert (found.format, found.log_calls, found.folder) == (FORMAT, 1, tmp_path)
    assert found.database_bytes + found.wal_bytes > 0
    engine.close()


def test_bytes_are_those_of_the_users_values(tmp_path: Path) -> None:
    """Ids, documents, metadata as JSON, URIs, and four bytes a component; letters may take more than one."""
    engine = LocalEngine(tmp_path)
    collection = fill(engine, "cats", 0)
    vectors = np.zeros((2, 5), np.float32)
    write = Write("add", Records(["é", "b"], vectors, ["mew", None], [{"n": 1}, None], [None, "file:x"]))
    engine.write(collection, write)
    (found,) = stats(tmp_path).collections
    assert found.bytes == 3 + 3 + len('{"n":1}') + 6 + 2 * 5 * 4
    engine.close()


def test_indexed_rows_are_told_from_the_tail(tmp_path: Path) -> None:
    """What was added, changed or removed since the index was written is not counted as indexed."""
    engine = LocalEngine(tmp_path)
    collection = fill(engine, "many", ROWS)
    engine.settle()
    engine.close()
    (settled,) = stats(tmp_path).collections
    assert (settled.rows, settled.indexed, settled.tail) == (ROWS, ROWS, 0)
    assert settled.view_bytes > 0
    engine = LocalEngine(tmp_path)
    engine.write(collection, write(range(ROWS - 10, ROWS + 20)))
    engine.delete(collection, Delete(ids=[str(n) for n in range(5)]))
    (changed,) = stats(tmp_path).collections
    assert (changed.rows, changed.indexed, changed.tail) == (ROWS + 15, ROWS - 15, 30)
    (view,) = changed.views
    assert (view.name, view.usable, view.rows, view.calls_behind, view.rows_behind) == (
        "vectors",
        True,
        ROWS - 15,
        2,
        30,
    )
    assert changed.log_calls == 3
    engine.close()


@pytest.mark.usefixtures("small")
def test_the_lag_of_the_text_view_counts_documents(tmp_path: Path) -> None:
    """A new embedding leaves it as it is, a new document does not."""
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("texts")).id
    ids, documents = [str(n) for n in range(500)], [f"document {n}" for n in range(500)]
    engine.write(collection, Write("add", Records(ids, np.ones((500, 2), np.float32), documents)))
    engine.get(collection, Get(where=Contains("document 7")))
    engine.settle()
    engine.write(collection, Write("update", Records(["1"], np.zeros((1, 2), np.float32))))
    engine.write(collection, Write("update", Records(["2", "3"], documents=["x", "y"])))
    views = {view.name: view for view in stats(tmp_path).collections[0].views}
    assert (views["text"].calls_behind, views["text"].rows_behind) == (2, 2)
    engine.close()


def test_free_pages_are_told(tmp_path: Path) -> None:
    """They are what `ochre compact` gives back."""
    engine = LocalEngine(tmp_path)
    collection = fill(engine, "many", 2000, 64)
    engine._indexer.close()  # it would give them back when all is quiet
    before = stats(tmp_path).free_bytes
    engine.delete(collection, Delete())
    assert stats(tmp_path).free_bytes >= before + 2000 * 64 * 4
    engine.close()


def test_a_damaged_view_counts_for_nothing(tmp_path: Path) -> None:
    """The engine will not use it, so it is not indexed."""
    engine = LocalEngine(tmp_path)
    collection = fill(engine, "many", ROWS)
    engine.settle()
    engine.close()
    (file,) = (tmp_path / collection).glob("vectors.rows.*")
    file.write_bytes(b"\0" + file.read_bytes()[1:])
    (found,) = stats(tmp_path).collections
    assert found.indexed == 0
    (view,) = found.views
    assert (view.usable, view.calls_behind, view.rows_behind) == (False, None, ROWS)


def test_looking_leaves_no_trace(tmp_path: Path) -> None:
    """The same files as before, and the same bytes."""
    engine = LocalEngine(tmp_path)
    fill(engine, "cats", 3)
    engine.close()
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert stats(tmp_path) == stats(tmp_path / FILE)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("made", ["", "folder", "file", "folder/chroma.sqlite3"])
def test_a_path_without_a_database_is_refused_and_nothing_is_made(made: str, tmp_path: Path) -> None:
    """The text says what is there instead."""
    path = tmp_path / "folder"
    if made == "folder":
        path.mkdir()
    elif made == "file":
        path.write_text("")
    elif made:
        path.mkdir()
        (tmp_path / made).write_text("")
    before = sorted(tmp_path.rglob("*"))
    told = {"": "no such folder", "folder": "no database", "file": "is a file"}.get(made, "database of Chroma's")
    with pytest.raises(NotFoundError, match=told):
        stats(path)
    assert sorted(tmp_path.rglob("*")) == before


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    """Of another program, of no program, and of a newer version, each with its own text."""
    file = tmp_path / FILE
    file.write_bytes(b"no database" * 100)
    with pytest.raises(CorruptError, match="damaged or none of Ochre's"):
        stats(tmp_path)
    file.unlink()
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(CorruptError, match="another program"):
        stats(tmp_path)
    file.unlink()
    LocalEngine(tmp_path).close()
    db = connect(str(file), apsw.SQLITE_OPEN_READWRITE)
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(FormatError, match="format 99"):
        stats(tmp_path)
