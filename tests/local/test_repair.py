"""What `repair` mends, and what it leaves alone: records stay, what is derived from them is made anew."""

import multiprocessing
import shutil
from pathlib import Path

import apsw
import numpy as np
import pytest

from ochredb.core.errors import CorruptError, NotFoundError
from ochredb.core.model import ALL_FIELDS, Get, NewCollection, Query, Records, Scope, Write
from ochredb.local import catalog
from ochredb.local.check import check
from ochredb.local.database import FILE
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine
from ochredb.local.repair import repair
from ochredb.local.salvage import salvage
from ochredb.local.vectors import INDEXED_FROM

ROWS = INDEXED_FROM + 200


def write(ids: range) -> Write:
    """Make an upsert of random vectors with documents."""
    vectors = np.random.default_rng(ids.start).standard_normal((len(ids), 8)).astype(np.float32)
    return Write("upsert", Records([str(n) for n in ids], vectors, [f"document {n}" for n in ids]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with an indexed collection."""
    folder = tmp_path_factory.mktemp("repair") / "whole"
    engine = LocalEngine(folder)
    collection = engine.create_collection(Scope(), NewCollection("many")).id
    engine.write(collection, write(range(ROWS)))
    engine.settle()
    engine.close()
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Give a copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "folder"))


def sql(folder: Path, *statements: str) -> None:
    """Change the file behind Ochre's back, and make the checksums of the collections right again."""
    db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE)
    for statement in statements:
        db.execute(statement)
    for (number,) in db.execute("SELECT number FROM collections").fetchall():
        catalog.seal(db, int(number))
    db.close()


def answers(folder: Path) -> tuple[list[str], list[str]]:
    """Give all ids, and those of the nearest records of one vector."""
    engine = LocalEngine(folder)
    collection = engine.get_collection(Scope(), "many").id
    ids = engine.get(collection, Get()).ids
    near = engine.query(collection, Query(write(range(1)).records.embeddings[:1], k=5)).records[0].ids  # type: ignore[index] # it was given
    engine.close()
    return ids, near


def test_a_sound_folder_is_left_alone(folder: Path) -> None:
    """Not a byte is written."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert repair(folder).done == ()
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def leaf_of_index(folder: Path) -> int:
    """Find a page of the index of ids."""
    db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE)
    sql = "SELECT pageno FROM dbstat WHERE name = 'sqlite_autoindex_records_1' AND pagetype = 'leaf' LIMIT 1"
    found: int = db.execute(sql).get
    db.close()
    return found


def break_index(folder: Path) -> None:
    """Change ids in the index of ids."""
    content, page = bytearray((folder / FILE).read_bytes()), leaf_of_index(folder)
    content[page * 8192 - 10] ^= 1
    (folder / FILE).write_bytes(content)


def break_free_pages(folder: Path) -> None:
    """Write over the list of free pages, and what the header says of it."""
    content = bytearray((folder / FILE).read_bytes())
    content[32:40] = (3).to_bytes(4, "big") * 2
    (folder / FILE).write_bytes(content)


def break_view(folder: Path) -> None:
    """Flip a bit of the vector index."""
    (file,) = folder.rglob("vectors.index.*")
    file.write_bytes(b"\xff" + file.read_bytes()[1:])


def leave_files(folder: Path) -> None:
    """Leave what an interrupted process leaves."""
    (stray := folder / "00000000-0000-4000-8000-000000000000").mkdir()
    (stray / "vectors.json").write_bytes(b"")
    (view,) = (path.parent for path in folder.rglob("vectors.rows.*"))
    (view / "text.building").write_bytes(b"x")
    (folder / ".ochre.salvage").mkdir()


DAMAGE = {
    "an index": break_index,
    "free pages": break_free_pages,
    "a view": break_view,
    "left-over files": leave_files,
    "a count": lambda folder: sql(folder, "UPDATE collections SET rows = 3"),
    "a next label": lambda folder: sql(folder, "UPDATE collections SET next_label = 3"),
    "a moment": lambda folder: sql(folder, "UPDATE collections SET token = 3"),
    "a call": lambda folder: sql(folder, "UPDATE log SET upserted = x'00'"),
    "a call of nobody": lambda folder: sql(folder, "INSERT INTO log (collection, token, fields) VALUES (9, 1, 0)"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_what_is_derived_is_mended(case: str, folder: Path, whole: Path) -> None:
    """It says what it did; afterwards a deep look finds nothing, and all answers are as before."""
    DAMAGE[case](folder)
    assert not check(folder, deep=True).clean
    assert repair(folder).done != ()
    assert check(folder, deep=True).problems == ()
    assert repair(folder).done == ()
    assert answers(folder) == answers(whole)


RECORDS = {
    "a value": "UPDATE records SET document = 'x' WHERE id = '5'",
    "an embedding": "DELETE FROM vectors WHERE rowid = (SELECT min(rowid) FROM vectors)",
    "a record": "DELETE FROM records WHERE id = '5'",
    "rows that are gone": "UPDATE collections SET rows = rows + 5",
    "a collection": "DELETE FROM collections",
}


@pytest.mark.parametrize("case", RECORDS)
def test_damaged_records_are_not_touched(case: str, folder: Path) -> None:
    """It names the damage and the command that saves the rest, and mends not even what it could."""
    sql(folder, RECORDS[case])
    leave_files(folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(CorruptError, match=r"nothing was changed: .*'ochre repair --salvage"):
        repair(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_an_index_that_cannot_be_read_is_left_to_salvage(folder: Path) -> None:
    """SQLite reads it before it makes it anew; the text says that no record is damaged."""
    content, page = bytearray((folder / FILE).read_bytes()), leaf_of_index(folder)
    content[(page - 1) * 8192 : page * 8192] = bytes(8192)
    (folder / FILE).write_bytes(content)
    with pytest.raises(CorruptError, match=r"every record is as it was written\. 'ochre repair --salvage"):
        repair(folder)
    done = salvage(folder)
    assert (done.rows, done.lost, done.in_lines) == (ROWS, 0, 0)
    assert check(folder, deep=True).clean


def _keep_writing(folder: Path, stop: object, done: object) -> None:
    engine = LocalEngine(folder)
    collection = engine.get_collection(Scope(), "many").id
    start = 10_000
    while not stop.is_set() or start == 10_000:  # type: ignore[attr-defined] # an Event
        engine.write(collection, write(range(start, start + 10)))
        start += 10
    engine.close()
    done.value = start  # type: ignore[attr-defined] # a Value


def test_others_write_meanwhile(folder: Path) -> None:
    """A repair waits for its turn as a writer does, and no write is lost."""
    context = multiprocessing.get_context("spawn")
    stop, done = context.Event(), context.Value("q", 0)
    writer = context.Process(target=_keep_writing, args=(folder, stop, done))
    writer.start()
    try:
        for _ in range(5):
            leave_files(folder)
            assert repair(folder).done != ()
    finally:
        stop.set()
        writer.join()
    assert check(folder, deep=True).problems == ()
    engine = LocalEngine(folder)
    collection = engine.get_collection(Scope(), "many").id
    assert engine.count(collection) == ROWS + done.value - 10_000
    got = engine.get(collection, Get(ids=[str(done.value - 1)], fields=ALL_FIELDS))
    assert got.ids == [str(done.value - 1)]
    engine.close()


def test_a_folder_without_a_database_is_refused(tmp_path: Path) -> None:
    """Nothing is made."""
    with pytest.raises(NotFoundError):
        repair(tmp_path)
    assert list(tmp_path.iterdir()) == []
