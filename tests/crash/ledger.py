"""What a writer was told: every call before it is made, and that it returned, or was refused, afterwards.

A line is one `write` to the file: it is there when the process dies a moment later, which is all that a kill takes.
"""

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.crash.steps import Step

_DONE, _REFUSED = b"done\n", b"refused\n"


class Told(NamedTuple):
    """What a ledger tells: the steps that returned, in order, and the one that neither returned nor was refused."""

    done: list[Step]
    open: Step | None


class Ledger:
    """The writer's side."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def begin(self, step: Step) -> None:
        """Note a call that is about to be made."""
        os.write(self._file, msgspec.json.encode(step) + b"\n")

    def done(self) -> None:
        """Note that it returned."""
        os.write(self._file, _DONE)

    def refused(self) -> None:
        """Note that it raised, and so has changed nothing."""
        os.write(self._file, _REFUSED)


def read(path: Path) -> Told:
    """Read what a writer has left, however it ended."""
    done: list[Step] = []
    open_: Step | None = None
    for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
        if line == _DONE and open_ is not None:
            done.append(open_)
        open_ = None if line in (_DONE, _REFUSED) else msgspec.json.decode(line, type=Step)
    return Told(done, open_)
