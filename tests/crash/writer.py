"""A process that works until it is killed, or that goes on while its system calls fail, and notes what it is told."""

import os
import signal
from pathlib import Path
from random import Random

import msgspec

from ochredb.local.engine import LocalEngine
from tests.crash import calls, steps
from tests.crash.calls import Half
from tests.crash.ledger import Ledger
from tests.crash.small import lower_thresholds
from tests.crash.steps import SCOPE


class Death(msgspec.Struct, frozen=True):
    """When a writer dies: before the n-th call of this name, or after the first half of it.

    Args:
        call: A key of `calls.POINTS`.
        nth: From 1.
        torn: Whether half of what it was to write is written.
    """

    call: str
    nth: int
    torn: bool = False


def write(folder: Path, ledger: Path, seed: int, death: Death | None, most: int) -> int:
    """Carry out up to so many steps drawn from a seed, unless killed first; give how many there were."""
    lower_thresholds()
    if death is not None:
        calls.watch(folder, _Executioner(death))
    random, book = Random(seed), Ledger(ledger)
    engine = LocalEngine(folder)
    for _ in range(most):
        step = steps.draw(random, _present(engine))
        if step.verb == "reopen":
            engine.close()
            engine = LocalEngine(folder)
        elif step.verb in steps.CARES:
            steps.CARES[step.verb](engine, step)
        else:
            book.begin(step)
            steps.change(engine, step)
            book.done()
    engine.close()
    return most


class _Executioner:
    def __init__(self, death: Death) -> None:
        self._death = death
        self._left = death.nth

    def __call__(self, call: str, half: Half) -> None:
        if call != self._death.call:
            return
        self._left -= 1
        if self._left == 0:
            if self._death.torn:
                half()
            os.kill(os.getpid(), signal.SIGKILL)


def _present(engine: LocalEngine) -> set[str]:
    return {info.name for info in engine.list_collections(SCOPE)}
