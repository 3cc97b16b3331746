"""Many processes on one folder: what one was told is there, all others find at their next call."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from ochredb.core.errors import BusyError
from ochredb.core.model import ALL_FIELDS, Get, NewCollection, Records, Write
from ochredb.local.engine import LocalEngine
from tests.crash import audit, children, crowd
from tests.crash.children import needs_fork
from tests.crash.holding import hold
from tests.crash.steps import SCOPE

SECONDS = 60.0 if os.environ.get("CI") == "true" else 8.0
WRITERS, READERS = 3, 3


@needs_fork
def test_a_crowd_agrees(tmp_path: Path) -> None:
    """Writers and readers work for a while, one writer is killed: every row is found, none twice, counts agree."""
    folder, boards = tmp_path / "database", tmp_path / "boards"
    boards.mkdir()
    crowd.prepare(folder)
    doomed = children.start(crowd.write, folder, boards, WRITERS, 1e6)
    working = [children.begin(crowd.write, folder, boards, writer, SECONDS) for writer in range(WRITERS)]
    working += [children.begin(crowd.read, folder, boards, seed, SECONDS) for seed in range(READERS)]
    time.sleep(SECONDS / 2)
    doomed.kill()
    doomed.join()
    ended = [child.end(SECONDS + 30) for child in working]
    assert all(one.value for one in ended), ended
    for one in _everything(folder), _everything(folder):
        _same_as_boards(one, boards)
    audit.check(folder)


@needs_fork
def test_who_waits_in_vain_is_told_for_whom(tmp_path: Path) -> None:
    """A writer waits as long as was said, and is then told which process holds the lock, and what for."""
    engine = LocalEngine(tmp_path, wait=0.3)
    collection = engine.create_collection(SCOPE, NewCollection("c")).id
    holder = children.start(hold, tmp_path, "a long sleep")
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    with pytest.raises(BusyError, match=rf"process {holder.pid} \(a long sleep\) held the write lock .* 0\.3 s"):
        engine.write(collection, Write("add", Records(["a"], crowd.batch(0, 0).embeddings[:1])))  # type: ignore[index]
    assert engine.count(collection) == 0
    holder.kill()
    holder.join()
    engine.write(collection, Write("add", Records(["a"], crowd.batch(0, 0).embeddings[:1])))  # type: ignore[index]
    assert engine.count(collection) == 1
    engine.close()


def _everything(folder: Path) -> list[Any]:
    engine = LocalEngine(folder)
    collection = engine.get_collection(SCOPE, crowd.COLLECTION).id
    found = engine.get(collection, Get(fields=ALL_FIELDS))
    assert engine.count(collection) == len(found.ids) == len(set(found.ids))
    engine.close()
    return [found.ids, found.documents]


def _same_as_boards(found: list[Any], boards: Path) -> None:
    """Assert that all that stands on the boards is there, and else at most what a dead writer was about to say."""
    ids, documents = found
    there = {tuple(map(int, id_.split()[:2])) for id_ in ids}
    assert len(ids) == len(there) * crowd.ROWS
    assert [f"text {' '.join(id_.split()[:2])}." for id_ in ids] == documents
    posted = {(int(board.name), n) for board in boards.iterdir() for n in crowd.standing(board)}
    assert posted <= there
    assert {writer for writer, _ in there - posted} <= {WRITERS}
    assert len(there - posted) <= 2
