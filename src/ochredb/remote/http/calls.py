"""One call of a server: its operation in the table -> a request -> an answer or an error, made again where that is
harmless.
"""

import random
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import msgspec

from ochredb.chroma import wire
from ochredb.chroma.bodies import PreFlight
from ochredb.chroma.operations import BY_NAME
from ochredb.core.errors import InternalError, NotFoundError, OchreError, OverdueError, UnreachableError
from ochredb.remote.http.message import Answer, Request, Silence
from ochredb.remote.http.transport import Transport

FIRST_PAUSE = 0.2
"""Seconds before the second attempt, about; before each further one it is twice as long."""
LONGEST_PAUSE = 30.0

ONCE = frozenset((
    "create_tenant", "create_database", "delete_database", "create_collection", "delete_collection", "delete", "fork",
    "attach_function", "detach_function",
))  # fmt: skip
"""The operations that are another thing when they are done twice.

Records are written by id, so that writing them again changes nothing; what is removed or created again is an error, or
another count.
"""


class Calls:
    """Calls of a server.

    Args:
        transport: What carries them.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._rules: PreFlight | None = None

    async def _call(
        self,
        operation_name: str,
        body: Any = None,
        parameters: Any = None,
        /,
        *,
        media: str = wire.JSON,
        again: bool | None = None,
        retries: int | None = None,
        **values: str,
    ) -> Any:
        """Ask for an operation and give the body of the answer.

        Args:
            operation_name: The operation's.
            body: What it is to be told.
            parameters: The query string.
            media: The content type of both bodies.
            again: Whether it may be asked for again; None is what `ONCE` says.
            retries: How often; None is what the address says.
            values: What stands in its path.
        """
        operation = BY_NAME[operation_name]
        given = {} if parameters is None else msgspec.to_builtins(parameters)
        query = urlencode({key: value for key, value in given.items() if value is not None})
        request = Request(
            operation.method,
            operation.url(**values) + (f"?{query}" if query else ""),
            media,
            None if body is None else wire.encode(body, media),
            operation_name not in ONCE if again is None else again,
        )
        answer = await self._answer(request, self._transport.address.retries if retries is None else retries)
        try:
            return wire.decode(answer.data, operation.response, answer.media)
        except OchreError as error:
            raise InternalError(
                f"{self._where(request)}: expected an answer as Chroma's servers give it, got {answer.data[:200]!r}: "
                f"{error}"
            ) from error

    async def _rules_of_server(self) -> PreFlight:
        """Give what the server says of itself; asked once."""
        if self._rules is None:
            try:
                self._rules = await self._call("pre_flight_checks")
            except NotFoundError:  # a server older than the question
                self._rules = PreFlight()
        return self._rules

    async def _answer(self, request: Request, retries: int) -> Answer:
        """Give the answer to a request that is made again so many times, if that may help.

        Raises:
            OchreError: The class that the answer names, if it is an error.
            OverdueError: None came in time.
            UnreachableError: None came.
        """
        got = await self._transport.send(request)
        for pause in _pauses(retries):
            if isinstance(got, Answer) and got.status < 300:
                return got
            if not got.may_pass(request):
                break
            await self._transport.pause(min(got.wait or pause, LONGEST_PAUSE))
            got = await self._transport.send(request)
        if isinstance(got, Silence):
            raise self._lost(got, request) from got.error
        if got.status >= 300:
            raise wire.raised(got.status, got.data, got.media, got.headers.get("chroma-trace-id"))
        return got

    def _lost(self, got: Silence, request: Request) -> OchreError:
        where, told = self._where(request), f"{type(got.error).__name__}: {got.error}".removesuffix(": ")
        if got.overdue:
            limit = self._transport.address.timeout
            return OverdueError(f"{where}: no answer within {limit} seconds ({told}); give a longer timeout")
        if got.begun and not request.again:
            return UnreachableError(f"{where}: no answer and it is not known whether it was done: {told}")
        return UnreachableError(f"{where}: no answer: {told}; is the server running, and is this its address?")

    def _where(self, request: Request) -> str:
        return f"{request.method} {self._transport.address.url}{request.target.partition('?')[0]}"


def _pauses(retries: int) -> Iterator[float]:
    for attempt in range(retries):
        # Of many clients that lost the same server, not all come back at once.
        yield FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0)
