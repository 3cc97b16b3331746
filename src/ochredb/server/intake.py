"""What of a request is let in: so many at a time, headers and bodies of bounded size, bodies unpacked."""

import asyncio
import zlib
from typing import ClassVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ochredb.core.errors import BadMediaType, BatchSizeExceededError, InvalidArgumentError, OchreError, RateLimitError
from ochredb.server.credentials import header
from ochredb.server.limits import Limits

_PIECE = 1 << 20  # what is unpacked in one go: a millisecond or two, in which nobody else is served
_PACKED = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
"""The encodings that are read, and zlib's name for each (RFC 9110, 8.4.1)."""


class Crowded(RateLimitError):
    """More requests at a time than the server takes."""

    headers: ClassVar[dict[str, str]] = {"retry-after": "1"}


class HeadersTooLarge(OchreError):
    """Headers, or a path, that are longer than the server reads."""

    status = 431


class Crowd:
    """Middleware that takes a bounded number of requests at a time, and sends the others away.

    Args:
        app: What is behind it.
        limits: How many.
        free: Paths that are answered however many there are.
    """

    def __init__(self, app: ASGIApp, limits: Limits, free: frozenset[str]) -> None:
        self._app = app
        self._most = limits.requests
        self._free = free
        self._now = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http" or scope["path"] in self._free:
            await self._app(scope, receive, send)
            return
        if self._now >= self._most:
            raise Crowded(f"{self._now} requests are under way, and this server takes no more (its setting 'requests')")
        self._now += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._now -= 1


class Intake:
    """Middleware that bounds headers and bodies, and unpacks bodies that come compressed.

    Args:
        app: What is behind it; it never sees a `content-encoding`.
        limits: The bounds.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse what is too large by its headers, and pass on what is counted while it comes."""
        if scope["type"] == "http":
            self._refuse_headers(scope)
            encoding = header(scope["headers"], b"content-encoding").strip().lower()
            self._refuse_length(header(scope["headers"], b"content-length"))
            if encoding not in ("", "identity"):
                scope, receive = _unpacked(scope), Unpacking(receive, _window(encoding), self._limits.body_bytes)
            else:
                receive = Counting(receive, self._limits.body_bytes)
        await self._app(scope, receive, send)

    def _refuse_headers(self, scope: Scope) -> None:
        limit = self._limits.header_bytes
        came = sum(len(name) + len(value) + 4 for name, value in scope["headers"])  # with ": " and the end of the line
        if came + len(scope["raw_path"]) + len(scope["query_string"]) > limit:
            raise HeadersTooLarge(f"headers, path and query string are longer than {limit:,} bytes together")

    def _refuse_length(self, length: str) -> None:
        if length.isascii() and length.isdigit() and int(length[:20]) > self._limits.body_bytes:
            raise _too_large(self._limits.body_bytes)


class Counting:
    """ASGI's `receive` for a body of bounded size."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._came = 0

    async def __call__(self) -> Message:
        """Give the next part of the body."""
        message = await self._receive()
        self._count(message.get("body", b""))
        return message

    def _count(self, part: bytes) -> None:
        self._came += len(part)
        if self._came > self._most:
            raise _too_large(self._most)


class Unpacking(Counting):
    """ASGI's `receive` for a compressed body: parts of it unpacked, of at most a megabyte, counted as they come out.

    What a caller sends never takes more memory than the bound, however much it would unpack to.
    """

    def __init__(self, receive: Receive, window: int, most: int) -> None:
        super().__init__(receive, most)
        self._unpacker = zlib.decompressobj(window)
        self._packed = b""
        self._more = True  # of the packed body
        self._full = False  # the last part may have left something in the unpacker

    async def __call__(self) -> Message:
        """Give the next part of what the body unpacks to."""
        while True:
            if self._packed or self._full:
                await asyncio.sleep(0)  # others are served between the parts
            elif self._more:
                message = await self._receive()
                if message["type"] != "http.request":
                    return message
                self._packed, self._more = message.get("body", b""), message.get("more_body", False)
            part = self._unpack()
            if part or not self._unfinished:
                return {"type": "http.request", "body": part, "more_body": self._unfinished}

    @property
    def _unfinished(self) -> bool:
        return bool(self._more or self._packed or self._full)

    def _unpack(self) -> bytes:
        try:
            part = self._unpacker.decompress(self._packed, _PIECE)
        except zlib.error as error:
            raise InvalidArgumentError(f"the body is not what its content-encoding says: {error}") from error
        self._packed, self._full = self._unpacker.unconsumed_tail, len(part) == _PIECE
        self._count(part)
        if self._unpacker.unused_data or (not self._unfinished and not self._unpacker.eof):
            raise InvalidArgumentError("the compressed body is cut off, or goes on behind its end")
        return part


def _too_large(most: int) -> BatchSizeExceededError:
    return BatchSizeExceededError(
        f"Payload too large: this server takes bodies of {most:,} bytes, unpacked, at most (its setting 'body_bytes'); "
        "send the records in several calls"
    )


def _window(encoding: str) -> int:
    if encoding not in _PACKED:
        raise BadMediaType(f"content-encoding: expected one of {', '.join(_PACKED)}, got {encoding[:100]!r}")
    return _PACKED[encoding]


def _unpacked(scope: Scope) -> Scope:
    gone = (b"content-encoding", b"content-length")
    return {**scope, "headers": [(name, value) for name, value in scope["headers"] if name not in gone]}
