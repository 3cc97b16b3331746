"""A lock that many readers share or one writer has to itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager


class SharedLock:
    """Readers and writers of one view in this process; a writer that waits goes before readers that come later.

    Not reentrant: a thread that holds it must not ask for it again.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._readers = 0
        self._writing = False
        self._waiting = 0
        self._sharing = _Sharing(self)

    def shared(self) -> AbstractContextManager[None]:
        """Hold it beside other readers."""
        return self._sharing

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

    def _enter(self) -> None:
        with self._changed:
            while self._writing or self._waiting:
                self._changed.wait()
            self._readers += 1

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
            if self._waiting or not self._readers:
                self._changed.notify_all()


class _Sharing:
    """A reader's way in and out: a generator in its place takes some 4 us of each query."""

    def __init__(self, lock: SharedLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock._enter()

    def __exit__(self, *error: object) -> None:
        self._lock._leave()
