"""Backups: of one moment, whole or not at all, and never a wrong restoration."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ochredb.core.errors import BadValue, BusyError, CorruptError, InternalError, NotFoundError
from ochredb.core.model import ALL_FIELDS, Delete, Get, NewCollection, Query, Records, Scope, Write
from ochredb.local import backup as backup_module
from ochredb.local.archive import BLOCK
from ochredb.local.backup import Progress, backup, backups, restore
from ochredb.local.database import FILE, FORMAT
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine

DIMENSION = 32
Row = tuple[Any, ...]


def batch(n: int, rows: int = 50) -> Records:
    """Give the n-th batch; every record carries its number in every field."""
    ids = [f"{n} {row}" for row in range(rows)]
    embeddings = np.full((rows, DIMENSION), n, np.float32)
    return Records(ids, embeddings, [f"text {n}."] * rows, [{"batch": n}] * rows)


def grow(folder: Path, numbers: range, rows: int = 50) -> None:
    """Write batches, making the database with its collection where absent."""
    engine = LocalEngine(folder)
    collection = engine.create_collection(Scope(), NewCollection("c"), exist_ok=True).id
    for n in numbers:
        engine.write(collection, Write("add", batch(n, rows)))
    engine.close()


def content(folder: Path) -> list[Row]:
    """Give every field of every record, in order of insertion."""
    engine = LocalEngine(folder)
    found = engine.get(engine.get_collection(Scope(), "c").id, Get(fields=ALL_FIELDS))
    engine.close()
    assert found.embeddings is not None
    return list(zip(found.ids, found.documents or [], found.metadatas or [], found.embeddings.tolist(), strict=True))


def expected(numbers: range, rows: int = 50) -> list[Row]:
    return [(f"{n} {row}", f"text {n}.", {"batch": n}, [n] * DIMENSION) for n in numbers for row in range(rows)]


def tree(folder: Path) -> dict[str, bytes]:
    """Give the content of every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def blocks(dest: Path) -> set[str]:
    return {path.name for path in (dest / "blocks").iterdir()}


def named(dest: Path) -> set[str]:
    return {name for one in backups(dest).backups for name in one.blocks}


STEPS = st.lists(st.sampled_from(["write", "write", "delete", "backup"]), max_size=12)


@settings(max_examples=10)
@given(steps=STEPS)
def test_every_generation_comes_back_as_it_was(steps: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever is written and deleted between backups, each of them restores what was there when it was made."""
    home = tmp_path_factory.mktemp("generations")
    grow(home / "db", range(1))
    seen = []
    for at, step in enumerate([*steps, "backup"], 1):
        if step == "write":
            grow(home / "db", range(at, at + 1))
        elif step == "delete":
            engine = LocalEngine(home / "db")
            engine.delete(engine.get_collection(Scope(), "c").id, Delete(ids=[f"{at - 1} {row}" for row in range(40)]))
            engine.close()
        else:
            made = backup(home / "db", home / "dest")
            seen.append(content(home / "db"))
            assert (made.number, made.rows) == (len(seen), len(seen[-1]))
    assert [one.number for one in backups(home / "dest").backups] == list(range(1, len(seen) + 1))
    for number, wanted in enumerate(seen, 1):
        restore(home / "dest", home / str(number), which=number)
        assert content(home / str(number)) == wanted
    assert restore(home / "dest", home / "newest").number == len(seen)
    assert blocks(home / "dest") == named(home / "dest")


def test_a_restored_folder_holds_the_truth_and_nothing_derived(tmp_path: Path) -> None:
    """Views are not backed up, and the restored file is in write-ahead mode as every file of ours is."""
    grow(tmp_path / "db", range(3))
    made = backup(tmp_path / "db", tmp_path / "dest")
    restore(tmp_path / "dest", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} - {".ochre.create", ".ochre.restore"} == {FILE}
    assert (tmp_path / "out" / FILE).stat().st_size == made.bytes
    db = connect(str(tmp_path / "out" / FILE), apsw.SQLITE_OPEN_READWRITE)
    assert (db.pragma("journal_mode"), db.pragma("auto_vacuum"), db.pragma("integrity_check")) == ("wal", 2, "ok")
    db.close()
    assert (made.source, made.database_format) == (str(tmp_path / "db"), FORMAT)
    assert [(one.name, one.rows, one.dimension) for one in made.collections] == [("c", 150, DIMENSION)]


WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_backup import batch
from ochredb.core.model import Scope, Write
from ochredb.local.engine import LocalEngine
engine = LocalEngine(Path(sys.argv[1]))
collection = engine.get_collection(Scope(), "c").id
n = 20
while True:
    engine.write(collection, Write("add", batch(n)))
    print(n, flush=True)
    n += 1
"""


def test_a_backup_is_of_one_moment_while_another_process_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches are committed during the copy; the restored database has all that were acknowledged before it began,
    whole, in order, and nothing that came after.
    """
    monkeypatch.setattr(backup_module, "_STEP", 1 << 16)
    grow(tmp_path / "db", range(20))
    command = [sys.executable, "-c", WRITER, str(tmp_path / "db"), str(Path(__file__).parent)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    told = [19]

    def follow(step: str, _done: int, _all: int) -> None:
        if step == "copied":  # the copy goes on only when one more batch has been acknowledged
            assert writer.stdout is not None
            told.append(int(writer.stdout.readline()))

    try:
        for number in range(1, 4):
            told.append(int(writer.stdout.readline()))
            before = len(told)
            made = backup(tmp_path / "db", tmp_path / "dest", progress=follow)
            assert len(told) > before + 3
            restore(tmp_path / "dest", tmp_path / str(number))
            last = made.rows // 50
            # The pipe lags behind the writer, so what has been read is less than what has been acknowledged.
            assert last > told[before - 1]
            assert content(tmp_path / str(number)) == expected(range(last))
    finally:
        writer.kill()
        writer.wait(30)
        writer.stdout.close()
    assert writer.returncode == -signal.SIGKILL


DYING = """
import os, shutil, signal, sys
from itertools import count
from pathlib import Path
home = Path(sys.argv[1])
sys.path.insert(0, sys.argv[2])
from test_backup import batch, content, grow
from ochredb.core.model import Scope, Write
from ochredb.local import backup as module
from ochredb.local.backup import backup, backups, restore
from ochredb.local.engine import LocalEngine
module.BLOCK = 8192
module._STEP = 1 << 16

def dies_at(n):
    left = count(n, -1)
    def event(*_):
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    for place, names in ((os, ("fsync", "unlink", "link", "rename")), (Path, ("replace", "unlink", "rename", "mkdir"))):
        for name in names:
            setattr(place, name, hooked(getattr(place, name), event))
    return event

def hooked(call, event):
    def hooked(*args, **kwargs):
        event()
        done = call(*args, **kwargs)
        event()
        return done
    return hooked

def died(n, verb, *args, **options):
    pid = os.fork()
    if not pid:
        verb(*args, progress=dies_at(n), **options)
        os._exit(0)
    code = os.waitpid(pid, 0)[1]
    assert code in (0, signal.SIGKILL), code
    return code != 0

"""

KILLED = """
grow(home / "db", range(1))
backup(home / "db", home / "dest")
for n in range(0, 10_000, int(sys.argv[3])):
    grow(home / "db", range(n + 1, n + 2), rows=20)
    written = content(home / "db")
    dead = died(n, backup, home / "db", home / "dest", keep=3)
    listing = backups(home / "dest")
    assert listing.problems == ()
    assert listing.backups
    for one in listing.backups[-2:]:
        restore(home / "dest", home / "out", which=one.number)
        assert content(home / "out") == written[:one.rows], one.number
        assert one.rows % 20 == 10
        shutil.rmtree(home / "out")
    if not dead:
        break
assert listing.backups[-1].rows == len(written)
print("done", n)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_backup_damages_no_earlier_one(tmp_path: Path) -> None:
    """Killed at any of its writes, a backup is not there or whole; the ones before it restore; the next one works."""
    command = [sys.executable, "-c", DYING + KILLED, str(tmp_path), str(Path(__file__).parent), "5"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.stdout.startswith("done "), done.stderr[-3000:]
    assert int(done.stdout.split()[1]) > 30
    assert blocks(tmp_path / "dest") == named(tmp_path / "dest")
    assert {path.name for path in (tmp_path / "dest").glob("*.sqlite3")} == set()


REPLACED = """
grow(home / "pristine", range(1))
backup(home / "pristine", home / "dest")
old = content(home / "pristine")
grow(home / "pristine", range(1, 2))
if not os.fork():
    engine = LocalEngine(home / "pristine")
    engine.write(engine.get_collection(Scope(), "c").id, Write("add", batch(2)))
    os._exit(0)  # which leaves the batch in the write-ahead log
os.wait()
shutil.copytree(home / "pristine", home / "copy")
new = content(home / "copy")
assert len(new) == len(old) + 100
for n in count():
    shutil.copytree(home / "pristine", home / "db")
    dead = died(n, restore, home / "dest", home / "db", replace=True)
    found = content(home / "db")
    assert found in ((old, new) if dead else (old,)), n
    shutil.copytree(home / "db", home / "left")
    restore(home / "dest", home / "left", replace=True)
    assert content(home / "left") == old
    shutil.rmtree(home / "left")
    shutil.rmtree(home / "db")
    if not dead:
        break
print("done", n)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_killed_restoration_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    """Killed at any of its steps, it leaves the database that was there, with its last call, or the restored one."""
    command = [sys.executable, "-c", DYING + REPLACED, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.stdout.startswith("done "), done.stderr[-3000:]
    assert int(done.stdout.split()[1]) > 20


def test_what_did_not_change_costs_nothing(tmp_path: Path) -> None:
    """A second backup of the same database adds no block, one after a few rows adds a few blocks."""
    grow(tmp_path / "db", range(200), rows=200)
    first = backup(tmp_path / "db", tmp_path / "dest")
    assert first.added_bytes == first.bytes > 20 * BLOCK
    assert backup(tmp_path / "db", tmp_path / "dest").added_bytes == 0
    grow(tmp_path / "db", range(200, 201), rows=20)
    third = backup(tmp_path / "db", tmp_path / "dest")
    assert 0 < third.added_bytes <= 12 * BLOCK
    assert len(blocks(tmp_path / "dest")) <= len(first.blocks) + 12


def test_the_newest_are_kept(tmp_path: Path) -> None:
    """`keep` removes older backups with the blocks that only they had; numbers go on."""
    for n in range(4):
        grow(tmp_path / "db", range(n, n + 1), rows=500)
        backup(tmp_path / "db", tmp_path / "dest")
    before = blocks(tmp_path / "dest")
    backup(tmp_path / "db", tmp_path / "dest", keep=2)
    assert [one.number for one in backups(tmp_path / "dest").backups] == [4, 5]
    assert blocks(tmp_path / "dest") == named(tmp_path / "dest") < before
    restore(tmp_path / "dest", tmp_path / "out", which=4)
    assert content(tmp_path / "out") == expected(range(4), rows=500)
    with pytest.raises(NotFoundError, match=r"no backup 3; it holds 4, 5"):
        restore(tmp_path / "dest", tmp_path / "other", which=3)


def test_a_damaged_manifest_stops_the_pruning_only(tmp_path: Path) -> None:
    """A backup is made beside it and no block is removed, as any of them may be the damaged one's."""
    for n in range(3):
        grow(tmp_path / "db", range(n, n + 1), rows=500)
        backup(tmp_path / "db", tmp_path / "dest")
    manifest = tmp_path / "dest" / "backup-000001.json"
    good = manifest.read_bytes()
    manifest.write_bytes(good[:-1])
    with pytest.raises(CorruptError, match=r"backup-000001\.json.*no backup was removed"):
        backup(tmp_path / "db", tmp_path / "dest", keep=1)
    listing = backups(tmp_path / "dest")
    assert [one.number for one in listing.backups] == [2, 3, 4]
    assert [str(manifest) in problem for problem in listing.problems] == [True]
    manifest.write_bytes(good)
    restore(tmp_path / "dest", tmp_path / "out", which=1)
    assert content(tmp_path / "out") == expected(range(1), rows=500)


def test_a_damaged_block_is_mended_by_the_next_backup(tmp_path: Path) -> None:
    """As long as the database still has what it held."""
    grow(tmp_path / "db", range(30), rows=300)
    first = backup(tmp_path / "db", tmp_path / "dest")
    path = tmp_path / "dest" / "blocks" / first.blocks[2]
    path.write_bytes(b"x" + path.read_bytes()[1:])
    with pytest.raises(CorruptError, match=first.blocks[2]):
        restore(tmp_path / "dest", tmp_path / "out")
    assert backup(tmp_path / "db", tmp_path / "dest").added_bytes == BLOCK
    restore(tmp_path / "dest", tmp_path / "out", which=1)
    assert content(tmp_path / "out") == expected(range(30), rows=300)


def test_a_damaged_database_is_not_backed_up(tmp_path: Path) -> None:
    """The error names it, and the backups before the damage stay, whatever is to be kept."""
    grow(tmp_path / "db", range(20), rows=200)
    backup(tmp_path / "db", tmp_path / "dest")
    before = tree(tmp_path / "dest")
    data = bytearray((tmp_path / "db" / FILE).read_bytes())
    page = len(data) // 2 // 8192 * 8192  # far from the tables that are read when the copy begins
    data[page : page + 100] = b"\x5a" * 100
    (tmp_path / "db" / FILE).write_bytes(data)
    with pytest.raises(CorruptError, match=f"{tmp_path}/db/{FILE}"):
        backup(tmp_path / "db", tmp_path / "dest", keep=1)
    assert tree(tmp_path / "dest") == before


@pytest.mark.parametrize("room", [0.5, 1.5])
def test_a_full_disk_costs_no_earlier_backup(tmp_path: Path, room: float) -> None:
    """Whether the copy or its blocks find no room: the error says so, and what was there restores as before."""
    grow(tmp_path / "small", range(2))
    grow(tmp_path / "db", range(20), rows=200)
    size = (tmp_path / "db" / FILE).stat().st_size
    with Disk(tmp_path / "disk", round(size * room)):
        backup(tmp_path / "small", tmp_path / "disk" / "dest")
        before = tree(tmp_path / "disk")
        with pytest.raises(InternalError, match=f"{tmp_path}/disk/dest.*(full|No space)"):
            backup(tmp_path / "db", tmp_path / "disk" / "dest", moved=True)
        assert tree(tmp_path / "disk") == before
        restore(tmp_path / "disk" / "dest", tmp_path / "out")
    assert content(tmp_path / "out") == expected(range(2))


def test_a_restoration_without_room_leaves_nothing(tmp_path: Path) -> None:
    """No half database lies in the folder afterwards."""
    grow(tmp_path / "db", range(20), rows=200)
    size = backup(tmp_path / "db", tmp_path / "dest").bytes
    with Disk(tmp_path / "disk", size // 2):
        with pytest.raises(InternalError, match=r"No space"):
            restore(tmp_path / "dest", tmp_path / "disk" / "out")
        assert list((tmp_path / "disk").iterdir()) == []


class Disk:
    """A small file system in a folder, where this process may make one."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size

    def __enter__(self) -> None:
        self._folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={self._size}", "none", str(self._folder)]
        try:
            mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("the system has no mount command")
        if mounted.returncode:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", str(self._folder)], check=True)


HOLD = """
import sys
from pathlib import Path
from ochredb.local.engine import LocalEngine
engine = LocalEngine(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
engine.close()
"""


def test_a_database_in_use_is_not_replaced(tmp_path: Path) -> None:
    """An open client, idle and in any process, keeps it; when all are closed it is put aside, whole."""
    grow(tmp_path / "db", range(1))
    backup(tmp_path / "db", tmp_path / "dest")
    grow(tmp_path / "db", range(1, 3))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(BusyError, match=f"{tmp_path}/db is open in "):
        restore(tmp_path / "dest", tmp_path / "db", replace=True)
    holder.communicate("\n", timeout=30)
    engine = LocalEngine(tmp_path / "db")
    with pytest.raises(BusyError, match=f"{tmp_path}/db is open in "):
        restore(tmp_path / "dest", tmp_path / "db", replace=True)
    engine.close()
    assert content(tmp_path / "db") == expected(range(3))
    restore(tmp_path / "dest", tmp_path / "db", replace=True)
    assert content(tmp_path / "db") == expected(range(1))
    (aside,) = (tmp_path / "db").glob("replaced-*")
    assert content(aside) == expected(range(3))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system does not fork")
@pytest.mark.parametrize("ruined", [False, True], ids=["sound", "ruined"])
def test_the_log_of_a_replaced_database_is_not_taken_for_the_new_ones(tmp_path: Path, ruined: bool) -> None:
    """Calls that are in the write-ahead log of a process that died go aside with their database, sound or a ruin."""
    grow(tmp_path / "db", range(1))
    backup(tmp_path / "db", tmp_path / "dest")
    pid = os.fork()
    if not pid:
        engine = LocalEngine(tmp_path / "db")
        # A change that leaves the file's first page alone, without which SQLite does not merge a log into a ruin.
        change = Records(["0 0"], np.full((1, DIMENSION), 7, np.float32))
        engine.write(engine.get_collection(Scope(), "c").id, Write("update", change))
        os._exit(0)
    os.waitpid(pid, 0)
    log = (tmp_path / "db" / f"{FILE}-wal").read_bytes()
    assert len(log) > 8192
    if ruined:
        (tmp_path / "db" / FILE).write_bytes(b"ruin" * 5000)
    restore(tmp_path / "dest", tmp_path / "db", replace=True)
    assert content(tmp_path / "db") == expected(range(1))
    (aside,) = (tmp_path / "db").glob("replaced-*")
    if ruined:
        assert tree(aside)[FILE] == b"ruin" * 5000
        assert tree(aside)[f"{FILE}-wal"] == log
    else:
        assert content(aside) == [("0 0", "text 0.", {"batch": 0}, [7] * DIMENSION), *expected(range(1))[1:]]


@pytest.mark.usefixtures("small")
def test_views_of_a_replaced_database_are_not_believed(tmp_path: Path) -> None:
    """Views that know what the restored database does not are made anew: queries answer from the restored records."""
    grow(tmp_path / "db", range(10))
    backup(tmp_path / "db", tmp_path / "dest")
    engine = LocalEngine(tmp_path / "db")
    collection = engine.get_collection(Scope(), "c").id
    engine.delete(collection, Delete(ids=[f"3 {row}" for row in range(50)]))
    for n in range(10, 20):
        engine.write(collection, Write("add", batch(n)))
    engine.query(collection, Query(np.zeros((1, DIMENSION), np.float32)))
    engine.settle()
    engine.close()
    assert list((tmp_path / "db" / collection).iterdir()) != []
    restore(tmp_path / "dest", tmp_path / "db", replace=True)
    engine = LocalEngine(tmp_path / "db")
    engine.write(collection, Write("add", batch(30)))
    for n, there in ((3, True), (9, True), (12, False), (30, True)):
        hits = engine.query(collection, Query(np.full((1, DIMENSION), n, np.float32), 50))
        assert {id_.split()[0] == str(n) for id_ in hits.records[0].ids} == {there}
        assert (set(hits.distances[0]) == {0.0}) == there
    engine.close()


def test_two_at_once_are_one_too_many(tmp_path: Path) -> None:
    """While one backup or restoration is under way, a second one in the same folder is refused."""
    grow(tmp_path / "db", range(1))
    refused: list[str] = []

    def again(verb: Callable[[Path, Path], object], place: Path, target: Path) -> None:
        with pytest.raises(BusyError, match=str(tmp_path)):
            verb(place, target)
        refused.append(verb.__name__)

    def second(verb: Callable[[Path, Path], object], place: Path, target: Path) -> Progress:
        def progress(_step: str, _done: int, _all: int) -> None:
            thread = threading.Thread(target=again, args=(verb, place, target))
            thread.start()
            thread.join()

        return progress

    places = tmp_path / "db", tmp_path / "dest"
    backup(*places, progress=second(backup, *places))
    assert refused == ["backup", "backup"]
    places = tmp_path / "dest", tmp_path / "out"
    restore(*places, progress=second(restore, *places))
    assert refused == ["backup", "backup", "restore"]
    assert content(tmp_path / "out") == expected(range(1))


REFUSED = {
    "no database": (NotFoundError, lambda home: backup(home / "other", home / "new")),
    "no folder": (NotFoundError, lambda home: backup(home / "nowhere", home / "new")),
    "into the database": (BadValue, lambda home: backup(home / "db", home / "db" / "backups")),
    "the database itself": (BadValue, lambda home: backup(home / "db", home / "db")),
    "among other files": (BadValue, lambda home: backup(home / "db", home / "other")),
    "to a file": (BadValue, lambda home: backup(home / "db", home / "other" / "file")),
    "keep none": (BadValue, lambda home: backup(home / "db", home / "dest", keep=0)),
    "another database": (BadValue, lambda home: backup(home / "second", home / "dest")),
    "list nowhere": (NotFoundError, lambda home: backups(home / "nowhere")),
    "list a file": (NotFoundError, lambda home: backups(home / "other" / "file")),
    "restore from nowhere": (NotFoundError, lambda home: restore(home / "nowhere", home / "new")),
    "restore from other files": (NotFoundError, lambda home: restore(home / "other", home / "new")),
    "restore an unknown one": (NotFoundError, lambda home: restore(home / "dest", home / "new", which=2)),
    "restore over a database": (BadValue, lambda home: restore(home / "dest", home / "db")),
    "restore among other files": (BadValue, lambda home: restore(home / "dest", home / "other")),
    "replace other files": (BadValue, lambda home: restore(home / "dest", home / "other", replace=True)),
    "restore to a file": (BadValue, lambda home: restore(home / "dest", home / "other" / "file")),
    "restore into the backups": (BadValue, lambda home: restore(home / "dest", home / "dest" / "new")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_change_nothing(tmp_path: Path, case: str) -> None:
    """The error says what came, and no file anywhere is another or new."""
    grow(tmp_path / "db", range(1))
    grow(tmp_path / "second", range(1))
    backup(tmp_path / "db", tmp_path / "dest")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("mine")
    before = tree(tmp_path)
    error, call = REFUSED[case]
    with pytest.raises(error, match=str(tmp_path) if case != "keep none" else "keep=0"):
        call(tmp_path)
    assert tree(tmp_path) == before
    assert not (tmp_path / "new").exists()


def test_a_database_that_moved_goes_on(tmp_path: Path) -> None:
    """Saying so is enough, and the backups before the move are still there."""
    grow(tmp_path / "db", range(2))
    backup(tmp_path / "db", tmp_path / "dest")
    (tmp_path / "db").rename(tmp_path / "elsewhere")
    made = backup(tmp_path / "elsewhere", tmp_path / "dest", moved=True)
    assert (made.number, made.added_bytes) == (2, 0)
    assert backup(tmp_path / "elsewhere", tmp_path / "dest").number == 3
