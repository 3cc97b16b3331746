"""A lock that readers share: who goes first, and what an interruption leaves."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from ochredb.local.lock import SharedLock

WAIT = 10.0


def start(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


class Guest:
    """A thread that goes into a lock, says so, and stays until told to leave."""

    def __init__(self, hold: Callable[[], AbstractContextManager[Any]]) -> None:
        self.inside, self.leave = threading.Event(), threading.Event()
        self._hold = hold
        self._thread = start(self._stay)

    def _stay(self) -> None:
        with self._hold():
            self.inside.set()
            assert self.leave.wait(WAIT)

    def go(self) -> None:
        """Leave, and be gone."""
        self.leave.set()
        self._thread.join(WAIT)
        assert not self._thread.is_alive()


def test_readers_share_and_a_writer_is_alone() -> None:
    """Readers are inside together; a writer enters when they have left, and others when it has."""
    lock = SharedLock()
    one, two = Guest(lock.shared), Guest(lock.shared)
    assert one.inside.wait(WAIT)
    assert two.inside.wait(WAIT)
    writer = Guest(lock.exclusive)
    assert not writer.inside.wait(0.05)
    late = Guest(lock.shared)
    assert not late.inside.wait(0.05), "a writer that waits goes before readers that come later"
    one.go()
    two.go()
    assert writer.inside.wait(WAIT)
    assert not late.inside.wait(0.05)
    writer.go()
    assert late.inside.wait(WAIT)
    late.go()


def test_a_writer_that_shares_lets_readers_in() -> None:
    """After it has called what it was given, readers join it, and another writer waits for all of them."""
    lock = SharedLock()
    with lock.exclusive() as share:
        reader = Guest(lock.shared)
        assert not reader.inside.wait(0.05)
        share()
        assert reader.inside.wait(WAIT)
        writer = Guest(lock.exclusive)
        assert not writer.inside.wait(0.05)
        reader.go()
    assert writer.inside.wait(WAIT)
    writer.go()


@pytest.mark.parametrize("verb", ["shared", "exclusive"])
def test_an_error_inside_gives_the_lock_back(verb: str) -> None:
    """Whoever leaves by an exception has left."""
    lock = SharedLock()
    with pytest.raises(ZeroDivisionError), getattr(lock, verb)():
        raise ZeroDivisionError
    guest = Guest(lock.exclusive)
    assert guest.inside.wait(WAIT)
    guest.go()


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let SIGINT raise KeyboardInterrupt, which it does not in what a shell runs in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(os.name == "nt", reason="a thread cannot be sent a signal there")
@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("verb", ["shared", "exclusive"])
def test_an_interrupted_wait_leaves_no_trace(verb: str) -> None:
    """A thread that is interrupted (Ctrl-C) while it waits does not keep others out for ever."""
    lock = SharedLock()
    holder = Guest(lock.shared if verb == "exclusive" else lock.exclusive)
    assert holder.inside.wait(WAIT)
    main = threading.main_thread().ident or 0
    timer = threading.Timer(0.2, lambda: signal.pthread_kill(main, signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt), getattr(lock, verb)():
        pytest.fail("the lock was given to two")
    timer.join()
    holder.go()
    for hold in (lock.shared, lock.exclusive, lock.shared):
        guest = Guest(hold)
        assert guest.inside.wait(3), "nobody gets in any more"
        guest.go()
