"""The bytes on the socket, blocking and asynchronous: one attempt at a request each; httpx2 does it.

Both have the same methods, coroutines; those of the blocking one block their thread and never give way.
"""

import os
import ssl
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from ochredb.core.errors import BadValue, ClosedError
from ochredb.remote.http.address import Address
from ochredb.remote.http.message import Answer, Request, Silence
from ochredb.version import __version__

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from httpx2 import AsyncClient, Client, RequestError, Response


class Transport(Protocol):
    """What carries requests to one server."""

    address: Address

    async def send(self, request: Request) -> Answer | Silence:
        """Make a request once."""
        ...

    async def pause(self, seconds: float) -> None:
        """Let some time pass."""
        ...

    async def close(self) -> None:
        """Give back the connections; closing twice is harmless."""
        ...


class BlockingTransport:
    """Carries requests by the threads of its callers; connections are shared by all of them.

    Args:
        address: The server.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._made = self._open()
        self._process = os.getpid()
        self._closed = False

    async def send(self, request: Request) -> Answer | Silence:
        """Make a request once."""
        from httpx2 import RequestError

        try:
            return _answer(self._client().request(request.method, **_parts(self.address, request)))
        except RequestError as error:
            return _silence(error)

    async def pause(self, seconds: float) -> None:
        """Let some time pass."""
        time.sleep(seconds)

    async def close(self) -> None:
        """Give back the connections."""
        self._closed = True
        self._made.close()

    def _client(self) -> "Client":
        if self._closed:
            raise _closed(self.address)
        if self._process != os.getpid():  # a child that was forked must not read what its parent asked for
            self._made, self._process = self._open(), os.getpid()
        return self._made

    def _open(self) -> "Client":
        from httpx2 import Client

        return Client(**_options(self.address))


class AsyncTransport:
    """Carries requests within event loops; the connections of each loop are its own.

    Args:
        address: The server.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._options = _options(address)
        self._made: WeakKeyDictionary[AbstractEventLoop, AsyncClient] = WeakKeyDictionary()
        self._closed = False

    async def send(self, request: Request) -> Answer | Silence:
        """Make a request once."""
        from httpx2 import RequestError

        try:
            return _answer(await self._client().request(request.method, **_parts(self.address, request)))
        except RequestError as error:
            return _silence(error)

    async def pause(self, seconds: float) -> None:
        """Let some time pass."""
        import asyncio

        await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Give back the connections of the running loop; those of others went with them."""
        import asyncio

        self._closed = True
        client = self._made.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()

    def _client(self) -> "AsyncClient":
        import asyncio

        from httpx2 import AsyncClient

        if self._closed:
            raise _closed(self.address)
        loop = asyncio.get_running_loop()
        if loop not in self._made:
            self._made[loop] = AsyncClient(**self._options)
        return self._made[loop]


def _options(address: Address) -> dict[str, Any]:
    from httpx2 import URL, InvalidURL, Limits

    try:
        host = URL(address.url).host
    except InvalidURL as error:
        raise BadValue(f"Invalid URL {address.url!r}: {error}") from error
    if not host:
        raise BadValue(f"Invalid URL {address.url!r}: expected scheme://host, like http://localhost:8000")
    limits = Limits(
        max_connections=address.connections,
        max_keepalive_connections=address.idle,
        keepalive_expiry=address.keepalive,
    )
    headers = {"User-Agent": f"Ochre Python Client v{__version__}", **address.headers}
    return {"headers": headers, "verify": address.trust(), "timeout": address.timeout, "limits": limits}


def _parts(address: Address, request: Request) -> dict[str, Any]:
    return {"url": address.url + request.target, "content": request.content, "headers": request.headers}


def _answer(response: "Response") -> Answer:
    return Answer(response.status_code, response.headers, response.content)


def _silence(error: "RequestError") -> Silence:
    from httpx2 import ConnectError, ConnectTimeout, PoolTimeout, ProxyError, TimeoutException, UnsupportedProtocol

    untrusted = any(isinstance(cause, ssl.SSLError) for cause in _causes(error))
    return Silence(
        error,
        begun=not isinstance(error, ConnectError | ConnectTimeout | PoolTimeout),
        overdue=isinstance(error, TimeoutException),
        lasting=untrusted or isinstance(error, ProxyError | UnsupportedProtocol),
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _closed(address: Address) -> ClosedError:
    return ClosedError(f"the client of {address.url} was closed; open a new one")
