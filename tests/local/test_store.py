"""Opening, sharing and closing the file of the truth, and what is refused."""

import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest

from ochredb.core.errors import (
    BusyError,
    ClosedError,
    CorruptError,
    FormatError,
    InternalError,
    NotFoundError,
    OchreError,
)
from ochredb.core.model import Delete, Get, NewCollection, Query, Records, Scope, Write
from ochredb.local import store as store_module
from ochredb.local.database import FILE
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine
from ochredb.local.store import Store
from ochredb.testing.contract.stage import make, vectors

ONE = Write("add", Records(["a"], vectors([1, 2])))


def opened(folder: Path) -> None:
    LocalEngine(folder).close()


def test_a_path_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """The text is Chroma's, and names the path."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(InternalError, match=rf"^File exists \(os error 17\).*{tmp_path}/file"):
        opened(tmp_path / "file")
    with pytest.raises(InternalError, match="file"):
        opened(tmp_path / "file" / "below")
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("folder", ["/proc/nowhere", "/proc/self/nowhere/deeper"])
def test_a_folder_that_cannot_be_made_is_refused(folder: str) -> None:
    """The text names the folder."""
    if not Path("/proc/self").is_dir():
        pytest.skip("the system has no folder that nobody can write to")
    with pytest.raises(InternalError, match=folder):
        opened(Path(folder))


def test_a_folder_that_cannot_be_written_is_refused() -> None:
    """So is one that exists."""
    if not Path("/proc/self").is_dir():
        pytest.skip("the system has no folder that nobody can write to")
    with pytest.raises(InternalError, match="/proc/self"):
        opened(Path("/proc/self"))


@pytest.mark.parametrize("content", [b"x", b"no database" * 10, b"\0" * 4096, bytes(range(256)) * 64])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file of the right name and of other content is neither read nor changed."""
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(CorruptError, match=str(tmp_path)):
        opened(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    """An SQLite file of another program stays as it is."""
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("CREATE TABLE theirs (x)")
        db.execute("INSERT INTO theirs VALUES (1)")
    db.close()
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(CorruptError, match="another program"):
        opened(tmp_path)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """What a newer version wrote is left alone, and the text says which version can read it."""
    opened(tmp_path)
    db = connect(str(tmp_path / FILE), apsw.SQLITE_OPEN_READWRITE)
    db.execute("UPDATE about SET value = 'ochredb 99.0' WHERE key = 'written by'")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(FormatError, match=r"format 99, written by ochredb 99\.0"):
        opened(tmp_path)


def test_a_damaged_file_is_reported(tmp_path: Path) -> None:
    """Pages that are not what they were raise `CorruptError`, at opening or when they are read; never nonsense."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    engine.write(
        collection, Write("add", Records([str(n) for n in range(500)], vectors(*[[n, 1] for n in range(500)])))
    )
    engine.close()
    data = bytearray((tmp_path / FILE).read_bytes())
    data[8192:] = b"\x5a" * (len(data) - 8192)
    (tmp_path / FILE).write_bytes(data)
    with pytest.raises(CorruptError, match=str(tmp_path)):
        _read_all(tmp_path, collection)


def _read_all(folder: Path, collection: str) -> None:
    engine = LocalEngine(folder)
    try:
        engine.get(collection, Get())
    finally:
        engine.close()


def test_an_empty_file_is_made_a_database(tmp_path: Path) -> None:
    """A file without content, as a crash at the very first moment leaves it, is no obstacle."""
    (tmp_path / FILE).touch()
    engine = LocalEngine(tmp_path)
    engine.write(make(engine), ONE)
    engine.close()


VERBS: dict[str, Callable[[LocalEngine, str], Any]] = {
    "count": lambda engine, id_: engine.count(id_),
    "get": lambda engine, id_: engine.get(id_, Get()),
    "query": lambda engine, id_: engine.query(id_, Query(vectors([1, 2]))),
    "write": lambda engine, id_: engine.write(id_, ONE),
    "delete": lambda engine, id_: engine.delete(id_, Delete(ids=["a"])),
    "scan": lambda engine, id_: list(engine.scan(id_)),
    "create": lambda engine, _: engine.create_collection(Scope(), NewCollection("other")),
    "list": lambda engine, _: engine.list_collections(Scope()),
    "reset": lambda engine, _: engine.reset(),
}


@pytest.mark.parametrize("place", ["memory", "folder"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_engine_says_so(tmp_path: Path, place: str, verb: str) -> None:
    """Every verb of a closed engine raises `ClosedError`; closing again does nothing."""
    engine = LocalEngine(None if place == "memory" else tmp_path)
    collection = make(engine)
    engine.write(collection, ONE)
    engine.query(collection, Query(vectors([1, 2])))
    for _ in range(2):
        engine.close()
        with pytest.raises(ClosedError, match="closed"):
            VERBS[verb](engine, collection)


def test_a_writer_that_waits_in_vain_is_told(tmp_path: Path) -> None:
    """While another engine holds the write lock, writes wait and then raise `BusyError`; reads go on."""
    engine, other = LocalEngine(tmp_path, wait=0.2), LocalEngine(tmp_path)
    collection = make(engine)
    with other._store.writing("hold"):
        with pytest.raises(BusyError, match=r"0\.2 s"):
            engine.write(collection, ONE)
        assert engine.count(collection) == 0
    other.close()
    engine.write(collection, ONE)
    assert engine.count(collection) == 1
    engine.close()


def test_two_engines_on_one_folder(tmp_path: Path) -> None:
    """What one writes, changes and deletes, the other finds at its next call, by id, by filter and by vector."""
    one, two = LocalEngine(tmp_path), LocalEngine(tmp_path)
    collection = make(one)
    for n in range(30):
        writer, reader = (one, two) if n % 2 else (two, one)
        writer.write(collection, Write("add", Records([str(n)], vectors([n, 0]), [f"text {n}"], [{"n": n}])))
        assert reader.query(collection, Query(vectors([n, 0]), 1)).records[0].ids == [str(n)]
        assert reader.count(collection) == n + 1
        writer.write(collection, Write("update", Records([str(n)], vectors([-n - 1, 0]))))
        assert reader.query(collection, Query(vectors([-n - 1, 0]), 1)).records[0].ids == [str(n)]
    for n in range(30):
        writer, reader = (one, two) if n % 2 else (two, one)
        writer.delete(collection, Delete(ids=[str(n)]))
        assert reader.query(collection, Query(vectors([-n - 1, 0]), 100)).records[0].ids.count(str(n)) == 0
        assert str(n) not in reader.get(collection, Get()).ids
    info = one.get_collection_by_id(collection)
    two.delete_collection(info.scope, info.name)
    with pytest.raises(NotFoundError):
        one.query(collection, Query(vectors([1, 0])))
    one.close()
    two.close()


def test_a_folder_made_anew_is_another_database(tmp_path: Path) -> None:
    """An engine whose folder was removed neither claims to have written there nor reads what others wrote there."""
    folder = tmp_path / "store"
    old = LocalEngine(folder)
    collection = make(old)
    old.write(collection, ONE)
    shutil.rmtree(folder)
    assert not old.present()
    new = LocalEngine(folder)
    theirs = make(new)
    with pytest.raises(OchreError):
        old.write(collection, Write("add", Records(["lost"], vectors([1, 2]))))
    failed: list[BaseException] = []

    def read_more() -> None:
        try:
            with old._store.reading(), old._store.reading():
                old.count(theirs)
        except OchreError as error:
            failed.append(error)

    thread = threading.Thread(target=read_more)
    thread.start()
    thread.join()
    assert len(failed) == 1
    old.close()
    assert new.count(theirs) == 0
    new.close()


def test_an_open_engine_makes_no_file_where_its_own_is_gone(tmp_path: Path) -> None:
    """After the file was removed, no empty one that is no database of ours appears in its place."""
    engine = LocalEngine(tmp_path)
    collection = make(engine)
    for path in tmp_path.glob(f"{FILE}*"):
        path.unlink()
    threads = [threading.Thread(target=_quietly, args=(engine, collection)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with pytest.raises(OchreError), engine._store.reading(), engine._store.reading() as db:
        db.execute("SELECT * FROM collections").fetchall()
    engine.close()
    opened(tmp_path)


def _quietly(engine: LocalEngine, collection: str) -> None:
    try:
        engine.write(collection, ONE)
    except OchreError:
        return


CREATE = """
import sys, time
from pathlib import Path
from ochredb.local import store as store_module
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine
from ochredb.core.model import Scope
go = Path(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
engine = LocalEngine(go)
engine.create_tenant(sys.argv[2])
engine.close()
"""


def test_processes_that_make_one_folder_at_once(tmp_path: Path) -> None:
    """Of several processes that open a new folder in the same moment, all succeed, and on the same database."""
    names = [f"tenant {n}" for n in range(4)]
    for round_ in range(2):
        folder = tmp_path / str(round_) / "new"
        started = [
            subprocess.Popen(
                [sys.executable, "-c", CREATE, folder, name],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for name in names
        ]
        for process in started:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in started:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
        engine = LocalEngine(folder)
        assert [engine.get_tenant(name) for name in names] == names
        engine.close()


def test_reset_brings_the_defaults_back(tmp_path: Path) -> None:
    """After a reset there is the default database, also where somebody had deleted it."""
    engine = LocalEngine(tmp_path)
    engine.delete_database(Scope())
    engine.reset()
    assert engine.list_collections(Scope()) == []
    make(engine)
    engine.close()


def test_a_store_in_memory_ends_with_its_closing() -> None:
    """Nothing of it is anywhere afterwards."""
    store = Store(None)
    store.close()
    with pytest.raises(ClosedError), store.reading():
        pytest.fail("a closed store was read")


def test_a_file_that_is_replaced_while_it_is_being_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to a file that is no longer the one in the folder is not used, whenever that happened."""
    Store(tmp_path / "other").close()
    store = Store(tmp_path / "here")
    store._idle.pop().close()
    connect = store._connect

    def connect_late() -> apsw.Connection:
        db = connect()
        (tmp_path / "other" / FILE).replace(tmp_path / "here" / FILE)
        return db

    monkeypatch.setattr(store, "_connect", connect_late)
    with pytest.raises(InternalError, match="removed or replaced"), store.reading():
        pass
    store.close()


def log_pages(store: Store) -> tuple[int, int]:
    """Give how many pages SQLite's log has, and how many of them are in the file as well."""
    with store.reading() as db:
        db.execute("ROLLBACK")
        size, done = db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_NOOP)
        db.execute("BEGIN")
    return size, done


def grow(store: Store, pages: int) -> None:
    """Write so many pages in one call."""
    with store.writing("grow") as db:
        db.execute("CREATE TABLE IF NOT EXISTS grown (data BLOB)")
        db.executemany("INSERT INTO grown VALUES (zeroblob(8000))", [()] * pages)


def test_a_long_log_is_emptied_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer only says that the log is long; whoever listens empties it, and the next call begins it anew."""
    monkeypatch.setattr(store_module, "LOG_PAGES", 100)
    store = Store(tmp_path)
    told: list[bool] = []
    store.on_long_log = lambda: told.append(True)
    grow(store, 50)
    assert not told
    grow(store, 100)
    assert told
    assert log_pages(store)[1] == 0
    store.checkpoint()
    size, done = log_pages(store)
    assert size == done >= 150
    grow(store, 1)
    assert log_pages(store)[0] < 100
    store.close()


@pytest.mark.parametrize("listening", [True, False])
def test_a_log_that_nobody_empties_is_emptied_by_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listening: bool
) -> None:
    """A writer that hears nothing of the background does not let the log grow for ever."""
    monkeypatch.setattr(store_module, "LOG_PAGES", 100)
    monkeypatch.setattr(store_module, "MOST_LOG_PAGES", 300)
    store = Store(tmp_path)
    store.on_long_log = (lambda: None) if listening else None
    longest = 0
    for _ in range(20):
        grow(store, 60)
        longest = max(longest, log_pages(store)[0])
    assert longest < (400 if listening else 200)
    store.close()


def test_idle_connections_let_go_of_their_pages_but_for_the_next(tmp_path: Path) -> None:
    """What a large reading has left in memory goes; the connection that is used next keeps what it has."""
    store = Store(tmp_path)
    with store.reading() as one, store.reading() as other:
        for db in (one, other):
            db.execute("SELECT * FROM collections").fetchall()

    def kept(db: apsw.Connection) -> int:
        return db.status(apsw.SQLITE_DBSTATUS_CACHE_USED)[0]

    before = [kept(db) for db in store._idle]
    assert len(before) == 2
    store.shrink()
    after = [kept(db) for db in store._idle]
    assert after[0] < before[0]
    assert after[1] == before[1]
    store.close()
