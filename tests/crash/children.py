"""Processes that a test starts by the hundred, forked from one that has imported everything and opened nothing."""

import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from typing import Any, NamedTuple

import pytest

needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="the system neither forks nor has a SIGKILL")

_LONGEST = 4000
_WARM = ("faiss", "re2", "ochredb.local.engine", "ochredb.testing.reference", "tests.crash.writer")


class Ended(NamedTuple):
    """How a process ended.

    Args:
        signal: What killed it, or 0.
        value: What the function gave, or None.
        error: The traceback of what it raised, or "".
    """

    signal: int
    value: Any = None
    error: str = ""

    @property
    def killed(self) -> bool:
        """Whether it was killed, as it was to be, and did not fall over by itself."""
        return self.signal == signal.SIGKILL


class Child:
    """A process that runs a function of a module, and will have given its value, raised, or been killed."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._reader, writer = _context().Pipe(duplex=False)
        self._process = _context().Process(target=_call, args=(writer, function, args), daemon=True)
        self._process.start()
        writer.close()

    def end(self, patience: float, kill: bool = False) -> Ended:
        """Wait for its end.

        Args:
            patience: Seconds until it is killed.
            kill: Whether that is meant to happen; if not, it is an error that the process hung.
        """
        self._process.join(patience)
        hangs = self._process.is_alive() and not kill
        self._process.kill()
        self._process.join()
        # A result is short enough for the pipe to hold it, so that the process has ended before it is read.
        value, error = _received(self._reader)
        self._reader.close()
        code = self._process.exitcode or 0
        self._process.close()
        return Ended(max(-code, 0), value, f"it hung for {patience:g} s" if hangs else error)


def run(function: Callable[..., Any], *args: Any, kill_after: float | None = None, patience: float = 60) -> Ended:
    """Run a function of a module in a process of its own, to its end.

    Args:
        function: One that can be imported.
        args: For it.
        kill_after: Seconds until it is killed.
        patience: Seconds until it is given up as hanging; then it is killed and the error says so.
    """
    return Child(function, args).end(kill_after or patience, kill=kill_after is not None)


def begin(function: Callable[..., Any], *args: Any) -> Child:
    """Begin to run a function of a module in a process of its own."""
    return Child(function, args)


def start(function: Callable[..., Any], *args: Any) -> Any:
    """Start a process that is to be killed, and give it."""
    process = _context().Process(target=function, args=args, daemon=True)
    process.start()
    return process


def _call(pipe: Connection, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)  # FAISS warns there of so few rows
    os.dup2(quiet, 2)
    try:
        pipe.send((function(*args), ""))
    except BaseException:
        pipe.send((None, traceback.format_exc()[-_LONGEST:]))


def _received(pipe: Connection) -> tuple[Any, str]:
    try:
        return pipe.recv() if pipe.poll() else (None, "")
    except EOFError:
        return None, ""


def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_WARM))
    return context
