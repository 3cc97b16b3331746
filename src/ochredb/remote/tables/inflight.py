"""Keys that a call is reading, changing and writing back, so that no other call of this process does so meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class InFlight:
    """The keys that are being changed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._keys: set[tuple[str, str]] = set()

    @contextmanager
    def holding(self, table: str, keys: list[str]) -> Iterator[None]:
        """Wait until no other call holds one of these keys of a table, and hold them."""
        wanted = {(table, key) for key in keys}
        with self._changed:
            self._changed.wait_for(lambda: self._keys.isdisjoint(wanted))
            self._keys |= wanted
        try:
            yield
        finally:
            with self._changed:
                self._keys -= wanted
                self._changed.notify_all()
