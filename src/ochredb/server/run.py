"""A server from start to stop."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from ochredb.core.engine import Engine
from ochredb.server.app import App, create_app
from ochredb.server.auth import Guard
from ochredb.server.binding import refuse_certificate, refuse_exposed, warn_if_exposed
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
        BadValue: Nobody may start such a server: it would be open to strangers, or a setting means nothing.
        SystemExit: The address is taken, or is none.
    """
    guard = Guard(None if keys is None else KeyFile(keys), inherited(variables), anonymous=True)
    certificate = _path(settings.tls_cert), _path(settings.tls_key)
    refuse_certificate(*certificate)
    refuse_exposed(settings.listen_address, guard, settings.allow_anonymous)
    with ExitStack() as stack:
        stack.callback(close_journal, open_journal(settings))
        warn_if_exposed(settings.listen_address, guard)
        stack.enter_context(_leaving_by_signal())
        engine = stack.enter_context(closing(open_engine()))
        app = stack.enter_context(closing(create_app(engine, settings, guard, stats)))
        before = sys.getswitchinterval()
        stack.callback(sys.setswitchinterval, before)
        sys.setswitchinterval(_SWITCH_SECONDS)
        _Server(_config(app, settings), ready).run()


class _Server(uvicorn.Server):
    """Uvicorn's, that says when it answers."""

    def __init__(self, config: Config, ready: Callable[[str], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: Any = None) -> None:
        """Listen, and tell."""
        await super().startup(sockets)
        if self._ready is None:
            return
        port = self.servers[0].sockets[0].getsockname()[1]
        host = self.config.host
        scheme = "https" if self.config.is_ssl else "http"
        self._ready(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")


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
    raise SystemExit(0)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
