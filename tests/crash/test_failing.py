"""System calls that fail: the call that needed them says so, or does without; nothing acknowledged is lost."""

import shutil
from pathlib import Path
from random import Random
from zlib import crc32

import pytest

from ochredb.local.engine import LocalEngine
from ochredb.testing.reference import ReferenceEngine
from tests.crash import audit, children, ledger
from tests.crash.calls import POINTS
from tests.crash.children import needs_fork
from tests.crash.failing import Fault, Reason, endure

STEPS = 40
SPELLS: tuple[tuple[int, Reason], ...] = ((1, "EIO"), (25, "ENOSPC"))
"""How often a call fails, and why."""
ALWAYS_EIO = ("db read", "db lock")


@needs_fork
@pytest.mark.parametrize("call", POINTS)
def test_a_failing_call_loses_nothing(filled: Path, tmp_path: Path, call: str) -> None:
    """A call that fails once, or for a while, is survived by the process it happens to and by the next one."""
    random = Random(crc32(call.encode()))
    for times, usual in SPELLS:
        reason: Reason = "EIO" if call in ALWAYS_EIO else usual
        nth = random.randint(1, max(POINTS[call] // 4, 1))
        fault = Fault(call, nth, times, reason, torn="write" in call and random.random() < 0.5)
        folder = tmp_path / str(times)
        shutil.copytree(filled, folder)
        _endured(folder, random.randrange(1 << 31), fault)


def _endured(folder: Path, seed: int, fault: Fault) -> None:
    ended = children.run(endure, folder / "database", folder / "ledger", seed, fault, STEPS)
    assert ended.value is not None, f"seed {seed}, {fault}: {ended.error or ended}"
    failed, _ = ended.value
    assert failed, f"seed {seed}, {fault}: the call was never made"
    engine, truth = LocalEngine(folder / "database"), ReferenceEngine()
    audit.settle_account(engine, truth, ledger.read(folder / "ledger"))
    audit.search(engine, truth, seed)
    engine.close()
