"""A server from start to stop."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn
from msgspec.structs import replace

from ochredb.core.engine import Engine
from ochredb.core.errors import BadValue
from ochredb.server.app import App, create_app
from ochredb.server.auth import Guard
from ochredb.server.binding import refuse_certificate, refuse_exposed, warn_if_exposed
from ochredb.server.door import CLOSED, CLOSED_VARIABLE, READY, VARIABLE, keep_door, listeners
from ochredb.server.inherited import inherited
from ochredb.server.journal import close_journal, open_journal
from ochredb.server.keys import KeyFile
from ochredb.server.protocol import Config, Protocol
from ochredb.server.settings import Settings

_SWITCH_SECONDS = 0.001
"""How long a thread may keep the interpreter from the others, the event loop among them; Python's usual is 5 ms."""


def serve(
    settings: Settings,
    open_engine: Callable[[], Engine],
    keys: Path | None,
    *,
    variables: Mapping[str, str] = os.environ,
    stats: Callable[[], Any] | None = None,
    ready: Callable[[str], None] | None = None,
) -> None:
    """Serve an engine until SIGTERM or SIGINT; what was accepted by then is finished.

    Args:
        settings: All of them.
        open_engine: Opens what is to be served, once nothing is against it; it is closed at the end.
        keys: The file of keys, whether there is one yet or not; None where there is no place for one.
        variables: The environment, in which Chroma's own settings of authentication are looked for.
        stats: As in `create_app`.
        ready: Called with the URL as soon as the server answers.

    Raises:
        BadValue: Nobody may start such a server: it would be open to strangers, the address is taken or is none, or a
            setting means nothing.
        InternalError: One of several processes could not start.
    """
    guard = Guard(None if keys is None else KeyFile(keys), inherited(variables), anonymous=True)
    certificate = _path(settings.tls_cert), _path(settings.tls_key)
    refuse_certificate(*certificate)
    refuse_exposed(settings.listen_address, guard, settings.allow_anonymous)
    door = variables.get(VARIABLE)
    if variables.get(CLOSED_VARIABLE):
        guard.close()
    with ExitStack() as stack:
        stack.callback(close_journal, open_journal(settings))
        if door is None:
            warn_if_exposed(settings.listen_address, guard)
        stack.enter_context(_leaving_by_signal() if door is None else _staying())
        sockets = listeners(settings.listen_address, settings.port) if door is None else []
        for listening in sockets:
            stack.enter_context(listening)
        if door is None and settings.workers > 1:
            _refuse_unshared(settings)
            keep_door(sockets, settings.workers, guard.wants_keys, lambda port: _tell(ready, settings, port))
            return
        engine = stack.enter_context(closing(open_engine()))
        app = stack.enter_context(closing(create_app(engine, _share(settings), guard, stats)))
        before = sys.getswitchinterval()
        stack.callback(sys.setswitchinterval, before)
        sys.setswitchinterval(_SWITCH_SECONDS)
        config = _config(app, settings)
        if door is None:
            _Server(config, lambda port: _tell(ready, settings, port)).run(sockets)
        else:
            _BehindDoor(config, socket.socket(fileno=int(door)), guard.close).run()


class _Server(uvicorn.Server):
    """Uvicorn's, that says when it answers, and on which port."""

    def __init__(self, config: Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and tell."""
        await super().startup(sockets)
        self._ready(self.servers[0].sockets[0].getsockname()[1])


class _BehindDoor(uvicorn.Server):
    """Uvicorn's, that listens nowhere: its connections come from the door.

    Args:
        config: As uvicorn's.
        door: The socket that they come by. When it is closed, the server ends as it does on a signal; signals are for
            the door.
        close: Called when there are keys.
    """

    config: Config

    def __init__(self, config: Config, door: socket.socket, close: Callable[[], None]) -> None:
        super().__init__(config)
        self._door = door
        self._close = close
        self._coming: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: Any = None) -> None:
        """Say that connections are welcome."""
        del sockets
        await super().startup([])
        self._door.setblocking(False)
        asyncio.get_running_loop().add_reader(self._door, self._take)
        with suppress(OSError):  # the door was closed meanwhile, which is read next
            self._door.send(READY)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take none."""
        yield

    async def shutdown(self, sockets: Any = None) -> None:
        """Take what has been handed over, and no more."""
        asyncio.get_running_loop().remove_reader(self._door)
        while self._take():
            pass
        if self._coming:
            _, silent = await asyncio.wait(self._coming, timeout=self.config.timeout_graceful_shutdown)
            for task in silent:
                task.cancel()
        await super().shutdown(sockets)

    def _take(self) -> bool:
        """Take one connection, if there is one."""
        try:
            said, handed, _, _ = socket.recv_fds(self._door, 1, 1)
        except OSError:
            return False
        if not said:
            asyncio.get_running_loop().remove_reader(self._door)
            self.should_exit = True
        if said == CLOSED:
            self._close()
        for descriptor in handed:
            task = asyncio.create_task(self._serve_connection(socket.socket(fileno=descriptor)))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)
        return bool(said)

    async def _serve_connection(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        ssl = self.config.ssl
        patience = None if ssl is None else self.config.head_timeout
        with suppress(OSError):  # who has gone again, or does not speak TLS
            await asyncio.get_running_loop().connect_accepted_socket(
                self._protocol, connection, ssl=ssl, ssl_handshake_timeout=patience
            )

    def _protocol(self) -> Protocol:
        return Protocol(self.config, self.server_state, self.lifespan.state)


def _refuse_unshared(settings: Settings) -> None:
    if settings.engine is not None and settings.engine.startswith("memory:"):
        raise BadValue(f"workers: a database in memory is one process's own, so 1 is wanted, got {settings.workers}")


def _share(settings: Settings) -> Settings:
    """Give a process its share of what the whole server may take on."""
    requests = max(settings.limits.requests // settings.workers, 1)
    return replace(settings, limits=replace(settings.limits, requests=requests))


def _tell(ready: Callable[[str], None] | None, settings: Settings, port: int) -> None:
    if ready is not None:
        host = settings.listen_address
        scheme = "http" if settings.tls_cert is None else "https"
        ready(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")


def _config(app: App, settings: Settings) -> Config:
    config = Config(
        app,
        host=settings.listen_address,
        port=settings.port,
        http=Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.keep_alive,  # type: ignore[arg-type] # it is given to call_later, which takes any
        timeout_graceful_shutdown=settings.grace,  # type: ignore[arg-type] # it is given to wait_for, likewise
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
    )
    config.head_timeout, config.take_timeout = settings.head_timeout, settings.timeout
    config.head_bytes = settings.limits.header_bytes + (16 << 10)  # what is a little too long is refused in words
    return config


@contextmanager
def _leaving_by_signal() -> Iterator[None]:
    """Leave by way of every `finally`: uvicorn, when it is done, raises the signal again that stopped it."""
    before = {number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    del number, frame
    for one in (signal.SIGTERM, signal.SIGINT):  # leaving takes as long as it takes, whoever says it again
        signal.signal(one, signal.SIG_IGN)
    raise SystemExit(0)


@contextmanager
def _staying() -> Iterator[None]:
    """Hear no signal: a terminal sends them to the workers, too, and they end when the door does."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
