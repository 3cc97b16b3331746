"""A process on a disk that fills up, and one that begins on a full one."""

import re
from pathlib import Path

import pytest

from ochredb.core.errors import OchreError
from ochredb.core.model import NO_FIELDS, Delete, Get
from ochredb.local.engine import LocalEngine
from ochredb.testing.reference import ReferenceEngine
from tests.crash import audit, steps
from tests.crash.small import lower_thresholds
from tests.crash.steps import SCOPE, Step

BATCH = 150


def fill(disk: Path) -> str:
    """Write until the disk is full, go on reading, make room, and go on writing; give "done"."""
    lower_thresholds()
    folder, ballast = disk / "database", disk / "ballast"
    _stuff(ballast, 1 << 20)
    engine, truth = LocalEngine(folder), ReferenceEngine()
    for name in ("plain", "coded"):
        for one in (engine, truth):
            steps.change(one, Step("create", name))
    said = ""
    for n in range(1000):
        step = Step("add", ("plain", "coded")[n % 2], list(range(n * BATCH, (n + 1) * BATCH)), n)
        try:
            steps.change(engine, step)
        except OchreError as error:
            said = str(error)
            break
        steps.change(truth, step)
        if n % 5 == 4:
            steps.CARES["query"](engine, step)
    assert str(folder) in said, said
    assert "full" in said or "No space" in said or "I/O" in said, said
    _audit(engine, truth)
    engine.close()
    engine = LocalEngine(folder)  # the disk is as full as it was
    _audit(engine, truth)
    ballast.unlink()
    for one in (engine, truth):
        ours = one.get_collection(SCOPE, "plain").id
        one.delete(ours, Delete(ids=[f"record {n}" for n in range(BATCH)]))
        steps.change(one, Step("upsert", "plain", list(range(40)), 7))
    engine.settle()
    _audit(engine, truth)
    engine.close()
    audit.check(folder)
    return "done"


def begin(disk: Path) -> str:
    """Open a new database on a full disk in vain, make room, and open it; give "done"."""
    ballast = disk / "ballast"
    _stuff(ballast, 1 << 30)
    for _ in range(2):
        with pytest.raises(OchreError, match=re.escape(str(disk))):
            LocalEngine(disk / "database").close()
    ballast.unlink()
    engine = LocalEngine(disk / "database")
    steps.change(engine, Step("create", "plain"))
    steps.change(engine, Step("add", "plain", [1, 2, 3], 1))
    assert len(engine.get(engine.get_collection(SCOPE, "plain").id, Get(fields=NO_FIELDS))) == 3
    engine.close()
    return "done"


def _audit(engine: LocalEngine, truth: ReferenceEngine) -> None:
    audit.same_contents(audit.contents(engine), audit.contents(truth))
    audit.search(engine, truth, 1)


def _stuff(path: Path, most: int) -> None:
    """Write a file of so many bytes, or of as many as the disk takes."""
    with path.open("wb", buffering=0) as file:
        try:
            for _ in range(most // 4096):
                file.write(bytes(4096))
        except OSError:
            return
