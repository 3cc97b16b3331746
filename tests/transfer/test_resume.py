"""Exports and imports that are killed, at random instants and before chosen system calls, and then resumed."""

from pathlib import Path
from random import Random

import pytest

from ochredb.core.errors import NotFoundError
from ochredb.core.model import ALL_FIELDS, Get, Records, Scope
from ochredb.local import check
from ochredb.local.engine import LocalEngine
from ochredb.testing.compare import typed
from ochredb.transfer import manifest
from ochredb.transfer.exported import ExportedFolder
from tests.crash import children
from tests.crash.children import needs_fork
from tests.transfer.moving import COLLECTIONS, export_all, fill, import_all

ROWS = sum(COLLECTIONS.values())
EXPORT_CALLS = {"open": 12, "os.fsync": 9, "os.rename": 4, "os.remove": 2}
IMPORT_CALLS = {"wal write": 900, "wal sync": 9, "db write": 500, "db sync": 2, "os.fsync": 3, "open": 9}

pytestmark = needs_fork


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a database of a few collections."""
    folder = tmp_path_factory.mktemp("resume") / "database"
    children.run(fill, folder)
    return folder


@pytest.fixture(scope="module")
def exported(database: Path) -> Path:
    """Give an export of it."""
    out = database.parent / "exported"
    assert children.run(export_all, database, out, "npz").value == ROWS
    return out


def in_engine(folder: Path) -> dict[str, Records]:
    """Read a database."""
    engine = LocalEngine(folder)
    found = {info.name: engine.get(info.id, Get(fields=ALL_FIELDS)) for info in engine.list_collections(Scope())}
    engine.close()
    return found


def the_same(found: dict[str, Records], wanted: dict[str, Records]) -> None:
    """Assert equal collections, to the bit, in the same order."""
    assert found.keys() == wanted.keys()
    for name, records in wanted.items():
        assert found[name].ids == records.ids, name
        assert (found[name].documents, found[name].uris) == (records.documents, records.uris)
        assert typed(found[name].metadatas) == typed(records.metadatas)
        assert found[name].embeddings is not None
        assert records.embeddings is not None
        assert found[name].embeddings.tobytes() == records.embeddings.tobytes()


def in_export(out: Path) -> dict[str, list[str]]:
    """Give the ids of an export, whose checksums are compared as they are read."""
    source = ExportedFolder(out)
    found = {}
    for one in source.collections():
        found[one.new.name] = [id_ for batch in source.records(one) for id_ in batch.ids]
    return found


@pytest.mark.parametrize("layout", ["jsonl.gz", "parquet", "npz"])
def test_an_export_that_was_killed_is_finished(database: Path, layout: str, tmp_path: Path) -> None:
    """Killed again and again, each time resumed: every record once, whole files only, no rest of the earlier ones."""
    random, out, kills = Random(layout), tmp_path / "out", 0
    for _ in range(8):
        call = random.choice(list(EXPORT_CALLS))
        ended = children.run(export_all, database, out, layout, call, random.randint(1, EXPORT_CALLS[call]))
        assert ended.killed or ended.value == ROWS, ended
        kills += ended.killed
        if not ended.killed:
            break
        with pytest.raises(NotFoundError):
            ExportedFolder(out)
    assert kills
    assert children.run(export_all, database, out, layout).value == ROWS
    ids = {name: records.ids for name, records in in_engine(database).items()}
    assert in_export(out) == ids
    assert len(list(out.iterdir())) == len(COLLECTIONS) + 1
    assert children.run(export_all, database, out, layout).value == ROWS  # once more does nothing


@pytest.mark.parametrize("seed", range(3))
def test_an_import_that_was_killed_is_finished(database: Path, exported: Path, seed: int, tmp_path: Path) -> None:
    """Killed again and again: whole batches only, and at the end neither a gap nor a duplicate, in the same order."""
    random, target, kills = Random(seed), tmp_path / "target", 0
    wanted = in_engine(database)
    while kills < 5:
        call = random.choice(list(IMPORT_CALLS))
        ended = children.run(import_all, exported, target, call, random.randint(1, IMPORT_CALLS[call]))
        assert ended.killed or ended.value == ROWS, ended
        kills += ended.killed
        if target.exists() and (target / "ochre.sqlite3").exists():
            for name, records in in_engine(target).items():
                assert len(records) in {*range(0, COLLECTIONS[name], 1_000), COLLECTIONS[name]}
                assert records.ids == wanted[name].ids[: len(records)]
        if not ended.killed:
            break
    assert children.run(import_all, exported, target).value == ROWS
    the_same(in_engine(target), wanted)
    assert check.check(target, deep=True).clean


@pytest.mark.parametrize("seed", range(2))
def test_killed_by_the_clock(database: Path, exported: Path, seed: int, tmp_path: Path) -> None:
    """At no instant is there a state that resuming cannot go on from."""
    random, kills = Random(f"clock {seed}"), 0
    target, out = tmp_path / "target", tmp_path / "out"
    for _ in range(6):
        kills += children.run(import_all, exported, target, kill_after=random.uniform(0.02, 0.4)).killed
        kills += children.run(export_all, database, out, "jsonl", kill_after=random.uniform(0.02, 0.4)).killed
    assert children.run(import_all, exported, target).value == ROWS
    assert children.run(export_all, database, out, "jsonl").value == ROWS
    wanted = in_engine(database)
    the_same(in_engine(target), wanted)
    assert in_export(out) == {name: records.ids for name, records in wanted.items()}
    assert kills


def test_two_imports_at_a_time(database: Path, exported: Path, tmp_path: Path) -> None:
    """Two processes that do the same work leave each record once."""
    both = [children.begin(import_all, exported, tmp_path / "target") for _ in range(2)]
    assert [child.end(60).value for child in both] == [ROWS, ROWS]
    found, wanted = in_engine(tmp_path / "target"), in_engine(database)
    assert {name: sorted(one.ids) for name, one in found.items()} == {
        name: sorted(one.ids) for name, one in wanted.items()
    }


def test_an_unfinished_export_is_not_taken_for_a_whole_one(database: Path, tmp_path: Path) -> None:
    """It can neither be imported nor begun again by mistake, nor finished in another way."""
    out = tmp_path / "out"
    assert children.run(export_all, database, out, "jsonl", "os.rename", 2).killed
    with pytest.raises(NotFoundError, match=r"holds no manifest\.json; unfinished\.jsonl tells of an export"):
        ExportedFolder(out)
    other = children.run(export_all, database, out, "parquet")
    assert "made otherwise" in other.error
    assert (out / manifest.UNFINISHED).exists()
