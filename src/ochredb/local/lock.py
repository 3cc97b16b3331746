"""A lock that many readers share or one writer has to itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class SharedLock:
    """Readers and writers of one view in this process; a writer that waits goes before readers that come later.

    Not reentrant: a thread that holds it must not ask for it again.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._readers = 0
        self._writing = False
        self._waiting = 0

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold it beside other readers."""
        with self._changed:
            while self._writing or self._waiting:
                self._changed.wait()
            self._readers += 1
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def exclusive(self) -> Iterator[Callable[[], None]]:
        """Hold it alone; calling what is given lets other readers in for the rest of the time."""
        with self._changed:
            self._waiting += 1
            try:
                while self._writing or self._readers:
                    self._changed.wait()
            except BaseException:  # Ctrl-C: those who let this one go first need not wait any more
                self._changed.notify_all()
                raise
            finally:
                self._waiting -= 1
            self._writing = True
        try:
            yield self._share
        finally:
            self._leave()

    def _share(self) -> None:
        with self._changed:
            self._writing = False
            self._readers += 1
            self._changed.notify_all()

    def _leave(self) -> None:
        with self._changed:
            if self._writing:
                self._writing = False
            else:
                self._readers -= 1
            self._changed.notify_all()
