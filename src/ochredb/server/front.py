"""What stands before everything else: a name for each request, errors as Chroma writes them, and a line in the log."""

import logging
import time
import traceback
from asyncio import CancelledError
from pathlib import Path
from typing import Any
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ochredb.chroma import wire
from ochredb.chroma.bodies import Failure
from ochredb.core.errors import BusyError, InternalError, NotSupported, OchreError, OverdueError
from ochredb.server.api import Gone
from ochredb.server.auth import CALLER

REQUEST = "ochre.request"
"""Where in an ASGI scope the name of the request stands: 32 hexadecimal digits, as Chroma's trace ids."""

_access = logging.getLogger("ochredb.access")
_faults = logging.getLogger("ochredb.server")
_STOPPING = OverdueError("the server is stopping and waits no longer; what was asked for may still be done")
_TELLING = (NotSupported, OverdueError)
"""Faults whose texts are made for the caller; any other may name a folder or a process of this machine."""


class Front:
    """Middleware that every other stands behind: what they raise is an answer here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; refuse what raises; log."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, send)
        try:
            await self._app(scope, receive, visit.send)
        except Gone:
            visit.status = 499  # as nginx says it: nobody was there to be answered
        except CancelledError:  # the server stops, and has waited for as long as it was to
            await self._refuse(visit, _STOPPING, receive)
        except OchreError as error:
            await self._refuse(visit, error, receive)
        except Exception as error:
            await self._refuse(visit, InternalError(type(error).__name__), receive, error)
        finally:
            visit.log()

    async def _refuse(
        self, visit: "_Visit", error: OchreError, receive: Receive, cause: Exception | None = None
    ) -> None:
        told = wire.failure(error)
        if error.status >= 500 and not isinstance(error, _TELLING):
            _faults.error("request %s: %s", visit.id, _place(cause or error))
            told = Failure(told.error, _discreet(error, visit.id))
        if visit.status is None:
            headers = getattr(error, "headers", None)
            answer = Response(wire.encode(told), error.status, headers, wire.JSON)
            await answer(visit.scope, receive, visit.send)


class _Visit:
    """One request, from its first byte to its line in the log."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = uuid4().hex
        self.scope = scope
        self.status: int | None = None
        self._bytes = 0
        self._send = send
        self._began = time.perf_counter()
        scope[REQUEST] = self.id

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the name of the request in its head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)["chroma-trace-id"] = self.id
        else:
            self._bytes += len(message.get("body", b""))
        await self._send(message)

    def log(self) -> None:
        """Write the line."""
        if _access.isEnabledFor(logging.INFO):
            _access.info("request", extra={"fields": self._fields()})

    def _fields(self) -> dict[str, Any]:
        key, client = self.scope.get(CALLER), self.scope.get("client")
        return {
            "request": self.id,
            "client": client[0] if client else None,
            "key": None if key is None else key.name,
            "method": self.scope["method"],
            "path": self.scope["raw_path"].decode("latin-1"),
            "status": self.status,
            "bytes": self._bytes,
            "ms": round((time.perf_counter() - self._began) * 1000, 3),
        }


def _discreet(error: OchreError, request: str) -> str:
    if isinstance(error, BusyError):
        return "the database is busy: another process is writing to it; try again"
    return f"the server failed; its log has more of request {request}"


def _place(error: BaseException) -> str:
    """Give the class of an error and where it came from, without text or folder: those may be the user's own."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " <- ".join(f"{Path(frame.filename).stem}:{frame.lineno}" for frame in reversed(frames))
    cause = error.__cause__
    return f"{type(error).__name__} at {places}" + (f", from {_place(cause)}" if cause is not None else "")
