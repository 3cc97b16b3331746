"""HTTP/1.1 on a connection, as uvicorn speaks it, and an end to clients that hang."""

import asyncio
import re

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_OFFER = b"upgrade:"
_USUAL = b"pgrade:"
"""Whether the head of a next request can be in what comes of a body is told by this, as it is found so fast."""
_OFFERS = re.compile(rb"^upgrade:", re.IGNORECASE | re.MULTILINE)


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
    _held = b""
    _within_line = False

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
        self._pass_on(self._held + data)
        if self._in_head and self._head_bytes > self.config.head_bytes and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _pass_on(self, data: bytes) -> None:
        """Give the parser what came, but for offers in a head to speak another protocol.

        The clients of Java and curl make them. A server that does not take them up may answer as if there were none;
        the parser, however, drops all that comes after such a head. So they are called something else.
        """
        begin = data.rfind(b"\n") + 1
        line = data[begin : begin + len(_OFFER) + 1]  # of a body the rest may be long, and a longer one is no beginning
        about_to = _OFFER.startswith(line.lower()) and (begin > 0 or not self._within_line)
        self._held = line if about_to else b""
        data, at = data[: len(data) - len(self._held)], 0
        for offer in _OFFERS.finditer(data) if self._in_head or _USUAL in data else ():
            if offer.start() or not self._within_line:
                self._feed(data[at : offer.start()])
                at = offer.start()
                if self._in_head:
                    self._feed(b"x-")
        self._feed(data[at:])
        if data:
            self._within_line = not data.endswith(b"\n")
        if self._held and not self._in_head:
            self._feed(self._held)
            self._held, self._within_line = b"", True
        elif self._held and self._late is None:
            self._wait()

    def _feed(self, data: bytes) -> None:
        if data and not self.transport.is_closing():
            super().data_received(data)

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
