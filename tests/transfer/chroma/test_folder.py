"""Chroma's folders, as its releases leave them: all that Chroma says of them is read, and nothing is changed."""

import os
import shutil
from pathlib import Path

import apsw
import numpy as np
import pytest

from ochredb.chroma.config import HNSW
from ochredb.core.errors import BusyError, CorruptError, NotFoundError
from ochredb.core.model import Records
from ochredb.testing.compare import typed
from ochredb.transfer.chroma import folder as folders
from ochredb.transfer.chroma.folder import ChromaFolder
from tests.transfer.chroma.folders import RELEASES, Key, Said, read, unpacked, wrong

L2: Key = ("default_tenant", "default_database", "by_l2")


@pytest.fixture(params=RELEASES)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path, dict[Key, Said]]:
    """Give a release, a folder that it has made, and what it says of it."""
    return (request.param, *unpacked(request.param, tmp_path))


@pytest.fixture
def newest(tmp_path: Path) -> tuple[Path, dict[Key, Said]]:
    """Give the folder of the newest release, and what it says of it."""
    return unpacked(RELEASES[-1], tmp_path)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Give name, content and time of every file."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def test_all_that_chroma_says_is_read(golden: tuple[str, Path, dict[Key, Said]]) -> None:
    """Collections of every tenant and database, with records of every kind of value, and nothing is lost."""
    release, folder, said = golden
    found = read(folder)
    assert list(found) == sorted(said)
    for key, one in found.items():
        truth = said[key]
        assert one.losses == ()
        assert wrong(one.records, truth.records, one.described.new.space) == []
        # 0.4 listed by id; the order of insertion is that of its tables.
        wanted = truth.records.ids
        assert (sorted(one.records.ids) if release.startswith("0.4") else one.records.ids) == wanted
        assert typed(one.described.new.metadata) == typed(truth.metadata)
        assert one.described.rows == len(wanted)
        assert one.described.dimension == (truth.records.embeddings.shape[1] if wanted else None)


def test_configurations_are_what_they_were(golden: tuple[str, Path, dict[Key, Said]]) -> None:
    """The space is the one that distances are measured in, also where an old release writes another beside it."""
    _, folder, said = golden
    for key, one in read(folder).items():
        new = one.described.new
        assert new.space == (key[2][3:] if key[2].startswith("by_") else "cosine" if key[2] == "configured" else "l2")
        assert new.schema is None
        settings = {"space": new.space, **({"sync_threshold": 30} if key[2].startswith("by_") else {})}
        assert new.configuration == (
            said[key].configuration or {"hnsw": {**HNSW, **settings}, "spann": None, "embedding_function": None}
        )
        assert new.effort == new.configuration["hnsw"]["ef_search"]


def test_what_deleted_collections_left_is_told(golden: tuple[str, Path, dict[Key, Said]]) -> None:
    """Records and files of no collection are named, and hinder nothing."""
    release, folder, _ = golden
    with ChromaFolder(folder) as source:
        remarks = source.remarks()
    assert all("no collection has it" in remark.what and not remark.rows for remark in remarks)
    assert len(remarks) == {"0.4": 0, "0.5": 2, "0.6": 2, "1.0": 1, "1.5": 1}[release[:3]]


@pytest.mark.parametrize("release", RELEASES)
def test_the_releases_are_told(release: str, tmp_path: Path) -> None:
    """The tables tell which releases make such folders."""
    with ChromaFolder(unpacked(release, tmp_path)[0]) as source:
        told = {"0.4.24": "0.4.15 to 0.4.24", "1.0.20": "1.0 to 1.2", "1.5.9": "1.5"}
        assert source.releases == told.get(release, "0.5.6 to 0.6")


def test_nothing_is_written(golden: tuple[str, Path, dict[Key, Said]]) -> None:
    """Every file is what it was, and there is none more; also while it is read."""
    _, folder, _ = golden
    before = contents(folder)
    with ChromaFolder(folder) as source:
        for one in source.collections():
            for _ in source.records(one):
                assert contents(folder) == before
    assert contents(folder) == before


def test_columns_that_are_not_asked_for_are_none(newest: tuple[Path, dict[Key, Said]]) -> None:
    """Each column comes if it was asked for."""
    with ChromaFolder(newest[0]) as source:
        one = next(one for one in source.collections() if one.new.name == "by_l2")
        (page,) = source.records(one, frozenset(("metadatas",)))
    assert (page.embeddings, page.documents, page.uris) == (None, None, None)
    assert page.metadatas is not None


def test_records_come_in_pages(newest: tuple[Path, dict[Key, Said]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection of any size passes through bounded memory."""
    folder, said = newest
    monkeypatch.setattr(folders, "BATCH", 7)
    with ChromaFolder(folder) as source:
        one = next(one for one in source.collections() if one.new.name == "by_l2")
        sizes = [len(page) for page in source.records(one)]
    assert sizes == [7] * 11 + [6]
    assert wrong(read(folder)[L2].records, said[L2].records) == []


# How SQLite was left


def test_a_log_that_nobody_has_open(newest: tuple[Path, dict[Key, Said]]) -> None:
    """Somebody chose WAL mode: the folder is read, and SQLite makes no log there."""
    folder, said = newest
    db = apsw.Connection(str(folder / "chroma.sqlite3"))
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.close()
    assert_read(folder, said)


@pytest.mark.parametrize("without", ["", "-shm"])
def test_a_log_of_a_writer(without: str, newest: tuple[Path, dict[Key, Said]]) -> None:
    """What is only in the log is read, while its writer lives, and when it was killed and its index is gone."""
    folder, _ = newest
    file = folder / "chroma.sqlite3"
    db = apsw.Connection(str(file))
    db.execute("PRAGMA journal_mode = WAL").fetchall()
    db.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    db.execute("UPDATE embedding_metadata SET string_value = 'in the log' WHERE string_value = 'back again'")
    if without:
        shutil.copytree(folder, folder.with_name("killed"))
        folder = folder.with_name("killed")
        (folder / "chroma.sqlite3-shm").unlink()
    before = contents(folder)
    found = read(folder)[L2].records
    assert found.documents is not None
    assert found.documents[-1] == "in the log"
    assert {name: content for name, (content, _) in contents(folder).items() if not name.endswith("-shm")} == {
        name: content for name, (content, _) in before.items() if not name.endswith("-shm")
    }
    assert contents(folder).keys() == before.keys()
    db.close()


def test_a_journal_of_a_writer_that_died(newest: tuple[Path, dict[Key, Said]]) -> None:
    """Half of a transaction is in the file, and the journal takes it back, in a copy."""
    folder, said = newest
    db = apsw.Connection(str(folder / "chroma.sqlite3"))
    db.execute("PRAGMA cache_size = 1; BEGIN; UPDATE embedding_metadata SET string_value = 'half'").fetchall()
    dead = folder.with_name("dead")
    shutil.copytree(folder, dead)
    db.close()
    assert (dead / "chroma.sqlite3-journal").stat().st_size
    with apsw.Connection(
        f"{(dead / 'chroma.sqlite3').as_uri()}?immutable=1", apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    ) as seen:
        assert seen.execute("SELECT count(*) FROM embedding_metadata WHERE string_value = 'half'").get
    assert_read(dead, said)


def assert_read(folder: Path, said: dict[Key, Said]) -> None:
    """Assert that all is read, and that nothing was written."""
    before = contents(folder)
    for key, one in read(folder).items():
        assert one.losses == ()
        assert len(one.records) == len(said[key].records)
        assert wrong(one.records, said[key].records, one.described.new.space) == []
    assert contents(folder) == before


def test_calls_that_were_not_acknowledged_are_left_out(newest: tuple[Path, dict[Key, Said]]) -> None:
    """Chroma was stopped between its queue and its tables: the record is what it was, and the call is told."""
    folder, said = newest
    db = apsw.Connection(str(folder / "chroma.sqlite3"))
    db.execute(
        "INSERT INTO embeddings_queue (seq_id, operation, topic, id, vector, encoding) "
        "SELECT 100000, 2, topic, id, zeroblob(24), 'FLOAT32' FROM embeddings_queue WHERE id = 'by_l2 30' LIMIT 1"
    )
    db.close()
    found = read(folder)[L2]
    assert wrong(found.records, said[L2].records) == []
    (loss,) = found.losses
    assert (loss.rows, "'by_l2 30'" in loss.what, "not acknowledged" in loss.what) == (0, True, True)


# While a Chroma writes


def test_what_is_written_meanwhile(newest: tuple[Path, dict[Key, Said]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A page after a write shows it, what was read before stays, and the report tells that somebody wrote."""
    folder, said = newest
    monkeypatch.setattr(folders, "BATCH", 10)
    with ChromaFolder(folder) as source:
        one = next(one for one in source.collections() if one.new.name == "by_l2")
        pages = source.records(one)
        found = [next(pages)]
        db = apsw.Connection(str(folder / "chroma.sqlite3"))
        db.execute("UPDATE embedding_metadata SET string_value = 'newer' WHERE key = 'chroma:document'")
        db.close()
        found += pages
        losses = source.losses(one)
    assert [record for page in found for record in page.ids] == said[L2].records.ids
    assert found[0].documents == said[L2].records.documents[:10]  # type: ignore[index] - they have documents
    assert all(set(page.documents or ()) == {"newer"} for page in found[1:4])
    assert len(losses) == 1
    assert "wrote to it meanwhile" in losses[0].what


def test_an_index_that_is_written_anew_meanwhile(
    newest: tuple[Path, dict[Key, Said]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page whose embeddings may be of two moments is read again; if that never ends, it is said."""
    folder, said = newest
    reading = folders.hnsw.fetch
    changes = 3

    def fetch_while_written(*arguments: object) -> object:
        nonlocal changes
        (data,) = (file for file in folder.glob("*/data_level0.bin") if said_of(file, folder) == "by_l2")
        if changes:
            changes -= 1
            os.utime(data, ns=(changes, changes))
        return reading(*arguments)  # type: ignore[arg-type] - passed on as they came

    monkeypatch.setattr(folders.hnsw, "fetch", fetch_while_written)
    found = read(folder)[L2]
    assert wrong(found.records, said[L2].records) == []
    assert (changes, len(found.records)) == (0, len(said[L2].records))
    assert [loss.rows for loss in found.losses] == [0]
    changes = 1000
    with pytest.raises(BusyError, match="writes to it all the time"):
        read(folder)


def said_of(data: Path, folder: Path) -> str:
    """Give the name of the collection that a file belongs to."""
    db = apsw.Connection(str(folder / "chroma.sqlite3"), apsw.SQLITE_OPEN_READONLY)
    sql = "SELECT c.name FROM segments s JOIN collections c ON c.id = s.collection WHERE s.id = ?"
    name = db.execute(sql, (data.parent.name,)).get
    db.close()
    return str(name)


def test_a_collection_that_is_deleted_meanwhile(newest: tuple[Path, dict[Key, Said]]) -> None:
    """It is an error that names it, not an empty collection."""
    folder, _ = newest
    with ChromaFolder(folder) as source:
        one = next(one for one in source.collections() if one.new.name == "by_l2")
        db = apsw.Connection(str(folder / "chroma.sqlite3"))
        db.execute("DELETE FROM collections WHERE name = 'by_l2'")
        db.close()
        with pytest.raises(NotFoundError, match="by_l2"):
            list(source.records(one))


# What is no folder of Chroma's


def test_folders_of_others(tmp_path: Path) -> None:
    """No file, an empty one, one of another program: each is told, and none is made."""
    with pytest.raises(NotFoundError, match=r"no chroma\.sqlite3"):
        ChromaFolder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "chroma.sqlite3").touch()
    with pytest.raises(CorruptError, match="no table collections"):
        ChromaFolder(tmp_path)
    (tmp_path / "chroma.sqlite3").write_bytes(np.random.default_rng(1).bytes(9000))
    with pytest.raises(CorruptError, match=r"chroma\.sqlite3 is damaged"):
        ChromaFolder(tmp_path)


def test_tables_before_0_4_15(tmp_path: Path) -> None:
    """There were no databases, and at first no booleans: all belongs to the default database."""
    folder, said = unpacked("0.4.24", tmp_path)
    db = apsw.Connection(str(folder / "chroma.sqlite3"))
    db.execute(
        "DROP TABLE databases; DROP TABLE tenants; DELETE FROM collections WHERE name = 'values' AND dimension = 2;"
        "ALTER TABLE collections RENAME COLUMN database_id TO unused;"
        "ALTER TABLE embedding_metadata DROP COLUMN bool_value;"
        "DELETE FROM migrations WHERE dir = 'sysdb' AND version > 3"
    ).fetchall()
    db.close()
    with ChromaFolder(folder) as source:
        assert source.releases == "0.4.0 to 0.4.14"
    found = read(folder)
    assert [key for key in said if key[0] != "default_tenant"] not in list(found)
    assert {key[:2] for key in found} == {L2[:2]}
    truth = said[L2].records
    metadatas = [
        {key: value for key, value in (one or {}).items() if not isinstance(value, bool)} or None
        for one in truth.metadatas or ()
    ]
    plain = Records(truth.ids, truth.embeddings, truth.documents, metadatas, truth.uris)
    assert wrong(found[L2].records, plain) == []
