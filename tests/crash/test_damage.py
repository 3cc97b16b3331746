"""Damaged files: what is derived is made anew without a word lost, damage to the truth is told by name."""

import shutil
from fnmatch import fnmatch
from pathlib import Path
from random import Random

import pytest

from ochredb.core.errors import CorruptError
from ochredb.local import wal
from ochredb.local.check import check
from ochredb.local.database import FILE
from ochredb.local.engine import LocalEngine
from ochredb.testing.reference import ReferenceEngine
from tests.crash import audit, children, ledger
from tests.crash.children import needs_fork
from tests.crash.damage import DAMAGES, Held, damage, held, look
from tests.crash.steps import change
from tests.crash.writer import Death, write

TIMES = 2
DERIVED = ("vectors.json", "vectors.index.*", "vectors.rows.*", "vectors.labels.*", "text.json", "text.index.*", ".*")
TRUTH_TIMES = 25
WAL_TIMES = 12
LOG = f"{FILE}-wal"


@pytest.fixture(scope="module")
def known(filled: Path) -> Held:
    """Give what the database of `filled` holds."""
    truth = ReferenceEngine()
    for step in ledger.read(filled / "ledger").done:
        change(truth, step)
    return held(truth)


@needs_fork
@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", DERIVED)
def test_what_is_derived_is_made_anew(filled: Path, known: Held, tmp_path: Path, name: str, kind: str) -> None:
    """Whatever happens to files that are not the truth, every answer is right and nothing is said."""
    random = Random(f"{name} {kind}")
    for at in range(TIMES):
        folder = tmp_path / str(at)
        shutil.copytree(filled / "database", folder)
        paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and fnmatch(path.name, name)]
        assert paths
        for path in paths:
            damage(path, kind, random)
        ended = children.run(look, folder, known, at)
        assert ended.value == [], f"{name}, {kind}, {at}: {ended}"


@needs_fork
@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_to_the_truth_is_told(filled: Path, known: Held, tmp_path: Path, kind: str) -> None:
    """Whatever happens to the SQLite file, answers are right, or an error names the folder; nothing crashes."""
    random = Random(kind)
    for at in range(TRUTH_TIMES):
        folder = tmp_path / str(at)
        shutil.copytree(filled / "database", folder)
        damage(folder / FILE, kind, random)
        ended = children.run(look, folder, known, at)
        assert ended.value is not None, f"{kind}, {at}: {ended}"
        assert all(str(folder) in error for error in ended.value), ended.value


@needs_fork
@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_to_the_log_of_a_dead_writer_is_told(tmp_path: Path, kind: str) -> None:
    """A WAL that nobody has taken up is damaged: what is left is whole calls, and if any are lost, opening is refused.

    SQLite itself takes a damaged frame for the end of the WAL, and says nothing. Damage to the very last commit cannot
    be told from a commit that was not finished.
    """
    dead = _dead_writer(tmp_path)
    truth, states = ReferenceEngine(), []
    told = ledger.read(dead / "ledger")
    for step in [*told.done, *([told.open] if told.open else [])]:
        change(truth, step)
        states.append(audit.contents(truth))
    random = Random(kind)
    for at in range(WAL_TIMES):
        folder = tmp_path / str(at)
        shutil.copytree(dead / "database", folder)
        good = (folder / LOG).read_bytes()
        damage(folder / LOG, kind, random)
        last = _reaches_last_commit(good, (folder / LOG).read_bytes())
        clean = check(folder).clean
        try:
            engine = LocalEngine(folder)
        except CorruptError:
            assert not clean
            continue
        found = audit.contents(engine)
        engine.close()
        assert found in states, f"{kind}, {at}: this was never so"
        assert found in states[len(told.done) - 1 :] or last, f"{kind}, {at}: calls are lost without a word"


def _dead_writer(folder: Path) -> Path:
    """Kill writers until one of them leaves several transactions in its WAL, and give its folder."""
    for seed in range(20):
        left = folder / f"seed {seed}"
        left.mkdir()
        death = Death("wal write", 300)
        ended = children.run(write, left / "database", left / "ledger", seed, death, 200)
        assert ended.killed, ended
        log = wal.parse((left / "database" / LOG).read_bytes())
        if log is not None and log.commits.sum() > 2:
            return left
    raise AssertionError("no writer left several transactions in its WAL")


def _reaches_last_commit(good: bytes, bad: bytes) -> bool:
    """Tell whether the frame that ends the last transaction of a WAL, or what comes behind it, is another."""
    log = wal.parse(good)
    assert log is not None
    start = 32 + (log.committed - 1) * (24 + log.page_size)
    return good[start:] != bad[start:]
