"""HTTP/1.1 on a connection, as uvicorn speaks it, and an end to clients that hang."""

import asyncio

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class Config(uvicorn.Config):
    """What uvicorn is told, and more.

    Args:
        head_timeout: Seconds that the head of a request may take to come.
        head_bytes: How long a head may be.
        take_timeout: Seconds in which a caller has to take something of an answer.
    """

    head_timeout: float = 10.0
    take_timeout: float = 60.0
    head_bytes: int = 64 << 10


class Protocol(HttpToolsProtocol):
    """A connection.

    It is closed where a head is late or too large, where a body goes on long after its answer, and where an answer is
    not taken.
    """

    config: Config

    _late: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop()
        if self._untaken is not None:
            self._untaken.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; of a head that has not ended, only so much."""
        if self._late is None and (self._in_head or self.cycle.response_complete):
            self._wait()
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.config.head_bytes and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        """Wait for the rest of the head."""
        if self._late is None:
            self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Wait no longer: from here on the application watches the time."""
        self._in_head = False
        self._stop()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._in_head, self._head_bytes = True, 0
        self._stop()
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Write no more for now; and see to it that what is written is taken."""
        super().pause_writing()
        if self._untaken is None:
            self._watch()

    def _watch(self) -> None:
        size = self.transport.get_write_buffer_size()
        self._untaken = self.loop.call_later(self.config.take_timeout, self._look, size) if size else None

    def _look(self, before: int) -> None:
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()  # closing would wait until all is taken
        else:
            self._watch()

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.config.head_timeout, self.transport.close)

    def _stop(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
