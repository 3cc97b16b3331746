"""Where the data is -> the engine that holds it: one engine a place and process, shared by all clients, closed with the
last.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from msgspec.structs import replace

from ochredb.chroma.settings import Settings
from ochredb.client import address
from ochredb.core.engine import Engine
from ochredb.core.errors import BadValue, InternalError, OchreError

if TYPE_CHECKING:
    from ochredb.remote.http import Address


class Options(NamedTuple):
    """How a folder is opened; see `PersistentClient`."""

    wait: float = 10.0
    read_only: bool = False
    network: bool = False
    memory_limit: int | None = None


OPTIONS = Options()


class Lease:
    """A client's share in an engine."""

    awaited = False

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


class Sole:
    """An engine that is one client's alone, as the share that the client has in it.

    Args:
        engine: It is closed with the client.
        awaited: Whether its verbs are coroutines.
    """

    in_memory = False

    def __init__(self, engine: Engine, *, awaited: bool = False) -> None:
        self.engine = engine
        self.awaited = awaited

    def release(self) -> Any:
        """Close the engine; give what closing it gives, which is to be awaited if its verbs are."""
        return self.engine.close()


Share: TypeAlias = Lease | Sole


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


def settled(settings: Settings, *, asynchronous: bool = False) -> Share:
    """Share what settings name: the database in memory, with `is_persistent` the one in `persist_directory`, or with
    one of `REMOTE` a server.

    Raises:
        BadValue: They name an implementation that Chroma does not have, or a server without an address.
    """
    if settings.chroma_api_impl in REMOTE:
        return server(address.address(settings), asynchronous=asynchronous)
    if settings.chroma_api_impl not in LOCAL:
        raise BadValue(
            f"Unsupported Chroma API implementation {settings.chroma_api_impl}; leave it out, or use {LOCAL[0]}"
        )
    return folder(settings.persist_directory) if settings.is_persistent else memory()


def server(at: "Address", *, asynchronous: bool = False) -> "Sole":
    """Have an engine that asks a server, for a client alone: its connections are its own, as in Chroma."""
    from ochredb.remote.http import AsyncHttpEngine, HttpEngine

    if asynchronous:
        engine: Any = AsyncHttpEngine(at)  # its verbs are awaited: see `Sole.awaited`
        return Sole(engine, awaited=True)
    return Sole(HttpEngine(at))


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


def engine(url: str, token: str | None = None) -> Engine:
    """Open what a URL names: `file:./data`, `memory:`, `http://host:8000`, or another of `ENGINES`.

    Args:
        url: It.
        token: A key to a server, which is sent as a bearer's; None is none, or that of the environment.

    Raises:
        BadValue: Its scheme is not one of those, or another part of it means nothing.
        NotSupported: The engine needs a package that is not installed.
    """
    scheme = _scheme(url)
    if token is None:
        return ENGINES[scheme](url)
    if ENGINES[scheme] is not _http:
        raise BadValue(f"a token is for http: and https:, and the URL is {url!r}")
    return _http(url, {"Authorization": f"Bearer {token}"})


def share(url: str) -> Share:
    """Share what a URL names: a folder and the database in memory with the other clients of this process.

    Raises:
        BadValue: As `engine`.
        NotSupported: Likewise.
    """
    scheme = _scheme(url)
    if scheme == "memory":
        return memory()
    return folder(_path(url)) if scheme == "file" else Sole(engine(url))


def _scheme(url: str) -> str:
    scheme, colon, _ = url.partition(":")
    if not colon or scheme.lower() not in ENGINES:
        known = ", ".join(f"{name}:" for name in ENGINES)
        raise BadValue(f"expected a URL that begins with one of {known}, got {url!r}")
    return scheme.lower()


def _path(url: str) -> Path:
    path = url.partition(":")[2]
    return Path(path.removeprefix("//") if path.startswith("///") else path)


def _file(url: str) -> Engine:
    from ochredb.local.engine import LocalEngine

    return LocalEngine(_path(url))


def _memory(url: str) -> Engine:
    from ochredb.local.engine import LocalEngine

    del url  # there is nothing more to say
    return LocalEngine(None)


def _http(url: str, headers: dict[str, str] | None = None) -> Engine:
    from ochredb.remote.http import HttpEngine

    at = address.read(url)
    return HttpEngine(replace(at, headers={**at.headers, **(headers or {})}))


def _milvus(url: str) -> Engine:
    from ochredb.remote import milvus

    return milvus.engine(url)


def _qdrant(url: str) -> Engine:
    from ochredb.remote import qdrant

    return qdrant.engine(url)


ENGINES: dict[str, Callable[[str], Engine]] = {
    "file": _file,
    "memory": _memory,
    "http": _http,
    "https": _http,
    "milvus": _milvus,
    "qdrant": _qdrant,
}
"""What opens the engine of each scheme, given the whole URL; it imports the engine."""
