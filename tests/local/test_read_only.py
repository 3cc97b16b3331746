"""A database that is only read: from a folder that others write to, and from one that nobody can write to."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import ochredb
from ochredb.core.errors import AuthorizationError, InternalError, NotFoundError
from ochredb.core.model import Delete, Get, NewCollection, Query, Records, Scope, Write
from ochredb.core.where import Contains, parse
from ochredb.local.engine import LocalEngine
from ochredb.testing.contract.stage import make

ROWS = np.eye(4, dtype=np.float32)
THREE = Records(["a", "b", "c"], ROWS[:3], ["one", "two", "three"], [{"n": 1}, {"n": 2}, {"n": 3}])


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system, and give where."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(place)], capture_output=True)
    if done.returncode:
        pytest.skip("mounting a file system is not allowed here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def lock(disk: Path, how: str) -> None:
    """Mount a file system anew, `ro` or `rw`."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


def look(engine: LocalEngine, collection: str) -> list[str]:
    """Read in every way, and give the ids."""
    assert engine.query(collection, Query(ROWS[:1], 1)).records[0].ids == ["a"]
    assert engine.get(collection, Get(where=parse({"n": {"$gt": 1}}))).ids[:2] == ["b", "c"]
    assert engine.get(collection, Get(where=Contains("thr"))).ids == ["c"]
    return engine.get(collection, Get()).ids


def test_it_follows_writers(tmp_path: Path) -> None:
    """What another engine commits is found by the next call; what would write is refused, and nothing is written."""
    writer = LocalEngine(tmp_path)
    collection = make(writer)
    writer.write(collection, Write("add", THREE))
    reader = LocalEngine(tmp_path, read_only=True)
    assert look(reader, collection) == ["a", "b", "c"]
    writer.write(collection, Write("add", Records(["d"], ROWS[3:], ["four"], [{"n": 4}])))
    assert look(reader, collection) == ["a", "b", "c", "d"]
    for refused in (
        lambda: reader.write(collection, Write("upsert", THREE)),
        lambda: reader.delete(collection, Delete(ids=["a"])),
        lambda: reader.create_collection(Scope(), NewCollection("new")),
        reader.reset,
    ):
        with pytest.raises(AuthorizationError, match="was opened with read_only=True, which does not allow to"):
            refused()
    reader.settle()
    reader.close()
    writer.close()


def test_it_must_exist(tmp_path: Path) -> None:
    """Nothing is made, neither a folder nor a database."""
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NotFoundError, match="no database to be opened with read_only=True"):
            LocalEngine(folder, read_only=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "ochre.sqlite3").touch()
    with pytest.raises(NotFoundError, match="no database to be opened"):
        LocalEngine(tmp_path, read_only=True)


@pytest.mark.usefixtures("small")
def test_a_disk_that_cannot_be_written(disk: Path) -> None:
    """Everything is answered, with the indexes that lie there, and made anew in memory where they are missing."""
    writer = LocalEngine(disk / "db")
    collection = make(writer)
    rows = np.random.default_rng(1).normal(size=(900, 4)).astype(np.float32)
    writer.write(collection, Write("add", THREE))
    writer.write(collection, Write("add", Records([f"{n}" for n in range(900)], rows, ["text"] * 900)))
    writer.settle()
    writer.close()
    views = disk / "db" / collection
    assert (views / "vectors.json").is_file()
    for with_views in (True, False):
        if not with_views:
            lock(disk, "rw")
            shutil.rmtree(views)
        lock(disk, "ro")
        before = sorted(disk.rglob("*"))
        reader = LocalEngine(disk / "db", read_only=True)
        assert len(look(reader, collection)) == 903
        reader.settle()
        assert reader._collections[collection].text.index is not None
        assert len(look(reader, collection)) == 903
        reader.close()
        assert sorted(disk.rglob("*")) == before
    with pytest.raises(InternalError):
        LocalEngine(disk / "db")


def test_a_log_that_cannot_be_merged_is_not_passed_over(disk: Path) -> None:
    """Calls that are only in the write-ahead log are read, or the refusal says what to do."""
    child = os.fork()
    if not child:
        writer = LocalEngine(disk / "db")
        writer.write(make(writer), Write("add", THREE))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    lock(disk, "ro")
    reader = LocalEngine(disk / "db", read_only=True)
    (info,) = reader.list_collections(Scope())
    assert look(reader, info.id) == ["a", "b", "c"]
    reader.close()
    lock(disk, "rw")
    (disk / "db" / "ochre.sqlite3-shm").unlink()
    lock(disk, "ro")
    with pytest.raises(InternalError, match="open it once where it can"):
        LocalEngine(disk / "db", read_only=True)


def test_a_client_says_so(tmp_path: Path) -> None:
    """`PersistentClient(read_only=True)`; one process opens a folder in one way at a time."""
    with ochredb.PersistentClient(tmp_path) as client:
        client.create_collection("cats").add(ids=["a"], embeddings=[[1.0]])
        with pytest.raises(ValueError, match=r"already exists for .* with different settings"):
            ochredb.PersistentClient(tmp_path, read_only=True)
    with ochredb.PersistentClient(tmp_path, read_only=True) as client:
        assert client.get_collection("cats").get()["ids"] == ["a"]
        with pytest.raises(AuthorizationError):
            client.get_collection("cats").add(ids=["b"], embeddings=[[2.0]])
