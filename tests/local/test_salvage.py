"""What `salvage` brings back from damaged files: all that lies on whole pages, and nothing else."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from ochredb.core.errors import BusyError, CorruptError, NotFoundError
from ochredb.core.model import ALL_FIELDS, Change, Delete, Get, NewCollection, Records, Scope, Write
from ochredb.local import pages
from ochredb.local.check import check
from ochredb.local.database import FILE
from ochredb.local.disk import connect
from ochredb.local.engine import LocalEngine
from ochredb.local.records import LABEL_BITS
from ochredb.local.salvage import Salvaged, salvage
from ochredb.local.wreck import Use, Wreck

SOURCE = Path(__file__).parents[2] / "src"
PAGE = 8192
Content = dict[str, dict[str, tuple[Any, ...]]]
slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Case(Struct):
    """A database, and where each of its records lies.

    Args:
        old: The file as it was before the last changes.
        file: The file as it was at the end.
        early: The file of the log.
        log: The write-ahead log that leads from `early` to `file`.
        before: The records of `old`.
        records: The records of `file`.
        pages: By collection and id, the pages that a record lies on.
        scratch: A place to damage copies in.
    """

    old: bytes
    file: bytes
    early: bytes
    log: bytes
    before: Content
    records: Content
    pages: dict[tuple[str, str], set[int]]
    scratch: Path

    def __repr__(self) -> str:  # Hypothesis prints its arguments
        return "Case()"


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """Make collections of several dimensions, with long documents, changes, removals, and one that is gone."""
    scratch = tmp_path_factory.mktemp("salvage")
    live = scratch / "live"
    engine = LocalEngine(live)
    names = {}
    for name, rows, dimension in (("a", 500, 32), ("b", 300, 96), ("c", 30, 3)):
        names[name] = engine.create_collection(Scope(), NewCollection(name, "cosine", metadata={"of": name})).id
        for start in range(0, rows, 100):
            put(engine, names[name], range(start, min(start + 100, rows)), dimension)
    before = content(engine)
    engine.close()
    old = (live / FILE).read_bytes()
    engine = LocalEngine(live)
    engine.delete(names["a"], Delete(ids=[str(n) for n in range(200, 320)]))
    put(engine, names["b"], range(50, 150), 96, "changed")
    put(engine, names["a"], range(1000, 1060), 32)
    gone = engine.create_collection(Scope(), NewCollection("gone")).id
    put(engine, gone, range(150), 16)
    engine.delete_collection(Scope(), "gone")
    engine.modify_collection(names["c"], Change(metadata={"of": "c", "changed": True}))
    engine._indexer.close()  # it would merge the log when it is at rest
    early, log = ((live / name).read_bytes() for name in (FILE, f"{FILE}-wal"))
    records = content(engine)
    engine.close()
    file = (live / FILE).read_bytes()
    return Case(old, file, early, log, before, records, places(file), scratch)


def put(engine: LocalEngine, collection: str, ids: range, dimension: int, text: str = "text") -> None:
    """Upsert records, every twentieth with a document of several pages."""
    vectors = np.random.default_rng(len(text) + ids.start).standard_normal((len(ids), dimension)).astype(np.float32)
    documents: list[str | None] = [f"{text} {n} " + "é" * (n * 37 % 500 if n % 20 else 15_000) for n in ids]
    engine.write(
        collection, Write("upsert", Records([str(n) for n in ids], vectors, documents, [{"n": n} for n in ids]))
    )


def content(engine: LocalEngine) -> Content:
    """Give all records, and what every collection is, as `""`."""
    found: Content = {}
    for info in engine.list_collections(Scope()):
        got = engine.get(info.id, Get(fields=ALL_FIELDS))
        assert got.embeddings is not None
        assert got.documents is not None
        assert got.metadatas is not None
        rows = zip(got.documents, got.metadatas, (row.tobytes() for row in got.embeddings), strict=True)
        found[info.name] = dict(zip(got.ids, rows, strict=True))
    return found


def places(file: bytes) -> dict[tuple[str, str], set[int]]:
    """Give the pages of both rows of each record, with those that they overflow to."""
    wreck = Wreck(lambda at, length: file[at : at + length], len(file), None)
    found: dict[int, set[int]] = {}
    ids: dict[int, tuple[str, str]] = {}
    for number in range(1, wreck.count + 1):
        for cell, through in followed(wreck, number) if wreck.use(number) is Use.USED else ():
            if cell.rowid is not None and len(cell.values) in (3, 7) and cell.values[0] is None:
                found.setdefault(cell.rowid, set()).update(through)
                if len(cell.values) == 7:
                    ids[cell.rowid] = "?abc"[cell.rowid >> LABEL_BITS], str(cell.values[2])
    return {id_: found[rowid] for rowid, id_ in ids.items()}


def followed(wreck: Wreck, number: int) -> Iterator[tuple[pages.Cell, set[int]]]:
    """Give the cells of a page, each with the pages that it was read from."""
    through: set[int] = set()

    def read(page: int) -> bytes:
        through.add(page)
        return wreck.read(page)

    for cell in pages.cells(read, number, wreck.usable):
        yield cell, through | {number}
        through.clear()


def salvaged(case: Case, file: bytes, log: bytes = b"") -> tuple[Salvaged, Content, list[dict[str, Any]]]:
    """Salvage these bytes, and give what was done, the records of the new file, and what was put aside."""
    folder = case.scratch / "damaged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / FILE).write_bytes(file)
    if log:
        (folder / f"{FILE}-wal").write_bytes(log)
    done = salvage(folder)
    assert check(folder, deep=True).problems == ()
    assert done.damaged.read_bytes() == file
    engine = LocalEngine(folder)
    records = content(engine)
    engine.close()
    lines = [] if done.lines is None else done.lines.read_text().split("\n")[:-1]
    assert len(lines) == done.in_lines
    assert done.rows == sum(map(len, records.values()))
    return done, records, [json.loads(line) for line in lines]


def truth(case: Case, name: str) -> tuple[dict[str, tuple[Any, ...]], dict[str, tuple[Any, ...]]]:
    """Give what the records of a collection should be, and were before, under the name that it has now."""
    own = "?abc"[int(name[-1])] if name.startswith("recovered-") else name
    return case.records[own], case.before[own]


def assert_sound(case: Case, done: Salvaged, records: Content) -> None:
    """Whatever came back is as it was; with all three witnesses of free pages lost, older rows are owned up to."""
    guessed = any("nothing says whether they were in use" in note for note in done.notes)
    for name, rows in records.items():
        if name == "recovered-4":
            assert guessed, "a collection that was removed is back"
            continue
        now, before = truth(case, name)
        older = {id_: row for id_, row in before.items() if guessed}
        assert [id_ for id_, row in rows.items() if row not in (now.get(id_), older.get(id_))] == [], name


def assert_saved(case: Case, file: bytes, hit: set[int]) -> None:
    """Whatever lies on pages that were not hit is back, and what is back is as it was."""
    done, records, aside = salvaged(case, file)
    assert_sound(case, done, records)
    back = {("?abcd"[int(name[-1])] if len(name) > 1 else name, id_) for name, rows in records.items() for id_ in rows}
    back |= {("?abcd"[line["collection"]], line["id"]) for line in aside if "id" in line}
    assert [id_ for id_, through in case.pages.items() if not through & hit and id_ not in back] == []


def test_a_whole_file_comes_back_whole(case: Case) -> None:
    """Every record, every description; nothing put aside, nothing that was removed."""
    done, records, aside = salvaged(case, case.file)
    assert records == case.records
    assert (done.lost, done.lines, aside, done.notes) == (0, None, [], ())
    engine = LocalEngine(case.scratch / "damaged")
    assert engine.get_collection(Scope(), "c").metadata == {"of": "c", "changed": True}
    assert engine.create_collection(Scope(), NewCollection("new")).dimension is None
    a = engine.get_collection(Scope(), "a").id
    put(engine, a, range(2000, 2001), 32)  # its label is none that was in use
    assert engine.get(a, Get(limit=1, offset=440)).ids == ["2000"]
    engine.close()


def test_a_whole_log_is_merged(case: Case) -> None:
    """What is not in the file yet counts as well."""
    done, records, aside = salvaged(case, case.early, case.log)
    assert (records, aside, done.lost) == (case.records, [], 0)


@slow
@given(data=st.data())
def test_flipped_bits(data: st.DataObject, case: Case) -> None:
    """Up to twenty of them, anywhere."""
    file = bytearray(case.file)
    places = data.draw(st.lists(st.integers(0, len(file) - 1), min_size=1, max_size=20))
    for at in places:
        file[at] ^= 1 << data.draw(st.integers(0, 7))
    assert_saved(case, bytes(file), {at // PAGE + 1 for at in places})


@slow
@given(data=st.data())
def test_overwritten_pages(data: st.DataObject, case: Case) -> None:
    """With zeros or noise; the first pages, on which all others hang, more often than others."""
    file, count = bytearray(case.file), len(case.file) // PAGE
    some = st.one_of(st.integers(1, 12), st.integers(1, count))
    hit = data.draw(st.lists(some, min_size=1, max_size=20, unique=True))
    for page in hit:
        noise = random.Random(page).randbytes(PAGE) if data.draw(st.booleans()) else bytes(PAGE)
        file[(page - 1) * PAGE : page * PAGE] = noise
    assert_saved(case, bytes(file), set(hit))


@slow
@given(length=st.integers(20 * PAGE, 10**9))
def test_a_file_that_breaks_off(length: int, case: Case) -> None:
    """What lies before the end is there."""
    length %= len(case.file)
    if length < 20 * PAGE:
        length = 20 * PAGE
    assert_saved(case, case.file[:length], set(range(length // PAGE + 1, len(case.file) // PAGE + 2)))


@slow
@given(tears=st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 15)), min_size=1, max_size=10))
def test_torn_pages(tears: list[tuple[int, int]], case: Case) -> None:
    """A page half of which is of an older state gives values of either state, and no others: none has a date."""
    file, count = bytearray(case.file), len(case.old) // PAGE
    hit = {2 + number % (count - 1) for number, _ in tears}
    for page, (_, sectors) in zip(sorted(hit), tears, strict=False):
        at = (page - 1) * PAGE + 512 * sectors
        file[at : page * PAGE] = case.old[at : page * PAGE]
    _, records, aside = salvaged(case, bytes(file))
    back = {("?abcd"[line["collection"]], line["id"]) for line in aside if "id" in line}
    for name, rows in records.items():
        for id_, (document, metadata, embedding) in rows.items():
            versions = [content[name][id_] for content in (case.before, case.records) if id_ in content[name]]
            assert (document, metadata) in [version[:2] for version in versions]
            assert embedding in [version[2] for version in versions]
        assert set(rows) <= set(case.records[name]), "a removed record is back"
        back |= {(name, id_) for id_ in rows}
    assert [id_ for id_, through in case.pages.items() if not through & hit and id_ not in back] == []


@slow
@given(data=st.data())
def test_a_damaged_log(data: st.DataObject, case: Case) -> None:
    """Transactions after a damaged frame, over which SQLite passes without a word, come back."""
    log = bytearray(case.log)
    for at in data.draw(st.lists(st.integers(0, len(log) - 1), min_size=1, max_size=3)):
        log[at] ^= 1 << data.draw(st.integers(0, 7))
    done, records, aside = salvaged(case, case.early, bytes(log))
    assert_sound(case, done, records)
    assert done.rows + len(aside) + done.lost >= sum(map(len, case.records.values()))


def test_bytes_that_hold_nothing_change_nothing(case: Case) -> None:
    """There is no use in an empty database in the place of noise."""
    folder = case.scratch / "noise"
    folder.mkdir()
    noise = random.Random(0).randbytes(40 * PAGE)
    (folder / FILE).write_bytes(noise)
    with pytest.raises(CorruptError, match="nothing was changed"):
        salvage(folder)
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == [(FILE, noise)]


def halved(db: apsw.Connection) -> None:
    """Lose the embedding of one record, and id, document and metadata of another."""
    for table, label in (("vectors", 7), ("records", 9)):
        db.execute(f"DELETE FROM {table} WHERE rowid = ?", (1 << LABEL_BITS | label,))


def changed(db: apsw.Connection) -> None:
    """Change a document behind Ochre's back."""
    db.execute("UPDATE records SET document = 'other' WHERE rowid = ?", (1 << LABEL_BITS | 7,))


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (halved, {"7": "its embedding is lost", None: "its id, document and metadata are lost"}),
        (changed, {"7": "it is not what was written", None: "its id, document and metadata are lost"}),
    ],
)
def test_halves_are_put_aside(
    damage: Callable[[apsw.Connection], None], expected: dict[str | None, str], case: Case
) -> None:
    """What has lost its other half is in the file of lines with all that is left of it."""
    folder = case.scratch / damage.__name__
    folder.mkdir()
    (folder / FILE).write_bytes(case.file)
    db = connect(str(folder / FILE), apsw.SQLITE_OPEN_READWRITE)
    damage(db)
    db.close()
    done, records, aside = salvaged(case, (folder / FILE).read_bytes())
    assert "7" not in records["a"]
    assert done.lost == len(case.records["a"]) - len(records["a"])
    assert {line.get("id"): line["why"] for line in aside} == expected
    (record,) = (line for line in aside if "id" in line)
    assert (record["collection"], record["label"], record["metadata"]) == (1, 7, {"n": 7})
    (vector,) = (line for line in aside if "embedding" in line)
    assert len(vector["embedding"]) == 32


def test_a_database_in_use_is_refused(tmp_path: Path) -> None:
    """Another process is named, this one too, and nothing is changed."""
    folder = tmp_path / "used"
    program = (
        "import sys; from pathlib import Path; from ochredb.local.engine import LocalEngine\n"
        f"engine = LocalEngine(Path({str(folder)!r})); print('open', flush=True); sys.stdin.read()"
    )
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(BusyError, match=f"process {other.pid}" if sys.platform == "linux" else "open in"):
            salvage(folder)
        other.communicate()
    engine = LocalEngine(folder)
    with pytest.raises(BusyError, match="this process"):
        salvage(folder)
    engine.create_collection(Scope(), NewCollection("still mine"))
    engine.close()
    assert salvage(folder).notes == ()


def test_a_salvage_that_is_killed_loses_nothing(case: Case, tmp_path: Path) -> None:
    """At whatever moment: the next one finds all that the first one would have found."""
    program = f"from pathlib import Path; from ochredb.local.salvage import salvage; salvage(Path({str(tmp_path)!r}))"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    (tmp_path / FILE).write_bytes(case.early)
    (tmp_path / f"{FILE}-wal").write_bytes(case.log)
    for attempt in range(6):
        with subprocess.Popen([sys.executable, "-c", program], env=environment) as running:
            time.sleep(0.25 + 0.08 * attempt)
            running.kill()
    salvage(tmp_path)
    engine = LocalEngine(tmp_path)
    assert content(engine) == case.records
    engine.close()


def test_a_salvage_that_stopped_between_its_last_steps_is_taken_up(case: Case, tmp_path: Path) -> None:
    """The log that is already under the damaged file's name is read from there."""
    for name, data in ((FILE, case.early), (f"{FILE}.damaged-20260101T000000Z-wal", case.log)):
        (tmp_path / name).write_bytes(data)
    os.link(tmp_path / FILE, tmp_path / f"{FILE}.damaged-20260101T000000Z")
    salvage(tmp_path)
    engine = LocalEngine(tmp_path)
    assert content(engine) == case.records
    engine.close()


def test_a_folder_without_a_database_is_refused(tmp_path: Path) -> None:
    """Nothing is made."""
    with pytest.raises(NotFoundError):
        salvage(tmp_path)
    assert list(tmp_path.iterdir()) == []
