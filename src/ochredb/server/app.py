"""Chroma's wire over any engine, as an ASGI application."""

import os
from collections.abc import Callable
from functools import partial

from msgspec import Struct
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from ochredb.core.engine import Engine
from ochredb.server.admission import admission
from ochredb.server.api import Api
from ochredb.server.auth import OPEN, Auth, Guard
from ochredb.server.directory import Directory
from ochredb.server.front import Front
from ochredb.server.intake import Crowd, Intake
from ochredb.server.metrics import Measured, Metrics
from ochredb.server.origins import Origins
from ochredb.server.pages import pages
from ochredb.server.settings import Settings
from ochredb.server.verbs import Shop
from ochredb.server.watch import ROLES, Watch
from ochredb.server.workers import Workers

_USUAL = Settings()
_NOBODY = Guard(None, None, anonymous=True)


class App:
    """An ASGI application; `close` waits for what is under way. The engine is not closed with it."""

    def __init__(self, app: ASGIApp, workers: Workers) -> None:
        self._app = app
        self._workers = workers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self._app(scope, receive, send)

    def close(self) -> None:
        """Wait for the engine work that was begun, and give back the threads."""
        self._workers.close()


def create_app(
    engine: Engine, settings: Settings = _USUAL, guard: Guard = _NOBODY, stats: Callable[[], Struct] | None = None
) -> App:
    """Put the wire before an engine.

    Args:
        engine: What is served; it stays the caller's to close.
        settings: Those of them that are not about addresses and logs.
        guard: Who may ask; everybody if not given.
        stats: Gives what the database holds, collection by collection, for `/stats`.
    """
    limits, origins = settings.limits, settings.cors_allow_origins
    workers, metrics = Workers(settings.threads or max(2, os.cpu_count() or 1)), Metrics(engine)
    shop = Shop(engine, Directory(engine), settings.allow_reset, min(settings.batch, limits.rows))
    api = Api(shop, pages(Watch(engine, metrics, stats).routes), workers, settings.timeout, admission(limits))
    layers: list[Callable[[ASGIApp], ASGIApp]] = [
        partial(Measured, metrics=metrics),
        *([] if not origins else [partial(_cors, origins=origins)]),  # a page may read errors, too
        Front,
        partial(Origins, allowed=origins, local=lambda: guard.open and not settings.allow_anonymous),
        partial(Auth, guard=guard, names=lambda collection: engine.get_collection_by_id(collection).name, roles=ROLES),
        partial(Crowd, limits=limits, free=OPEN),
        partial(Intake, limits=limits),
    ]
    app: ASGIApp = api
    for layer in reversed(layers):
        app = layer(app)
    return App(app, workers)


def _cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    return CORSMiddleware(app, allow_origins=origins, allow_methods=["*"], allow_headers=["*"])
