"""What `check` finds: nothing in a sound folder, whatever is going on there, and every damage by its name."""

import shutil
import threading
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ochredb.core.errors import FormatError, NotFoundError
from ochredb.core.model import Delete, NewCollection, Query, Records, Scope, Write
from ochredb.core.where import Contains
from ochredb.local import catalog, text
from ochredb.local.check import check
from ochredb.local.checksum import of_vectors
from ochredb.local.database import FILE
from ochredb.local.disk import connect
from ochredb.local.embeddings import DIMENSION
from ochredb.local.engine import LocalEngine
from ochredb.local.vectors import INDEXED_FROM

ROWS = INDEXED_FROM + 500


def write(ids: range, dimension: int = 8) -> Write:
    """Make an upsert of random vectors, documents and metadata."""
    vectors = np.random.default_rng(ids.start).standard_normal((len(ids), dimension)).astype(np.float32)
    names = [str(n) for n in ids]
    return Write("upsert", Records(names, vectors, [f"document {n}" for n in ids], [{"n": n} for n in ids]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with both views of a large collection, a small one, and an empty one."""
    folder = tmp_path_factory.mktemp("check") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "INDEXED_FROM", 1000)
        engine = LocalEngine(folder)
        many = engine.create_collection(Scope(), NewCollection("many", "cosine", metadata={"a": 1})).id
        engine.write(many, write(range(ROWS)))
        engine.query(many, Query(np.ones((1, 8), np.float32), where=Contains("document 7")))
        engine.settle()
        few = engine.create_collection(Scope(), NewCollection("few")).id
        engine.write(few, write(range(10), 3))
        engine.delete(few, Delete(ids=["3"]))
        engine.create_collection(Scope(), NewCollection("none"))
        engine.close()
    return folder


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """Give a copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "folder"))


@pytest.fixture
def views(folder: Path) -> Path:
    """Give the folder of the large collection's views."""
    (found,) = (path.parent for path in folder.rglob("vectors.json"))
    return found


def sql(folder: Path, *statements: str, seal: bool = True) -> None:
    """Change the file behind Ochre's back, and make the checksums of the collections right again."""
    db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE)
    for statement in statements:
        db.execute(statement)
    if seal:
        for (number,) in db.execute("SELECT number FROM collections").fetchall():
            catalog.seal(db, int(number))
    db.close()


@pytest.mark.parametrize("deep", [False, True])
def test_a_sound_folder_is_clean(folder: Path, deep: bool) -> None:
    """It says what it looked at, and leaves every byte as it was."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    report = check(folder, deep)
    assert report.clean
    assert (report.collections, report.rows, report.views, report.deep) == (3, ROWS + 9, 2, deep)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_folder_in_use_is_clean(tmp_path: Path) -> None:
    """Each look is of one moment, whatever others write, index and remove meanwhile."""
    engine = LocalEngine(tmp_path)
    collection = engine.create_collection(Scope(), NewCollection("busy")).id
    stop = threading.Event()

    def work() -> None:
        for start in range(0, 10**6, 500):
            if stop.is_set():
                return
            engine.write(collection, write(range(start, start + 500)))
            engine.delete(collection, Delete(ids=[str(n) for n in range(start, start + 100)]))
            engine.settle()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        found = [problem for _ in range(12) for problem in check(tmp_path, deep=True).problems]
    finally:
        stop.set()
        worker.join()
        engine.close()
    assert found == []


COUNTS = {
    "a count": ("UPDATE collections SET rows = rows - 1 WHERE name = 'few'", "says that it has 8 rows, and 9"),
    "a next label": ("UPDATE collections SET next_label = 2 WHERE name = 'few'", "label 9 is in use"),
    "a moment": ("UPDATE collections SET token = token + 1 WHERE name = 'few'", "which the log does not know"),
    "an older moment": (
        "UPDATE collections SET (seq, token) = (SELECT min(l.seq), token FROM log l WHERE l.collection = number) "
        "WHERE name = 'few'",
        "the log has its call",
    ),
    "a call": ("UPDATE log SET fields = 2 WHERE seq = 2", "not what was written"),
    "a stray call": ("INSERT INTO log (collection, token, fields) VALUES (99, 1, 0)", "not in the catalog"),
}


@pytest.mark.parametrize("case", COUNTS)
def test_wrong_counts_are_derived(case: str, folder: Path) -> None:
    """They can be made anew, so `repair` mends them."""
    statement, told = COUNTS[case]
    sql(folder, statement)
    (problem,) = check(folder, deep=True).problems
    assert told in problem.what
    assert (problem.mend, problem.records) == ("repair", False)


RECORDS = {
    "an embedding": ("DELETE FROM vectors WHERE rowid % 1000 = 5", "have no embedding"),
    "a count": ("UPDATE collections SET rows = rows + 1 WHERE name = 'few'", "says that it has 10 rows, and 9"),
    "a record": ("DELETE FROM records WHERE id = '5'", "have no record"),
    "a collection": ("DELETE FROM collections WHERE name = 'few'", "not in the catalog"),
    "a database": ("DELETE FROM databases", "its database is missing"),
    "a table": ("DROP TABLE vectors", "vectors.embedding is missing"),
    "a key": (
        "PRAGMA writable_schema = ON; "
        "UPDATE sqlite_schema SET sql = replace(sql, 'rowid INTEGER', 'rowid INTEGES') WHERE name = 'vectors'",
        "vectors.rowid is of type 'INTEGES' instead of 'INTEGER'",
    ),
    "an index": ("DROP INDEX log_by_collection", "log_by_collection is missing"),
}


@pytest.mark.parametrize("case", RECORDS)
def test_missing_parts_of_the_truth_are_found(case: str, folder: Path) -> None:
    """Records are concerned, and nothing but salvaging helps."""
    statement, told = RECORDS[case]
    sql(folder, statement)
    found = check(folder).problems
    assert any(told in problem.what for problem in found if problem.records)
    assert "salvage" in {problem.mend for problem in found}


VALUES = {
    "an id": ("UPDATE records SET id = 'other' WHERE id = '7'", "its checksum is another"),
    "a document": ("UPDATE records SET document = 'other' WHERE id = '7'", "its checksum is another"),
    "metadata": ("UPDATE records SET metadata = NULL WHERE id = '7'", "its checksum is another"),
    "text that is not UTF-8": ("UPDATE records SET document = CAST(x'ff41' AS TEXT) WHERE id = '7'", "not UTF-8"),
    "a type": ("UPDATE records SET document = x'41' WHERE id = '7'", "another type than text"),
    "an embedding": ("UPDATE vectors SET embedding = zeroblob(32) WHERE rowid % 1000 = 7", "checksum is another"),
    "a dimension": ("UPDATE vectors SET embedding = zeroblob(36) WHERE rowid % 1000 = 7", "has dimension 9 in a"),
    "no embedding": ("UPDATE vectors SET embedding = 'x' WHERE rowid % 1000 = 7", "holds no embedding"),
}


@pytest.mark.parametrize("case", VALUES)
def test_a_changed_value_is_found_by_a_deep_look(case: str, folder: Path) -> None:
    """The row is named by its collection and label; the counts, which are right, tell nothing."""
    statement, told = VALUES[case]
    sql(folder, statement)
    assert check(folder).clean
    found = check(folder, deep=True).problems
    assert any(told in problem.what and problem.place.startswith("collection") for problem in found)
    assert all(problem.mend == "salvage" for problem in found)


def test_few_rows_are_named_and_the_others_counted(folder: Path) -> None:
    """A report on a file that was overwritten is no longer than one can read."""
    sql(folder, "UPDATE records SET uri = 'x'")
    found = check(folder, deep=True).problems
    assert len(found) == 10 + 1 + 9
    assert f"{ROWS - 10:,} more rows of records are damaged" in {problem.what for problem in found}


@pytest.mark.parametrize("role", ["index", "rows", "labels"])
def test_a_damaged_view_is_derived(role: str, folder: Path, views: Path) -> None:
    """One flipped byte is enough."""
    (file,) = views.glob(f"vectors.{role}.*")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    (problem,) = check(folder).problems
    assert (problem.place, problem.mend) == ("view vectors of collection 'many'", "repair")


def test_left_over_files_are_found(folder: Path, views: Path) -> None:
    """An interrupted process leaves files that no manifest names, and folders of collections that are gone."""
    (views / "vectors.rows.0123456789ab").write_bytes(b"x")
    stray = folder / "00000000-0000-4000-8000-000000000000"
    stray.mkdir()
    found = check(folder).problems
    assert {problem.place for problem in found} == {f"{views.name}/vectors.rows.0123456789ab", stray.name}
    assert all(problem.mend == "repair" for problem in found)


def test_a_view_of_other_vectors_is_found_by_a_deep_look(folder: Path) -> None:
    """Its files are as they were written, and not what the records say."""
    db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE)
    rowids = np.array([row for (row,) in db.execute(f"SELECT rowid FROM vectors WHERE {DIMENSION} = 8")])
    other = np.ones((len(rowids), 8), np.float32)
    sums = of_vectors(rowids, other).tolist()
    rows = zip([other[0].tobytes()] * len(rowids), sums, rowids.tolist(), strict=True)
    db.executemany("UPDATE vectors SET embedding = ?, checksum = ? WHERE rowid = ?", rows)
    db.close()
    assert check(folder).clean
    found = check(folder, deep=True).problems
    assert {problem.place for problem in found} == {"view vectors of collection 'many'"}
    assert "not the vectors of their records" in found[0].what


def test_a_view_that_holds_rows_too_many_is_found_by_a_deep_look(folder: Path) -> None:
    """Its labels are compared with those of the records."""
    rowid = "(SELECT rowid FROM records WHERE id = '4000')"
    sql(
        folder,
        f"DELETE FROM vectors WHERE rowid = {rowid}",
        "DELETE FROM records WHERE id = '4000'",
        "UPDATE collections SET rows = rows - 1 WHERE name = 'many'",
    )
    assert check(folder).clean
    (problem,) = check(folder, deep=True).problems
    assert (problem.what, problem.mend) == ("its labels are not those of the records", "repair")


@pytest.mark.parametrize(
    "change", ["space = 'ip'", "name = 'other'", "metadata = NULL", "dimension = NULL", "rows = 3", "id = 'x'"]
)
def test_a_description_that_was_changed_is_found(change: str, folder: Path) -> None:
    """It has a checksum, as a row of records has one."""
    sql(folder, f"UPDATE collections SET {change} WHERE name = 'many'", seal=False)
    problem = check(folder).problems[0]
    assert "its checksum is another" in problem.what
    assert problem.records


def test_writes_that_sqlite_would_pass_over_are_found(tmp_path: Path) -> None:
    """A damaged frame of the write-ahead log hides all later ones, which were acknowledged."""
    engine = LocalEngine(tmp_path / "live")
    collection = engine.create_collection(Scope(), NewCollection("c")).id
    for start in range(0, 30, 10):
        engine.write(collection, write(range(start, start + 10)))
    folder = tmp_path / "copy"
    shutil.copytree(tmp_path / "live", folder, ignore=shutil.ignore_patterns("*-shm"))
    engine.close()
    log = folder / f"{FILE}-wal"
    content = bytearray(log.read_bytes())
    content[len(content) - 8 * 8216] ^= 1
    log.write_bytes(content)
    (problem,) = check(folder).problems
    assert problem.records
    assert "the last writes" in problem.what


@settings(max_examples=60)
@given(data=st.data())
def test_flipped_bits_are_found_or_harm_nothing(
    data: st.DataObject, whole: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A deep look finds damage, or all records are as they were: never an error of another kind."""
    folder = tmp_path_factory.mktemp("flipped")
    content = bytearray((whole / FILE).read_bytes())
    for at in data.draw(st.lists(st.integers(100, len(content) - 1), min_size=1, max_size=5)):
        content[at] ^= 1 << data.draw(st.integers(0, 7))
    (folder / FILE).write_bytes(content)
    if check(folder, deep=True).clean:
        assert rows(folder) == rows(whole)
    shutil.rmtree(folder)


def rows(folder: Path) -> list[list[tuple[object, ...]]]:
    """Give all rows of the truth."""
    db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE)
    tables = [db.execute(f"SELECT * FROM {table}").fetchall() for table in ("records", "vectors", "collections")]
    db.close()
    return tables


def test_what_cannot_be_looked_at_is_refused(tmp_path: Path) -> None:
    """No folder, no database, a newer format; nothing is made."""
    with pytest.raises(NotFoundError, match="no such folder"):
        check(tmp_path / "nope")
    with pytest.raises(NotFoundError, match="no database"):
        check(tmp_path)
    assert list(tmp_path.iterdir()) == []
    LocalEngine(tmp_path).close()
    sql(tmp_path, "PRAGMA user_version = 99")
    with pytest.raises(FormatError, match="format 99"):
        check(tmp_path)


@pytest.mark.parametrize("content", [b"", b"no database" * 1000, b"SQLite format 3\0" + bytes(9000)])
def test_a_file_that_is_no_database_is_a_problem(content: bytes, tmp_path: Path) -> None:
    """It lies where ours should be, so it is damage and no error."""
    (tmp_path / FILE).write_bytes(content)
    (problem,) = check(tmp_path).problems
    assert problem.mend == "salvage"
