"""Where the data is -> the engine that holds it: one engine a place and process, shared by all clients, closed with the
last.
"""

import os
import threading
from pathlib import Path
from typing import NamedTuple

from ochredb.chroma.settings import Settings
from ochredb.core.engine import Engine
from ochredb.core.errors import BadValue, InternalError, NotSupported, OchreError


class Options(NamedTuple):
    """How a folder is opened; see `PersistentClient`."""

    wait: float = 10.0
    read_only: bool = False
    network: bool = False
    memory_limit: int | None = None


OPTIONS = Options()


class Lease:
    """A client's share in an engine."""

    def __init__(self, shared: "_Shared") -> None:
        self.engine: Engine = shared.engine
        self.in_memory = shared.place is None
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
    def __init__(self, place: Path | None, options: Options) -> None:
        from ochredb.local.engine import LocalEngine  # an engine is imported when one of its kind is first asked for

        self.place = place
        self.options = options
        self.engine = LocalEngine(place, **options._asdict())
        self.holders = 0


_open: dict[Path | None, _Shared] = {}
_lock = threading.RLock()


LOCAL = ("chromadb.api.rust.RustBindingsAPI", "chromadb.api.segment.SegmentAPI")
REMOTE = ("chromadb.api.fastapi.FastAPI", "chromadb.api.async_fastapi.AsyncFastAPI")
"""What Chroma's setting `chroma_api_impl` says; ours are the classes that stand for the same."""


def settled(settings: Settings) -> Lease:
    """Share what settings name: the database in memory, or with `is_persistent` the one in `persist_directory`.

    Raises:
        NotSupported: They name a server.
        BadValue: They name an implementation that Chroma does not have.
    """
    if settings.chroma_api_impl in REMOTE:
        raise no_server(f"Settings(chroma_api_impl={settings.chroma_api_impl!r})")
    if settings.chroma_api_impl not in LOCAL:
        raise BadValue(
            f"Unsupported Chroma API implementation {settings.chroma_api_impl}; leave it out, or use {LOCAL[0]}"
        )
    return folder(settings.persist_directory) if settings.is_persistent else memory()


def no_server(asked: str) -> NotSupported:
    """Give the refusal of what needs a server."""
    return NotSupported(
        f"{asked}: Ochre has no client for a server yet; "
        "use PersistentClient(path), which any number of processes may open"
    )


def memory() -> Lease:
    """Share the one database in memory that this process has, as Chroma's clients do."""
    return _share(None)


def forget_memory() -> None:
    """Let the next `memory()` be a new database; who has the old one keeps it."""
    with _lock:
        _open.pop(None, None)


def folder(path: str | os.PathLike[str], options: Options = OPTIONS) -> Lease:
    """Share the database in a folder, whatever way its path is written.

    Raises:
        BadValue: It is open in this process with other options.
        InternalError: The path cannot be a path, is a file, or cannot be written.
    """
    try:
        return _share(Path(path).resolve(), options)
    except OchreError:
        raise
    except (TypeError, ValueError, OSError) as error:
        raise InternalError(f"path {path!r} cannot name a folder: {error}") from error


def _share(place: Path | None, options: Options = OPTIONS) -> Lease:
    with _lock:
        shared = _open.get(place)
        if shared is None or not shared.engine.present():
            # A folder that was removed, and perhaps made anew, is another database than the one that is still open.
            shared = _open[place] = _Shared(place, options)
        if shared.options != options:
            raise BadValue(
                f"An instance of Ochre already exists for {place} with different settings: {shared.options}; "
                "close it, or open it with the same"
            )
        shared.holders += 1
        return Lease(shared)
