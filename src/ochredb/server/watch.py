"""Our own routes, for those who run the server: is it alive, is it ready, what has it done, what does it hold."""

import asyncio
import logging
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct
from msgspec.structs import asdict
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ochredb.chroma.operations import Role
from ochredb.chroma.wire import JSON
from ochredb.core.engine import Engine
from ochredb.core.errors import InternalError, NotSupported, OchreError
from ochredb.core.figures import Watched
from ochredb.core.model import DEFAULT_TENANT
from ochredb.server.metrics import CONTENT_TYPE, Metrics

ROLES: dict[str, Role] = {"/metrics": "reader", "/stats": "reader"}
"""What these routes take, being about all tenants."""

_PATIENCE = 5.0  # seconds; who asks gives up soon after
_FRESH = 1.0  # seconds that an answer of the engine is good for: everybody may ask, and asking writes

_logger = logging.getLogger("ochredb.server")


class Readiness:
    """Whether an engine can read and write, asked once for all who want to know it at a time.

    Args:
        engine: One that is `Watched` is probed; of any other only a read is tried.
    """

    def __init__(self, engine: Engine) -> None:
        self._probe = engine.probe if isinstance(engine, Watched) else lambda: engine.get_tenant(DEFAULT_TENANT)
        self._lock = asyncio.Lock()
        self._asked = -_FRESH
        self._ready = False

    async def __call__(self) -> bool:
        """Tell it; False after five seconds without an answer."""
        async with self._lock:
            if time.monotonic() - self._asked >= _FRESH:
                self._ready = await self._try()
                self._asked = time.monotonic()
            return self._ready

    async def _try(self) -> bool:
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.to_thread(self._probe)
        except (OchreError, OSError, TimeoutError) as error:
            _logger.warning("not ready: %s", type(error).__name__)
            return False
        return True


class Watch:
    """The routes.

    Args:
        engine: What is served.
        metrics: Of this server.
        stats: Gives what the database holds, collection by collection; None where there is no such thing.
    """

    def __init__(self, engine: Engine, metrics: Metrics, stats: Callable[[], Struct] | None) -> None:
        self._readiness = Readiness(engine)
        self._metrics = metrics
        self._stats = stats

    @property
    def routes(self) -> list[Route]:
        """For a router of Starlette's."""
        return [
            Route("/healthz", self._alive),
            Route("/readyz", self._ready),
            Route("/metrics", self._measurements),
            Route("/stats", self._statistics),
        ]

    async def _alive(self, _: Request) -> Response:
        return Response(b'{"status":"alive"}', media_type=JSON)

    async def _ready(self, _: Request) -> Response:
        if await self._readiness():
            return Response(b'{"status":"ready"}', media_type=JSON)
        return Response(b'{"status":"not ready"}', 503, {"retry-after": "1"}, JSON)

    async def _measurements(self, _: Request) -> Response:
        return Response(await asyncio.to_thread(self._metrics.text), media_type=CONTENT_TYPE)

    async def _statistics(self, _: Request) -> Response:
        if self._stats is None:
            raise NotSupported("the engine behind this server cannot do 'stats': it has no folder")
        try:
            found = await asyncio.to_thread(self._stats)
        except OchreError as error:  # its text may name the folder
            raise InternalError(type(error).__name__) from error
        told = {name: value for name, value in asdict(found).items() if name != "folder"}
        return Response(msgspec.json.encode(told), media_type=JSON)
