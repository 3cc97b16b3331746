"""A process whose system calls fail for a while: it is told so, goes on, and has lost nothing when it is over."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Literal

import apsw
import msgspec

from ochredb.core.errors import OchreError
from ochredb.local.engine import LocalEngine
from ochredb.testing.reference import ReferenceEngine
from tests.crash import audit, calls, ledger, steps
from tests.crash.calls import Half
from tests.crash.ledger import Ledger
from tests.crash.small import lower_thresholds
from tests.crash.steps import SCOPE, Step

Reason = Literal["EIO", "ENOSPC"]

_PATIENCE = 600
"""Steps to wait for a call that does not come often."""
_REASONS = ("disk I/O error", "disk is full", "unable to open", *(os.strerror(n) for n in (errno.EIO, errno.ENOSPC)))
_SQLITE: dict[Reason, tuple[type[apsw.Error], str]] = {
    "EIO": (apsw.IOError, "disk I/O error"),
    "ENOSPC": (apsw.FullError, "database or disk is full"),
}


class Fault(msgspec.Struct, frozen=True):
    """Which calls fail: so many of this name, from the n-th on.

    Args:
        call: A key of `calls.POINTS`.
        nth: From 1.
        times: How many.
        reason: What the caller is told.
        torn: Whether the first half of a write is made nevertheless.
    """

    call: str
    nth: int
    times: int
    reason: Reason
    torn: bool = False


def endure(folder: Path, book: Path, seed: int, fault: Fault, most: int) -> tuple[int, int]:
    """Work while calls fail, then without, and find everything that was acknowledged and nothing else.

    Args:
        folder: Of the database.
        book: Its whole ledger so far; it is continued.
        seed: Of the steps.
        fault: What fails.
        most: Steps to go on for once a call has failed.

    Returns:
        How many calls failed, and how many steps raised.
    """
    lower_thresholds()
    calls.quieten()
    saboteur = _Saboteur(fault)
    calls.watch(folder, saboteur)
    random, writer = Random(seed), _Writer(folder, Ledger(book))
    left = most
    while left and writer.steps < _PATIENCE:
        writer.step(random)
        left -= saboteur.failed > 0
    saboteur.over = True
    engine, truth = writer.opened(), ReferenceEngine()
    audit.settle_account(engine, truth, ledger.read(book))
    audit.search(engine, truth, seed)
    engine.settle()
    audit.search(engine, truth, seed)
    engine.close()
    return saboteur.failed, writer.refused


class _Saboteur:
    def __init__(self, fault: Fault) -> None:
        self._fault = fault
        self._seen = self.failed = 0
        self.over = False

    def __call__(self, call: str, half: Half) -> None:
        fault = self._fault
        if call != fault.call or self.over:
            return
        self._seen += 1
        if fault.nth <= self._seen < fault.nth + fault.times:
            self.failed += 1
            if fault.torn:
                half()
            raise self._error()

    def _error(self) -> Exception:
        if self._fault.call in calls.PYTHON or self._fault.call == "os.fsync":
            number = getattr(errno, self._fault.reason)
            return OSError(number, os.strerror(number))
        kind, text = _SQLITE[self._fault.reason]
        return kind(text)


class _Writer:
    """Takes step after step, opening the engine again where that has failed; an error that is not ours ends it."""

    def __init__(self, folder: Path, book: Ledger) -> None:
        self._folder = folder
        self._book = book
        self._engine: LocalEngine | None = None
        self._doubtful = False
        self.refused = self.steps = 0

    def opened(self) -> LocalEngine:
        if self._engine is None:
            self._engine = LocalEngine(self._folder)
        return self._engine

    def step(self, random: Random) -> None:
        self.steps += 1
        try:
            engine = self.opened()
            step = steps.draw(random, {info.name for info in engine.list_collections(SCOPE)})
        except OchreError as error:
            self._note(error)
            return
        if step.verb == "reopen":
            # A commit that failed at its very last step, the sync, lies whole in the WAL until another one overwrites
            # it. If the file is opened anew before that, SQLite takes it for committed, and nobody can tell otherwise.
            if not self._doubtful:
                self._engine = None
                self._attempt(lambda _, __: engine.close(), engine, step)
        elif step.verb in steps.CARES:
            self._attempt(steps.CARES[step.verb], engine, step)
        else:
            self._book.begin(step)
            done = self._attempt(steps.change, engine, step)
            (self._book.done if done else self._book.refused)()
            self._doubtful |= not done

    def _attempt(self, call: Callable[[LocalEngine, Step], None], engine: LocalEngine, step: Step) -> bool:
        try:
            call(engine, step)
        except OchreError as error:
            self._note(error)
            return False
        return True

    def _note(self, error: OchreError) -> None:
        assert str(self._folder) in str(error), f"this does not say where: {error!r}"
        assert any(reason in str(error) for reason in _REASONS), f"this does not say why: {error!r}"
        self.refused += 1
