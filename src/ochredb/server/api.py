"""Chroma's routes: decode, verb, encode, off the event loop."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ochredb.chroma import wire
from ochredb.chroma.operations import Match, Operation, methods
from ochredb.core.errors import OchreError, OverdueError
from ochredb.server.asked import asked
from ochredb.server.auth import CALLER
from ochredb.server.verbs import VERBS, Call, Shop
from ochredb.server.workers import Workers


class SlowRequest(OchreError):
    """A body that did not come in time."""

    status = 408
    headers: ClassVar[dict[str, str]] = {"connection": "close"}


class Gone(Exception):
    """The caller hung up before the body had come."""


class Api:
    """An ASGI application that answers Chroma's routes.

    Args:
        shop: What all calls share.
        elsewhere: Asked for every other path.
        workers: Where engine work is done.
        timeout: Seconds that a body may take to come, and then again that the answer may take.
        inspect: Called with the scope, the operation and the decoded body, to refuse it.
    """

    def __init__(
        self,
        shop: Shop,
        elsewhere: ASGIApp,
        workers: Workers,
        timeout: float,
        inspect: Callable[[Scope, Operation, Any], None],
    ) -> None:
        self._shop = shop
        self._elsewhere = elsewhere
        self._workers = workers
        self._timeout = timeout
        self._inspect = inspect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        match = asked(scope)
        if match is not None:
            response = await self._answer(match, scope, receive)
        elif allowed := methods(scope["raw_path"].decode("latin-1")):
            response = Response(status_code=405, headers={"allow": ",".join(allowed)})
        else:
            await self._elsewhere(scope, receive, send)
            return
        await response(scope, receive, send)

    async def _answer(self, match: Match, scope: Scope, receive: Receive) -> Response:
        headers, operation = Headers(scope=scope), match.operation
        reads = wire.JSON if operation.request is None else wire.media_type(headers.get("content-type"))
        writes = wire.accepted(headers.get("accept"))
        data = b"" if operation.request is None else await self._body(receive)

        def work() -> bytes:
            body = None if operation.request is None else wire.decode(data, operation.request, reads)
            self._inspect(scope, operation, body)
            parameters = _parameters(operation, scope["query_string"])
            key = scope.get(CALLER)
            caller = (None, None) if key is None else (key.tenant, key.database)
            exact = (reads == wire.RECORDS, writes == wire.RECORDS)
            answer = VERBS[operation.name](Call(self._shop, match.values, parameters, body, *exact, caller))
            return wire.encode(answer, writes)

        answer = await self._within(work, writing=operation.role != "reader")
        return Response(answer, operation.status, media_type=writes)

    async def _body(self, receive: Receive) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                return await _read(receive)
        except TimeoutError as error:
            raise SlowRequest(f"the body did not come within {self._timeout:g} seconds") from error

    async def _within(self, work: Callable[[], bytes], writing: bool) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._workers.run(work, writing=writing)
        except TimeoutError as error:
            raise OverdueError(
                f"no answer within {self._timeout:g} seconds; a write may still be done: look before you repeat it"
            ) from error


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _parameters(operation: Operation, query: bytes) -> Any:
    if operation.parameters is None:
        return None
    return wire.query_string(dict(parse_qsl(query.decode("latin-1"))), operation.parameters)
