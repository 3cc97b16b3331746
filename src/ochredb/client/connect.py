"""Where the data is -> the engine that holds it: one engine a place and process, shared by all clients, closed with the
last.
"""

import os
import threading
from pathlib import Path

from ochredb.core.engine import Engine
from ochredb.core.errors import InternalError


class Lease:
    """A client's share in an engine."""

    def __init__(self, shared: "_Shared") -> None:
        self.engine: Engine = shared.engine
        self._shared: _Shared | None = shared

    def release(self) -> None:
        """Give the share back; the engine closes with the last one. Releasing twice is harmless."""
        with _lock:
            shared, self._shared = self._shared, None
            if shared is None:
                return
            shared.holders -= 1
            if shared.holders:
                return
            if _open.get(shared.place) is shared:
                del _open[shared.place]
        shared.engine.close()


class _Shared:
    def __init__(self, place: Path | None) -> None:
        from ochredb.local.engine import LocalEngine  # an engine is imported when one of its kind is first asked for

        self.place = place
        self.engine = LocalEngine(place)
        self.holders = 0


_open: dict[Path | None, _Shared] = {}
_lock = threading.RLock()


def memory() -> Lease:
    """Share the one database in memory that this process has, as Chroma's clients do."""
    return _share(None)


def folder(path: str | os.PathLike[str]) -> Lease:
    """Share the database in a folder, whatever way its path is written.

    Raises:
        InternalError: The path cannot be a path, is a file, or cannot be written.
    """
    try:
        return _share(Path(path).resolve())
    except (TypeError, ValueError, OSError) as error:
        raise InternalError(f"path {path!r} cannot name a folder: {error}") from error


def _share(place: Path | None) -> Lease:
    with _lock:
        shared = _open.get(place)
        if shared is None or not shared.engine.present():
            # A folder that was removed, and perhaps made anew, is another database than the one that is still open.
            shared = _open[place] = _Shared(place)
        shared.holders += 1
        return Lease(shared)
